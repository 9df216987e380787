"""The file that the bases lie in: SQLite, written through.

A transaction is written to SQLite's log (WAL) at once, which survives the end of the process; `flush` brings the log
onto the disk, for several transactions at a time. That is what synchronous=FULL does after each one alone; NORMAL
leaves it to whoever asks (sqlite.org/pragma.html#pragma_synchronous).

A row of `record` is one record: its cells as JSON by field id, its rowid the place in the order of making. Links stand
in `link`, one row each, not in the cells: a record that 50,000 others link to is not written again for each of them.
What Airtable keeps of a computed field but does not answer, the formula of a rollup and filters, stands in `specs`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.flush import Flush
from tasks.sandbox.airtable.rows import Record, Stamp

TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS base (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, tables TEXT NOT NULL, specs TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS record (
  id TEXT PRIMARY KEY, base TEXT NOT NULL, tbl TEXT NOT NULL, created TEXT NOT NULL, cells TEXT NOT NULL,
  number INTEGER, maker TEXT, modified TEXT, modifier TEXT, stamps TEXT
);
CREATE TABLE IF NOT EXISTS link (
  place INTEGER PRIMARY KEY, field TEXT NOT NULL, rec TEXT NOT NULL, target TEXT NOT NULL, back INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS counter (tbl TEXT PRIMARY KEY, last INTEGER NOT NULL);
"""
LAYOUT = 2
"""`PRAGMA user_version`: 0 kept links in the cells, 1 did not tell who wrote and numbered the records of all tables."""
FROM_1 = (
    "ALTER TABLE base ADD COLUMN specs TEXT NOT NULL DEFAULT '{}'",
    *(f"ALTER TABLE record ADD COLUMN {c}" for c in ("number INTEGER", "maker TEXT", "modified TEXT")),
    "ALTER TABLE record ADD COLUMN modifier TEXT",
    "ALTER TABLE record ADD COLUMN stamps TEXT",
    "UPDATE record SET number = n FROM (SELECT rowid AS r, row_number() OVER (PARTITION BY tbl ORDER BY rowid) AS n"
    " FROM record) WHERE record.rowid = r",
)
PUT_RECORD = (
    "INSERT INTO record (id, base, tbl, created, cells, number, maker, modified, modifier, stamps)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET cells = excluded.cells,"
    " modified = excluded.modified, modifier = excluded.modifier, stamps = excluded.stamps"
)
AT_ONCE = 2000
"""Records whose cells are read as one text: the same field ids are then one text in memory."""
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass
class Writes:
    """What one transaction writes."""

    records: list[tuple[Any, ...]] = field(default_factory=list)
    gone: list[tuple[str]] = field(default_factory=list)
    links: list[tuple[Any, ...]] = field(default_factory=list)
    cut: list[tuple[int]] = field(default_factory=list)
    counters: list[tuple[str, int]] = field(default_factory=list)
    schema: tuple[str, str, str] | None = None
    """Tables, specs and base id."""

    def __bool__(self) -> bool:
        return bool(self.records or self.gone or self.links or self.cut or self.schema)


