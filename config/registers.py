"""The registers: the TOML files beside this module, loaded once and validated; an unknown key is an error."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.errors import ConfigError, UnknownKommuneError

FOLDER = Path(__file__).parent

T = TypeVar("T", bound="Register")


class Register(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _read(name: str) -> dict[str, Any]:
    path = FOLDER / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config/{name}: {error}") from None


def _load(model: type[T], data: dict[str, Any], name: str) -> T:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"config/{name}: {where}: {first['msg']}") from None


# --- kommuner -------------------------------------------------------------------------------------------------


class Kommune(Register):
    """One kommune: number (4 digits), name, fylke, own UTM zone."""

    nummer: str = Field(pattern=r"^\d{4}$")
    navn: str
    fylke: str
    epsg: Literal[25832, 25833, 25835]
    oppdiktet: bool = False

    @property
    def label(self) -> str:
        """Number and name, as shown in the form: ``3207 Nordre Follo``."""
        return f"{self.nummer} {self.navn}"


class OppdiktetKommune(Register):
    """Facts of an invented kommune of the sandbox (config/sandbox.toml)."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # how it is drawn is read by the sandbox

    nummer: str = Field(pattern=r"^\d{4}$")
    navn: str
    epsg: Literal[25832, 25833, 25835]
    gammelt_nummer: str
    nabo: str


class KommuneRegister(Register):
    """The 357 kommuner in use and the numbers before them."""

    kommune: tuple[Kommune, ...]
    tidligere: dict[str, tuple[str, ...]]


@cache
def kommune_register() -> KommuneRegister:
    """Load config/kommuner.toml."""
    register = _load(KommuneRegister, _read("kommuner.toml"), "kommuner.toml")
    numbers = [k.nummer for k in register.kommune]
    if len(set(numbers)) != len(numbers):
        raise ConfigError("config/kommuner.toml: a number stands twice")
    return register


@cache
def _invented() -> tuple[OppdiktetKommune, ...]:
    return tuple(_load(OppdiktetKommune, row, "sandbox.toml") for row in _read("sandbox.toml").get("kommune", []))


@cache
def invented_kommuner() -> tuple[Kommune, ...]:
    """Return the invented kommuner of the sandbox."""
    return tuple(
        Kommune(nummer=r.nummer, navn=r.navn, fylke="Oppdiktet", epsg=r.epsg, oppdiktet=True) for r in _invented()
    )


def numbers_in_use(*, sandbox: bool) -> frozenset[str]:
    """Return the numbers of every kommune there is; in the sandbox the invented ones and their neighbours too."""
    neighbours = {r.nabo for r in _invented()} if sandbox else set()
    return frozenset(neighbours | {k.nummer for k in kommuner(sandbox=sandbox)})


def earlier_numbers(*, sandbox: bool) -> dict[str, tuple[str, ...]]:
    """Return old number → the number or numbers of today."""
    invented = {r.gammelt_nummer: (r.nummer,) for r in _invented()} if sandbox else {}
    return kommune_register().tidligere | invented


def kommuner(*, sandbox: bool) -> tuple[Kommune, ...]:
    """Return the kommuner that may be run: the invented ones first when in the sandbox profile."""
    return (*(invented_kommuner() if sandbox else ()), *kommune_register().kommune)


def find_kommune(text: str, *, sandbox: bool) -> Kommune:
    """Return the kommune with this number; a label (``3207 Nordre Follo``) is accepted too.

    Raises
    ------
    UnknownKommuneError
        For a number that is not in use, naming the new one when it was renumbered.
    """
    words = text.split()
    number = words[0] if words else ""
    by_number = {k.nummer: k for k in kommuner(sandbox=sandbox)}
    if number in by_number:
        return by_number[number]
    new = kommune_register().tidligere.get(number)
    if new:
        names = ", ".join(by_number[n].label for n in new)
        split = "was split; use one of" if len(new) > 1 else "is no longer in use; use"
        raise UnknownKommuneError(f"Kommune {number} {split} {names}.")
    if not sandbox and number in {k.nummer for k in invented_kommuner()}:
        raise UnknownKommuneError(
            f"Kommune {number} is invented and known in the sandbox profile only. Set TOMT_PROFILE=sandbox to use it."
        )
    close = [k.label for k in by_number.values() if text.strip() and text.strip().lower() in k.navn.lower()]
    hint = f" Did you mean {', '.join(close[:3])}?" if close else " A number has four digits, such as 3207."
    raise UnknownKommuneError(f"No kommune {text.strip()[:40]!r}.{hint}")


# --- plankilder -----------------------------------------------------------------------------------------------

Tema = Literal["kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal", "teig", "grense", "bygning"]


