"""Selvkost: what housing is reckoned to cost and to be sold for; see config/selvkost.toml."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Self

from pydantic import Field, model_validator

from config.profil import Tekst
from config.registers import Register, load_model, read_toml

FILE = "selvkost.toml"
ANTAGELSE = "antagelse"
"""How the source of a figure begins that is an assumption of ours."""
DIGEST = 8


class Spenn(Register):
    """A figure as a range, with its source.

    Attributes
    ----------
    lav, hoy
        The smaller and the greater number; the same twice where the figure is one.
    kilde
        Where it comes from, or "antagelse …".
    """

    lav: float = Field(ge=0, allow_inf_nan=False)
    hoy: float = Field(ge=0, allow_inf_nan=False)
    kilde: Tekst

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.lav > self.hoy:
            raise ValueError(f"lav = {self.lav:g} is more than hoy = {self.hoy:g}")
        return self

    @property
    def er_antagelse(self) -> bool:
        """True for an assumption of ours."""
        return self.kilde.casefold().startswith(ANTAGELSE)


class Pristak(Register):
    """What the dwellings may cost.

    Attributes
    ----------
    andel
        Share of the kommune's price per m².
    uten_tall_kr_per_m2
        Price per m² where the kommune has none, before `andel`; None: no estimate there.
    """

    andel: Spenn
    uten_tall_kr_per_m2: Spenn | None = None


class Areal(Register):
    """How large the dwellings are: m² BRA that can be sold, each."""

    bra_per_bolig_m2: Spenn

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if not self.bra_per_bolig_m2.lav > 0:
            raise ValueError("bra_per_bolig_m2: a dwelling of 0 m² is none")
        return self


class Kostnad(Register):
    """What building costs, VAT included.

    Attributes
    ----------
    byggekost_kr_per_m2
        Per m² BRA.
    opparbeiding_kr_per_m2_tomt
        Per m² of buildable land.
    gebyrer_kr_per_bolig
        Fees and contributions per dwelling.
    felleskost_andel
        Overhead as a share of the two first.
    dokumentavgift_andel
        Share of the price of the land, which its buyer pays on top.
    """

    byggekost_kr_per_m2: Spenn
    opparbeiding_kr_per_m2_tomt: Spenn
    gebyrer_kr_per_bolig: Spenn
    felleskost_andel: Spenn
    dokumentavgift_andel: Spenn

    @model_validator(mode="after")
    def _are_shares(self) -> Self:
        for name in ("felleskost_andel", "dokumentavgift_andel"):
            if getattr(self, name).hoy > 1:
                raise ValueError(f"{name}: a share is 0–1, such as 0.12")
        return self


class Selvkost(Register):
    """Everything of config/selvkost.toml."""

    pristak: Pristak
    areal: Areal
    kostnad: Kostnad

    @property
    def merke(self) -> str:
        """A digest of every figure: estimates with different ones differ by them."""
        text = json.dumps(self.model_dump(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


@cache
def selvkost() -> Selvkost:
    """Load config/selvkost.toml.

    Raises
    ------
    ConfigError
        Naming the figure and what is wrong with it.
    """
    return load_model(Selvkost, read_toml(FILE), FILE)
