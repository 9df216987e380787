"""Reading and writing records as the Web API words it: fields by name or id, batches of ten, upserts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tasks.sandbox.airtable import cellformat
from tasks.sandbox.airtable.attachments import shown
from tasks.sandbox.airtable.errors import (
    ambiguous_upsert,
    bad_attachment,
    bad_record_id,
    bad_records,
    invalid,
    locked_field,
    missing_fields,
    no_row,
    same_record_twice,
    too_many_new,
    unknown_field,
    wrong_table,
)
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.query import field_map, primary_text
from tasks.sandbox.airtable.rows import Cells, Record, key_of
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import COMPUTED, TEXT_TYPES, Field, clean, names_new_option

BATCH = 10
MERGEABLE = frozenset(
    {"singleLineText", "multilineText", "number", "singleSelect", "multipleSelects", "date", "dateTime"}
)
SELECTS = frozenset({"singleSelect", "multipleSelects"})
JSON = dict[str, Any]


@dataclass(frozen=True)
class View:
    """How an answer shows records: these fields, by this key, attachments at this address, as texts or as JSON."""

    base: Base
    fields: list[tuple[str, Field]]
    address: str
    style: cellformat.Style | None = None

    @classmethod
    def of(
        cls,
        base: Base,
        table: Table,
        *,
        by_id: bool,
        address: str,
        only: list[str] | None = None,
        style: cellformat.Style | None = None,
    ) -> View:
        """Return a view of all fields, or of these names or ids.

        Raises
        ------
        ApiError
            422 for one that the table does not have.
        """
        known = field_map(table)
        for name in only or ():
            if name not in known:
                raise unknown_field(name)
        wanted = None if only is None else {known[n]["id"] for n in only}
        key = "id" if by_id else "name"
        fields = [(f[key], f) for f in table["fields"] if wanted is None or f["id"] in wanted]
        return cls(base, fields, address, style)

    @cached_property
    def _readers(self) -> list[tuple[str, str, Callable[[Record], Any] | None]]:
        """Key, field id and how the field is read, None where the cell is the answer as it is kept."""
        return [(key, f["id"], self._reader(f)) for key, f in self.fields]

    def _reader(self, field: Field) -> Callable[[Record], Any] | None:
        if (style := self.style) is not None:
            return lambda record: cellformat.text(self.base, field, record, style=style) or None
        if field["type"] == "multipleAttachments":
            return lambda record: [shown(a, self.address) for a in record.cells.get(field["id"], ())] or None
        if field["type"] == LINK or field["type"] in COMPUTED:
            return lambda record: self.base.value(field, record)
        return None

    def show(self, record: Record) -> JSON:
        """Return a record as the API answers it."""
        cells = {}
        kept = record.cells
        for key, field_id, read in self._readers:
            value = kept.get(field_id) if read is None else read(record)
            if value is not None:
                cells[key] = value
        return {"id": record.id, "createdTime": record.created, "fields": cells}


class Writer:
    """Writes of one request to one table; used inside `Store.change`.

    Parameters
    ----------
    typecast
        Convert values that are not of the field's type.
    locked
        Fields that the token may not write, as ids or ``Table.Field``.
    arrived
        Attachments that are there for this request, by id.
    """

    def __init__(
        self,
        store: Store,
        base: Base,
        table: Table,
        *,
        typecast: bool,
        locked: Collection[str] = frozenset(),
        arrived: Mapping[str, JSON] | None = None,
    ) -> None:
        self._store, self._base, self._table, self._typecast = store, base, table, typecast
        self._locked, self._arrived = locked, arrived or {}
        self._known = field_map(table)
        self._rows = base.records[table["id"]]

    def create(self, fields: Any) -> str:
        """Create a record and return its id."""
        return self._store.create(self._base, self._table, self._cells(fields)).id

    def update(self, rec: str, fields: Any, *, replace: bool) -> str:
        """Update a record, or replace all its cells, and return its id."""
        cells = self._cells(fields, record=self._rows[rec])
        if replace:
            cells = dict.fromkeys(f["id"] for f in self._table["fields"]) | cells
        return self._store.update(self._base, self._table, rec, cells).id

    def update_many(self, items: list[JSON], *, replace: bool) -> list[str]:
        """Update records by id."""
        for item in items:
            if item["id"] not in self._rows:
                raise no_row(item["id"])
        _refuse_twice([item["id"] for item in items])
        return [self.update(item["id"], item["fields"], replace=replace) for item in items]

    def upsert(self, items: list[JSON], merge: Any, *, replace: bool) -> tuple[list[str], list[str], list[str]]:
        """Update the records that match on the merge fields, create the rest.

        Two matches for one, or one record or new key named twice, refuse the whole request.

        Returns
        -------
        all ids in the order sent, created ids, updated ids
        """
        keys = self._merge_fields(merge)
        found = [item["id"] if "id" in item else self._match(keys, item["fields"]) for item in items]
        for rec in found:
            if isinstance(rec, str) and rec not in self._rows:
                raise no_row(rec)
        _refuse_twice(found)
        ids, created = [], []
        for item, rec in zip(items, found, strict=True):
            if isinstance(rec, str):
                ids.append(self.update(rec, item["fields"], replace=replace))
            else:
                ids.append(self.create(item["fields"]))
                created.append(ids[-1])
        return ids, created, [i for i in ids if i not in set(created)]

    def _merge_fields(self, merge: Any) -> tuple[str, ...]:
        names = merge.get("fieldsToMergeOn") if isinstance(merge, dict) else None
        if not isinstance(names, list) or not 1 <= len(names) <= 3 or not all(isinstance(n, str) for n in names):
            raise invalid()
        for name in names:
            if name not in self._known:
                raise unknown_field(name)
            if self._known[name]["type"] not in MERGEABLE:
                raise invalid.saying(
                    f'Field "{name}" is a {self._known[name]["type"]}: records cannot be merged on it.'
                )
        keys = tuple(self._known[name]["id"] for name in names)
        if len(set(keys)) < len(keys):
            raise invalid.saying("A field to merge on is named twice.")
        return keys

    def _match(self, keys: tuple[str, ...], fields: Any) -> str | tuple[Any, ...]:
        """Return the id of the one record with these keys, or the keys when there is none."""
        cells = self._cells({n: v for n, v in fields.items() if self._field(n)["id"] in keys})
        if set(cells) != set(keys) or all(v in (None, "", []) for v in cells.values()):
            raise invalid.saying("A record to upsert lacks a value in a field to merge on.")
        key = key_of({k: v for k, v in cells.items() if v not in ("", [])}, keys)
        found = self._rows.matching(keys, key)
        if len(found) > 1:
            raise ambiguous_upsert(len(found), key)
        return found[0] if found else key

    def _field(self, name: str) -> Field:
        if name not in self._known:
            raise unknown_field(name)
        return self._known[name]

    def _cells(self, fields: Any, *, record: Record | None = None) -> Cells:
        """Return checked cells by field id from the `fields` of a request.

        Raises
        ------
        ApiError
            422 for an unknown field or a value that its type does not take, 403 for a field that is locked.
        """
        if not isinstance(fields, dict):
            raise missing_fields()
        cells: Cells = {}
        for name, value in fields.items():
            field = self._field(name)
            if self._locked:
                refuse_locked(self._table, field, self._locked)
            if self._typecast and field["type"] in SELECTS and names_new_option(field, value):
                self._store.keep_schema(self._base)
            cell = clean(field, value, typecast=self._typecast)
            if cell and field["type"] == LINK:
                cell = [self._linked(field, rec) for rec in cell]
            elif cell and field["type"] == "multipleAttachments":
                cell = self._attached(field, cell, record)
            cells[field["id"]] = cell
        return cells

    def _attached(self, field: Field, given: list[JSON], record: Record | None) -> list[JSON]:
        """Return the attachments that these ids name, of the cell or arrived; sending fewer removes the rest."""
        there = (
            {**self._arrived, **{a["id"]: a for a in record.cells.get(field["id"], [])}} if record else self._arrived
        )
        if any(a["id"] not in there for a in given):
            raise bad_attachment()
        return [there[a["id"]] for a in given]

    def _linked(self, field: Field, rec: str) -> str:
        other = self._base.table(field["options"]["linkedTableId"])
        assert other is not None  # noqa: S101  # a link field cannot be made without its table
        rows = self._base.records[other["id"]]
        if rec in rows:
            return rec
        if is_id(rec, "rec"):
            home = next((t for t, there in self._base.records.items() if rec in there), None)
            if home is None:
                raise no_row(rec)
            raise wrong_table(rec, home, other["id"])
        if not self._typecast:
            raise bad_record_id(rec)
        return self._named(other, rec)

    def _named(self, other: Table, name: str) -> str:
        """Return the first record of this name in a linked table, made when there is none."""
        rows = self._base.records[other["id"]]
        primary = next(f for f in other["fields"] if f["id"] == other["primaryFieldId"])
        if primary["type"] in TEXT_TYPES:
            found = min(rows.matching((primary["id"],), (name,)), key=lambda r: rows[r].number, default=None)
        else:
            found = next((r.id for r in rows if primary_text(self._base, other, r) == name), None)
        return found or Writer(self._store, self._base, other, typecast=True).create({primary["name"]: name})


def _refuse_twice(ids: list[Any]) -> None:
    if len(set(ids)) < len(ids):
        raise same_record_twice()


def refuse_locked(table: Table, field: Field, locked: Container[str]) -> None:
    """Refuse to write a field that is locked.

    Raises
    ------
    ApiError
        403.
    """
    if field["id"] in locked or f"{table['name']}.{field['name']}" in locked:
        raise locked_field(field["name"], field["id"])


def new_records(body: JSON) -> list[JSON]:
    """Return the `records` of a create: one to ten objects with fields.

    Raises
    ------
    ApiError
        422 for anything else.
    """
    items = body["records"]
    if not isinstance(items, list) or not items or not all(isinstance(r, dict) for r in items):
        raise invalid()
    if len(items) > BATCH:
        raise too_many_new(len(items))
    for item in items:
        if "fields" not in item:
            raise missing_fields()
        only(item, "fields")
    return items


def named_records(body: JSON, *, ids: bool) -> list[JSON]:
    """Return the `records` of an update (`ids`) or an upsert: one to ten objects with fields, and ids.

    Raises
    ------
    ApiError
        422 for anything else.
    """
    items = body.get("records")
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH:
        raise bad_records()
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("fields"), dict) or set(item) - {"id", "fields"}:
            raise bad_records()
        if (ids or "id" in item) and not is_id(item.get("id"), "rec"):
            raise bad_records()
    return items


def flag(body: JSON, name: str) -> bool:
    """Return a true-or-false option of a body."""
    value = body.get(name)
    if not isinstance(value, bool | None):
        raise invalid()
    return bool(value)


def only(body: JSON, *names: str) -> None:
    """Refuse what a body has beside these."""
    if set(body) - set(names):
        raise invalid()
