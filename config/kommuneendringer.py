"""Kommuneendringer: what became of the kommuner's numbers since 2000; see config/kommuneendringer.toml.

Facts, so that no figure is carried over wrongly where SSB's Klass does not answer, or says half of it.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, NamedTuple

from pydantic import Field

from config.registers import Register, earlier_numbers, invented_kommuner, load_model, read_toml

FILE = "kommuneendringer.toml"
OPPDIKTET_ENDRING = date(2020, 1, 1)
"""When the invented kommuner got the numbers of today."""

Nummer = Annotated[str, Field(pattern=r"^\d{4}$")]


class Kommuneendring(NamedTuple):
    """A number that became another, or changed its name, on a date."""

    dato: date
    gammel: Nummer
    gammelt_navn: str
    ny: Nummer
    nytt_navn: str


class Kommuneendringer(Register):
    """All that are known."""

    endring: tuple[Kommuneendring, ...]


@cache
def kommuneendringer() -> tuple[Kommuneendring, ...]:
    """Load config/kommuneendringer.toml, in order of time."""
    rows = load_model(Kommuneendringer, read_toml(FILE), FILE).endring
    return tuple(sorted(row if row.nytt_navn else row._replace(nytt_navn=row.gammelt_navn) for row in rows))


@cache
def oppdiktede_endringer() -> tuple[Kommuneendring, ...]:
    """Return the changes of the sandbox's invented kommuner."""
    names = {k.nummer: k.navn for k in invented_kommuner()}
    return tuple(
        Kommuneendring(OPPDIKTET_ENDRING, old, names[new], new, names[new])
        for old, (new, *_) in sorted(earlier_numbers(sandbox=True).items())
        if new in names
    )
