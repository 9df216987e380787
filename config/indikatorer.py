"""Indikatorer: the catalogue of the kommuner's figures, their labels and units; see config/indikatorer.toml."""

from __future__ import annotations

from functools import cache
from typing import Self

from pydantic import Field, model_validator

from config.registers import Register, load_model, read_toml

FILE = "indikatorer.toml"


class Enhet(Register):
    """A unit.

    Attributes
    ----------
    tegn
        What stands behind a number.
    landet
        What the country is by definition, for ratios to it.
    """

    tegn: str
    landet: float | None = None


class Trend(Register):
    """How much an indicator must have moved to be called up or down; less is noise.

    Attributes
    ----------
    terskel
        In the indicator's own unit; in per cent of what it was where `relativ`.
    """

    terskel: float = Field(gt=0, allow_inf_nan=False)
    relativ: bool = False


class Regning(Register):
    """Numbers that several indicators are computed with.

    Attributes
    ----------
    trend_aar
        A trend compares with this many years before.
    valgperiode_aar
        Years between two elections: the trend of their figures compares with the election before, and an older
        election no longer says who governs.
    snitt_aar
        Years in a mean: dwellings a year, and each of the two means of the turn of a result.
    maks_uten_liste_prosent
        With more of the votes given to no list by name, the number of parties cannot be told.
    avrunding_prosent
        Shares that lack less than this of 100 are rounded, not short of a list.
    """

    trend_aar: int = Field(ge=1)
    valgperiode_aar: int = Field(ge=1)
    snitt_aar: int = Field(ge=1)
    maks_uten_liste_prosent: float = Field(ge=0, le=100)
    avrunding_prosent: float = Field(ge=0, le=100)


class Indikator(Register):
    """One figure of a kommune.

    Attributes
    ----------
    etikett
        To read, Norwegian.
    enhet
        Name of its unit.
    desimaler
        Shown.
    trend
        When it has moved.
    forutsetning
        What it takes for granted, to read beside it; names in braces are numbers of [boligkostnad] (rangering.toml),
        its share in per cent, and of [regning].
    """

    etikett: str = Field(min_length=1)
    enhet: str
    desimaler: int = Field(ge=0, le=6)
    trend: Trend
    forutsetning: str | None = Field(default=None, min_length=1)


class Indikatorer(Register):
    """Every indicator and unit there is, and what they are computed with."""

    regning: Regning
    enhet: dict[str, Enhet]
    indikator: dict[str, Indikator]

    @model_validator(mode="after")
    def _units_are_there(self) -> Self:
        if wrong := [f"{n}: {i.enhet}" for n, i in self.indikator.items() if i.enhet not in self.enhet]:
            raise ValueError(f"no such enhet ({', '.join(wrong)}); there are {', '.join(self.enhet)}")
        return self


@cache
def indikatorer() -> Indikatorer:
    """Load config/indikatorer.toml."""
    return load_model(Indikatorer, read_toml(FILE), FILE)
