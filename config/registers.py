"""The registers: the TOML files beside this module, loaded once and validated; an unknown key is an error."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.errors import ConfigError, UnknownKommuneError

FOLDER = Path(__file__).parent

T = TypeVar("T", bound="Register")


class Register(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def read_toml(name: str) -> dict[str, Any]:
    """Return a TOML file of this folder.

    Raises
    ------
    ConfigError
        Naming the file.
    """
    path = FOLDER / name
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config/{name}: {error}") from None


def in_config(name: str) -> str:
    """Return how a file is called in messages: ``config/regler.toml``, or its whole path when it lies elsewhere."""
    return name if "/" in name else f"config/{name}"


def load_model(model: type[T], data: dict[str, Any], name: str) -> T:
    """Return data of a TOML file as a model; `name` (of this folder, or a whole path) stands in the message.

    Raises
    ------
    ConfigError
        Naming the file and the key.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(": ".join(part for part in (in_config(name), where, said) if part)) from None


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
    register = load_model(KommuneRegister, read_toml("kommuner.toml"), "kommuner.toml")
    numbers = [k.nummer for k in register.kommune]
    if len(set(numbers)) != len(numbers):
        raise ConfigError("config/kommuner.toml: a number stands twice")
    return register


@cache
def _invented() -> tuple[OppdiktetKommune, ...]:
    return tuple(
        load_model(OppdiktetKommune, row, "sandbox.toml") for row in read_toml("sandbox.toml").get("kommune", [])
    )


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
    for objekttype, row in read_toml("arealformaal.toml").items():
        klasser = load_model(Klasser, row, f"arealformaal.toml: {objekttype}")
        for klasse in ("bolig", "mulig", "spredt"):
            for code in getattr(klasser, klasse):
                if (objekttype, code) in table:
                    raise ConfigError(f"config/arealformaal.toml: {objekttype} {code} has two classes")
                table[objekttype, code] = klasse
    return table


def is_known_code(objekttype: str, code: str | None) -> bool:
    """Return whether a code lies in the range of its list in config/arealformaal.toml."""
    row = read_toml("arealformaal.toml").get(objekttype)
    if row is None or code is None or not code.isdecimal():
        return False
    first, last = load_model(Klasser, row, f"arealformaal.toml: {objekttype}").koder
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
    storste_andel_uten_status: float = Field(ge=0, le=1)
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
    """Limits of fetching (seconds, tries, rate, bytes, page size), what is believed, and how long answers are kept."""

    sekunder_tilkobling: float = Field(gt=0)
    sekunder_lesing: float = Field(gt=0)
    sekunder_kilde: float = Field(gt=0)
    sekunder_kontekst: float = Field(gt=0)
    forsoek: int = Field(ge=1)
    per_sekund: float = Field(gt=0)
    maks_bytes: int = Field(gt=0)
    side: int = Field(gt=0)
    storste_fall: float = Field(gt=0, lt=1)
    storste_frafall_teiger: float = Field(gt=0, le=1)
    reserve_dager: int = Field(ge=0)
    behold_antall: int = Field(ge=1)
    behold_dager: int = Field(ge=0)


Karakter = Literal["A", "B", "C", "D"]


class Trinn(Register):
    """Limits of one measure: beyond `b` the grade is B at best, beyond `c` C, beyond `d` D."""

    b: float | None = Field(None, ge=0)
    c: float | None = Field(None, ge=0)
    d: float | None = Field(None, ge=0)

    def above(self, figure: float | None) -> Karakter:
        """Return the grade of a figure that should be small; A where there is none."""
        return self._worst(lambda limit: figure is not None and figure > limit)

    def below(self, figure: float | None) -> Karakter:
        """Return the grade of a figure that should be large; A where there is none."""
        return self._worst(lambda limit: figure is not None and figure < limit)

    def _worst(self, is_beyond: Callable[[float], bool]) -> Karakter:
        limits: tuple[tuple[Karakter, float | None], ...] = (("D", self.d), ("C", self.c), ("B", self.b))
        return next((grade for grade, limit in limits if limit is not None and is_beyond(limit)), "A")


class KvalitetKoster(Register):
    """Grades that a theme is at best when something has happened, whatever its figures."""

    feilet: Karakter
    ikke_dekket: Karakter
    uten_kommuneplan: Karakter
    holdt: Karakter
    antall: Karakter
    reserve: Karakter


class KvalitetRegler(Register):
    """What data quality costs: shares 0-1, days, years."""

    dekket: Trinn
    dekket_punkter: int = Field(gt=0, le=1_000_000)
    ukjent_kode: Trinn
    ugyldig: Trinn
    uten_status: Trinn
    uleselig_nivaa: Trinn
    endring: Trinn
    endring_dager: int = Field(ge=0)
    kopi_dager: Trinn
    sett_dager: Trinn
    kommuneplan_aar: Trinn
    reguleringsplan_aar: Trinn
    koster: KvalitetKoster


class AdresseRegler(Register):
    """Limits of the address look-up: questions a run, metres, days."""

    per_kjoring: int = Field(ge=0)
    maks_avstand_m: float = Field(gt=0)
    maks_radius_m: float = Field(gt=0)
    maks_alder_dager: int = Field(ge=0)
    flytting_m: float = Field(ge=0)


class Regler(Register):
    """Rules of fetching, of data quality and of the land engine."""

    areal: ArealRegler
    geometri: GeometriRegler
    klasser: KlasseRegler
    plan: PlanRegler
    differanse: DifferanseRegler
    kjerne: KjerneRegler
    identitet: IdentitetRegler
    hent: HentRegler
    adresse: AdresseRegler
    kvalitet: KvalitetRegler


@cache
def regler() -> Regler:
    """Load config/regler.toml."""
    return load_model(Regler, read_toml("regler.toml"), "regler.toml")
