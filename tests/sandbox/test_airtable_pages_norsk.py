"""Numbers and dates as Norwegians write them, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sandbox.airtable.pages.cells import web_host
from tasks.sandbox.airtable.pages.norsk import (
    day_of,
    exact_text,
    long_day,
    moment_of,
    number_of,
    number_text,
    time_text,
)

NUMBER = {"type": "number", "options": {"precision": 1}}
PERCENT = {"type": "percent", "options": {"precision": 1}}
KRONER = {"type": "currency", "options": {"precision": 0, "symbol": "kr"}}
DURATION = {"type": "duration", "options": {"durationFormat": "h:mm:ss"}}


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        (1234.5, NUMBER, "1\u202f234,5"),
        (-3725, DURATION, "-1:02:05"),
        (4, {"type": "rating"}, "4"),
        (1e300, {"type": "number", "options": {"precision": 0}}, "1e+300"),
        (0.125, PERCENT, "12,5\u202f%"),
        (1234567, KRONER, "1\u202f234\u202f567\u202fkr"),
    ],
)
def test_numbers_are_shown_as_norwegians_write_them(value, field, text):
    assert number_text(value, field) == text


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("1 234,5", NUMBER, 1234.5),
        ("1234.5", NUMBER, 1234.5),
        ("1\u202f234\u00a0567", NUMBER, 1234567),
        ("1.234,5", NUMBER, 1234.5),
        ("1,234.5", NUMBER, 1234.5),
        ("1.234.567", NUMBER, 1234567),
        ("1.234", NUMBER, 1.234),
        ("\u22127", NUMBER, -7),
        ("12,5 %", PERCENT, 0.125),
        ("12.5", PERCENT, 0.125),
        ("kr 1 500", KRONER, 1500),
        ("1 500 kr", KRONER, 1500),
        ("1:02:05", DURATION, 3725),
        ("1:30", DURATION, 5400),
    ],
)
def test_numbers_are_read_as_people_type_them(text, field, value):
    assert number_of(text, field) == value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("tre", NUMBER), ("1,2,3", NUMBER), ("12.34,5", NUMBER), ("1 kr", NUMBER), ("٣", NUMBER), ("nan", NUMBER),
        ("-", NUMBER), ("1" * 41, NUMBER), ("90", DURATION), ("1:75", DURATION),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(text, field):
    with pytest.raises(ValueError, match=r".*"):
        number_of(text, field)


@given(
    st.one_of(st.integers(-(10**12), 10**12), st.floats(-1e12, 1e12).filter(lambda x: x == 0 or abs(x) > 1e-6)),
    st.sampled_from([NUMBER, PERCENT, KRONER]),
)
def test_a_number_that_is_shown_to_be_edited_is_read_back_whole(value, field):
    assert number_of(exact_text(value, field), field) == value


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("24.12.2026", "2026-12-24"),
        ("1.2.26", "2026-02-01"),
        ("2026-12-24", "2026-12-24"),
        (" 3/4/2026 ", "2026-04-03"),
    ],
)
def test_days_are_read_as_people_type_them(text, day):
    assert day_of(text) == day


@pytest.mark.parametrize("text", ["31.2.2026", "24.12", "i morgen", "0.1.2026", "2026-13-01", "٢٤.12.2026"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        day_of(text)


def test_moments_stand_in_the_zone_of_their_field():
    for text in ("1.7.2026 12:00", "01.07.2026 kl. 12.00", "2026-07-01T12:00"):
        assert moment_of(text, "Europe/Oslo") == moment_of(text, "client") == "2026-07-01T10:00:00.000Z"
    assert moment_of("2026-07-01 12:00", "utc") == "2026-07-01T12:00:00.000Z"
    assert time_text("2026-07-01T10:00:00.000Z", "Europe/Oslo") == "01.07.2026 kl. 12:00"
    assert time_text("0001-01-01T00:00:00.000Z", "America/New_York") == "0001-01-01T00:00:00.000Z"
    for text in ("1.7.2026", "1.7.2026 25:00", "12:00", "31.12.9999 23:59"):
        with pytest.raises(ValueError, match=r".*"):
            moment_of(text, "America/New_York")
    assert long_day("2026-12-24") == "torsdag 24. desember 2026"


def test_only_addresses_of_the_web_have_a_host():
    assert [web_host(a) for a in ("https://a.no/x", "HTTP://A.no", "ftp://a.no", "http://[", "//a.no")] == [
        "a.no", "A.no", "", "", "",
    ]  # fmt: skip
