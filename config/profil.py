"""Profil: weights and thresholds that kommuner are scored by; every table [profil.<name>] of config/vekter.toml is one.

A profile needs nothing but its table: factors name indicators of config/indikatorer.toml and what they give points for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from itertools import combinations
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from config.errors import ConfigError
from config.indikatorer import indikatorer
from config.registers import Register, load_model, read_toml

FILE = "vekter.toml"

Omraade = Literal["demografi", "okonomi", "politikk", "eiendom"]
OMRAADER: tuple[Omraade, ...] = get_args(Omraade)

ANTATT = "antatt"
"""The source of what is an assumption of ours."""


def _is_indicator(name: str) -> str:
    if name not in (known := indikatorer().indikator):
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        raise ValueError(f"no indikator {name!r}; {hint}")
    return name


IndikatorNavn = Annotated[str, AfterValidator(_is_indicator)]
Navn = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""Of a profile or factor: part of file names."""
Tall = Annotated[float, Field(allow_inf_nan=False)]
Tekst = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Trinn(Register):
    """One step: strict bounds, and the points within them.

    Attributes
    ----------
    over, under
        The value is greater than, and less than; one of them may be left out.
    indikator
        Another one than the rule's own.
    kilde
        Where the threshold comes from.
    """

    over: Tall | None = None
    under: Tall | None = None
    poeng: float = Field(gt=0, allow_inf_nan=False)
    indikator: IndikatorNavn | None = None
    kilde: Tekst

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.over is None and self.under is None:
            raise ValueError("wanted is over, under, or both")
        if self.low >= self.high:
            raise ValueError(f"nothing lies over {self.over} and under {self.under}")
        return self

    @property
    def low(self) -> float:
        """Lower bound, -inf for none."""
        return -math.inf if self.over is None else self.over

    @property
    def high(self) -> float:
        """Upper bound, inf for none."""
        return math.inf if self.under is None else self.under

    def covers(self, other: Trinn) -> bool:
        """Return whether every value of another step of the same indicator is one of this."""
        return self.low <= other.low and other.high <= self.high


class Lineaer(Register):
    """A straight line: no points at `fra` and beyond, all at `til` and beyond."""

    fra: Tall
    til: Tall
    kilde: Tekst

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.fra == self.til:
            raise ValueError(f"fra and til are both {self.fra}")
        return self


class Regel(Register):
    """How one indicator gives points: by steps, the first that holds, or by a straight line."""

    indikator: IndikatorNavn
    trinn: tuple[Trinn, ...] = ()
    lineaer: Lineaer | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.trinn) == (self.lineaer is not None):
            raise ValueError("wanted is either trinn or lineaer")
        for (_, first), (k, later) in combinations(enumerate(self.trinn, 1), 2):
            if self.indicator_of(first) == self.indicator_of(later) and first.covers(later):
                raise ValueError(f"trinn {k} is never reached: one before it holds wherever it does")
        return self

    def indicator_of(self, trinn: Trinn) -> str:
        """Return what a step looks at."""
        return trinn.indikator or self.indikator

    @property
    def indicators(self) -> tuple[str, ...]:
        """Everything that the rule may look at, its own first."""
        return tuple(dict.fromkeys([self.indikator, *(self.indicator_of(t) for t in self.trinn)]))


class Faktor(Regel):
    """One factor of a profile.

    Attributes
    ----------
    navn
        To read, Norwegian.
    maks
        Its weight: the most points that it gives.
    kilde
        Where the weight comes from.
    stedfortreder
        What is asked when the indicators of the factor are missing.
    """

    navn: Tekst
    omraade: Omraade
    maks: float = Field(gt=0, allow_inf_nan=False)
    kilde: Tekst
    stedfortreder: Regel | None = None

    @model_validator(mode="after")
    def _points_fit(self) -> Self:
        steps = (*self.trinn, *(self.stedfortreder.trinn if self.stedfortreder else ()))
        if above := [t.poeng for t in steps if t.poeng > self.maks]:
            raise ValueError(f"a step gives {above[0]:g} points, more than maks = {self.maks:g}")
        if self.trinn and max(t.poeng for t in self.trinn) < self.maks:
            raise ValueError(f"no step gives maks = {self.maks:g}; the score could never be full")
        if self.stedfortreder and self.stedfortreder.indikator == self.indikator:
            raise ValueError(f"{self.indikator} cannot stand in for itself")
        return self


class Profil(Register):
    """What kommuner are scored by.

    Attributes
    ----------
    kode
        Name of its table, and of its files.
    versjon
        Raised when points change, so that scores of different rules are told apart.
    navn, beskrivelse
        To read, Norwegian.
    mulig
        Points that can be had.
    """

    kode: Navn
    versjon: Tekst
    navn: Tekst
    beskrivelse: Tekst
    mulig: float
    faktor: dict[Navn, Faktor] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(f.maks for f in self.faktor.values())
        if not math.isclose(total, self.mulig):
            raise ValueError(f"the factors' maks add up to {total:g}, mulig says {self.mulig:g}")
        return self

    @property
    def merke(self) -> str:
        """Name and version, as it stands in the frames: ``boligsosial 1``."""
        return f"{self.kode} {self.versjon}"

    @property
    def indicators(self) -> frozenset[str]:
        """Everything that its factors and their stand-ins may look at."""
        rules = [rule for f in self.faktor.values() for rule in (f, f.stedfortreder) if rule is not None]
        return frozenset(name for rule in rules for name in rule.indicators)


class Kommunenivaa(Register):
    """The lowest score of tier 1 and 2; what lies under is 3."""

    nivaa_1: float = Field(alias="1", ge=0, le=100)
    nivaa_2: float = Field(alias="2", ge=0, le=100)

    @model_validator(mode="after")
    def _fall(self) -> Self:
        if not self.nivaa_1 > self.nivaa_2:
            raise ValueError("wanted is 1 > 2")
        return self

    def of(self, score: float) -> int:
        """Return the tier of an unrounded score.

        Examples
        --------
        >>> [Kommunenivaa.model_validate({"1": 70, "2": 40}).of(s) for s in (70.0, 69.99, 40.0, 39.99)]
        [1, 2, 2, 3]
        """
        return 1 if score >= self.nivaa_1 else 2 if score >= self.nivaa_2 else 3


@cache
def kommunenivaa() -> Kommunenivaa:
    """Load the tiers of config/vekter.toml."""
    return load_model(Kommunenivaa, read_toml(FILE).get("kommunenivaa", {}), f"{FILE}: kommunenivaa")


@cache
def profiler() -> Mapping[str, Profil]:
    """Load the profiles of config/vekter.toml: name → profile, in the order of the file.

    Raises
    ------
    ConfigError
        Naming the profile, the factor and what is wrong with it.
    """
    tables = read_toml(FILE).get("profil", {})
    if not isinstance(tables, dict) or not tables or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigError(f"config/{FILE}: wanted is a table [profil.<name>] for each profile")
    return {
        name: load_model(Profil, {**table, "kode": name}, f"{FILE}: profil {name}") for name, table in tables.items()
    }


def profil(navn: str) -> Profil:
    """Return a profile by its name.

    Raises
    ------
    ConfigError
        When there is none, naming those there are.
    """
    known = profiler()
    if navn not in known:
        raise ConfigError(f"No profile {navn[:40]!r}. There are: {', '.join(known)}.")
    return known[navn]
