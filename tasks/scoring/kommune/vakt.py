"""Vakt: whether a ranking rests on enough figures to take the place of the one that stands."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from config.rangering import Rangering
from tasks.scoring.kommune.poengsum import of_interest, rests_on_invented


@dataclass(frozen=True)
class Dom:
    """The verdict.

    Attributes
    ----------
    dekning
        Mean coverage of the real kommuner, 0–1.
    dekning_sist
        The same of the ranking that stands; None when there is none to compare with.
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


def judge(scorer: pd.DataFrame, regler: Rangering, *, staaende: pd.DataFrame | None) -> Dom:
    """Judge a ranking by its coverage.

    Parameters
    ----------
    scorer
        Contract `kommunescorer`.
    staaende
        The ranking that stands, of the same profile; one that rests on invented figures is not compared with one that
        does not.
    """
    dekning, before = _coverage(scorer), None
    reasons = []
    if dekning < regler.minste_dekning:
        reasons.append(
            f"{dekning:.0%} of the weight rests on figures, at least {regler.minste_dekning:.0%} are wanted "
            "(config/rangering.toml: minste_dekning). Run again when the tables that failed answer."
        )
    if staaende is not None and len(staaende) and rests_on_invented(staaende) == rests_on_invented(scorer):
        before = _coverage(staaende)
        if dekning < before * regler.minste_dekning_av_sist:
            reasons.append(
                f"{dekning:.0%} of the weight rests on figures, the ranking of {staaende['rangert_dato'].iloc[0]} had "
                f"{before:.0%} (config/rangering.toml: at least {regler.minste_dekning_av_sist:.0%} of it). Run again "
                "when the tables that failed answer, or lower minste_dekning_av_sist when figures are gone for good."
            )
    return Dom(dekning, before, tuple(reasons))


def _coverage(scorer: pd.DataFrame) -> float:
    return float(of_interest(scorer)["dekning"].mean())
