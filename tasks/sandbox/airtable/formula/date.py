"""Functions of dates: moments in UTC, reckoned as moment.js does, which Airtable runs.

A blank is no date, and gives #ERROR!. SET_TIMEZONE counts for DATETIME_FORMAT alone, as Airtable says it does; names of
months and days are English.

Sources: support.airtable.com/docs/supported-unit-specifiers-for-datetime-diff (an unknown unit counts milliseconds),
…/supported-format-specifiers-for-datetime-format.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.sandbox.airtable.formula.kinds import NUMBER, TEXT, TIME, Shape
from tasks.sandbox.airtable.formula.text import Function, within
from tasks.sandbox.airtable.formula.value import (
    FaultyError,
    Value,
    as_date,
    as_number,
    as_text,
    bounded,
    iso,
    moment_of,
    scalar,
)

UNITS = {
    **dict.fromkeys(("milliseconds", "millisecond", "ms"), "milliseconds"),
    **dict.fromkeys(("seconds", "second", "s"), "seconds"),
    **dict.fromkeys(("minutes", "minute", "m"), "minutes"),
    **dict.fromkeys(("hours", "hour", "h"), "hours"),
    **dict.fromkeys(("days", "day", "d"), "days"),
    **dict.fromkeys(("weeks", "week", "w"), "weeks"),
    **dict.fromkeys(("months", "month", "M"), "months"),
    **dict.fromkeys(("quarters", "quarter", "Q"), "quarters"),
    **dict.fromkeys(("years", "year", "y"), "years"),
}
LENGTHS = {
    "milliseconds": 1,
    "seconds": 1000,
    "minutes": 60_000,
    "hours": 3_600_000,
    "days": 86_400_000,
    "weeks": 604_800_000,
}
"""In milliseconds."""
MONTHS = {"months": 1, "quarters": 3, "years": 12}
MOST_MONTHS = 120_000
MOST_PATTERN = 200
"""Characters of a format that is read with; ours."""
STARTS = {"sunday": 0, "monday": 1}
MONTH_NAMES, DAY_NAMES = list(calendar.month_name)[1:], list(calendar.day_name)
TOKENS = re.compile(
    r"\[[^\]]*\]|YYYY|YY|Y|Qo|Q|MMMM|MMM|Mo|MM|M|DDDD|DDDo|DDD|Do|DD|D|dddd|ddd|dd|do|d|E|e|WW|Wo|W|ww|wo|w|GGGG|GG|gggg"
    r"|gg|HH|H|hh|h|kk|k|mm|m|ss|s|SSS|SS|S|A|a|ZZ|Z|X|x|N|LTS|LT|LLLL|LLL|LL|L|llll|lll|ll|l"
)


def unit_of(value: Value) -> str | None:
    """Return the unit that a text names, None for none."""
    text = as_text(value)
    return UNITS.get(text) or UNITS.get(text.lower())


def _utc(value: Value) -> datetime:
    return as_date(value).astimezone(UTC)


def _milliseconds(later: datetime, earlier: datetime) -> int:
    return (later - earlier) // timedelta(milliseconds=1)


def _months(later: datetime, earlier: datetime) -> float:
    """Return how many months lie between, a part of one by the length of the month that it falls in."""
    if later.day < earlier.day:
        return -_months(earlier, later)
    whole = (earlier.year - later.year) * 12 + earlier.month - later.month
    anchor = _add_months(later, whole)
    is_before = earlier < anchor
    other = _add_months(later, whole - 1 if is_before else whole + 1)
    length = (anchor - other if is_before else other - anchor).total_seconds()
    return -(whole + (earlier - anchor).total_seconds() / length)


def _diff(values: list[Value]) -> int:
    later, earlier = _utc(values[0]), _utc(values[1])
    unit = unit_of(values[2]) or "milliseconds" if len(values) > 2 else "seconds"
    if unit in MONTHS:
        return int(_months(later, earlier) / MONTHS[unit])
    milliseconds = _milliseconds(later, earlier)
    whole = abs(milliseconds) // LENGTHS[unit]
    return whole if milliseconds >= 0 else -whole


def _add_months(moment: datetime, months: int) -> datetime:
    if abs(months) > MOST_MONTHS:
        raise FaultyError
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise FaultyError
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))


def _add(values: list[Value]) -> datetime:
    moment, count, unit = as_date(values[0]), as_number(values[1]), unit_of(values[2])
    if unit is None or not abs(count) < 1e15:
        raise FaultyError
    if unit in MONTHS:
        return _add_months(moment, round(count * MONTHS[unit]))
    if unit in {"days", "weeks"}:
        count = round(count * (7 if unit == "weeks" else 1))
        unit = "days"
    return moment + timedelta(milliseconds=round(count * LENGTHS[unit]))


def _compared(test: Callable[[datetime, datetime], bool]) -> Callable[[list[Value]], Value]:
    return lambda values: test(as_date(values[0]), as_date(values[1]))


def _same(values: list[Value]) -> bool:
    one, two = _utc(values[0]), _utc(values[1])
    unit = unit_of(values[2]) if len(values) > 2 else "milliseconds"
    if unit is None:
        raise FaultyError
    return start_of(one, unit) == start_of(two, unit)


def start_of(moment: datetime, unit: str) -> datetime:
    """Return when the unit began that a moment falls in; a week on Sunday."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    starts: dict[str, Callable[[], datetime]] = {
        "milliseconds": lambda: moment.replace(microsecond=moment.microsecond // 1000 * 1000),
        "seconds": lambda: moment.replace(microsecond=0),
        "minutes": lambda: moment.replace(second=0, microsecond=0),
        "hours": lambda: moment.replace(minute=0, second=0, microsecond=0),
        "days": lambda: day,
        "weeks": lambda: day - timedelta(days=day.isoweekday() % 7),
        "months": lambda: day.replace(day=1),
        "quarters": lambda: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "years": lambda: day.replace(month=1, day=1),
    }
    return starts[unit]()


