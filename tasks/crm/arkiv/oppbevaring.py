"""Retention: which backups are kept, by their dates alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta

from config.arkiv import Oppbevaring


def kept(times: Iterable[datetime], regler: Oppbevaring, *, now: datetime) -> set[datetime]:
    """Return what is younger than some hours, and the newest of each of the last days, weeks (ISO) and months.

    Parameters
    ----------
    times
        When backups were taken, UTC, in any order; days, weeks and months without one do not count.

    Examples
    --------
    >>> moments = [datetime(2026, 1, day, hour) for day in (1, 2, 3) for hour in (0, 12)]
    >>> rules = Oppbevaring(timer=4, daglig=2, ukentlig=0, maanedlig=0)
    >>> sorted(t.isoformat() for t in kept(moments, rules, now=datetime(2026, 1, 3, 13)))
    ['2026-01-02T12:00:00', '2026-01-03T12:00:00']
    """
    newest_first = sorted(times, reverse=True)
    return (
        {t for t in newest_first if now - t < timedelta(hours=regler.timer)}
        | _newest_of(newest_first, lambda t: t.date(), regler.daglig)
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
