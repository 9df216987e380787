"""Cells of a list that people keep: what a person wrote becomes a value of the base, or None when it is not clear.

Nothing is guessed at. None means that the cell says something else than was asked for; the caller keeps its text.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from config.registers import earlier_numbers, kommuner
from tasks.crm.rader import rad
from tasks.crm.rader.matrikkel import read_number
from tasks.crm.sync.treff import whole_number

Celle = str | int | float | bool | date | datetime | time | timedelta | None

MOST_AREA_M2 = 1_000_000_000
NO_KOMMUNE = "0000"
MOST_MATRIKKEL = 200
"""Characters in which one eiendom is named; more is not looked at."""
FIRST_YEAR, LAST_YEAR = 1990, 2099
FIRST_SERIAL, LAST_SERIAL = 36_526, 73_050
"""Excel's days of the years 2000-2099, counted from 30 December 1899: a date whose cell has lost its format."""
EXCEL_EPOCH = date(1899, 12, 30)

UNITS_M2 = {
    "m2": 1,
    "kvm": 1,
    "kvadratmeter": 1,
    "da": 1_000,
    "daa": 1_000,
    "dekar": 1_000,
    "mål": 1_000,
    "ha": 10_000,
    "hektar": 10_000,
}

MONTHS = ("jan", "feb", "mar", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "des")

_AREA = re.compile(r"(?:ca\b\.?|~|≈)?\s*(?P<tall>[0-9\s.,'’]+?)\s*(?P<enhet>[a-zå]+2?)?\.?")
_GROUPED = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")
_WHOLE = re.compile(r"[0-9]{1,9}([.,]0+)?")
_KOMMUNE_FIRST = re.compile(r"(?P<knr>[0-9]{4})\s*[-–]\s*(?P<resten>\S.*)", re.DOTALL)
_BETWEEN = re.compile(r"[,;&+\n]|\bog\b")
_DATE_NUMBERS = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4}|[0-9]{2})")
_DATE_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[t ][0-9]{2}:[0-9]{2}.*)?")
_DATE_WORDS = re.compile(r"([0-9]{1,2})\.?\s*([a-zæøå]+)\.?\s*([0-9]{4})")


# --- text ---


