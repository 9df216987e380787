"""Records of a backup in a base: made ten at a time, each of them once, whatever becomes of an answer.

Before a request leaves, the journal says which records it makes. An answer names them in the order they were sent in.
Where it is lost, the table is listed: a request makes all of its records or none, and those that nobody knows are told
apart by their content. Records of the same content stand for each other.

A base takes only its collaborators. Where a record that names people is refused, it is sent without one after the other
of those whom the base has not taken yet: who has to be left out is a stranger to it, and nobody else.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from datetime import UTC, datetime
from itertools import chain, combinations, islice
from typing import Any

import requests
from pyairtable import Base

from tasks.crm.arkiv.felt import PEOPLE, as_written, canonical, fields_of, is_plain
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.parring import Parring
from tasks.crm.arkiv.verifisering import Arkiv, as_json
from tasks.crm.chunks import CHUNK
from tasks.crm.client import error_kind, is_uncertain, readable_errors
from tasks.crm.sync.listing import pages
from tasks.crm.sync.writing import OF_ONE_ROW, SETTLE_S
from tasks.errors import AirtableError, ConfigError

JSON = dict[str, Any]
Sleep = Callable[[float], None]
MOST_BYTES = 2_000_000
"""Of one request; ten records may hold long texts."""
TELL_EVERY = 500
MOST_TRIES = 60
"""Requests for one record with ever fewer people; after them it is made without all who are not known to the base."""


class Postskriver:
    """Makes the records of a backup in a base, without links and files.

    Attributes
    ----------
    strangers
        Ids of people whom the base does not take, as far as this run has met them.
    """

    def __init__(
        self, arkiv: Arkiv, base: Base, parring: Parring, journal: Journal, *, sleep: Sleep = time.sleep
    ) -> None:
        self._arkiv, self._base, self._parring, self._journal = arkiv, base, parring, journal
        self._sleep = sleep
        self._fields: dict[str, JSON] = {}
        self.strangers: set[str] = set()
        self._taken: set[str] = set()

    def make(self, table: JSON, say: Callable[[str], None]) -> None:
        """Make the records of a table that are not there yet, those made first first.

        Raises
        ------
        AirtableError
            When Airtable refuses a record, by its id in the backup; what was made stays, and the same again goes on.
        """
        self._fields = {i: f for i, f in fields_of(table).items() if is_plain(f) and i in self._parring.fields}
        done = 0
        with readable_errors(f"making records of {table['name']}"):
            for some in self._todo(table):
                self._create(table, some)
                done += len(some)
                if done % TELL_EVERY < len(some) and done >= TELL_EVERY:
                    say(f"{table['name']}: {done:,} records made")

    def settle(self, tables: Sequence[JSON]) -> None:
        """Find out what became of a request whose answer the last restore did not see."""
        if self._journal.sending is None:
            return
        table_id, ids, when = self._journal.sending
        table = next(t for t in tables if t["id"] == table_id)
        self._fields = {i: f for i, f in fields_of(table).items() if is_plain(f) and i in self._parring.fields}
        self._sleep(max(0.0, SETTLE_S - (datetime.now(UTC) - when).total_seconds()))
        wanted = set(ids)
        self._found(table, [r for r in self._arkiv.records(table_id) if r["id"] in wanted])

    def _todo(self, table: JSON) -> Iterator[list[JSON]]:
        """Yield the records to make, at most ten and `MOST_BYTES` at a time."""
        some, size = list[JSON](), 0
        for record in self._arkiv.records(table["id"]):
            if record["id"] in self._journal.posts:
                continue
            weighs = len(as_json(record["fields"]).encode("utf-8", "surrogatepass"))
            if some and (len(some) == CHUNK or size + weighs > MOST_BYTES):
                yield some
                some, size = [], 0
            some.append(record)
            size += weighs
        if some:
            yield some

    def _create(self, table: JSON, some: list[JSON]) -> None:
        try:
            self._send(table, some)
        except requests.HTTPError as error:
            if error_kind(error) not in OF_ONE_ROW:
                raise
            self._journal.made({})
            for record in some:
                self._create_one(table, record)

    def _create_one(self, table: JSON, record: JSON) -> None:
        """Make one record; when it is refused and names people, without the fewest of them that helps."""
        unsure = sorted(self._people(record) - self.strangers - self._taken)
        fewer = islice(chain.from_iterable(combinations(unsure, n) for n in range(len(unsure))), MOST_TRIES)
        kind = ""
        is_exact = 2 ** len(unsure) <= MOST_TRIES
        for left_out, is_found in chain(((some, True) for some in fewer), [(tuple(unsure), is_exact)]):
            try:
                self._send(table, [record], without=self.strangers.union(left_out))
            except requests.HTTPError as error:
                if (kind := error_kind(error)) not in OF_ONE_ROW:
                    raise
                self._journal.made({})
            else:
                self.strangers.update(left_out if is_found else ())
                return
        raise AirtableError(
            f"making records of {table['name']}: Airtable refuses the record {record['id']} of the backup ({kind}). "
            "What was made stays; run again when the table takes it."
        )

    def _send(self, table: JSON, some: list[JSON], *, without: Set[str] | None = None) -> None:
        """Send a create; when its answer is lost, look whether it was carried out, and send it again if not."""
        without = self.strangers if without is None else without
        sent = [self._cells(record, without) for record in some]
        left_out = {r["id"]: sorted(people) for r in some if (people := self._people(r) & without)}
        self._journal.send(table["id"], [record["id"] for record in some], without=left_out)
        for is_last in (False, True):
            try:
                made = self._base.table(self._parring.tables[table["id"]]).batch_create(sent)
            except requests.RequestException as error:
                if is_last or not is_uncertain(error):
                    raise
                self._sleep(SETTLE_S)
                if self._found(table, some):
                    break
                self._journal.send(table["id"], [record["id"] for record in some], without=left_out)
            else:
                if len(made) != len(some):
                    raise AirtableError(
                        f"making records of {table['name']}: the answer names {len(made)} of {len(some)} records. Run "
                        "again: the table is looked through then."
                    )
                self._journal.made({one["id"]: new["id"] for one, new in zip(some, made, strict=True)})
                break
        self._taken.update(*(self._people(record) - without for record in some))

    def _found(self, table: JSON, some: list[JSON]) -> bool:
        """Look in the base for the records of a request, note what became of them, and return True when made."""
        known, strays = set(self._journal.posts.values()), list[JSON]()
        for page in pages(self._base, self._parring.tables[table["id"]], begin=strays.clear):
            strays += [dict(record) for record in page if record["id"] not in known]
        self._journal.made(self._matched(some, strays) if strays else {})
        return bool(strays)

    def _matched(self, some: list[JSON], made: list[JSON]) -> dict[str, str]:
        """Return id in the backup → id in the base, by content.

        Raises
        ------
        ConfigError
            When the records are others than those sent.
        """
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for record in made:
            cells = {i: record["fields"].get(new) for i, new in self._parring.fields.items() if i in self._fields}
            groups[self._content(cells, people=False)].append((self._content(cells, people=True), record["id"]))
        ours: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for record in some:
            cells = record["fields"]
            ours[self._content(cells, people=False)].append((self._content(cells, people=True), record["id"]))
        if {k: len(v) for k, v in groups.items()} != {k: len(v) for k, v in ours.items()}:
            raise ConfigError(
                f"The base {self._base.id} holds records that the restore did not make: somebody works in it. Nothing "
                "more was written. Delete their records, or begin anew with another empty base."
            )
        # sorted by people and stable: those of the same content keep the order they were sent in
        pairs = [
            (one, twin)
            for key, mine in ours.items()
            for (_, one), (_, twin) in zip(
                sorted(mine, key=lambda p: p[0]), sorted(groups[key], key=lambda p: p[0]), strict=True
            )
        ]
        return dict(pairs)

    def _content(self, cells: JSON, *, people: bool) -> str:
        return as_json(
            {
                i: canonical(self._fields[i], v)
                for i, v in cells.items()
                if i in self._fields
                and (self._fields[i]["type"] in PEOPLE) is people
                and canonical(self._fields[i], v) is not None
            }
        )

    def _cells(self, record: JSON, without: Set[str]) -> JSON:
        """Return the cells of a record by field id of the base, but for links, files and people who are not there."""
        cells = {}
        for i, value in record["fields"].items():
            field = self._fields.get(i)
            if field is None or (field["type"] in PEOPLE and (value := _but(field, value, without)) is None):
                continue
            cells[self._parring.fields[i]] = as_written(field, value)
        return cells

    def _people(self, record: JSON) -> set[str]:
        found = set()
        for i, value in record["fields"].items():
            if i in self._fields and self._fields[i]["type"] in PEOPLE:
                found |= {one["id"] for one in (value if isinstance(value, list) else [value])}
        return found


def _but(field: JSON, value: Any, without: Set[str]) -> Any:
    """Return the people of a cell but for some; None when nobody is left."""
    if field["type"] == "singleCollaborator":
        return None if value["id"] in without else value
    return [one for one in value if one["id"] not in without] or None
