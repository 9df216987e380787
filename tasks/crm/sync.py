"""Sync: bring the base to what a run says, and touch nothing else.

Rows are compared with what the base holds now; only pipeline fields that differ are sent, by record id. New keys go
through upsert, so that a run repeated after a crash makes no second record. Nothing is ever deleted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from pyairtable import Base
from pyairtable.api.types import RecordDict, UpdateRecordDict
from pyairtable.formulas import quoted

from config.registers import Felt, Tabell
from tasks.crm.base import TableIds
from tasks.crm.client import readable_errors
from tasks.crm.records import Row, RowsByKey
from tasks.errors import IdentityError, OwnershipError

T = TypeVar("T")

EQ_FIELD = "{{{}}}"
KEYS_A_QUESTION = 50
"""Keys in one formula; Airtable takes 17,000 characters."""
CHUNK = 10
"""Records per write that Airtable takes."""


@dataclass(frozen=True)
class Record:
    """A record as the base holds it: fields by name, links as record ids."""

    id: str
    fields: Row


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
    unchanged
        Rows that are as they should be.
    refused
        Key → why it is left alone.
    initial
        Key → record id of a record of ours that may still lack what the program sets once.
    sent
        Rows written so far: "created" and "updated".
    """

    tabell: Tabell
    create: RowsByKey = field(default_factory=dict)
    update: dict[str, tuple[str, Row]] = field(default_factory=dict)
    before: RowsByKey = field(default_factory=dict)
    unchanged: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    initial: dict[str, str] = field(default_factory=dict)
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


def canonical(felt: Felt, value: Any) -> Any:
    """Return a value as it is compared and sent: empty is None, numbers rounded to what is shown, links a sorted list.

    Airtable leaves empty cells (null, "", [], false) out of its answers.
    """
    if value is None or value is False or (isinstance(value, float) and math.isnan(value)):
        return None
    if felt.type == "number":
        rounded = round(float(value), felt.desimaler)
        return int(rounded) if felt.desimaler == 0 else rounded
    if felt.type == "multipleRecordLinks":
        return sorted(value) or None
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip() or None
    return value


def diff_table(
    tabell: Tabell,
    desired: RowsByKey,
    existing: Iterable[Record],
    *,
    key_of: Mapping[str, str],
    ambiguous: Collection[str] = (),
    pending: Collection[str] = (),
) -> TableDiff:
    """Return what it takes to bring `existing` to `desired`.

    Parameters
    ----------
    desired
        Key → row, links as keys.
    existing
        Records of the same kommune; those without our key are people's own and are not looked at.
    key_of
        Record id → key, of the linked tables.
    ambiguous
        Keys of linked tables that stand in several records: a row that links to one is left alone, not guessed at.
    pending
        Keys of records of ours that may still lack what the program sets once.
    """
    diff = TableDiff(tabell)
    links = [f.navn for f in tabell.felt if f.til is not None]
    by_key: dict[str, list[Record]] = {}
    for record in existing:
        by_key.setdefault(str(record.fields.get(tabell.noekkel) or ""), []).append(record)
    for key, row in desired.items():
        _refuse_foreign(tabell, row)
        found = by_key.get(key, [])
        is_gone = row.get("Tilstand") == "Borte"
        # What a lot that is gone was linked to may itself never have been published: its links stay as they are.
        wanted = {
            name: canonical(tabell.field(name), value) for name, value in row.items() if not (is_gone and name in links)
        }
        doubtful = [k for name in links for k in wanted.get(name) or () if k in ambiguous]
        if len(found) > 1:
            diff.refused[key] = f"stands in {len(found)} records: {', '.join(r.id for r in found)}"
        elif doubtful:
            diff.refused[key] = f"links to {doubtful[0]}, which stands in several records"
        elif not found:
            if not is_gone:  # what is gone and was never published stays unpublished
                diff.create[key] = {name: value for name, value in wanted.items() if value is not None}
        else:
            _compare(diff, key, found[0], wanted, key_of=key_of)
            if key in pending:
                diff.initial[key] = found[0].id
    return diff


def _compare(diff: TableDiff, key: str, record: Record, wanted: Row, *, key_of: Mapping[str, str]) -> None:
    present = _in_keys(diff.tabell, record.fields, key_of)
    changed = {n: v for n, v in wanted.items() if v != canonical(diff.tabell.field(n), present.get(n))}
    if changed:
        diff.update[key] = (record.id, changed)
        diff.before[key] = {n: present.get(n) for n in changed}
    else:
        diff.unchanged += 1


def _in_keys(tabell: Tabell, fields: Row, key_of: Mapping[str, str]) -> Row:
    links = {f.navn for f in tabell.felt if f.type == "multipleRecordLinks"}
    return {n: [key_of.get(i, i) for i in v] if n in links else v for n, v in fields.items()}


def _refuse_foreign(tabell: Tabell, row: Row) -> None:
    for name in row:
        if tabell.field(name).eier != "pipeline":
            raise OwnershipError(
                f"{tabell.navn}.{name} belongs to {tabell.field(name).eier}; the run may not write it."
            )


