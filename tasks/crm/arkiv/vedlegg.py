"""Attachments of one backup: what the cells name, and its bytes, each content fetched and kept once.

What the last good backup knew under the same id and size is not fetched again. An address is good for some hours: a
further try asks Airtable for the record anew. Addresses are held in memory alone.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyairtable import Base

from config.arkiv import arkiv_regler
from config.settings import Settings
from tasks.crm.arkiv import linjer
from tasks.crm.arkiv.henting import Fetched, Fetcher, NotFetchedError
from tasks.crm.arkiv.manifest import Mangler, Vedleggstall, read_manifest
from tasks.crm.arkiv.mappe import VEDLEGG, Mappe, digest_of, flush
from tasks.crm.client import readable_errors
from tasks.errors import AirtableError, BackupError, StoreError
from tasks.store import MIN_FREE_BYTES

log = logging.getLogger("tomt.crm")
JSON = dict[str, Any]
TELL_EVERY = 100


@dataclass
class _Wanted:
    """An attachment whose bytes are to be fetched: where it stands, and its address as last told."""

    size: int
    table: str
    record: str
    field: str
    url: Any


class Samling:
    """The attachments of one backup.

    Attributes
    ----------
    missing
        Those whose bytes could not be fetched.
    """

    def __init__(self, base: Base, mappe: Mappe, settings: Settings) -> None:
        self._base, self._mappe = base, mappe
        self._endpoint = settings.airtable_url
        self._regler = arkiv_regler().vedlegg
        self._known = _known(mappe)
        self._wanted: dict[str, _Wanted] = {}
        self._digests: dict[str, tuple[int, str]] = {}
        self._named: dict[str, int] = {}
        self._sizeless: dict[str, tuple[str, str]] = {}
        self._unharmed: dict[str, bool] = {}
        self.missing: list[Mangler] = []

    def note(self, attachment: JSON, *, table: str, record: str, field: str) -> JSON:
        """Take an attachment of a cell up, and return what the backup says of it: no address.

        Raises
        ------
        AirtableError
            For one without an id.
        """
        key, size = attachment.get("id"), attachment.get("size")
        if not isinstance(key, str):
            raise AirtableError(f"reading the table {table}: an attachment of the record {record} has no id.")
        if type(size) is not int or size < 0:  # one that Airtable has not taken in yet
            if key not in self._named:
                self._named[key], self._sizeless[key] = 0, (table, record)
        else:
            self._named[key] = size
            self._sizeless.pop(key, None)
            self._want(key, size, _Wanted(size, table, record, field, attachment.get("url")))
        return {name: attachment[name] for name in ("id", "filename", "type") if name in attachment}

    def _want(self, key: str, size: int, wanted: _Wanted) -> None:
        known = self._known.get(key)
        if known is not None and known[0] == size and self._is_there(known[1], size):
            self._digests[key] = known
            self._wanted.pop(key, None)
        else:
            self._digests.pop(key, None)
            self._wanted[key] = wanted

    def fetch_all(self) -> None:
        """Fetch what is not there yet.

        Raises
        ------
        StoreError
            When the disk cannot hold it.
        """
        for key, (table, record) in self._sizeless.items():
            self._miss(key, table, record, reason="Airtable does not know its size yet")
        self._check_space()
        with Fetcher(self._endpoint, self._regler) as fetcher:
            for number, (key, wanted) in enumerate(self._wanted.items(), 1):
                self._fetch(fetcher, key, wanted)
                if number % TELL_EVERY == 0:
                    log.info("backup: %s of %s attachments fetched", number, len(self._wanted))

    def with_digest(self, attachment: JSON) -> JSON:
        """Return what the backup says of an attachment, with size and sha256; None where the bytes did not come.

        Its size is the one last told: a listing that starts over may tell it later than the first cell.
        """
        key = attachment["id"]
        found = self._digests.get(key)
        return {**attachment, "size": self._named[key], "sha256": None if found is None else found[1]}

    def index(self) -> Iterator[JSON]:
        """Yield id, size and sha256 of every attachment."""
        for key, size in sorted(self._named.items()):
            found = self._digests.get(key)
            yield {"id": key, "size": size, "sha256": None if found is None else found[1]}

    def figures(self) -> Vedleggstall:
        """Return how many attachments there are, and how many bytes."""
        different = {sha256: size for size, sha256 in self._digests.values()}
        return Vedleggstall(antall=len(self._named), ulike=len(different), byte=sum(different.values()))

    def _is_there(self, sha256: str, size: int) -> bool:
        """Return True for bytes that lie there unharmed."""
        if sha256 not in self._unharmed and self._mappe.vedlegg.has(sha256, size):
            self._unharmed[sha256] = digest_of(self._mappe.vedlegg.of(sha256)) == (size, sha256)
        return self._unharmed.get(sha256, False)

    def _check_space(self) -> None:
        needed = sum(w.size for w in self._wanted.values() if w.size <= self._regler.maks_byte)
        free = shutil.disk_usage(self._mappe.path).free
        if needed + MIN_FREE_BYTES > free:
            raise StoreError(
                f"{self._mappe.path}: the attachments need {needed / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free. "
                "Free some space, or point TOMT_GEODATA elsewhere."
            )

    def _fetch(self, fetcher: Fetcher, key: str, wanted: _Wanted) -> None:
        reason = ""
        for attempt in range(self._regler.forsoek):
            try:
                if attempt:
                    wanted.url = self._anew(key, wanted)
                found = self._keep(fetcher, key, wanted)
                self._digests[key] = (found.size, found.sha256)
                return
            except NotFetchedError as error:
                reason = str(error)
        self._miss(key, wanted.table, wanted.record, reason=reason)

    def _miss(self, key: str, table: str, record: str, *, reason: str) -> None:
        if key not in {m.vedlegg for m in self.missing}:
            self.missing.append(Mangler(tabell=table, post=record, vedlegg=key, hvorfor=reason))
            log.warning("backup: the attachment %s could not be fetched: %s", key, reason)

    def _keep(self, fetcher: Fetcher, key: str, wanted: _Wanted) -> Fetched:
        store = self._mappe.vedlegg
        with store.new(key) as file:
            found = fetcher.fetch(wanted.url, wanted.size, file)
            flush(file)
            store.keep(key, found.sha256)
        return found

    def _anew(self, key: str, wanted: _Wanted) -> Any:
        """Return the address of an attachment as Airtable tells it now."""
        try:
            with readable_errors(f"reading the record {wanted.record}"):
                record = self._base.table(wanted.table).get(wanted.record, use_field_ids=True)
        except AirtableError:
            raise NotFetchedError("its record cannot be read any more") from None
        cell = record["fields"].get(wanted.field)
        found = [a for a in cell if isinstance(a, dict) and a.get("id") == key] if isinstance(cell, list) else []
        if not found:
            raise NotFetchedError("it was deleted while the backup ran")
        return found[0].get("url")


def _known(mappe: Mappe) -> dict[str, tuple[int, str]]:
    """Return attachment id → size and sha256, as the newest backup that can be read has it."""
    for folder in reversed(mappe.dated()):
        try:
            read_manifest(folder)
            return {str(a["id"]): (int(a["size"]), str(a["sha256"])) for a in _lines(folder) if a.get("sha256")}
        except (BackupError, KeyError, TypeError, ValueError):
            log.warning("%s cannot be read; it is left alone.", folder)
    return {}


def _lines(folder: Path) -> Iterator[JSON]:
    return linjer.read(folder / VEDLEGG)
