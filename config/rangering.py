"""Rangering: which profile is published, what the top is, when a run is believed; see config/rangering.toml."""

from __future__ import annotations

from functools import cache

from pydantic import Field, field_validator

from config.registers import Register, kommune_register, load_model, read_toml

FILE = "rangering.toml"


class Boligkostnad(Register):
    """What a dwelling costs a year: an annuity of what is borrowed.

    Attributes
    ----------
    areal_m2
        Of the dwelling.
    rente_prosent
        Nominal, a year.
    nedbetaling_aar
        Years until it is paid back.
    belaaning
        Share of the price that is borrowed, 0–1.
    """

    areal_m2: float = Field(gt=0, allow_inf_nan=False)
    rente_prosent: float = Field(ge=0, le=100)
    nedbetaling_aar: int = Field(ge=1, le=100)
    belaaning: float = Field(gt=0, le=1)

    @property
    def annuitet(self) -> float:
        """Return the share of what was borrowed that is paid a year: r / (1 − (1 + r)^−n).

        Examples
        --------
        >>> round(Boligkostnad(areal_m2=70, rente_prosent=5.5, nedbetaling_aar=30, belaaning=0.85).annuitet, 5)
        0.06881
        >>> Boligkostnad(areal_m2=70, rente_prosent=0, nedbetaling_aar=25, belaaning=1).annuitet
        0.04
        """
        rate = self.rente_prosent / 100
        return rate / (1 - (1 + rate) ** -self.nedbetaling_aar) if rate else 1 / self.nedbetaling_aar


class Rangering(Register):
    """How kommuner are ranked.

    Attributes
    ----------
    profil
        Name of the default profile.
    topp
        How many the best are.
    trekninger, utslag, fro
        Draws of weights, how far each moves (0.2: ± 20 %), seed.
    minste_dekning, minste_dekning_av_sist
        Mean coverage of the real kommuner, 0–1, and the share of that of the ranking that stands: with less, nothing is
        written.
    vellykkede
        Numbers of kommuner known as successes.
    """

    profil: str
    topp: int = Field(ge=1)
    trekninger: int = Field(ge=1, le=100_000)
    utslag: float = Field(ge=0, lt=1)
    fro: int = Field(ge=0)
    minste_dekning: float = Field(ge=0, le=1)
    minste_dekning_av_sist: float = Field(ge=0, le=1)
    vellykkede: tuple[str, ...]
    boligkostnad: Boligkostnad

    @field_validator("vellykkede")
    @classmethod
    def _are_in_use(cls, numbers: tuple[str, ...]) -> tuple[str, ...]:
        in_use = {k.nummer for k in kommune_register().kommune}
        if wrong := [n for n in numbers if n not in in_use]:
            raise ValueError(f"{wrong[0]!r} is no kommune of today; a number has four digits, such as 3207")
        return numbers


@cache
def rangering() -> Rangering:
    """Load config/rangering.toml."""
    return load_model(Rangering, read_toml(FILE), FILE)
