"""Invented inhabitants: by age and sex on 1 January of every year, births, deaths, moves, and projections.

One cohort grows older year by year, so that ages add up to the total and the aged 25 were 20 five years before. Arrays
are (kommuner, …, years); kommuner in the order of `inndeling.numre`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR
from tasks.sandbox.statistikk.preg import Preg, Tall, preg, stoy

SISTE_AAR = 2026
"""The newest year that is counted; later ones are projected."""
SISTE_FRAMSKREVNE = 2050
ALDERE = 106
"""0 to 104, and 105 and over."""
VEKST_PROSENT, VEKST_SPREDNING, VEKST_STOY = 0.05, 0.6, 0.2
VEKST_FRAMSKREVET = 0.6
"""Share of a kommune's growth that projections carry on."""
FOEDSLER_PER_VOKSEN = 0.039
"""Births a year for every inhabitant of 20 to 39."""


@dataclass(frozen=True)
class Befolkning:
    """Inhabitants.

    Attributes
    ----------
    personer
        (kommuner, 2 sexes: men and women, `ALDERE`, years since `FOERSTE_AAR`), counted, then projected.
    foedte, doede
        (kommuner, years), in the calendar year.
    """

    personer: Tall
    foedte: Tall
    doede: Tall

    @property
    def i_alt(self) -> Tall:
        """(kommuner, years)."""
        total: Tall = self.personer.sum(axis=(1, 2))
        return total

    def aar(self, foerste: int, siste: int) -> Tall:
        """Return total inhabitants of the years from one to another: (kommuner, years)."""
        return self.i_alt[:, foerste - FOERSTE_AAR : siste - FOERSTE_AAR + 1]


@cache
def befolkning() -> Befolkning:
    """Return the inhabitants of all kommuner."""
    kind = preg()
    years = SISTE_FRAMSKREVNE - FOERSTE_AAR + 1
    growth = _growth(kind, years)
    moving = _moving(kind)
    survival = _survival()
    state = _pyramid(kind)
    counted, born, dead = [], [], []
    for t in range(years):
        counted.append(np.round(state))
        births = FOEDSLER_PER_VOKSEN * state[:, 20:40].sum(axis=1)
        older = state * survival
        dead.append(np.round(state.sum(axis=1) - older.sum(axis=1)))
        born.append(np.round(births))
        grown = np.empty_like(state)
        grown[:, 0] = births
        grown[:, 1:] = older[:, :-1] * moving
        grown[:, -1] += older[:, -1]
        target = state.sum(axis=1) * (1 + growth[:, t] / 100)
        state = grown * (target / grown.sum(axis=1))[:, None]
    persons = np.stack(counted, axis=-1)
    women = np.round(persons * _women()[None, :, None])
    return Befolkning(np.stack([persons - women, women], axis=1), np.stack(born, -1), np.stack(dead, -1))


def _growth(kind: Preg, years: int) -> Tall:
    """Return growth, % of every year: (kommuner, years)."""
    own = VEKST_PROSENT + VEKST_SPREDNING * kind.vekst
    counted = SISTE_AAR - FOERSTE_AAR
    made = np.repeat(own[:, None], years, axis=1) + VEKST_STOY * stoy("vekst", years)
    made[:, counted:] = VEKST_FRAMSKREVET * own[:, None]
    return np.clip(made, -4.0, 4.0)


def _pyramid(kind: Preg) -> Tall:
    """Return the inhabitants of the first year by age: (kommuner, ages)."""
    age = np.arange(ALDERE)
    shape = np.exp(-(np.maximum(age - 62, 0) ** 1.6) / 120) * (1 - 0.1 * (age < 20))
    tilt = np.exp(0.10 * kind.alder[:, None] * (age - 42) / 20)
    relative = shape * tilt
    made: Tall = relative * (kind.folketall / relative.sum(axis=1))[:, None]
    return made


def _moving(kind: Preg) -> Tall:
    """Return what a year's moves do to every age but the first: (kommuner, ages − 1); the young leave, some return."""
    age = np.arange(1, ALDERE)
    leaving = ((age >= 19) & (age <= 25)).astype(np.float64) * np.clip(-0.035 + 0.03 * kind.by[:, None], -0.09, 0.05)
    returning = ((age >= 27) & (age <= 36)).astype(np.float64) * np.clip(0.02 - 0.008 * kind.by[:, None], -0.02, 0.05)
    made: Tall = 1 + leaving + returning
    return made


def _survival() -> Tall:
    """Return the share of each age that lives through the year."""
    age = np.arange(ALDERE)
    made: Tall = np.exp(-np.minimum(0.00003 * np.exp(0.1 * age), 0.9)) * (1.0 - 0.002 * (age == 0).astype(np.float64))
    return made


def _women() -> Tall:
    age = np.arange(ALDERE)
    made: Tall = 0.487 + 0.0022 * np.maximum(age - 60, 0).astype(np.float64)
    return made
