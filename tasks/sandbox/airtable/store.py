"""The bases of one folder: schema and records are held in memory for reading, every change is written through.

Every request is one transaction, in memory as on disk: a refused batch leaves neither changed, and what was
acknowledged survives kill −9 and a power cut. Time stands still while a request holds the lock; where its turn ends, it
waits until all that it has seen is on the disk.
"""

from __future__ import annotations

import fcntl
import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.base import Base, Listener, RecordChange, link_fields
from tasks.sandbox.airtable.database import LAYOUT, Database
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.links import LINK, Links, inverse_of
from tasks.sandbox.airtable.planning import named_by
from tasks.sandbox.airtable.rows import Cells, Record, Rows
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.transaction import Transaction
from tasks.sandbox.airtable.turn import Turn
from tasks.sandbox.airtable.values import COMPUTED, Field, is_empty

__all__ = ["Base", "RecordChange", "Store"]

log = logging.getLogger("tomt.airtable")


class Store:
    """All bases of one folder; one process at a time.

    Attributes
    ----------
    listeners
        Called after each change that was kept, under the lock: with the base, who made it, and the records that it
        changed, none when it was the schema. What one raises is logged: the change is kept, and whoever made it is to
        be told so, or it is made again.
    wants_links
        Whether listeners are to be told of the links of a base's records too: a record may have 50,000.

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
        self.bases: dict[str, Base] = {}
        self.listeners: list[Listener] = []
        self.wants_links: Callable[[Base], bool] = lambda base: True
        self._last_place = 0
        self._change: Transaction | None = None
        try:
            self._db = Database(folder / "airtable.sqlite")
            self.lock = Turn(after=self._db.flush.settle)
            with self.lock:
                self._load()
        except BaseException:
            self._guard.close()
            raise

    def now(self) -> datetime:
        """Return the time; it stands still while the lock is held."""
        return self.lock.now()

    def close(self) -> None:
        """Close the database and let another process in."""
        with self.lock:
            self._db.close()
            self._guard.close()

    def _load(self) -> None:
        # What is read stays: to look through it for garbage again and again takes longer than to read it.
        was_on = gc.isenabled()
        gc.disable()
        try:
            self._load_all()
        finally:
            if was_on:
                gc.enable()
        if self._db.layout < 1:
            for base in self.bases.values():
                self._take_links_out_of_cells(base)
        if self._db.layout < LAYOUT:
            self._db.settle()

    def _load_all(self) -> None:
        links: dict[str, tuple[Links, str]] = {}
        counters = self._db.counters()
        for base_id, name, tables, specs in self._db.bases():
            base = Base(base_id, name, tables, {t["id"]: Rows() for t in tables}, specs=specs, clock=self.now)
            links |= {f["id"]: (base.links, inverse_of(f)) for t in base.tables for f in link_fields(t)}
            self.bases[base_id] = base
        for base_id, tbl, record in self._db.records():
            rows = self.bases[base_id].records[tbl]
            rows.put(record)
            rows.last = record.number
        for base in self.bases.values():
            for tbl, rows in base.records.items():
                rows.last = max(rows.last, counters.get(tbl, 0))
        for place, field_id, rec, target, back in self._db.links():
            there, inverse = links[field_id]
            there.put(field_id, rec, target, place=place)
            there.put(inverse, target, rec, place=back)
            self._last_place = max(self._last_place, place, back)

    def _take_links_out_of_cells(self, base: Base) -> None:
        change = Transaction(base, API_USER, next_place=self._next_place, tells_links=False)
        for table in base.tables:
            fields = {f["id"]: f for f in link_fields(table)}
            for record in list(base.records[table["id"]]):
                linked = {f: v for f, v in record.cells.items() if f in fields}
                if linked:
                    change.put(table["id"], record.id, _with(record, dict.fromkeys(linked)))
                for field_id, targets in linked.items():
                    change.link(fields[field_id], record.id, targets)
        self._db.write(change.writes(self._db))

    # --- transactions ---

    @contextmanager
    def change(self, base: Base, *, by: Actor = API_USER) -> Iterator[None]:
        """Make a change to a base; all of it is kept, or none. One within another is part of it."""
        with self.lock:
            if self._change is not None and self._change.base is base:
                yield
                return
            around = self._change
            self._change = change = Transaction(
                base, by, next_place=self._next_place, tells_links=bool(self.listeners) and self.wants_links(base)
            )
            try:
                yield
                is_kept = self._commit(change)
            except BaseException:
                change.roll_back()
                raise
            finally:
                self._change = around
            if is_kept and self.listeners:
                self._tell(change)

    def _tell(self, change: Transaction) -> None:
        records = change.record_changes()
        for listener in self.listeners:
            try:
                listener(change.base, change.by, records)
            except Exception:
                log.exception("A change to %s is kept, but not all that follows from it was done.", change.base.id)

    def _commit(self, change: Transaction) -> bool:
        """Write what has changed; False when nothing has."""
        change.stamp(iso(self.now()))
        writes = change.writes(self._db)
        if not writes:
            return False
        self._db.write(writes)
        if writes.schema is not None:
            change.base.computed.reset()
        return True

    def settle(self) -> None:
        """Wait until all that was written is on the disk, before something is done that stands on it."""
        self._db.flush.settle()

    def keep_schema(self, base: Base) -> None:
        """Remember the tables before they are changed; inside `change`."""
        self._changing(base).keep_schema()

    def _changing(self, base: Base) -> Transaction:
        if self._change is None or self._change.base is not base:
            raise RuntimeError(f"{base.id} is changed outside `Store.change`")
        return self._change

    def _next_place(self) -> int:
        self._last_place += 1
        return self._last_place

    # --- schema ---

    def create_base(self, name: str, tables: list[Table]) -> Base:
        """Keep a new base."""
        base = Base(new_id("app"), name, tables, {t["id"]: Rows() for t in tables}, clock=self.now)
        with self.lock:
            self._db.add_base(base.id, name, tables)
            self.bases[base.id] = base
        return base

    def delete_base(self, base: Base) -> None:
        """Delete a base with all that is in it."""
        with self.lock:
            self._db.delete_base(base.id, [t["id"] for t in base.tables])
            del self.bases[base.id]

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
        base.computed.reset()

    def delete_field(self, base: Base, table: Table, gone: Field) -> None:
        """Take a field away with its cells, and the other side of a link; inside `change`.

        What is computed from it becomes #ERROR!, and says in the schema that it is not valid.
        """
        change = self._changing(base)
        change.keep_schema()
        for record in list(base.records[table["id"]]):
            if gone["type"] == LINK:
                change.link(gone, record.id, [])
            elif gone["id"] in record.cells:
                change.put(table["id"], record.id, _with(record, {gone["id"]: None}))
        ids = {gone["id"], gone.get("options", {}).get("inverseLinkFieldId")}
        for there in base.tables:
            there["fields"] = [f for f in there["fields"] if f["id"] not in ids]
            for f in there["fields"]:
                if f["type"] in COMPUTED and ids & named_by(f, base.specs.get(f["id"], {})):
                    f["options"]["isValid"] = False
        base.specs = {f: spec for f, spec in base.specs.items() if f not in ids}
        base.computed.reset()

    # --- records ---

    def create(self, base: Base, table: Table, cells: Cells) -> Record:
        """Add a record; inside `change`."""
        change, moment, rows = self._changing(base), iso(self.now()), base.records[table["id"]]
        rows.last += 1
        links = [f for f in link_fields(table) if f["id"] in cells]
        bare = Record(new_id("rec"), rows.last, moment, {}, change.by, moment, change.by)
        linked = {f["id"] for f in links}
        record = replace(bare, cells={k: v for k, v in cells.items() if k not in linked and not is_empty(v)})
        change.put(table["id"], record.id, record)
        for f in links:
            change.link(f, record.id, cells[f["id"]] or [])
        return record

    def update(self, base: Base, table: Table, rec: str, cells: Cells) -> Record:
        """Set these cells, empty ones away; the other side of links follows; inside `change`."""
        change, record = self._changing(base), base.records[table["id"]][rec]
        links = [f for f in link_fields(table) if f["id"] in cells]
        for f in links:
            change.link(f, rec, cells[f["id"]] or [])
        own = {f["id"] for f in links}
        new = _with(record, {k: v for k, v in cells.items() if k not in own})
        if new.cells != record.cells:
            change.put(table["id"], rec, new)
        return new

    def delete(self, base: Base, table: Table, rec: str) -> None:
        """Remove a record and what links to it; inside `change`."""
        change = self._changing(base)
        for f in link_fields(table):
            change.link(f, rec, [])
            if "inverseLinkFieldId" not in f["options"]:
                for source in list(base.links.places(inverse_of(f), rec)):
                    change.place(f, source, rec, place=None)
        change.put(table["id"], rec, None)


def _with(record: Record, cells: Cells) -> Record:
    merged = {k: v for k, v in {**record.cells, **cells}.items() if not is_empty(v)}
    return replace(record, cells=merged)
