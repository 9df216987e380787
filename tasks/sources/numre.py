"""Kommunenummer: the one of the run, today's others, and what the old ones became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
    """

    kommunenummer: str
    i_bruk: frozenset[str]
    tidligere: Mapping[str, Sequence[str]]

    def today(self, number: str | None, area: str | None) -> str:
        """Return today's kommunenummer of a plan.

        An old number is followed when that is unambiguous or leads to the kommune of the run; an unknown or missing
        one counts as the kommune that the copy was delivered for.
        """
        if number is not None:
            if number == self.kommunenummer or number in self.i_bruk:
                return number
            new = self.tidligere.get(number, ())
            if self.kommunenummer in new:
                return self.kommunenummer
            if new:
                return new[0] if len(new) == 1 else number
        if area is not None and area != self.kommunenummer:
            return number or area
        return self.kommunenummer
