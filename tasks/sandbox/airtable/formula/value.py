"""The values of formulas, and how one kind is read as another.

A blank (None) is "" beside a text, 0 beside a number, FALSE beside a truth. A text never equals a number, and in
arithmetic it is NaN. Dates are moments in UTC, a day its midnight. A text never equals a date, whatever it says, and
comes before or after one when it names a moment; a blank comes neither before nor after a date. A list is read as its
only element, or as its elements joined by ", ".

Sources: Airtable's formula field reference (support.airtable.com/docs/formula-field-reference); that text in arithmetic
is NaN shows in a recorded schema; that `{Date}='2026-01-31'` finds nothing is what users report (gtalarico/pyairtable
issue 22, eugenezadorin/airtable-php issue 2, TappNetwork/laravel-airtable issue 81, who get by with >= and <=). What
Airtable makes of a text beside a number, and of a blank before or after a date, is not documented: here it is the
reading that shows the mistake. Texts are measured in characters, Airtable counts those beyond the first plane (😀) as
two.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

MOST_TEXT = 100_000
"""Characters that a formula may make, as many as a cell holds; what Airtable does beyond is not documented."""
LONGEST_ISO = 32
"""Characters of the longest moment that `moment_of` reads."""


class Fault(Enum):
    """The value of what cannot be computed: #ERROR!."""

    ERROR = "#ERROR!"


ERROR: Final = Fault.ERROR
Value: TypeAlias = "str | float | bool | datetime | list[Any] | Fault | None"


class FaultyError(Exception):
    """Raised by a function whose arguments it cannot use: its value is #ERROR!."""


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_FAST = frozenset({str, int, float})
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)


def scalar(value: Value) -> Any:
    """Return a list as one value; anything else as it is."""
    if not isinstance(value, list):
        return value
    if len(value) == 1:
        return scalar(value[0])
    if ERROR in value:
        return ERROR
    return joined([as_text(v) for v in value], ", ") if value else None


def flat(values: Iterable[Value]) -> Iterator[Any]:
    """Yield values with the elements of lists in their place.

    Raises
    ------
    FaultyError
        When one of them is #ERROR!.
    """
    for value in values:
        if isinstance(value, list):
            yield from flat(value)
        elif value is ERROR:
            raise FaultyError
        else:
            yield value


def truth(value: Value) -> bool:
    """Return a value as IF, AND, OR, NOT and filters read it; an error is not true."""
    if isinstance(value, list):
        value = scalar(value)
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return value is not ERROR and value not in (None, False, 0, "")


def as_text(value: Value) -> str:
    """Return a value as & reads it.

    Raises
    ------
    FaultyError
        For #ERROR!.
    """
    if isinstance(value, str):
        return value
    value = scalar(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return iso(value)
    if value is ERROR:
        raise FaultyError
    number = float(value)  # type: ignore[arg-type]  # nothing else is left
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return str(int(number)) if number.is_integer() and abs(number) < 1e21 else repr(number)


def as_number(value: Value) -> float:
    """Return a value as arithmetic reads it.

    Raises
    ------
    FaultyError
        For a date and for #ERROR!.
    """
    value = scalar(value)
    if value is None or value == "":
        return 0.0
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return math.nan
    raise FaultyError


def as_whole(value: Value) -> int:
    """Return a value as a count or a place, cut to a whole number.

    Raises
    ------
    FaultyError
        For what is no number.
    """
    number = as_number(value)
    if not math.isfinite(number):
        raise FaultyError
    return int(number)


def as_date(value: Value) -> datetime:
    """Return a value as functions of dates read it; a text is a moment in ISO 8601.

    Raises
    ------
    FaultyError
        For anything else, a blank too.
    """
    value = scalar(value)
    if isinstance(value, datetime):
        return value
    found = moment_of(value) if isinstance(value, str) else None
    if found is None:
        raise FaultyError
    return found


def moment_of(text: str) -> datetime | None:
    """Return the moment that a text in ISO 8601 names, UTC unless it says otherwise; None when it names none."""
    return _moment_of(text) if len(text) <= LONGEST_ISO else None  # what is longer is not kept either


@lru_cache(maxsize=4096)
def _moment_of(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def iso(moment: datetime) -> str:
    """Return a moment as the API writes it."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def joined(parts: list[str], separator: str = "") -> str:
    """Return texts as one.

    Raises
    ------
    FaultyError
        When it would be longer than `MOST_TEXT`.
    """
    bounded(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def bounded(length: int) -> None:
    """Raise FaultyError for a text of more than `MOST_TEXT` characters."""
    if length > MOST_TEXT:
        raise FaultyError


def compare(left: Value, sign: str, right: Value) -> Any:
    """Return a comparison, or #ERROR! when one side is."""
    if type(left) is type(right) and type(left) in _FAST:
        return _SIGNS[sign](left, right)
    left, right = scalar(left), scalar(right)
    if left is ERROR or right is ERROR:
        return ERROR
    if isinstance(left, datetime) or isinstance(right, datetime):
        return _compare_dates(left, sign, right)
    if left is None or right is None:
        empty = "" if isinstance(left, str) or isinstance(right, str) else 0
        left, right = (empty if left is None else left), (empty if right is None else right)
    if isinstance(left, str) != isinstance(right, str):
        return sign == "!="
    return _SIGNS[sign](left, right)


def compare_dated(left: Value, sign: str, right: Value) -> Any:
    """Return a comparison of which one side gives dates where it is not blank: a blank is neither before nor after."""
    left, right = scalar(left), scalar(right)
    if sign not in {"=", "!="} and ERROR not in (left, right) and not {None, ""}.isdisjoint((left, right)):
        return False
    return compare(left, sign, right)


def _compare_dates(left: Any, sign: str, right: Any) -> bool:
    """Compare when one side is a date: with anything but another date it is unequal, with a blank it has no order."""
    if sign in {"=", "!="} and not (isinstance(left, datetime) and isinstance(right, datetime)):
        return sign == "!="
    try:
        return _SIGNS[sign](as_date(left), as_date(right))
    except FaultyError:
        return False
