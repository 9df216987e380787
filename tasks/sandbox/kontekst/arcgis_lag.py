"""The ArcGIS layers of the context, as `tasks.sandbox.arcgis` serves them: protected areas, quick clay, avalanches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import shapely

from tasks.sandbox.arcgis_lag import DATE, OBJECTID, OID, TEXT, WHOLE, Rad, Tjeneste
from tasks.sandbox.kommune import numre
from tasks.sandbox.kontekst import fare, natur
from tasks.sandbox.kontekst.skjelett import Objekt

PREFIX = "/kontekst/arcgis"
FLEST = 100
"""Rows in one answer."""


@dataclass(frozen=True)
class Temalag:
    """One layer: its name, columns with their esri types, and the features of a kommune."""

    navn: str
    felter: Mapping[str, str]
    objekter: Callable[[str], tuple[Objekt, ...]]


@dataclass(frozen=True)
class Temalagene:
    """The layers of one service by number."""

    lag: Mapping[int, Temalag]

    def felter(self, lag: int) -> dict[str, str]:
        """Return the columns of a layer with their esri types."""
        return {OBJECTID: OID, **self.lag[lag].felter}

    def rader(self, lag: int, kommuner: frozenset[str] | None) -> Iterator[Rad]:
        """Yield the rows of a layer in some kommuner, or in all."""
        for nummer in numre():
            if kommuner is None or nummer in kommuner:
                for objekt in self.lag[lag].objekter(nummer):
                    values = {name: objekt.verdier.get(name) for name in self.lag[lag].felter}
                    yield Rad({OBJECTID: objekt.nr, **values}, shapely.force_2d(objekt.geometri))


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, TEXT)


def _tjeneste(sti: str, lag: Mapping[int, Temalag]) -> Tjeneste:
    return Tjeneste(sti, {k: one.navn for k, one in lag.items()}, flest=FLEST, egne=Temalagene(lag))


_VERN = _texts("navn", "faktaark", "verneform", "verneforskrift", "vernedato", "forvaltningsmyndighet")
_FORESLAATT = _texts("navn", "verneform", "verneplan")
TJENESTER: Mapping[str, Tjeneste] = {
    t.sti: t
    for t in (
        _tjeneste(
            "vern/MapServer",
            {
                0: Temalag("Naturvernområder", _VERN, natur.verneomraader),
                4: Temalag("Foreslåtte naturvernområder", _FORESLAATT, natur.foreslaatte),
            },
        ),
        _tjeneste(
            "SkredKvikkleire2/MapServer",
            {
                1: Temalag(
                    "KvikkleireFaresone",
                    _texts("skredOmrNavn", "faregrad", "konsekvens") | {"risiko": WHOLE},
                    fare.kvikkleire,
                )
            },
        ),
        _tjeneste(
            "KvikkleireskredAktsomhet/MapServer",
            {
                0: Temalag(
                    "KvikkleireskredAktsomhet",
                    _texts("skredType", "opphav") | {"noyaktighet": WHOLE},
                    fare.kvikkleire_aktsomhet,
                )
            },
        ),
        _tjeneste(
            "Skredfaresoner1/MapServer",
            {
                0: Temalag(
                    "Skredfaresone",
                    {"skredOmrID": WHOLE, "vurdertStatSannsynlighet": TEXT, "KARTLEGGINGSDATO": DATE},
                    fare.skredfaresoner,
                )
            },
        ),
    )
}
