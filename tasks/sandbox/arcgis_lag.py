"""The ArcGIS services of the sandbox and their layers: plan objects under the short ASCII names of municipal ones.

A row is a plan object, key its object id; geometry in EPSG:25833. The three services differ as real ones do: in
what they are able to, in how numbers and dates are written, and in whether they honour the CRS that is asked for.
A service may bring layers of another kind (`Egne`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import shapely
from shapely.geometry.base import BaseGeometry

from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.utkast import PlanObjekt

TEXT, WHOLE, DOUBLE, DATE, OID = (f"esriFieldType{kind}" for kind in ("String", "Integer", "Double", "Date", "OID"))
OBJECTID, OMRADEID, AREAL = "OBJECTID", "OMRADEID", "SHAPE.STArea()"
Value = str | int | float | None
DATES = {"IKRAFT": "ikrafttredelsesdato", "VEDTAKENDELIGPLANDATO": "vedtakEndeligPlanDato"}
COMMON = {
    "OBJTYPE": "objekttypenavn",
    "KOMM": "arealplanId.kommunenummer",
    "PLANID": "arealplanId.planidentifikasjon",
    "LOKALID": "identifikasjon.lokalId",
    OMRADEID: "kopidata.områdeId",
}
EXTENT = {"PLANTYPE": "plantype", "PLANSTAT": "planstatus", "PLANNAVN": "plannavn", "LINK": "link"} | DATES
NAMES: Mapping[str, Mapping[str, str]] = {
    "KpOmråde": EXTENT,
    "KpArealformålOmråde": {"KPAREALFORMAL": "arealformål", "AREALST": "arealbruksstatus", "OMRNAVN": "områdenavn"},
    "KpArealbrukOmråde": {"OPLAREAL": "arealbruk", "AREALST": "arealbruksstatus", "OMRNAVN": "områdenavn"},
    "RpOmråde": {"VERTNIV": "vertikalnivå"} | EXTENT,
    "RpArealformålOmråde": {"RPAREALFORMAL": "arealformål", "VERTNIV": "vertikalnivå", "FELTNAVN": "feltbetegnelse"},
    "RbFormålOmråde": {"REGFORM": "reguleringsformål", "VERTNIV": "vertikalnivå", "FELTNAVN": "feltbetegnelse"},
}
"""Object type → column → property of the plan object."""

CODES = frozenset({"KPAREALFORMAL", "OPLAREAL", "AREALST", "RPAREALFORMAL", "REGFORM", "PLANTYPE", "PLANSTAT"})
"""Columns that hold whole numbers where a service has its codes as numbers."""


@dataclass(frozen=True)
class Rad:
    """One row: attributes as the service writes them, and the geometry."""

    attributter: Mapping[str, Value]
    geometri: BaseGeometry | None

    @property
    def oid(self) -> int:
        """The object id."""
        return int(self.attributter[OBJECTID] or 0)


class Egne(Protocol):
    """Layers that hold no plan objects."""

    def felter(self, lag: int) -> dict[str, str]:
        """Return the columns of a layer with their esri types."""

    def rader(self, lag: int, kommuner: frozenset[str] | None) -> Iterator[Rad]:
        """Yield the rows of a layer in some kommuner, or in all."""


@dataclass(frozen=True)
class Tjeneste:
    """One service.

    Attributes
    ----------
    sti
        Path below the services, such as ``Plan/Kommuneplan/MapServer``.
    lag
        Number of the layer → object type.
    flest
        Rows in one answer at most.
    har_sider
        Whether an answer can begin at a later row.
    gir_geojson
        Whether GeoJSON is offered.
    alltid_grader
        GeoJSON comes in degrees, whatever is asked for, and does not say so.
    koder_som_tall
        Codes are numbers; else text.
    datoer
        Kind of the dates: esriFieldTypeDate in milliseconds, or a double such as 20100615.0.
    lukket
        Every question is answered with "Token Required".
    egne
        Columns and rows where these are no plan objects.
    """

    sti: str
    lag: Mapping[int, str]
    flest: int
    har_sider: bool = True
    gir_geojson: bool = True
    alltid_grader: bool = False
    koder_som_tall: bool = False
    datoer: str = DATE
    lukket: bool = False
    egne: Egne | None = None


KP = {0: "KpOmråde", 1: "KpArealformålOmråde", 2: "KpArealbrukOmråde"}
RP = {44: "RpOmråde", 45: "RpArealformålOmråde", 46: "RbFormålOmråde"}
TJENESTER = {
    t.sti: t
    for t in (
        Tjeneste("Plan/Kommuneplan/MapServer", KP, flest=100, koder_som_tall=True),
        Tjeneste("Plan/Reguleringsplaner_på_grunnen/MapServer", RP, flest=250, gir_geojson=False, datoer=DOUBLE),
        Tjeneste(
            "Plandata/FeatureServer",
            dict(enumerate((*KP.values(), *RP.values()))),
            flest=200,
            har_sider=False,
            alltid_grader=True,
        ),
        Tjeneste("Lukket/Plandata/MapServer", KP, flest=1000, lukket=True),
    )
}
COLLECTIONS = {
    **{slag: (f"kommuneplaner/{slag}", f"kommunedelplaner/{slag}") for slag in KP.values()},
    **{slag: (f"reguleringsplaner/vn2/{slag}",) for slag in RP.values()},
}


def felter(tjeneste: Tjeneste, lag: int) -> dict[str, str]:
    """Return the columns of a layer with their esri types.

    The kommune that rows are delivered for is a number in every other layer, and text in the next.
    """
    if tjeneste.egne is not None:
        return tjeneste.egne.felter(lag)
    slag = tjeneste.lag[lag]
    kinds = {OBJECTID: OID}
    for name in (*COMMON, *NAMES[slag]):
        whole = (name == OMRADEID and lag % 2 == 0) or (tjeneste.koder_som_tall and name in CODES)
        kinds[name] = tjeneste.datoer if name in DATES else WHOLE if whole else TEXT
    return kinds | {AREAL: DOUBLE}


def rader(tjeneste: Tjeneste, lag: int, *, kommuner: frozenset[str] | None = None) -> Iterator[Rad]:
    """Yield the rows of a layer in the order of their ids.

    Parameters
    ----------
    kommuner
        Those that rows are delivered for; None for all.
    """
    if tjeneste.egne is not None:
        yield from tjeneste.egne.rader(lag, kommuner)
        return
    slag = tjeneste.lag[lag]
    kinds = felter(tjeneste, lag)
    for nummer in numre():
        if kommuner is not None and nummer not in kommuner:
            continue
        objects = [o for samling in COLLECTIONS[slag] for o in invent(nummer).plan.get(samling, ())]
        for objekt in sorted(objects, key=lambda o: o["id"]):
            yield _rad(objekt, slag, kinds)


def _rad(objekt: PlanObjekt, slag: str, kinds: Mapping[str, str]) -> Rad:
    shape = None if objekt["geometry"] is None else shapely.force_2d(objekt["geometry"])
    row: dict[str, Value] = {OBJECTID: objekt["id"]}
    for name, prop in {**COMMON, **NAMES[slag]}.items():
        row[name] = WRITE[kinds[name]](objekt["properties"].get(prop))
    row[AREAL] = None if shape is None else float(shapely.area(shape))
    return Rad(row, shape)


def _text(value: object) -> Value:
    return None if value is None else str(value)


def _whole(value: object) -> Value:
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _digits(value: object) -> str:
    return str(value or "")[:10].replace("-", "").removesuffix(".0")


def _double(value: object) -> Value:
    """Return 20100615.0 of 2010-06-15."""
    digits = _digits(value)[:8]
    return float(digits) if len(digits) == 8 and digits.isdecimal() else None


def _milliseconds(value: object) -> Value:
    """Return a date as the milliseconds since 1970 of its midnight; before 1970 they are negative."""
    digits = _digits(value)[:8]
    if len(digits) != 8 or not digits.isdecimal():
        return None
    day = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
    return int(day.timestamp() * 1000)


WRITE: Mapping[str, Callable[[object], Value]] = {TEXT: _text, WHOLE: _whole, DOUBLE: _double, DATE: _milliseconds}
