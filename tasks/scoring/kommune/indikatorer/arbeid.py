"""Indicators of work: the unemployed, and those outside work, against the country.

SSB's table of the unemployed of kommuner ended in 2020. What is left is the share who are employed; those outside work
include pupils, the ill and the retired, so that this is a stand-in under a name of its own.
"""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import forhold, som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def arbeidsledighet_prosent(ledige: pd.Series) -> pd.Series:
    """Return the registered unemployed, per cent, in November (SSB 10540, until 2020).

    Examples
    --------
    >>> arbeidsledighet_prosent(pd.Series([2.4])).tolist()
    [2.4]
    """
    return som_det_er(ledige)


def arbeidsledighet_forhold(ledige: pd.Series, land: pd.Series) -> pd.Series:
    """Return unemployment in relation to the country's, same year (SSB 10540): per cent / country's per cent.

    Examples
    --------
    >>> arbeidsledighet_forhold(pd.Series([3.0]), pd.Series([2.5])).tolist()
    [1.2]
    """
    return forhold(ledige, land)


def utenfor_arbeid_prosent(sysselsatte: pd.Series) -> pd.Series:
    """Return those who are not employed, per cent (SSB 06445, 15–74 years, 4th quarter): 100 − employed in per cent.

    Examples
    --------
    >>> utenfor_arbeid_prosent(pd.Series([66.0])).tolist()
    [34.0]
    """
    return 100 - sysselsatte


def utenfor_arbeid_forhold(utenfor: pd.Series, land: pd.Series) -> pd.Series:
    """Return those who are not employed in relation to the country, same year (SSB 06445).

    (100 − employed %) / (100 − the country's employed %). A stand-in for unemployment, not unemployment.

    Examples
    --------
    >>> utenfor_arbeid_forhold(pd.Series([36.0]), pd.Series([30.0])).tolist()
    [1.2]
    """
    return forhold(utenfor, land)


ARBEIDSLEDIGHET = Indikator("arbeidsledighet_prosent", arbeidsledighet_prosent, krav=(Krav("ledige_prosent"),))
UTENFOR_ARBEID = Indikator("utenfor_arbeid_prosent", utenfor_arbeid_prosent, krav=(Krav("sysselsatte_prosent"),))
"""Only what the ratio is made of: not an indicator by itself."""

INDIKATORER = (
    ARBEIDSLEDIGHET,
    Indikator("arbeidsledighet_forhold", arbeidsledighet_forhold, av=ARBEIDSLEDIGHET),
    Indikator("utenfor_arbeid_forhold", utenfor_arbeid_forhold, av=UTENFOR_ARBEID),
)
