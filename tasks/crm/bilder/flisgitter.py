"""Flisgitter: which tiles of a matrix set lie under a map. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from config.bilder import Fliser, Flissett
from tasks.crm.bilder.utsnitt import Utsnitt


class Ruter(NamedTuple):
    """A block of tiles: level, first column and row, and how many of each."""

    nivaa: int
    kolonne: int
    rad: int
    kolonner: int
    rader: int

    @property
    def antall(self) -> int:
        """How many tiles it is."""
        return self.kolonner * self.rader


def level(sett: Flissett, opplosning: float) -> int:
    """Return the first level that is at least as fine as the map; the finest there is for a finer map."""
    wanted = math.ceil(math.log2(sett.opplosning / opplosning))
    return min(max(wanted, 0), sett.nivaaer - 1)


def metres(sett: Flissett, nivaa: int) -> float:
    """Return metres a pixel of a level."""
    return sett.opplosning / 2.0**nivaa


def tiles_of(view: Utsnitt, sett: Flissett, rules: Fliser) -> Ruter:
    """Return the tiles under a map: of the level that is fine enough, or a coarser one where they would be too many."""
    nivaa = level(sett, view.opplosning)
    while (found := _block(view, sett, nivaa, rules.side)).antall > rules.maks_per_bilde and nivaa:
        nivaa -= 1
    return found


def _block(view: Utsnitt, sett: Flissett, nivaa: int, side: int) -> Ruter:
    length = metres(sett, nivaa) * side
    west, south, east, north = view.bounds
    first = (math.floor((west - sett.vest) / length), math.floor((sett.nord - north) / length))
    last = (math.floor((east - sett.vest) / length), math.floor((sett.nord - south) / length))
    return Ruter(nivaa, *first, last[0] - first[0] + 1, last[1] - first[1] + 1)
