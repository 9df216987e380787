"""What kind of place each kommune is: invented leanings, drawn from its number alone, that all its figures follow.

A leaning is about normal, 0 on average; none knows anything of the real kommune of that number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from tasks.sandbox.statistikk.inndeling import numre, oppdiktede

Tall = npt.NDArray[np.float64]
FRO = 20_260_101
TREKK = 12
FOLKETALL_MIDT, FOLKETALL_SPREDNING = 6_500.0, 1.1
MINST, STOERST = 350.0, 190_000.0
BESTEMT = {"0099": (0.6, 1.9, -1.3), "7001": (0.1, 1.1, -0.6), "7002": (1.0, -1.8, 1.8)}
"""(by, industri, vekst) of the invented kommuner, so that they differ: decline and Labour, the middle, growth."""


@dataclass(frozen=True)
class Preg:
    """Leanings of all kommuner, each (kommuner,).

    Attributes
    ----------
    folketall
        Inhabitants in the first year, before anything happens.
    by, industri, vekst, alder, pris, inntekt, bygging, arbeid, parti, leie
        Leanings: more of a town, of industry, growth, older people …
    er_ekte
        False for the invented kommuner, which count in no figure of the country.
    """

    folketall: Tall
    by: Tall
    industri: Tall
    vekst: Tall
    alder: Tall
    pris: Tall
    inntekt: Tall
    bygging: Tall
    arbeid: Tall
    parti: Tall
    leie: Tall
    er_ekte: npt.NDArray[np.bool_]


@cache
def preg() -> Preg:
    """Return the leanings of all kommuner in the order of `numre`."""
    z = np.array([rng_of(number, "preg").normal(size=TREKK) for number in numre()]).T
    by = 0.7 * z[0] + 0.7 * z[1]
    industri, drift = z[2].copy(), z[3].copy()
    for number, (own_by, own_industri, own_drift) in BESTEMT.items():
        k = numre().index(number)
        by[k], industri[k], drift[k] = own_by, own_industri, own_drift
    folketall = np.clip(FOLKETALL_MIDT * np.exp(FOLKETALL_SPREDNING * z[0]), MINST, STOERST)
    er_ekte = np.array([number not in oppdiktede() for number in numre()])
    vekst = 0.55 * by - 0.3 * industri + 0.6 * drift
    alder = -0.6 * by + 0.8 * z[4]
    return Preg(folketall, by, industri, vekst, alder, z[5], z[6], z[7], z[8], z[9], z[10], er_ekte)


def rng_of(number: str, what: str) -> np.random.Generator:
    """Return the generator of one kommune and one matter; the same in every run."""
    return np.random.default_rng([FRO, int(number), *what.encode()])


def stoy(what: str, *size: int) -> Tall:
    """Return normal noise of one matter: (kommuner, *size)."""
    return np.array([rng_of(number, what).normal(size=size) for number in numre()])
