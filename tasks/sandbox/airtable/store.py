"""The bases on disk: SQLite, written through; schema and records are held in memory for reading.

A row of `record` is one record: its cells as JSON by field id. Every request is one transaction, in memory as on
disk: a refused batch leaves neither changed. In WAL mode an acknowledged write survives kill −9 of the process;
with synchronous=NORMAL it need not survive a power cut, which spares a sync of the disk per request.
"""

from __future__ import annotations

import copy
import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.values import Field, is_empty

Cells = dict[str, Any]


@dataclass
class Record:
    """One record: id, when it was made, cells by field id without the empty ones."""

    id: str
    created: str
    cells: Cells


@dataclass
class Base:
    """One base: id, name, tables in order, and table id → record id → record, in order of making."""

    id: str
    name: str
    tables: list[Table]
    records: dict[str, dict[str, Record]] = field(default_factory=dict)

    def table(self, id_or_name: str) -> Table | None:
        """Return a table by id or by name, whatever its case."""
        for table in self.tables:
            if id_or_name in (table["id"], table["name"]):
                return table
        return next((t for t in self.tables if t["name"].lower() == id_or_name.lower()), None)


class Store:
    """All bases of one folder; one process at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._guard = (folder / "lock").open("a")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._guard.close()
            raise BlockingIOError(f"{folder}: another local Airtable uses this folder.") from None
        self.lock = threading.RLock()
        self._db = sqlite3.connect(folder / "airtable.sqlite", check_same_thread=False, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS base (id TEXT PRIMARY KEY, name TEXT NOT NULL, tables TEXT NOT NULL);"
            "CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, base TEXT NOT NULL, tbl TEXT NOT NULL,"
            " created TEXT NOT NULL, cells TEXT NOT NULL);"
        )
        self.bases: dict[str, Base] = {}
        self._load()
        self._touched: dict[str, tuple[str, str]] = {}
        self._undo: list[tuple[dict[str, Record], str, Record | None]] = []

    def close(self) -> None:
        """Close the database and let another process in."""
        with self.lock:
            self._db.close()
            self._guard.close()

    def _load(self) -> None:
        for base_id, name, tables in self._db.execute("SELECT id, name, tables FROM base ORDER BY rowid"):
            base = Base(base_id, name, json.loads(tables))
            base.records = {t["id"]: {} for t in base.tables}
            self.bases[base_id] = base
        for rec, base_id, tbl, created, cells in self._db.execute(
            "SELECT id, base, tbl, created, cells FROM record ORDER BY rowid"
        ):
            self.bases[base_id].records[tbl][rec] = Record(rec, created, json.loads(cells))

    # --- writing ---

    @contextmanager
    def change(self, base: Base) -> Iterator[None]:
        """Make a change to records; all of it is kept, or none."""
        with self.lock:
            self._touched, self._undo = {}, []
            schema = json.dumps(base.tables)
            try:
                yield
                self._commit(base, tables=json.dumps(base.tables) if json.dumps(base.tables) != schema else None)
            except BaseException:
                for rows, rec, before in reversed(self._undo):
                    if before is None:
                        rows.pop(rec, None)
                    else:
                        rows[rec] = before
                base.tables[:] = json.loads(schema)
                raise

    def _commit(self, base: Base, *, tables: str | None) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if tables is not None:
                self._db.execute("UPDATE base SET tables = ? WHERE id = ?", (tables, base.id))
            for rec, (_, tbl) in self._touched.items():
                record = base.records[tbl].get(rec)
                if record is None:
                    self._db.execute("DELETE FROM record WHERE id = ?", (rec,))
                else:
                    self._db.execute(
                        "INSERT INTO record (id, base, tbl, created, cells) VALUES (?, ?, ?, ?, ?)"
                        " ON CONFLICT (id) DO UPDATE SET cells = excluded.cells",
                        (rec, base.id, tbl, record.created, json.dumps(record.cells, ensure_ascii=False)),
                    )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _put(self, base: Base, table_id: str, rec: str, record: Record | None) -> None:
        rows = base.records[table_id]
        self._undo.append((rows, rec, rows.get(rec)))
        self._touched[rec] = (base.id, table_id)
        if record is None:
            rows.pop(rec, None)
        else:
            rows[rec] = record

    def create_base(self, name: str, tables: list[Table]) -> Base:
        """Keep a new base."""
        base = Base(new_id("app"), name, tables, {t["id"]: {} for t in tables})
        with self.lock:
            self._db.execute("INSERT INTO base VALUES (?, ?, ?)", (base.id, name, json.dumps(tables)))
            self.bases[base.id] = base
        return base

    def create(self, base: Base, table: Table, cells: Cells) -> Record:
        """Add a record; inside `change`."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = Record(new_id("rec"), moment, {})
        self._put(base, table["id"], record.id, record)
        return self.update(base, table, record, cells)

    def update(self, base: Base, table: Table, record: Record, cells: Cells) -> Record:
        """Set these cells, empty ones away; the other side of links follows; inside `change`."""
        new = Record(record.id, record.created, {k: v for k, v in {**record.cells, **cells}.items() if not is_empty(v)})
        self._put(base, table["id"], record.id, new)
        by_id = {f["id"]: f for f in table["fields"]}
        for field_id in cells:
            inverse = by_id[field_id].get("options", {}).get("inverseLinkFieldId")
            if by_id[field_id]["type"] == "multipleRecordLinks" and inverse:
                self._mirror(
                    base,
                    by_id[field_id],
                    record.id,
                    before=set(record.cells.get(field_id, [])),
                    after=set(new.cells.get(field_id, [])),
                )
        return base.records[table["id"]][record.id]

    def _mirror(self, base: Base, link: Field, rec: str, *, before: set[str], after: set[str]) -> None:
        other, back = link["options"]["linkedTableId"], link["options"]["inverseLinkFieldId"]
        for target in sorted(before ^ after):
            linked = base.records[other].get(target)
            if linked is None:
                continue
            kept = [r for r in linked.cells.get(back, []) if r != rec] + ([rec] if target in after else [])
            cells = {k: v for k, v in linked.cells.items() if k != back} | ({back: kept} if kept else {})
            self._put(base, other, target, Record(linked.id, linked.created, cells))

    def delete(self, base: Base, table: Table, record: Record) -> None:
        """Remove a record and what links to it; inside `change`."""
        links = [f["id"] for f in table["fields"] if f["type"] == "multipleRecordLinks" and f["id"] in record.cells]
        self.update(base, table, record, dict.fromkeys(links))
        for other in base.tables:
            for f in other["fields"]:
                one_way = f["type"] == "multipleRecordLinks" and "inverseLinkFieldId" not in f["options"]
                if one_way and f["options"]["linkedTableId"] == table["id"]:
                    for row in [r for r in base.records[other["id"]].values() if record.id in r.cells.get(f["id"], [])]:
                        kept = [r for r in row.cells[f["id"]] if r != record.id]
                        self.update(base, other, row, {f["id"]: kept})
        self._put(base, table["id"], record.id, None)

    def add_table(self, base: Base, table: Table, reciprocal: list[tuple[Table, Field]]) -> None:
        """Add a table and the fields that its links give to others; inside `change`."""
        base.tables.append(table)
        base.records[table["id"]] = {}
        self.add_fields(base, reciprocal)

    def add_fields(self, base: Base, fields: list[tuple[Table, Field]]) -> None:
        """Add fields to tables; inside `change`."""
        for table, new in fields:
            found = base.table(table["id"])
            assert found is not None  # noqa: S101  # the schema module took it from this base
            found["fields"].append(copy.deepcopy(new))
