"""Stilletid: the times of day at which SSB updates its tables, and is not to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(naa: datetime, stille: Sequence[tuple[time, time]], tidssone: str) -> datetime | None:
    """Return when the quiet time ends that `naa` lies in, None when it lies in none.

    Parameters
    ----------
    naa
        With time zone.
    stille
        From and to by the clock of `tidssone`; `from` later than `to` runs over midnight. The end is no part of it.

    Returns
    -------
    datetime | None
        In `tidssone`. Of times that follow on one another, the last end.

    Examples
    --------
    >>> from datetime import UTC
    >>> quiet = [(time(4, 55), time(8, 20))]
    >>> quiet_until(datetime(2026, 7, 1, 3, 0, tzinfo=UTC), quiet, "Europe/Oslo").isoformat()
    '2026-07-01T08:20:00+02:00'
    >>> quiet_until(datetime(2026, 1, 1, 7, 30, tzinfo=UTC), quiet, "Europe/Oslo") is None
    True
    """
    zone = ZoneInfo(tidssone)
    end = None
    at = naa.astimezone(zone)
    for _ in stille:
        ends = [e for start, stop in stille if (e := _end(at, start, stop)) is not None]
        if not ends:
            break
        at = end = max(ends, key=datetime.timestamp)
    return end


def _end(at: datetime, start: time, stop: time) -> datetime | None:
    """Return the end of one quiet time that `at` lies in, by the clock on the wall, as SSB goes by it."""
    clock = at.time()
    if start <= stop:
        return _on(at, stop) if start <= clock < stop else None
    if clock >= start:
        return _on(at + timedelta(days=1), stop)
    return _on(at, stop) if clock < stop else None


def _on(day: datetime, clock: time) -> datetime:
    # where the clock is set within it, the later of the two times that are called the same
    return max(
        (datetime.combine(day.date(), clock, day.tzinfo).replace(fold=f) for f in (0, 1)), key=datetime.timestamp
    )
