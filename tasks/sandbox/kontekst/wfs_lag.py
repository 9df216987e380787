"""The WFS layers of the context: which feature type each service has, and its features as GML 3.2.

Served by `tasks.sandbox.wfs`, on the paths that the sources' `sandbox` names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import shapely
from shapely import LinearRing, Polygon

from tasks.sandbox.crs import Crs, reproject
from tasks.sandbox.fes import KOMMUNE, Boks, Flere, Lik, Vilkaar, holds
from tasks.sandbox.gml import positions
from tasks.sandbox.kommune import numre
from tasks.sandbox.kontekst import adressepunkter, fare, natur, sted, stoy
from tasks.sandbox.kontekst.skjelett import Objekt, Verdi
from tasks.sandbox.utkast import fakta
from tasks.sandbox.wfs import Tjeneste

PREFIX = "/kontekst/wfs"
SPACE = "http://skjema.geonorge.no/SOSI/produktspesifikasjon"
FINNES_IKKE = frozenset({"andel"})
"""Values that features are drawn from and no service tells."""
REKKEVIDDE = 1.8
"""How far a kommune's features lie from its middle at most, in breadths of it."""
Tegner = Callable[[str], tuple[Objekt, ...]]


@dataclass(frozen=True)
class Lag:
    """One service of one feature type.

    Attributes
    ----------
    sti
        Last part of its path.
    objekttype, navnerom, prefiks
        The type, its namespace (ASCII alone: else libxml2 reads nothing) and that one's prefix.
    geometri
        Element that holds the geometry.
    objekter
        Gives the features of a kommune.
    attributter
        Element → kind, for the description of the type.
    felter
        Attributes that can be filtered on.
    """

    sti: str
    objekttype: str
    navnerom: str
    geometri: str
    objekter: Tegner
    attributter: Mapping[str, str]
    prefiks: str = "app"
    felter: frozenset[str] = frozenset()


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "xs:string")


_SKRED = _texts("skredType", "skredfareVurdering", "temaKvalitet")
_STOY = _texts("støysonekategori", "støykilde", "støykildenavn") | {"beregnetÅr": "xs:integer"}
LAG: tuple[Lag, ...] = (
    Lag(
        "markagrensen",
        "LovVirkeområde",
        f"{SPACE}/Markagrensen/20140101",
        "område",
        natur.marka,
        _texts("lovNavn", "geografiskVirkeområde"),
    ),
    Lag(
        "flomsoner",
        "FlomAreal",
        f"{SPACE}/Flomsoner/20210101",
        "område",
        fare.flomsoner,
        {"gjentaksintervall": "xs:integer"} | _texts("statusKartlegging", "datauttaksdato"),
        felter=frozenset({"gjentaksintervall"}),
    ),
    Lag(
        "flomaktsomhetsomrader",
        "FlomAktsomhetOmr",
        f"{SPACE}/FlomAktsomhetsomrader/20200101",
        "område",
        fare.flom_aktsomhet,
        _texts("vassOmråde", "temaKvalitet", "vannKilde"),
    ),
    Lag(
        "snoskredaktsomhetsomrader",
        "PotensieltSkredfareOmr",
        f"{SPACE}/SnoskredAktsomhet/20210101",
        "område",
        partial(fare.aktsomhet_skred, slag="snoskred"),
        _SKRED,
    ),
    Lag(
        "steinsprang_aktsomhetsomrader",
        "PotensieltSkredfareOmr",
        f"{SPACE}/SteinsprangAktsomhet/20210101",
        "område",
        partial(fare.aktsomhet_skred, slag="steinsprang"),
        _SKRED,
    ),
    Lag(
        "aktsomhetskartforjordogflomskred",
        "AktsomhetsOmrJordOgFlomskred",
        f"{SPACE}/AktsomhetJordFlomskred/20200101",
        "geometri",
        fare.jordskred,
        _texts("skredtype", "oppdateringsdato"),
    ),
    Lag(
        "norstoy",
        "Stoyvarselkart",
        "http://www.vegvesen.no/kart/norstoy_1_0",
        "GEOM",
        stoy.veg,
        {navn.upper(): kind for navn, kind in _STOY.items()},
        prefiks="norstoy_1_0",
        felter=frozenset({"STØYSONEKATEGORI"}),
    ),
    Lag(
        "stoysonerjernbanenett",
        "Støy",
        f"{SPACE}/StoysonerJernbanenett/20150101",
        "område",
        stoy.bane,
        _STOY,
        felter=frozenset({"støysonekategori"}),
    ),
    Lag(
        "ar50",
        "AR50",
        "http://mapserver.gis.umn.edu/mapserver",
        "msGeometry",
        natur.ar50,
        {"artype": "xs:integer", "artype_beskrivelse": "xs:string", "areal": "xs:integer"},
        prefiks="ms",
        felter=frozenset({"artype"}),
    ),
    Lag(
        "nettanlegg",
        "EL_Luftlinje",
        f"{SPACE}/Nettanlegg/20210101",
        "linje",
        stoy.luftledninger,
        {"navn": "xs:string", "nettnivå": "xs:integer", "spenning": "xs:integer", "eier": "xs:string"},
        felter=frozenset({"nettnivå"}),
    ),
    Lag(
        "grunnkretser",
        "Grunnkrets",
        f"{SPACE}/StatistiskeEnheterGrunnkretser/20240101",
        "område",
        sted.grunnkretser,
        _texts(KOMMUNE, "grunnkretsnummer", "grunnkretsnavn"),
        felter=frozenset({KOMMUNE}),
    ),
    Lag(
        "matrikkelen-adresse",
        "Vegadresse",
        f"{SPACE}/Matrikkelen-Adresse/20211101",
        "representasjonspunkt",
        adressepunkter.vegadresser,
        _texts(*adressepunkter.ELEMENTER),
        felter=frozenset({KOMMUNE}),
    ),
)


