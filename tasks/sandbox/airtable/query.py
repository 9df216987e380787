"""Listing: which records of a table, in which order, in pages."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.sandbox.airtable.errors import ApiError, invalid, unknown_field
from tasks.sandbox.airtable.formula import Value, compile_formula, passes
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import Field

PAGE = 100
OPEN_LISTINGS = 200
"""Listings kept for their next page; the one longest unused expires first."""

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
    value = record.cells.get(field["id"])
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if field["type"] == "multipleRecordLinks":
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
        compiled = compile_formula(formula, {key: f["id"] for key, f in known.items()})
        by_id = {f["id"]: f for f in table["fields"]}
        rows = [r for r in rows if passes(compiled, (r.id, partial(_formula_value, base, by_id, r)))]
    for name, descending in reversed(sort):
        if name not in known:
            raise unknown_field(name)
        rows.sort(key=_sort_key(base, known[name]), reverse=descending)
    return [r.id for r in rows[:most]]


def _formula_value(base: Base, by_id: dict[str, Field], record: Record, field_id: str) -> Value:
    value = record.cells.get(field_id)
    if value is None or isinstance(value, str | int | float):
        return value
    return plain(base, by_id[field_id], record)


def _sort_key(base: Base, field: Field) -> Callable[[Record], tuple[bool, Any]]:
    """Return a key that puts empty cells first, and select options in the order of the field."""
    places = {c["name"]: n for n, c in enumerate(field.get("options", {}).get("choices", []))}

    def key(record: Record) -> tuple[bool, Any]:
        value = record.cells.get(field["id"])
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
        raise invalid("The local Airtable answers cellFormat=json only.")
    if view and view not in {v[key] for v in table["views"] for key in ("id", "name")}:
        raise ApiError(422, "VIEW_NAME_NOT_FOUND", f"View {view} not found")
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


class Listings:
    """Listings under way, as they were when they began; a page is asked for by an opaque offset."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()

    def begin(self, of: str, ids: list[str], size: int) -> tuple[list[str], str | None]:
        """Return the first page of a listing, and the offset of the next if there is one.

        Parameters
        ----------
        of
            What is listed, such as a table id: an offset is good for nothing else.
        """
        if len(ids) <= size:
            return ids, None
        key = "itr" + secrets.token_hex(7)
        self._open[key] = (of, ids)
        while len(self._open) > OPEN_LISTINGS:
            self._open.popitem(last=False)
        return ids[:size], f"{key}/{ids[size]}"

    def page(self, of: str, offset: str, size: int) -> tuple[list[str], str | None]:
        """Return the page at an offset, and the next offset.

        Raises
        ------
        ApiError
            422 when the offset is unknown or has expired: the listing starts over.
        """
        key, _, first = offset.partition("/")
        owner, ids = self._open.get(key, ("", []))
        if owner != of or first not in ids:
            raise ApiError(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE")
        self._open.move_to_end(key)
        start = ids.index(first)
        end = start + size
        return ids[start:end], f"{key}/{ids[end]}" if end < len(ids) else None
