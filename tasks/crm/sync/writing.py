"""Writing: a diff of one table becomes requests of ten, remembered before they leave and when they are answered.

New rows of tables in which the program sets nothing once go as upserts: sent twice, they make one record. Those of
tables in which it does are made by a create that carries these values, one request instead of two. A create whose
answer is lost may have been carried out: its rows are sent again as an upsert of the program's own fields, and what is
set once follows by record id where it is still empty. Nothing is ever deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import requests
from pyairtable import Base, Table
from pyairtable.api.types import RecordDict, UpdateRecordDict

from tasks.crm.chunks import chunks
from tasks.crm.client import error_kind, is_uncertain, readable_errors
from tasks.crm.rader.records import Row
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync.diff import TableDiff, initial_values
from tasks.crm.sync.state import BaseState
from tasks.crm.sync.verdi import digests
from tasks.errors import AirtableError, IdentityError

SETTLE_S = 30.0
"""A create that was not answered may still be on its way; after this it has been carried out, or never will be."""
MOST_REFUSED = 50
"""Rows that Airtable may refuse one by one, before something larger is wrong with the table."""

OF_ONE_ROW = frozenset(
    {
        "ROW_DOES_NOT_EXIST",
        "MODEL_ID_NOT_FOUND",
        "INVALID_RECORD_ID",
        "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
        "INVALID_VALUE_FOR_COLUMN",
        "INVALID_MULTIPLE_CHOICE_OPTIONS",
        "INVALID_REQUEST_UNKNOWN",
    }
)
"""Refusals that one row of ten may cause: the others are sent without it."""

Rows = dict[str, Row]
Send = Callable[[Rows], dict[str, str]]
"""Sends rows by key, and returns the record ids by key."""


@dataclass
class Narrowing:
    """Sends rows of one table; when Airtable refuses one of ten, each by itself.

    Attributes
    ----------
    refused
        How many it has refused.
    """

    navn: str
    refused: int = 0

    def send(self, rows: Rows, send: Send, *, refused: dict[str, str], alone: Send | None = None) -> dict[str, str]:
        """Send rows, and return the record ids of those that were taken.

        Parameters
        ----------
        refused
            Key → why; what is refused is added.
        alone
            Sends a row by itself, in another way; None for the same.

        Raises
        ------
        AirtableError
            When more than `MOST_REFUSED` rows are refused.
        requests.RequestException
            For what is not the fault of one row.
        """
        try:
            return send(rows)
        except requests.HTTPError as error:
            kind = _of_one_row(error)
        if len(rows) == 1 and alone is None:
            self._refuse(refused, next(iter(rows)), kind)
            return {}
        made: dict[str, str] = {}
        for key, row in rows.items():
            try:
                made |= (alone or send)({key: row})
            except requests.HTTPError as error:
                self._refuse(refused, key, _of_one_row(error))
        return made

    def _refuse(self, refused: dict[str, str], key: str, kind: str) -> None:
        refused[key] = f"was refused by Airtable ({kind})"
        self.refused += 1
        if self.refused > MOST_REFUSED:
            raise AirtableError(
                f"writing {self.navn}: Airtable refused {self.refused} rows, the last one with {kind}. "
                "Run `tomt base check`, then run again: what was sent stays."
            )


def _of_one_row(error: requests.HTTPError) -> str:
    """Return why Airtable refused one row; raise what is not the fault of one row."""
    kind = error_kind(error)
    if kind not in OF_ONE_ROW:
        raise error
    return kind


@dataclass
class TableWriter:
    """Writes the diff of one table.

    Attributes
    ----------
    record_of
        Table → key → record id of what is linked to; what is made here is added.
    progress
        Called after every chunk: its records are written and remembered.
    sleep
        Takes seconds; tests give their own.
    """

    base: Base
    ids: TableIds
    state: BaseState
    record_of: Mapping[str, dict[str, str]]
    progress: Callable[[str, Mapping[str, str]], None]
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._narrowing = Narrowing(self.ids.tabell.navn)

    @property
    def _table(self) -> Table:
        return self.base.table(self.ids.id)

    def write(self, diff: TableDiff) -> None:
        """Send a diff: what the program sets once and a crash left unset, new rows, then changed fields by record id.

        Raises
        ------
        AirtableError
            What was sent before stays and is counted in `diff.sent`; the same run again sends the rest.
        """
        if diff.stopped is not None:
            return
        navn = self.ids.tabell.navn
        has_initial = any(f.start is not None for f in self.ids.tabell.felt)
        self._remember(diff, has_initial=has_initial)
        with readable_errors(f"writing {navn}"):
            self._set_initial(diff.initial)
            self._send(diff, diff.create, self._create if has_initial else self._upsert, "created")
            record_of = {key: rec for key, (rec, _) in diff.update.items()}
            rows = {key: row for key, (_, row) in diff.update.items()}
            self._send(diff, rows, lambda some: self._update(some, record_of), "updated")
        self.state.confirm(navn, {key: rec for key, (rec, _) in diff.adopted.items()})

    def _remember(self, diff: TableDiff, *, has_initial: bool) -> None:
        """Write down what the base will hold, before the first request leaves."""
        ours = [f.navn for f in self.ids.tabell.felt if f.eier == "pipeline"]
        created = ((key, digests({n: row.get(n) for n in ours})) for key, row in diff.create.items())
        kept = ((key, digests(row)) for key, row in diff.whole.items())
        adopted = ((key, digests(row)) for key, (_, row) in diff.adopted.items())
        if diff.create or diff.whole or diff.adopted:
            rows = chain(created, kept, adopted)
            self.state.plan(self.ids.tabell.navn, rows, new=diff.create if has_initial else ())

    def _send(self, diff: TableDiff, rows: Rows, send: Send, what: str) -> None:
        for keys in chunks(rows):
            some = self._linkable(diff, {key: rows[key] for key in keys})
            made = self._narrowing.send(some, send, refused=diff.refused) if some else {}
            diff.sent[what] += len(made)
            self.progress(self.ids.tabell.navn, made)

    def _linkable(self, diff: TableDiff, rows: Rows) -> Rows:
        """Return the rows whose links are in the base; the others are refused."""
        kept = {}
        for key, row in rows.items():
            lacking = [
                (f.til, k)
                for f in self.ids.tabell.felt
                if f.til is not None
                for k in row.get(f.navn) or ()
                if k not in self.record_of.get(f.til, {})
            ]
            if lacking:
                diff.refused[key] = f"links to {lacking[0][0]} {lacking[0][1]}, which is not in the base"
            else:
                kept[key] = row
        return kept

    # --- requests ---

    def _upsert(self, rows: Rows) -> dict[str, str]:
        return {key: record["id"] for key, record in self._upserted(rows).items()}

    def _upserted(self, rows: Rows) -> dict[str, RecordDict]:
        key_field = self.ids.fields[self.ids.tabell.noekkel]
        sent = [{"fields": self._for_airtable(row)} for row in rows.values()]
        answer = self._table.batch_upsert(sent, key_fields=[key_field])
        return self._by_key(rows, answer["records"])

    def _create(self, rows: Rows) -> dict[str, str]:
        fields = [self._for_airtable(row) | self._start_of(row) for row in rows.values()]
        try:
            found = self._by_key(rows, self._table.batch_create(fields))
        except requests.RequestException as error:
            if not is_uncertain(error):
                raise
            self.sleep(SETTLE_S)
            found = self._upserted(rows)
            self._set_initial_by_id(
                {
                    record["id"]: {i: v for i, v in self._start_of(rows[key]).items() if not record["fields"].get(i)}
                    for key, record in found.items()
                }
            )
        return {key: record["id"] for key, record in found.items()}

    def _update(self, rows: Rows, record_of: Mapping[str, str]) -> dict[str, str]:
        ids = {key: record_of[key] for key in rows}
        self._table.batch_update([{"id": ids[key], "fields": self._for_airtable(row)} for key, row in rows.items()])
        return ids

    def _set_initial(self, values: Mapping[str, Row]) -> None:
        fields = self.ids.fields
        self._set_initial_by_id({rec: {fields[n]: v for n, v in row.items()} for rec, row in values.items()})

    def _set_initial_by_id(self, values: Mapping[str, Row]) -> None:
        updates: list[UpdateRecordDict] = [{"id": rec, "fields": row} for rec, row in values.items() if row]
        for some in chunks(updates):
            self._table.batch_update(some)

    # --- values ---

    def _start_of(self, row: Row) -> Row:
        """Return what the program sets once on a new record, by field id."""
        return {self.ids.fields[n]: v for n, v in initial_values(self.ids.tabell, row).items() if n in self.ids.fields}

    def _for_airtable(self, row: Row) -> Row:
        """Return a row by field id, links as record ids."""
        fields: dict[str, Any] = {}
        for name, value in row.items():
            til = self.ids.tabell.field(name).til
            linked = til is not None and value is not None
            fields[self.ids.fields[name]] = [self.record_of[str(til)][key] for key in value] if linked else value
        return fields

    def _by_key(self, rows: Rows, answered: Iterable[RecordDict]) -> dict[str, RecordDict]:
        """Return the answered records by key.

        Raises
        ------
        IdentityError
            When Airtable answers for other rows than those sent.
        """
        key_field = self.ids.fields[self.ids.tabell.noekkel]
        found = {str(record["fields"].get(key_field)): record for record in answered}
        if set(found) != set(rows):
            raise IdentityError(
                f"{self.ids.tabell.navn}: Airtable answered for other rows than those sent ({len(found)} of "
                f"{len(rows)}). Run again; `tomt base check` says whether the table is as it should be."
            )
        return found
