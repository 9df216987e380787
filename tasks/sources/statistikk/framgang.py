"""Framgang: tells the steps of work that goes on in several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

Framgang = Callable[[str, int, int], None]
"""What is done now, steps done, steps in all; called from several threads, one at a time."""


class Steps:
    """Steps that are counted as they end."""

    def __init__(self, progress: Framgang | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self._lock = threading.Lock()

    def tell(self, what: str) -> None:
        """Tell what is done now."""
        if self._progress is not None:
            with self._lock:
                self._progress(what, self._done, self._total)

    def step(self, what: str) -> Step:
        """Return the context of one step."""
        return Step(self, what)

    def end(self, what: str) -> None:
        """Count a step as done."""
        with self._lock:
            self._done += 1
        self.tell(what)


class Step:
    """One of them, as a context manager."""

    def __init__(self, steps: Steps, what: str) -> None:
        self._steps, self._what = steps, what

    def __enter__(self) -> None:
        self._steps.tell(self._what)

    def __exit__(self, *_: object) -> None:
        self._steps.end(self._what)
