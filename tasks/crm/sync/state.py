"""What this machine remembers of a base, under geodata/crm/<base>/.

    schema.json                      ids of tables and fields: people rename columns
    hukommelse.sqlite                what was last sent of every row, and how much Airtable was used
    <kommunenummer>-sendt.parquet    the land that each lot id stood for when it was last sent

Airtable has no transactions. A row's digests are written down as *in flight* before the first of its table is sent, and
as *confirmed* when the answer has come: whatever a killed run leaves in the base is then told from what a person wrote.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from tasks.crm.chunks import chunks
from tasks.errors import IdentityError, StoreError
from tasks.fil import write_whole
from tasks.store import Geodata, read_parquet, write_parquet

Digests = dict[str, str]
"""Field name → digest of its value (`tasks.crm.sync.verdi.digest`)."""

KEYS_A_QUERY = 500
WAIT_S = 60.0
"""Workers of several kommuner write to one memory; a write takes milliseconds."""

TABLES = """
CREATE TABLE IF NOT EXISTS rad (
    tabell TEXT NOT NULL, noekkel TEXT NOT NULL,
    post TEXT,                          -- record id; NULL while the record is not known to be made
    bekreftet TEXT,                     -- digests that Airtable has answered
    underveis TEXT,                     -- digests that may have arrived; of a field several, newest last
    ny INTEGER NOT NULL DEFAULT 0,      -- 1: may still lack what the program sets once
    PRIMARY KEY (tabell, noekkel)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rad_post ON rad (post);
CREATE TABLE IF NOT EXISTS kall (maaned TEXT PRIMARY KEY, antall INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS telling (tabell TEXT PRIMARY KEY, antall INTEGER NOT NULL, dato TEXT NOT NULL) WITHOUT ROWID;
"""


class Sent(NamedTuple):
    """What was sent of a row; digests as they are kept, since most rows are never asked for theirs.

    Attributes
    ----------
    post
        Record id, or None when no answer has told it.
    bekreftet, underveis
        Digests that Airtable has answered, and those that may have arrived, as JSON.
    er_ny
        True when the record may still lack what the program sets once.
    """

    post: str | None
    bekreftet: str | None
    underveis: str | None
    er_ny: bool

    def may_be(self, felt: str, digest: str) -> bool:
        """Return True when this value of a field may be ours; also for a field that was never sent."""
        ours = {one for d in map(_digests, (self.bekreftet, self.underveis)) for one in d.get(felt, "").split()}
        return not ours or digest in ours


class BaseState:
    """The memory of one base.

    Parameters
    ----------
    geodata
        Where it lies.
    base_id
        ``app…``; None for a base that does not exist yet, of which nothing is known and nothing remembered.
    """

    def __init__(self, geodata: Geodata, base_id: str | None) -> None:
        self.folder = geodata.root / "crm" / (base_id or "none")
        self._is_known = base_id is not None
        self._db: sqlite3.Connection | None = None
        self._lock = threading.RLock()

    # --- schema: rename-proof ---

    def schema(self) -> dict[str, dict[str, Any]]:
        """Return table name in the register → {"id", "fields": name in the register → field id}."""
        path = self.folder / "schema.json"
        try:
            found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: cannot be read ({type(error).__name__}). Restore it from a backup.") from error
        return found

    def keep_schema(self, tables: dict[str, dict[str, Any]]) -> None:
        """Remember ids, so that a table or field that a person renames is still found."""
        if tables == self.schema():
            return
        path = self.folder / "schema.json"
        try:
            write_whole(path, json.dumps(tables, ensure_ascii=False).encode(), til_disk=True)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}. Check the disk and the folder's permissions.") from error

    # --- rows ---

    def sent(self, tabell: str, keys: Iterable[str]) -> dict[str, Sent]:
        """Return key → what was sent of it; keys never sent are absent."""
        found: dict[str, Sent] = {}
        with self._open(read=True) as db:
            if db is None:
                return found
            for some in chunks(keys, KEYS_A_QUERY):
                marks = ",".join("?" * len(some))
                query = (
                    f"SELECT noekkel, post, bekreftet, underveis, ny FROM rad WHERE tabell=? AND noekkel IN ({marks})"  # noqa: S608
                )
                for key, post, confirmed, flying, new in db.execute(query, (tabell, *some)):
                    found[key] = Sent(post, confirmed, flying, bool(new))
        return found

    def key_of(self, record_id: str) -> str | None:
        """Return the key that a record was last sent with, or None."""
        with self._open(read=True) as db:
            row = db.execute("SELECT noekkel FROM rad WHERE post=?", (record_id,)).fetchone() if db else None
        return str(row[0]) if row else None

    def plan(self, tabell: str, rows: Iterable[tuple[str, Digests]], *, new: Collection[str] = ()) -> None:
        """Write down what is about to be sent.

        Parameters
        ----------
        rows
            Keys with the digests of the fields that the base will then hold.
        new
            Keys whose records will need what the program sets once.
        """
        with self._open() as db:
            # Of runs that were killed: any of what they sent may have arrived.
            query = "SELECT noekkel, underveis FROM rad WHERE tabell=? AND underveis IS NOT NULL"
            flying = {key: _digests(text) for key, text in db.execute(query, (tabell,))}
            db.executemany(
                "INSERT INTO rad (tabell, noekkel, underveis, ny) VALUES (?, ?, ?, ?) ON CONFLICT (tabell, noekkel) "
                "DO UPDATE SET underveis = excluded.underveis, ny = max(ny, excluded.ny)",
                (
                    (tabell, key, json.dumps(_beside(flying.get(key), d), ensure_ascii=False), key in new)
                    for key, d in rows
                ),
            )

    def confirm(self, tabell: str, rows: Mapping[str, str], *, calls: int = 0, month: str = "") -> None:
        """Write down that what was planned for these rows is in the base.

        Parameters
        ----------
        rows
            Key → record id.
        calls, month
            Requests since the last time, and the month they belong to (``2026-11``).
        """
        with self._open() as db:
            confirmed = []
            for some in chunks(rows, KEYS_A_QUERY):
                marks = ",".join("?" * len(some))
                query = f"SELECT noekkel, bekreftet, underveis FROM rad WHERE tabell=? AND noekkel IN ({marks})"  # noqa: S608
                for key, before, flying in db.execute(query, (tabell, *some)):
                    newest = {felt: of.split()[-1] for felt, of in _digests(flying).items()}
                    whole = json.dumps({**_digests(before), **newest}, ensure_ascii=False)
                    confirmed.append((rows[key], whole, tabell, key))
            db.executemany(
                "UPDATE rad SET post=?, bekreftet=?, underveis=NULL, ny=0 WHERE tabell=? AND noekkel=?", confirmed
            )
            if calls:
                _add_calls(db, calls, month)

    # --- use of Airtable ---

    def add_calls(self, calls: int, month: str) -> None:
        """Count requests of a month (``2026-11``)."""
        if calls and self._is_known:
            with self._open() as db:
                _add_calls(db, calls, month)

    def calls(self, month: str) -> int:
        """Return the requests of a month that were sent from here."""
        with self._open(read=True) as db:
            row = db.execute("SELECT antall FROM kall WHERE maaned=?", (month,)).fetchone() if db else None
        return int(row[0]) if row else 0

    def keep_counts(self, counts: Mapping[str, int], dato: str) -> None:
        """Remember how many records each table has, as counted on a day (ISO)."""
        with self._open() as db:
            db.executemany(
                "INSERT INTO telling VALUES (?, ?, ?) ON CONFLICT (tabell) DO UPDATE SET antall=excluded.antall, "
                "dato=excluded.dato",
                ((tabell, n, dato) for tabell, n in counts.items()),
            )

    def counts(self) -> tuple[dict[str, int], str | None]:
        """Return table → records as last counted, those made since added; and the oldest day of counting."""
        with self._open(read=True) as db:
            rows = db.execute("SELECT tabell, antall, dato FROM telling").fetchall() if db else []
        return {tabell: n for tabell, n, _ in rows}, min((dato for _, _, dato in rows), default=None)

    def add_records(self, tabell: str, made: int) -> None:
        """Count records that were made in a table."""
        if made:
            with self._open() as db:
                db.execute("UPDATE telling SET antall = antall + ? WHERE tabell=?", (made, tabell))

    # --- land last sent ---

    def has_sent(self, kommunenummer: str) -> bool:
        """Return True when lots of this kommune have been brought to this base from here."""
        return self._sent_path(kommunenummer).exists()

    def keep_sent(self, kommunenummer: str, tomter: gpd.GeoDataFrame) -> None:
        """Remember which land each id stood for."""
        write_parquet(tomter[["tomt_id", "geometry"]], self._sent_path(kommunenummer))

    def guard(self, kommunenummer: str, tomter: gpd.GeoDataFrame) -> None:
        """Raise when an id stands for other land than when it was last sent.

        Raises
        ------
        IdentityError
            When out/tomter was lost or damaged and the ids were given anew.
        """
        if not self.has_sent(kommunenummer):
            return
        sent = read_parquet(self._sent_path(kommunenummer)).set_index("tomt_id")["geometry"]
        now = tomter.set_index("tomt_id")["geometry"]
        both = sent.index.intersection(now.index)
        moved = both[~shapely.intersects(np.asarray(sent.loc[both].array), np.asarray(now.loc[both].array))].tolist()
        lost = sent.index.difference(now.index).tolist()
        if moved or lost:
            raise IdentityError(
                f"{kommunenummer}: {len(moved) + len(lost)} lot ids no longer stand for the land that they were sent "
                f"with (first {(moved + lost)[0]}). Nothing was written. Restore out/tomter/{kommunenummer}.parquet of "
                "geodata from a backup."
            )

    def _sent_path(self, kommunenummer: str) -> Path:
        return self.folder / f"{kommunenummer}-sendt.parquet"

    # --- the database ---

    @contextmanager
    def _open(self, *, read: bool = False) -> Iterator[Any]:
        """Yield the memory for one transaction; None for reading one that is not there.

        Raises
        ------
        StoreError
            When it is damaged, or another process holds it for longer than `WAIT_S`.
        """
        path = self.folder / "hukommelse.sqlite"
        if self._db is None and read and not path.exists():
            yield None
            return
        if not self._is_known:
            raise StoreError("There is no base yet, of which something could be remembered.")
        try:
            with self._lock:
                db = self._db = self._db or _connected(path)
                db.execute("BEGIN" if read else "BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):  # what went wrong is what matters
                        db.execute("ROLLBACK")
                    raise
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{path}: {error}. Restore it from a backup, or move it away: the next run then cannot tell what "
                "people changed by hand from what it wrote, and goes on."
            ) from error

    def close(self) -> None:
        """Close the database; it opens again when it is asked."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _connected(path: Path) -> sqlite3.Connection:
    """Open the database, and make its tables where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Autocommit: transactions are begun and ended by us. Tasks of a flow may run in another thread than it does.
    db = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        # WAL and FULL: what is committed is there after a kill and after a loss of power.
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(TABLES)
    except BaseException:
        db.close()
        raise
    return db


def _add_calls(db: sqlite3.Connection, calls: int, month: str) -> None:
    db.execute(
        "INSERT INTO kall VALUES (?, ?) ON CONFLICT (maaned) DO UPDATE SET antall = antall + excluded.antall",
        (month, calls),
    )


def _beside(flying: Digests | None, planned: Digests) -> Digests:
    """Return digests beside those that may have arrived before, each once, the newest last."""
    if not flying:
        return planned
    both = dict(flying)
    for felt, one in planned.items():
        both[felt] = " ".join([*(d for d in flying.get(felt, "").split() if d != one), one])
    return both


def _digests(text: str | None) -> Digests:
    return json.loads(text) if text else {}
