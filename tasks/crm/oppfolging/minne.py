"""Minne: what the follow-up has told of one base, geodata/crm/<base>/oppfolging.sqlite.

    fortalt     Aktivitets-ids that are, or were, in the base: what a person has deleted is not made anew
    svar        the answer of a record as it was last seen, and when first; no day for one older than the follow-up
    kommentar   reminders that have been commented; one that was on its way when the run ended is looked for first

Lost, it is filled again from the base's own rows; comments of the last days may then come once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

from tasks.crm.oppfolging.varsler import Sett
from tasks.errors import StoreError
from tasks.store import Geodata

WAIT_S = 60.0
TABLES = """
CREATE TABLE IF NOT EXISTS fortalt (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS svar (post TEXT PRIMARY KEY, verdi TEXT NOT NULL, dato TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kommentar (
    id TEXT PRIMARY KEY,
    underveis TEXT                      -- digest of the text while it may have arrived; NULL when it has
) WITHOUT ROWID;
"""


class Minne:
    """The memory of one base.

    Attributes
    ----------
    finnes
        False before anything was kept.
    """

    def __init__(self, geodata: Geodata, base_id: str) -> None:
        self.path = geodata.root / "crm" / base_id / "oppfolging.sqlite"
        self.finnes = self.path.exists()

    # --- rows of Aktiviteter ---

    def fortalt(self) -> set[str]:
        """Return the ids of rows that need not be made."""
        with self._open() as db:
            return {row[0] for row in db.execute("SELECT id FROM fortalt")} if db else set()

    def keep_fortalt(self, ids: Iterable[str]) -> None:
        """Remember that rows are in the base."""
        with self._open(write=True) as db:
            db.executemany("INSERT OR IGNORE INTO fortalt VALUES (?)", ((i,) for i in ids))

    # --- answers ---

    def svar(self) -> dict[str, Sett]:
        """Return record → its answer as last seen."""
        with self._open() as db:
            rows = db.execute("SELECT post, verdi, dato FROM svar").fetchall() if db else []
        return {post: Sett(verdi, date.fromisoformat(dato) if dato else None) for post, verdi, dato in rows}

    def keep(self, *, svar: Mapping[str, Sett], fortalt: Collection[str]) -> None:
        """Remember answers in place of those from before, and rows that are in the base."""
        with self._open(write=True) as db:
            db.execute("DELETE FROM svar")
            rows = ((post, s.verdi, s.dato.isoformat() if s.dato else None) for post, s in svar.items())
            db.executemany("INSERT INTO svar VALUES (?, ?, ?)", rows)
            db.executemany("INSERT OR IGNORE INTO fortalt VALUES (?)", ((i,) for i in fortalt))

    # --- comments ---

    def kommentert(self) -> dict[str, str | None]:
        """Return reminder → None when it has been commented, or the digest of a text that may have arrived."""
        with self._open() as db:
            return dict(db.execute("SELECT id, underveis FROM kommentar").fetchall()) if db else {}

    def keep_kommentar(self, ids: Iterable[str], *, underveis: str | None) -> None:
        """Remember that reminders are being commented (a digest), or have been (None)."""
        with self._open(write=True) as db:
            db.executemany(
                "INSERT INTO kommentar VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET underveis = excluded.underveis",
                ((i, underveis) for i in ids),
            )

    # --- the database ---

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[Any]:
        """Yield the memory for one transaction; None for reading one that is not there.

        Raises
        ------
        StoreError
            When it is damaged, or cannot be written.
        """
        if not write and not self.path.exists():
            yield None
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            try:
                _prepare(db, write=write)
                yield db
                db.execute("COMMIT")
            finally:
                with suppress(sqlite3.Error):
                    db.close()  # what was not committed is undone
        except (sqlite3.Error, OSError) as error:
            raise _unusable(self.path, error) from error


def _prepare(db: sqlite3.Connection, *, write: bool) -> None:
    """Begin a transaction; what is committed is there after a kill and after a loss of power."""
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(TABLES)
    db.execute("BEGIN IMMEDIATE" if write else "BEGIN")


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path}: {error}. Restore it from a backup, or move it away: the next run then fills it from the base."
    )
