"""The bases on disk: SQLite, written through; schema and records are held in memory for reading.

A row of `record` is one record: its cells as JSON by field id, its rowid the place in the order of making. Links stand
in `link`, one row each, not in the cells: a record that 50,000 others link to is not written again for each of them.
Every request is one transaction, in memory as on disk: a refused batch leaves neither changed, and what was
acknowledged survives kill −9 and a power cut (WAL, synchronous=FULL).
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.links import LINK, Links, inverse_of
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
CREATE TABLE IF NOT EXISTS link (
  place INTEGER PRIMARY KEY, field TEXT NOT NULL, rec TEXT NOT NULL, target TEXT NOT NULL, back INTEGER NOT NULL
);
"""
LAYOUT = 1
"""`PRAGMA user_version`: 0 kept links in the cells."""
PUT_RECORD = (
    "INSERT INTO record (rowid, id, base, tbl, created, cells) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET cells = excluded.cells"
)
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

LinkKey = tuple[str, str, str]
"""Field, record and linked record, as seen from the side whose field id comes first."""


@dataclass
class Base:
    """One base: id, name, tables in order, the records by table id, and what links them."""

    id: str
    name: str
    tables: list[Table]
    records: dict[str, Rows] = field(default_factory=dict)
    links: Links = field(default_factory=Links)

    def table(self, id_or_name: str) -> Table | None:
        """Return a table by its id or, whatever its case, its name; None when there is none."""
        if (found := next((t for t in self.tables if t["id"] == id_or_name), None)) is not None:
            return found
        name = id_or_name.casefold()
        return next((t for t in self.tables if t["name"].casefold() == name), None)

    def value(self, field: Field, record: Record) -> Any:
        """Return a cell, None when it is empty."""
        if field["type"] == LINK:
            return self.links.targets(field["id"], record.id) or None
        return record.cells.get(field["id"])


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
        self._undo: list[Callable[[], object]] = []
        self._touched: dict[str, str] = {}
        self._relinked: dict[LinkKey, int | None] = {}
        self._schema_before: str | None = None
        self._last = self._last_place = 0
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
        links: dict[str, tuple[Links, str]] = {}
        for base_id, name, tables in self._db.execute("SELECT id, name, tables FROM base ORDER BY rowid"):
            base = Base(base_id, name, json.loads(tables))
            base.records = {t["id"]: Rows() for t in base.tables}
            links |= {f["id"]: (base.links, inverse_of(f)) for t in base.tables for f in _link_fields(t)}
            self.bases[base_id] = base
        for number, rec, base_id, tbl, created, cells in self._db.execute(
            "SELECT rowid, id, base, tbl, created, cells FROM record ORDER BY rowid"
        ):
            # Field ids are shared by the records: each record's own copies would weigh as much as its values.
            shared = {sys.intern(k): v for k, v in json.loads(cells).items()}
            self.bases[base_id].records[tbl].put(Record(rec, number, created, shared))
            self._last = number
        for place, field_id, rec, target, back in self._db.execute("SELECT place, field, rec, target, back FROM link"):
            there, inverse = links[field_id]
            there.put(field_id, rec, target, place=place)
            there.put(inverse, target, rec, place=back)
            self._last_place = max(self._last_place, place, back)
        if self._db.execute("PRAGMA user_version").fetchone()[0] < LAYOUT:
            for base in self.bases.values():
                self._take_links_out_of_cells(base)
            self._db.execute(f"PRAGMA user_version = {LAYOUT}")

    def _take_links_out_of_cells(self, base: Base) -> None:
        with self.change(base):
            for table in base.tables:
                fields = {f["id"]: f for f in _link_fields(table)}
                for record in list(base.records[table["id"]]):
                    linked = {f: v for f, v in record.cells.items() if f in fields}
                    if linked:
                        self._put(base, table["id"], record.id, _with(record, dict.fromkeys(linked)))
                    for field_id, targets in linked.items():
                        self._link(base, fields[field_id], record.id, targets)

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
                for step in reversed(self._undo):
                    step()
                if self._schema_before is not None:
                    base.tables[:] = json.loads(self._schema_before)
                raise

    def _begin(self) -> None:
        self._undo, self._touched, self._relinked, self._schema_before = [], {}, {}, None

    def keep_schema(self, base: Base) -> None:
        """Remember the tables before they are changed; inside `change`."""
        if self._schema_before is None:
            self._schema_before = as_json(base.tables)

    def _commit(self, base: Base) -> None:
        records, gone = self._record_changes(base)
        links, cut = self._link_changes(base)
        tables = None if self._schema_before is None else as_json(base.tables)
        is_same = tables == self._schema_before
        if not (records or gone or links or cut) and is_same:
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            if not is_same:
                self._db.execute("UPDATE base SET tables = ? WHERE id = ?", (tables, base.id))
            self._db.executemany("DELETE FROM record WHERE id = ?", gone)
            self._db.executemany(PUT_RECORD, records)
            self._db.executemany("DELETE FROM link WHERE place = ?", cut)
            self._db.executemany(
                "INSERT OR REPLACE INTO link (place, field, rec, target, back) VALUES (?,?,?,?,?)", links
            )
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _record_changes(self, base: Base) -> tuple[list[tuple[Any, ...]], list[tuple[str]]]:
        """Return the rows of `record` to write, and the ids to delete."""
        rows, gone = [], []
        for rec, tbl in self._touched.items():
            record = base.records[tbl].get(rec)
            if record is None:
                gone.append((rec,))
            else:
                rows.append((record.number, rec, base.id, tbl, record.created, as_json(record.cells)))
        return rows, gone

    def _link_changes(self, base: Base) -> tuple[list[tuple[Any, ...]], list[tuple[int]]]:
        """Return the rows of `link` to write, and the places whose rows to delete."""
        rows, cut = [], []
        inverse = {f["id"]: inverse_of(f) for t in base.tables for f in _link_fields(t)} if self._relinked else {}
        for (field_id, rec, target), before in self._relinked.items():
            place = base.links.places(field_id, rec).get(target)
            if before is not None and before != place:
                cut.append((before,))
            if place is not None:
                back = base.links.places(inverse[field_id], target)[rec]
                rows.append((place, field_id, rec, target, back))
        return rows, cut

    def _put(self, base: Base, table_id: str, rec: str, record: Record | None) -> None:
        rows = base.records[table_id]
        self._undo.append(partial(rows.undo, rec, rows.get(rec)))
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
            self._db.execute("INSERT INTO base VALUES (?, ?, ?)", (base.id, name, as_json(tables)))
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

    def delete_field(self, base: Base, table: Table, gone: Field) -> None:
        """Take a field away with its cells, and the other side of a link; inside `change`."""
        self.keep_schema(base)
        for record in list(base.records[table["id"]]):
            if gone["type"] == LINK:
                self._link(base, gone, record.id, [])
            elif gone["id"] in record.cells:
                self._put(base, table["id"], record.id, _with(record, {gone["id"]: None}))
        ids = {gone["id"], gone.get("options", {}).get("inverseLinkFieldId")}
        for there in base.tables:
            there["fields"] = [f for f in there["fields"] if f["id"] not in ids]

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
        record = base.records[table["id"]][rec]
        links = [f for f in _link_fields(table) if f["id"] in cells]
        for f in links:
            self._link(base, f, rec, cells[f["id"]] or [])
        own = {f["id"] for f in links}
        new = _with(record, {k: v for k, v in cells.items() if k not in own})
        if new.cells != record.cells:
            self._put(base, table["id"], rec, new)
        return new

    def delete(self, base: Base, table: Table, rec: str) -> None:
        """Remove a record and what links to it; inside `change`."""
        for f in _link_fields(table):
            self._link(base, f, rec, [])
            if "inverseLinkFieldId" not in f["options"]:
                for source in list(base.links.places(inverse_of(f), rec)):
                    self._place(base, f, source, rec, place=None)
        self._put(base, table["id"], rec, None)

    def _link(self, base: Base, link: Field, rec: str, targets: list[str]) -> None:
        """Let a cell hold these records, in this order; those that stay after one another keep their places."""
        there = dict(base.links.places(link["id"], rec))
        wanted = set(targets)
        for target in there:
            if target not in wanted:
                self._place(base, link, rec, target, place=None)
        last = 0
        for target in targets:
            place = there.get(target)
            if place is None or place <= last:
                place = self._next_place()
                self._place(base, link, rec, target, place=place)
            last = place

    def _place(self, base: Base, link: Field, rec: str, target: str, *, place: int | None) -> None:
        """Set or take away one link, on both sides."""
        field_id, inverse = link["id"], inverse_of(link)
        is_first = field_id < inverse
        key = (field_id, rec, target) if is_first else (inverse, target, rec)
        self._relinked.setdefault(key, base.links.places(key[0], key[1]).get(key[2]))
        self._set_place(base, field_id, rec, target=target, place=place)
        is_there = rec in base.links.places(inverse, target)
        if place is None or not is_there:
            self._set_place(base, inverse, target, target=rec, place=None if place is None else self._next_place())

    def _set_place(self, base: Base, field_id: str, rec: str, *, target: str, place: int | None) -> None:
        before = base.links.put(field_id, rec, target, place=place)
        self._undo.append(partial(base.links.put, field_id, rec, target, place=before))

    def _next_place(self) -> int:
        self._last_place += 1
        return self._last_place


def _link_fields(table: Table) -> list[Field]:
    return [f for f in table["fields"] if f["type"] == LINK]


def _with(record: Record, cells: Cells) -> Record:
    merged = {k: v for k, v in {**record.cells, **cells}.items() if not is_empty(v)}
    return Record(record.id, record.number, record.created, merged)
