"""Listing: the records of a table page by page, as fields by name; a listing that expires starts over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import requests
from pyairtable import Base
from pyairtable.formulas import quoted

from tasks.crm.base import TableIds
from tasks.crm.chunks import chunks
from tasks.crm.client import error_kind, readable_errors
from tasks.crm.diff import Record

log = logging.getLogger("tomt.crm")

EXPIRED = "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"
STARTS = 4
"""How often a listing is begun before it is given up."""
EQ_FIELD = "{{{}}}"
KEYS_A_QUESTION = 50
"""Keys in one formula; Airtable takes 17,000 characters."""


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
    seen: set[str] = set()
    with readable_errors(f"reading {ids.tabell.navn}"):
        for start in range(1, STARTS + 1):
            try:
                for page in base.table(ids.id).iterate(formula=formula, fields=list(name_of)):
                    for record in page:
                        if record["id"] not in seen:  # seen before the listing expired
                            seen.add(record["id"])
                            fields = {name_of[i]: v for i, v in record["fields"].items() if i in name_of}
                            yield Record(record["id"], fields)
                return
            except requests.HTTPError as error:
                if error_kind(error) != EXPIRED or start == STARTS:
                    raise
                log.info("%s: the listing expired; it starts over.", ids.tabell.navn)


def of_kommune(ids: TableIds, kommunenummer: str, *, with_own: bool) -> str:
    """Return the formula of the records of a kommune.

    Parameters
    ----------
    with_own
        Also those without our key, of whatever kommune: people's own, which may lack its number.
    """
    own = f"{EQ_FIELD.format(ids.fields['Kommunenummer'])}={quoted(kommunenummer)}"
    return f"OR({own},{EQ_FIELD.format(ids.fields[ids.tabell.noekkel])}='')" if with_own else own


def of_keys(ids: TableIds, keys: Iterable[str]) -> Iterator[str]:
    """Yield formulas of the records with these keys, `KEYS_A_QUESTION` in each."""
    key = EQ_FIELD.format(ids.fields[ids.tabell.noekkel])
    for some in chunks(sorted(keys), KEYS_A_QUESTION):
        yield f"OR({','.join(f'{key}={quoted(k)}' for k in some)})"


def of_ids(record_ids: Iterable[str]) -> Iterator[str]:
    """Yield formulas of the records with these ids, `KEYS_A_QUESTION` in each."""
    for some in chunks(sorted(record_ids), KEYS_A_QUESTION):
        yield f"OR({','.join(f'RECORD_ID()={quoted(i)}' for i in some)})"


def count(base: Base, ids: TableIds) -> int:
    """Return how many records a table has, whoever made them.

    Raises
    ------
    AirtableError
        As for `records`.
    """
    only_key = TableIds(ids.tabell, ids.id, {ids.tabell.noekkel: ids.fields[ids.tabell.noekkel]})
    return sum(1 for _ in records(base, only_key, ""))
