"""What the bases have beside their cells: comments, webhooks and whose each base is, in a SQLite file of its own.

`own.sqlite` lies beside the bases' file and is written through as that is (WAL, synchronous=FULL): what was
acknowledged survives kill −9 and a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from tasks.sandbox.airtable.store import Store

TABLES = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS about (
  base TEXT PRIMARY KEY, workspace TEXT NOT NULL, created TEXT NOT NULL, transactions INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS comment (
  place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, base TEXT NOT NULL, record TEXT NOT NULL,
  author TEXT NOT NULL, text TEXT NOT NULL, created TEXT NOT NULL, updated TEXT, parent TEXT
);
CREATE INDEX IF NOT EXISTS comment_record ON comment (record);
CREATE TABLE IF NOT EXISTS hook (
  place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, base TEXT NOT NULL, url TEXT, secret TEXT NOT NULL,
  spec TEXT NOT NULL, pings INTEGER NOT NULL, expires TEXT NOT NULL, succeeded TEXT, result TEXT,
  next INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS payload (
  hook TEXT NOT NULL, number INTEGER NOT NULL, made TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (hook, number)
);
"""
Row = tuple[Any, ...]


class SideFile:
    """The file of one folder; usable from every thread."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "own.sqlite", check_same_thread=False, isolation_level=None)
        self._db.executescript(TABLES)

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return what a query finds."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[SideFile]:
        """Make a change; all of it is kept, or none."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def write(self, sql: str, *values: object) -> int:
        """Change rows, and return how many; inside `change` it is kept with the rest, else at once."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def write_many(self, sql: str, rows: Sequence[Row]) -> None:
        """Change rows, once for each of these; inside `change`."""
        with self._lock:
            self._db.executemany(sql, rows)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


_open: WeakKeyDictionary[Store, SideFile] = WeakKeyDictionary()
_opening = threading.Lock()


def beside(store: Store) -> SideFile:
    """Return the file beside a store, opened when first asked for."""
    with _opening:
        if store not in _open:
            _open[store] = SideFile(store.folder)
        return _open[store]


def let_go(store: Store) -> None:
    """Close the file beside a store for good: a request that comes late finds it closed, and opens no other."""
    beside(store).close()
