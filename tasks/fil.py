"""Fil: a file that is replaced as a whole, so that a reader sees the old one or the new one and never half."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int | None = None, til_disk: bool = False) -> None:
    """Write a file beside its place and move it there; its folder is made where it is missing.

    Parameters
    ----------
    mode
        Permissions that it has from the first byte on; None leaves them to the process's umask.
    til_disk
        Wait until the disk has it: what must survive a power cut.

    Raises
    ------
    OSError
        When the disk refuses; the old file is then still there, and nothing else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # one that a killed process left has permissions of its own
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if til_disk:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):  # the folder may be none
            temporary.unlink(missing_ok=True)