def _weekday(values: list[Value]) -> int:
    start = STARTS.get(as_text(values[1]).lower()) if len(values) > 1 else 0
    if start is None:
        raise FaultyError
    return (_utc(values[0]).isoweekday() - start) % 7


def _zoned(values: list[Value]) -> datetime:
    name = as_text(values[1])
    try:
        return as_date(values[0]).astimezone(UTC if name.lower() == "utc" else ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FaultyError from None


# --- as text ---


def _ordinal(number: int) -> str:
    return f"{number}{'th' if number // 10 % 10 == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _offset(moment: datetime, colon: str) -> str:
    text = moment.strftime("%z")
    return f"{text[:3]}{colon}{text[3:5]}"


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda m: f"{m.year:04}",
    "YY": lambda m: f"{m.year % 100:02}",
    "Y": lambda m: str(m.year),
    "Q": lambda m: str((m.month + 2) // 3),
    "Qo": lambda m: _ordinal((m.month + 2) // 3),
    "MMMM": lambda m: MONTH_NAMES[m.month - 1],
    "MMM": lambda m: MONTH_NAMES[m.month - 1][:3],
    "MM": lambda m: f"{m.month:02}",
    "Mo": lambda m: _ordinal(m.month),
    "M": lambda m: str(m.month),
    "DDDD": lambda m: f"{m.timetuple().tm_yday:03}",
    "DDDo": lambda m: _ordinal(m.timetuple().tm_yday),
    "DDD": lambda m: str(m.timetuple().tm_yday),
    "DD": lambda m: f"{m.day:02}",
    "Do": lambda m: _ordinal(m.day),
    "D": lambda m: str(m.day),
    "dddd": lambda m: DAY_NAMES[m.weekday()],
    "ddd": lambda m: DAY_NAMES[m.weekday()][:3],
    "dd": lambda m: DAY_NAMES[m.weekday()][:2],
    "do": lambda m: _ordinal(m.isoweekday() % 7),
    "d": lambda m: str(m.isoweekday() % 7),
    "E": lambda m: str(m.isoweekday()),
    "WW": lambda m: f"{m.isocalendar().week:02}",
    "Wo": lambda m: _ordinal(m.isocalendar().week),
    "W": lambda m: str(m.isocalendar().week),
    "GGGG": lambda m: f"{m.isocalendar().year:04}",
    "GG": lambda m: f"{m.isocalendar().year % 100:02}",
    "HH": lambda m: f"{m.hour:02}",
    "H": lambda m: str(m.hour),
    "hh": lambda m: f"{(m.hour + 11) % 12 + 1:02}",
    "h": lambda m: str((m.hour + 11) % 12 + 1),
    "mm": lambda m: f"{m.minute:02}",
    "m": lambda m: str(m.minute),
    "ss": lambda m: f"{m.second:02}",
    "s": lambda m: str(m.second),
    "SSS": lambda m: f"{m.microsecond // 1000:03}",
    "A": lambda m: "AM" if m.hour < 12 else "PM",
    "a": lambda m: "am" if m.hour < 12 else "pm",
    "Z": lambda m: _offset(m, ":"),
    "ZZ": lambda m: _offset(m, ""),
    "X": lambda m: str(int(m.timestamp())),
    "x": lambda m: str(_milliseconds(m, datetime(1970, 1, 1, tzinfo=UTC))),
    "LT": lambda m: written(m, "h:mm A"),
    "LTS": lambda m: written(m, "h:mm:ss A"),
    "L": lambda m: written(m, "MM/DD/YYYY"),
    "LL": lambda m: written(m, "MMMM D, YYYY"),
    "LLL": lambda m: written(m, "MMMM D, YYYY h:mm A"),
    "LLLL": lambda m: written(m, "dddd, MMMM D, YYYY h:mm A"),
    "l": lambda m: written(m, "M/D/YYYY"),
    "ll": lambda m: written(m, "MMM D, YYYY"),
    "lll": lambda m: written(m, "MMM D, YYYY h:mm A"),
    "llll": lambda m: written(m, "ddd, MMM D, YYYY h:mm A"),
}


def written(moment: datetime, pattern: str) -> str:
    """Return a moment in a format of moment.js.

    Raises
    ------
    FaultyError
        For a token of moment.js that is not known here, and for more than `MOST_TEXT` characters.
    """
    texts: dict[str, str] = {}  # each is worked out once, however often it stands there
    length = len(pattern)

    def one(match: re.Match[str]) -> str:
        nonlocal length
        token = match[0]
        if token.startswith("["):
            return token[1:-1]
        if token not in _WRITERS:
            raise FaultyError
        if token not in texts:
            texts[token] = _WRITERS[token](moment)
        length += len(texts[token]) - len(token)
        bounded(length)
        return texts[token]

    bounded(length)
    return TOKENS.sub(one, pattern)


def _format(values: list[Value]) -> str:
    moment = as_date(values[0])
    pattern = as_text(values[1]) if len(values) > 1 else ""
    return written(moment, pattern) if pattern else iso(moment)[:-5] + "Z"


# --- from text ---

_PARTS = {
    "YYYY": ("year", r"\d{4}"), "MMMM": ("name", "[A-Za-z]+"), "MMM": ("name", "[A-Za-z]+"),
    "MM": ("month", r"\d{1,2}"), "M": ("month", r"\d{1,2}"), "DD": ("day", r"\d{1,2}"), "D": ("day", r"\d{1,2}"),
    "HH": ("hour", r"\d{1,2}"), "H": ("hour", r"\d{1,2}"), "hh": ("hour", r"\d{1,2}"), "h": ("hour", r"\d{1,2}"),
    "mm": ("minute", r"\d{1,2}"), "m": ("minute", r"\d{1,2}"), "ss": ("second", r"\d{1,2}"),
    "s": ("second", r"\d{1,2}"), "SSS": ("millisecond", r"\d{3}"), "A": ("half", "[AaPp][Mm]"),
    "a": ("half", "[AaPp][Mm]"),
}  # fmt: skip


def _pattern(text: str) -> re.Pattern[str]:
    """Return what reads a format of moment.js.

    Raises
    ------
    FaultyError
        For a token that cannot be read here, one given twice, or more than `MOST_PATTERN` characters.
    """
    if len(text) > MOST_PATTERN:
        raise FaultyError
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> re.Pattern[str]:
    out, at, seen = [], 0, set()
    for match in TOKENS.finditer(text):
        out.append(re.escape(text[at : match.start()]))
        at, token = match.end(), match[0]
        if token.startswith("["):
            out.append(re.escape(token[1:-1]))
            continue
        name, pattern = _PARTS.get(token, ("", ""))
        if not name or name in seen:
            raise FaultyError
        seen.add(name)
        # MMDDYYYY and the like have no separators: two letters are two digits there.
        exact = pattern.replace("{1,2}", "{2}") if len(token) == 2 and text[at : at + 1].isalpha() else pattern
        out.append(f"(?P<{name}>{exact})")
    return re.compile("".join([*out, re.escape(text[at:])]), re.ASCII)


def _moment(parts: dict[str, str]) -> datetime:
    numbers = {k: int(v) for k, v in parts.items() if v.isdigit()}
    month, hour = numbers.get("month", 1), numbers.get("hour", 0)
    if "name" in parts:
        short = parts["name"][:3].title()
        month = [n[:3] for n in MONTH_NAMES].index(short) + 1
    if "half" in parts:
        hour = hour % 12 + (12 if parts["half"].lower() == "pm" else 0)
    return datetime(
        numbers["year"], month, numbers.get("day", 1), hour, numbers.get("minute", 0), numbers.get("second", 0),
        numbers.get("millisecond", 0) * 1000, tzinfo=UTC,
    )  # fmt: skip


def _parse(values: list[Value]) -> datetime:
    value = scalar(values[0])
    if isinstance(value, datetime):
        return value
    text = as_text(value).strip()
    pattern = as_text(values[1]) if len(values) > 1 else ""
    if not pattern and (found := moment_of(text)) is not None:
        return found
    match = _pattern(pattern or "M/D/YYYY").fullmatch(text)
    if match is None and not pattern:
        match = _pattern("M/D/YYYY h:mm a").fullmatch(text)
    try:
        return _moment(match.groupdict()) if match else _fail()
    except (ValueError, KeyError):
        raise FaultyError from None


def _fail() -> datetime:
    raise FaultyError


_FUNCTIONS: dict[str, Function] = {
    "DATEADD": (_add, Shape("any", "date")),
    "DATESTR": (lambda v: written(_utc(v[0]), "YYYY-MM-DD"), TEXT),
    "DATETIME_DIFF": (_diff, NUMBER),
    "DATETIME_FORMAT": (_format, TEXT),
    "DATETIME_PARSE": (_parse, TIME),
    "DAY": (lambda v: _utc(v[0]).day, NUMBER),
    "HOUR": (lambda v: _utc(v[0]).hour, NUMBER),
    "IS_AFTER": (_compared(lambda a, b: a > b), NUMBER),
    "IS_BEFORE": (_compared(lambda a, b: a < b), NUMBER),
    "IS_SAME": (_same, NUMBER),
    "MINUTE": (lambda v: _utc(v[0]).minute, NUMBER),
    "MONTH": (lambda v: _utc(v[0]).month, NUMBER),
    "SECOND": (lambda v: _utc(v[0]).second, NUMBER),
    "SET_TIMEZONE": (_zoned, TIME),
    "TIMESTR": (lambda v: written(_utc(v[0]), "HH:mm:ss"), TEXT),
    "WEEKDAY": (_weekday, NUMBER),
    "YEAR": (lambda v: _utc(v[0]).year, NUMBER),
}
"""DATEADD gives a day or a moment as its first argument does."""
FUNCTIONS = within(_FUNCTIONS)
