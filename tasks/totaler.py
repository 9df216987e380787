"""Totaler: what scored lots add up to: how many of each level, and the dwellings they have room for.

Whoever tells totals takes them from here: the run that scores, and the record of the kommune.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

NIVAAER = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Sum:
    """What a group of lots adds up to.

    Attributes
    ----------
    tomter
        How many there are.
    uten_anslag
        Those whose dwellings are not known; they add none.
    boliger_lav, boliger, boliger_hoy
        Dwellings, low, expected, high.
    """

    tomter: int = 0
    uten_anslag: int = 0
    boliger_lav: float = 0.0
    boliger: float = 0.0
    boliger_hoy: float = 0.0


@dataclass(frozen=True)
class Totaler:
    """The pipeline of a kommune: living lots, the stopped ones apart.

    Attributes
    ----------
    i_alt
        All that are not stopped.
    nivaa
        Level → those of it; every level is there, also with none.
    stoppet
        Lots that are stopped; their dwellings are not counted.
    """

    i_alt: Sum
    nivaa: Mapping[str, Sum]
    stoppet: int

    def as_dict(self) -> dict[str, Any]:
        """Return the totals as JSON-ready values."""
        return {
            "i_alt": asdict(self.i_alt),
            "nivaa": {name: asdict(of) for name, of in self.nivaa.items()},
            "stoppet": self.stoppet,
        }


def totaler(scorer: pd.DataFrame) -> Totaler:
    """Return what scored lots add up to.

    Parameters
    ----------
    scorer
        nivaa, er_stoppet, boliger_lav, boliger and boliger_hoy of contract `scorer`: the living lots of one kommune,
        or of several put together. A lot that has no level, since nobody has scored it, is in `i_alt` alone.

    Examples
    --------
    >>> lots = pd.DataFrame({
    ...     "nivaa": ["A", "D"], "er_stoppet": [False, True], "boliger_lav": [8, 3], "boliger": [10, 4],
    ...     "boliger_hoy": [12, 5]})
    >>> totaler(lots).i_alt.boliger, totaler(lots).stoppet
    (10.0, 1)
    """
    is_stopped = scorer["er_stoppet"].to_numpy(dtype=bool)
    open_lots = scorer[~is_stopped]
    by_level = {name: _sum(open_lots[open_lots["nivaa"] == name]) for name in NIVAAER}
    return Totaler(_sum(open_lots), by_level, int(is_stopped.sum()))


def _sum(lots: pd.DataFrame) -> Sum:
    low, expected, high = (float(lots[c].sum()) for c in ("boliger_lav", "boliger", "boliger_hoy"))
    return Sum(len(lots), int(lots["boliger"].isna().sum()), low, expected, high)
