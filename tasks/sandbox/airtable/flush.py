"""What makes written bytes outlive a power cut: one call to the system for all threads that wait for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class Flush:
    """Brings onto the disk what was written to a file.

    A thread notes what it wrote with `wrote`, and waits in `settle` until it is there. While one thread's call to the
    system runs, others write on; the next call is for all of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR)
        self._calling = threading.Lock()
        self._written = self._settled = 0
        self._failed: OSError | None = None

    def wrote(self) -> None:
        """Note that something was written; by one thread at a time."""
        self._written += 1

    def settle(self) -> None:
        """Return when all that was written before is on the disk.

        Raises
        ------
        OSError
            When the disk refused, now or ever before: what it then forgot, it does not say when asked again.
        """
        mine = self._written
        if self._settled >= mine:
            return
        with self._calling:
            if self._settled >= mine:
                return
            if self._failed is None:
                reached = self._written
                try:
                    os.fsync(self._file)
                except OSError as error:
                    self._failed = error
                else:
                    self._settled = reached
                    return
            raise OSError(self._failed.errno, f"{self._path}: the disk did not keep what was written; start anew.")

    def close(self) -> None:
        """Let the file go; whoever wrote to it has settled, or brings it onto the disk otherwise."""
        with self._calling:
            self._settled = self._written
            os.close(self._file)