@dataclass
class BaseSync:
    """Reads and writes one base for one kommune, table by table in the register's order.

    Attributes
    ----------
    base
        None for a dry run against a base that does not exist yet: everything reads as empty.
    ids
        Table → ids; a table that does not exist yet is absent.
    """

    base: Base | None
    ids: Mapping[str, TableIds]
    kommunenummer: str
    record_of: dict[str, dict[str, str]] = field(default_factory=dict)
    fields_of: dict[str, Row] = field(default_factory=dict)
    key_of: dict[str, str] = field(default_factory=dict)

    def read(self, navn: str, keys: Iterable[str]) -> list[Record]:
        """Return the records of a table that belong to the kommune, or have one of these keys.

        Parameters
        ----------
        keys
            Of the rows that the run wants; those of another kommune (a property of the neighbour's) are asked for one
            by one, `KEYS_A_QUESTION` at a time.
        """
        ids = self.ids.get(navn)
        if ids is None or self.base is None:
            return []
        name_of = {i: n for n, i in ids.fields.items()}
        field, key = (EQ_FIELD.format(ids.fields[n]) for n in ("Kommunenummer", ids.tabell.noekkel))
        foreign = sorted(k for k in keys if not k.startswith(self.kommunenummer))
        questions = [f"{field}={quoted(self.kommunenummer)}"]
        for n in range(0, len(foreign), KEYS_A_QUESTION):
            questions.append(f"OR({','.join(f'{key}={quoted(k)}' for k in foreign[n : n + KEYS_A_QUESTION])})")
        raw: dict[str, RecordDict] = {}
        with readable_errors(f"reading {navn}"):
            for formula in questions:
                found = self.base.table(ids.id).all(formula=formula, fields=list(ids.fields.values()))
                raw |= {r["id"]: r for r in found}
        records = [Record(r["id"], {name_of[i]: v for i, v in r["fields"].items()}) for r in raw.values()]
        self._remember(ids.tabell, records)
        self.fields_of |= {r.id: r.fields for r in records}
        return records

    def _remember(self, tabell: Tabell, records: Iterable[Record]) -> None:
        known = self.record_of.setdefault(tabell.navn, {})
        for record in records:
            key = record.fields.get(tabell.noekkel)
            if key:
                known.setdefault(str(key), record.id)
                self.key_of[record.id] = str(key)

    def write(self, diff: TableDiff) -> None:
        """Send a diff: new rows by upsert, then what the program sets once, then changed fields by record id.

        Raises
        ------
        AirtableError
            What was sent before stays and is counted in `diff.sent`; the same run again sends the rest.
        """
        if self.base is None or not (diff.create or diff.update or diff.initial):
            return
        ids = self.ids[diff.tabell.navn]
        table = self.base.table(ids.id)
        name_of = {i: n for n, i in ids.fields.items()}
        with readable_errors(f"writing {diff.tabell.navn}"):
            self._set_initial(ids, diff.initial.values())
            for rows in chunks(diff.create.values()):
                sent = [{"fields": self._for_airtable(ids, row)} for row in rows]
                answer = table.batch_upsert(sent, key_fields=[ids.fields[diff.tabell.noekkel]])
                records = [
                    Record(r["id"], {name_of[i]: v for i, v in r["fields"].items() if i in name_of})
                    for r in answer["records"]
                ]
                diff.sent["created"] += len(records)
                self._remember(diff.tabell, records)
                # All of them are new: the base lacked them when it was read. Not only those that this answer calls
                # created – an upsert sent again because its first answer was lost calls them updated.
                self._set_initial(ids, [r.id for r in records], known={r.id: r.fields for r in records})
            for updates in chunks(diff.update.values()):
                table.batch_update([{"id": i, "fields": self._for_airtable(ids, row)} for i, row in updates])
                diff.sent["updated"] += len(updates)

    def _set_initial(self, ids: TableIds, record_ids: Iterable[str], *, known: Mapping[str, Row] | None = None) -> None:
        """Set the fields that become sales' own, where they are empty.

        Parameters
        ----------
        known
            Record id → fields; None reads them from the records read before.
        """
        start = {f.navn: f.start for f in ids.tabell.felt if f.eier == "initial"}
        if not start or self.base is None:
            return
        fields_of = self.fields_of if known is None else known
        updates: list[UpdateRecordDict] = [
            {"id": i, "fields": {ids.fields[n]: v for n, v in start.items() if not fields_of.get(i, {}).get(n)}}
            for i in record_ids
        ]
        for part in chunks(u for u in updates if u["fields"]):
            self.base.table(ids.id).batch_update(part)

    def _for_airtable(self, ids: TableIds, row: Row) -> Row:
        """Return a row by field id, links as record ids."""
        fields = {}
        for name, value in row.items():
            felt = ids.tabell.field(name)
            if felt.til is not None and value is not None:
                known = self.record_of.get(felt.til, {})
                missing = [key for key in value if key not in known]
                if missing:
                    raise IdentityError(f"{ids.tabell.navn}.{name}: {felt.til} {missing[:3]} are not in the base.")
                value = [known[key] for key in value]  # noqa: PLW2901
            fields[ids.fields[name]] = value
        return fields


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield lists of at most `CHUNK` items."""
    rest = iter(items)
    while part := list(islice(rest, CHUNK)):
        yield part


def guard_identity(existing: Iterable[Record], desired: RowsByKey, *, is_first_sync: bool, kommune: str) -> None:
    """Raise when the base knows lots that the files do not: the ids would be given to other lots.

    Parameters
    ----------
    existing
        Records of Tomter.
    desired
        Rows of Tomter, gone lots included: the files keep every id that was ever given.
    is_first_sync
        True when these files have not been brought to this base before; then the lots must also lie on the same
        teiger.

    Raises
    ------
    IdentityError
        Saying what to restore.
    """
    foreign = []
    for record in existing:
        key = record.fields.get("Tomt-id")
        if not key:
            continue
        row = desired.get(str(key))
        if row is None or (is_first_sync and row["Teig"] != record.fields.get("Teig")):
            foreign.append(str(key))
    if foreign:
        raise IdentityError(
            f"{kommune}: the base holds {len(foreign)} lots that geodata does not know as its own (first "
            f"{foreign[0]}). "
            "Writing would mix lots up. Restore the geodata folder that this base was filled from (TOMT_GEODATA), or "
            "use another base (TOMT_AIRTABLE_BASE)."
        )
