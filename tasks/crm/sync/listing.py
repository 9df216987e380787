"""Listing: the records of a table page by page; a listing that expires starts over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import requests
from pyairtable import Base
from pyairtable.api.types import RecordDict
from pyairtable.formulas import quoted

from tasks.crm.client import error_kind, readable_errors
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync.diff import Record
from tasks.errors import AirtableError

log = logging.getLogger("tomt.crm")

EXPIRED = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"
STARTS = 4
"""How often a listing is begun before it is given up."""
EQ_FIELD = "{{{}}}"
KEYS_A_QUESTION = 50
MOST_FORMULA = 12_000
"""Characters of one formula; Airtable takes 16,000 of an address, in which letters like ø are written with six."""
PAGE = 100
IDLE_PAGES = 3
"""Pages that may bring nothing new."""


def records(base: Base, ids: TableIds, formula: str) -> Iterator[Record]:
    """Yield the records that a formula selects, each once.

    Parameters
    ----------
    ids
        Only the fields that it names are asked for.
    formula
        With field ids in braces.

    Raises
    ------
    AirtableError
        When Airtable refuses, or the listing expires `STARTS` times.
    """
    name_of = {i: n for n, i in ids.fields.items()}
    asked: dict[str, Any] = {"fields": list(name_of), **({"formula": formula} if formula else {})}
    for page in pages(base, ids.id, navn=ids.tabell.navn, asked=asked):
        for record in page:
            yield Record(record["id"], {name_of[i]: v for i, v in record["fields"].items() if i in name_of})


def pages(
    base: Base,
    table_id: str,
    *,
    navn: str = "",
    asked: Mapping[str, Any] | None = None,
    begin: Callable[[], None] | None = None,
) -> Iterator[list[RecordDict]]:
    """Yield the records of a table page by page, each once; fields by id.

    Parameters
    ----------
    navn
        What the table is called in errors; else by its id.
    asked
        Options of the listing, such as the fields that are wanted.
    begin
        Called at the start, and again when the listing starts over: what was yielded before counts no more, since it
        may have changed, and comes again. Without, what was yielded stands.

    Raises
    ------
    AirtableError
        When Airtable refuses, the listing does not end, or it expires `STARTS` times.
    """
    navn, seen = navn or f"the table {table_id}", set[str]()
    with readable_errors(f"reading {navn}"):
        for start in range(1, STARTS + 1):
            if begin is not None:
                begin()
                seen.clear()
            try:
                yield from _fresh(base.table(table_id).iterate(**(asked or {})), seen, navn)
                return
            except requests.HTTPError as error:
                if error_kind(error) != EXPIRED or start == STARTS:
                    raise
                log.info("%s: the listing expired; it starts over.", navn)


def _fresh(listed: Iterable[list[RecordDict]], seen: set[str], navn: str) -> Iterator[list[RecordDict]]:
    """Yield what is new of each page; a listing that goes on without bringing anything new is given up.

    Raises
    ------
    AirtableError
        Naming the table.
    """
    idle, known = 0, len(seen)  # a listing that has started over passes what it brought before
    for page in listed:
        fresh = [record for record in page if record["id"] not in seen]
        idle = 0 if fresh else idle + 1
        if idle > IDLE_PAGES + known // PAGE:
            raise AirtableError(f"reading {navn}: the listing does not end. Run again; if it stays so, tell Airtable.")
        seen.update(record["id"] for record in fresh)
        yield fresh


def of_kommune(ids: TableIds, kommunenummer: str, *, with_own: bool) -> str:
    """Return the formula of the records of a kommune.

    Parameters
    ----------
    with_own
        Also those without our key, of whatever kommune: people's own, which may lack its number.
    """
    own = f"{EQ_FIELD.format(ids.fields['Kommunenummer'])}={quoted(kommunenummer)}"
    return f"OR({own},{EQ_FIELD.format(ids.fields[ids.tabell.noekkel])}='')" if with_own else own


def of_keys(ids: TableIds, keys: Iterable[str], felt: str | None = None) -> Iterator[str]:
    """Yield formulas of the records with these keys, or these values of another field."""
    return _any_of(EQ_FIELD.format(ids.fields[felt or ids.tabell.noekkel]), keys)


def of_ids(record_ids: Iterable[str]) -> Iterator[str]:
    """Yield formulas of the records with these ids."""
    return _any_of("RECORD_ID()", record_ids)


def _any_of(what: str, values: Iterable[str]) -> Iterator[str]:
    """Yield formulas of at most `KEYS_A_QUESTION` comparisons and `MOST_FORMULA` characters."""
    parts: list[str] = []
    for value in sorted(values):
        part = f"{what}={quoted(value)}"
        if len(parts) == KEYS_A_QUESTION or sum(map(len, parts)) + len(part) > MOST_FORMULA:
            yield f"OR({','.join(parts)})"
            parts = []
        parts.append(part)
    if parts:
        yield f"OR({','.join(parts)})"


def count(base: Base, ids: TableIds) -> int:
    """Return how many records a table has, whoever made them.

    Raises
    ------
    AirtableError
        As for `records`.
    """
    only_key = TableIds(ids.tabell, ids.id, {ids.tabell.noekkel: ids.fields[ids.tabell.noekkel]})
    return sum(1 for _ in records(base, only_key, ""))
