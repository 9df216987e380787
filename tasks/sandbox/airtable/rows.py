"""The records of one table in memory, in order of making, with look-up by the fields that upserts merge on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.sandbox.airtable.actor import API_USER, Actor

Cells = dict[str, Any]
Key = tuple[Any, ...]
Stamp = tuple[str, Actor]
"""When, ISO 8601 in UTC, and by whom."""
_UNSEEN: Mapping[str, Stamp] = {}


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes
    ----------
    id
        ``rec…``.
    number
        Its place in the order of making, unique in its table and never used again.
    created, maker
        When it was made, ISO 8601 in UTC, and by whom.
    cells
        Value by field id, without the empty ones and the links.
    modified, modifier
        When it was last changed, links included, and by whom; the making counts.
    stamps
        The same for each field that is watched, since it is.
    """

    id: str
    number: int
    created: str
    cells: Cells
    maker: Actor = API_USER
    modified: str = ""
    modifier: Actor = API_USER
    stamps: Mapping[str, Stamp] = field(default_factory=lambda: _UNSEEN)


def latest(record: Record, field_ids: Iterable[str]) -> Stamp | None:
    """Return when and by whom one of these watched fields was last changed; the record, when there are none."""
    named = list(field_ids)
    if not named:
        return record.modified, record.modifier
    return max((record.stamps[f] for f in named if f in record.stamps), key=lambda stamp: stamp[0], default=None)


class Rows:
    """Records by id, in order of making; an index is made when first asked for and kept up to date from then on."""

    def __init__(self) -> None:
        self.last = 0
        """The number given last."""
        self._records: dict[str, Record] = {}
        self._ids: list[str] | None = None
        self._indexes: dict[tuple[str, ...], dict[Key, set[str]]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __contains__(self, rec: str) -> bool:
        return rec in self._records

    def __getitem__(self, rec: str) -> Record:
        return self._records[rec]

    def get(self, rec: str) -> Record | None:
        """Return a record, or None."""
        return self._records.get(rec)

    def ids(self) -> list[str]:
        """Return the ids of all records, in order of making.

        Records made later are added to the list that was returned; nothing else is ever done to it: its first so many
        stay what they are.
        """
        if self._ids is None:
            self._ids = list(self._records)
        return self._ids

    def put(self, record: Record) -> None:
        """Add a record at the end, or set it in its place."""
        before = self._records.get(record.id)
        self._records[record.id] = record
        if before is None and self._ids is not None:
            self._ids.append(record.id)
        for fields, index in self._indexes.items():
            key = key_of(record.cells, fields)
            if before is not None:
                if (old := key_of(before.cells, fields)) == key:
                    continue
                _forget(index, old, record.id)
            index.setdefault(key, set()).add(record.id)

    def remove(self, rec: str) -> None:
        """Take a record away."""
        record = self._records.pop(rec)
        self._ids = None
        for fields, index in self._indexes.items():
            _forget(index, key_of(record.cells, fields), rec)

    def undo(self, rec: str, before: Record | None) -> None:
        """Bring back what stood under this id, in its old place."""
        if before is None:
            self.remove(rec)
            return
        was_removed = rec not in self._records
        self.put(before)
        if was_removed:
            self._records = dict(sorted(self._records.items(), key=lambda item: item[1].number))
            self._ids = None

    def matching(self, fields: tuple[str, ...], key: Key) -> list[str]:
        """Return the ids of the records that have these values in these fields, in no order."""
        index = self._indexes.get(fields)
        if index is None:
            index = self._indexes[fields] = {}
            for record in self:
                index.setdefault(key_of(record.cells, fields), set()).add(record.id)
        return list(index.get(key, ()))


def key_of(cells: Cells, fields: tuple[str, ...]) -> Key:
    """Return the values of these fields as something that can be looked up; an empty cell is None."""
    values = (cells.get(f) for f in fields)
    return tuple(tuple(v) if isinstance(v, list) else v for v in values)


def _forget(index: dict[Key, set[str]], key: Key, rec: str) -> None:
    there = index[key]
    there.discard(rec)
    if not there:
        del index[key]
