"""Rangering: which profile is published, what the top is, when a run is believed; see config/rangering.toml."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from pydantic import Field, field_validator

from config.errors import ConfigError
from config.indikatorer import FILE as INDIKATORER_FILE
from config.indikatorer import indikatorer
from config.profil import kommunenivaa
from config.registers import Register, kommune_register, load_model, read_toml
from config.statistikk import statistikk

FILE = "rangering.toml"

DIGEST = 8


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
        Mean coverage of the real kommuner, 0–1, and the share of the best of the last months: with less, nothing is
        written.
    minste_dekning_maaneder
        How many months back that best one is looked for.
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
    minste_dekning_maaneder: int = Field(ge=1, le=120)
    vellykkede: tuple[str, ...]
    boligkostnad: Boligkostnad

    @field_validator("vellykkede")
    @classmethod
    def _are_in_use(cls, numbers: tuple[str, ...]) -> tuple[str, ...]:
        in_use = {k.nummer for k in kommune_register().kommune}
        if wrong := [n for n in numbers if n not in in_use]:
            raise ValueError(f"{wrong[0]!r} is no kommune of today; a number has four digits, such as 3207")
        return numbers

    @property
    def merke(self) -> str:
        """A digest of the settings that move scores besides the profile: rankings with different ones differ by rules.

        What a dwelling costs, the blocks of the parties, the tiers, and what indicators are computed with.
        """
        settings = {
            "boligkostnad": self.boligkostnad.model_dump(),
            "blokker": {p.kode: p.blokk for p in statistikk().parti},
            "kommunenivaa": kommunenivaa().model_dump(),
            "regning": indikatorer().regning.model_dump(),
        }
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:DIGEST]


def forutsetning(navn: str, boligkostnad: Boligkostnad) -> str | None:
    """Return what an indicator takes for granted, with the numbers filled in; None for nothing.

    Raises
    ------
    ConfigError
        When config/indikatorer.toml names a number that there is not.

    Examples
    --------
    >>> kostnad = Boligkostnad(areal_m2=70, rente_prosent=5.5, nedbetaling_aar=30, belaaning=0.85)
    >>> forutsetning("boutgift_prosent", kostnad), forutsetning("folketall", kostnad)
    ('70 m², 85 % lån til 5,5 % i 30 år', None)
    """
    text = indikatorer().indikator[navn].forutsetning
    if text is None:
        return None
    numbers = {
        **boligkostnad.model_dump(),
        "belaaning_prosent": 100 * boligkostnad.belaaning,
        **indikatorer().regning.model_dump(),
    }
    try:
        return text.format_map({name: f"{number:.10g}".replace(".", ",") for name, number in numbers.items()})
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(
            f"config/{INDIKATORER_FILE}: {navn}: forutsetning {text!r}: {error}; there are {', '.join(numbers)}"
        ) from None


@cache
def rangering() -> Rangering:
    """Load config/rangering.toml."""
    return load_model(Rangering, read_toml(FILE), FILE)
