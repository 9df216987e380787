"""Grupper: which neighbouring lots are put together, as positions in arrays ordered by lot id.

Whoever works with an assembly works with its lots: those that went together last time go on together, and only what is
left makes new groups. Chosen by what is measured of the lots and nothing else: no profile moves a lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tasks.scoring.tomt.nabolag import Nett, grow, parts


@dataclass(frozen=True)
class Gruppe:
    """Lots that are put together.

    Attributes
    ----------
    grunnlag
        What they have in common.
    lots
        Their positions, ascending.
    ident
        Id of the assembly that they were last time; None for a new one.
    """

    grunnlag: str
    lots: tuple[int, ...]
    ident: str | None = None


@dataclass(frozen=True)
class Grupperer:
    """Puts the lots of one kommune together.

    Attributes
    ----------
    nett
        Basis → which lots may go together by it; those of the first basis go first.
    verdi
        By lot: what counts towards the limit.
    grense
        What the lots of a group are to have together.
    maks
        Lots of one group at most.
    """

    nett: Mapping[str, Nett]
    verdi: npt.NDArray[np.float64]
    grense: float
    maks: int

    def grupper(self, foer: Iterable[Gruppe]) -> list[Gruppe]:
        """Return the groups that reach the limit; no lot is in two.

        Parameters
        ----------
        foer
            Groups of last time, with what is left of their lots. Each goes on with those that still hang together, of
            several parts the one with most, and grows by what is free; one that does not reach the limit is no more.

        Notes
        -----
        Done when no group can grow and no new one reaches: asked again with its own answer, it gives the same one.
        """
        taken: set[int] = set()
        held = self._grown([self._left(group, taken) for group in foer], taken)
        held = [group for group in held if self._reaches(group.lots)]
        taken = {lot for group in held for lot in group.lots}
        before = -1
        while before < len(taken):
            before = len(taken)
            held = self._grown(held, taken)
            for grunnlag in self.nett:
                held += self._new(grunnlag, taken)
        return held

    def _left(self, group: Gruppe, taken: set[int]) -> Gruppe:
        """Return what is left of a group, and mark it as taken."""
        left = parts(set(group.lots) - taken, self.nett[group.grunnlag], maks=self.maks)
        most = max(left, key=self._sum, default=[])
        taken |= set(most)
        return replace(group, lots=tuple(most))

    def _grown(self, groups: Sequence[Gruppe], taken: set[int]) -> list[Gruppe]:
        return [
            replace(one, lots=tuple(grow(one.lots, self.nett[one.grunnlag], taken=taken, maks=self.maks)))
            for one in groups
        ]

    def _new(self, grunnlag: str, taken: set[int]) -> list[Gruppe]:
        """Return new groups of free lots, each grown from its lowest lot, and mark them as taken."""
        nett, tried = self.nett[grunnlag], set(taken)
        found = []
        for start in sorted(nett):
            if start not in tried:
                tried.add(start)
                lots = grow([start], nett, taken=tried, maks=self.maks)
                if self._reaches(lots):
                    taken |= set(lots)
                    found.append(Gruppe(grunnlag, tuple(lots)))
        return found

    def _reaches(self, lots: Sequence[int]) -> bool:
        return len(lots) > 1 and self._sum(lots) >= self.grense

    def _sum(self, lots: Sequence[int]) -> float:
        return float(self.verdi[list(lots)].sum())
