"""Indicators of the kommune's own economy: operating result and its turn, property tax, dwellings it owns."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav, Trend

AAR = 3
"""Years in each of the two means of the turn."""


def netto_driftsresultat_prosent(resultat: pd.Series) -> pd.Series:
    """Return the net operating result, per cent of gross operating income, may be negative (SSB 12134).

    The country's is that of all kommuner but Oslo, whose accounts hold those of a fylke too.

    Examples
    --------
    >>> netto_driftsresultat_prosent(pd.Series([-1.8])).tolist()
    [-1.8]
    """
    return som_det_er(resultat)


def netto_driftsresultat_endring_poeng(*resultater: pd.Series) -> pd.Series:
    """Return how the net operating result has turned, points of per cent (SSB 12134).

    mean of the years t, t−1, t−2 less mean of the years t−3, t−4, t−5; missing where one of the six is.

    Parameters
    ----------
    *resultater
        Of the six years, newest first.

    Examples
    --------
    >>> netto_driftsresultat_endring_poeng(*[pd.Series([r]) for r in (0.0, 1.0, 2.0, 3.0, 3.0, 3.0)]).tolist()
    [-2.0]
    """
    a, b, c, d, e, f = resultater
    return (a + b + c - d - e - f) / AAR


def eiendomsskatt_promille(sats: pd.Series) -> pd.Series:
    """Return the general rate of property tax, per mille (SSB 14674); missing where there is no such tax.

    Examples
    --------
    >>> eiendomsskatt_promille(pd.Series([4.0])).tolist()
    [4.0]
    """
    return som_det_er(sats)


def kommunale_boliger_per_1000(boliger: pd.Series) -> pd.Series:
    """Return the dwellings that the kommune disposes of, per 1,000 inhabitants (SSB 12008).

    Examples
    --------
    >>> kommunale_boliger_per_1000(pd.Series([21.0])).tolist()
    [21.0]
    """
    return som_det_er(boliger)


INDIKATORER = (
    Indikator(
        "netto_driftsresultat_prosent",
        netto_driftsresultat_prosent,
        Trend(1.0),
        krav=(Krav("netto_driftsresultat_prosent"),),
    ),
    Indikator(
        "netto_driftsresultat_endring_poeng",
        netto_driftsresultat_endring_poeng,
        Trend(1.0),
        krav=tuple(Krav("netto_driftsresultat_prosent", tilbake=n) for n in range(2 * AAR)),
    ),
    Indikator(
        "eiendomsskatt_promille",
        eiendomsskatt_promille,
        Trend(0.2),
        krav=(Krav("eiendomsskatt_promille"),),
    ),
    Indikator(
        "kommunale_boliger_per_1000",
        kommunale_boliger_per_1000,
        Trend(1.0),
        krav=(Krav("kommunale_boliger_per_1000"),),
    ),
)
"""A net operating result moves by a point from one year to the next without a cause that lasts."""
