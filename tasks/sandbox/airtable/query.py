"""Listing: which records of a table, in which order, in pages."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from tasks.sandbox.airtable.errors import ApiError, invalid
from tasks.sandbox.airtable.formula import Value, compile_formula, passes
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Record
from tasks.sandbox.airtable.values import Field

PAGE = 100
OPEN_LISTINGS = 200
"""Listings kept for their next page; the oldest expires first."""


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
    if field["type"] == "multipleRecordLinks":
        other = base.table(field["options"]["linkedTableId"])
        rows = base.records[other["id"]] if other else {}
        return ", ".join(primary_text(base, other, rows[r]) for r in value if other and r in rows)
    if isinstance(value, list):
        return ", ".join(
            str(v.get("filename") or v.get("name") or v["id"]) if isinstance(v, dict) else str(v) for v in value
        )
    if isinstance(value, dict):
        return str(value.get("text") or value.get("name") or value.get("email") or value.get("id"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "1" if value is True else str(value)


def _getter(base: Base, table: Table, record: Record) -> Callable[[str], Value]:
    by_id = {f["id"]: f for f in table["fields"]}

    def get(field_id: str) -> Value:
        value = record.cells.get(field_id)
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return plain(base, by_id[field_id], record)

    return get


def select(
    base: Base, table: Table, *, formula: str | None, sort: list[tuple[str, bool]], most: int | None
) -> list[str]:
    """Return the ids of the records that pass, in order.

    Parameters
    ----------
    formula
        `filterByFormula`, or None.
    sort
        (field name or id, descending), the first weighs most; without it in the order of making.
    most
        `maxRecords`, or None.
    """
    rows = list(base.records[table["id"]].values())
    if formula:
        compiled = compile_formula(formula, {key: f["id"] for key, f in field_map(table).items()})
        rows = [r for r in rows if passes(compiled, (r.id, _getter(base, table, r)))]
    for name, descending in reversed(sort):
        field = field_map(table).get(name)
        if field is None:
            raise unknown_field(name)
        rows.sort(key=cmp_to_key(_order(base, field)), reverse=descending)
    return [r.id for r in rows[:most]]


def _order(base: Base, field: Field) -> Callable[[Record, Record], int]:
    def order(one: Record, two: Record) -> int:
        a, b = one.cells.get(field["id"]), two.cells.get(field["id"])
        if isinstance(a, list | dict) or isinstance(b, list | dict):
            a, b = plain(base, field, one), plain(base, field, two)
        if a is None or b is None:  # empty cells first
            return (a is not None) - (b is not None)
        if isinstance(a, str) and isinstance(b, str):
            a, b = a.casefold(), b.casefold()
        return (a > b) - (a < b)

    return order


def unknown_field(name: str) -> ApiError:
    """Return the refusal of a field that the table does not have."""
    return ApiError(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')


class Listings:
    """Pages of listings under way; a page is asked for by an opaque offset."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()

    def page(self, table_id: str, ids: list[str], size: int) -> tuple[list[str], str | None]:
        """Return the first page of a listing and the offset of the next, if any."""
        if len(ids) <= size:
            return ids, None
        key = "itr" + secrets.token_urlsafe(12)
        offset = f"{key}/{ids[size]}"
        self._open[offset] = (table_id, ids[size:])
        while len(self._open) > OPEN_LISTINGS:
            self._open.popitem(last=False)
        return ids[:size], offset

    def next(self, table_id: str, offset: str, size: int) -> tuple[list[str], str | None]:
        """Return the page at an offset.

        Raises
        ------
        ApiError
            422 when the offset is unknown or has expired: the listing starts over.
        """
        kept = self._open.get(offset)
        if kept is None or kept[0] != table_id:
            raise ApiError(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE")
        return self.page(table_id, kept[1], size)


def page_size(value: Any) -> int:
    """Return `pageSize` as a number from 1 to 100."""
    number = whole_number(value)
    if number is None:
        return PAGE
    if not 1 <= number <= PAGE:
        raise invalid()
    return number


def whole_number(value: Any) -> int | None:
    """Return a whole number sent as number or text, None when not sent."""
    if value is None or value == "":
        return None
    try:
        number = int(str(value))
    except ValueError:
        raise invalid() from None
    if number < 1:
        raise invalid()
    return number
