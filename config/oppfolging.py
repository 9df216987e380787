"""The daily follow-up: deadlines, what counts as contact, what the pipeline is worth; see config/oppfolging.toml."""

from __future__ import annotations

from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from config.base import base_register
from config.registers import Register, load_model, read_toml

FILE = "oppfolging.toml"


class Paaminnelse(Register):
    """When somebody is reminded.

    Attributes
    ----------
    maks_linjer
        Lines of one cell.
    tidssone
        What day it is to those who read it.
    dager_uten_kontakt
        Stage → days without contact until a reminder, and between two.
    """

    maks_linjer: int = Field(ge=1, le=100)
    tidssone: str
    dager_uten_kontakt: dict[str, int]

    @field_validator("tidssone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no time zone") from None
        return value

    @model_validator(mode="after")
    def _is_positive(self) -> Self:
        wrong = [stage for stage, days in self.dager_uten_kontakt.items() if days < 1]
        if wrong:
            raise ValueError(f"{wrong[0]}: wanted is at least 1 day; leave the stage out for no reminder")
        return self


class Varsel(Register):
    """What is told of: changes, answers, contact.

    Attributes
    ----------
    endret_dager, svar_dager
        How long a change of the sources and an answer stand as reminders.
    kontakt_leses_dager
        How far back activities are read.
    kontakt
        Types of activities that are contact with an owner.
    ikke_svar
        Options that mean that no answer has come.
    """

    endret_dager: int = Field(ge=1)
    svar_dager: int = Field(ge=1)
    kontakt_leses_dager: int = Field(ge=1)
    kontakt: tuple[str, ...]
    ikke_svar: tuple[str, ...]


class Kommentarer(Register):
    """Whether comments mention the one responsible, and how many at most in a run."""

    paa: bool
    maks_per_kjoring: int = Field(ge=0)


class Pipeline(Register):
    """The stages of the pipeline and what they are worth.

    Attributes
    ----------
    start
        The stage of a lot that nobody has moved.
    stiger
        Stages that are worked with, in order.
    teller_mandat
        Status of the mandates whose amount counts.
    sannsynlighet
        Stage → the chance, 0-1, that a lot in it is bought in the end; assumed.
    """

    start: str
    stiger: tuple[str, ...] = Field(min_length=1)
    teller_mandat: tuple[str, ...]
    sannsynlighet: dict[str, float]

    def rank(self, fase: str | None) -> int:
        """Return how far a stage is, 1 for the first; 0 for those outside the pipeline."""
        return self.stiger.index(fase) + 1 if fase in self.stiger else 0


class Raa(Register):
    """How many snapshots of sales' fields are kept, and all of how many days."""

    behold_antall: int = Field(ge=1)
    behold_dager: int = Field(ge=1)


class Oppfolging(Register):
    """The follow-up as data."""

    paaminnelse: Paaminnelse
    varsel: Varsel
    kommentarer: Kommentarer
    pipeline: Pipeline
    raa: Raa

    @model_validator(mode="after")
    def _fits(self) -> Self:
        line = self.pipeline
        if set(line.sannsynlighet) != set(line.stiger) or any(not 0 <= p <= 1 for p in line.sannsynlighet.values()):
            raise ValueError("pipeline: `sannsynlighet` wants a number from 0 to 1 for each of `stiger`")
        if line.start in line.stiger or len(set(line.stiger)) != len(line.stiger):
            raise ValueError("pipeline: `start` stands in `stiger`, or a stage stands twice")
        base = base_register()
        _known("Tomter", "Fase", (line.start, *line.stiger, *self.paaminnelse.dager_uten_kontakt))
        _known("Aktiviteter", "Aktivitetstype", self.varsel.kontakt)
        _known("Mandater", "Status", line.teller_mandat)
        answers = {*base.table("Utsendinger").field("Svar").valg, *base.table("Eiere").field("Svarstatus").valg}
        if unknown := [v for v in self.varsel.ikke_svar if v not in answers]:
            raise ValueError(f"varsel: {unknown[0]!r} is no option of Utsendinger.Svar or Eiere.Svarstatus")
        return self


def _known(tabell: str, felt: str, values: tuple[str, ...]) -> None:
    """Raise for a value that is no option of a field."""
    options = base_register().table(tabell).field(felt).valg
    if unknown := [value for value in values if value not in options]:
        raise ValueError(f"{unknown[0]!r} is no option of {tabell}.{felt}")


@cache
def oppfolging() -> Oppfolging:
    """Load config/oppfolging.toml and check it against the options of the base.

    Raises
    ------
    ConfigError
        Naming what does not fit.
    """
    return load_model(Oppfolging, read_toml(FILE), FILE)
