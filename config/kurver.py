"""Kurver: from a distance or a number to a share, 0–1; straight lines as the registers of config/ write them.

Pure functions of arrays. What is not known gives a range: `Andeler.lav` is what it is worth at least (nothing, where
nothing is known), `Andeler.hoy` at most. Points are maks × lav, what is not known maks × (hoy − lav).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from config.registers import Register

Tall = npt.NDArray[np.float64]

Andel = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Meter = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
Mengde = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def tall(values: npt.ArrayLike) -> Tall:
    """Return values as floats."""
    return np.asarray(values, dtype=float)


class Andeler(NamedTuple):
    """What each lot has of a part: at least and at most, both 0–1, lav ≤ hoy; equal where everything is known."""

    lav: Tall
    hoy: Tall

    @classmethod
    def of(cls, lav: Tall, hoy: Tall) -> Andeler:
        """Return a range from shares in which NaN is not known."""
        return cls(np.where(np.isnan(lav), 0.0, lav), np.where(np.isnan(hoy), 1.0, hoy))


class Linje(Register):
    """A straight line by distance: 1 up to `naer_m`, 0 from `fjern_m` on."""

    naer_m: Meter
    fjern_m: Meter

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.naer_m >= self.fjern_m:
            raise ValueError(f"wanted is naer_m < fjern_m, not {self.naer_m:g} and {self.fjern_m:g}")
        return self

    def andel(self, avstand_m: npt.ArrayLike) -> Tall:
        """Return the share of each distance, m; NaN stays NaN, inf is 0.

        Examples
        --------
        >>> Linje(naer_m=300, fjern_m=1500).andel([0, 300, 900, 1500, float("inf"), float("nan")]).tolist()
        [1.0, 1.0, 0.5, 0.0, 0.0, nan]
        """
        return np.clip((self.fjern_m - tall(avstand_m)) / (self.fjern_m - self.naer_m), 0.0, 1.0)


class Spenn(Register):
    """A straight line by number: 0 up to `fra`, 1 from `til` on."""

    fra: Mengde
    til: Mengde

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.fra >= self.til:
            raise ValueError(f"wanted is fra < til, not {self.fra:g} and {self.til:g}")
        return self

    def andel(self, antall: npt.ArrayLike) -> Tall:
        """Return the share of each number; NaN stays NaN.

        Examples
        --------
        >>> Spenn(fra=0, til=1000).andel([0, 250, 4000, float("nan")]).tolist()
        [0.0, 0.25, 1.0, nan]
        """
        return np.clip((tall(antall) - self.fra) / (self.til - self.fra), 0.0, 1.0)


class Kurve(Register):
    """Straight lines between points: flat before the first and after the last."""

    punkter: tuple[tuple[Mengde, Andel], ...] = Field(min_length=2)

    @model_validator(mode="before")
    @classmethod
    def _as_list(cls, data: Any) -> Any:
        """Read a curve that is written as the list of its points."""
        return {"punkter": data} if isinstance(data, list) else data

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        values = [x for x, _ in self.punkter]
        if any(a >= b for a, b in pairwise(values)):
            raise ValueError(f"the values of a curve rise from point to point, not {values}")
        return self

    @property
    def minst(self) -> float:
        """The smallest share that it gives."""
        return min(y for _, y in self.punkter)

    @property
    def mest(self) -> float:
        """The largest share that it gives."""
        return max(y for _, y in self.punkter)

    def andel(self, verdi: npt.ArrayLike) -> Tall:
        """Return the share of each value; NaN stays NaN.

        Examples
        --------
        >>> Kurve(punkter=((1, 1.0), (5, 0.5), (10, 0.0))).andel([0, 3, 10, 99, float("nan")]).tolist()
        [1.0, 0.75, 0.0, 0.0, nan]
        """
        x, y = zip(*self.punkter, strict=True)
        return np.asarray(np.interp(tall(verdi), x, y), dtype=float)
