"""The bases of one folder: schema and records are held in memory for reading, every change is written through.

Every request is one transaction, in memory as on disk: a refused batch leaves neither changed, and what was
acknowledged survives kill −9 and a power cut. Time stands still while a request holds the lock.
"""

from __future__ import annotations

import fcntl
import gc
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.database import LAYOUT, Database, Writes, as_json
from tasks.sandbox.airtable.evaluation import Computed
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.links import LINK, Links, inverse_of
from tasks.sandbox.airtable.planning import named_by
from tasks.sandbox.airtable.rows import Cells, Record, Rows
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.values import COMPUTED, Field, is_empty

LinkKey = tuple[str, str, str]
"""Field, record and linked record, as seen from the side whose field id comes first."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(eq=False)
class Base:
    """One base: id, name, tables in order, the records by table id, and what links them.

    Attributes
    ----------
    specs
        Of computed fields, by id: what Airtable keeps and does not answer, `formula` of a rollup and `filter`.
    clock
        The time that formulas see.
    """

    id: str
    name: str
    tables: list[Table]
    records: dict[str, Rows] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now
    computed: Computed = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.computed = Computed(self)

    def table(self, id_or_name: str) -> Table | None:
        """Return a table by its id or, whatever its case, its name; None when there is none."""
        if (found := next((t for t in self.tables if t["id"] == id_or_name), None)) is not None:
            return found
        name = id_or_name.casefold()
        return next((t for t in self.tables if t["name"].casefold() == name), None)

    def value(self, field: Field, record: Record) -> Any:
        """Return a cell as the API answers it, computed or not; None when it is empty."""
        if field["type"] == LINK:
            return self.links.targets(field["id"], record.id) or None
        if field["type"] in COMPUTED:
            return self.computed.value(field, record)
        return record.cells.get(field["id"])

    def cells(self, table: Table, record: Record) -> Cells:
        """Return all cells that people and programs write, links included."""
        links = {f["id"]: self.links.targets(f["id"], record.id) for f in _link_fields(table)}
        return record.cells | {f: targets for f, targets in links.items() if targets}


@dataclass(frozen=True)
class RecordChange:
    """A record before and after a change: whole cells by field id, links included; None when it was not there."""

    table_id: str
    record_id: str
    before: Cells | None
    after: Cells | None


Listener = Callable[[Base, Actor, Sequence[RecordChange]], None]


class Turn:
    """A lock for one thread at a time, again and again by the same; while it is held, time stands still.

    Attributes
    ----------
    clock
        The time when nobody holds it.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self._lock, self._depth = threading.RLock(), 0
        self._moment: datetime | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._moment = None
        self._lock.release()

    def now(self) -> datetime:
        """Return the time: within a turn, that of the first look at the clock."""
        with self:
            if self._moment is None:
                self._moment = self.clock()
            return self._moment