def text(value: Celle) -> str:
    """Return what a cell says, without characters that do not show, lines kept.

    A date is given as people write it (``24.12.2026``), a whole number without decimals.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nei"
    if isinstance(value, datetime):
        return value.strftime("%d.%m.%Y" if value.time() == time() else "%d.%m.%Y %H:%M")
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    # Excel writes a carriage return inside a cell as these seven characters.
    return rad.text(str(value).replace("_x000D_", "")) or ""


def line(value: Celle) -> str:
    """Return what a cell says, on one line."""
    return " ".join(text(value).split())


# --- numbers ---


def whole(value: Celle, *, least: int = 1) -> int | None:
    """Return a whole number from `least` to five digits."""
    if isinstance(value, str):
        said = re.sub(r"(?<=[0-9])\s(?![0-9]{4})(?=[0-9]{3})", "", line(value))
        value = int(re.split("[.,]", said)[0]) if _WHOLE.fullmatch(said) else None
    number = whole_number(value)
    return number if number is not None and number >= least else None


def area(value: Celle, *, m2_each: int = 1) -> int | None:
    """Return an area in whole m².

    Parameters
    ----------
    m2_each
        Square metres of the unit that the heading names; a unit in the cell counts before it.

    Notes
    -----
    A comma is Norway's decimal comma. A point before three digits parts thousands in m² (``5.200``), and is a decimal
    point in larger units: 5,200 daa are no lot.
    """
    if isinstance(value, bool | date | time | timedelta):
        return None
    if isinstance(value, int | float) and not 0 < value <= MOST_AREA_M2:  # a workbook's may be too large for a float
        return None
    found = _AREA.fullmatch(line(value).casefold().replace("²", "2"))
    if found is None or (found["enhet"] and found["enhet"] not in UNITS_M2):
        return None
    unit = UNITS_M2[found["enhet"]] if found["enhet"] else m2_each
    number = float(value) if isinstance(value, int | float) else _decimal(found["tall"], grouped_by_point=unit == 1)
    if number is None or not 0.5 < number * unit <= MOST_AREA_M2:
        return None
    return round(number * unit)


def _decimal(said: str, *, grouped_by_point: bool) -> float | None:
    digits = re.sub(r"[\s'’]", "", said)
    if "," in digits and "." in digits:  # the last of them is the decimal sign
        comma_last = digits.rindex(",") > digits.rindex(".")
        digits = digits.replace("." if comma_last else ",", "").replace(",", ".")
    elif digits.count(".") > 1 or (grouped_by_point and _GROUPED.fullmatch(digits)):
        digits = digits.replace(".", "") if _GROUPED.fullmatch(digits) else ""
    else:
        digits = digits.replace(",", ".")
    try:
        return float(digits)
    except ValueError:
        return None


# --- land ---


@dataclass(frozen=True)
class Matrikkel:
    """Numbers of one eiendom; `kommune` as written, None when it is not said; `fnr` None when there is none."""

    kommune: str | None
    gnr: int
    bnr: int
    fnr: int | None


def matrikler(value: Celle, oppslag: Kommuneoppslag) -> list[Matrikkel]:
    """Return the eiendommer that a cell names (``46/1``, ``3207-46/1/0/0``, ``gnr. 46, bnr. 1``, several of them).

    Empty when some of it is anything else.
    """
    if not isinstance(value, str):  # a number, or a date that Excel has made of 6/1
        return []
    said = text(value).casefold()
    one = _matrikkel(said, oppslag)
    if one is not None:
        return [one]
    several = [_matrikkel(part, oppslag) for part in _BETWEEN.split(said) if part.strip()]
    return [m for m in several if m is not None] if None not in several else []


def _matrikkel(said: str, oppslag: Kommuneoppslag) -> Matrikkel | None:
    if len(said) > MOST_MATRIKKEL:
        return None
    found = _KOMMUNE_FIRST.fullmatch(said.strip())
    knr, rest = (found["knr"], found["resten"]) if found else (None, said)
    rest = re.sub(r"[\s,]*\b(?:bnr|fnr|snr)\b\.?:?\s*", "/", re.sub(r"\bgnr\b\.?:?\s*", "", rest.strip()))
    parts = [part.strip() for part in rest.split("/")]
    if knr is None and len(parts) >= 3 and len(parts[0]) == 4 and oppslag.is_number(parts[0]):
        knr, *parts = parts
    number = read_number(f"{knr or NO_KOMMUNE}-{'/'.join(parts)}")
    return Matrikkel(knr, number.gnr, number.bnr, number.fnr or None) if number is not None and number.bnr else None


@dataclass(frozen=True)
class Kommunesvar:
    """What a cell says of the kommune: the value to keep, its number when it is known, and what is to be told."""

    verdi: str
    nummer: str | None
    merknad: str | None = None


class Kommuneoppslag:
    """Finds a kommune by number or name, and brings numbers of before up to date.

    Parameters
    ----------
    sandbox
        Whether the invented kommuner count.
    """

    def __init__(self, *, sandbox: bool) -> None:
        every = kommuner(sandbox=sandbox)
        self._numbers = {k.nummer for k in every}
        self._earlier = earlier_numbers(sandbox=sandbox)
        self._by_name: dict[str, set[str]] = defaultdict(set)
        for kommune in every:
            for name in {kommune.navn, *kommune.navn.split(" - "), f"{kommune.navn} {kommune.fylke}"}:
                self._by_name[_name(name)].add(kommune.nummer)

    def is_number(self, number: str) -> bool:
        """Return True for the number of a kommune of today or before."""
        return number in self._numbers or number in self._earlier

    def look_up(self, value: Celle) -> Kommunesvar | None:
        """Return what a cell (``3207``, ``Nordre Follo``, ``3207 Nordre Follo``) says; None for an empty one."""
        said = line(value)
        if not said:
            return None
        first = said.split()[0]
        digits = first.zfill(4) if first.isascii() and first.isdecimal() and len(first) in {3, 4} else None  # 301: Oslo
        if digits is None:
            return self._named(said)
        if digits in self._numbers:
            return Kommunesvar(digits, digits)
        new = self._earlier.get(digits, ())
        if len(new) == 1:
            return Kommunesvar(
                new[0], new[0], "an earlier number, brought up to date; gårdsnummer may have changed with it"
            )
        why = "was split into several kommuner" if new else "is no kommune's number"
        return Kommunesvar(digits, None, f"{why}; kept as it stands")

    def _named(self, said: str) -> Kommunesvar:
        found = self._by_name.get(_name(said), set())
        if len(found) == 1:
            (number,) = found
            return Kommunesvar(number, number)
        why = "is the name of several kommuner" if found else "is no kommune's name"
        return Kommunesvar(said, None, f"{why}; kept as it stands")


def _name(said: str) -> str:
    words = re.findall(r"\w+", said.casefold())
    return " ".join(word for word in words if word not in {"kommune", "i"})


# --- stage, date, yes and no ---

FASER: dict[str, tuple[str, ...]] = {
    "Identifisert": ("identifisert", "ny", "funnet", "ikke kontaktet", "prospekt", "lead", "identified", "new"),
    "Kontaktet": ("kontaktet", "tatt kontakt", "brev sendt", "sendt brev", "ringt", "contacted"),
    "Dialog": ("dialog", "i dialog", "forhandling", "forhandlinger", "i forhandling", "samtale", "samtaler", "møte"),
    "LOI": ("loi", "intensjonsavtale", "letter of intent"),
    "Opsjon": ("opsjon", "opsjonsavtale", "option"),
    "Ikke aktuell": ("ikke aktuell", "ikke aktuelt", "uaktuell", "uaktuelt", "ikke interessert", "avslag", "droppet"),
    "Parkert": ("parkert", "på vent", "på hold", "on hold", "utsatt"),
}
"""Stage → what people call it."""

_PHRASES = sorted(((p, stage) for stage, names in FASER.items() for p in names), key=lambda pair: -len(pair[0]))


def stage(value: Celle) -> str | None:
    """Return the stage that a cell names; None when it names none, several, or says that it is not one."""
    words = re.findall(r"[^\W\d_]+", line(value).casefold())
    rest = f" {' '.join(words)} "
    found = set()
    for phrase, name in _PHRASES:  # the longest first: "ikke kontaktet" before "kontaktet"
        if f" {phrase} " in rest:
            found.add(name)
            rest = rest.replace(f" {phrase} ", " | ")
    return found.pop() if len(found) == 1 and " ikke " not in rest else None


def day(value: Celle) -> str | None:
    """Return a date in ISO's form, of one of Excel's or ``24.12.2026``, ``24.12.26``, ``24. desember 2026``."""
    found: date | None = None
    if isinstance(value, datetime):
        found = value.date()
    elif isinstance(value, date):
        found = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if FIRST_SERIAL <= value <= LAST_SERIAL:
            found = EXCEL_EPOCH + timedelta(days=int(value))
    elif isinstance(value, str):
        found = _day_of(line(value).casefold())
    return found.isoformat() if found is not None and FIRST_YEAR <= found.year <= LAST_YEAR else None


def _day_of(said: str) -> date | None:
    try:
        if numbers := _DATE_NUMBERS.fullmatch(said):
            day_, month, year = (int(n) for n in numbers.groups())
            return date(year if year > 99 else 2000 + year, month, day_)
        if iso := _DATE_ISO.fullmatch(said):
            return date(*(int(n) for n in iso.groups()))
        if (words := _DATE_WORDS.fullmatch(said)) and words[2][:3] in MONTHS:
            return date(int(words[3]), MONTHS.index(words[2][:3]) + 1, int(words[1]))
    except ValueError:  # the 31st of February
        return None
    return None


def yes(value: Celle) -> bool | None:
    """Return whether a cell says yes or no; an empty one says no."""
    said = line(value).casefold()
    if said in {"ja", "j", "x", "1", "yes", "true", "sann", "✓", "✔"}:
        return True
    return False if said in {"", "nei", "n", "0", "no", "false", "usann", "-"} else None


def any_said(cells: Iterable[Celle]) -> bool:
    """Return whether any of these cells says anything."""
    return any(line(cell) for cell in cells)
