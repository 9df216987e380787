"""Framgang: how far a run of the ranking has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]
"""What is done now, steps done, steps in all."""

FETCH = 8
"""How many of the other steps fetching takes as long as."""


@dataclass
class Framgang:
    """Tells each step as it begins: fetching is most of a run, and counts for itself.

    Attributes
    ----------
    steps
        Those after the fetching.
    """

    tell: Progress
    steps: int
    done: int = 0

    def fetching(self, what: str, done: int, of: int) -> None:
        """Tell how far the fetching has come."""
        self.tell(what, int(100 * FETCH * done / max(of, 1)), self._all)

    def next(self, what: str) -> None:
        """Tell that the next step begins."""
        self.tell(what, 100 * (FETCH + self.done), self._all)
        self.done += 1

    def end(self) -> None:
        """Tell that all is done."""
        self.tell("Ferdig", self._all, self._all)

    @property
    def _all(self) -> int:
        return 100 * (FETCH + self.steps)
