"""One change to one base while it is made: what it has touched, how that is undone, and what there is to write."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tasks.sandbox.airtable.actor import Actor
from tasks.sandbox.airtable.base import Base, RecordChange, link_fields
from tasks.sandbox.airtable.database import Database, Writes, as_json
from tasks.sandbox.airtable.links import inverse_of
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.values import Field

LinkKey = tuple[str, str, str]
"""Field, record and linked record, as seen from the side whose field id comes first."""


class Transaction:
    """A change to a base, in memory; kept by whoever began it, who writes it down, or undone.

    Parameters
    ----------
    by
        Who makes it.
    next_place
        Gives places of links, each higher than all before it.
    tells_links
        Whether `record_changes` holds links, which are then kept as they were.
    """

    def __init__(self, base: Base, by: Actor, *, next_place: Callable[[], int], tells_links: bool) -> None:
        self.base, self.by = base, by
        self._next_place, self._tells_links = next_place, tells_links
        self._undo: list[Callable[[], object]] = []
        self._first: dict[str, tuple[str, Record | None]] = {}
        self._relinked: dict[LinkKey, int | None] = {}
        self._link_cells: dict[tuple[str, str], list[str]] = {}
        self._schema_before: tuple[str, str] | None = None

    # --- what it does ---

    def keep_schema(self) -> None:
        """Remember the tables before they are changed."""
        if self._schema_before is None:
            self._schema_before = (as_json(self.base.tables), as_json(self.base.specs))

    def put(self, table_id: str, rec: str, record: Record | None) -> None:
        """Set a record in its place or at the end, or take it away."""
        rows = self.base.records[table_id]
        before = rows.get(rec)
        self._undo.append(partial(rows.undo, rec, before))
        self._first.setdefault(rec, (table_id, before))
        if record is None:
            rows.remove(rec)
        else:
            rows.put(record)
        old, new = (before.cells if before else {}), (record.cells if record else {})
        if old is not new:
            self.base.computed.forget(rec, [f for f in {**old, **new} if old.get(f) != new.get(f)])

    def link(self, link: Field, rec: str, targets: list[str]) -> None:
        """Let a cell hold these records, in this order; those that stay after one another keep their places."""
        there = dict(self.base.links.places(link["id"], rec))
        wanted = set(targets)
        for target in there:
            if target not in wanted:
                self.place(link, rec, target, place=None)
        last = 0
        for target in targets:
            place = there.get(target)
            if place is None or place <= last:
                place = self._next_place()
                self.place(link, rec, target, place=place)
            last = place

    def place(self, link: Field, rec: str, target: str, *, place: int | None) -> None:
        """Set or take away one link, on both sides."""
        links, field_id, inverse = self.base.links, link["id"], inverse_of(link)
        is_first = field_id < inverse
        key = (field_id, rec, target) if is_first else (inverse, target, rec)
        self._relinked.setdefault(key, links.places(key[0], key[1]).get(key[2]))
        self._set_place(field_id, rec, target=target, place=place)
        is_there = rec in links.places(inverse, target)
        if place is None or not is_there:
            self._set_place(inverse, target, target=rec, place=None if place is None else self._next_place())

    def _set_place(self, field_id: str, rec: str, *, target: str, place: int | None) -> None:
        links = self.base.links
        if (field_id, rec) not in self._link_cells:
            self._link_cells[field_id, rec] = links.targets(field_id, rec) if self._tells_links else []
        before = links.put(field_id, rec, target, place=place)
        self.base.computed.forget(rec, (field_id,))
        self._undo.append(partial(links.put, field_id, rec, target, place=before))

    # --- how it ends ---

    def roll_back(self) -> None:
        """Undo all of it."""
        for step in reversed(self._undo):
            step()
        if self._schema_before is not None:
            self.base.tables[:], self.base.specs = (json.loads(text) for text in self._schema_before)
        self.base.computed.reset()

    def stamp(self, moment: str) -> None:
        """Note on each record that has changed when it did, ISO 8601 in UTC, and by whom."""
        base, links = self.base, self._changed_links()
        tables = {t["id"]: t for t in base.tables}
        linked: dict[str, tuple[str, Record | None]] = {  # their own cells are as they were
            rec: (tbl, base.records[tbl].get(rec)) for rec, (tbl, _) in links.items() if rec not in self._first
        }
        for rec, (tbl, before) in [*self._first.items(), *linked.items()]:
            record = base.records[tbl].get(rec)
            if record is None:
                continue
            old = before.cells if before else {}
            watched = base.computed.watched(tables[tbl])
            seen = {f for f in watched if record.cells.get(f) != old.get(f)} | (
                watched & links.get(rec, (tbl, set()))[1]
            )
            if seen or rec in linked or (record.modified, record.modifier) != (moment, self.by):
                stamps = {**record.stamps, **dict.fromkeys(seen, (moment, self.by))} if seen else record.stamps
                self.put(tbl, rec, replace(record, modified=moment, modifier=self.by, stamps=stamps))
            base.computed.forget(rec, (tbl,))

    def _changed_links(self) -> dict[str, tuple[str, set[str]]]:
        """Return the records whose link cells have changed: table, and the fields."""
        if not self._link_cells:
            return {}
        table_of = {f["id"]: t["id"] for t in self.base.tables for f in link_fields(t)}
        found: dict[str, tuple[str, set[str]]] = {}
        for field_id, rec in self._link_cells:
            if field_id in table_of:
                found.setdefault(rec, (table_of[field_id], set()))[1].add(field_id)
        return found

    def record_changes(self) -> list[RecordChange]:
        """Return the records that have changed, as they were and as they are."""
        base = self.base
        links = {t["id"]: link_fields(t) for t in base.tables}
        tables = {t["id"]: t for t in base.tables}
        changes = []
        for rec, (tbl, before) in self._first.items():
            after, was = base.records[tbl].get(rec), None
            if before is None and after is None:
                continue
            if not self._tells_links:
                was = None if before is None else before.cells
                changes.append(RecordChange(tbl, rec, was, None if after is None else after.cells))
                continue
            if before is not None:
                cells = {f["id"]: self._link_cells.get((f["id"], rec)) for f in links[tbl]}
                there = {f: base.links.targets(f, rec) if c is None else c for f, c in cells.items()}
                was = before.cells | {f: targets for f, targets in there.items() if targets}
            changes.append(RecordChange(tbl, rec, was, None if after is None else base.cells(tables[tbl], after)))
        return changes

    def writes(self, db: Database) -> Writes:
        """Return what is to be written."""
        base, writes = self.base, Writes()
        for rec, (tbl, _) in self._first.items():
            record = base.records[tbl].get(rec)
            if record is None:
                writes.gone.append((rec,))
            else:
                writes.records.append(db.row_of(base.id, tbl, record))
        created = {tbl for tbl, before in self._first.values() if before is None}
        writes.counters = [(tbl, base.records[tbl].last) for tbl in created]
        inverse = {f["id"]: inverse_of(f) for t in base.tables for f in link_fields(t)} if self._relinked else {}
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
