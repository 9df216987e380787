"""Poenggiver: gives points to lots, and to lots put together, by one profile and one set of sources."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from config.tomtprofil import Tomtprofil
from tasks.scoring.tomt.minne import with_land
from tasks.scoring.tomt.poeng import gi_poeng
from tasks.scoring.tomt.regler import Regler
from tasks.scoring.tomt.score import GRUNNLAG, scorenoekler, scorer


@dataclass(frozen=True)
class Poenggiver:
    """Scores lots, and lots put together, by one profile and one set of sources."""

    profil: Tomtprofil
    regler: Regler
    dekning: pd.DataFrame
    land: pd.DataFrame | None

    def kort(self, fakta: pd.DataFrame, andeler: pd.DataFrame) -> pd.DataFrame:
        """Return contract `scorekort`."""
        return gi_poeng(fakta, andeler, profil=self.profil, regler=self.regler, dekning=self.dekning, land=self.land)

    def scorer(
        self, kort: pd.DataFrame, fakta: pd.DataFrame, andeler: pd.DataFrame, tomter: pd.DataFrame
    ) -> pd.DataFrame:
        """Return contract `scorer`."""
        return scorer(
            kort,
            fakta,
            andeler,
            profil=self.profil,
            regler=self.regler,
            dekning=self.dekning,
            land=self.land,
            tomter=tomter,
        )

    def __call__(self, fakta: pd.DataFrame, andeler: pd.DataFrame, tomter: pd.DataFrame) -> pd.DataFrame:
        """Return the scores of lots that are put together."""
        return self.scorer(self.kort(fakta, andeler), fakta, andeler, tomter)

    def noekler(self, fakta: pd.DataFrame, tomter: pd.DataFrame) -> pd.Series:
        """Return the key of each lot's score, by tomt_id; `tomter` in the order of `fakta`."""
        keys = scorenoekler(fakta, profil=self.profil, regler=self.regler, dekning=self.dekning, land=self.land)
        return pd.Series(with_land(keys, tomter, GRUNNLAG), index=fakta["tomt_id"].to_numpy(dtype=object), dtype=object)
