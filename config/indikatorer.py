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
    """

    etikett: str = Field(min_length=1)
    enhet: str
    desimaler: int = Field(ge=0, le=6)


class Indikatorer(Register):
    """Every indicator and unit there is."""

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
