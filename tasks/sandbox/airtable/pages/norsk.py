"""Numbers and dates as Norwegians write them, and back: what is shown, what is typed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.sandbox.airtable.values import Field

OSLO = "Europe/Oslo"
"""The zone of a field that shows each its own, for these pages speak to people in Norway."""
NARROW = "\u202f"
MOST_DIGITS = 40
DAYS = ("mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag")
MONTHS = (
    "januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november",
    "desember",
)  # fmt: skip

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]")
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})(?:\1\d{3})+", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2})", re.ASCII)
_MOMENT = re.compile(r"(\S+?)(?:T|\s*,?\s+(?:kl\.?\s*)?)(\d{1,2})[:.](\d{2})(?::(\d{2})(?:\.\d{1,3})?)?", re.ASCII)
_CLOCK = re.compile(r"(-?)(\d{1,6}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


# --- shown ---


def number_text(value: float, field: Field) -> str:
    """Return a number as Norwegians write it: a narrow space between thousands, a decimal comma, the unit after."""
    options = field.get("options") or {}
    if abs(value) >= 1e15:
        return repr(value).replace(".", ",")
    if field["type"] == "duration":
        return duration_text(value)
    number = value * 100 if field["type"] == "percent" else value
    text = f"{number:,.{options.get('precision', 0)}f}".replace(",", NARROW).replace(".", ",")
    unit = {"percent": "%", "currency": options.get("symbol", "")}.get(field["type"], "")
    return f"{text}{NARROW}{unit}" if unit else text


def duration_text(value: float) -> str:
    """Return seconds as 1:02:05."""
    minutes, seconds = divmod(round(abs(value)), 60)
    return f"{'-' if value < 0 else ''}{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def exact_text(value: float, field: Field) -> str:
    """Return a number for a person to edit: with all its decimals, and without its unit."""
    if field["type"] == "duration":
        return duration_text(value)
    number = Decimal(repr(value)) * (100 if field["type"] == "percent" else 1)
    if abs(number) >= Decimal("1e15") or 0 < abs(number) < Decimal("1e-9"):
        return str(number).replace(".", ",")
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(",", " ").replace(".", ",")


def day_text(value: str) -> str:
    """Return 2026-12-24 as 24.12.2026; what is no day, as it is."""
    return f"{value[8:10]}.{value[5:7]}.{value[:4]}" if _ISO.fullmatch(value) else value


def long_day(value: str) -> str:
    """Return 2026-12-24 as torsdag 24. desember 2026."""
    day = date.fromisoformat(value)
    return f"{DAYS[day.weekday()]} {day.day}. {MONTHS[day.month - 1]} {day.year}"


def local(value: str, zone: str) -> datetime | None:
    """Return a moment in a zone; None where the calendar or the zone's table ends."""
    try:
        return datetime.fromisoformat(value).astimezone(_zone(zone))
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        return None


def time_text(value: str, zone: str) -> str:
    """Return a moment as the clock shows it in the field's time zone: 01.07.2026 kl. 12:00."""
    moment = local(value, zone)
    return value if moment is None else f"{day_text(moment.date().isoformat())} kl. {moment:%H:%M}"


def _zone(name: str) -> ZoneInfo:
    return ZoneInfo({"client": OSLO, "utc": "UTC"}.get(name, name))


# --- typed ---


def number_of(text: str, field: Field) -> float | int:
    """Return the number that was typed: 1 234,5 and 1234.5, 1.234,5 and 12,5 % too.

    A lone point or comma is the decimal one.

    Raises
    ------
    ValueError
        For what is no number.
    """
    if field["type"] == "duration":
        return _duration_of(text)
    bare = _SPACES.sub("", text).replace("\u2212", "-")
    symbol = (field.get("options") or {}).get("symbol", "").strip()
    if symbol and field["type"] == "currency":
        bare = bare.removeprefix(symbol).removesuffix(symbol)
    if field["type"] == "percent":
        bare = bare.removesuffix("%")
    bare = _with_point(bare)
    if len(bare) > MOST_DIGITS or not _PLAIN.fullmatch(bare):
        raise ValueError(text)
    number = Decimal(bare) / (100 if field["type"] == "percent" else 1)
    return int(number) if number == number.to_integral_value() and abs(number) < 2**53 else float(number)


def _with_point(bare: str) -> str:
    """Return a number with a decimal point and nothing between thousands."""
    if _GROUPED.fullmatch(bare):
        return bare.replace(".", "").replace(",", "")
    if "," in bare and "." in bare:
        thousands, point = (".", ",") if bare.rindex(",") > bare.rindex(".") else (",", ".")
        whole, _, rest = bare.partition(point)
        groups = whole.lstrip("+-").split(thousands)
        if not 1 <= len(groups[0]) <= 3 or any(len(g) != 3 for g in groups[1:]):
            raise ValueError(bare)
        return f"{whole.replace(thousands, '')}.{rest}"
    return bare.replace(",", ".")


def _duration_of(text: str) -> int:
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        raise ValueError(text)
    sign, hours, minutes, seconds = clock.groups()
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return -total if sign else total


def day_of(text: str) -> str:
    """Return the day that was typed, 24.12.2026, 24.12.26 or 2026-12-24, as 2026-12-24.

    Raises
    ------
    ValueError
        For what is no day.
    """
    given = text.strip()
    if match := _ISO.fullmatch(given):
        year, month, day = match.groups()
    elif match := _DOTTED.fullmatch(given):
        day, month, year = match.groups()
        year = year if len(year) == 4 else f"20{year}"
    else:
        raise ValueError(text)
    return date(int(year), int(month), int(day)).isoformat()


def moment_of(text: str, zone: str) -> str:
    """Return the moment that was typed in a zone, 24.12.2026 kl. 10:30 or 2026-12-24 10:30, in UTC.

    Raises
    ------
    ValueError
        For what is no day with a time.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    day, hour, minute, second = match.groups()
    there = date.fromisoformat(day_of(day))
    try:
        moment = datetime(
            there.year, there.month, there.day, int(hour), int(minute), int(second or 0), tzinfo=_zone(zone)
        )
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ZoneInfoNotFoundError) as error:
        raise ValueError(text) from error
