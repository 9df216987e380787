"""Waiting for a state, however slow the machine: nothing is asserted of what may still be on its way."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 300.0
"""Costs nothing when all is well: a wait ends as soon as the state is there."""
POLL_S = 0.1


class NotYetError(Exception):
    """What was looked for could not be read this time."""


def eventually(
    predicate: Callable[[], T],
    *,
    ignored: tuple[type[Exception], ...] = (),
    shown: Callable[[], str] = lambda: "",
    within_s: float = PATIENCE_S,
) -> T:
    """Ask until the answer is true, and return it; fail with the predicate's text, its last answer and `shown`."""
    deadline = time.monotonic() + within_s
    last: object
    while True:
        try:
            last = found = predicate()
            if found:
                return found
        except (NotYetError, *ignored) as error:
            last = error
        if time.monotonic() > deadline:
            wanted = inspect.getsource(predicate).strip()
            raise AssertionError(f"not within {within_s:.0f} s: {wanted}\nlast answer: {last!r}\n{shown()}")
        time.sleep(POLL_S)
