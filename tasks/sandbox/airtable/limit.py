"""What a server lets clients ask: so many requests a second and base, and user, then a penalty; so many a month."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from tasks.sandbox.airtable.errors import quota_spent, rate_limited

PENALTY_S = 30.0
PER_USER = 50.0
KEPT_ARRIVALS = 100_000
"""Of each base, the newest."""


class _Window:
    """The requests of the last second, and until when all are refused."""

    def __init__(self, most: float) -> None:
        self._most, self._recent, self._until = most, deque[float](), float("-inf")

    def is_shut(self, now: float) -> bool:
        return now < self._until

    def count(self, now: float, penalty_s: float) -> bool:
        """Count a request, and return False when it is one too many."""
        recent = self._recent
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) + 1 <= self._most:
            recent.append(now)
            return True
        self._until = now + penalty_s
        return False


class RateLimit:
    """Counts requests by when they arrive; one that is refused during a penalty does not prolong it.

    Parameters
    ----------
    per_second
        Requests allowed within any second, for each base; 0 = no limit, of the user neither.
    per_user
        The same over all bases.
    penalty_s
        How long all are refused after one too many.
    monthly_calls
        Requests for records before the month's quota is spent, counted from the server's start; None = no quota.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        per_second: float,
        *,
        per_user: float = PER_USER,
        penalty_s: float = PENALTY_S,
        monthly_calls: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second, self._penalty_s, self._clock = per_second, penalty_s, clock
        self._user, self._bases = _Window(per_user), dict[str, _Window]()
        self._left = monthly_calls
        self._arrivals: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, base_id: str | None, *, of_quota: bool = True) -> None:
        """Count a request.

        Parameters
        ----------
        base_id
            A base that exists, or None for a request of none.
        of_quota
            Whether the month's quota counts it; what asks for the schema alone is answered when it is spent.

        Raises
        ------
        ApiError
            429 when it is one too many, during the penalty, or when the quota is spent.
        """
        with self._lock:
            now = self._clock()
            windows = [self._user]
            if base_id is not None:
                self._arrivals.setdefault(base_id, deque(maxlen=KEPT_ARRIVALS)).append(now)
                windows.append(self._bases.setdefault(base_id, _Window(self._per_second)))
            if self._per_second:
                if any(w.is_shut(now) for w in windows):
                    raise rate_limited()
                counted = [w.count(now, self._penalty_s) for w in windows]
                if not all(counted):
                    raise rate_limited()
            if of_quota and self._left is not None:
                if self._left <= 0:
                    raise quota_spent()
                self._left -= 1

    @property
    def arrivals(self) -> dict[str, list[float]]:
        """When requests arrived, refused ones too: seconds of the clock, in order, by base."""
        with self._lock:
            return {base_id: list(times) for base_id, times in self._arrivals.items()}
