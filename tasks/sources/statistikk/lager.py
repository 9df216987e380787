"""Lager: SSB's answers as they came, on disk: ``<tabell>/metadata.json`` and ``<tabell>/<stamp>-<question>.json.gz``.

Each file is one JSON object: when it was fetched, the table's own stamp, the question, and the answer untouched. Data
are served for the stamp that they were fetched under and for no other; those of another are deleted when new ones
come. A file that cannot be read is none.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.fil import write_whole

log = logging.getLogger("tomt.sources")

METADATA = "metadata.json"
MAX_FILES = 60
"""Questions that are kept of one table; the oldest go first."""
HEADER_BYTES = 2_000_000
"""What a file holds beside the answer at most: the question, with all its codes."""
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Lagret:
    """An answer on disk.

    Attributes
    ----------
    hentet
        When it came, with time zone.
    oppdatert
        The table's stamp that it was fetched under; "" for metadata.
    svar
        The answer.
    """

    hentet: datetime
    oppdatert: str
    svar: dict[str, Any]


class Lager:
    """The answers in one folder.

    Parameters
    ----------
    maks_bytes
        Of one answer, unpacked; a larger file is none.
    """

    def __init__(self, mappe: Path, *, maks_bytes: int) -> None:
        self._mappe, self._most = mappe, maks_bytes + HEADER_BYTES

    def metadata(self, tabell: str) -> Lagret | None:
        """Return the metadata of a table."""
        return self._read(self._folder(tabell) / METADATA)

    def keep_metadata(self, tabell: str, svar: bytes, *, hentet: datetime) -> None:
        """Keep the metadata of a table; `svar` is JSON."""
        self._write(self._folder(tabell) / METADATA, _wrapped(svar, hentet=hentet))

    def data(self, tabell: str, nokkel: str, *, oppdatert: str) -> Lagret | None:
        """Return the answer to a question, when it is of the stamp `oppdatert`."""
        found = self._read(self._data_path(tabell, nokkel, oppdatert))
        return found if found is not None and found.oppdatert == oppdatert else None

    def keep_data(
        self, tabell: str, nokkel: str, svar: bytes, *, oppdatert: str, hentet: datetime, sporring: object
    ) -> None:
        """Keep the answer to a question, and drop those of other stamps."""
        path = self._data_path(tabell, nokkel, oppdatert)
        content = _wrapped(svar, tabell=tabell, oppdatert=oppdatert, sporring=sporring, hentet=hentet)
        self._write(path, gzip.compress(content, compresslevel=1))
        self._prune(path)

    # --- files ---

    def _folder(self, tabell: str) -> Path:
        return self._mappe / _plain(tabell)

    def _data_path(self, tabell: str, nokkel: str, oppdatert: str) -> Path:
        return self._folder(tabell) / f"{_digest(oppdatert)}-{_plain(nokkel)}.json.gz"

    def _read(self, path: Path) -> Lagret | None:
        try:
            if path.stat().st_size > self._most:
                raise ValueError("larger than an answer may be")
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                content = file.read(self._most + 1)
            if len(content) > self._most:
                raise ValueError("larger than an answer may be")
            data = json.loads(content)
            hentet = datetime.fromisoformat(data["hentet"])
            if hentet.tzinfo is None or not isinstance(data["svar"], dict):
                raise ValueError("not what was written")
            return Lagret(hentet, str(data.get("oppdatert", "")), data["svar"])
        except FileNotFoundError:
            return None
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("%s cannot be read (%s): it is fetched anew", path, type(error).__name__)
            return None

    def _write(self, path: Path, content: bytes) -> None:
        """Write a file; that the disk refuses costs a request next time, not the answer."""
        try:
            write_whole(path, content)
        except OSError as error:
            log.warning("%s could not be kept (%s): it is fetched again next time", path, error.strerror)

    def _prune(self, newest: Path) -> None:
        stamp = newest.name.partition("-")[0]
        try:
            files = [p for p in newest.parent.glob("*.json.gz") if p != newest]
            stale = [p for p in files if p.name.partition("-")[0] != stamp]
            kept = sorted((p for p in files if p not in stale), key=lambda p: p.stat().st_mtime)
            for path in stale + kept[: max(0, len(kept) - MAX_FILES + 1)]:
                path.unlink(missing_ok=True)
        except OSError as error:  # another process prunes too
            log.debug("%s: %s", newest.parent, error)


def _wrapped(svar: bytes, *, hentet: datetime, **more: object) -> bytes:
    """Return an answer, as it came, within the JSON object that says what it is."""
    said = json.dumps({"hentet": hentet.isoformat(), **more}, ensure_ascii=False)
    return said[:-1].encode() + b', "svar": ' + svar.removeprefix(b"\xef\xbb\xbf") + b"}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _plain(name: str) -> str:
    """Return a name that is one part of a path, and another for every other name."""
    return name if PLAIN.fullmatch(name) else f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)[:40]}-{_digest(name)}"
