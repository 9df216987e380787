"""Listing: all records of a table into a file as they come, then in the order in which they were made.

A listing that expires starts over with an empty file: what came before may have changed.
"""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import requests
from pyairtable import Base

from tasks.crm.client import error_kind, readable_errors
from tasks.crm.sync.listing import EXPIRED, IDLE_PAGES, STARTS
from tasks.errors import AirtableError

log = logging.getLogger("tomt.crm")

JSON = dict[str, Any]
Page = list[JSON]


def pages(base: Base, table: JSON, begin: Callable[[], None], *, fields: Iterable[str] | None = None) -> Iterator[Page]:
    """Yield the records of a table page by page, each record once; fields by id.

    Parameters
    ----------
    begin
        Called at the start, and again when the listing starts over: what was yielded before counts no more.
    fields
        Only these, by id; None for all.

    Raises
    ------
    AirtableError
        When Airtable refuses, the listing does not end, or it expires `STARTS` times.
    """
    asked: JSON = {} if fields is None else {"fields": list(fields)}
    with readable_errors(f"reading the table {table['id']}"):
        for start in range(1, STARTS + 1):
            begin()
            seen: set[str] = set()
            try:
                yield from _once(base.table(table["id"]).iterate(**asked), seen, table)
                return
            except requests.HTTPError as error:
                if error_kind(error) != EXPIRED or start == STARTS:
                    raise
                log.info("%s: the listing expired; it starts over.", table["id"])


def _once(listed: Iterable[Any], seen: set[str], table: JSON) -> Iterator[Page]:
    idle = 0
    for page in listed:
        fresh = [record for record in page if record["id"] not in seen]
        idle = 0 if fresh else idle + 1
        if idle > IDLE_PAGES:
            raise AirtableError(f"reading the table {table['id']}: the listing does not end. Run again later.")
        seen.update(record["id"] for record in fresh)
        yield fresh


class Mellomfil:
    """Records of one table on their way: a file without a name, which nothing can leave behind, and where each begins.

    Parameters
    ----------
    folder
        On the disk of the backups.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # it lives as long as this
        self._places: dict[str, tuple[str, int, int]] = {}
        self._end = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._places

    def restart(self) -> None:
        """Forget everything."""
        self._file.seek(0)
        self._file.truncate()
        self._places.clear()
        self._end = 0

    def add(self, record: JSON) -> None:
        """Write a record; all are written before the first is read."""
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._places[record["id"]] = (record["createdTime"], self._end, len(data))
        self._file.write(data)
        self._end += len(data)

    def pop(self, record_id: str) -> JSON | None:
        """Return a record by its id, and hold it for seen; None for one that is not there."""
        place = self._places.pop(record_id, None)
        return None if place is None else self._read(place[1], place[2])

    def left(self) -> Iterator[str]:
        """Yield the ids of the records that were not seen."""
        yield from self._places

    def in_order(self) -> Iterator[JSON]:
        """Yield the records, those made first first."""
        for _, place, size in sorted(self._places.values()):
            yield self._read(place, size)

    def _read(self, place: int, size: int) -> JSON:
        self._file.seek(place)
        record: JSON = json.loads(self._file.read(size).decode("utf-8", "surrogatepass"))
        return record

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
