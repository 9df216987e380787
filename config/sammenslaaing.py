"""Sammenslåing: which lots are neighbours, and what they are to reach together; see config/sammenslaaing.toml."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from pydantic import Field

from config.registers import Register, load_model, read_toml

FILE = "sammenslaaing.toml"
DIGEST = 8


class Sammenslaaingsregler(Register):
    """When lots are offered together.

    Attributes
    ----------
    avstand_m
        How far apart neighbours are at most; 0: they touch.
    maks_tomter
        Lots of one assembly at most.
    byggbar_m2
        Buildable ground that they are to have together and that none of them has alone.
    """

    avstand_m: float = Field(ge=0, le=200, allow_inf_nan=False)
    maks_tomter: int = Field(ge=2, le=50)
    byggbar_m2: float = Field(gt=0, allow_inf_nan=False)

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
