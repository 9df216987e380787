"""`cellFormat=string`: every cell as the text a person sees, in a time zone and a locale that the request names.

What is known: the format needs timeZone and userLocale, dates are written in that zone, links as the names of the
records with commas between (Airtable's Web API, “List records”; pyairtable's documentation). What is ours, since no
source shows it: decimals with a point and no separator of thousands but in currencies, as Airtable's own screens begin;
a checked box is ``checked``; a file is ``name (address)`` as in Airtable's CSV files; a name with a comma stands in
quotation marks, as there; a locale that is not listed here writes days as American English does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.sandbox.airtable.errors import invalid
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import TEXT_TYPES, Field

JSON = dict[str, Any]
LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?", re.ASCII)
ENGLISH = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
NORWEGIAN = ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november",
             "desember")  # fmt: skip
DAYS: Mapping[str, Callable[[date], str]] = {
    "us": lambda d: f"{d.month}/{d.day}/{d.year}",
    "european": lambda d: f"{d.day}/{d.month}/{d.year}",
    "iso": date.isoformat,
    "nb": lambda d: f"{d.day}.{d.month}.{d.year}",
}
"""Name of a date format → how it writes a day; `nb` is what a Norwegian locale makes of the format `local`."""


@dataclass(frozen=True)
class Style:
    """How a request wants its texts.

    Attributes
    ----------
    zone
        Of dates with a time.
    locale
        Lower case with a hyphen: ``nb``, ``en-gb``.
    address
        Of the server, without a slash at its end, for files.
    path_of
        Where an attachment is served below it.
    """

    zone: ZoneInfo
    locale: str
    address: str
    path_of: Callable[[JSON], str]


def style(given: Mapping[str, Any], *, address: str, path_of: Callable[[JSON], str]) -> Style | None:
    """Return the style that the options of a request ask for; None for cells as JSON.

    Raises
    ------
    ApiError
        422 for another format, and for texts without a time zone and a locale, or with an unknown one.
    """
    wanted, zone, locale = (given.get(key) for key in ("cellFormat", "timeZone", "userLocale"))
    if wanted in (None, "", "json"):
        return None
    if wanted != "string" or not isinstance(zone, str) or not isinstance(locale, str):
        raise invalid()
    if not LOCALE.fullmatch(locale):
        raise invalid()
    try:
        return Style(ZoneInfo("UTC" if zone == "utc" else zone), locale.lower().replace("_", "-"), address, path_of)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid() from None


def text(base: Base, field: Field, record: Record, *, style: Style) -> str:
    """Return a cell as a person sees it, "" when it is empty."""
    value = base.value(field, record)
    return "" if value is None else _text(value, field, base, style)


def _text(value: Any, field: Field, base: Base, style: Style) -> str:  # noqa: PLR0911  # one return per kind
    options = field.get("options") or {}
    kind = field["type"]
    if isinstance(value, dict) and (odd := value.get("error") or value.get("specialValue")):
        return str(odd)
    if kind in {"formula", "rollup", "multipleLookupValues", "createdTime", "lastModifiedTime"}:
        result = options.get("result") or {"type": "dateTime" if kind.endswith("Time") else "singleLineText"}
        if isinstance(value, list) and result["type"] not in LISTS:
            return ", ".join(_quoted(_text(one, result, base, style)) for one in value if one is not None)
        return _text(value, result, base, style)
    if kind == LINK:
        return ", ".join(_quoted(name) for name in _linked(value, options, base, style))
    if isinstance(value, list):
        return ", ".join(_quoted(_one(one, kind, style)) for one in value)
    if kind in TEXT_TYPES or kind == "singleSelect":
        return str(value)
    write = _WRITERS.get(kind)
    return write(value, options, style) if write else _one(value, kind, style)


LISTS = frozenset({LINK, "multipleSelects", "multipleAttachments", "multipleCollaborators"})


def _linked(value: Any, options: JSON, base: Base, style: Style) -> list[str]:
    other = base.table(options.get("linkedTableId", ""))
    if other is None or not isinstance(value, list):
        return [str(one) for one in value] if isinstance(value, list) else [str(value)]
    rows = base.records[other["id"]]
    primary = next(f for f in other["fields"] if f["id"] == other["primaryFieldId"])
    return [text(base, primary, rows[rec], style=style) for rec in value if rec in rows]


def _one(value: Any, kind: str, style: Style) -> str:
    if isinstance(value, bool):
        return "checked" if value else ""
    if not isinstance(value, dict):
        return str(value)
    if kind == "multipleAttachments":
        return f"{value['filename']} ({style.address}{style.path_of(value)})"
    return next((str(value[key]) for key in ("text", "name", "email", "id", "label") if value.get(key)), "")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "," in name else name


def _decimals(value: Any, options: JSON, style: Style) -> str:
    if not isinstance(value, int | float):
        return str(value)
    precision = options.get("precision")
    return str(value) if precision is None else f"{value:.{precision}f}"


def _percent(value: Any, options: JSON, style: Style) -> str:
    return f"{value * 100:.{options.get('precision', 0)}f}%"


def _money(value: Any, options: JSON, style: Style) -> str:
    sign = "-" if value < 0 else ""
    return f"{sign}{options.get('symbol', '')}{abs(value):,.{options.get('precision', 2)}f}"


def _duration(value: Any, options: JSON, style: Style) -> str:
    form = options.get("durationFormat", "h:mm")
    sign, seconds = "-" if value < 0 else "", abs(value)
    decimals = len(form.partition(".")[2])
    if form == "h:mm":
        minutes = round(seconds / 60)
        return f"{sign}{minutes // 60}:{minutes % 60:02}"
    ticks = round(seconds * 10**decimals)
    whole, part = divmod(ticks, 10**decimals)
    rest = f".{part:0{decimals}}" if decimals else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}{rest}"


def _day(value: Any, options: JSON, style: Style) -> str:
    return _write_day(date.fromisoformat(value[:10]), options, style)


def _moment(value: Any, options: JSON, style: Style) -> str:
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(style.zone)
    except (ValueError, OverflowError):
        return str(value)
    shown = _write_day(moment.date(), options, style)
    if "timeFormat" not in options and "dateFormat" in options:
        return shown
    if options.get("timeFormat", {}).get("name") == "24hour":
        return f"{shown} {moment:%H:%M}"
    return f"{shown} {moment.hour % 12 or 12}:{moment:%M}{'am' if moment.hour < 12 else 'pm'}"


def _write_day(day: date, options: JSON, style: Style) -> str:
    form = options.get("dateFormat", {}).get("name", "local")
    is_norwegian = style.locale.split("-")[0] in {"nb", "nn", "no"}
    is_american = style.locale in {"en", "en-us"} or not (is_norwegian or style.locale.startswith("en-"))
    if form == "friendly":
        if is_norwegian:
            return f"{day.day}. {NORWEGIAN[day.month - 1]} {day.year}"
        month = ENGLISH[day.month - 1]
        return f"{month} {day.day}, {day.year}" if is_american else f"{day.day} {month} {day.year}"
    if form == "local":
        form = "nb" if is_norwegian else "us" if is_american else "european"
    return DAYS[form](day)


_WRITERS: Mapping[str, Callable[[Any, JSON, Style], str]] = {
    "number": _decimals,
    "percent": _percent,
    "currency": _money,
    "duration": _duration,
    "date": _day,
    "dateTime": _moment,
}
