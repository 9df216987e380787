"""Invented income and work, and what the kommuner do with their money (KOSTRA).

Arrays are (kommuner, years), or (kommuner, groups, years); kommuner in the order of `inndeling.numre`. NaN: no figure.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR
from tasks.sandbox.statistikk.preg import Tall, preg, stoy

SISTE_INNTEKT = 2024
INNTEKT_KR = 575_000.0
"""Median after tax of all households in the middling kommune in the last year."""
INNTEKT_VEKST = 0.031
HUSHOLD_FAKTOR = (1.0, 0.58, 1.02, 1.55, 0.97)
"""All, alone, couples without children, couples with, single parents."""
SKATT_OG_MER = 1.32
"""Income before tax for every krone after it."""
LEDIGHET_FOERSTE, LEDIGHET_SISTE = FOERSTE_AAR, 2020
LEDIGE_PROSENT = 2.3
SYSSELSATTE_PROSENT = 66.5
FOERSTE_SYSSELSATTE = 2009
SISTE_SYSSELSATTE = 2025
FOERSTE_KOSTRA, SISTE_KOSTRA = 2015, 2025
EIENDOMSSKATT_ANDEL = 0.86
"""Share of the kommuner that have the tax."""
HULL_ANDEL = 0.006
"""Share of the answers to KOSTRA that never came."""


def _level() -> Tall:
    kind = preg()
    made: Tall = 0.042 * kind.by - 0.055 * kind.industri + 0.065 * kind.inntekt
    return made


@cache
def medianinntekt() -> Tall:
    """Return median income after tax, kr, by type of household: (kommuner, 5, years to `SISTE_INNTEKT`)."""
    years = np.arange(FOERSTE_AAR, SISTE_INNTEKT + 1)
    trend = np.exp(INNTEKT_VEKST * (years - SISTE_INNTEKT))
    noise = np.exp(0.008 * stoy("inntekt", len(HUSHOLD_FAKTOR), len(years)))
    level = INNTEKT_KR * np.exp(_level())
    made: Tall = level[:, None, None] * np.array(HUSHOLD_FAKTOR)[None, :, None] * trend[None, None, :] * noise
    return np.round(made, -3)


@cache
def ledige() -> Tall:
    """Return registered unemployed aged 15–74, % of the labour force: (kommuner, months from January 2009)."""
    kind = preg()
    months = (LEDIGHET_SISTE - LEDIGHET_FOERSTE + 1) * 12 - 1
    level = LEDIGE_PROSENT * np.exp(0.22 * kind.industri + 0.3 * kind.arbeid - 0.05 * kind.by)
    season = 1 + 0.12 * np.cos(2 * np.pi * np.arange(months) / 12)
    made: Tall = np.round(level[:, None] * season * np.exp(0.08 * stoy("ledige", months)), 1)
    return made.clip(0.2, 12.0)


@cache
def sysselsatte() -> Tall:
    """Return employed in the 4th quarter, % of inhabitants, by age: (kommuner, 15–74 and 20–66, years)."""
    kind = preg()
    years = SISTE_SYSSELSATTE - FOERSTE_SYSSELSATTE + 1
    level = SYSSELSATTE_PROSENT + 0.9 * kind.by - 1.6 * kind.industri - 1.9 * kind.arbeid
    made = level[:, None] + 0.4 * stoy("sysselsatte", years)
    return np.round(np.stack([made, made + 11.0], axis=1).clip(40.0, 92.0), 1)


def kostra_years(siste: int = SISTE_KOSTRA) -> range:
    """Return the years of KOSTRA figures."""
    return range(FOERSTE_KOSTRA, siste + 1)


@cache
def driftsresultat() -> Tall:
    """Return net operating result, % of gross income; NaN where a kommune did not report."""
    kind, years = preg(), kostra_years()
    common = np.random.default_rng(7).normal(1.6, 1.4, size=len(years))
    own = 0.5 * kind.vekst - 0.3 * kind.alder
    made = np.round(common + own[:, None] + 1.8 * stoy("drift", len(years)), 1)
    return _with_holes(made, "hull drift")


@cache
def eiendomsskatt() -> Tall:
    """Return the general rate of property tax, ‰, to `SISTE_AAR`; NaN where there is no such tax."""
    years = kostra_years(SISTE_AAR)
    draw = stoy("eiendomsskatt", 2)
    has = draw[:, :1] < np.quantile(draw[:, 0], EIENDOMSSKATT_ANDEL)
    rate = (3.4 + 0.8 * draw[:, 1:] - 0.1 * np.arange(len(years))).clip(1.0, 5.0)
    return np.where(has, np.round(rate, 1), np.nan)


@cache
def kommunale_boliger() -> Tall:
    """Return dwellings at the kommune's disposal, at the end of the year; NaN where it did not report."""
    kind, years = preg(), kostra_years()
    rate = 21.0 * np.exp(0.25 * kind.leie - 0.1 * kind.by)
    people = befolkning().aar(years[0] + 1, years[-1] + 1)
    made = np.round(people * rate[:, None] / 1000 * np.exp(0.03 * stoy("boliger", len(years))))
    return _with_holes(made, "hull boliger")


@cache
def bosatte_i_tettsted() -> Tall:
    """Return inhabitants of urban settlements on 1 January: (kommuner, years to `SISTE_AAR` − 1)."""
    kind = preg()
    share = 1 / (1 + np.exp(-0.5 - 1.1 * kind.by))
    made: Tall = np.floor(befolkning().aar(FOERSTE_AAR, SISTE_AAR - 1) * share[:, None])
    return made


@cache
def areal_tettsted() -> Tall:
    """Return the area of urban settlements, km²: (kommuner, years to `SISTE_AAR` − 1)."""
    made: Tall = np.round(bosatte_i_tettsted() / 1_600 * np.exp(0.2 * stoy("areal", 1)), 2)
    return made


def _with_holes(figures: Tall, what: str) -> Tall:
    draw = np.abs(stoy(what, figures.shape[1]))
    return np.where(draw > np.quantile(draw, 1 - HULL_ANDEL), np.nan, figures)
