"""Quiet hours by the clock of Oslo, in summer, in winter and on the days between."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from config.statistikk import statistikk
from tasks.sources.statistikk.stilletid import quiet_until

OSLO = "Europe/Oslo"
SSB = statistikk().ssb.stille


def at(text: str, stille=SSB) -> str | None:
    found = quiet_until(datetime.fromisoformat(text).astimezone(UTC), stille, OSLO)
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-15T03:54:59+00:00", None),
        ("2026-01-15T03:55:00+00:00", "2026-01-15T08:20:00+01:00"),
        ("2026-01-15T07:19:59+00:00", "2026-01-15T08:20:00+01:00"),
        ("2026-01-15T07:20:00+00:00", None),
        ("2026-07-15T02:55:00+00:00", "2026-07-15T08:20:00+02:00"),
        ("2026-07-15T06:20:00+00:00", None),
        ("2026-07-15T09:30:00+00:00", "2026-07-15T11:40:00+02:00"),
        ("2026-07-15T12:00:00+00:00", None),
        ("2026-03-29T02:55:00+00:00", "2026-03-29T08:20:00+02:00"),  # the clock was set forward at 01:00 UTC
        ("2026-03-29T02:54:59+00:00", None),
        ("2026-10-25T03:54:59+00:00", None),  # and back
        ("2026-10-25T03:55:00+00:00", "2026-10-25T08:20:00+01:00"),
    ],
)
def test_of_ssb(now, until):
    assert at(now) == until


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-15T22:59:00+01:00", None),
        ("2026-01-15T23:00:00+01:00", "2026-01-16T01:00:00+01:00"),
        ("2026-01-15T00:59:00+01:00", "2026-01-15T01:00:00+01:00"),
        ("2026-01-15T01:00:00+01:00", None),
        ("2026-12-31T23:30:00+01:00", "2027-01-01T01:00:00+01:00"),
    ],
)
def test_over_midnight(now, until):
    assert at(now, [(time(23), time(1))]) == until


def test_times_that_follow_on_one_another_end_with_the_last():
    stille = [(time(6), time(7)), (time(4), time(6)), (time(6, 30), time(8))]
    assert at("2026-01-15T05:00:00+01:00", stille) == "2026-01-15T08:00:00+01:00"
    assert at("2026-01-15T12:00:00+01:00", []) is None


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-06-01"])
@pytest.mark.parametrize(
    "stille",
    [
        pytest.param(SSB, marks=pytest.mark.long),
        pytest.param([(time(1, 30), time(2, 30))], marks=pytest.mark.long),
        [(time(22), time(2, 30))],
    ],
)
def test_the_end_is_always_ahead_and_not_far(day, stille):
    moment = datetime.fromisoformat(f"{day}T00:00:00+01:00").astimezone(UTC) - timedelta(hours=3)
    for _ in range(24 * 12):
        moment += timedelta(minutes=5)
        until = quiet_until(moment, stille, OSLO)
        if until is not None:
            assert moment < until < moment + timedelta(hours=7)
