"""A small text file under geodata/, replaced whole: a reader sees the old one or the new one, never half."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tasks.errors import StoreError


def replace_text(path: Path, text: str) -> None:
    """Write a file in UTF-8 beside its place, and move it there.

    Raises
    ------
    StoreError
        When the disk refuses; the file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):  # in a folder that cannot be made there is none
            temporary.unlink(missing_ok=True)
        raise StoreError(f"{path}: {error.strerror or error}. Check the folder, or set TOMT_GEODATA.") from None
