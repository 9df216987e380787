"""Skriv: rows of Aktiviteter are made once, fields of Tomter and Kommuner are changed by record id.

A create whose answer is lost may have been carried out: its rows are looked for by their Aktivitets-id before any of
them is sent again. When one of ten rows is refused, each is sent by itself. Nothing is ever deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from pyairtable import Base

from tasks.crm.chunks import chunks
from tasks.crm.client import error_kind, is_uncertain, readable_errors
from tasks.crm.rader.rad import Row
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync import writing
from tasks.crm.sync.verdi import canonical_row
from tasks.errors import OwnershipError

TRIES = 3
"""How often rows are sent whose answer is lost."""
DOER = "Utført av"
"""Left out of a row that is refused: who did it may no longer have access to the base."""


@dataclass
class Skriver:
    """Writes to one base.

    Attributes
    ----------
    sleep
        Takes seconds; tests give their own.
    avvist
        Table → rows that Airtable refused.
    """

    base: Base
    ids: Mapping[str, TableIds]
    sleep: Callable[[float], None] = time.sleep
    avvist: dict[str, dict[str, str]] = field(default_factory=dict)

    def create(
        self,
        navn: str,
        rows: Mapping[str, Row],
        *,
        existing: Callable[[Collection[str]], set[str]],
        done: Callable[[Collection[str]], None],
    ) -> int:
        """Make rows, ten at a time, and return how many.

        Parameters
        ----------
        rows
            Key → fields by name, links as record ids.
        existing
            Returns which of some keys are in the base.
        done
            Told the keys of every chunk that is there.

        Raises
        ------
        AirtableError
            What was made before stays, and `done` has been told of it.
        """
        table = self.base.table(self.ids[navn].id)

        def send(some: writing.Rows) -> dict[str, str]:
            left = dict(some)
            for attempt in range(1, TRIES + 1):
                try:
                    table.batch_create([self._own(navn, row) for row in left.values()])
                    break
                except requests.RequestException as error:
                    if not is_uncertain(error) or attempt == TRIES:
                        raise
                self.sleep(writing.SETTLE_S)
                there = existing(list(left))
                left = {key: row for key, row in left.items() if key not in there}
                if not left:
                    break
            return dict.fromkeys(some, "")

        def alone(one: writing.Rows) -> dict[str, str]:
            try:
                return send(one)
            except requests.HTTPError as error:
                ((key, row),) = one.items()
                if row.get(DOER) is None or error_kind(error) not in writing.OF_ONE_ROW:
                    raise
                return send({key: {name: value for name, value in row.items() if name != DOER}})

        return self._in_chunks(navn, rows, send=send, alone=alone, done=done)

    def update(
        self, navn: str, changes: Mapping[str, Row], *, done: Callable[[Collection[str]], None] = lambda _: None
    ) -> int:
        """Change fields of the program by record id, ten records at a time, and return how many records.

        Parameters
        ----------
        changes
            Record id → fields by name; None empties one.

        Raises
        ------
        OwnershipError
            For a field that is not the program's.
        """
        ids = self.ids[navn]
        table = self.base.table(ids.id)
        ready = {rec: canonical_row(ids.tabell, row) for rec, row in changes.items()}

        def send(some: writing.Rows) -> dict[str, str]:
            table.batch_update(
                [{"id": rec, "fields": {ids.fields[n]: v for n, v in row.items()}} for rec, row in some.items()]
            )
            return dict.fromkeys(some, "")

        return self._in_chunks(navn, ready, send=send, done=done)

    # --- how ---

    def _in_chunks(
        self,
        navn: str,
        rows: Mapping[str, Row],
        *,
        send: writing.Send,
        alone: writing.Send | None = None,
        done: Callable[[Collection[str]], None],
    ) -> int:
        """Send rows by ten; when Airtable refuses one of them, each by itself."""
        sent, narrowing = 0, writing.Narrowing(navn)
        refused: dict[str, str] = {}
        with readable_errors(f"writing {navn}"):
            for keys in chunks(rows):
                made = narrowing.send({key: rows[key] for key in keys}, send, refused=refused, alone=alone)
                sent += len(made)
                done(list(made))
        if refused:
            self.avvist[navn] = self.avvist.get(navn, {}) | refused
        return sent

    def _own(self, navn: str, row: Row) -> dict[str, Any]:
        """Return a new row by field id; of fields that sales has deleted, nothing.

        Raises
        ------
        OwnershipError
            For a field that is sales' from the start.
        """
        ids = self.ids[navn]
        if theirs := [name for name in row if ids.tabell.field(name).eier == "sales"]:
            raise OwnershipError(f"{navn}.{theirs[0]} belongs to sales; the run may not write it.")
        return {ids.fields[n]: v for n, v in row.items() if v is not None and n in ids.fields}