class Store:
    """All bases of one folder; one process at a time.

    Attributes
    ----------
    listeners
        Called after each change that was kept, under the lock: with the base, who made it, and the records that it
        changed, none when it was the schema.

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
        self.lock = Turn()
        self.bases: dict[str, Base] = {}
        self.listeners: list[Listener] = []
        self._last_place = 0
        self._changing: Base | None = None
        self._begin(API_USER)
        try:
            self._db = Database(folder / "airtable.sqlite")
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
            links |= {f["id"]: (base.links, inverse_of(f)) for t in base.tables for f in _link_fields(t)}
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
        self._begin(API_USER)
        for table in base.tables:
            fields = {f["id"]: f for f in _link_fields(table)}
            for record in list(base.records[table["id"]]):
                linked = {f: v for f, v in record.cells.items() if f in fields}
                if linked:
                    self._put(base, table["id"], record.id, _with(record, dict.fromkeys(linked)))
                for field_id, targets in linked.items():
                    self._link(base, fields[field_id], record.id, targets)
        self._db.write(self._writes(base))

    # --- transactions ---

    @contextmanager
    def change(self, base: Base, *, by: Actor = API_USER) -> Iterator[None]:
        """Make a change to a base; all of it is kept, or none. One within another is part of it."""
        with self.lock:
            if self._changing is base:
                yield
                return
            self._begin(by)
            self._changing = base
            try:
                yield
                changes = self._commit(base)
            except BaseException:
                self._roll_back(base)
                raise
            finally:
                self._changing = None
            if changes is not None:
                for listener in self.listeners:
                    listener(base, by, changes)

    def _begin(self, by: Actor) -> None:
        self._by = by
        self._undo: list[Callable[[], object]] = []
        self._first: dict[str, tuple[str, Record | None]] = {}
        self._relinked: dict[LinkKey, int | None] = {}
        self._link_cells: dict[tuple[str, str], list[str]] = {}
        self._schema_before: tuple[str, str] | None = None

    def _roll_back(self, base: Base) -> None:
        for step in reversed(self._undo):
            step()
        if self._schema_before is not None:
            base.tables[:], base.specs = (json.loads(text) for text in self._schema_before)
        base.computed.reset()

    def keep_schema(self, base: Base) -> None:
        """Remember the tables before they are changed; inside `change`."""
        if self._schema_before is None:
            self._schema_before = (as_json(base.tables), as_json(base.specs))

    def _commit(self, base: Base) -> list[RecordChange] | None:
        """Write what has changed and return the records; None when nothing has."""
        self._stamp(base)
        writes = self._writes(base)
        if not writes:
            return None
        self._db.write(writes)
        if writes.schema is not None:
            base.computed.reset()
        return self._record_changes(base) if self.listeners else []

    def _stamp(self, base: Base) -> None:
        """Note on each record that has changed when it did, and by whom."""
        moment = iso(self.now())
        links = self._changed_links(base)
        tables = {t["id"]: t for t in base.tables}
        for rec, (tbl, before) in self._first_and_linked(base, links):
            record = base.records[tbl].get(rec)
            if record is None:
                continue
            old = before.cells if before else {}
            watched = base.computed.watched(tables[tbl])
            seen = {f for f in watched if record.cells.get(f) != old.get(f)} | (
                watched & links.get(rec, (tbl, set()))[1]
            )
            stamps = {**record.stamps, **dict.fromkeys(seen, (moment, self._by))} if seen else record.stamps
            self._put(base, tbl, rec, replace(record, modified=moment, modifier=self._by, stamps=stamps))
            base.computed.forget(rec, (tbl,))

    def _changed_links(self, base: Base) -> dict[str, tuple[str, set[str]]]:
        """Return the records whose link cells have changed: table, and the fields."""
        if not self._link_cells:
            return {}
        table_of = {f["id"]: t["id"] for t in base.tables for f in _link_fields(t)}
        found: dict[str, tuple[str, set[str]]] = {}
        for field_id, rec in self._link_cells:
            if field_id in table_of:
                found.setdefault(rec, (table_of[field_id], set()))[1].add(field_id)
        return found

    def _first_and_linked(
        self, base: Base, links: dict[str, tuple[str, set[str]]]
    ) -> list[tuple[str, tuple[str, Record | None]]]:
        """Return table and record as it was, by id, of all that have changed by their cells or their links."""
        linked = ((r, (tbl, base.records[tbl].get(r))) for r, (tbl, _) in links.items() if r not in self._first)
        return [*self._first.items(), *linked]  # of those only linked the cells are as they were

    def _record_changes(self, base: Base) -> list[RecordChange]:
        tables = {t["id"]: t for t in base.tables}
        changes = []
        for rec, (tbl, before) in self._first.items():
            after, was = base.records[tbl].get(rec), None
            if before is None and after is None:
                continue
            if before is not None:
                links = _link_fields(tables[tbl])
                cells = {f["id"]: self._link_cells.get((f["id"], rec)) for f in links}
                there = {f: base.links.targets(f, rec) if c is None else c for f, c in cells.items()}
                was = before.cells | {f: targets for f, targets in there.items() if targets}
            changes.append(RecordChange(tbl, rec, was, None if after is None else base.cells(tables[tbl], after)))
        return changes

    def _writes(self, base: Base) -> Writes:
        """Return what is to be written."""
        writes = Writes()
        for rec, (tbl, _) in self._first.items():
            record = base.records[tbl].get(rec)
            if record is None:
                writes.gone.append((rec,))
            else:
                writes.records.append(self._db.row_of(base.id, tbl, record))
        created = {tbl for tbl, before in self._first.values() if before is None}
        writes.counters = [(tbl, base.records[tbl].last) for tbl in created]
        inverse = {f["id"]: inverse_of(f) for t in base.tables for f in _link_fields(t)} if self._relinked else {}
        for (field_id, rec, target), place_before in self._relinked.items():
            place = base.links.places(field_id, rec).get(target)
            if place_before is not None and place_before != place:
                writes.cut.append((place_before,))
            if place is not None:
                back = base.links.places(inverse[field_id], target)[rec]
                writes.links.append((place, field_id, rec, target, back))
        if self._schema_before is not None:
            now = (as_json(base.tables), as_json(base.specs))
            writes.schema = (*now, base.id) if now != self._schema_before else None
        return writes

    def _put(self, base: Base, table_id: str, rec: str, record: Record | None) -> None:
        rows = base.records[table_id]
        before = rows.get(rec)
        self._undo.append(partial(rows.undo, rec, before))
        self._first.setdefault(rec, (table_id, before))
        if record is None:
            rows.remove(rec)
        else:
            rows.put(record)
        old, new = (before.cells if before else {}), (record.cells if record else {})
        if old is not new:
            base.computed.forget(rec, [f for f in {**old, **new} if old.get(f) != new.get(f)])

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
        self.keep_schema(base)
        for record in list(base.records[table["id"]]):
            if gone["type"] == LINK:
                self._link(base, gone, record.id, [])
            elif gone["id"] in record.cells:
                self._put(base, table["id"], record.id, _with(record, {gone["id"]: None}))
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
        moment, rows = iso(self.now()), base.records[table["id"]]
        rows.last += 1
        record = Record(new_id("rec"), rows.last, moment, {}, self._by, moment, self._by)
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
        if (field_id, rec) not in self._link_cells:
            self._link_cells[field_id, rec] = base.links.targets(field_id, rec) if self.listeners else []
        before = base.links.put(field_id, rec, target, place=place)
        base.computed.forget(rec, (field_id,))
        self._undo.append(partial(base.links.put, field_id, rec, target, place=before))

    def _next_place(self) -> int:
        self._last_place += 1
        return self._last_place


def _link_fields(table: Table) -> list[Field]:
    return [f for f in table["fields"] if f["type"] == LINK]


def _with(record: Record, cells: Cells) -> Record:
    merged = {k: v for k, v in {**record.cells, **cells}.items() if not is_empty(v)}
    return replace(record, cells=merged)
