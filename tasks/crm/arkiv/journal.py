"""The journal of a restore: what has been made in the base, written down as it is answered, so that it can go on.

One line of JSON each, beside the backup: gjenoppretting-<base id>.jsonl. What is about to be sent stands there before
it leaves: where its answer is lost, the base is asked. A line that was broken off by a kill says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.crm.arkiv.mappe import flush, make_folder, refused
from tasks.crm.arkiv.verifisering import Arkiv
from tasks.errors import BackupError, ConfigError

JSON = dict[str, Any]
FORM = 1


class Journal:
    """What a restore of one backup into one base has made.

    Attributes
    ----------
    posts
        Record id in the backup → id in the base.
    without
        Record of the backup that was made without people whom the base does not take → their ids.
    sending
        Table and record ids of the backup of a request whose answer is not known, and when it left; or None.
    linked
        Table of the backup → how many of its records with links have theirs.
    loaded
        Record and field of the backup → how many files were uploaded.
    loading
        Record and field of an upload whose answer is not known, and when it left; or None.
    refused
        Record, field and attachment of the backup that Airtable refused → its type of refusal.
    """

    def __init__(self, path: Path, header: JSON) -> None:
        self.path, self._header = path, header
        self.posts: dict[str, str] = {}
        self.without: dict[str, list[str]] = {}
        self._sent_without: dict[str, list[str]] = {}
        self.sending: tuple[str, list[str], datetime] | None = None
        self.linked: dict[str, int] = {}
        self.loaded: dict[tuple[str, str], int] = {}
        self.loading: tuple[str, str, datetime] | None = None
        self.refused: dict[tuple[str, str, str], str] = {}
        self.exists = False
        self._whole = 0
        self._read()

    @classmethod
    def of(cls, arkiv: Arkiv, base_id: str) -> Journal:
        """Return the journal of restoring a backup into a base; empty when it has not begun.

        Raises
        ------
        ConfigError
            When another backup was restored into the base.
        BackupError
            When the journal is damaged.
        """
        path = arkiv.folder.parent / f"gjenoppretting-{base_id}.jsonl"
        return cls(path, {"form": FORM, "backup": arkiv.folder.name, "fra": arkiv.manifest.base, "til": base_id})

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise refused(error, self.path) from None
        whole = data[: data.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            if lines and lines[0] != self._header:
                raise ConfigError(
                    f"{self.path}: another backup ({lines[0].get('backup')}) was restored into this base. Go on with "
                    "that one, or take another empty base."
                )
            for line in lines[1:]:
                self._take(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise BackupError(
                f"{self.path}: is damaged. Delete all records of the base and this file, and begin anew."
            ) from None
        self.exists = bool(lines)
        self._whole = len(whole)

    def _take(self, line: JSON) -> None:
        match line:
            case {"sender": table, "poster": list(ids), "tid": when}:
                self.sending = (table, ids, datetime.fromisoformat(when))
                self._sent_without = {record: list(people) for record, people in line.get("uten", {}).items()}
            case {"laget": dict(made)}:
                self.posts.update(made)
                self.without.update({r: people for r, people in self._sent_without.items() if r in made})
                self.sending = None
            case {"lenket": table, "poster": int(count)}:
                self.linked[table] = count
            case {"laster": [record, field], "tid": when}:
                self.loading = (record, field, datetime.fromisoformat(when))
            case {"lastet": [record, field], "filer": int(count)}:
                self.loaded[record, field] = count
                self.loading = None
            case {"avvist": [record, field, attachment], "grunn": reason}:
                self.refused[record, field, attachment] = str(reason)
                self.loading = None
            case _:
                raise ValueError(line)

    # --- what is written ---

    def mend(self) -> None:
        """Cut off a last line that was broken off; only while no other restore may write."""
        try:
            if self.path.exists():
                os.truncate(self.path, self._whole)
        except OSError as error:
            raise refused(error, self.path) from None

    def begin(self) -> None:
        """Write the first line, unless it is there."""
        if not self.exists:
            make_folder(self.path.parent)
            self._append(self._header)
            self.exists = True

    def send(self, table_id: str, ids: Sequence[str], *, without: Mapping[str, Sequence[str]]) -> None:
        """Note that records are about to be made, some of them without people."""
        more = {"uten": {record: list(people) for record, people in without.items()}} if without else {}
        self._note({"sender": table_id, "poster": list(ids), "tid": _now(), **more})

    def made(self, ids: Mapping[str, str]) -> None:
        """Note which records were made, or with none that those about to be were not."""
        self._note({"laget": dict(ids)})

    def link(self, table_id: str, count: int) -> None:
        """Note how many records of a table have their links."""
        self._note({"lenket": table_id, "poster": count})

    def load(self, record: str, field: str) -> None:
        """Note that a file is about to be uploaded."""
        self._note({"laster": [record, field], "tid": _now()})

    def load_done(self, record: str, field: str, count: int) -> None:
        """Note how many files of a cell are there."""
        self._note({"lastet": [record, field], "filer": count})

    def refuse(self, record: str, field: str, attachment: str, *, reason: str) -> None:
        """Note that Airtable does not take a file, so that it is not sent again."""
        self._note({"avvist": [record, field, attachment], "grunn": reason})

    def uploads(self, record: str, field: str, files: Sequence[JSON], *, most: int) -> list[JSON]:
        """Return those files of a cell of the backup that an upload brings there: bytes, small enough, not refused."""
        return [
            f for f in files
            if f["sha256"] is not None and f["size"] <= most and (record, field, f["id"]) not in self.refused
        ]  # fmt: skip

    def _note(self, line: JSON) -> None:
        self._append(line)
        self._take(line)

    def _append(self, line: JSON) -> None:
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
                flush(file)
        except OSError as error:
            raise refused(error, self.path) from None


def _now() -> str:
    return datetime.now(UTC).isoformat()
