"""Which backups are kept, for any dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from config.arkiv import Oppbevaring, arkiv_regler
from tasks.crm.arkiv.oppbevaring import kept


def moments_of(day: date) -> st.SearchStrategy[datetime]:
    return st.times().map(lambda time: datetime.combine(day, time, tzinfo=UTC))


MOMENTS = st.sets(st.dates(date(2025, 11, 1), date(2027, 3, 1)).flatmap(moments_of), max_size=30)
RULES = st.builds(
    Oppbevaring,
    timer=st.integers(0, 1000),
    daglig=st.integers(1, 20),
    ukentlig=st.integers(0, 10),
    maanedlig=st.integers(0, 14),
)
LATER = st.timedeltas(timedelta(0), timedelta(days=60))


FEW = settings(max_examples=25)


@FEW
@given(MOMENTS.filter(bool), RULES, LATER)
def test_the_newest_and_the_young_stay_the_number_is_bounded_and_twice_is_once(times, rules, later):
    now = max(times) + later
    stay, young = kept(times, rules, now=now), {t for t in times if now - t < timedelta(hours=rules.timer)}
    assert {max(times)} | young <= stay <= times
    assert len(stay - young) <= rules.daglig + rules.ukentlig + rules.maanedlig
    assert kept(stay, rules, now=now) == stay


@FEW
@given(MOMENTS, RULES)
def test_pruning_after_every_backup_keeps_what_pruning_once_keeps(times, rules):
    there: set[datetime] = set()
    for time in sorted(times):
        there = kept({*there, time}, rules, now=time)
    assert there == kept(times, rules, now=max(times, default=datetime.now(UTC)))


def test_two_years_of_nights():
    nights = [datetime(2026, 1, 1, 2, tzinfo=UTC) + timedelta(days=n) for n in range(730)]
    rules = arkiv_regler().oppbevaring
    stay = sorted((t.date().isoformat() for t in kept(nights, rules, now=nights[-1])), reverse=True)
    assert stay[:14] == [f"2027-12-{day}" for day in range(31, 17, -1)]
    assert stay[14:20] == ["2027-12-12", "2027-12-05", "2027-11-30", "2027-11-28", "2027-11-21", "2027-11-14"]
    assert stay[20:22] == ["2027-10-31", "2027-09-30"]
    assert (stay[-1], len(stay)) == ("2027-01-31", 14 + 5 + 11)


def test_several_a_day_stay_for_two_days():
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(97)]
    stay = kept(hours, arkiv_regler().oppbevaring, now=hours[-1])
    assert set(hours[-48:]) < stay
    assert sorted(t.isoformat()[:13] for t in stay.difference(hours[-48:])) == ["2026-01-01T23", "2026-01-02T23"]
