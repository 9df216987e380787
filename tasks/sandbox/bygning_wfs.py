"""The building service of the sandbox: `app:Bygning` in GML 3.2, element by element as the register writes it."""

from __future__ import annotations

import uuid
from functools import lru_cache
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely import Point

from tasks.sandbox.crs import Crs, reproject
from tasks.sandbox.fes import Vilkaar, kommuner_av
from tasks.sandbox.gml import positions
from tasks.sandbox.kommune import Bygning, invent, numre
from tasks.sandbox.utkast import fakta
from tasks.sandbox.wfs import Tjeneste

PATH = "/skwms1/wfs.matrikkelen-bygningspunkt"
APP = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Matrikkelen-Bygningspunkt/20211101"
NAVNEROM = "https://data.geonorge.no/sosi/matrikkel/bygningspunkt"
FLERBOLIG = {"121", "131", "161"}


@lru_cache(maxsize=8)
def members(nummer: str, crs: Crs) -> tuple[tuple[str, bytes], ...]:
    """Return the buildings of an invented kommune as (kommunenummer of their own, `wfs:member`), in their order."""
    kommune = invent(nummer)
    shapes = np.empty(len(kommune.bygninger), dtype=object)
    shapes[:] = [bygning.punkt for bygning in kommune.bygninger]
    moved = reproject(shapes, crs)
    return tuple(
        (bygning.kommunenummer, _member(bygning, moved[k], crs=crs, navn=kommune.navn).encode())
        for k, bygning in enumerate(kommune.bygninger)
    )


def _medlemmer(vilkaar: Vilkaar | None, crs: Crs) -> list[bytes]:
    """Return the buildings registered in the kommuner asked for, or in all: a neighbour's are the neighbour's."""
    kommuner = kommuner_av(vilkaar)
    # A building is registered where it was invented, or in that kommune's neighbour: the others need not be drawn.
    near = [n for n in numre() if kommuner is None or {n, fakta()[n].nabo} & kommuner]
    every = (one for nummer in near for one in members(nummer, crs))
    return [member for registered, member in every if kommuner is None or registered in kommuner]


def _member(bygning: Bygning, point: Point | None, *, crs: Crs, navn: str) -> str:
    gid = f"bygning.{bygning.bygning_id}"
    enheter = 4 if bygning.bygningstype in FLERBOLIG else 1
    place = ""
    if point is not None:
        place = (
            f"<app:representasjonspunkt><!--Inlined geometry '{gid}_APP_REPRESENTASJONSPUNKT'-->"
            f'<gml:Point gml:id="{gid}_APP_REPRESENTASJONSPUNKT" srsName="{crs.navn}">'
            f"<gml:pos>{positions(shapely.get_coordinates(point), crs)}</gml:pos></gml:Point>"
            "</app:representasjonspunkt>"
        )
    return (
        f'<wfs:member><app:Bygning gml:id="{gid}"><app:oppdateringsdato>2026-07-14T09:55:43.330</app:oppdateringsdato>'
        "<app:stedfestingVerifisert>false</app:stedfestingVerifisert>"
        f"<app:bygningsnummer>{bygning.bygningsnummer}</app:bygningsnummer>"
        f"<app:bygningsstatus>{bygning.status}</app:bygningsstatus>"
        "<app:harKulturminne>false</app:harKulturminne><app:harSefrakminne>false</app:harSefrakminne>"
        "<app:opprinnelse>VanligRegistrering</app:opprinnelse>"
        f"<app:kommunenummer>{bygning.kommunenummer}</app:kommunenummer>"
        f"<app:kommunenavn>{escape(navn.upper())}</app:kommunenavn>"
        f"<app:bruksenhet>{''.join(_bruksenhet(bygning, k) for k in range(enheter))}</app:bruksenhet>"
        f"<app:naringsgruppe>X</app:naringsgruppe>{place}"
        f"<app:bygningstype>{bygning.bygningstype}</app:bygningstype>"
        f"<app:uuidBygning>{_uuid(0xB1D6, bygning.bygning_id)}</app:uuidBygning>"
        f"<app:identBygning><app:IdentBygning><app:bygningId>{bygning.bygning_id}</app:bygningId>"
        f"<app:navnerom>{NAVNEROM}</app:navnerom><app:versjonId>1</app:versjonId></app:IdentBygning></app:identBygning>"
        "</app:Bygning></wfs:member>\n"
    )


def _bruksenhet(bygning: Bygning, k: int) -> str:
    number = bygning.bygning_id * 10 + k
    return (
        f"<app:Bruksenhet><app:adresseId>{number}</app:adresseId><app:bruksenhetId>{number}</app:bruksenhetId>"
        f"<app:uuidBruksenhet>{_uuid(0xE0E7, number)}</app:uuidBruksenhet>"
        f"<app:matrikkelenhetId>{number}</app:matrikkelenhetId></app:Bruksenhet>"
    )


def _uuid(slag: int, nummer: int) -> uuid.UUID:
    """Return an id that looks like the register's and follows from the number."""
    return uuid.UUID(int=slag << 112 | 0x5000_8000 << 48 | nummer, version=5)


BYGNING = Tjeneste(
    sti=PATH,
    tittel="Matrikkelen – Bygningspunkt",
    sammendrag="Oppdiktede bygninger i oppdiktede kommuner.",
    objekttype="Bygning",
    navnerom=APP,
    elementer={
        "oppdateringsdato": "xs:dateTime",
        "stedfestingVerifisert": "xs:boolean",
        "bygningsnummer": "xs:integer",
        "bygningsstatus": "xs:string",
        "harKulturminne": "xs:boolean",
        "harSefrakminne": "xs:boolean",
        "opprinnelse": "xs:string",
        "kommunenummer": "xs:string",
        "kommunenavn": "xs:string",
        "bruksenhet": "xs:anyType",
        "naringsgruppe": "xs:string",
        "representasjonspunkt": "gml:PointPropertyType",
        "bygningstype": "xs:string",
        "uuidBygning": "xs:string",
        "identBygning": "xs:anyType",
    },
    medlemmer=_medlemmer,
)
