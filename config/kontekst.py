"""Kontekst: which buildings tell of daily services, by building type; see config/kontekst.toml.

Who brings the layers of context: config/kilder.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from config.errors import ConfigError
from config.registers import Register, load_model, read_toml

FILE = "kontekst.toml"

Bygningstype = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{2}$")]
Typer = Annotated[tuple[Bygningstype, ...], Field(min_length=1)]


class Tjenester(Register):
    """Kind of service → the building types (NS 3457-3) that stand for it.

    Attributes
    ----------
    offentlig
        Kinds of building that a kommune mostly owns itself: a hint at municipal land, no service of its own.
    """

    dagligvare: Typer
    skole: Typer
    barnehage: Typer
    offentlig: Typer

    @model_validator(mode="after")
    def _each_once(self) -> Tjenester:
        for slag, typer in self.typer.items():
            if twice := sorted({t for t in typer if typer.count(t) > 1}):
                raise ValueError(f"{slag}: {twice[0]} stands twice")
        return self

    @property
    def typer(self) -> Mapping[str, tuple[str, ...]]:
        """Kind → building types."""
        found: dict[str, tuple[str, ...]] = self.model_dump()
        return found


@cache
def tjenester() -> Tjenester:
    """Load the table `tjeneste` of config/kontekst.toml.

    Raises
    ------
    ConfigError
        Naming the key and what is wrong with it.
    """
    return read_tjenester(read_toml(FILE), FILE)


def read_tjenester(data: Mapping[str, object], name: str) -> Tjenester:
    """Return the kinds of services from a file's content; its table of sources is left alone.

    Raises
    ------
    ConfigError
        Naming the key and what is wrong with it.
    """
    if strange := sorted(set(data) - {"tjeneste", "kilde"}):
        raise ConfigError(f"config/{name}: unknown table {strange[0]!r}; wanted are tjeneste and kilde")
    table = data.get("tjeneste")
    if not isinstance(table, dict):
        raise ConfigError(f"config/{name}: there is no table [tjeneste] with the building types of the services")
    return load_model(Tjenester, table, f"{name}: tjeneste")
