"""The targets: what a figure is, and where it must lie. Figures are ratios of one run, so that machines can differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tests.bench.measure import Measurement
from tests.bench.municipality import SIZES

Best = Mapping[tuple[str, str], Measurement]
"""(size, method) → the best measurement of a run."""


@dataclass(frozen=True)
class Target:
    """One target.

    Attributes
    ----------
    figure
        Returns the figure; KeyError or TypeError when what it needs was not measured.
    """

    navn: str
    sense: Literal["≥", "≤"]
    bound: float
    figure: Callable[[Best], float]

    def met(self, value: float) -> bool:
        """Return whether a figure is where it must be."""
        return value >= self.bound if self.sense == "≥" else value <= self.bound


@dataclass(frozen=True)
class Outcome:
    """A target and what was measured."""

    navn: str
    sense: str
    bound: float
    value: float
    met: bool


def outcomes(best: Best) -> list[Outcome]:
    """Return every target whose figure can be computed from what was measured, with the figure."""
    found = []
    for target in TARGETS:
        try:
            value = target.figure(best)
        except (KeyError, TypeError):
            continue
        found.append(Outcome(target.navn, target.sense, target.bound, value, target.met(value)))
    return found


def _cpu(best: Best, size: str, method: str) -> float:
    seconds = best[size, method].cpu_s
    if seconds is None:  # a database elsewhere: its wall clock is the least that it took
        seconds = best[size, method].wall_s
    return seconds


def _ratio(size: str, above: str, below: str) -> Callable[[Best], float]:
    return lambda best: _cpu(best, size, above) / _cpu(best, size, below)


def _threads(size: str) -> Callable[[Best], float]:
    return lambda best: best[size, "ours"].wall_s / best[size, "ours-2-threads"].wall_s


def _again(size: str, *, hashed: bool) -> Callable[[Best], float]:
    def figure(best: Best) -> float:
        took = best[size, "incremental"]
        return took.figures["full_s"] / (took.figures["hashed_s"] if hashed else _cpu(best, size, "incremental"))

    return figure


def _growth(best: Best) -> float:
    parcels = math.log(SIZES["L"].teiger / SIZES["S"].teiger)
    return math.log(_cpu(best, "L", "ours") / _cpu(best, "S", "ours")) / parcels


def _loaded(best: Best) -> float:
    """PostGIS begins with its tables loaded and indexed, so here ours begins with its files read."""
    ours = best["L", "ours"]
    return _cpu(best, "L", "postgis") / (_cpu(best, "L", "ours") - ours.figures["read_s"])


TARGETS = (
    Target("M papers / ours", "≥", 3.5, _ratio("M", "papers", "ours")),
    Target("L papers / ours", "≥", 10.0, _ratio("L", "papers", "ours")),
    Target("L geopandas.overlay / ours", "≥", 1.8, _ratio("L", "overlay", "ours")),
    Target("L PostGIS / ours, data loaded in both", "≥", 2.0, _loaded),
    Target("L PostGIS / ours, our reading counted", "≥", 2.0, _ratio("L", "postgis", "ours")),
    Target("M ours / limit", "≤", 4.5, _ratio("M", "ours", "limit")),
    Target("L ours / limit", "≤", 4.2, _ratio("L", "ours", "limit")),
    Target("M one / two threads, wall", "≥", 1.5, _threads("M")),
    Target("L one / two threads, wall", "≥", 1.5, _threads("L")),
    Target("M dissolved / per sone", "≤", 1.5, _ratio("M", "dissolved", "ours")),
    Target("L dissolved / per sone", "≤", 1.5, _ratio("L", "dissolved", "ours")),
    Target("M full / 1 % of plans changed", "≥", 7.0, _again("M", hashed=False)),
    Target("M full / 1 % changed, hashing counted", "≥", 3.5, _again("M", hashed=True)),
    Target("L peak of ours, MB", "≤", 450.0, lambda best: best["L", "ours"].peak_mb),
    Target("L peak of ours with 2 threads, MB", "≤", 450.0, lambda best: best["L", "ours-2-threads"].peak_mb),
    Target("L peak of the dissolved reading, MB", "≤", 450.0, lambda best: best["L", "dissolved"].peak_mb),
    Target("growth S → L by teiger, log-log", "≤", 1.2, _growth),
)
