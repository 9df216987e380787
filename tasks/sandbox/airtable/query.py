"""Listing: which records of a table, in which order, in pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.sandbox.airtable.errors import invalid, no_view, unknown_field
from tasks.sandbox.airtable.formula import Reader, Value, compile_formula, truth
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import NUMBER_TYPES, TEXT_TYPES, Field

PAGE = 100

Order = tuple[str, bool]
"""Field name or id, and whether descending."""


def field_map(table: Table) -> dict[str, Field]:
    """Return name and id → field."""
    return {f["name"]: f for f in table["fields"]} | {f["id"]: f for f in table["fields"]}


def primary_text(base: Base, table: Table, record: Record) -> str:
    """Return what a link to this record shows."""
    primary = next(f for f in table["fields"] if f["id"] == table["primaryFieldId"])
    return plain(base, primary, record)


def plain(base: Base, field: Field, record: Record) -> str:
    """Return a cell as text, as formulas and pages read it."""
    value = base.value(field, record)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if field["type"] == LINK:
        other = base.table(field["options"]["linkedTableId"])
        if other is None:
            return ""
        rows = base.records[other["id"]]
        return ", ".join(primary_text(base, other, rows[r]) for r in value if r in rows)
    if isinstance(value, list):
        return ", ".join(v if isinstance(v, str) else _label(v) for v in value)
    return _label(value) if isinstance(value, dict) else "1" if value is True else str(value)


def _label(value: dict[str, Any]) -> str:
    return next((value[key] for key in ("filename", "text", "name", "email", "id") if value.get(key)), "")


def select(
    base: Base, table: Table, *, formula: str | None = None, sort: Sequence[Order] = (), most: int | None = None
) -> list[str]:
    """Return the ids of the records that pass, in order.

    Parameters
    ----------
    formula
        `filterByFormula`, or None.
    sort
        The first weighs most; without it in the order of making.
    most
        `maxRecords`, or None.

    Raises
    ------
    ApiError
        422 for a formula or a sort that does not fit the table.
    """
    known = field_map(table)
    rows = list(base.records[table["id"]])
    if formula is not None:
        readers = {f["id"]: _reader(base, f) for f in table["fields"]}
        compiled = compile_formula(formula, {key: readers[f["id"]] for key, f in known.items()}, record_id=_id_of)
        rows = [r for r in rows if truth(compiled(r))]
    for name, descending in reversed(sort):
        if name not in known:
            raise unknown_field(name)
        rows.sort(key=_sort_key(base, known[name]), reverse=descending)
    return [r.id for r in rows[:most]]


def _reader(base: Base, field: Field) -> Reader[Record]:
    """Return how formulas read a field of a record."""
    field_id = field["id"]
    if field["type"] in NUMBER_TYPES | TEXT_TYPES | {"singleSelect", "date", "dateTime", "checkbox", "rating"}:
        return lambda record: record.cells.get(field_id)

    def read(record: Record) -> Value:
        return plain(base, field, record) or None

    return read


def _id_of(record: Record) -> Value:
    return record.id


def _sort_key(base: Base, field: Field) -> Callable[[Record], tuple[bool, Any]]:
    """Return a key that puts empty cells first, and select options in the order of the field."""
    places = {c["name"]: n for n, c in enumerate(field.get("options", {}).get("choices", []))}

    def key(record: Record) -> tuple[bool, Any]:
        value = base.value(field, record)
        if value is None:
            return False, 0
        if field["type"] == "singleSelect":
            return True, places[value]
        if isinstance(value, int | float):
            return True, value
        return True, plain(base, field, record).casefold()

    return key


@dataclass(frozen=True)
class Options:
    """What a listing asks for, checked."""

    size: int
    offset: str | None
    fields: list[str] | None
    formula: str | None
    sort: tuple[Order, ...]
    most: int | None
    by_id: bool


def read_options(table: Table, given: dict[str, Any]) -> Options:
    """Return the options of a listing, from a query or a body.

    Raises
    ------
    ApiError
        422 for one of the wrong form or an unknown view.
    """
    view, fields, sort = given.get("view"), given.get("fields"), given.get("sort")
    formula, offset, cells = given.get("filterByFormula"), given.get("offset"), given.get("cellFormat")
    if not all(isinstance(v, str | None) for v in (view, formula, offset, cells)):
        raise invalid()
    if cells not in {None, "", "json"}:
        raise invalid.saying("The local Airtable answers cellFormat=json only.")
    if view and view not in {v[key] for v in table["views"] for key in ("id", "name")}:
        raise no_view(view)
    if fields is not None and not (isinstance(fields, list) and all(isinstance(f, str) for f in fields)):
        raise invalid()
    if not isinstance(sort, list | None):
        raise invalid()
    size = _whole_number(given.get("pageSize")) or PAGE
    if size > PAGE:
        raise invalid()
    return Options(
        size=size,
        offset=offset or None,
        fields=fields or None,
        formula=formula or None,
        sort=tuple(_order(item) for item in sort or ()),
        most=_whole_number(given.get("maxRecords")),
        by_id=given.get("returnFieldsByFieldId") in (True, "1", "true"),
    )


def _order(item: Any) -> Order:
    if not isinstance(item, dict) or not isinstance(item.get("field"), str):
        raise invalid()
    direction = item.get("direction", "asc")
    if direction not in ("asc", "desc"):
        raise invalid()
    return item["field"], direction == "desc"


def _whole_number(value: Any) -> int | None:
    """Return a whole number above 0, sent as number or text; None when not sent."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)) or int(value) < 1:
        raise invalid()
    return int(value)
