"""What the way to Airtable can do to a sync: nothing is lost, nothing is made twice, and it is said.

A first load meets every fault, since it makes records; what is compared is the whole base, with what an undisturbed
sync leaves.
"""

from __future__ import annotations

import re
from itertools import cycle

import pytest

from tasks.crm import client
from tasks.errors import AirtableError, BudgetError
from tests.crm.onde_servere import (
    EXPIRED,
    OLD_RATE,
    QUOTA,
    RATE,
    RETRIABLE,
    Asked,
    Exchange,
    Match,
    Way,
    answer_too_late,
    any_request,
    carry_out_after,
    carry_out_too_late,
    creates,
    cut_short,
    html,
    lose_answer,
    lose_request,
    next_pages,
    reads,
    refuse,
    writes,
)
from tests.crm.proevebase import Verden, fasit, only, saker, without
from tests.crm.stordata import change_lots
from tests.crm.sync_prosess import TOMTEVIK

PASSES = {
    "request lost": lose_request,
    "answer lost": lose_answer,
    "500, carried out": refuse(500, carried_out=True),
    "500, not carried out": refuse(500),
    "502 page, carried out": refuse(502, "<html>", carried_out=True),
    "503, carried out": refuse(503, RETRIABLE, carried_out=True, vent_s=1),
    "503, not carried out": refuse(503, RETRIABLE),
    "429": refuse(429, RATE),
    "429 of the older shape": refuse(429, OLD_RATE),
    "answer cut short": cut_short,
}
"""What a sync gets over when it happens once."""
FAULTS = {**PASSES, "a page with 200": html}
LATE = {"answered too late": answer_too_late, "carried out too late": carry_out_too_late}


def in_turn() -> Way:
    """Misbehave in another way each time."""
    ways = cycle(PASSES.values())

    def way(exchange: Exchange) -> None:
        next(ways)(exchange)

    return way


def first_time(fits: Match) -> Match:
    """Fit a request when the same has not come before."""
    seen: set[tuple[str, str, bytes]] = set()

    def match(asked: Asked) -> bool:
        what = (asked.metode, asked.sti, asked.body)
        is_new = fits(asked) and what not in seen
        seen.add(what)
        return is_new

    return match


def read(asked: Asked) -> bool:
    return not asked.is_write


def test_every_write_fails_once_and_each_in_another_way(tom_verden, pauser):
    tom_verden.proxy.when(first_time(writes()), in_turn(), times=1000)
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()


@pytest.mark.long
@pytest.mark.parametrize("fault", PASSES.values(), ids=PASSES)
def test_every_write_fails_once(tom_verden, pauser, fault):
    tom_verden.proxy.when(first_time(writes()), fault, times=1000)
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()


def nothing_gets_through(verden: Verden, which: Match, fault: Way, *, nth: int) -> None:
    verden.proxy.when(which, fault, nth=nth, times=1000)
    assert re.match(r"writing \w+: ", str(verden.sync().failure))
    verden.proxy.behave()
    assert verden.sync().failure is None
    assert verden.stand() == fasit()


def test_what_is_carried_out_and_never_answered_is_found_by_the_next_run(tom_verden, pauser):
    nothing_gets_through(tom_verden, writes("Tomter"), lose_answer, nth=2)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("nth", [1, 3, 5, 8])
def test_nothing_gets_through_from_a_request_on(tom_verden, pauser, fault, nth):
    nothing_gets_through(tom_verden, writes(), fault, nth=nth)


@pytest.mark.parametrize(
    "fault", [in_turn(), *(pytest.param(f, marks=pytest.mark.long) for f in PASSES.values())], ids=["in turn", *PASSES]
)
def test_every_read_fails_once(verden, pauser, fault):
    changed = change_lots(verden.geodata, TOMTEVIK, 0.2)
    verden.proxy.when(first_time(read), fault, times=1000)
    assert verden.sync().failure is None
    now = verden.stand()
    assert {key for key, row in now["Tomter"].items() if row != fasit()["Tomter"][key]} == set(changed)
    assert without(now, "Tomter", "Kommuner") == without(fasit(), "Tomter", "Kommuner")


def test_a_page_instead_of_an_answer_stops_before_anything_is_written(verden, pauser):
    change_lots(verden.geodata, TOMTEVIK, 0.2)
    verden.proxy.when(reads("Tomter"), html)
    with pytest.raises(AirtableError, match="something else than a JSON object"):
        verden.sync()
    assert verden.stand() == fasit()


@pytest.mark.parametrize(
    ("fault", "tabell"),
    [
        pytest.param(fault, tabell, id=f"{tabell}, {name}", marks=[pytest.mark.long] * (n + m != 2))
        for n, (name, fault) in enumerate(LATE.items())
        for m, tabell in enumerate(["Eiendommer", "Tomter"])
    ],
)
def test_a_time_out_in_the_middle_of_a_table(tom_verden, pauser, monkeypatch, fault, tabell):
    monkeypatch.setattr(client, "TIMEOUT_S", (5, 0.5))
    tom_verden.proxy.when(writes(tabell), fault, nth=2)
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()


