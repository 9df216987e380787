"""What a webhook tells of a change: the records, fields and tables that its specification asks for.

Cells are written as webhooks write them, which is not as listings do: an option with id and colour, a linked record
with its name (Airtable's Web API, “Field types and cell values”, webhooks' cell format). Computed cells are left out:
which of them a change altered is not kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tasks.sandbox.airtable.attachments import path_of
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.query import primary_text
from tasks.sandbox.airtable.rows import Cells
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, RecordChange
from tasks.sandbox.airtable.values import Field

JSON = dict[str, Any]
Shape = dict[str, JSON]
"""A base's tables as far as webhooks tell of them: id → name, description, fields (id → name and type)."""


class Teller:
    """What one webhook tells of one change to one base.

    Parameters
    ----------
    spec
        `options` of its specification, checked.
    """

    def __init__(self, base: Base, spec: JSON) -> None:
        filters = spec["filters"]
        includes = spec.get("includes") or {}
        self._base = base
        self._types = frozenset(filters.get("changeTypes") or ("add", "remove", "update"))
        self._data = frozenset(filters["dataTypes"])
        self._watched = frozenset(filters.get("watchDataInFieldIds") or ())
        self._schemas = frozenset(filters.get("watchSchemasOfFieldIds") or ())
        self._scope = filters.get("recordChangeScope")
        self._also = includes.get("includeCellValuesInFieldIds") or ()
        self._previous = bool(includes.get("includePreviousCellValues"))
        self._previous_fields = bool(includes.get("includePreviousFieldDefinitions"))

    def records(self, changes: Iterable[RecordChange]) -> JSON:
        """Return what changed in records, by table id; empty when nothing that is asked for did."""
        if "tableData" not in self._data:
            return {}
        found: JSON = {}
        for table in self._base.tables:
            here = [c for c in changes if c.table_id == table["id"]]
            if here and (self._scope in (None, table["id"])):
                told = self._told(table, here)
                if told:
                    found[table["id"]] = told
        return found

    def view(self, table: Table, changes: Sequence[RecordChange], *, came: set[str], left: set[str]) -> JSON:
        """Return what changed in the view that it is about: records that came into it, left it, or changed in it."""
        rows = self._base.records[table["id"]]
        told: JSON = {}
        if came and "add" in self._types:
            told["createdRecordsById"] = {rec: self._created(table, rec) for rec in came if rec in rows}
        inside = [c for c in changes if c.after is not None and c.before is not None and c.record_id not in came | left]
        changed = self._changed(table, inside) if "update" in self._types else {}
        if changed:
            told["changedRecordsById"] = changed
        if left and "remove" in self._types:
            told["destroyedRecordIds"] = sorted(left)
        return {table["id"]: {"changedViewsById": {self._scope: told}}} if told else {}

    def _told(self, table: Table, changes: list[RecordChange]) -> JSON:
        told: JSON = {}
        new = [c for c in changes if c.before is None and self._touches({}, c.after or {})]
        gone = [c for c in changes if c.after is None and self._touches(c.before or {}, {})]
        if new and "add" in self._types:
            told["createdRecordsById"] = {c.record_id: self._created(table, c.record_id) for c in new}
        changed = self._changed(table, [c for c in changes if c.before is not None and c.after is not None])
        if changed and "update" in self._types:
            told["changedRecordsById"] = changed
        if gone and "remove" in self._types:
            told["destroyedRecordIds"] = [c.record_id for c in gone]
        return told

    def _touches(self, before: Cells, after: Cells) -> bool:
        return not self._watched or any(before.get(f) != after.get(f) for f in self._watched)

    def _created(self, table: Table, rec: str) -> JSON:
        record = self._base.records[table["id"]][rec]
        links = [f for f in table["fields"] if f["type"] == LINK]
        cells = record.cells | {f["id"]: self._base.value(f, record) for f in links}
        wanted = self._watched | set(self._included(table)) if self._watched else set(cells)
        shown = {f: v for f, v in cells.items() if f in wanted and v is not None}
        return {"createdTime": record.created, "cellValuesByFieldId": self._cells(table, shown)}

    def _changed(self, table: Table, changes: Iterable[RecordChange]) -> JSON:
        told: JSON = {}
        for change in changes:
            before, after = change.before or {}, change.after or {}
            fields = {f for f in {*before, *after} if before.get(f) != after.get(f)}
            fields &= self._watched or fields
            if not fields:
                continue
            one = {"current": self._values(table, {f: after.get(f) for f in fields})}
            if self._previous:
                one["previous"] = self._values(table, {f: before.get(f) for f in fields})
            if self._also:
                rest = {f: after[f] for f in self._included(table) if f in after and f not in fields}
                one["unchanged"] = self._values(table, rest)
            told[change.record_id] = one
        return told

    def _included(self, table: Table) -> list[str]:
        return [f["id"] for f in table["fields"] if self._also == "all" or f["id"] in self._also]

    def _values(self, table: Table, cells: Cells) -> JSON:
        return {"cellValuesByFieldId": self._cells(table, cells)}

    def _cells(self, table: Table, cells: Cells) -> JSON:
        """Return these cells, in the order of the table's fields; those of a field that is gone are left out."""
        return {f["id"]: self._cell(f, cells[f["id"]]) for f in table["fields"] if f["id"] in cells}

    def _cell(self, field: Field, value: Any) -> Any:
        if value is None:
            return None
        if field["type"] == "singleSelect":
            return _option(field, value)
        if field["type"] == "multipleSelects":
            return [_option(field, one) for one in value]
        if field["type"] == "multipleAttachments":
            return [{**one, "url": path_of(one)} for one in value]
        if field["type"] == LINK:
            other = self._base.table(field["options"]["linkedTableId"])
            return [{"id": rec, "name": self._name(other, rec)} for rec in value]
        return value

    def _name(self, other: Table | None, rec: str) -> str:
        record = self._base.records[other["id"]].get(rec) if other else None
        return primary_text(self._base, other, record) if other and record else ""

    def schema(self, before: Shape, after: Shape) -> tuple[JSON, JSON]:
        """Return what changed in tables and fields: of tables that were there, by id, and new tables, by id."""
        changed: JSON = {}
        created: JSON = {}
        for table_id, now in after.items():
            if self._scope not in (None, table_id):
                continue
            then = before.get(table_id)
            if then is None:
                if self._data & {"tableFields", "tableMetadata"} and "add" in self._types:
                    created[table_id] = {"metadata": _metadata(now), "fieldsById": now["fields"]}
                continue
            told = self._metadata(then, now) | self._fields(then["fields"], now["fields"])
            if told:
                changed[table_id] = told
        return changed, created

    def _metadata(self, then: JSON, now: JSON) -> JSON:
        if "tableMetadata" not in self._data or "update" not in self._types or _metadata(then) == _metadata(now):
            return {}
        return {"changedMetadata": {"current": _metadata(now), "previous": _metadata(then)}}

    def _fields(self, then: JSON, now: JSON) -> JSON:
        if "tableFields" not in self._data:
            return {}
        seen = {f for f in {*then, *now} if not self._schemas or f in self._schemas}
        told: JSON = {}
        if "add" in self._types and (new := {f: now[f] for f in now if f in seen and f not in then}):
            told["createdFieldsById"] = new
        altered = {f for f in seen if f in then and f in now and then[f] != now[f]}
        if "update" in self._types and altered:
            told["changedFieldsById"] = {
                f: {"current": now[f]} | ({"previous": then[f]} if self._previous_fields else {})
                for f in now
                if f in altered
            }
        if "remove" in self._types and (gone := [f for f in then if f in seen and f not in now]):
            told["destroyedFieldIds"] = gone
        return told


def shape_of(base: Base) -> Shape:
    """Return a base's tables as far as webhooks tell of them."""
    return {
        t["id"]: {
            "name": t["name"],
            "description": t.get("description"),
            "fields": {f["id"]: {"name": f["name"], "type": f["type"]} for f in t["fields"]},
        }
        for t in base.tables
    }


def _metadata(shape: JSON) -> JSON:
    return {key: shape[key] for key in ("name", "description") if shape[key] is not None}


def _option(field: Field, name: str) -> JSON:
    choice = next((c for c in field["options"]["choices"] if c["name"] == name), {"name": name})
    return dict(choice)
