"""Indicators of the kommune's own economy: operating result and its turn, property tax, dwellings it owns."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


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

    mean of the years t, t−1, … less mean of as many before them (three and three: config/indikatorer.toml); missing
    where one of them is.

    Parameters
    ----------
    *resultater
        Of an even number of years, newest first.

    Examples
    --------
    >>> netto_driftsresultat_endring_poeng(*[pd.Series([r]) for r in (0.0, 1.0, 2.0, 3.0, 3.0, 3.0)]).tolist()
    [-2.0]
    """
    n = len(resultater) // 2
    turn = resultater[0] - resultater[n]
    for k in range(1, n):
        turn = turn + resultater[k] - resultater[n + k]
    return turn / n


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


_INGEN_SATS = "SSB oppgir ingen sats: kommunen har trolig ikke eiendomsskatt"


def indikatorer(snitt_aar: int) -> tuple[Indikator, ...]:
    """Return the indicators of the kommune's economy, with means of so many years."""
    resultat = "netto_driftsresultat_prosent"
    skatt = Krav("eiendomsskatt_promille", umulig=_INGEN_SATS)
    return (
        Indikator(resultat, netto_driftsresultat_prosent, krav=(Krav(resultat),)),
        Indikator(
            "netto_driftsresultat_endring_poeng",
            netto_driftsresultat_endring_poeng,
            krav=tuple(Krav(resultat, tilbake=n) for n in range(2 * snitt_aar)),
        ),
        Indikator("eiendomsskatt_promille", eiendomsskatt_promille, krav=(skatt,)),
        Indikator("kommunale_boliger_per_1000", kommunale_boliger_per_1000, krav=(Krav("kommunale_boliger_per_1000"),)),
    )