class Kilde(Register):
    """One source: theme, protocol, address, layers, credentials, licence. See config/plankilder.toml."""

    navn: str
    tema: Tema
    protokoll: Literal["ogc_features", "wfs", "kommuneinfo"]
    adresse: str
    sandbox: str
    lag: tuple[str, ...]
    paakrevd: tuple[str, ...]
    innhold: tuple[str, ...] = ()
    utelat: tuple[str, ...] = ()
    valgfri: bool = False
    legitimasjon: str | None = None
    tom_betyr: Literal["tom", "ikke_dekket"]
    lisens: str

    def address(self, sources_url: str | None) -> str:
        """Return the address: below `sources_url` in the sandbox, else the real one."""
        return self.adresse if sources_url is None else sources_url.rstrip("/") + self.sandbox


@cache
def kilder() -> dict[str, Kilde]:
    """Load config/plankilder.toml, by theme."""
    rows = {
        name: _load(Kilde, {"navn": name, **row}, "plankilder.toml") for name, row in _read("plankilder.toml").items()
    }
    by_tema = {k.tema: k for k in rows.values()}
    if len(by_tema) != len(rows):
        raise ConfigError("config/plankilder.toml: two sources for one theme")
    return {str(tema): kilde for tema, kilde in by_tema.items()}


def themes(*, ikke_bolig_i_plan: bool) -> tuple[Tema, ...]:
    """Return the themes that a run fetches, in order.

    Parameters
    ----------
    ikke_bolig_i_plan
        Whether the second class of differanse is looked for, which alone needs the purposes inside plans.
    """
    known = kilder()
    wanted = (tema for tema in get_args(Tema) if tema in known)
    return tuple(tema for tema in wanted if ikke_bolig_i_plan or tema != "reguleringsformaal")


def optional_themes() -> frozenset[str]:
    """Return the themes without which a run still finds lots."""
    return frozenset(tema for tema, kilde in kilder().items() if kilde.valgfri)


# --- arealformål, rules, weights ------------------------------------------------------------------------------

Klasse = Literal["bolig", "mulig", "spredt"]


class Klasser(Register):
    """Codes of one object type: the range of the list, and those of each housing class."""

    koder: tuple[int, int]
    bolig: tuple[str, ...]
    mulig: tuple[str, ...]
    spredt: tuple[str, ...]


@cache
def housing_classes() -> dict[tuple[str, str], Klasse]:
    """Load config/arealformaal.toml as (objekttype, code) → class."""
    table: dict[tuple[str, str], Klasse] = {}
    for objekttype, row in _read("arealformaal.toml").items():
        klasser = _load(Klasser, row, f"arealformaal.toml: {objekttype}")
        for klasse in ("bolig", "mulig", "spredt"):
            for code in getattr(klasser, klasse):
                if (objekttype, code) in table:
                    raise ConfigError(f"config/arealformaal.toml: {objekttype} {code} has two classes")
                table[objekttype, code] = klasse
    return table


def is_known_code(objekttype: str, code: str | None) -> bool:
    """Return whether a code lies in the range of its list in config/arealformaal.toml."""
    row = _read("arealformaal.toml").get(objekttype)
    if row is None or code is None or not code.isdecimal():
        return False
    first, last = _load(Klasser, row, f"arealformaal.toml: {objekttype}").koder
    return first <= int(code) <= last


class ArealRegler(Register):
    """Area floors, m² in the kommune's own UTM zone, and the smallest width of a lot, m (0: no such rule)."""

    minste_omraade_m2: float = Field(gt=0)
    minste_tomt_m2: float = Field(gt=0)
    minste_bredde_m: float = Field(ge=0)


class GeometriRegler(Register):
    """The width of a hairline, m, and whether borders between zones cut."""

    toleranse_m: float = Field(gt=0, le=0.05)
    per_sone: bool


class KlasseRegler(Register):
    """Housing classes that count."""

    teller: tuple[Klasse, ...]


class PlanRegler(Register):
    """Which plans zone, settle, or are under way."""

    vedtatt_status: str
    under_arbeid_status: tuple[str, ...]
    bakkenivaa: str
    manglende_arealstatus: str
    kommuneplan_typer: tuple[str, ...]
    kommunedelplan_typer: tuple[str, ...]


class DifferanseRegler(Register):
    """Which classes of differanse are looked for beside land outside every adopted plan."""

    ikke_bolig_i_plan: bool


class KjerneRegler(Register):
    """Distances (m) and floors of the buildable core."""

    bygning_m: float = Field(ge=0)
    bygningspunkt_m: float = Field(ge=0)
    veg_m: float = Field(ge=0)
    minste_bredde_m: float = Field(ge=0)
    minste_areal_m2: float = Field(gt=0)


