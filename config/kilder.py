"""The sources: config/plankilder.toml and an operator's own file beside it, loaded and validated.

A source brings one theme, for the kommuner it names or for all. Where several serve a kommune, they are asked in the
order of `prioritet`; see `kilder_for`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from config.errors import ConfigError
from config.konflikt import konflikter
from config.registers import Kommune, Register, in_config, kommune_register, kommuner, load_model, read_toml
from config.settings import is_loopback

Tema = str
"""What a source brings: one of LANDTEMAER, of KONTEKSTTEMAER, or a layer of config/konflikter.toml."""

LANDTEMAER: tuple[Tema, ...] = (
    "grense",
    "kommuneplan",
    "kommunedelplan",
    "reguleringsplan",
    "reguleringsformaal",
    "teig",
    "bygning",
    "adresse",
)
"""What lots are found from, in this order: the boundary first, since some sources are asked by its box. Addresses are
asked for one by one once there are lots."""

KONTEKSTTEMAER: tuple[Tema, ...] = ("tettsted", "grunnkrets", "grunnkretstall", "holdeplass", "veg", "adressepunkt")
"""What stands around the lots; without it lots are found all the same, and less is known of them."""

KONTEKSTNAVN: Mapping[Tema, str] = {
    "tettsted": "Tettsteder",
    "grunnkrets": "Grunnkretser",
    "grunnkretstall": "Folketall i grunnkretsene",
    "holdeplass": "Holdeplasser i bruk",
    "veg": "Veger",
    "adressepunkt": "Adresser",
    "bygning": "Skoler, barnehager og butikker",
}
"""Layer of context that is no conflict → what it is called where people read; buildings, which lots are found from,
tell of daily services too."""

Protokoll = Literal[
    "ogc_features", "wfs", "arcgis", "nedlasting", "innboks", "kommuneinfo", "adresser", "pxweb", "entur", "nvdb"
]


SHIPPED = ("plankilder.toml", "konflikter.toml", "kontekst.toml")
"""Files of sources in config/, the first for what lots are found from."""

GYLDIG_DAGER = 7
"""So old an answer of context may be before it is asked for again, where its source says nothing else."""

PLANER = ("kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal")
ONLY: Mapping[str, tuple[str, ...]] = {
    "kommuneinfo": ("grense",),
    "adresser": ("adresse",),
    "innboks": PLANER,
    "pxweb": ("grunnkretstall",),
    "entur": ("holdeplass",),
    "nvdb": ("veg",),
}
"""What some protocols bring, and nothing else; boundaries and addresses come by no other."""


class Kilde(Register):
    """One source: theme, protocol, address, layers, columns, credentials, licence.

    What each key means stands in plankilder.toml; the later ones in konflikter.toml and kontekst.toml.
    """

    navn: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    tema: Tema
    protokoll: Protokoll
    adresse: str = ""
    sandbox: str | None = None
    datasett: str | None = None
    kommuner: tuple[str, ...] | None = None
    prioritet: int = Field(50, ge=0, le=100)
    lag: dict[str, str]
    paakrevd: tuple[str, ...] = ()
    innhold: tuple[str, ...] = ()
    omfatter: tuple[Tema, ...] = ()
    kommunefelt: str | None = None
    epsg: Literal[25832, 25833, 25835, 4326, 4258] = 25833
    versjon: Literal["2.0.0", "1.1.0"] = "2.0.0"
    kolonner: dict[str, str] = Field(default_factory=dict)
    faste: dict[str, str] = Field(default_factory=dict)
    koder: dict[str, str] = Field(default_factory=dict)
    omrade_av_soner: bool = False
    utelat: tuple[str, ...] = ()
    valgfri: bool = False
    legitimasjon: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$")
    tom_betyr: Literal["tom", "ikke_dekket"] = "ikke_dekket"
    tom_naar: str | None = None
    filter: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    filter_ellers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    side: int | None = Field(None, ge=1, le=10_000)
    rundt_m: float = Field(0, ge=0, le=50_000, allow_inf_nan=False)
    gyldig_dager: int = Field(0, ge=0, le=366)
    landsdekkende: bool = False
    lisens: str
    merknad: str = ""

    @model_validator(mode="before")
    @classmethod
    def _context_is_optional(cls, data: Any) -> Any:
        """Lots are found without what stands around them, which changes slowly."""
        if isinstance(data, dict) and data.get("tema") not in LANDTEMAER:
            return {"gyldig_dager": GYLDIG_DAGER, **data, "valgfri": True}
        return data

    @field_validator("tema")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in (known := (*LANDTEMAER, *kontekst_themes())):
            raise ValueError(f"there is no theme or layer {value!r}; there are {', '.join(known)}")
        return value

    @field_validator("lag", mode="before")
    @classmethod
    def _named_by_themselves(cls, value: Any) -> Any:
        """Let a list stand for layers that are called as their object types."""
        return {name: name for name in value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.protokoll != "innboks" and urlsplit(self.adresse).scheme not in {"http", "https"}:
            raise ValueError("adresse must be an http(s) address")
        parts = urlsplit(self.adresse)
        if parts.username is not None or parts.password is not None:
            raise ValueError("adresse holds a login; name one with legitimasjon instead")
        if self.legitimasjon is not None and parts.scheme == "http" and not is_loopback(self.adresse):
            raise ValueError("a login must not travel over http: give the https address")
        if not self.lag:
            raise ValueError("lag names no layer")
        unknown = sorted({*self.paakrevd, *self.innhold} - set(self.lag))
        if unknown:
            raise ValueError(f"paakrevd or innhold names {unknown}, which lag does not")
        only = ONLY.get(self.protokoll)
        if (only is not None and self.tema not in only) or (only is None and self.tema in {"grense", "adresse"}):
            raise ValueError(f"protokoll {self.protokoll} does not bring {self.tema}")
        if empty := sorted(column for column, values in self.filter.items() if not column or not values):
            raise ValueError(f"filter says of {empty} no value to keep")
        if strange := sorted(set(self.filter_ellers) - set(self.filter)):
            raise ValueError(f"filter_ellers names {strange}, which filter does not")
        if self.protokoll == "nedlasting" and self.datasett is None:
            raise ValueError("a download needs datasett, the dataset's uuid")
        return self

    @property
    def fil(self) -> str:
        """What the file that it stands in is called in messages, which hold no path of the machine."""
        own = "your own file of sources (TOMT_KILDER)"
        return next((f"config/{name}" for name in SHIPPED if _shipped(name).get(self.navn) == self), own)

    @property
    def er_kontekst(self) -> bool:
        """Whether it brings what stands around the lots, or binds them, and not what they are found from."""
        return self.tema not in LANDTEMAER

    def serves(self, kommunenummer: str) -> bool:
        """Return whether this source may hold the kommune."""
        return self.kommuner is None or kommunenummer in self.kommuner

    def address(self, sources_url: str | None) -> str | None:
        """Return the address: the real one, or in the sandbox one on this machine, None when there is none.

        Parameters
        ----------
        sources_url
            Of the local sources in the sandbox profile; None outside it.
        """
        if self.protokoll == "innboks" or sources_url is None or is_loopback(self.adresse):
            return self.adresse
        return None if self.sandbox is None else sources_url.rstrip("/") + self.sandbox


@cache
def kilder(egne: Path | None = None) -> Mapping[str, Kilde]:
    """Load every source of config/ and the operator's own file, by name; an own source replaces one of its name.

    They stand in plankilder.toml, and in the tables `kilde` of konflikter.toml and kontekst.toml.

    Parameters
    ----------
    egne
        File of the same form (``TOMT_KILDER``).

    Raises
    ------
    ConfigError
        Naming the file, the source and what is wrong with it.
    """
    konflikter()  # what is wrong there is told as such, and not of the first source
    first, *others = SHIPPED
    rows = dict(_shipped(first))
    for name in others:
        around = _shipped(name)
        if twice := sorted(around.keys() & rows.keys()):
            raise ConfigError(f"{in_config(name)}: {twice[0]} is the name of another source. Give it one of its own.")
        rows |= around
    if egne is not None:
        try:
            data = tomllib.loads(egne.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"TOMT_KILDER {egne}: {error}") from None
        own = _sources(data, str(egne))
        for navn in own.keys() & rows.keys():
            if own[navn].tema != rows[navn].tema:
                raise ConfigError(
                    f"{egne}: {navn} is the name of a source of {rows[navn].tema}. Give yours another name."
                )
        rows |= own
    return rows


def _table(name: str) -> dict[str, Any]:
    table = read_toml(name).get("kilde", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{in_config(name)}: kilde is no table of sources: write [kilde.<name>]")
    return table


@cache
def _shipped(name: str) -> Mapping[str, Kilde]:
    return _sources(read_toml(name) if name == SHIPPED[0] else _table(name), name)


def _sources(data: Mapping[str, Any], name: str) -> dict[str, Kilde]:
    known = {k.nummer for k in kommuner(sandbox=True)}
    rows: dict[str, Kilde] = {}
    for navn, row in data.items():
        if not isinstance(row, dict):
            raise ConfigError(f"{in_config(name)}: {navn} is no source: a source is a table, [{navn}]")
        kilde = load_model(Kilde, {"navn": navn, **row}, f"{name}: {navn}")
        old = kommune_register().tidligere
        for nummer in kilde.kommuner or ():
            if nummer not in known and nummer in old:
                raise ConfigError(f"{in_config(name)}: {navn}: kommune {nummer} is now {', '.join(old[nummer])}")
            if nummer not in known:
                raise ConfigError(f"{in_config(name)}: {navn}: there is no kommune {nummer!r}")
        if kilde.tom_naar is not None and kilde.tom_naar not in data:
            raise ConfigError(f"{in_config(name)}: {navn}: tom_naar names {kilde.tom_naar!r}, which is no source here")
        rows[navn] = kilde
    return rows


def kilder_for(tema: Tema, kommune: Kommune, *, among: Iterable[Kilde]) -> tuple[Kilde, ...]:
    """Return the sources of a theme that may hold a kommune, the one that goes first first.

    Sources that name the kommune go before those of the whole country only by their `prioritet`: precedence is said,
    never guessed.
    """
    fitting = (k for k in among if k.tema == tema and k.serves(kommune.nummer))
    return tuple(sorted(fitting, key=lambda k: (k.prioritet, k.navn)))


def themes(*, ikke_bolig_i_plan: bool, egne: Path | None = None) -> tuple[Tema, ...]:
    """Return the themes that a run finds its lots from, in order.

    Parameters
    ----------
    ikke_bolig_i_plan
        Whether the second class of differanse is looked for, which alone needs the purposes inside plans.
    egne
        File of the operator's own sources.
    """
    known = {k.tema for k in kilder(egne).values()} - {"adresse"}
    wanted = (tema for tema in LANDTEMAER if tema in known)
    return tuple(tema for tema in wanted if ikke_bolig_i_plan or tema != "reguleringsformaal")


def kontekst_themes() -> tuple[Tema, ...]:
    """Return what is fetched around the lots, in order: what tells how central they are, then what binds land."""
    return (*KONTEKSTTEMAER, *konflikter().lag)


def optional_themes(egne: Path | None = None) -> frozenset[str]:
    """Return the themes without which a run still finds lots: those whose every source is `valgfri`."""
    every = [k for k in kilder(egne).values() if k.tema in LANDTEMAER]  # of context all are
    return frozenset(k.tema for k in every) - frozenset(k.tema for k in every if not k.valgfri)
