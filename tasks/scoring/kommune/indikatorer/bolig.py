"""Indicators of what a dwelling costs: price per m², its growth, years of income, yearly cost, who rents."""

from __future__ import annotations

from functools import partial

import pandas as pd

from config.rangering import Boligkostnad
from tasks.scoring.kommune.indikatorer.felles import endring_prosent, forhold, prosent, som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def kvadratmeterpris_kr(priser: pd.DataFrame, omsetninger: pd.DataFrame) -> pd.Series:
    """Return the mean price per m², kr, of detached, small and block houses that were sold (SSB 06035).

    Σ price × sales / Σ sales, over the types of dwelling (columns) that have both in the year; missing where none has:
    the source hides the price of a type with few sales.

    Examples
    --------
    >>> priser = pd.DataFrame({"01": [20_000.0], "02": [None], "03": [40_000.0]})
    >>> kvadratmeterpris_kr(priser, pd.DataFrame({"01": [30.0], "02": [2.0], "03": [10.0]})).tolist()
    [25000.0]
    """
    vekter = omsetninger.reindex(columns=priser.columns).where(priser.notna())
    solgt = vekter.sum(axis=1)
    return (priser * vekter).sum(axis=1) / solgt.where(solgt > 0)


def prisvekst_5aar_prosent(naa: pd.DataFrame, foer: pd.DataFrame, omsetninger: pd.DataFrame) -> pd.Series:
    """Return how the price per m² has grown in five years, per cent (SSB 06035).

    (Σ price t × sales t / Σ price t−5 × sales t − 1) × 100, over the types that have a price in both years: the sales
    of year t weigh both ends, so that a turn from houses to flats is not read as growth. In current kroner.

    Examples
    --------
    >>> naa = pd.DataFrame({"01": [22_000.0], "03": [50_000.0]})
    >>> foer = pd.DataFrame({"01": [20_000.0], "03": [40_000.0]})
    >>> prisvekst_5aar_prosent(naa, foer, pd.DataFrame({"01": [40.0], "03": [5.0]})).round(6).tolist()
    [13.0]
    """
    foer = foer.reindex(columns=naa.columns)
    begge = naa.notna() & foer.notna()
    vekter = omsetninger.reindex(columns=naa.columns).where(begge)
    return endring_prosent((naa * vekter).sum(axis=1, min_count=1), (foer * vekter).sum(axis=1, min_count=1))


def prisindeks(kvadratmeterpris: pd.Series, land: pd.Series) -> pd.Series:
    """Return the price per m² with the country as 100, same year (SSB 06035): price / country's price × 100.

    Examples
    --------
    >>> prisindeks(pd.Series([30_000.0]), pd.Series([40_000.0])).tolist()
    [75.0]
    """
    return forhold(kvadratmeterpris, land) * 100


def boligpris_aarsinntekter(kvadratmeterpris: pd.Series, inntekt: pd.Series, *, areal_m2: float) -> pd.Series:
    """Return the price of a dwelling in years of median income after tax, same year (SSB 06035 and 06944).

    area × price per m² / median income; the area is config/rangering.toml's (70 m²).

    Examples
    --------
    >>> boligpris_aarsinntekter(pd.Series([30_000.0]), pd.Series([600_000.0]), areal_m2=70).tolist()
    [3.5]
    """
    return areal_m2 * kvadratmeterpris / inntekt.where(inntekt > 0)


def boutgift_prosent(kvadratmeterpris: pd.Series, inntekt: pd.Series, *, kostnad: Boligkostnad) -> pd.Series:
    """Return the yearly cost of a dwelling in per cent of median income after tax, same year (SSB 06035 and 06944).

    area × price per m² × loan share × r / (1 − (1 + r)^−n) / median income × 100: an annuity of n years at interest r.
    All but price and income are those of config/rangering.toml and the same for every year, so that a trend is one of
    prices and incomes alone. Interest and instalments only: no fees, no heating, no tax relief.

    Examples
    --------
    >>> kostnad = Boligkostnad(areal_m2=70, rente_prosent=0, nedbetaling_aar=25, belaaning=1)
    >>> boutgift_prosent(pd.Series([30_000.0]), pd.Series([600_000.0]), kostnad=kostnad).round(6).tolist()
    [14.0]
    """
    laan = kostnad.areal_m2 * kvadratmeterpris * kostnad.belaaning
    return prosent(laan * kostnad.annuitet, inntekt.where(inntekt > 0))


def leieandel_prosent(andel: pd.Series) -> pd.Series:
    """Return the share of households that rent, per cent of households (SSB 11084, EierStatus 4).

    Examples
    --------
    >>> leieandel_prosent(pd.Series([23.4])).tolist()
    [23.4]
    """
    return som_det_er(andel)


_FAA = "for få omsetninger"
_PRISER = Krav("kvadratmeterpris_kr", None, skjult=_FAA)
_OMSETNINGER = Krav("boligomsetninger", None, skjult=_FAA)
_SNITT_OG_INNTEKT = (Krav("snittpris_kr", skjult=_FAA), Krav("medianinntekt_kr"))
_INGEN_INNTEKT = "medianinntekten er 0"

KVADRATMETERPRIS = Indikator(
    "kvadratmeterpris_kr",
    kvadratmeterpris_kr,
    krav=(_PRISER, _OMSETNINGER),
    tomt=_FAA,
)


def indikatorer(kostnad: Boligkostnad) -> tuple[Indikator, ...]:
    """Return the indicators of what a dwelling costs, under the assumptions of config/rangering.toml."""
    return (
        KVADRATMETERPRIS,
        Indikator(
            "prisvekst_5aar_prosent",
            prisvekst_5aar_prosent,
            krav=(_PRISER, Krav("kvadratmeterpris_kr", None, tilbake=5, skjult=_FAA), _OMSETNINGER),
            tomt=_FAA,
        ),
        Indikator("prisindeks", prisindeks, av=KVADRATMETERPRIS),
        Indikator(
            "boligpris_aarsinntekter",
            partial(boligpris_aarsinntekter, areal_m2=kostnad.areal_m2),
            krav=_SNITT_OG_INNTEKT,
            tomt=_INGEN_INNTEKT,
        ),
        Indikator(
            "boutgift_prosent",
            partial(boutgift_prosent, kostnad=kostnad),
            krav=_SNITT_OG_INNTEKT,
            tomt=_INGEN_INNTEKT,
        ),
        Indikator("leieandel_prosent", leieandel_prosent, krav=(Krav("leieandel_prosent"),)),
    )
