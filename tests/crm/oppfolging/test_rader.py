"""Rows of Aktiviteter: when they say that it happened."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from tasks.crm.oppfolging.rader import varselrader
from tasks.crm.oppfolging.varsler import Varsel

NAA = datetime(2026, 5, 20, 6, 30, tzinfo=ZoneInfo("Europe/Oslo"))


@pytest.mark.parametrize(
    ("dato", "when"),
    [
        (None, "2026-05-20T04:30:00.000Z"),
        (date(2026, 5, 20), "2026-05-20T04:30:00.000Z"),
        (date(2027, 5, 1), "2026-05-20T04:30:00.000Z"),  # nothing has happened in the future
        (date(2026, 5, 5), "2026-05-05T10:00:00.000Z"),
        (date(2026, 1, 5), "2026-01-05T11:00:00.000Z"),
    ],
)
def test_what_has_a_day_of_its_own_stands_at_noon_of_it(dato, when):
    rows = varselrader([Varsel("svar:U1:2026-05-20:Ja", "svar", "Svar", ("recT",), dato=dato)], {}, naa=NAA)
    assert [row["Tidspunkt"] for row in rows.values()] == [when]
