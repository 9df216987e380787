"""Comparison of rows that a run wants with records that the base holds. Pure: nothing is read or written here.

Values are compared in their canonical form (`tasks.crm.sync.verdi`). A value that is neither what the run wants nor
what was last sent was written by a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.base import Tabell
from tasks.crm.rader.records import Row, RowsByKey
from tasks.crm.sync.drift import has_drifted
from tasks.crm.sync.state import Sent
from tasks.crm.sync.verdi import canonical, canonical_row, digest

MOST_DELETED = 20
"""Records that people may delete of a table; when more are gone than are left, something else is wrong."""


@dataclass(frozen=True)
class Record:
    """A record as the base holds it: fields by name, links as record ids.

    Attributes
    ----------
    ours
        The key that it was made or last sent with, which a person may have typed over; None when that is not known.
    """

    id: str
    fields: Row
    ours: str | None = None

    def key(self, tabell: Tabell) -> str:
        """Return the key of the row that it stands for; empty for people's own."""
        return self.ours or str(self.fields.get(tabell.noekkel) or "")

    def is_typed_over(self, tabell: Tabell) -> bool:
        """Return True when a person has changed or emptied its key."""
        return self.ours is not None and self.ours != self.fields.get(tabell.noekkel)


@dataclass
class TableDiff:
    """What a table needs.

    Attributes
    ----------
    create
        Key → row that the base lacks.
    update
        Key → (record id, the fields that differ).
    before
        Key → those fields as the base holds them now.
    whole
        Key → the whole row, of those in `update`.
    by_hand
        Key → pipeline fields that a person has written, with what stands there; `update` puts them right.
    deleted
        Keys of `create` whose record a person has deleted.
    unchanged
        Rows that are as they should be.
    adopted
        Key → (record id, row) of rows that are as they should be, and that memory has to be told of.
    refused
        Key → why it is left alone.
    seen
        Keys that stand in a record.
    twice
        Key → the records that it stands in, when that is more than one.
    stopped
        Why nothing is written to this table, or None.
    initial
        Record id → what the program sets once, of records of ours that still lack it.
    sent
        Rows written so far: "created" and "updated".
    """

    tabell: Tabell
    create: RowsByKey = field(default_factory=dict)
    update: dict[str, tuple[str, Row]] = field(default_factory=dict)
    before: RowsByKey = field(default_factory=dict)
    whole: RowsByKey = field(default_factory=dict)
    by_hand: RowsByKey = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    unchanged: int = 0
    adopted: dict[str, tuple[str, Row]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    twice: dict[str, list[str]] = field(default_factory=dict)
    stopped: str | None = None
    initial: dict[str, Row] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """Return created, updated, unchanged and refused, as planned."""
        return {
            "created": len(self.create),
            "updated": len(self.update),
            "unchanged": self.unchanged,
            "refused": len(self.refused),
        }

    def sent_counts(self) -> dict[str, int]:
        """Return the same of what has really been sent."""
        return {**self.counts(), "created": self.sent["created"], "updated": self.sent["updated"]}

    def spare_by_hand(self) -> None:
        """Leave what people have written where it stands: nobody could be told of it."""
        for key, fields in self.by_hand.items():
            record_id, row = self.update.pop(key)
            if rest := {name: value for name, value in row.items() if name not in fields}:
                self.update[key] = (record_id, rest)
            else:
                del self.whole[key]

    def take_over(self, theirs: TableDiff) -> None:
        """Take in rows whose records were found by key alone: what stands there, a person has written."""
        self.create = {key: row for key, row in self.create.items() if key not in theirs.seen}
        self.seen |= theirs.seen
        if theirs.stopped is not None:
            self.twice, self.refused = self.twice | theirs.twice, self.refused | theirs.refused
            self.stop(theirs.stopped)
            return
        self.update |= theirs.update
        self.before |= theirs.before
        self.whole |= theirs.whole
        self.adopted |= theirs.adopted
        self.unchanged += theirs.unchanged
        for key, fields in theirs.before.items():
            if written := {name: value for name, value in fields.items() if value is not None}:
                self.by_hand[key] = written

    def stop(self, why: str) -> None:
        """Write nothing to this table."""
        self.stopped = why
        self.create, self.update, self.before, self.whole, self.by_hand = {}, {}, {}, {}, {}
        self.adopted, self.initial, self.deleted = {}, {}, []


def initial_values(tabell: Tabell, row: Row) -> Row:
    """Return what the program sets once on a new record of this row."""
    return {
        f.navn: f.start
        for f in tabell.felt
        if f.start is not None and (f.naar is None or row.get(f.naar.felt) == f.naar.er)
    }


def diff_table(
    tabell: Tabell,
    desired: RowsByKey,
    existing: Iterable[Record],
    *,
    key_of: Mapping[str, str],
    find: Callable[[str], str | None] = lambda _: None,
    ambiguous: Collection[str] = (),
    deleted: Collection[str] = (),
    memory: Mapping[str, Sent] | None = None,
) -> TableDiff:
    """Return what it takes to bring `existing` to `desired`.

    Parameters
    ----------
    desired
        Key → row, links as keys.
    existing
        Records of the same kommune, taken one by one and not kept; those without our key are people's own and are not
        looked at.
    key_of
        Record id → key, of the linked tables.
    find
        Returns the key of a linked record that was not read, or None.
    ambiguous
        Keys of linked tables that stand in several records: a row that links to one is left alone, not guessed at.
    deleted
        Keys of linked tables whose records people have deleted: that took them out of the links to them.
    memory
        Key → what was last sent of it.
    """
    known = memory or {}
    diff = TableDiff(tabell)
    comparison = _Comparison(diff, key_of, find, known, ambiguous, deleted)
    found: dict[str, list[str]] = {}
    typed_over: list[tuple[str, Record]] = []
    for record in existing:
        key = record.key(tabell)
        if key not in desired:
            continue
        if record.is_typed_over(tabell):
            typed_over.append((key, record))
            continue
        there = found.setdefault(key, [])
        there.append(record.id)
        if len(there) == 1:
            comparison.compare(key, desired[key], record)
    for key, record in typed_over:
        # Where another record carries the key, a person has made that one ours, and this one their own.
        if key not in found:
            found[key] = [record.id]
            comparison.compare(key, desired[key], record)
    diff.seen = set(found)
    diff.twice = {key: ids for key, ids in found.items() if len(ids) > 1}
    if diff.twice:
        why = {k: f"stands in {len(ids)} records: {', '.join(ids)}" for k, ids in diff.twice.items()}
        diff.refused |= why
        first, count = next(iter(why)), "1 key stands" if len(why) == 1 else f"{len(why)} keys stand"
        diff.stop(
            f"{tabell.navn}: {count} in several records; {first} {why[first]}. Nothing was written to {tabell.navn}. "
            f"Delete the copy, or empty its {tabell.noekkel}, and run again."
        )
        return diff
    for key, row in desired.items():
        if key not in found:
            comparison.add(key, row)
    if len(diff.deleted) > MOST_DELETED and len(diff.deleted) > len(found):
        diff.stop(
            f"{tabell.navn}: {len(diff.deleted)} records that were sent are not there, and {len(found)} are. Nothing "
            f"was written to {tabell.navn}. Restore them from Airtable's trash and run again; if they shall be made "
            "anew, move hukommelse.sqlite of geodata/crm/<base>/ away first."
        )
    return diff


@dataclass
class _Comparison:
    """Fills a diff, row by row."""

    diff: TableDiff
    key_of: Mapping[str, str]
    find: Callable[[str], str | None]
    memory: Mapping[str, Sent]
    ambiguous: Collection[str]
    deleted: Collection[str]

    def __post_init__(self) -> None:
        tabell = self.diff.tabell
        self.links = frozenset(f.navn for f in tabell.felt if f.til is not None)
        self.drifting = {f.navn: f for f in tabell.felt if f.minste_endring is not None or f.drivende_linje is not None}
        self.has_initial = any(f.start is not None for f in tabell.felt)

    def add(self, key: str, row: Row) -> None:
        """Plan a row that the base lacks; what is gone and was never published stays unpublished."""
        wanted = canonical_row(self.diff.tabell, row)
        if row.get("Tilstand") == "Borte" or self._is_doubtful(key, wanted):
            return
        self.diff.create[key] = {name: value for name, value in wanted.items() if value is not None}
        if key in self.memory and self.memory[key].post is not None:
            self.diff.deleted.append(key)

    def compare(self, key: str, row: Row, record: Record) -> None:
        """Plan the fields in which a record differs."""
        diff = self.diff
        is_gone = row.get("Tilstand") == "Borte"
        # What a lot that is gone was linked to may itself never have been published: its links stay as they are.
        wanted = {n: v for n, v in canonical_row(diff.tabell, row).items() if not (is_gone and n in self.links)}
        if self._is_doubtful(key, wanted):
            return
        present = {n: self._in_keys(n, record.fields.get(n)) for n in wanted}
        sent = self.memory.get(key)
        changed = {n: v for n, v in wanted.items() if v != present[n]}
        if changed and all(self._has_drifted(n, v, present[n], sent) for n, v in changed.items()):
            wanted, changed = present, {}
        if changed:
            diff.update[key] = (record.id, changed)
            diff.whole[key] = wanted
            diff.before[key] = {n: present[n] for n in changed}
            by_hand = {n: present[n] for n, v in changed.items() if self._is_by_hand(n, v, present[n], sent)}
            if by_hand:
                diff.by_hand[key] = by_hand
        else:
            diff.unchanged += 1
            if sent is None or sent.post != record.id or sent.underveis or sent.er_ny:
                diff.adopted[key] = (record.id, wanted)
        if self.has_initial and sent is not None and sent.er_ny:
            start = initial_values(diff.tabell, wanted)
            # A create carries all of them: where one is set, a person may have emptied the other.
            if not any(record.fields.get(name) for name in start):
                diff.initial[record.id] = start

    def _has_drifted(self, name: str, wanted: Any, present: Any, sent: Sent | None) -> bool:
        """Return True where a value of ours has moved by less than what is worth a call of its own."""
        felt = self.drifting.get(name)
        is_near = felt is not None and has_drifted(felt, wanted, present)
        return is_near and not self._is_by_hand(name, wanted, present, sent)

    def _is_by_hand(self, name: str, wanted: Any, present: Any, sent: Sent | None) -> bool:
        """Return True when a person has written what stands there."""
        if sent is None or sent.may_be(name, digest(present)):
            return False
        if name in self.links and set(present or ()) <= set(wanted or ()):
            return not set(wanted or ()) - set(present or ()) <= set(self.deleted)
        return True

    def _in_keys(self, name: str, value: Any) -> Any:
        if value is not None and name in self.links:
            value = [self.key_of.get(i) or self.find(i) or i for i in value]
        return canonical(self.diff.tabell.field(name), value)

    def _is_doubtful(self, key: str, wanted: Row) -> bool:
        """Refuse a row that links to a key which stands in several records."""
        doubtful = [k for name in self.links for k in wanted.get(name) or () if k in self.ambiguous]
        if doubtful:
            self.diff.refused[key] = f"links to {doubtful[0]}, which stands in several records"
        return bool(doubtful)