class IdentitetRegler(Register):
    """How an old and a new polygon are told to be the same lot."""

    minste_iou: float = Field(ge=0.5, lt=1)


class HentRegler(Register):
    """Limits of fetching: seconds, tries, rate, bytes, page size."""

    sekunder_tilkobling: float = Field(gt=0)
    sekunder_lesing: float = Field(gt=0)
    sekunder_kilde: float = Field(gt=0)
    forsoek: int = Field(ge=1)
    per_sekund: float = Field(gt=0)
    maks_bytes: int = Field(gt=0)
    side: int = Field(gt=0)


class Regler(Register):
    """Rules of fetching and of the land engine."""

    areal: ArealRegler
    geometri: GeometriRegler
    klasser: KlasseRegler
    plan: PlanRegler
    differanse: DifferanseRegler
    kjerne: KjerneRegler
    identitet: IdentitetRegler
    hent: HentRegler


@cache
def regler() -> Regler:
    """Load config/regler.toml."""
    return _load(Regler, _read("regler.toml"), "regler.toml")


class GrovProfil(Register):
    """Weights of the first score `grov`; see papers §3."""

    versjon: str
    m2_per_bolig: float = Field(gt=0)
    kapasitet_maks: float = Field(gt=0)
    kapasitet_boliger_full: float = Field(gt=0)
    storrelse_maks: float = Field(gt=0)
    storrelse_daa_full: float = Field(gt=0)


@cache
def grov_profil() -> GrovProfil:
    """Load the profile `grov` of config/vekter.toml."""
    return _load(GrovProfil, _read("vekter.toml").get("grov", {}), "vekter.toml: grov")


# --- the Airtable base ----------------------------------------------------------------------------------------

Eier = Literal["pipeline", "sales", "initial"]


class Felt(Register):
    """One field of the base: name, type, who owns it, what it means."""

    navn: str
    type: Literal[
        "singleLineText",
        "multilineText",
        "number",
        "checkbox",
        "singleSelect",
        "url",
        "dateTime",
        "multipleRecordLinks",
    ]
    eier: Eier
    betyr: str
    desimaler: int | None = Field(None, ge=0, le=8)
    valg: tuple[str, ...] = ()
    til: str | None = None
    start: str | None = None


class Tabell(Register):
    """One table of the base: its fields, the first of them the key."""

    navn: str
    noekkel: str
    beskrivelse: str
    felt: tuple[Felt, ...]

    def field(self, navn: str) -> Felt:
        """Return the field called `navn`."""
        return next(f for f in self.felt if f.navn == navn)


class BaseRegister(Register):
    """The base as code."""

    tabell: tuple[Tabell, ...]

    def table(self, navn: str) -> Tabell:
        """Return the table called `navn`."""
        return next(t for t in self.tabell if t.navn == navn)


@cache
def base_register() -> BaseRegister:
    """Load config/airtable.toml and check that keys, links, choices and start values fit together."""
    register = _load(BaseRegister, _read("airtable.toml"), "airtable.toml")
    seen: set[str] = set()
    for tabell in register.tabell:
        names = [f.navn for f in tabell.felt]
        if len(set(names)) != len(names) or names[0] != tabell.noekkel:
            raise ConfigError(f"config/airtable.toml: {tabell.navn}: a field stands twice, or the key is not first")
        for felt in tabell.felt:
            where = f"config/airtable.toml: {tabell.navn}.{felt.navn}"
            if (felt.type == "multipleRecordLinks") != (felt.til is not None) or (felt.til or tabell.navn) not in {
                *seen,
                tabell.navn,
            }:
                raise ConfigError(f"{where}: a link needs `til`, a table that stands above")
            if (felt.type == "singleSelect") != bool(felt.valg) or (felt.type == "number") != (
                felt.desimaler is not None
            ):
                raise ConfigError(f"{where}: singleSelect needs `valg`, number needs `desimaler`, no other type does")
            if (felt.eier == "initial") != (felt.start is not None):
                raise ConfigError(f"{where}: `initial` needs `start`, no other owner does")
        seen.add(tabell.navn)
    return register


class Nattlig(Register):
    """Kommuner of the nightly run, in order."""

    kommuner: tuple[str, ...]
    sandkasse: tuple[str, ...]


def nightly_kommuner(*, sandbox: bool) -> tuple[Kommune, ...]:
    """Load config/nattlig.toml; every number must be in use."""
    lists = _load(Nattlig, _read("nattlig.toml"), "nattlig.toml")
    return tuple(find_kommune(n, sandbox=sandbox) for n in (lists.sandkasse if sandbox else lists.kommuner))
