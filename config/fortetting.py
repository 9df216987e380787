"""Fortetting: dwellings per daa by class of kommune and by how central the ground is; see config/fortetting.toml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from config.registers import Register, load_model, read_toml

FILE = "fortetting.toml"

ANTAGELSE = "antagelse"
"""The source of what is an assumption of ours."""

Kommuneklasse = Literal["liten", "mellomstor", "by"]
KOMMUNEKLASSER: tuple[Kommuneklasse, ...] = get_args(Kommuneklasse)
Sone = Literal["sentrum", "tettsted", "utenfor"]
SONER: tuple[Sone, ...] = get_args(Sone)
Boligtype = Literal["smaahus", "rekkehus", "blokk"]

Mengde = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Tekst = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Kommuneklasser(Register):
    """The fewest inhabitants of a kommune of each class."""

    liten: Mengde
    mellomstor: Mengde
    by: Mengde
    kilde: Tekst

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not 0 == self.liten < self.mellomstor < self.by:
            raise ValueError("wanted is 0 = liten < mellomstor < by")
        return self

    def of(self, folketall: float | None) -> Kommuneklasse | None:
        """Return the class of a kommune by its inhabitants, None where they are not known.

        Examples
        --------
        >>> klasser = Kommuneklasser(liten=0, mellomstor=5000, by=20000, kilde="SSB")
        >>> [klasser.of(n) for n in (4999, 5000, 20000, None, float("nan"))]
        ['liten', 'mellomstor', 'by', None, None]
        """
        if folketall is None or math.isnan(folketall):
            return None
        if folketall >= self.by:
            return "by"
        return "mellomstor" if folketall >= self.mellomstor else "liten"


class Sonegrense(Register):
    """What makes ground part of a zone: all three hold.

    Attributes
    ----------
    naer_m
        At most so far from the tettsted, 0 is inside.
    tettsted_folketall
        Of a tettsted with at least so many inhabitants.
    befolkning_1km
        At least so many live within a kilometre.
    """

    naer_m: Mengde
    tettsted_folketall: Mengde
    befolkning_1km: Mengde
    kilde: Tekst


class Soner(Register):
    """The zones in the order in which they are tried; what lies in neither is utenfor."""

    sentrum: Sonegrense
    tettsted: Sonegrense


class Trefoldig(Register):
    """Low, expected and high."""

    lav: Mengde
    forventet: Mengde
    hoy: Mengde
    kilde: Tekst

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.lav <= self.forventet <= self.hoy:
            raise ValueError(f"wanted is lav <= forventet <= hoy, not {self.lav:g}, {self.forventet:g}, {self.hoy:g}")
        return self

    @property
    def er_antatt(self) -> bool:
        """Whether the figures are an assumption of ours."""
        return self.kilde == ANTAGELSE


class Andel(Trefoldig):
    """Shares, 0–1."""

    hoy: float = Field(ge=0, le=1)


class Standard(Trefoldig):
    """Dwellings per daa, and the type that is expected."""

    type: Boligtype
    hoy: float = Field(gt=0, le=100, allow_inf_nan=False)


class Fortetting(Register):
    """Everything of config/fortetting.toml."""

    kommuneklasse: Kommuneklasser
    sone: Soner
    uten_kjerne: Andel
    standard: Mapping[Kommuneklasse, Mapping[Sone, Standard]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        wanted = [(k, s) for k in KOMMUNEKLASSER for s in SONER]
        if missing := [f"{k}.{s}" for k, s in wanted if s not in self.standard.get(k, {})]:
            raise ValueError(f"there is no standard.{missing[0]}")
        return self


def read_fortetting(data: Mapping[str, Any]) -> Fortetting:
    """Return the standards of a file's content.

    Raises
    ------
    ConfigError
        Naming the table, the key and what is wrong with it.
    """
    return load_model(Fortetting, dict(data), FILE)


@cache
def fortetting() -> Fortetting:
    """Load config/fortetting.toml.

    Raises
    ------
    ConfigError
        Naming the table, the key and what is wrong with it.
    """
    return read_fortetting(read_toml(FILE))
