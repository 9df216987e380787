"""Finding records by what a person types: what they are called, and their lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tasks.sandbox.airtable.pages.cells import name_of
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base

MOST_HITS = 20


class Hit(NamedTuple):
    """A record that was found: its id, and what it is called."""

    id: str
    name: str


def find_records(base: Base, table: Table, text: str) -> list[Hit]:
    """Return the first records whose name or a line of theirs holds a text, those that are called just so before all.

    At most `MOST_HITS`.
    """
    wanted = text.casefold()
    lines = [f["id"] for f in table["fields"] if f["type"] == "singleLineText"]
    named: list[Hit] = []
    found: list[Hit] = []
    for record in base.records[table["id"]]:
        name = name_of(base, table, record)
        if name.casefold() == wanted:
            named.append(Hit(record.id, name))
        elif len(found) < MOST_HITS and (
            wanted in name.casefold() or any(wanted in str(record.cells.get(f, "")).casefold() for f in lines)
        ):
            found.append(Hit(record.id, name))
    return [*named, *found][:MOST_HITS]


def exact(hits: Sequence[Hit], text: str) -> str | None:
    """Return the id of the only record that a text can mean: the only one found, or the only one called so."""
    called = [h for h in hits if h.name.casefold() == text.casefold()]
    for these in (called, hits):
        if len(these) == 1:
            return these[0].id
        if these:
            return None
    return None
