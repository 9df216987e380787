"""The draft of an invented kommune: its facts, and what the steps of its making put into it.

A plan object is a `PlanObjekt`: geometry in EPSG:25833 (or None) and properties under the flat names of the NAP
specification (`arealplanId.planidentifikasjon`); the server nests them where the real service does. A teig is a
`Teig`, key `teig_id`; a building a `Bygning`, key `bygning_id`.
"""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TypedDict

import numpy as np
from pydantic import BaseModel, ConfigDict
from shapely import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from tasks.sandbox.landskap import Landskap, Rect

KOPIDATO = "2026-10-05"
Verdi = str | int | float | list[str] | list[float] | None


class Fakta(BaseModel):
    """What config/sandbox.toml says of one invented kommune."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nummer: str
    navn: str
    epsg: int
    gammelt_nummer: str
    nabo: str
    origo: tuple[float, float]
    side_m: int
    soner: int
    teiger: int
    sentre: int
    seed: int
    oy: bool


@cache
def fakta() -> dict[str, Fakta]:
    """Return the facts of every invented kommune by kommunenummer, from config/sandbox.toml."""
    text = (files("config") / "sandbox.toml").read_text(encoding="utf-8")
    rows = [Fakta.model_validate(row) for row in tomllib.loads(text)["kommune"]]
    return {row.nummer: row for row in rows}


class PlanObjekt(TypedDict):
    """One feature of the plan services."""

    id: int
    geometry: BaseGeometry | None
    properties: dict[str, Verdi]


@dataclass(frozen=True, slots=True)
class Matrikkelenhet:
    """One property that a teig belongs to; festenummer and seksjonsnummer 0 mean none."""

    matrikkelenhet_id: int
    gardsnummer: int
    bruksnummer: int
    festenummer: int = 0
    seksjonsnummer: int = 0
    bruksnavn: str = " "


@dataclass(frozen=True, slots=True)
class Teig:
    """One parcel: EPSG:25833, areas in m² of the kommune's own zone are the reader's to compute.

    `bue` holds the first vertex of a circular arc given by three points in a row of `geometri`'s exterior; the
    polygon itself holds the arc as those two chords.
    """

    teig_id: int
    geometri: Polygon
    enheter: tuple[Matrikkelenhet, ...]
    tvist: bool = False
    uregistrert_jordsameie: bool = False
    bue: int | None = None
    multisurface: bool = False

    @property
    def tekst(self) -> str:
        """The text that the register shows: `46/1,7`, `46/1/2`, `46/1/0/3`."""
        if not self.enheter:
            return ""
        first = self.enheter[0]
        text = f"{first.gardsnummer}/{first.bruksnummer}"
        if first.festenummer or first.seksjonsnummer:
            text += f"/{first.festenummer}"
        if first.seksjonsnummer:
            text += f"/{first.seksjonsnummer}"
        return ",".join([text, *(str(other.bruksnummer) for other in self.enheter[1:])])


@dataclass(frozen=True, slots=True)
class Bygning:
    """One building by its point, EPSG:25833 (None is one of the traps).

    `status` is a BygningsstatusKode, `bygningstype` a code of the register's list; `kommunenummer` is the one that the
    building is registered in, wherever it stands.
    """

    bygning_id: int
    kommunenummer: str
    status: str
    bygningstype: str
    punkt: Point | None

    @property
    def bygningsnummer(self) -> int:
        """The number that the register knows it by: nine digits."""
        return 300_000_000 + self.bygning_id % 100_000_000


@dataclass(slots=True)
class Sone:
    """One zone of the kommuneplan while it is being drawn."""

    rect: Rect
    forelder: int
    avstand: float
    veg: bool = False
    objekttype: str = "KpArealformålOmråde"
    kode: str = ""
    status: str | None = "1"
    geometri: Polygon = field(default_factory=Polygon)
    hel: bool = True
    fri: bool = False
    lokal_id: str = ""
    ekstra: dict[str, Verdi] = field(default_factory=dict)

    @property
    def er_bolig(self) -> bool:
        """Whether the code is pure housing (KP 1110 of 2008, 110 of 1985)."""
        return (self.objekttype, self.kode) in {("KpArealformålOmråde", "1110"), ("KpArealbrukOmråde", "110")}


@dataclass
class Utkast:
    """What has been drawn of a kommune so far."""

    fakta: Fakta
    landskap: Landskap
    rng: np.random.Generator
    soner: list[Sone] = field(default_factory=list)
    plan: dict[str, list[PlanObjekt]] = field(default_factory=dict)
    teiger: list[Teig] = field(default_factory=list)
    bygninger: list[Bygning] = field(default_factory=list)
    feller: dict[str, list[str]] = field(default_factory=dict)
    neste: int = 0

    @property
    def grense(self) -> MultiPolygon:
        """The border of the kommune, EPSG:25833."""
        return self.landskap.grense

    def felle(self, navn: str, *ids: str | int) -> None:
        """Note that these objects are an example of a trap."""
        self.feller.setdefault(navn, []).extend(str(one) for one in ids)

    def lokal_id(self, slag: str, nummer: int) -> str:
        """Return the stable id of an object."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"tomtesourcing:{self.fakta.nummer}:{slag}:{nummer}"))

    def legg_til(
        self,
        samling: str,
        geometri: BaseGeometry | None,
        *,
        planid: str,
        verdier: dict[str, Verdi],
        nummer: str | None = None,
        lokal_id: str | None = None,
    ) -> str:
        """Add a plan object to a collection (`reguleringsplaner/vn2/RpOmråde`).

        Parameters
        ----------
        samling
            Service path and feature type.
        geometri
            EPSG:25833; None is one of the traps.
        planid, nummer
            arealplanId: planidentifikasjon, and kommunenummer when it is not the kommune's own.
        verdier
            The properties of the type itself; they may overrule the common ones.
        lokal_id
            The stable id when it is settled already.

        Returns
        -------
        str
            identifikasjon.lokalId.
        """
        self.neste += 1
        objekttype = samling.rpartition("/")[2]
        lokal_id = lokal_id or self.lokal_id(objekttype, self.neste)
        regulering = samling.startswith("reguleringsplaner")
        felles: dict[str, Verdi] = {
            "arealplanId.kommunenummer": nummer or self.fakta.nummer,
            "arealplanId.landkode": "NO",
            "arealplanId.planidentifikasjon": planid,
            "identifikasjon.lokalId": lokal_id,
            "identifikasjon.navnerom": f"http://data.geonorge.no/{self.fakta.nummer}/so",
            "identifikasjon.versjonId": "1",
            "førsteDigitaliseringsdato": "2019-04-01T00:00:00Z",
            "oppdateringsdato": "2026-09-30T06:00:00Z",
            "kopidata.områdeId": self.fakta.nummer,
            "kopidata.originalDatavert": self.fakta.navn,
            "kopidata.kopidato": f"{KOPIDATO}T00:00:00Z" if regulering else KOPIDATO,
        }
        navn: dict[str, Verdi] = {"objid": self.neste, "objekttypenavn": objekttype}
        properties = navn | felles | verdier
        self.plan.setdefault(samling, []).append({"id": self.neste, "geometry": geometri, "properties": properties})
        return lokal_id
