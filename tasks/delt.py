"""Delt: a small state that the processes of a machine share: one line of a file, under a lock, and a common clock.

The lock is held for reading and writing alone. The clock runs from the boot on, is the same for all processes, and is
set by nobody.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tasks.errors import BusyError, StoreError

LOCK_PATIENCE_S = 30.0
"""The lock is held for milliseconds; whoever holds it longer hangs."""
LOCK_AGAIN_S = 0.005
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_BYTES = 2**20


@dataclass
class Linje:
    """What stands in the file, and what is to stand there.

    Attributes
    ----------
    text
        One line, without its end; empty in a new file.
    """

    text: bytes


@contextmanager
def shared_line(path: Path) -> Iterator[Linje]:
    """Yield the line of a file while no other process may, and write what became of it; an error writes nothing.

    Raises
    ------
    StoreError
        When the file cannot be written.
    BusyError
        When another process holds its lock and does not let go: one that hangs must not hang all others.
    """
    handle = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _lock(handle, path)
        line = Linje(os.pread(handle, MAX_BYTES, 0).split(b"\n", 1)[0])
        yield line
        # one write, ended by a line break: what a longer state left behind it is never read
        os.pwrite(handle, line.text + b"\n", 0)
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}. Check the folder, its permissions and the disk, or set TOMT_GEODATA."
        ) from None
    finally:
        if handle >= 0:
            os.close(handle)


def _lock(handle: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
        else:
            return
        if time.monotonic() > deadline:
            raise BusyError(
                f"{path}: another process has held its lock for {LOCK_PATIENCE_S:.0f} s, and no request "
                f"leaves meanwhile. Find it (`fuser {path}`), end it, and run again."
            )
        time.sleep(LOCK_AGAIN_S)


def since_boot() -> float:
    """Return the seconds since the boot, sleep included; where no boot has a name, the time of day."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if boot() else time.time()


@cache
def boot() -> str:
    """Return the name of this boot; "" where the system gives none."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()[:64] if hasattr(time, "CLOCK_BOOTTIME") else ""
    except (OSError, ValueError):
        return ""
