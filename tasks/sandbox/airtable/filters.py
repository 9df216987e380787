"""Filters as Airtable's views have them: conditions by field, joined by *and* or *or*, in groups.

A filter is ``{"conjunction": "and" | "or", "filterSet": [{"fieldId", "operator", "value"?} | filter]}``. Operators and
the forms of their values are those of Airtable's screens (`config.haandsjekk`).

What an empty cell does: *is not*, *≠*, *does not contain*, *is none of* and *has none of* hold for it; every other
operator but *is empty* does not. Text is compared whatever its case by *contains*, letter by letter by *is*. Days of a
dateTime are those of its field's time zone. *is within* counts both ends; calendar weeks begin on Monday. The last
three are ours: Airtable does not say.

Source: Airtable's help pages on filter conditions by type of field (support.airtable.com, 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.haandsjekk import CHECKED, CURRENT_USER, DAY, EMPTY, MANY, OPERATORS, SPAN
from tasks.sandbox.airtable.days import day, span
from tasks.sandbox.airtable.errors import bad_filter, unknown_field
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.query import field_map, primary_text
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import COMPUTED, Field

JSON = dict[str, Any]
Test = Callable[[Any], bool]
"""Whether a cell passes; of None when it is empty."""
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("singleLineText", "multilineText", "richText", "email", "phoneNumber", "url", "barcode"), "text"),
    **dict.fromkeys(("number", "percent", "currency", "duration", "rating", "count", "autoNumber"), "number"),
    **dict.fromkeys(("date", "dateTime", "createdTime", "lastModifiedTime"), "date"),
    **dict.fromkeys(("singleCollaborator", "createdBy", "lastModifiedBy"), "person"),
    "checkbox": "checkbox",
    "singleSelect": "select",
    "multipleSelects": "selects",
    "multipleCollaborators": "selects",
    "multipleRecordLinks": "link",
    "multipleAttachments": "files",
    "multipleLookupValues": "list",
}
"""Type of a field → the kind of filter that it takes; formulas and rollups take that of their result."""
FILE_TYPES = ("image", "text", "audio", "video", "application")
MOST_CONDITIONS = 100
MOST_NESTED = 3


def check(given: Any, base: Base, table: Table) -> None:
    """Raise unless this is a filter of the table's fields that Airtable offers.

    Raises
    ------
    ApiError
        422 for a wrong form, an unknown field or option, an operator that the field does not have.
    """
    known = field_map(table)
    left = [MOST_CONDITIONS]

    def look(part: Any, depth: int) -> None:
        left[0] -= 1
        if not isinstance(part, dict) or depth > MOST_NESTED or left[0] < 0:
            raise bad_filter("malformed, too deep, or too long")
        if "filterSet" not in part:
            _check_condition(part, known)
            return
        if set(part) - {"conjunction", "filterSet"} or part.get("conjunction") not in ("and", "or"):
            raise bad_filter("a filter has a conjunction, “and” or “or”, and a filterSet")
        if not isinstance(part["filterSet"], list):
            raise bad_filter("a filterSet is a list")
        for one in part["filterSet"]:
            look(one, depth + 1)

    if not isinstance(given, dict) or "filterSet" not in given:
        raise bad_filter("a filter has a conjunction and a filterSet")
    look(given, 0)


def compile(given: JSON, base: Base, table: Table, *, today: date) -> Callable[[Record], bool]:
    """Return whether a record of the table passes a filter that `check` has passed.

    A condition on a field that has been deleted since is left out, as Airtable takes it away with the field.

    Parameters
    ----------
    today
        The day that *today* and its like are counted from.
    """
    known = field_map(table)
    parts = []
    for one in given["filterSet"]:
        if "filterSet" in one:
            parts.append(compile(one, base, table, today=today))
        elif one["fieldId"] in known:
            parts.append(_condition(one, known[one["fieldId"]], base, today=today))
    if len(parts) == 1:
        return parts[0]
    is_any = given["conjunction"] == "or" and bool(parts)

    def passes(record: Record) -> bool:
        for part in parts:  # twice as fast as any() and all(), and called for every record
            if part(record) == is_any:
                return is_any
        return not is_any

    return passes


def kind_of(field: Field) -> str:
    """Return the kind of filter that a field takes."""
    result = (field.get("options") or {}).get("result") or {}
    if field["type"] in {"formula", "rollup"}:
        kind = KINDS.get(result.get("type", ""), "text")
        return "text" if kind in {"select", "person"} else kind
    return KINDS.get(field["type"], "list")


def _check_condition(given: JSON, known: Mapping[str, Field]) -> None:
    if set(given) - {"fieldId", "operator", "value"} or not isinstance(given.get("fieldId"), str):
        raise bad_filter("a condition has fieldId, operator and value")
    field = known.get(given["fieldId"])
    if field is None:
        raise unknown_field(given["fieldId"])
    kind, operator, value = kind_of(field), given.get("operator"), given.get("value")
    if not isinstance(operator, str) or operator not in OPERATORS[kind]:
        raise bad_filter(f"a {kind} field has no operator {str(operator)[:50]!r}")
    if (operator in EMPTY) != (value is None):
        raise bad_filter(f"a value is missing or too much for {operator!r}")
    if operator in EMPTY:
        return
    values = value if operator in MANY else [value]
    if not isinstance(values, list) or not values or not all(_fits(one, field, kind, operator) for one in values):
        raise bad_filter(f"not a value for {operator!r} of a {kind} field")


def _fits(value: Any, field: Field, kind: str, operator: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "checkbox":
        return value in CHECKED
    if kind == "date":
        return _is_day(value) if operator != "is within" else bool(SPAN.fullmatch(value))
    choices = (field.get("options") or {}).get("choices")
    if kind in {"select", "selects"} and choices is not None:
        return any(value in (c["id"], c["name"]) for c in choices)
    return value in FILE_TYPES if operator == "has file type" else bool(value)


def _is_day(value: str) -> bool:
    if not DAY.fullmatch(value):
        return False
    try:
        day(value, date(2000, 1, 1))
    except (ValueError, OverflowError):
        return False
    return True


def _condition(given: JSON, field: Field, base: Base, *, today: date) -> Callable[[Record], bool]:
    operator, value = given["operator"], given.get("value")
    kind = "emptiness" if operator in EMPTY else kind_of(field)
    test = _TESTS[kind](operator, value, field=field, base=base, today=today)
    field_id = field["id"]
    if field["type"] == LINK or field["type"] in COMPUTED:
        return lambda record: test(base.value(field, record))
    return lambda record: test(record.cells.get(field_id))


def _emptiness(operator: str, value: None, **_: Any) -> Test:
    wants = operator == "is empty"
    return lambda cell: (cell in (None, "", [])) == wants


def _text(operator: str, value: str, **_: Any) -> Test:
    wanted = value.casefold()
    return {
        "is": lambda cell: _plain(cell) == value,
        "is not": lambda cell: _plain(cell) != value,
        "contains": lambda cell: wanted in _plain(cell).casefold(),
        "does not contain": lambda cell: wanted not in _plain(cell).casefold(),
    }[operator]


def _plain(cell: Any) -> str:
    if isinstance(cell, dict):
        return str(cell.get("text") or cell.get("name") or cell.get("error") or "")
    if isinstance(cell, list):
        return ", ".join(_plain(one) for one in cell)
    return "" if cell is None else str(cell)


def _number(operator: str, value: float, **_: Any) -> Test:
    compare: Mapping[str, Callable[[float], bool]] = {
        "=": lambda n: n == value,
        "≠": lambda n: n != value,
        "<": lambda n: n < value,
        ">": lambda n: n > value,
        "≤": lambda n: n <= value,
        "≥": lambda n: n >= value,
    }
    passes = compare[operator]

    def test(cell: Any) -> bool:
        return passes(cell) if isinstance(cell, int | float) else operator == "≠"

    return test


def _checkbox(operator: str, value: str, **_: Any) -> Test:
    wants = value == "checked"
    return lambda cell: bool(cell) == wants


def _select(operator: str, value: Any, *, field: Field, **_: Any) -> Test:
    names = _names(field, value if operator in MANY else [value])
    holds = operator in ("is", "is any of")
    return lambda cell: (cell in names) == holds


def _names(field: Field, values: Collection[str]) -> frozenset[str]:
    """Return the names of options that are given by name or id."""
    by_id = {c["id"]: c["name"] for c in (field.get("options") or {}).get("choices", [])}
    return frozenset(by_id.get(v, v) for v in values)


def _selects(operator: str, value: list[str], *, field: Field, **_: Any) -> Test:
    wanted = _names(field, value)
    is_people = field["type"] == "multipleCollaborators"

    def holding(cell: Any) -> list[frozenset[str]]:
        return [_person_keys(one) if is_people else frozenset([one]) for one in cell or []]

    return _several(operator, wanted, holding)


def _several(operator: str, wanted: frozenset[str], holding: Callable[[Any], list[frozenset[str]]]) -> Test:
    """Return a test of a cell of several values, each of which goes by one or more names."""

    def has_all(held: list[frozenset[str]]) -> bool:
        return all(any(name in names for names in held) for name in wanted)

    return {
        "has any of": lambda cell: any(wanted & names for names in holding(cell)),
        "has none of": lambda cell: not any(wanted & names for names in holding(cell)),
        "has all of": lambda cell: has_all(holding(cell)),
        "is exactly": lambda cell: has_all(held := holding(cell)) and all(wanted & names for names in held),
    }[operator]


def _person(operator: str, value: Any, **_: Any) -> Test:
    """Compare people by id, e-mail address or name; the current user is nobody: a token is no person at a screen."""
    wanted = frozenset(value if operator in MANY else [value]) - {CURRENT_USER}
    holds = operator in ("is", "is any of")
    return lambda cell: bool(cell and wanted & _person_keys(cell)) == holds


def _person_keys(person: Mapping[str, str]) -> frozenset[str]:
    return frozenset(person[key] for key in ("id", "email", "name") if person.get(key))


def _link(operator: str, value: Any, *, field: Field, base: Base, **_: Any) -> Test:
    """Compare linked records by id or by name."""
    other = base.table(field["options"]["linkedTableId"])
    rows = base.records[other["id"]] if other else None

    def named(rec: str) -> str:
        return primary_text(base, other, rows[rec]) if other and rows and rec in rows else ""

    if operator in ("contains", "does not contain"):
        wanted = value.casefold()
        holds = operator == "contains"
        return lambda cell: any(wanted in named(rec).casefold() for rec in cell or []) == holds
    needs_names = not all(is_id(one, "rec") for one in value)

    def holding(cell: Any) -> list[frozenset[str]]:
        return [frozenset([rec, named(rec)] if needs_names else [rec]) for rec in cell or []]

    return _several(operator, frozenset(value), holding)


def _files(operator: str, value: str, **_: Any) -> Test:
    wanted = value.casefold()
    if operator == "has file type":
        return lambda cell: any(one["type"].startswith(f"{value}/") for one in cell or [])
    return lambda cell: any(wanted in one["filename"].casefold() for one in cell or [])


def _date(operator: str, value: str, *, field: Field, today: date, **_: Any) -> Test:
    zone = _zone(field)
    compare: Mapping[str, Callable[[date], bool]]
    if operator == "is within":
        first, last = span(value, today)
        compare = {operator: lambda d: first <= d <= last}
    else:
        wanted = day(value, today)
        compare = {
            "is": lambda d: d == wanted,
            "is not": lambda d: d != wanted,
            "is before": lambda d: d < wanted,
            "is after": lambda d: d > wanted,
            "is on or before": lambda d: d <= wanted,
            "is on or after": lambda d: d >= wanted,
        }
    passes = compare[operator]

    def test(cell: Any) -> bool:
        there = _day_of(cell, zone)
        return operator == "is not" if there is None else passes(there)

    return test


def _zone(field: Field) -> ZoneInfo:
    options = field.get("options") or {}
    result = options.get("result")
    name = ((result.get("options") or {}) if result else options).get("timeZone", "utc")
    try:
        return ZoneInfo("UTC" if name in {"utc", "client"} else name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _day_of(cell: Any, zone: ZoneInfo) -> date | None:
    if not isinstance(cell, str):
        return None
    try:
        return date.fromisoformat(cell) if len(cell) == 10 else datetime.fromisoformat(cell).astimezone(zone).date()
    except (ValueError, OverflowError):
        return None


_TESTS: Mapping[str, Callable[..., Test]] = {
    "emptiness": _emptiness,
    "text": _text,
    "number": _number,
    "checkbox": _checkbox,
    "select": _select,
    "selects": _selects,
    "person": _person,
    "link": _link,
    "files": _files,
    "date": _date,
}
