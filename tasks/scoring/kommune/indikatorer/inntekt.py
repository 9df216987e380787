"""Indicators of income: the households' median after tax, and how it stands to the country's."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import forhold, som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def medianinntekt_kr(inntekt: pd.Series) -> pd.Series:
    """Return the median income after tax of all households, kr a year (SSB 06944, HusholdType 0000).

    Examples
    --------
    >>> medianinntekt_kr(pd.Series([560_000.0])).tolist()
    [560000.0]
    """
    return som_det_er(inntekt)


def medianinntekt_forhold(inntekt: pd.Series, land: pd.Series) -> pd.Series:
    """Return the median income in relation to the country's, same year (SSB 06944): income / country's income.

    Examples
    --------
    >>> medianinntekt_forhold(pd.Series([540_000.0]), pd.Series([600_000.0])).tolist()
    [0.9]
    """
    return forhold(inntekt, land)


MEDIANINNTEKT = Indikator("medianinntekt_kr", medianinntekt_kr, krav=(Krav("medianinntekt_kr"),))

INDIKATORER = (
    MEDIANINNTEKT,
    Indikator("medianinntekt_forhold", medianinntekt_forhold, av=MEDIANINNTEKT),
)
