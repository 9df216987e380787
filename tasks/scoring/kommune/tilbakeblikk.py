"""Tilbakeblikk: how well a ranking would have found the kommuner that turned out to be successes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.scoring.kommune.tallene import EXACT
from tasks.tekst import tall

CHANCE = 0.5
"""What AUC, and percentile / 100, are by chance."""


@dataclass(frozen=True)
class Tilbakeblikk:
    """How a ranking placed the known successes, and what chance would have given.

    Attributes
    ----------
    antall, av
        Successes that are ranked, and kommuner in all.
    ukjente
        Numbers of successes that are not ranked.
    topp, i_toppen, ventet_i_toppen
        How many the best are; successes among them; what chance gives: successes × best / all.
    sjanse
        Probability that chance alone brings at least as many among the best (hypergeometric), 0–1.
    persentil_snitt, persentil_median
        Of the successes, 0–100; 50 by chance.
    auc
        Probability that a success lies above a kommune that is none, ties half; 0.5 by chance. None without both.
    """

    antall: int
    av: int
    ukjente: tuple[str, ...]
    topp: int
    i_toppen: int
    ventet_i_toppen: float
    sjanse: float
    persentil_snitt: float | None
    persentil_median: float | None
    auc: float | None

    def sentences(self) -> tuple[str, ...]:
        """Return it in Norwegian words."""
        if self.persentil_snitt is None or self.persentil_median is None:
            said = (
                "Ingen vellykkede kommuner er kjent: nevn dem i config/rangering.toml (vellykkede), "
                "eller merk dem i Airtable."
            )
            return (said, *self._unknown())
        auc = "" if self.auc is None else f", AUC {tall(self.auc, 2)} (ved tilfeldighet {tall(CHANCE, 2)})"
        return (
            f"{self.i_toppen} av {self.antall} vellykkede kommuner er blant de {self.topp} beste av {self.av} (ved "
            f"tilfeldighet {tall(self.ventet_i_toppen, 1)}; så mange eller flere ved ren tilfeldighet: "
            f"{tall(100 * self.sjanse, 1)} %); persentil {tall(self.persentil_snitt)} i snitt, "
            f"{tall(self.persentil_median)} i median (ved tilfeldighet {tall(100 * CHANCE)}){auc}.",
            *self._unknown(),
        )

    def _unknown(self) -> tuple[str, ...]:
        return (f"Ikke rangert, og holdt utenfor: {', '.join(self.ukjente)}.",) if self.ukjente else ()


def look_back(scorer: pd.DataFrame, vellykkede: Collection[str], *, topp: int) -> Tilbakeblikk:
    """Hold a ranking against the known successes, among the real kommuner.

    Parameters
    ----------
    scorer
        Contract `kommunescorer`, of whatever year.
    vellykkede
        Numbers of the successes.
    topp
        How many the best are.

    Notes
    -----
    AUC = mean over all pairs of a success and another kommune of 1 where the success has the higher score, ½ where
    both have the same.
    """
    real = scorer[~scorer["er_oppdiktet_kommune"]]
    is_success = real["kommunenummer"].isin(list(vellykkede)).to_numpy()
    found, total, best = int(is_success.sum()), len(real), min(topp, len(real))
    inside = int((is_success & (real["rang"] <= topp).to_numpy()).sum())
    percentiles = real.loc[is_success, "persentil"]
    return Tilbakeblikk(
        antall=found,
        av=total,
        ukjente=tuple(sorted(set(vellykkede) - set(real["kommunenummer"]))),
        topp=topp,
        i_toppen=inside,
        ventet_i_toppen=found * best / total if total else 0.0,
        sjanse=_at_least(inside, drawn=found, best=best, total=total),
        persentil_snitt=float(percentiles.mean()) if found else None,
        persentil_median=float(percentiles.median()) if found else None,
        auc=_auc(real["score"].to_numpy(dtype=float), is_success),
    )


def _auc(score: npt.NDArray[np.float64], is_success: npt.NDArray[np.bool_]) -> float | None:
    score = np.round(score, EXACT)
    ours, others = score[is_success][:, None], score[~is_success][None, :]
    if not ours.size or not others.size:
        return None
    return float(((ours > others) + 0.5 * (ours == others)).mean())


def _at_least(inside: int, *, drawn: int, best: int, total: int) -> float:
    """Return the probability that `drawn` of `total`, taken by chance, hold at least `inside` of the `best`."""
    ways = sum(comb(best, k) * comb(total - best, drawn - k) for k in range(inside, min(drawn, best) + 1))
    return ways / comb(total, drawn)
