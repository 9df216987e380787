"""Retention: which backups are kept, by their dates alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime

from config.arkiv import Oppbevaring


def kept(times: Iterable[datetime], regler: Oppbevaring) -> set[datetime]:
    """Return the newest of each of the last days, weeks (ISO) and months that have a backup.

    Parameters
    ----------
    times
        When backups were taken, UTC, in any order.

    Examples
    --------
    >>> moments = [datetime(2026, 1, day) for day in (1, 2, 3)] + [datetime(2026, 1, 3, 12)]
    >>> sorted(t.isoformat() for t in kept(moments, Oppbevaring(daglig=2, ukentlig=0, maanedlig=0)))
    ['2026-01-02T00:00:00', '2026-01-03T12:00:00']
    """
    newest_first = sorted(times, reverse=True)
    return (
        _newest_of(newest_first, lambda t: t.date(), regler.daglig)
        | _newest_of(newest_first, lambda t: t.isocalendar()[:2], regler.ukentlig)
        | _newest_of(newest_first, lambda t: (t.year, t.month), regler.maanedlig)
    )


def _newest_of(newest_first: list[datetime], period: Callable[[datetime], Hashable], most: int) -> set[datetime]:
    found: dict[Hashable, datetime] = {}
    for time in newest_first:
        if len(found) == most and period(time) not in found:
            break
        found.setdefault(period(time), time)
    return set(found.values()) if most else set()
