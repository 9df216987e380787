"""A small text file under geodata/, replaced whole: a reader sees the old one or the new one, never half."""

from __future__ import annotations

from pathlib import Path

from tasks.errors import StoreError
from tasks.fil import write_whole


def replace_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 beside its place, and move it there.

    Raises
    ------
    StoreError
        When the disk refuses; the file stays as it was.
    """
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}. Check the folder, or set TOMT_GEODATA.") from None
