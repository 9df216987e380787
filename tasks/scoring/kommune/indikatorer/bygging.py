"""Indicators of building: dwellings completed and started per 1,000 inhabitants, the rate of it, the stock."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import forhold, per_1000, som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def boliger_per_1000(*antall_og_folkemengde: pd.Series) -> pd.Series:
    """Return dwellings completed or started a year per 1,000 inhabitants, mean of some years (SSB 05940 and 06913).

    mean over the years t, t−1, … (three: config/indikatorer.toml) of dwellings of the year / folkemengde on 1 January
    of the year × 1000; missing where one of the years is.

    Parameters
    ----------
    *antall_og_folkemengde
        Dwellings of each year, then folkemengde of each year.

    Examples
    --------
    >>> boliger = [pd.Series([n]) for n in (12.0, 8.0, 4.0)]
    >>> boliger_per_1000(*boliger, *[pd.Series([4000.0])] * 3).tolist()
    [2.0]
    """
    n = len(antall_og_folkemengde) // 2
    rater = [per_1000(a, f) for a, f in zip(antall_og_folkemengde[:n], antall_og_folkemengde[n:], strict=True)]
    total = rater[0]
    for rate in rater[1:]:
        total = total + rate
    return total / n


def byggetakt_forhold(igangsatte: pd.Series, land: pd.Series) -> pd.Series:
    """Return the rate of building: started per 1,000 / the country's, same years (SSB 05940 and 06913).

    Examples
    --------
    >>> byggetakt_forhold(pd.Series([2.0]), pd.Series([4.0])).tolist()
    [0.5]
    """
    return forhold(igangsatte, land)


def boligmasse(boliger: pd.Series) -> pd.Series:
    """Return the number of dwellings there are, 1 January of the year (SSB 06265).

    Examples
    --------
    >>> boligmasse(pd.Series([2100.0])).tolist()
    [2100.0]
    """
    return som_det_er(boliger)


def _per_1000(navn: str, maal: str, aar: int) -> Indikator:
    krav = tuple(Krav(m, tilbake=n) for m in (maal, "folkemengde") for n in range(aar))
    return Indikator(navn, boliger_per_1000, krav=krav, tomt="folkemengden var 0")


def indikatorer(snitt_aar: int) -> tuple[Indikator, ...]:
    """Return the indicators of building, with means of so many years."""
    igangsatte = _per_1000("igangsatte_per_1000", "boliger_igangsatt", snitt_aar)
    return (
        _per_1000("fullfoerte_per_1000", "boliger_fullfoert", snitt_aar),
        igangsatte,
        Indikator("byggetakt_forhold", byggetakt_forhold, av=igangsatte),
        Indikator("boligmasse", boligmasse, krav=(Krav("boligmasse"),)),
    )
