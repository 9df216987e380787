"""Whose turn it is: one thread at a time works on the bases, and time stands still for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Turn:
    """A lock for one thread at a time, again and again by the same; while it is held, time stands still.

    Parameters
    ----------
    after
        Called at the end of each turn, when the next thread may have its own.

    Attributes
    ----------
    clock
        The time when nobody holds it.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, after: Callable[[], object] = lambda: None) -> None:
        self.clock = clock
        self._after = after
        self._lock, self._depth = threading.RLock(), 0
        self._moment: datetime | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        is_over = not self._depth
        if is_over:
            self._moment = None
        self._lock.release()
        if is_over:
            self._after()

    def now(self) -> datetime:
        """Return the time: within a turn, that of the first look at the clock."""
        self._lock.acquire()
        try:
            if not self._depth:
                return self.clock()
            if self._moment is None:
                self._moment = self.clock()
            return self._moment
        finally:
            self._lock.release()
