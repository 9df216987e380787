"""Tomtprofil: weights and saturation points that lots are scored by; [tomtprofil.<name>] of config/vekter.toml."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from config.errors import ConfigError
from config.registers import Register, load_model, read_toml

FILE = "vekter.toml"
SUM = 100.0

ANTATT = "antatt"
"""The source of what is an assumption of ours."""

TABELLER = ("tomt", "tomtprofil", "nivaa", "kommunenivaa", "profil")
"""Tables of config/vekter.toml; the others of them belong to config/nivaa.py and config/profil.py."""

METODER: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "kapasitet": {"fortetting": ("boliger_full",), "per_bolig": ("m2_per_bolig", "boliger_full")},
    "storrelse": {"metning": ("daa_full",)},
    "sentralitet": {"deler": (), "tetthet": ("per_km2_full",)},
    "konflikt": {"tema": ("verste_andel",)},
    "infrastruktur": {"deler": ()},
    "politikk": {"andel": ()},
    "eier": {"eierslag": ()},
}
"""Factor → its methods → the figures that each takes."""

ANDELER = frozenset({"verste_andel"})
"""Figures that are shares, 0–1; all others are greater than 0."""

Navn = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Tekst = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return how a misspelt name is answered.

    Examples
    --------
    >>> did_you_mean("sentralitett", ["kapasitet", "sentralitet"])
    'did you mean sentralitet?'
    """
    names = list(known)
    close = get_close_matches(str(name), names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"


class Tomtefaktor(Register):
    """One factor of a profile.

    Attributes
    ----------
    maks
        Its weight: the most points that it gives.
    kilde, kilde_tall
        Where the weight comes from, and where the figures do.
    tall
        The figures of the method.
    merknad
        What the card says beside it.
    """

    faktor: str
    maks: float = Field(gt=0, le=SUM, allow_inf_nan=False)
    kilde: Tekst
    metode: str
    kilde_tall: Tekst = ANTATT
    merknad: str = ""
    tall: Mapping[str, float]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, data: Any) -> Any:
        """Move the figures of the method into `tall`; name what is unknown and what is missing."""
        if not isinstance(data, dict) or "tall" in data:
            return data
        metoder = METODER[str(data["faktor"])]
        metode = str(data.get("metode", ""))
        if metode not in metoder:
            raise ValueError(f"metode {metode!r} is unknown; {did_you_mean(metode, metoder)}")
        wanted = metoder[metode]
        known = {*wanted, *cls.model_fields} - {"tall", "faktor"}
        for key in data:
            if key not in known and key != "faktor":
                raise ValueError(f"{key!r} is unknown to metode {metode}; {did_you_mean(key, sorted(known))}")
        if missing := [key for key in wanted if key not in data]:
            raise ValueError(f"{missing[0]} is missing; metode {metode} takes {', '.join(wanted)}")
        return {**{k: v for k, v in data.items() if k not in wanted}, "tall": {k: data[k] for k in wanted}}

    @model_validator(mode="after")
    def _has_sense(self) -> Self:
        for key, value in self.tall.items():
            low_ok = value >= 0 if key in ANDELER else value > 0
            if not (math.isfinite(value) and low_ok and (key not in ANDELER or value <= 1)):
                wanted = "a share from 0 to 1" if key in ANDELER else "a number greater than 0"
                raise ValueError(f"{key} = {value:g}; wanted is {wanted}")
        return self


class Tomtprofil(Register):
    """What lots are scored by.

    Attributes
    ----------
    kode
        Name of its table.
    versjon
        Raised when points change, so that scores of different rules are told apart.
    navn, beskrivelse
        To read, Norwegian.
    faktor
        In the order of `METODER`.
    """

    kode: Navn
    versjon: Tekst
    navn: Tekst
    beskrivelse: Tekst
    faktor: Mapping[str, Tomtefaktor] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _known_factors(cls, data: Any) -> Any:
        """Name unknown factors, put the rest in order and tell each its name."""
        tables = data.get("faktor") if isinstance(data, dict) else None
        if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
            raise ValueError("wanted is a table faktor.<name> for each factor")
        for name in tables:
            if name not in METODER:
                raise ValueError(f"no faktor {name!r}; {did_you_mean(name, METODER)}")
        ordered = {name: {**tables[name], "faktor": name} for name in METODER if name in tables}
        return {**data, "faktor": ordered}

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = math.fsum(f.maks for f in self.faktor.values())
        if not math.isclose(total, SUM):
            told = " + ".join(f"{name} {f.maks:g}" for name, f in self.faktor.items())
            raise ValueError(f"the maks of its factors add up to {total:g}, not {SUM:g}: {told}")
        return self

    @property
    def merke(self) -> str:
        """Name and version, as it stands in the frames: ``eier-7 1``."""
        return f"{self.kode} {self.versjon}"


class Tomtvalg(Register):
    """The table [tomt]: which profile is used when none is named."""

    profil: str


def read_tomtprofiler(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Tomtprofil]]:
    """Return the name of the default profile and every profile of a file's content, in its order.

    Raises
    ------
    ConfigError
        Naming the profile, the factor, the key and what is wrong with it.
    """
    if strange := [name for name in data if name not in TABELLER]:
        raise ConfigError(f"config/{FILE}: no table [{strange[0]}]; {did_you_mean(strange[0], TABELLER)}")
    tables = data.get("tomtprofil", {})
    if not isinstance(tables, dict) or not tables or not all(isinstance(t, dict) for t in tables.values()):
        raise ConfigError(f"config/{FILE}: wanted is a table [tomtprofil.<name>] for each profile of the lots' score")
    profiles = {
        name: load_model(Tomtprofil, {**table, "kode": name}, f"{FILE}: tomtprofil.{name}")
        for name, table in tables.items()
    }
    chosen = load_model(Tomtvalg, data.get("tomt", {}), f"{FILE}: tomt").profil
    if chosen not in profiles:
        raise ConfigError(f"config/{FILE}: tomt.profil: no profile {chosen[:40]!r}; {did_you_mean(chosen, profiles)}")
    return chosen, profiles


@cache
def _loaded() -> tuple[str, Mapping[str, Tomtprofil]]:
    return read_tomtprofiler(read_toml(FILE))


def tomtprofiler() -> Mapping[str, Tomtprofil]:
    """Load the profiles of config/vekter.toml: name → profile, in the order of the file.

    Raises
    ------
    ConfigError
        Naming the profile, the factor, the key and what is wrong with it.
    """
    return _loaded()[1]


def tomtprofil(kode: str | None = None) -> Tomtprofil:
    """Return a profile by its name, without one that which config/vekter.toml names in [tomt].

    Raises
    ------
    ConfigError
        When there is none, naming those there are.
    """
    chosen, known = _loaded()
    name = chosen if kode is None else kode
    if name not in known:
        hint = did_you_mean(name, known)
        raise ConfigError(
            f"No profile {name[:40]!r} of the lots' score; {hint}{'' if hint.endswith('?') else '.'} "
            f"Profiles are the tables [tomtprofil.<name>] of config/{FILE}."
        )
    return known[name]
