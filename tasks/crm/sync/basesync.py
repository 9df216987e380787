"""Sync: bring one base to what the run of one kommune says, and touch nothing else.

Records are read page by page and compared as they come; only pipeline fields that differ are sent, by record id. All is
compared, and the budget checked, before the first write.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain

from config.registers import Kommune
from tasks.crm.chunks import CHUNK
from tasks.crm.rader.records import RowsByKey
from tasks.crm.sync import budsjett, listing
from tasks.crm.sync.connection import Connection, this_month
from tasks.crm.sync.diff import Record, TableDiff, diff_table
from tasks.crm.sync.state import Sent
from tasks.crm.sync.writing import TableWriter
from tasks.errors import IdentityError

log = logging.getLogger("tomt.crm")

OUR_ID = re.compile(r"[0-9]{4}-[0-9]{6,}")
"""Of a lot; what people type in its place looks otherwise."""
MOST_TYPED = 3
"""Ids that nobody has given and that a person may have typed; more come from another geodata."""
TELL_EVERY = 500
"""Records written between two lines of progress."""


@dataclass
class BaseSync:
    """Reads and writes one base for one kommune, table by table.

    Attributes
    ----------
    record_of
        Table → key → record id, of everything read or made.
    key_of
        Record id → key.
    deleted
        Keys whose records people have deleted, of the tables compared so far.
    """

    connection: Connection
    kommunenummer: str
    record_of: dict[str, dict[str, str]] = field(default_factory=dict)
    key_of: dict[str, str] = field(default_factory=dict)
    _memory: dict[str, dict[str, Sent]] = field(default_factory=dict)
    _ambiguous: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    _asked: dict[str, set[str]] = field(default_factory=dict)
    _told: int = 0

    # --- reading ---

    def read(
        self, navn: str, keys: Collection[str], *, with_own: bool = False, also: Iterable[str] = ()
    ) -> Iterator[Record]:
        """Yield the records of a table that belong to the kommune, or have one of these keys.

        Parameters
        ----------
        keys
            Of the rows that the run wants; those of another kommune (a property of the neighbour's) are asked for by
            key.
        with_own
            Also records without our key, of whatever kommune; then the fields that links have given to the table too.
        also
            Formulas of records that are wanted beside them.
        """
        ids, base = self.connection.ids.get(navn), self.connection.base
        known = self.record_of.setdefault(navn, {})
        if ids is None or base is None:
            return
        if with_own:
            ids = replace(ids, fields={**self.connection.reverse.get(navn, {}), **ids.fields})
        memory = self._remembered(navn, keys)
        ours = {sent.post: key for key, sent in memory.items() if sent.post is not None}
        foreign = [k for k in keys if not k.startswith(self.kommunenummer)]
        formulas = [
            listing.of_kommune(ids, self.kommunenummer, with_own=with_own),
            *listing.of_keys(ids, foreign),
            *also,
        ]
        seen: set[str] = set()
        for formula in chain(formulas, self._unseen(ours, seen)):
            for record in listing.records(base, ids, formula):
                if record.id in seen:
                    continue
                seen.add(record.id)
                found = replace(record, ours=ours.get(record.id))
                if key := found.key(ids.tabell):
                    if not found.is_typed_over(ids.tabell) or key not in known:
                        known[key] = record.id
                    self.key_of[record.id] = key
                yield found

    @staticmethod
    def _unseen(ours: Iterable[str], seen: Collection[str]) -> Iterator[str]:
        """Yield formulas of records of ours that the questions before have not found.

        A person may have emptied or changed what they were asked by; only what is not found by its id is deleted.
        """
        yield from listing.of_ids(rec for rec in ours if rec not in seen)

    def sent(self, navn: str, key: str) -> Sent | None:
        """Return what was sent of a row of those read or compared, or None."""
        return self._memory.get(navn, {}).get(key)

    def remembered(self, navn: str) -> Collection[str]:
        """Return the keys of a table that have been sent from here, of those read or compared."""
        return self._memory.get(navn, {}).keys()

    def _remembered(self, navn: str, keys: Collection[str]) -> dict[str, Sent]:
        """Return what was sent of these rows; each is asked for once."""
        memory = self._memory.setdefault(navn, {})
        asked = self._asked.setdefault(navn, set())
        if fresh := [key for key in keys if key not in asked]:
            memory |= self.connection.state.sent(navn, fresh)
            asked.update(fresh)
        return memory

    def diff(self, navn: str, rows: RowsByKey, existing: Iterable[Record]) -> TableDiff:
        """Compare the rows of a table with its records; the tables that it links to were compared before."""
        memory = self._remembered(navn, rows)
        tabell = self.connection.register.table(navn)
        found = diff_table(
            tabell,
            rows,
            existing,
            key_of=self.key_of,
            find=self.connection.state.key_of,
            ambiguous=self._ambiguous,
            deleted=self.deleted,
            memory=memory,
        )
        self._ambiguous |= set(found.twice)
        self.deleted |= set(found.deleted)
        return found

    def look_again(self, diff: TableDiff, rows: RowsByKey, *, i_dag: date) -> None:
        """Ask by key for what would be made: a record may stand there without the kommune that it was asked for by.

        Not of a table that was empty when the base was counted.
        """
        connection, navn = self.connection, diff.tabell.navn
        ids, base = connection.ids.get(navn), connection.base
        fresh = [key for key in diff.create if key not in diff.deleted]
        if ids is None or base is None or not fresh:
            return
        counts, dato = connection.state.counts()
        if (counts if dato is not None else self.count_records(i_dag)).get(navn) == 0:
            return
        found: list[Record] = []
        for formula in listing.of_keys(ids, fresh):
            found += [r for r in listing.records(base, ids, formula) if r.key(ids.tabell) in rows]
        if found:
            theirs = self.diff(navn, {key: rows[key] for key in (r.key(ids.tabell) for r in found)}, found)
            for record in found:
                self.record_of[navn].setdefault(record.key(ids.tabell), record.id)
            diff.take_over(theirs)

    # --- budget ---

    def check_budget(self, diffs: Iterable[TableDiff], *, i_dag: date) -> None:
        """Stop before the first write when a limit would burst, and warn when one is near.

        Raises
        ------
        BudgetError
            With the figures, and what to do.
        """
        connection = self.connection
        if connection.base is None:
            return
        planned = list(diffs)
        plan = budsjett.Plan(
            nye_poster=sum(len(d.create) for d in planned),
            kall=sum(_calls(d) for d in planned),
        )
        grenser = connection.register.grenser
        counts, dato = connection.state.counts()
        is_old = dato is None or (i_dag - date.fromisoformat(dato)).days > grenser.telles_hver_dager
        if is_old and plan.nye_poster:
            counts = self.count_records(i_dag)
        brukt = budsjett.Brukt(
            poster=sum(counts.values()),
            kall_i_maaneden=connection.calls_this_month,
            kall_i_kjoringen=connection.calls,
        )
        for warning in budsjett.check(plan, brukt, grenser):
            log.warning("%s", warning)

    def count_records(self, i_dag: date) -> dict[str, int]:
        """Count the records of every table of the base, whoever made them, and remember it."""
        base = self.connection.base
        if base is None:
            return {}
        counts = {navn: listing.count(base, ids) for navn, ids in self.connection.ids.items()}
        self.connection.state.keep_counts(counts, i_dag.isoformat())
        return counts

    # --- writing ---

    def write(self, diff: TableDiff) -> None:
        """Send a diff; every chunk is remembered when it is answered.

        Raises
        ------
        AirtableError
            What was sent before stays and is counted in `diff.sent`; the same run again sends the rest.
        """
        connection = self.connection
        if connection.base is None:
            return
        ids = connection.ids[diff.tabell.navn]
        total = len(diff.create) + len(diff.update)
        self._told = 0

        def progress(navn: str, made: Mapping[str, str]) -> None:
            connection.state.confirm(navn, made, calls=connection.take_uncounted(), month=this_month())
            self._remember(navn, made)
            self._tell(diff, total)

        writer = TableWriter(connection.base, ids, connection.state, self.record_of, progress)
        try:
            writer.write(diff)
        finally:
            connection.state.add_records(diff.tabell.navn, diff.sent["created"])

    def _remember(self, navn: str, made: Mapping[str, str]) -> None:
        self.record_of.setdefault(navn, {}).update(made)

    def _tell(self, diff: TableDiff, total: int) -> None:
        done = diff.sent["created"] + diff.sent["updated"]
        if done - self._told >= TELL_EVERY:
            self._told = done
            log.info("%s: %s of %s written, %s calls so far …", diff.tabell.navn, done, total, self.connection.calls)


def _calls(diff: TableDiff) -> int:
    return sum(math.ceil(len(rows) / CHUNK) for rows in (diff.create, diff.update, diff.initial))


def unknown_lots(
    teiger: Mapping[str, str | None], desired: RowsByKey, *, remembered: Collection[str], kommune: Kommune
) -> list[str]:
    """Return ids in the base that the run does not know, when they are so few that a person must have typed them.

    Parameters
    ----------
    teiger
        Tomt-id → teig, of the lots in the base.
    desired
        Rows of Tomter, gone lots included: the files keep every id that was ever given.
    remembered
        Lots that have been sent to this base from here; the others must also lie on the same teiger.

    Raises
    ------
    IdentityError
        When the base knows lots that the files do not: the ids would be given to others. It says what to restore.
    """
    ours = [k for k in teiger if OUR_ID.fullmatch(k) and k.startswith(f"{kommune.nummer}-")]
    unknown = [key for key in ours if key not in desired]
    moved = [k for k in ours if k in desired and k not in remembered and desired[k]["Teig"] != teiger[k]]
    if moved or len(unknown) > MOST_TYPED or (unknown and not remembered):
        raise IdentityError(
            f"{kommune.label}: the base holds {len(moved) + len(unknown)} lots that geodata does not know as its own "
            f"(first {(moved + unknown)[0]}). "
            "Writing would mix lots up. Restore the geodata folder that this base was filled from (TOMT_GEODATA), or "
            "use another base (TOMT_AIRTABLE_BASE)."
        )
    return unknown


def today() -> date:
    """Return the day that matters are dated with, in UTC."""
    return datetime.now(UTC).date()