def tjenester() -> tuple[Tjeneste, ...]:
    """Return the services of all layers."""
    return tuple(
        Tjeneste(
            sti=f"{PREFIX}/{lag.sti}",
            tittel=lag.sti,
            sammendrag="Oppdiktede data i oppdiktede kommuner.",
            objekttype=lag.objekttype,
            navnerom=lag.navnerom,
            elementer={lag.geometri: "gml:GeometryPropertyType", **lag.attributter},
            medlemmer=partial(_medlemmer, lag),
            prefiks=lag.prefiks,
            felter=lag.felter,
            har_boks=True,
        )
        for lag in LAG
    )


def _medlemmer(lag: Lag, vilkaar: Vilkaar | None, crs: Crs) -> list[bytes]:
    """Return the features that meet a condition: kommuner that cannot have any need not be drawn."""
    found = []
    for nummer in numre():
        if not _kan_ha(nummer, vilkaar):
            continue
        for objekt, member in _skrevet(lag.sti, nummer, crs):
            if holds(vilkaar, verdi=partial(_tekst, objekt), geometri=objekt.geometri):
                found.append(member)
    return found


def _kan_ha(nummer: str, vilkaar: Vilkaar | None) -> bool:
    """Say whether a kommune's features may meet a condition; a neighbour's number stands on some of them."""
    if isinstance(vilkaar, Boks):
        middle, reach = shapely.Point(fakta()[nummer].origo), fakta()[nummer].side_m * REKKEVIDDE
        return bool(shapely.dwithin(vilkaar.boks, middle, reach))
    if isinstance(vilkaar, Lik):
        return vilkaar.felt != KOMMUNE or vilkaar.verdi in {nummer, fakta()[nummer].nabo}
    if isinstance(vilkaar, Flere):
        parts = (_kan_ha(nummer, one) for one in vilkaar.deler)
        return all(parts) if vilkaar.alle else any(parts)
    return True


def _tekst(objekt: Objekt, felt: str) -> str | None:
    value = objekt.verdier.get(felt)
    return None if value is None else str(value)


@lru_cache(maxsize=64)
def _skrevet(sti: str, nummer: str, crs: Crs) -> tuple[tuple[Objekt, bytes], ...]:
    lag = next(one for one in LAG if one.sti == sti)
    objects = lag.objekter(nummer)
    shapes = np.empty(len(objects), dtype=object)
    shapes[:] = [objekt.geometri for objekt in objects]
    moved = reproject(shapely.force_2d(shapes), crs)
    return tuple(
        (objekt, _member(lag, objekt, shape, crs).encode()) for objekt, shape in zip(objects, moved, strict=True)
    )


def _member(lag: Lag, objekt: Objekt, shape: shapely.Geometry, crs: Crs) -> str:
    p, gid = lag.prefiks, f"{lag.objekttype}.{objekt.nr}"
    body = "".join(_element(p, name, value) for name, value in objekt.verdier.items() if name not in FINNES_IKKE)
    return (
        f"<wfs:member><{p}:{lag.objekttype} gml:id={quoteattr(gid)}>{body}"
        f"<{p}:{lag.geometri}>{geometri_gml(shape, gid, crs)}</{p}:{lag.geometri}>"
        f"</{p}:{lag.objekttype}></wfs:member>\n"
    )


def _element(prefix: str, name: str, value: Verdi) -> str:
    return "" if value is None else f"<{prefix}:{name}>{escape(str(value))}</{prefix}:{name}>"


# --- geometry ---


def geometri_gml(shape: shapely.Geometry, gid: str, crs: Crs) -> str:
    """Return a point, line or surface as GML 3.2."""
    head = f'gml:id="{gid}_g" srsName="{crs.navn}" srsDimension="2"'
    if isinstance(shape, shapely.Point):
        return f"<gml:Point {head}><gml:pos>{positions(shapely.get_coordinates(shape), crs)}</gml:pos></gml:Point>"
    if isinstance(shape, shapely.LineString):
        text = positions(shapely.get_coordinates(shape), crs)
        return f"<gml:LineString {head}><gml:posList>{text}</gml:posList></gml:LineString>"
    parts = shapely.get_parts(shape).tolist()
    if len(parts) == 1:
        return f"<gml:Polygon {head}>{_rings(parts[0], crs)}</gml:Polygon>"
    members = "".join(
        f'<gml:surfaceMember><gml:Polygon gml:id="{gid}_{n}">{_rings(part, crs)}</gml:Polygon></gml:surfaceMember>'
        for n, part in enumerate(parts)
    )
    return f"<gml:MultiSurface {head}>{members}</gml:MultiSurface>"


def _rings(part: Polygon, crs: Crs) -> str:
    def ring(line: LinearRing, *, outer: bool) -> str:
        turned = line if shapely.is_ccw(line) == outer else line.reverse()  # seen from above, as GML wants them
        numbers = positions(shapely.get_coordinates(turned), crs)
        return f"<gml:LinearRing><gml:posList>{numbers}</gml:posList></gml:LinearRing>"

    inner = "".join(f"<gml:interior>{ring(hole, outer=False)}</gml:interior>" for hole in part.interiors)
    return f"<gml:exterior>{ring(part.exterior, outer=True)}</gml:exterior>{inner}"
