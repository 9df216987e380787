"""Indicator of settlement: how many of the inhabitants live in a tettsted."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import prosent
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def andel_i_tettsted_prosent(bosatte: pd.Series, folkemengde: pd.Series) -> pd.Series:
    """Return the share of inhabitants who live in a tettsted, per cent, same year (SSB 04861 and 06913).

    bosatte in tettsteder / folkemengde on 1 January × 100. The source rounds nothing but places people by address, so
    that the share may pass 100 by a hair: it is kept as computed.

    Examples
    --------
    >>> andel_i_tettsted_prosent(pd.Series([3000.0]), pd.Series([4000.0])).tolist()
    [75.0]
    """
    return prosent(bosatte, folkemengde)


INDIKATORER = (
    Indikator(
        "andel_i_tettsted_prosent",
        andel_i_tettsted_prosent,
        krav=(Krav("bosatte_tettsted"), Krav("folkemengde")),
        tomt="folkemengden var 0",
    ),
)
