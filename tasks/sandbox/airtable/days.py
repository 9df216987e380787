"""Days as filters name them: *today*, *one week ago*, *the past 14 days*, *this calendar month*.

Both ends of a span count; a week of the calendar begins on Monday. Airtable does not say either: ours.
"""

from __future__ import annotations

import re
from datetime import date, timedelta


def day(value: str, today: date) -> date:
    """Return the day that a value such as ``one week ago`` or ``2026-02-01`` means.

    Raises
    ------
    ValueError, OverflowError
        For a day that no calendar has.
    """
    near = {"today": 0, "tomorrow": 1, "yesterday": -1, "one week ago": -7, "one week from now": 7}
    if value in near:
        return today + timedelta(days=near[value])
    if value in ("one month ago", "one month from now"):
        return months_from(today, -1 if value.endswith("ago") else 1)
    if match := re.fullmatch(r"(\d+) days (ago|from now)", value):
        days = timedelta(days=int(match[1]))
        return today - days if match[2] == "ago" else today + days
    return date.fromisoformat(value)


def span(value: str, today: date) -> tuple[date, date]:
    """Return the first and last day of a value such as ``the past 14 days`` or ``this calendar week``."""
    if value.startswith("this calendar "):
        return _calendar(value.removeprefix("this calendar "), today)
    _, way, length = value.split(" ", 2)
    sign = -1 if way == "past" else 1
    whole = {"week": today + timedelta(days=sign * 7), "month": months_from(today, sign)}
    if length == "year":
        other = months_from(today, sign * 12)
    elif length in whole:
        other = whole[length]
    else:
        try:
            other = today + timedelta(days=sign * int(length.removesuffix(" days")))
        except OverflowError:
            other = date.min if sign < 0 else date.max
    return min(today, other), max(today, other)


def _calendar(unit: str, today: date) -> tuple[date, date]:
    if unit == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=6)
    if unit == "month":
        first = today.replace(day=1)
        return first, months_from(first, 1) - timedelta(days=1)
    return date(today.year, 1, 1), date(today.year, 12, 31)


def months_from(start: date, months: int) -> date:
    """Return the same day some months on or back, the last of its month where there is no such day."""
    month = start.year * 12 + start.month - 1 + months
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return first.replace(day=min(start.day, (following - first).days))
