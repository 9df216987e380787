"""Sammenslåing: which lots are neighbours, and what they are to reach together; see config/sammenslaaing.toml."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from config.registers import Register, load_model, read_toml

FILE = "sammenslaaing.toml"
DIGEST = 8

Maal = Literal["areal_m2", "byggbar_m2", "score"]
"""What a limit may be of."""
MAAL: tuple[Maal, ...] = get_args(Maal)

Areal = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Terskel(Register):
    """What lots are to reach together and none of them alone; None: not looked at."""

    areal_m2: Areal | None = None
    byggbar_m2: Areal | None = None
    score: Annotated[float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.limits:
            raise ValueError(f"wanted is at least one of {', '.join(MAAL)}")
        return self

    @property
    def limits(self) -> dict[Maal, float]:
        """The limits that are set, in the order in which they are looked at."""
        return {name: limit for name in MAAL if (limit := getattr(self, name)) is not None}


class Sammenslaaingsregler(Register):
    """When lots are offered together.

    Attributes
    ----------
    avstand_m
        How far apart neighbours are at most; 0: they touch.
    maks_tomter
        Lots of one assembly at most.
    """

    avstand_m: float = Field(ge=0, le=200, allow_inf_nan=False)
    maks_tomter: int = Field(ge=2, le=50)
    terskel: Terskel

    @property
    def merke(self) -> str:
        """A digest of the rules: assemblies by different ones differ by them."""
        return hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()[:DIGEST]


@cache
def sammenslaaingsregler() -> Sammenslaaingsregler:
    """Load config/sammenslaaing.toml.

    Raises
    ------
    ConfigError
        Naming the rule and what is wrong with it.
    """
    return load_model(Sammenslaaingsregler, read_toml(FILE), FILE)
