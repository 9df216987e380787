"""Konflikt: what binds land, and how severely; see config/konflikter.toml. Who brings it: config/kilder.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from config.errors import ConfigError
from config.registers import Register, load_model, read_toml

FILE = "konflikter.toml"

Alvor = Literal["stopp", "hard", "myk"]
Betydning = Literal["stopp", "hard", "myk", "ingen"]
Andel = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Meter = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Tekst = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

WRITTEN = (
    re.compile(r"([0-9]+)(?:\.0+)()"),
    re.compile(r"([A-Za-zÆØÅæøå0-9]{1,6}) ?[-–:=] ?([^\W\d].*)"),
    re.compile(r"[Hh] ?([0-9]{3})(?:[_ -](.*))?"),
)
"""How codes are written where a bare one is meant: the code, and what stands after it."""
KODE = re.compile(r"[A-ZÆØÅ0-9]{1,6}")
"""What a code looks like in the config; a word such as Lav is none, and *Lav-middels* does not mean it."""
VERST = ("stopp", "hard", "myk", "ingen")
"""What a row may mean, the worst first."""


class Konflikttema(Register):
    """A theme of conflict.

    Attributes
    ----------
    vekt
        Its share of the points for being free of conflict, among all themes.
    trengs
        Layers that must be known for the theme to be; the others add what they have.
    """

    navn: Tekst
    vekt: float = Field(gt=0, allow_inf_nan=False)
    trengs: tuple[str, ...] = Field(min_length=1)


class Konfliktlag(Register):
    """A layer of a theme: what its rows mean.

    Attributes
    ----------
    attributt
        Columns that tell how severe a row is, of several values the worst counts; none: all rows alike.
    alvor
        Value → what it means.
    annet
        What any other value means, or none at all; None: a row with one makes the layer unusable.
    uten_verdi
        What a row without a value means; None: what `annet` says.
    buffer_m, buffer_m_for
        Widened by so much, metres; by value where that differs.
    """

    navn: Tekst
    tema: str
    attributt: tuple[Tekst, ...] = ()
    alvor: Mapping[str, Betydning] = Field(default_factory=dict)
    annet: Betydning | None = None
    uten_verdi: Alvor | None = None
    tar_av_kjernen: bool = False
    buffer_m: Meter = 0
    buffer_m_for: Mapping[str, Meter] = Field(default_factory=dict)
    navnefelt: tuple[Tekst, ...] = ()
    kilde: Tekst

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.attributt and (self.annet is None or self.uten_verdi is not None):
            raise ValueError("without attributt all rows are alike: wanted is annet, and that alone")
        if bool(self.alvor) != bool(self.attributt):
            raise ValueError("attributt and alvor come together")
        if self.attributt and self.annet == "ingen":
            raise ValueError("annet = 'ingen' lets values that nobody knows earn points: list those that bind nothing")
        if "stopp" in self.alvor.values() and self.annet not in (None, "stopp"):
            raise ValueError("annet is milder than stopp, which a value that nobody knows may mean: leave it out")
        if strange := sorted(set(self.buffer_m_for) - set(self.alvor)):
            raise ValueError(f"buffer_m_for names {strange}, which alvor does not")
        return self

    def betydning(self, verdi: str | None) -> Betydning | None:
        """Return what a value of the attribute means, None when nobody has said.

        Examples
        --------
        >>> lag = Konfliktlag(navn="Støy", tema="stoy", attributt=("sone",), alvor={"R": "hard"}, kilde="T-1442")
        >>> lag.betydning(" r "), lag.betydning("X")
        ('hard', None)
        """
        if verdi is None and self.uten_verdi is not None:
            return self.uten_verdi
        return self._folded.get(_fold(verdi), self.annet)

    def verste(self, verdier: Sequence[str | None]) -> str | None:
        """Return the value that means the worst; one that nobody knows the meaning of goes before all.

        Examples
        --------
        >>> lag = Konfliktlag(navn="Støy", tema="t", attributt=("a",), alvor={"R": "hard", "G": "myk"}, kilde="T-1442")
        >>> lag.verste(["G", None, "R"]), lag.verste(["G", "?"]), lag.verste([None])
        ('R', '?', None)
        """
        told = [v for v in verdier if v is not None]
        return min(told, key=lambda v: -1 if (m := self.betydning(v)) is None else VERST.index(m), default=None)

    def verdi_av(self, skrevet: str | None) -> str | None:
        """Return the value of `alvor` that a source means by what it writes, or else what it writes.

        A code may stand with a false fraction, before its name, or as the name of a hensynssone; where another code
        stands beside it, neither is meant. 0 is nothing where `alvor` has no 0.

        Examples
        --------
        >>> alvor = {"310": "hard", "220": "myk", "R": "myk", "Lav": "myk"}
        >>> lag = Konfliktlag(navn="Sone", tema="t", attributt=("fare",), alvor=alvor, kilde="pbl")
        >>> [lag.verdi_av(v) for v in ("310.0", "310 - Ras- og skredfare", "H310_2", "r", "999", "0")]
        ['310', '310', '310', 'R', '999', None]
        >>> [lag.verdi_av(v) for v in ("Lav-middels", "H220_H310")]
        ['Lav-middels', 'H220_H310']
        """
        plain = " ".join((skrevet or "").split())
        known = {_fold(k): k for k in self.alvor}
        if _fold(plain) in known:
            return known[_fold(plain)]
        for form in WRITTEN:
            if (found := form.fullmatch(plain)) is None:
                continue
            code = known.get(_fold(found[1]))
            if code is not None and KODE.fullmatch(code) and not self._means_another(code, found[2] or ""):
                return code
        return plain if plain.strip("0") else None

    def _means_another(self, kode: str, rest: str) -> bool:
        """Return whether what stands after a code is a value that means something else."""
        words = {_fold(w) for w in (rest, *re.split(r"[\W_]+", rest), *re.findall("[0-9]+", rest))}
        meant = self.betydning(kode), self.buffer_for(kode)
        others = (k for k in self.alvor if _fold(k) in words)
        return any((self.betydning(k), self.buffer_for(k)) != meant for k in others)

    def buffer_for(self, verdi: str | None) -> float:
        """Return by how much a row with a value is widened, metres."""
        return {_fold(k): m for k, m in self.buffer_m_for.items()}.get(_fold(verdi), self.buffer_m)

    @property
    def _folded(self) -> dict[str, Betydning]:
        return {_fold(k): v for k, v in self.alvor.items()}


def _fold(value: str | None) -> str:
    return "" if value is None else " ".join(value.split()).casefold()


class Konfliktregler(Register):
    """When a lot is stopped, what land under a conflict costs, and how many rows may lack an extent."""

    stopp_andel: float = Field(gt=0, le=1, allow_inf_nan=False)
    straff: Mapping[Alvor, Andel]
    uten_flate: Andel = 0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if missing := [a for a in ("stopp", "hard", "myk") if a not in self.straff]:
            raise ValueError(f"straff does not say what {', '.join(missing)} costs")
        if not self.straff["stopp"] >= self.straff["hard"] >= self.straff["myk"]:
            raise ValueError("straff: wanted is stopp >= hard >= myk")
        return self


class Konflikter(Register):
    """Everything of config/konflikter.toml but its sources."""

    regler: Konfliktregler
    tema: Mapping[str, Konflikttema] = Field(min_length=1)
    lag: Mapping[str, Konfliktlag]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for navn, lag in self.lag.items():
            if lag.tema not in self.tema:
                raise ValueError(f"lag.{navn}: there is no tema {lag.tema!r}; there are {', '.join(self.tema)}")
        for navn, tema in self.tema.items():
            for lag_navn in tema.trengs:
                if lag_navn not in self.lag or self.lag[lag_navn].tema != navn:
                    raise ValueError(f"tema.{navn}: trengs names {lag_navn!r}, which is no layer of it")
        return self

    @property
    def vektsum(self) -> float:
        """What the weights of all themes add up to."""
        return sum(t.vekt for t in self.tema.values())

    def lag_av(self, tema: str) -> tuple[str, ...]:
        """Return the layers of a theme."""
        return tuple(navn for navn, lag in self.lag.items() if lag.tema == tema)


@cache
def konflikter() -> Konflikter:
    """Load the themes and layers of config/konflikter.toml.

    Raises
    ------
    ConfigError
        Naming the table and what is wrong with it.
    """
    data = read_toml(FILE)
    made = read_konflikter(data, FILE)
    require_sources(made, data.get("kilde", {}), FILE)
    return made


def require_sources(register: Konflikter, kilder: object, name: str) -> None:
    """Check that every layer has a source, and every source a layer: else one would be waited for in vain.

    Parameters
    ----------
    kilder
        The file's table `kilde`, as read.

    Raises
    ------
    ConfigError
        Naming the layer or the source.
    """
    rows = kilder.items() if isinstance(kilder, dict) else ()
    brought = {navn: str(row.get("tema", "")) for navn, row in rows if isinstance(row, dict)}
    for navn, lag in brought.items():
        if lag not in register.lag:
            raise ConfigError(
                f"config/{name}: kilde.{navn}: there is no layer {lag!r}; there are {', '.join(register.lag)}"
            )
    if without := [lag for lag in register.lag if lag not in brought.values()]:
        raise ConfigError(
            f'config/{name}: lag.{without[0]}: no source brings it. Write [kilde.<name>] with tema = "{without[0]}".'
        )


def read_konflikter(data: Mapping[str, object], name: str) -> Konflikter:
    """Return themes and layers from a file's content; its table of sources is left alone.

    Raises
    ------
    ConfigError
        Naming the table and what is wrong with it.
    """
    strange = sorted(set(data) - {"regler", "tema", "lag", "kilde"})
    if strange:
        raise ConfigError(f"config/{name}: unknown table {strange[0]!r}; wanted are regler, tema, lag and kilde")
    return load_model(Konflikter, {k: v for k, v in data.items() if k != "kilde"}, name)
