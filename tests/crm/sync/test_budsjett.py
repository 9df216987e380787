"""The budgets: worked examples, and that a run is stopped when and only when a limit would burst."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base import Grenser, base_register
from tasks.crm.sync.budsjett import Brukt, Plan, check
from tasks.errors import BudgetError

TEAM = Grenser(
    poster_per_base=50_000,
    kall_per_maaned=100_000,
    kall_per_kjoring=10_000,
    varsle_fra=0.8,
    telles_hver_dager=30,
    kjoringer_per_kommune=14,
)


def test_a_usual_night_is_quiet():
    assert check(Plan(nye_poster=40, kall=140), Brukt(poster=12_000, kall_i_maaneden=3_000), TEAM) == []


def test_a_base_that_fills_up_is_warned_of_before_it_is_full():
    (warning,) = check(Plan(nye_poster=1_000, kall=500), Brukt(poster=39_000, kall_i_maaneden=0), TEAM)
    assert "1,000 planned and 39,000 in the base make 40,000 of 50,000 records per base (80%)" in warning
    assert "minste_score" in warning


def test_a_base_that_would_burst_stops_the_run_and_says_what_to_do():
    with pytest.raises(BudgetError) as error:
        check(Plan(nye_poster=4_000, kall=500), Brukt(poster=47_000, kall_i_maaneden=0), TEAM)
    said = str(error.value)
    assert "nothing is written: 4,000 planned and 47,000 in the base make 51,000 of 50,000 records per base." in said
    for remedy in ("minste_score ([publisering] in config/airtable.toml)", "fewer kommuner", "[grenser]"):
        assert remedy in said


def test_everything_that_bursts_is_named_at_once():
    with pytest.raises(BudgetError) as error:
        check(Plan(nye_poster=60_000, kall=12_000), Brukt(poster=0, kall_i_maaneden=95_000), TEAM)
    said = str(error.value)
    assert "60,000 planned of 50,000 records per base" in said
    assert "12,000 planned and 95,000 made this month make 107,000 of 100,000 calls a month" in said
    assert "12,000 planned of 10,000 calls a run" in said
    assert "wait for next month" in said
    assert "kall_per_kjoring" in said


def test_a_limit_may_be_reached_but_not_passed():
    brukt = Brukt(poster=49_990, kall_i_maaneden=99_990)
    assert len(check(Plan(nye_poster=10, kall=10), brukt, TEAM)) == 2
    with pytest.raises(BudgetError, match="records per base"):
        check(Plan(nye_poster=11, kall=10), brukt, TEAM)
    with pytest.raises(BudgetError, match="calls a month"):
        check(Plan(nye_poster=10, kall=11), brukt, TEAM)


def test_a_base_that_people_have_overfilled_is_still_brought_up_to_date():
    (warning,) = check(Plan(nye_poster=0, kall=100), Brukt(poster=50_300, kall_i_maaneden=0), TEAM)
    assert "0 planned and 50,300 in the base make 50,300 of 50,000" in warning


def test_the_register_has_limits_that_a_first_load_fits():
    assert check(Plan(nye_poster=12_000, kall=1_350), Brukt(0, 0), base_register().grenser) == []


COUNT = st.integers(0, 200)
LIMITS = st.builds(
    Grenser,
    poster_per_base=st.integers(1, 200),
    kall_per_maaned=st.integers(1, 200),
    kall_per_kjoring=st.integers(1, 200),
    varsle_fra=st.floats(0.01, 1),
    telles_hver_dager=st.just(30),
)


def fits(plan: Plan, brukt: Brukt, grenser: Grenser) -> bool:
    try:
        check(plan, brukt, grenser)
    except BudgetError:
        return False
    return True


@given(plan=st.builds(Plan, COUNT, COUNT), brukt=st.builds(Brukt, COUNT, COUNT), grenser=LIMITS)
def test_a_run_is_stopped_when_and_only_when_a_limit_would_burst(plan, brukt, grenser):
    bursts = (
        (plan.nye_poster > 0 and plan.nye_poster + brukt.poster > grenser.poster_per_base)
        or (plan.kall > 0 and plan.kall + brukt.kall_i_maaneden > grenser.kall_per_maaned)
        or plan.kall > grenser.kall_per_kjoring
    )
    assert fits(plan, brukt, grenser) is not bursts
    assert fits(Plan(0, 0), brukt, grenser)
    if not bursts:  # less always fits where more does, and a full budget never goes unsaid
        assert fits(Plan(plan.nye_poster // 2, plan.kall // 2), Brukt(brukt.poster // 2, 0), grenser)
        warned = check(plan, brukt, grenser)
        assert bool(warned) >= (plan.nye_poster + brukt.poster >= grenser.poster_per_base)