class Database:
    """One file, used by one process.

    Attributes
    ----------
    flush
        What was written is on the disk when this has settled.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._actors: dict[str, Actor] = {}
        self._written: dict[Actor, str] = {}
        try:
            self._db.executescript(TABLES)
            self.flush = Flush(path.with_name(f"{path.name}-wal"))
        except BaseException:
            self._db.close()
            raise
        self.flush.wrote()
        try:
            self.layout: int = self._db.execute("PRAGMA user_version").fetchone()[0]
            if "number" not in {row[1] for row in self._db.execute("PRAGMA table_info(record)")}:
                with self._transaction():
                    for statement in FROM_1:
                        self._db.execute(statement)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; SQLite itself brings it onto the disk then."""
        self._db.close()
        self.flush.close()

    def settle(self) -> None:
        """Mark the file as being of this layout."""
        self._db.execute(f"PRAGMA user_version = {LAYOUT}")
        self.flush.wrote()
        self.layout = LAYOUT

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
            self.flush.wrote()
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    # --- reading ---

    def bases(self) -> Iterator[tuple[str, str, Any, Any]]:
        """Yield id, name, tables and specs of each base."""
        for base_id, name, tables, specs in self._db.execute("SELECT id, name, tables, specs FROM base ORDER BY rowid"):
            yield base_id, name, json.loads(tables), json.loads(specs)

    def records(self) -> Iterator[tuple[str, str, Record]]:
        """Yield base, table and record, in the order of making."""
        found = self._db.execute(
            "SELECT base, tbl, id, number, created, maker, modified, modifier, stamps, cells FROM record ORDER BY rowid"
        )
        while rows := found.fetchmany(AT_ONCE):
            cells = json.loads(f"[{','.join(row[-1] for row in rows)}]")
            for row, own in zip(rows, cells, strict=True):
                yield row[0], row[1], self._record(row[2:9], own)

    def _record(self, row: tuple[Any, ...], cells: dict[str, Any]) -> Record:
        rec, number, created, maker, modified, modifier, stamps = row
        if maker is None and modified is None:
            return Record(rec, number, created, cells, modified=created)
        made_by = self._actor(maker)
        return Record(
            rec,
            number,
            created,
            cells,
            made_by,
            modified or created,
            self._actor(modifier) if modified else made_by,
            self._stamps(stamps) if stamps else {},
        )

    def _stamps(self, text: str) -> dict[str, Stamp]:
        return {field_id: (moment, self._actor(actor)) for field_id, (moment, actor) in json.loads(text).items()}

    def _actor(self, text: str | None) -> Actor:
        key = text or ""
        if key not in self._actors:
            self._actors[key] = Actor.from_json(key) if key else API_USER
        return self._actors[key]

    def links(self) -> Iterable[tuple[int, str, str, str, int]]:
        """Return place, field, record, linked record and its place on the other side, of each link."""
        return self._db.execute("SELECT place, field, rec, target, back FROM link")

    def counters(self) -> dict[str, int]:
        """Return the number given last in each table that has counted since they are kept."""
        return dict(self._db.execute("SELECT tbl, last FROM counter"))

    # --- writing ---

    def row_of(self, base_id: str, table_id: str, record: Record) -> tuple[Any, ...]:
        """Return a record as `Writes` takes it."""
        stamps = {f: (moment, self._text(actor)) for f, (moment, actor) in record.stamps.items()}
        return (
            record.id, base_id, table_id, record.created, as_json(record.cells), record.number,
            self._text(record.maker), record.modified, self._text(record.modifier), as_json(stamps) if stamps else None,
        )  # fmt: skip

    def _text(self, actor: Actor) -> str:
        if actor not in self._written:
            self._written[actor] = actor.as_json()
        return self._written[actor]

    def write(self, writes: Writes) -> None:
        """Write all of it, or nothing."""
        with self._transaction():
            if writes.schema is not None:
                self._db.execute("UPDATE base SET tables = ?, specs = ? WHERE id = ?", writes.schema)
            self._db.executemany("DELETE FROM record WHERE id = ?", writes.gone)
            self._db.executemany(PUT_RECORD, writes.records)
            self._db.executemany("DELETE FROM link WHERE place = ?", writes.cut)
            self._db.executemany(
                "INSERT OR REPLACE INTO link (place, field, rec, target, back) VALUES (?,?,?,?,?)", writes.links
            )
            self._db.executemany("INSERT OR REPLACE INTO counter (tbl, last) VALUES (?, ?)", writes.counters)

    def add_base(self, base_id: str, name: str, tables: list[dict[str, Any]]) -> None:
        """Add a base without records."""
        with self._transaction():
            self._db.execute("INSERT INTO base (id, name, tables) VALUES (?, ?, ?)", (base_id, name, as_json(tables)))

    def delete_base(self, base_id: str, table_ids: list[str]) -> None:
        """Delete a base with its records and what links them."""
        with self._transaction():
            self._db.execute("DELETE FROM link WHERE rec IN (SELECT id FROM record WHERE base = ?)", (base_id,))
            self._db.execute("DELETE FROM record WHERE base = ?", (base_id,))
            self._db.executemany("DELETE FROM counter WHERE tbl = ?", [(t,) for t in table_ids])
            self._db.execute("DELETE FROM base WHERE id = ?", (base_id,))
