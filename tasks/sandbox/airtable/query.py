"""Listing: which records of a table, in which order, in pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.sandbox.airtable.errors import invalid, no_view, unknown_field
from tasks.sandbox.airtable.formula import Formula, Reader, compile_formula, refuse, truth
from tasks.sandbox.airtable.formula.value import moment_of
from tasks.sandbox.airtable.reading import Sources, field_map, plain, primary_text, source
from tasks.sandbox.airtable.rows import Record, latest
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import Field

__all__ = ["PAGE", "Options", "Order", "field_map", "in_order", "plain", "primary_text", "read_options", "select"]

PAGE = 100
MOST_SORTS = 10
"""As many as a view has; ours."""
OPTIONS = frozenset(
    {"view", "fields", "sort", "filterByFormula", "offset", "pageSize", "maxRecords", "returnFieldsByFieldId"}
)
"""Which records a listing asks for, and which of their fields."""

YES_OR_NO = {"1": True, "true": True, "0": False, "false": False}
Order = tuple[str, bool]
"""Field name or id, and whether descending."""


def select(
    base: Base,
    table: Table,
    *,
    formula: str | None = None,
    sort: Sequence[Order] = (),
    most: int | None = None,
    rows: Iterable[Record] | None = None,
) -> list[str]:
    """Return the ids of the records that pass, in order; see `Rows.ids` for how long they stay so.

    Parameters
    ----------
    formula
        `filterByFormula`, or None.
    sort
        The first weighs most; without it the order stays.
    most
        `maxRecords`, or None.
    rows
        The records to choose from, such as those of a view in its order; all, in the order of making, when None.

    Raises
    ------
    ApiError
        422 for a formula or a sort that does not fit the table.
    """
    there = base.records[table["id"]]
    if rows is None and formula is None and not sort:
        return there.ids() if most is None else there.ids()[:most]
    found = list(there if rows is None else rows)
    if formula is not None:
        compiled = _filter(base, table, formula)
        found = [r for r in found if truth(compiled(r))]
    return [r.id for r in in_order(base, table, found, sort)[:most]]


def in_order(base: Base, table: Table, rows: list[Record], sort: Sequence[Order]) -> list[Record]:
    """Return records sorted; those that are equal stay as they were.

    Raises
    ------
    ApiError
        422 for a field that the table does not have.
    """
    known = field_map(table)
    for name, descending in reversed(sort):
        if name not in known:
            raise unknown_field(name)
        rows = sorted(rows, key=_sort_key(base, known[name]), reverse=descending)
    return rows


def _filter(base: Base, table: Table, formula: str) -> Formula[Record]:
    known = field_map(table)

    def modified(names: tuple[str, ...]) -> Reader[Record]:
        ids = {known[n]["id"] for n in names}
        if not ids <= base.computed.watched(table):
            raise refuse("the local Airtable knows when a field was changed only if a field of the table watches it.")
        return lambda record: moment_of(stamp[0]) if (stamp := latest(record, ids)) else None

    return compile_formula(
        formula,
        Sources(known, lambda field: source(base, field)),
        record_id=lambda record: record.id,
        created=lambda record: moment_of(record.created),
        modified=modified,
        now=base.clock,
    )


def _sort_key(base: Base, field: Field) -> Callable[[Record], tuple[int, Any]]:
    """Return a key that puts empty cells first, then numbers, and select options in the order of the field."""
    places = {c["name"]: n for n, c in enumerate(field.get("options", {}).get("choices", []))}

    def key(record: Record) -> tuple[int, Any]:
        value = base.value(field, record)
        if value is None:
            return 0, 0
        if field["type"] == "singleSelect":
            return 1, places[value]
        if isinstance(value, int | float):
            return 1, value
        return 2, plain(base, field, record).casefold()

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
        422 for one that there is not or of the wrong form, and for an unknown view.
    """
    if set(given) - OPTIONS:
        raise invalid()
    view, fields, sort = given.get("view"), given.get("fields"), given.get("sort")
    formula, offset = given.get("filterByFormula"), given.get("offset")
    if not all(isinstance(v, str | None) for v in (view, formula, offset)):
        raise invalid()
    if view and view not in {v[key] for v in table["views"] for key in ("id", "name")}:
        raise no_view(view)
    if fields is not None and not (isinstance(fields, list) and all(isinstance(f, str) for f in fields)):
        raise invalid()
    if not isinstance(sort, list | None) or len(sort or ()) > MOST_SORTS:
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
        by_id=wants_ids(given),
    )


def wants_ids(given: dict[str, Any]) -> bool:
    """Return whether fields are asked for by id, in a query or a body.

    Raises
    ------
    ApiError
        422 for what is neither yes nor no.
    """
    wanted = given.get("returnFieldsByFieldId")
    if isinstance(wanted, bool | None):
        return bool(wanted)
    if not isinstance(wanted, str) or wanted not in YES_OR_NO:
        raise invalid()
    return YES_OR_NO[wanted]


def _order(item: Any) -> Order:
    if not isinstance(item, dict) or set(item) - {"field", "direction"} or not isinstance(item.get("field"), str):
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