@pytest.mark.long
def test_a_create_that_lands_when_its_rows_stand_there_already_is_told_and_mended(tom_verden, pauser, monkeypatch):
    """What no client can prevent: the copies are Airtable's, and one person's click takes them away."""
    monkeypatch.setattr(client, "TIMEOUT_S", (5, 0.5))
    tom_verden.proxy.when(creates("Tomter"), carry_out_after(2), nth=2)
    tom_verden.sync()
    tom_verden.proxy.behave()
    again = tom_verden.sync()
    assert "Tomter: 10 keys stand in several records" in str(again.failure)
    now = tom_verden.stand()
    assert len(saker(now, "dobbelt")) == 10
    copies = [key.removesuffix(" (kopi)") for key in now["Tomter"] if key.endswith(" (kopi)")]
    for key in copies:
        _, copy = tom_verden.person.find("Tomter", key)
        tom_verden.person.table("Tomter").delete(copy["id"])
    assert tom_verden.sync().failure is None
    assert without(tom_verden.stand(), "Kontroll") == without(fasit(), "Kontroll")
    assert {row["Tilstand"] for row in saker(tom_verden.stand(), "dobbelt").values()} == {"Lukket"}


@pytest.mark.long
def test_a_storm_of_429_is_waited_out(tom_verden, pauser):
    for n in range(1, 40, 4):
        tom_verden.proxy.when(any_request, refuse(429, RATE if n % 8 == 1 else OLD_RATE), nth=n, times=2)
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()
    assert pauser.count(client.PENALTY_S) >= 8


@pytest.mark.parametrize("nth", [4, *(pytest.param(n, marks=pytest.mark.long) for n in (1, 6, 9))])
def test_a_spent_quota_stops_at_once_and_next_month_finishes(tom_verden, pauser, nth):
    tom_verden.proxy.when(writes(), refuse(429, QUOTA), nth=nth, times=1000)
    assert "monthly calls are spent" in str(tom_verden.sync().failure)
    assert len([asked for asked in tom_verden.proxy.seen if asked.is_write]) == nth
    assert pauser == []
    tom_verden.proxy.behave()
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()


def test_a_quota_that_is_spent_before_anything_is_read(verden, pauser):
    verden.proxy.when(any_request, refuse(429, QUOTA), times=1000)
    with pytest.raises(BudgetError, match="monthly calls are spent"):
        verden.sync()
    assert len(verden.proxy.seen) == 1


@pytest.fixture
def two_pages(verden) -> Verden:
    """A base in which a listing of Tomter takes two pages."""
    for _ in range(8):
        verden.person.table("Tomter").batch_create([{"Navn": "Tips"}] * 10)
    return verden


@pytest.mark.parametrize("times", [3, pytest.param(1, marks=pytest.mark.long)])
def test_a_listing_that_expires_starts_over(two_pages, pauser, times):
    before = two_pages.stand()
    two_pages.proxy.when(next_pages, refuse(422, EXPIRED), times=times)
    assert two_pages.sync().failure is None
    assert [asked for asked in two_pages.proxy.seen if asked.is_write] == []
    assert len([asked for asked in two_pages.proxy.seen if asked.is_next_page]) == times + 1
    assert two_pages.stand() == before


@pytest.mark.long
def test_a_listing_that_always_expires_stops_before_anything_is_written(two_pages, pauser):
    change_lots(two_pages.geodata, TOMTEVIK, 0.5)
    two_pages.proxy.when(next_pages, refuse(422, EXPIRED), times=1000)
    with pytest.raises(AirtableError, match="reading Tomter"):
        two_pages.sync()
    assert [asked for asked in two_pages.proxy.seen if asked.is_write] == []


@pytest.mark.long
def test_a_base_that_cannot_be_read_is_not_written(verden, pauser):
    change_lots(verden.geodata, TOMTEVIK, 0.5)
    verden.proxy.when(reads("Tomter"), refuse(500), times=1000)
    with pytest.raises(AirtableError, match="reading Tomter"):
        verden.sync()
    assert [asked for asked in verden.proxy.seen if asked.is_write] == []


def test_an_undisturbed_sync_leaves_what_the_others_are_compared_with(tom_verden):
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()
    assert len(only(fasit(), "Tomter")["Tomter"]) == 23
    assert {row["Fase"] for row in fasit()["Tomter"].values()} == {"Identifisert"}
    calls = len(tom_verden.proxy.seen)
    assert tom_verden.sync().failure is None
    assert not [asked for asked in tom_verden.proxy.seen[calls:] if asked.is_write]
