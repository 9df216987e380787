"""What a person does in Airtable itself and no client can through the Web API: for tests of what copes with it."""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable import own
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import Field

JSON = dict[str, Any]


class Hand:
    """Changes by hand to the bases of a store; tables, fields and options by name or id, else KeyError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_field(self, base_id: str, table: str, spec: JSON) -> JSON:
        """Add a field of any type as a schema shows it, unchecked; `own.add_field` declares computed ones."""
        base, there = self._table(base_id, table)
        field = {"id": new_id("fld"), **spec}
        with self._store.change(base):
            self._store.add_fields(base, [(there, field)])
        return field

    def add_view(self, base_id: str, table: str, name: str, *, kind: str = "grid", **how: Any) -> JSON:
        """Add a view of all records; with `how` as the set-up call of views makes it, such as with a `filter`."""
        base, there = self._table(base_id, table)
        if how:
            return own.add_view(self._store, base, there, {"name": name, "type": kind, **how})
        view = {"id": new_id("viw"), "name": name, "type": kind}
        with self._store.change(base):
            self._store.keep_schema(base)
            there["views"].append(view)
        return view

    def delete_field(self, base_id: str, table: str, field: str) -> None:
        """Delete a field and its cells, and of a link the field on the other side too."""
        base, there = self._table(base_id, table)
        gone = _find(there["fields"], field)
        with self._store.change(base):
            self._store.delete_field(base, there, gone)

    def delete_option(self, base_id: str, table: str, field: str, *, option: str) -> None:
        """Delete an option of a select field; the cells that have it lose it."""
        base, there = self._table(base_id, table)
        select: Field = _find(there["fields"], field)
        name = _find(select["options"]["choices"], option)["name"]
        with self._store.change(base):
            self._store.keep_schema(base)
            select["options"]["choices"] = [c for c in select["options"]["choices"] if c["name"] != name]
            for record in list(base.records[there["id"]]):
                cell = record.cells.get(select["id"])
                if cell == name:
                    self._store.update(base, there, record.id, {select["id"]: None})
                elif isinstance(cell, list) and name in cell:
                    self._store.update(base, there, record.id, {select["id"]: [c for c in cell if c != name]})

    def _table(self, base_id: str, table: str) -> tuple[Base, Table]:
        base = self._store.bases[base_id]
        found = base.table(table)
        if found is None:
            raise KeyError(table)
        return base, found


def _find(things: list[JSON], name: str) -> JSON:
    for thing in things:
        if name in (thing["id"], thing["name"]):
            return thing
    raise KeyError(name)
