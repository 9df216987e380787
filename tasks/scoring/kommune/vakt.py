"""Vakt: whether a ranking rests on enough figures to take the place of the one that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from config.rangering import Rangering
from tasks.scoring.kommune.poengsum import has_invented_figures, of_interest


@dataclass(frozen=True)
class Dom:
    """The verdict.

    Attributes
    ----------
    dekning
        Mean coverage of the real kommuner, 0–1.
    dekning_sist
        The same of the best of the last months; None when there is none to compare with.
    grunner
        Why the ranking may not be written, and what to do; empty when it may.
    """

    dekning: float
    dekning_sist: float | None
    grunner: tuple[str, ...]

    @property
    def er_godtatt(self) -> bool:
        """True when the ranking may be written."""
        return not self.grunner


def judge(scorer: pd.DataFrame, regler: Rangering, *, tidligere: Sequence[pd.DataFrame]) -> Dom:
    """Judge a ranking by its coverage.

    Parameters
    ----------
    scorer
        Contract `kommunescorer`.
    tidligere
        Earlier rankings of the same profile: the best of them counts, so that coverage cannot fall a little each time.
        One that rests on invented figures is not compared with one that does not, nor one of another version.
    """
    dekning = _coverage(scorer)
    reasons = []
    if dekning < regler.minste_dekning:
        reasons.append(
            f"{dekning:.0%} of the weight rests on figures, at least {regler.minste_dekning:.0%} are wanted "
            "(config/rangering.toml: minste_dekning). Run again when the tables that failed answer."
        )
    best = max((one for one in tidligere if _are_comparable(one, scorer)), key=_coverage, default=None)
    before = None if best is None else _coverage(best)
    if best is not None and before is not None and dekning < before * regler.minste_dekning_av_sist:
        reasons.append(
            f"{dekning:.0%} of the weight rests on figures, the ranking of {best['rangert_dato'].iloc[0]} had "
            f"{before:.0%} (config/rangering.toml: at least {regler.minste_dekning_av_sist:.0%} of the best of "
            f"{regler.minste_dekning_maaneder} months). Run again when the tables that failed answer, or lower "
            "minste_dekning_av_sist when figures are gone for good."
        )
    return Dom(dekning, before, tuple(reasons))


def _are_comparable(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    if not len(one) or not len(other) or has_invented_figures(one) != has_invented_figures(other):
        return False
    return bool(one["profil"].iloc[0] == other["profil"].iloc[0])


def _coverage(scorer: pd.DataFrame) -> float:
    return float(of_interest(scorer)["dekning"].mean())
