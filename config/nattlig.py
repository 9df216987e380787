"""The nightly run's list of kommuner: config/nattlig.toml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from config.registers import Kommune, Register, find_kommune, load_model, read_toml

FILE = "nattlig.toml"

Nummer = Annotated[str, StringConstraints(pattern=r"^\d{4}$")]


class Nattlig(Register):
    """What the list is made of.

    Attributes
    ----------
    profil
        The profile whose ranking gives the best.
    antall
        How many of the best; 0 for none.
    dager
        Age at which a ranking is told to be old, in days.
    alltid
        Kommuner that are in it whatever their rank.
    sandkasse
        The list of the sandbox profile, whose sources hold the invented kommuner alone.
    """

    profil: str
    antall: int = Field(ge=0, le=357)
    dager: int = Field(ge=1)
    alltid: tuple[Nummer, ...] = Field(min_length=1)
    sandkasse: tuple[Nummer, ...] = Field(min_length=1)


def nattlig() -> Nattlig:
    """Load config/nattlig.toml."""
    return load_model(Nattlig, read_toml(FILE), FILE)


def always_nightly(*, sandbox: bool) -> tuple[Kommune, ...]:
    """Return the kommuner that are in every nightly run, in order; there is at least one.

    Raises
    ------
    UnknownKommuneError
        For a number that is not in use.
    """
    listed = nattlig()
    return tuple(find_kommune(n, sandbox=sandbox) for n in (listed.sandkasse if sandbox else listed.alltid))
