"""Nabolag: which lots lie side by side, and how a group of them grows.

Lots are positions in arrays that are ordered by lot id, so that the same lots always give the same groups.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Positions = npt.NDArray[np.intp]
Steg = tuple[float, int]
Nett = dict[int, list[Steg]]
"""Lot → the lots that it may go together with, and how far they are off, m."""


@dataclass(frozen=True)
class Naboer:
    """Pairs of neighbours, each once in either direction: `fra` ascending.

    Attributes
    ----------
    avstand_m
        Between the two, in the plane of their coordinates; 0 for a common border.
    """

    fra: Positions
    til: Positions
    avstand_m: npt.NDArray[np.float64]


def neighbours(geometri: npt.NDArray[Any], *, avstand_m: float) -> Naboer:
    """Return which polygons lie at most `avstand_m` apart.

    Metres of EPSG:25833 are good enough: 3 ‰ off in the west of the country, less than a decimetre of 20 m.

    Examples
    --------
    >>> squares = shapely.box([0, 10, 35], [0, 0, 0], [10, 20, 40], [10, 10, 10])
    >>> found = neighbours(squares, avstand_m=5)
    >>> list(zip(found.fra.tolist(), found.til.tolist(), found.avstand_m.tolist()))
    [(0, 1, 0.0), (1, 0, 0.0)]
    """
    fra, til = shapely.STRtree(geometri).query(geometri, predicate="dwithin", distance=avstand_m)
    apart = fra != til
    fra, til = fra[apart], til[apart]
    order = np.lexsort((til, fra))
    fra, til = fra[order], til[order]
    return Naboer(fra, til, shapely.distance(geometri[fra], geometri[til]))


def net(naboer: Naboer, merke: Sequence[object], *, er_med: npt.NDArray[np.bool_]) -> Nett:
    """Return which lots may go together: neighbours that both take part and have the same mark.

    Parameters
    ----------
    merke
        By lot; None goes with none.
    er_med
        By lot: whether it takes part.
    """
    found: dict[int, list[Steg]] = {}
    for a, b, far in zip(naboer.fra.tolist(), naboer.til.tolist(), naboer.avstand_m.tolist(), strict=True):
        if er_med[a] and er_med[b] and merke[a] is not None and merke[a] == merke[b]:
            found.setdefault(a, []).append((far, b))
    return found


def grow(group: Iterable[int], nett: Nett, *, taken: set[int], maks: int) -> list[int]:
    """Return a group with the free lots around it, the nearest first, the lower of two that are as near.

    It grows until nothing is left or it has `maks` lots; what it takes is put into `taken`.

    Examples
    --------
    >>> row = {0: [(9.0, 1)], 1: [(9.0, 0), (5.0, 2)], 2: [(5.0, 1)]}
    >>> grow([1], row, taken={1}, maks=2), grow([1], row, taken={1, 2}, maks=3)
    ([1, 2], [0, 1])
    """
    lots = list(group)
    edge = [step for lot in lots for step in nett.get(lot, ())]
    heapq.heapify(edge)
    while edge and len(lots) < maks:
        _, lot = heapq.heappop(edge)
        if lot not in taken:
            taken.add(lot)
            lots.append(lot)
            for step in nett[lot]:
                heapq.heappush(edge, step)
    return sorted(lots)


def parts(lots: Iterable[int], nett: Nett, *, maks: int) -> list[list[int]]:
    """Return what of some lots hangs together, through each other alone; parts by their first lot, of `maks` at most.

    Examples
    --------
    >>> row = {0: [(1.0, 1)], 1: [(1.0, 0), (1.0, 2)], 2: [(1.0, 1), (1.0, 3)], 3: [(1.0, 2)]}
    >>> parts([0, 2, 3, 7], row, maks=6)
    [[0], [2, 3]]
    """
    kept = nett.keys() & set(lots)
    inside = {lot: [step for step in nett[lot] if step[1] in kept] for lot in kept}
    taken: set[int] = set()
    found = []
    for start in sorted(kept):
        if start not in taken:
            taken.add(start)
            found.append(grow([start], inside, taken=taken, maks=maks))
    return found
