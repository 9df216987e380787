"""Levels of a lot: A, B, C or D by its score; see config/vekter.toml."""

from __future__ import annotations

import math
from functools import cache
from typing import Self

from pydantic import Field, model_validator

from config.registers import Register, load_model, read_toml

NEAR = 1e-6
"""In tenths: what floating point takes of a whole number."""


class Nivaaer(Register):
    """The lowest score of each level; D has none."""

    A: float = Field(ge=0, le=100)
    B: float = Field(ge=0, le=100)
    C: float = Field(ge=0, le=100)

    @model_validator(mode="after")
    def _fall(self) -> Self:
        if not self.A > self.B > self.C:
            raise ValueError("wanted is A > B > C")
        return self

    def of(self, score: float | None) -> str | None:
        """Return the level of an unrounded score, None for a lot without one.

        Examples
        --------
        >>> [Nivaaer(A=80, B=60, C=40).of(score) for score in (80.0, 79.96, 39.9, float("nan"))]
        ['A', 'B', 'D', None]
        """
        if score is None or math.isnan(score):
            return None
        if score >= self.A:
            return "A"
        if score >= self.B:
            return "B"
        return "C" if score >= self.C else "D"

    def vist(self, score: float) -> float:
        """Return a score with the one decimal that it is shown with: never up over the limit of a level.

        Examples
        --------
        >>> [Nivaaer(A=80, B=60, C=40).vist(score) for score in (73.45, 79.96, 39.999, 80.0, 80.04)]
        [73.5, 79.9, 39.9, 80.0, 80.0]
        """
        if math.isnan(score):
            return score
        shown = math.floor(score * 10 + 0.5 + NEAR) / 10
        crossed = any(score < limit <= shown for limit in (self.A, self.B, self.C))
        return math.floor(score * 10 + NEAR) / 10 if crossed else shown


@cache
def nivaaer() -> Nivaaer:
    """Load the levels of config/vekter.toml."""
    return load_model(Nivaaer, read_toml("vekter.toml").get("nivaa", {}), "vekter.toml: nivaa")
