"""Kommunenummer: the one of the run, today's others, and what the old ones became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

SLIVER_M = 20.0
"""A strip along the border narrower than this comes from drawing, not from land: borders of the plans of old and
those of today were drawn apart. Where an old plan lies across a new border with more, it holds on both sides."""

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Numre:
    """The kommunenummer of a run, and what is known of other numbers.

    Attributes
    ----------
    kommunenummer
        Of the kommune of the run, today's.
    i_bruk
        Today's numbers.
    tidligere
        Old number → today's numbers.
    grense
        The kommune's land and water, EPSG:25833; None while it is not known.
    """

    kommunenummer: str
    i_bruk: frozenset[str]
    tidligere: Mapping[str, Sequence[str]]
    grense: shapely.Geometry | None = None

    def today(self, number: str | None, area: str | None, *, inside: bool = True) -> str:
        """Return today's kommunenummer of a plan.

        An old number is followed when that is unambiguous or leads to the kommune of the run; an unknown or missing
        one counts as the kommune that the copy was delivered for.

        Parameters
        ----------
        number, area
            kommunenummer of the plan, and kommune that the copy was delivered for.
        inside
            Whether the row lies in the kommune of the run; asked where the old kommune was split.
        """
        if number is not None and (number == self.kommunenummer or number in self.i_bruk):
            return number
        if number is not None and (heirs := self.tidligere.get(number, ())):
            return self._heir(number, heirs, inside=inside)
        if area is not None and area != self.kommunenummer:
            return number or self.today(area, None, inside=inside)
        return self.kommunenummer

    def _heir(self, number: str, heirs: Sequence[str], *, inside: bool) -> str:
        others = [h for h in heirs if h != self.kommunenummer]
        if len(others) < len(heirs) and inside:
            return self.kommunenummer
        # Of two heirs it is the other one; of an old kommune that never led here, the only one.
        return others[0] if len(others) == 1 else number

    def today_of(
        self, numbers: Sequence[str | None], areas: Sequence[str | None], shapes: Sequence[shapely.Geometry | None]
    ) -> list[str]:
        """Return today's kommunenummer of each row; where an old kommune was split, by where the row lies.

        Parameters
        ----------
        numbers, areas
            See `today`.
        shapes
            Geometry of the rows, EPSG:25833; None and invalid ones too.
        """
        inside = np.ones(len(shapes), dtype=bool)
        split = [self._is_split(n) or self._is_split(a) for n, a in zip(numbers, areas, strict=True)]
        asked = np.array(split, dtype=bool)
        if self.grense is not None and asked.any():
            inside[asked] = lies_in(np.array(shapes, dtype=object)[asked], self.grense)
        rows = zip(numbers, areas, inside, strict=True)
        return [self.today(number, area, inside=bool(within)) for number, area, within in rows]

    def here(self, numbers: Sequence[str | None], shapes: Sequence[shapely.Geometry | None]) -> Flags:
        """Return which rows carry the number of the kommune, today's or an earlier one that leads to it.

        Parameters
        ----------
        numbers
            kommunenummer as the rows have it; one without any is nowhere.
        shapes
            See `today_of`.
        """
        found: Flags = np.array([n == self.kommunenummer for n in numbers], dtype=bool)
        old = {n for n, heirs in self.tidligere.items() if self.kommunenummer in heirs and n not in self.i_bruk}
        asked = [i for i, n in enumerate(numbers) if n in old]
        if asked:
            today = self.today_of([numbers[i] for i in asked], [None] * len(asked), [shapes[i] for i in asked])
            found[asked] = [n == self.kommunenummer for n in today]
        return found

    def _is_split(self, number: str | None) -> bool:
        heirs = self.tidligere.get(number, ()) if number is not None else ()
        return len(heirs) > 1 and self.kommunenummer in heirs


def lies_in(shapes: np.ndarray[tuple[int], np.dtype[np.object_]], grense: shapely.Geometry) -> Flags:
    """Return which rows lie in a kommune: with the larger part of their area, or with more than a sliver.

    A plan of the old kommune that lies across the new border holds on both sides of it: the larger part alone would
    take it from the smaller kommune, whose land would seem unregulated. A row without a shape counts as inside.
    """
    area = grense if grense.is_valid else shapely.make_valid(grense)
    here: Flags = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    shapely.prepare(area)
    here |= shapely.contains_properly(area, shapes)
    across = np.flatnonzero(~here & shapely.intersects(area, shapes))
    shapely.destroy_prepared(area)
    if len(across):
        valid = shapely.make_valid(shapes[across])
        part = shapely.intersection(valid, area)
        is_most = shapely.area(part) * 2 > shapely.area(valid)
        here[across] = is_most | ~shapely.is_empty(shapely.buffer(part, -SLIVER_M / 2))
    return here
