"""Links of a backup in a base: written in one of their two fields, by the ids that the records have there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyairtable import Base
from pyairtable.api.types import UpdateRecordDict

from tasks.crm.arkiv.felt import fields_of, links_in
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.parring import Parring
from tasks.crm.arkiv.poster import JSON, TELL_EVERY
from tasks.crm.arkiv.verifisering import Arkiv
from tasks.crm.chunks import chunks
from tasks.crm.client import readable_errors


def write_links(
    arkiv: Arkiv, base: Base, table: JSON, *, parring: Parring, journal: Journal, say: Callable[[str], None]
) -> None:
    """Write the links of a table in their order; sent twice, they are the same.

    Links to records that are not in the backup are left out.

    Raises
    ------
    AirtableError
        When Airtable refuses; the same again goes on.
    """
    done = journal.linked.get(table["id"], 0)
    rows = (row for number, row in enumerate(_rows(arkiv, table, parring, journal)) if number >= done)
    with readable_errors(f"writing links of {table['name']}"):
        for some in chunks(rows):
            base.table(parring.tables[table["id"]]).batch_update(some)
            done += len(some)
            journal.link(table["id"], done)
            if done % TELL_EVERY < len(some) and done >= TELL_EVERY:
                say(f"{table['name']}: links of {done:,} records written")


def _rows(arkiv: Arkiv, table: JSON, parring: Parring, journal: Journal) -> Iterator[UpdateRecordDict]:
    written = {i: f for i, f in fields_of(table).items() if i in parring.ends}
    if not written:
        return
    for record in arkiv.records(table["id"]):
        links = {
            parring.fields[i]: [journal.posts[target] for target in targets if target in journal.posts]
            for i, targets in links_in(written, record["fields"])
        }
        if any(links.values()):
            yield {"id": journal.posts[record["id"]], "fields": {i: to for i, to in links.items() if to}}
