"""The numbers of the kommuner through the years: facts of SSB's Klass 131, and the invented kommuner among them.

An `Atom` is a piece of land that was never divided: the numbers it has borne since `FOERSTE_AAR`, and its share of the
kommune of today. What a number had in a year is what its atoms had; so old and new numbers add up to the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np

from config.kommuneendringer import Kommuneendring, kommuneendringer, oppdiktede_endringer
from config.registers import earlier_numbers, invented_kommuner, kommuner

UOPPGITT = ("9999", "Uoppgitt")
FOERSTE_AAR = 2009
"""The oldest year with figures."""
TREKKES_TIL = {"1507": "1508", "1850": "1875", "5012": "5059", "0720": "0704"}
"""Of numbers that were split: the one that SSB's merged series carry them over to (assumed: nothing tells)."""


@dataclass(frozen=True)
class Atom:
    """A piece of a kommune.

    Attributes
    ----------
    kommune
        Place of the kommune of today in `numre`.
    numre
        (number, first year, first year after) in order.
    andel
        Share of the kommune, 0-1.
    """

    kommune: int
    numre: tuple[tuple[str, int, int], ...]
    andel: float


@cache
def numre() -> tuple[str, ...]:
    """Return the numbers of today in order, the invented ones among them."""
    return tuple(sorted(k.nummer for k in kommuner(sandbox=True)))


@cache
def oppdiktede() -> frozenset[str]:
    """Return the numbers of the invented kommuner, those they had before too."""
    now = {k.nummer for k in invented_kommuner()}
    return frozenset(now | {old for old, new in earlier_numbers(sandbox=True).items() if set(new) <= now})


@cache
def endringer() -> tuple[Kommuneendring, ...]:
    """Return all changes since 2000 in order of time."""
    return tuple(sorted([*kommuneendringer(), *oppdiktede_endringer()]))


@cache
def inndeling(aar: int) -> dict[str, str]:
    """Return number → name as of 1 January of a year, by undoing what came later; `UOPPGITT` is not among them."""
    now = {k.nummer: k.navn for k in kommuner(sandbox=True)}
    now |= {change.ny: change.nytt_navn for change in endringer() if change.ny in now}
    later = [change for change in endringer() if change.dato.year > aar]
    for day in sorted({change.dato for change in later}, reverse=True):
        undone = [change for change in later if change.dato == day]
        for change in undone:
            now.pop(change.ny, None)
        now |= {change.gammel: change.gammelt_navn for change in undone}
    return dict(sorted(now.items()))


@cache
def alle_numre() -> dict[str, str]:
    """Return every number since 2000 → its name, with the years of those that are gone: ``Halden (2020-2023)``."""
    years = range(endringer()[0].dato.year - 2, endringer()[-1].dato.year + 1)
    in_use: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for year in years:
        for number, name in inndeling(year).items():
            in_use.setdefault(number, []).append(year)
            names[number] = name
    made = {}
    for number, its in sorted(in_use.items()):
        first = "" if its[0] == years[0] else str(its[0])
        made[number] = names[number] if its[-1] == years[-1] else f"{names[number]} ({first}-{its[-1]})"
    return made


Sti = tuple[tuple[str, int], ...]
"""(number, first year) of one atom in order."""


@cache
def atomer() -> tuple[Atom, ...]:
    """Return the pieces, ordered by kommune; the shares of a kommune add up to one."""
    paths: list[Sti] = [((number, FOERSTE_AAR),) for number in inndeling(FOERSTE_AAR)]
    for day in sorted({change.dato for change in endringer() if change.dato.year > FOERSTE_AAR}):
        paths = [grown for path in paths for grown in _grown(path, day)]
    place = {number: k for k, number in enumerate(numre())}
    paths.sort(key=lambda path: (path[-1][0], path))
    weights = np.array([_weight(path) for path in paths])
    owner = np.array([place[path[-1][0]] for path in paths])
    shares = weights / np.bincount(owner, weights)[owner]
    return tuple(Atom(int(k), _spans(path), float(share)) for path, k, share in zip(paths, owner, shares, strict=True))


def _grown(path: Sti, day: date) -> Iterable[Sti]:
    """Return a path and what became of its number on a day: several paths where it was split."""
    old = path[-1][0]
    new = sorted(_changes_of(day).get(old, {old}))
    return [path if number == old else (*path, (number, day.year)) for number in new]


@cache
def _changes_of(day: date) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for change in endringer():
        if change.dato == day:
            found.setdefault(change.gammel, set()).add(change.ny)
    return found


def _weight(path: Sti) -> float:
    """Return an invented size, the same in every run."""
    text = ">".join(number for number, _ in path)
    return float(np.exp(np.random.default_rng(zlib.crc32(text.encode())).normal(0.0, 0.8)))


def _spans(path: Sti) -> tuple[tuple[str, int, int], ...]:
    ends = [year for _, year in path[1:]] + [9999]
    return tuple((number, year, end) for (number, year), end in zip(path, ends, strict=True))


@cache
def sammenslaatt() -> dict[str, tuple[str, ...]]:
    """Return number of today → the numbers that SSB's merged series add up for it: each number goes to one alone."""
    after: dict[str, set[str]] = {}
    for atom in atomer():
        for (number, *_), (following, *_) in pairwise(atom.numre):
            after.setdefault(number, set()).add(following)
    found: dict[str, list[str]] = {number: [number] for number in numre()}
    for number in after:
        heir = number
        while heir in after:
            heir = TREKKES_TIL[heir] if len(after[heir]) > 1 else next(iter(after[heir]))
        found[heir].append(number)
    return {number: tuple(sorted(set(its))) for number, its in found.items()}
