"""Invented dwellings: stock, what is started and completed, prices per m², tenure.

Arrays are (kommuner, …, years); kommuner in the order of `inndeling.numre`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR, numre
from tasks.sandbox.statistikk.preg import Tall, preg, stoy

SISTE_BYGGEAAR = SISTE_AAR - 1
"""The newest whole year of building and of sales."""
KVARTALER = 4
KVARTALER_I_AAR = 3
"""Quarters of the running year that are known."""
IGANGSATT_PER_1000 = 3.6
FULLFOERT_ANDEL = 0.93
PERSONER_PER_BOLIG = 1.95
KVADRATMETERPRIS_KR = 28_000.0
"""Of a detached house in the middling kommune in the last year."""
PRISVEKST, PRISVEKST_SPREDNING = 0.04, 0.012
"""A year, as a share."""
PRISFAKTOR = (1.0, 1.08, 1.28)
"""Detached, small houses, flats."""
SALG_PER_1000 = 13.0
FAERREST_SALG = 5
"""With fewer sales the price is not told."""


def building_years() -> range:
    """Return the calendar years with building figures, the running one last."""
    return range(FOERSTE_AAR, SISTE_AAR + 1)


@cache
def igangsatte() -> Tall:
    """Return started dwellings by quarter: (kommuner, years, 4), NaN in quarters to come."""
    return _quarters("igangsatte", 1.0)


@cache
def fullfoerte() -> Tall:
    """Return completed dwellings by quarter: (kommuner, years, 4), NaN in quarters to come."""
    return _quarters("fullførte", FULLFOERT_ANDEL)


def _quarters(what: str, share: float) -> Tall:
    kind, years = preg(), building_years()
    rate = IGANGSATT_PER_1000 * share * np.exp(0.42 * kind.by + 0.25 * kind.vekst + 0.3 * kind.bygging)
    people = befolkning().aar(years[0], years[-1])
    expected = people * rate[:, None] / 1000 * np.exp(0.3 * stoy(what, len(years)))
    split = np.exp(0.25 * stoy(what + " kvartal", len(years), KVARTALER))
    made: Tall = np.round(expected[:, :, None] * split / split.sum(axis=2, keepdims=True))
    made[:, -1, KVARTALER_I_AAR:] = np.nan
    return made


@cache
def boligmasse() -> Tall:
    """Return dwellings by type of building on 1 January: (kommuner, 6 types, years)."""
    kind = preg()
    years = building_years()
    first = befolkning().aar(FOERSTE_AAR, FOERSTE_AAR)[:, 0] / PERSONER_PER_BOLIG * np.exp(0.06 * kind.alder)
    added = np.nan_to_num(fullfoerte()).sum(axis=2)[:, :-1].cumsum(axis=1) * 0.9
    total = first[:, None] + np.concatenate([np.zeros((len(numre()), 1)), added], axis=1)
    flats = np.exp(0.9 * kind.by)
    shares = np.stack([9 - flats.clip(0, 5), 1 + 0 * flats, 0.8 * flats, 1.2 * flats, 0.2 + 0 * flats, 0.3 + 0 * flats])
    shares = (shares / shares.sum(axis=0)).T
    made: Tall = np.round(total[:, None, :] * shares[:, :, None])
    return made[:, :, : len(years)]


@cache
def omsetninger() -> Tall:
    """Return sales by type of dwelling in the calendar year: (kommuner, 3 types, years to `SISTE_BYGGEAAR`)."""
    kind, years = preg(), range(FOERSTE_AAR, SISTE_BYGGEAAR + 1)
    flats = np.exp(0.9 * kind.by)
    shares = np.stack([np.full_like(flats, 3.0), 0.5 * flats, 0.8 * flats], axis=1)
    shares /= shares.sum(axis=1, keepdims=True)
    people = befolkning().aar(years[0], years[-1])
    expected = people[:, None, :] * SALG_PER_1000 / 1000 * shares[:, :, None]
    made: Tall = np.round(expected * np.exp(0.12 * stoy("salg", 3, len(years))))
    return made


@cache
def kvadratmeterpriser() -> Tall:
    """Return prices, kr per m², by type: (kommuner, 3 types, years to `SISTE_BYGGEAAR`), NaN with few sales."""
    kind, years = preg(), range(FOERSTE_AAR, SISTE_BYGGEAAR + 1)
    level = KVADRATMETERPRIS_KR * np.exp(0.27 * kind.by + 0.17 * kind.pris)
    yearly = PRISVEKST + PRISVEKST_SPREDNING * kind.vekst
    back = np.array([year - years[-1] for year in years])
    trend = np.exp(yearly[:, None] * back)
    noise = np.exp(0.035 * stoy("pris", 3, len(years)))
    raw = level[:, None, None] * np.array(PRISFAKTOR)[None, :, None] * trend[:, None, :] * noise
    made: Tall = np.round(np.clip(raw, 6_000, 120_000))
    made[omsetninger() < FAERREST_SALG] = np.nan
    return made


@cache
def husholdninger() -> Tall:
    """Return households by tenure: (kommuner, own, share in a cooperative, rent; years)."""
    kind, years = preg(), building_years()
    total = befolkning().aar(years[0], years[-1]) / 2.15
    rent = 1 / (1 + np.exp(1.25 - 0.18 * kind.by - 0.2 * kind.leie))
    shared = 1 / (1 + np.exp(3.0 - 0.9 * kind.by))
    shares = np.stack([1 - rent - shared * (1 - rent), shared * (1 - rent), rent], axis=1)
    drift = 1 + 0.02 * stoy("eie", 3, len(years))
    parts = shares[:, :, None] * drift
    made: Tall = np.round(total[:, None, :] * parts / parts.sum(axis=1, keepdims=True))
    return made
