"""Nabolag: which lots lie side by side, and the groups that they make.

Lots are positions in arrays that are ordered by lot id, so that the same lots always give the same groups.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Positions = npt.NDArray[np.intp]


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


def groups(naboer: Naboer, merke: Sequence[object], *, er_med: npt.NDArray[np.bool_], maks: int) -> list[list[int]]:
    """Return the groups of two or more lots that hang together, the first lot of each the lowest.

    A group grows from its lowest lot, the nearest neighbour first, the lower of two that are as near, until nothing is
    left or it has `maks` lots; the rest of a longer row begins anew from its own lowest lot.

    Parameters
    ----------
    merke
        By lot: only lots with an equal one go together; None goes with none.
    er_med
        By lot: whether it takes part.

    Returns
    -------
    list of list of int
        Positions, ascending in each group; groups by their first lot. No lot is in two.
    """
    usable = [
        er_med[a] and er_med[b] and merke[a] is not None and merke[a] == merke[b]
        for a, b in zip(naboer.fra, naboer.til, strict=True)
    ]
    next_to: dict[int, list[tuple[float, int]]] = {}
    for a, b, far, is_usable in zip(naboer.fra, naboer.til, naboer.avstand_m, usable, strict=True):
        if is_usable:
            next_to.setdefault(int(a), []).append((float(far), int(b)))
    taken: set[int] = set()
    found = [_grown(start, next_to, taken, maks) for start in sorted(next_to) if start not in taken]
    return [sorted(group) for group in found if len(group) > 1]


def _grown(start: int, next_to: dict[int, list[tuple[float, int]]], taken: set[int], maks: int) -> list[int]:
    """Return the group of a lot and mark its lots as taken."""
    group: list[int] = []
    if start in taken:
        return group
    edge = [(0.0, start)]
    while edge and len(group) < maks:
        _, lot = heapq.heappop(edge)
        if lot not in taken:
            taken.add(lot)
            group.append(lot)
            for step in next_to[lot]:
                heapq.heappush(edge, step)
    return group
