"""Files of a backup in a base: uploaded in the order in which a cell had them, each once.

An upload adds a file to a cell. Where its answer is lost, the cell is read, and what stands in it is counted. A file
that Airtable refuses is left to a person, and not sent again.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime

import requests
from pyairtable import Base, Table

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.felt import fields_of, files_in
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.mappe import open_plain
from tasks.crm.arkiv.parring import Parring
from tasks.crm.arkiv.poster import JSON, Sleep
from tasks.crm.arkiv.verifisering import Arkiv
from tasks.crm.client import error_kind, is_uncertain, readable_errors
from tasks.crm.sync.writing import MOST_REFUSED, SETTLE_S
from tasks.errors import AirtableError, BackupError

NAMELESS, UNTYPED = "vedlegg", "application/octet-stream"
"""Of a file that has lost its name or type: an upload needs both."""
TELL_EVERY = 50
NOT_TAKEN = frozenset({413, 415, 422})
"""Answers that are about the file that was sent."""


class Filskriver:
    """Uploads the files of a backup.

    Attributes
    ----------
    left
        What a person has to bring back: table, record id in the base, field, and where the bytes lie, if they do.
    """

    def __init__(
        self, arkiv: Arkiv, base: Base, parring: Parring, journal: Journal, *, sleep: Sleep = time.sleep
    ) -> None:
        self._arkiv, self._base, self._parring, self._journal = arkiv, base, parring, journal
        self._sleep = sleep
        self._done = self._refused = 0
        self.left: list[str] = []

    def upload(self, table: JSON, say: Callable[[str], None]) -> None:
        """Upload the files of a table that are not there yet.

        Raises
        ------
        AirtableError
            When Airtable refuses; the same again goes on.
        """
        fields = {i: f for i, f in fields_of(table).items() if i in self._parring.fields}
        with readable_errors(f"uploading attachments of {table['name']}"):
            for record in self._arkiv.records(table["id"]):
                for field_id, files in files_in(fields, record["fields"]):
                    self._upload_cell(table, record["id"], field_id, files=files, say=say)
                    self._tell_left(table, record["id"], fields[field_id], files=files)

    def _tell_left(self, table: JSON, record: str, field: JSON, *, files: list[JSON]) -> None:
        """Note what of a cell a person has to bring back."""
        where = f"{table['name']}, record {self._journal.posts[record]}, field {field['name']}"
        for file in files:
            reason = self._journal.refused.get((record, field["id"], file["id"]))
            if file["sha256"] is None:
                self.left.append(f"{where}: the backup has no bytes of an attachment")
            elif reason is not None or file["size"] > arkiv_regler().vedlegg.maks_opplasting_byte:
                path, kind = self._arkiv.vedlegg.of(file["sha256"]), file.get("type") or UNTYPED
                why = f"; Airtable refuses it ({reason})" if reason is not None else ""
                self.left.append(f"{where}: add {path} by hand, {file['size']:,} bytes ({kind}){why}")

    def _upload_cell(
        self, table: JSON, record: str, field: str, *, files: list[JSON], say: Callable[[str], None]
    ) -> None:
        self._settle(table, record, field)
        usable = self._journal.uploads(record, field, files, most=arkiv_regler().vedlegg.maks_opplasting_byte)
        for file in usable[self._journal.loaded.get((record, field), 0) :]:
            self._upload(table, record, field, file=file)
            self._done += 1
            if self._done % TELL_EVERY == 0:
                say(f"{self._done:,} attachments uploaded")

    def _settle(self, table: JSON, record: str, field: str) -> None:
        """Find out what became of an upload to this cell whose answer the last restore did not see."""
        if self._journal.loading is not None and self._journal.loading[:2] == (record, field):
            passed = (datetime.now(UTC) - self._journal.loading[2]).total_seconds()
            self._sleep(max(0.0, SETTLE_S - passed))
            self._journal.load_done(record, field, self._count(table, record, field))

    def _upload(self, table: JSON, record: str, field: str, *, file: JSON) -> None:
        before = self._journal.loaded.get((record, field), 0)
        body = self._body(file)
        url = self._table(table).urls.upload_attachment(self._journal.posts[record], self._parring.fields[field])
        for is_last in (False, True):
            self._journal.load(record, field)
            try:
                self._base.api.post(url, json=body)
            except requests.RequestException as error:
                if (
                    isinstance(error, requests.HTTPError)
                    and error.response is not None
                    and (error.response.status_code in NOT_TAKEN)
                ):
                    self._refuse(table, record, field, file=file, error=error)
                    return
                if is_last or not is_uncertain(error):
                    raise
                self._sleep(SETTLE_S)
                if self._count(table, record, field) > before:
                    break
            else:
                break
        self._journal.load_done(record, field, before + 1)

    def _refuse(self, table: JSON, record: str, field: str, *, file: JSON, error: requests.HTTPError) -> None:
        kind = error_kind(error) or str(error.response.status_code)
        self._journal.refuse(record, field, file["id"], reason=kind)
        self._refused += 1
        if self._refused == MOST_REFUSED:
            raise AirtableError(
                f"uploading attachments of {table['name']}: Airtable has refused {MOST_REFUSED} of them ({kind}): look "
                "whether the base is full, or the field is another. The same again goes on with those that follow."
            )

    def _body(self, file: JSON) -> JSON:
        path = self._arkiv.vedlegg.of(file["sha256"])
        with open_plain(path) as opened:
            data = opened.read(file["size"] + 1)
        if len(data) != file["size"]:
            raise BackupError(f"{path}: was changed while the restore ran.")
        return {
            "contentType": file.get("type") or UNTYPED,
            "filename": file.get("filename") or NAMELESS,
            "file": base64.b64encode(data).decode("ascii"),
        }

    def _count(self, table: JSON, record: str, field: str) -> int:
        """Return how many files a cell of the base has."""
        there = self._table(table).get(self._journal.posts[record], use_field_ids=True)
        return len(there["fields"].get(self._parring.fields[field], []))

    def _table(self, table: JSON) -> Table:
        return self._base.table(self._parring.tables[table["id"]])
