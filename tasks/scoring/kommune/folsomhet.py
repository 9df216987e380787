"""Følsomhet: how often a kommune stays among the best when the weights of the profile move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.profil import Profil
from config.rangering import Rangering
from tasks.scoring.kommune.tallene import EXACT


@dataclass(frozen=True, eq=False)
class Folsomhet:
    """What the draws gave.

    Attributes
    ----------
    robusthet
        By kommunenummer: share of the draws in which it is among the best, 0–1; an invented kommune: would be.
    overlapp
        Mean share of today's best that stay among the best, 0–1.
    skiftet
        Mean number of today's best that do not.
    alltid
        How many are among the best in every draw.
    noen_gang
        How many that are not among the best today are so in some draw.
    topp, trekninger, utslag, fro
        How many the best are; draws, how far weights moved, seed.
    """

    robusthet: pd.Series
    overlapp: float
    skiftet: float
    alltid: int
    noen_gang: int
    topp: int
    trekninger: int
    utslag: float
    fro: int


def sensitivity(
    shares: pd.DataFrame, profil: Profil, regler: Rangering, *, is_real: npt.NDArray[np.bool_]
) -> Folsomhet:
    """Draw weights, and count how often each kommune is among the best.

    Parameters
    ----------
    shares
        Kommuner × factors, 0–1, the best kommune first: of two with the same score in a draw, the better one today
        goes before.
    is_real
        For each kommune; the best are counted among the real ones.

    Notes
    -----
    Each weight is multiplied with its own uniform(1 − utslag, 1 + utslag), `trekninger` times; the score of a draw is
    Σ weight × share / Σ weight × 100. Factors are taken by name, kommuner as ranked, and the seed is set: the answer
    depends on the figures alone.
    """
    codes = sorted(profil.faktor)
    maks = np.array([profil.faktor[kode].maks for kode in codes])
    moved = np.random.default_rng(regler.fro).uniform(
        1 - regler.utslag, 1 + regler.utslag, size=(regler.trekninger, len(codes))
    )
    inside = _is_best(maks * moved, shares[codes].to_numpy(), is_real, regler.topp)
    today = _is_best(maks[None, :], shares[codes].to_numpy(), is_real, regler.topp)[0] & is_real
    kept = (inside & today).sum(axis=1)
    best = max(int(today.sum()), 1)
    return Folsomhet(
        robusthet=pd.Series(inside.mean(axis=0), index=shares.index),
        overlapp=float(kept.mean() / best),
        skiftet=float(today.sum() - kept.mean()),
        alltid=int(inside[:, is_real].all(axis=0).sum()),
        noen_gang=int((inside & ~today & is_real).any(axis=0).sum()),
        topp=regler.topp,
        trekninger=regler.trekninger,
        utslag=regler.utslag,
        fro=regler.fro,
    )


def _is_best(
    weights: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    is_real: npt.NDArray[np.bool_],
    topp: int,
) -> npt.NDArray[np.bool_]:
    """Return draws × kommuner: True where it is among the `topp` best real ones, or would be."""
    # einsum adds in one order wherever a kommune stands; a product of matrices need not
    scores = 100 * np.einsum("df,kf->dk", weights, shares) / weights.sum(axis=1, keepdims=True)
    count = len(shares)
    places = np.arange(count)[::-1]  # a whole number that tells the score first and the place today second
    keys = np.rint(scores * 10**EXACT).astype(np.int64) * count + places
    real = keys[:, is_real]
    if topp >= real.shape[1]:
        return np.ones_like(keys, dtype=bool)
    last = real.shape[1] - topp
    inside: npt.NDArray[np.bool_] = keys >= np.partition(real, last, axis=1)[:, last, None]
    return inside
