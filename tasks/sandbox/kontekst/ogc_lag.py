"""The monuments of the context as OGC API Features: properties flat, a filter takes one value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tasks.sandbox.kontekst import natur
from tasks.sandbox.ogc import Tjeneste
from tasks.sandbox.utkast import PlanObjekt

PREFIX = "/kontekst/ogc"
MINNER = "enkeltminner"


def _objekter(_title: str, nummer: str) -> Sequence[PlanObjekt]:
    return _minner(nummer)


@cache
def _minner(nummer: str) -> tuple[PlanObjekt, ...]:
    return tuple(
        PlanObjekt(id=one.nr, geometry=one.geometri, properties=dict(one.verdier)) for one in natur.kulturminner(nummer)
    )


KULTURMINNER = Tjeneste(
    sti=f"{PREFIX}/LokaliteterEnkeltminnerOgSikringssoner",
    navn="Lokaliteter, enkeltminner og sikringssoner",
    titler=(MINNER,),
    filtre=frozenset({"vernetype", "enkeltminnekategori"}),
    objekter=_objekter,
)
