"""Lines: a packed file with a JSON object a line, written with its digest and read within bounds."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.mappe import flush, open_new, open_plain
from tasks.errors import BackupError

JSON = dict[str, Any]


class _Measured(io.RawIOBase):
    """Passes bytes on to a file, and keeps their number and digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.size += len(data)
        self.digest.update(data)
        return self._file.write(data)


class Linjefil:
    """A file of lines that is being written.

    Attributes
    ----------
    size, sha256
        Of the packed file; known when it is closed.
    """

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed, self.size, self.sha256 = packed, 0, ""

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one line."""
        self._packed.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
        self._packed.write(b"\n")


@contextmanager
def writing(path: Path) -> Iterator[Linjefil]:
    """Yield a new file to add lines to; it is on the disk when the block ends."""
    with open_new(path) as file:
        measured = _Measured(file)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=measured, mtime=0) as packed:
            lines = Linjefil(packed)
            yield lines
        flush(file)
        lines.size, lines.sha256 = measured.size, measured.digest.hexdigest()


def read(path: Path) -> Iterator[JSON]:
    """Yield the objects of a file.

    Raises
    ------
    BackupError
        When it is missing, cannot be unpacked, is larger than config/arkiv.toml allows or holds something else; naming
        the file and the line, never the content.
    """
    most = arkiv_regler().lesing
    total = 0
    with open_plain(path) as file, gzip.GzipFile(fileobj=file, mode="rb") as packed:
        number = 0
        while line := _next(packed, path, most.maks_linje_byte + 1):
            number, total = number + 1, total + len(line)
            if len(line) > most.maks_linje_byte or total > most.maks_fil_byte:
                raise BackupError(
                    f"{path}: unpacks to more than a backup holds (line {number}); the limits stand in [lesing] of "
                    "config/arkiv.toml."
                )
            yield as_object(line, f"{path}: line {number}")


def _next(packed: gzip.GzipFile, path: Path, most: int) -> bytes:
    try:
        return packed.readline(most)
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{path}: cannot be unpacked to its end ({type(error).__name__}): it is damaged.") from None


def as_object(data: bytes, where: str) -> JSON:
    """Return a JSON object.

    Raises
    ------
    BackupError
        When it is none; `where` says where it stands.
    """
    try:
        found = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BackupError(f"{where} is no JSON object.")
    return found
