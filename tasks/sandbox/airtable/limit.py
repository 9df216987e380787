"""The rate limit: so many requests a second and base, and then 30 s of refusals."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from tasks.sandbox.airtable.errors import ApiError

PENALTY_S = 30.0


class RateLimit:
    """Counts requests per base.

    Parameters
    ----------
    per_second
        Requests allowed within any second; 0 = no limit.
    clock
        Seconds that never go back.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def check(self, base_id: str) -> None:
        """Count a request.

        Raises
        ------
        ApiError
            429 when it is one too many, and for 30 s after.
        """
        if not self._per_second:
            return
        with self._lock:
            now = self._clock()
            if now >= self._until.get(base_id, now):
                recent = self._recent[base_id]
                while recent and recent[0] <= now - 1:
                    recent.popleft()
                recent.append(now)
                if len(recent) <= self._per_second:
                    return
                recent.clear()
                self._until[base_id] = now + PENALTY_S
        raise ApiError(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")
