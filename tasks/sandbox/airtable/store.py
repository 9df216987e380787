"""The bases on disk: SQLite, written through; schema and records are held in memory for reading.

A row of `record` is one record: its cells as JSON by field id, its rowid the place in the order of making. Every
request is one transaction, in memory as on disk: a refused batch leaves neither changed, and what was acknowledged
survives kill −9 and a power cut (WAL, synchronous=FULL).
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.rows import Cells, Record, Rows
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.values import Field, is_empty

TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS base (id TEXT PRIMARY KEY, name TEXT NOT NULL, tables TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS record (
  id TEXT PRIMARY KEY, base TEXT NOT NULL, tbl TEXT NOT NULL, created TEXT NOT NULL, cells TEXT NOT NULL
);
"""


@dataclass
class Base:
    """One base: id, name, tables in order, and the records by table id."""

    id: str
    name: str
    tables: list[Table]
    records: dict[str, Rows] = field(default_factory=dict)

    def table(self, id_or_name: str) -> Table | None:
        """Return a table, or None."""
        return next((t for t in self.tables if id_or_name in (t["id"], t["name"])), None)


class Store:
    """All bases of one folder; one process at a time.

    Raises
    ------
    BlockingIOError
        When another process uses the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._guard = (folder / "lock").open("a")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._guard.close()
            raise BlockingIOError(f"{folder}: another local Airtable uses this folder. Stop it first.") from None
        self.lock = threading.RLock()
        self.bases: dict[str, Base] = {}
        self._undo: list[tuple[Rows, str, Record | None]] = []
        self._touched: dict[str, str] = {}
        self._schema_before: str | None = None
        self._last = 0
        try:
            self._db = sqlite3.connect(folder / "airtable.sqlite", check_same_thread=False, isolation_level=None)
            self._db.executescript(TABLES)
            self._load()
        except BaseException:
            self._guard.close()
            raise

    def close(self) -> None:
        """Close the database and let another process in."""
        with self.lock:
            self._db.close()
            self._guard.close()

    def _load(self) -> None:
        for base_id, name, tables in self._db.execute("SELECT id, name, tables FROM base ORDER BY rowid"):
            base = Base(base_id, name, json.loads(tables))
            base.records = {t["id"]: Rows() for t in base.tables}
            self.bases[base_id] = base
        for number, rec, base_id, tbl, created, cells in self._db.execute(
            "SELECT rowid, id, base, tbl, created, cells FROM record ORDER BY rowid"
        ):
            self.bases[base_id].records[tbl].put(Record(rec, number, created, json.loads(cells)))
            self._last = number

    # --- transactions ---

    @contextmanager
    def change(self, base: Base) -> Iterator[None]:
        """Make a change to a base; all of it is kept, or none."""
        with self.lock:
            self._begin()
            try:
                yield
                self._commit(base)
            except BaseException:
                for rows, rec, before in reversed(self._undo):
                    rows.undo(rec, before)
                if self._schema_before is not None:
                    base.tables[:] = json.loads(self._schema_before)
                raise

    def _begin(self) -> None:
        self._undo, self._touched, self._schema_before = [], {}, None

    def keep_schema(self, base: Base) -> None:
        """Remember the tables before they are changed; inside `change`."""
        if self._schema_before is None:
            self._schema_before = json.dumps(base.tables)

    def _commit(self, base: Base) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if self._schema_before is not None:
                self._db.execute("UPDATE base SET tables = ? WHERE id = ?", (json.dumps(base.tables), base.id))
            for rec, tbl in self._touched.items():
                record = base.records[tbl].get(rec)
                if record is None:
                    self._db.execute("DELETE FROM record WHERE id = ?", (rec,))
                else:
                    cells = json.dumps(record.cells, ensure_ascii=False)
                    self._db.execute(
                        "INSERT INTO record (rowid, id, base, tbl, created, cells) VALUES (?, ?, ?, ?, ?, ?)"
                        " ON CONFLICT (id) DO UPDATE SET cells = excluded.cells",
                        (record.number, rec, base.id, tbl, record.created, cells),
                    )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _put(self, base: Base, table_id: str, rec: str, record: Record | None) -> None:
        rows = base.records[table_id]
        self._undo.append((rows, rec, rows.get(rec)))
        self._touched[rec] = table_id
        if record is None:
            rows.remove(rec)
        else:
            rows.put(record)

    # --- schema ---

    def create_base(self, name: str, tables: list[Table]) -> Base:
        """Keep a new base."""
        base = Base(new_id("app"), name, tables, {t["id"]: Rows() for t in tables})
        with self.lock:
            self._db.execute("INSERT INTO base VALUES (?, ?, ?)", (base.id, name, json.dumps(tables)))
            self.bases[base.id] = base
        return base

    def add_table(self, base: Base, table: Table, reciprocal: list[tuple[Table, Field]]) -> None:
        """Add a table and the fields that its links give to others; inside `change`."""
        self.keep_schema(base)
        base.tables.append(table)
        base.records[table["id"]] = Rows()
        self.add_fields(base, reciprocal)

    def add_fields(self, base: Base, fields: list[tuple[Table, Field]]) -> None:
        """Add fields to tables; inside `change`."""
        self.keep_schema(base)
        for table, new in fields:
            table["fields"].append(new)

    # --- records ---

    def create(self, base: Base, table: Table, cells: Cells) -> Record:
        """Add a record; inside `change`."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._last += 1
        record = Record(new_id("rec"), self._last, moment, {})
        self._put(base, table["id"], record.id, record)
        return self.update(base, table, record.id, cells)

    def update(self, base: Base, table: Table, rec: str, cells: Cells) -> Record:
        """Set these cells, empty ones away; the other side of links follows; inside `change`."""
        old = base.records[table["id"]][rec]
        new = _with(old, cells)
        self._put(base, table["id"], rec, new)
        for f in table["fields"]:
            if f["id"] in cells and "inverseLinkFieldId" in f.get("options", {}):
                self._mirror(base, f, rec, before=old.cells.get(f["id"], []), after=new.cells.get(f["id"], []))
        return new

    def _mirror(self, base: Base, link: Field, rec: str, *, before: list[str], after: list[str]) -> None:
        other, back = link["options"]["linkedTableId"], link["options"]["inverseLinkFieldId"]
        for target in [*before, *after]:
            if (target in before) == (target in after):
                continue
            linked = base.records[other][target]
            kept = [r for r in linked.cells.get(back, []) if r != rec] + ([rec] if target in after else [])
            self._put(base, other, target, _with(linked, {back: kept}))

    def delete(self, base: Base, table: Table, rec: str) -> None:
        """Remove a record and what links to it; inside `change`."""
        links = [f for f in table["fields"] if f["type"] == "multipleRecordLinks"]
        self.update(base, table, rec, {f["id"]: None for f in links})
        rows = base.records[table["id"]]
        for f in links:
            if "inverseLinkFieldId" not in f["options"]:  # a link to the table itself has no other side
                for row in [r for r in rows if rec in r.cells.get(f["id"], [])]:
                    self.update(base, table, row.id, {f["id"]: [r for r in row.cells[f["id"]] if r != rec]})
        self._put(base, table["id"], rec, None)


def _with(record: Record, cells: Cells) -> Record:
    merged = {k: v for k, v in {**record.cells, **cells}.items() if not is_empty(v)}
    return Record(record.id, record.number, record.created, merged)
