"""Comparison: does a base hold what a backup holds – tables, fields, values, links and the bytes of attachments.

Records are compared by the ids that a restore has given them, in a base of its own name by their own. What its journal
says was left out – people, refused files – is counted, and no difference. What Airtable computes is left out, as is
when a record was made. Of a link the field that was written is compared with its order, the
other end as a set that follows from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from pyairtable import Base

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.backup import schema_of
from tasks.crm.arkiv.felt import FILES, LINK, PEOPLE, canonical, fields_of, links_in, looks
from tasks.crm.arkiv.filer import NAMELESS, UNTYPED
from tasks.crm.arkiv.henting import Fetcher, NotFetchedError
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.opplisting import Mellomfil
from tasks.crm.arkiv.parring import Parring, pair
from tasks.crm.arkiv.verifisering import Arkiv, as_json
from tasks.crm.sync.listing import pages

JSON = dict[str, Any]
MOST_NAMED = 20
REFUSED = "attachments that Airtable refused"


@dataclass
class Sammenligning:
    """What was compared, and what differs.

    Attributes
    ----------
    poster, lenker, vedlegg
        How many were found as they were.
    forskjeller
        Differences: how many, and the first of them by table, record id in the backup and field.
    merknader
        What looks otherwise and holds the same: colours, formats, descriptions, the primary field.
    for_haand
        What no restore brings back, kind → how many: files that are too large or have no bytes, files that Airtable
        has refused, people whom the base does not take.
    """

    poster: int = 0
    lenker: int = 0
    vedlegg: int = 0
    antall: int = 0
    forskjeller: list[str] = field(default_factory=list)
    merknader: list[str] = field(default_factory=list)
    for_haand: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def differ(self, what: str) -> None:
        """Note a difference."""
        self.antall += 1
        if len(self.forskjeller) < MOST_NAMED:
            self.forskjeller.append(what)


def compare(arkiv: Arkiv, base: Base, posts: Mapping[str, str], *, journal: Journal, endpoint: str) -> Sammenligning:
    """Compare a backup with a base; reads every record of the base, and the bytes of every attachment.

    Parameters
    ----------
    posts
        Record id in the backup → id in the base.
    journal
        Of the restore: what it has left out. Empty for a base that nothing was restored into.
    endpoint
        Address of the Web API.

    Raises
    ------
    AirtableError
        When Airtable refuses.
    """
    found, there = Sammenligning(), schema_of(base)
    parring = pair(arkiv.tables, there)
    _compare_schema(arkiv, there, parring, found)
    with Fetcher(endpoint, arkiv_regler().vedlegg) as fetcher:
        ends = _other_ends(arkiv, parring)
        for table in arkiv.tables:
            if table["id"] in parring.tables:
                one = _Tabell(base, table, parring, posts, found, journal=journal, fetcher=fetcher)
                with closing(Mellomfil(arkiv.folder.parent)) as listed:
                    one.compare(arkiv, listed, ends)
    return found


def _compare_schema(arkiv: Arkiv, there: Sequence[JSON], parring: Parring, found: Sammenligning) -> None:
    for table in parring.new_tables:
        found.differ(f"{table['name']} is missing as a table")
    for table, one in parring.new_fields:
        if table["id"] in parring.tables:
            found.differ(f"{table['name']}.{one['name']} is missing as a field")
    for table_id, field_id, one in parring.renames:
        found.differ(f"field {field_id} of table {table_id} is not called {one['name']}")
    for refusal in parring.refusals:
        found.differ(refusal)
    fields = {f["id"]: f for t in there for f in t["fields"]}
    primary = {t["id"]: fields.get(t["primaryFieldId"]) for t in there}
    for table in arkiv.tables:
        for one in table["fields"]:
            twin = fields.get(parring.fields.get(one["id"], ""))
            if twin is not None and looks(one) != looks(twin):
                found.merknader.append(f"{table['name']}.{one['name']} looks or is described otherwise")
        theirs = primary.get(parring.tables.get(table["id"], ""))
        if theirs is not None and not _is_primary(theirs, table, parring):
            found.merknader.append(f"{table['name']} has another primary field")


def _is_primary(theirs: JSON, table: JSON, parring: Parring) -> bool:
    """Return True for the field that stands for the primary one of the backup: by name for one that is not paired."""
    ours = table["primaryFieldId"]
    if ours in parring.fields:
        return bool(parring.fields[ours] == theirs["id"])
    name = next((f["name"] for f in table["fields"] if f["id"] == ours), "")
    return bool(name.casefold() == theirs["name"].casefold())


def _other_ends(arkiv: Arkiv, parring: Parring) -> dict[str, dict[str, list[str]]]:
    """Return field at the other end → record → records that link to it, as the written fields say."""
    ends: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for table in arkiv.tables:
        written = {i: f for i, f in fields_of(table).items() if parring.ends.get(i) is not None}
        if not written:
            continue
        for record in arkiv.records(table["id"]):
            for i, targets in links_in(written, record["fields"]):
                for target in targets:
                    ends[str(parring.ends[i])][target].append(record["id"])
    return ends


class _Tabell:
    """One table that is being compared."""

    def __init__(
        self,
        base: Base,
        table: JSON,
        parring: Parring,
        posts: Mapping[str, str],
        found: Sammenligning,
        *,
        journal: Journal,
        fetcher: Fetcher,
    ) -> None:
        self._base, self._table, self._parring, self._found = base, table, parring, found
        self._posts, self._journal, self._fetcher = posts, journal, fetcher
        self._old = {new: old for old, new in posts.items()}
        self._fields = {i: f for i, f in fields_of(table).items() if i in parring.fields}

    def compare(self, arkiv: Arkiv, listed: Mellomfil, ends: Mapping[str, Mapping[str, list[str]]]) -> None:
        """Compare all records of the table; those of the base go through a file, since a base is large."""
        self._list(listed)
        for record in arkiv.records(self._table["id"]):
            there = listed.pop(record["id"])
            if there is None:
                self._found.differ(f"{self._table['name']}: record {record['id']} is missing")
                continue
            for i in self._fields:
                self._compare_cell(i, record, there["fields"].get(i), ends)
            self._found.poster += 1
        for stranger in listed.left():
            self._found.differ(f"{self._table['name']}: record {stranger} is not in the backup")

    def _list(self, listed: Mellomfil) -> None:
        """List the table of the base by ids of the backup, with the digests of its files."""
        names = {new: old for old, new in self._parring.fields.items()}
        there = self._parring.tables[self._table["id"]]
        for page in pages(self._base, there, navn=self._table["name"], begin=listed.restart):
            for record in page:
                cells = {names[i]: self._by_old(names[i], v) for i, v in record["fields"].items() if i in names}
                listed.add({**record, "id": self._old.get(record["id"]) or record["id"], "fields": cells})

    def _by_old(self, i: str, value: Any) -> Any:
        """Return a cell with links by ids of the backup, and files as they are compared."""
        kind = self._fields[i]["type"]
        if kind == LINK:
            return [self._old.get(target, target) for target in value]
        return [self._measured(a) for a in value] if kind == FILES else value

    def _measured(self, attachment: JSON) -> list[str]:
        """Return name, type and sha256 of a file; its bytes are fetched while its address is good."""
        try:
            sha256 = self._fetcher.fetch(attachment.get("url"), attachment.get("size", -1)).sha256
        except NotFetchedError as error:
            sha256 = f"could not be fetched: {error}"
        return [*_called(attachment), sha256]

    def _compare_cell(self, i: str, record: JSON, there: Any, ends: Mapping[str, Mapping[str, list[str]]]) -> None:
        field, value = self._fields[i], record["fields"].get(i)
        if field["type"] == FILES:
            is_same = self._same_files(i, record["id"], value or [], there or [])
        elif field["type"] == LINK:
            is_same = self._same_links(i, record["id"], value or [], there or [], ends=ends)
        elif field["type"] in PEOPLE:
            is_same = self._same_people(record["id"], canonical(field, value), canonical(field, there))
        else:
            is_same = as_json(canonical(field, value)) == as_json(canonical(field, there))
        if not is_same:
            self._found.differ(f"{self._table['name']}: record {record['id']}, field {field['name']}")

    def _same_files(self, i: str, record: str, files: list[JSON], there: list[list[str]]) -> bool:
        """Return True when the uploads are there in their order, and after them only what a person has brought back."""
        uploads = self._journal.uploads(record, i, files, most=arkiv_regler().vedlegg.maks_opplasting_byte)
        if there != [_as_compared(f) for f in files]:  # a person may have put the whole cell in order
            if there[: len(uploads)] != [_as_compared(f) for f in uploads]:
                return False
            lacking = [f for f in files if f not in uploads]
            for one in there[len(uploads) :]:
                twin = next((f for f in lacking if _as_compared(f) == one), None)
                if twin is None:
                    return False
                lacking.remove(twin)
            for file in lacking:
                is_refused = (record, i, file["id"]) in self._journal.refused
                self._found.for_haand[REFUSED if is_refused else "attachments"] += 1
        self._found.vedlegg += len(there)
        return True

    def _same_links(
        self, i: str, record: str, targets: list[str], there: list[str], *, ends: Mapping[str, Mapping[str, list[str]]]
    ) -> bool:
        if i in self._parring.ends:
            wanted = [target for target in targets if target in self._posts]
            self._found.lenker += len(wanted)
            return wanted == there
        return sorted(ends.get(i, {}).get(record, [])) == sorted(there)

    def _same_people(self, record: str, people: Any, there: Any) -> bool:
        wanted = set(people if isinstance(people, list) else [people] if people else [])
        have = set(there if isinstance(there, list) else [there] if there else [])
        left_out = (wanted - have) & set(self._journal.without.get(record, ()))
        self._found.for_haand["people"] += len(left_out)
        return have | left_out == wanted


def _as_compared(file: JSON) -> list[Any]:
    """Return name, type and sha256 of a file of the backup."""
    return [*_called(file), file["sha256"]]


def _called(attachment: JSON) -> tuple[str, str]:
    """Return name and type of a file, as an upload has them."""
    return str(attachment.get("filename") or NAMELESS), str(attachment.get("type") or UNTYPED)
