"""Kill −9 of a sync at any moment, and a sync after it: the base of an undisturbed run, nothing twice, nothing missing.

The moment is a request, counted by the proxy: before it is carried out, before it is answered, or just after.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from tasks.crm.sync.state import BaseState
from tasks.sandbox.airtable import AirtableServer
from tasks.store import Geodata
from tests.crm.onde_servere import OndAirtable, any_request, at_last, creates, first, lose_request, then, writes
from tests.crm.proevebase import LITEN, Stand, Verden, fasit, killed, person, saker, without
from tests.crm.stordata import change_lots, tomt_id, write_kommune
from tests.crm.sync_prosess import TOKEN, TOMTEVIK, Oppdrag, carry_out

pytestmark = pytest.mark.long

MOMENTS = {"before": first, "carried out": then, "answered": at_last}


def a_moment(fro: int, requests: int) -> tuple[int, str]:
    """Return a request and a moment of it; the same for the same number."""
    chance = random.Random(fro)
    return chance.randint(1, requests), chance.choice(list(MOMENTS))


@pytest.fixture(scope="module")
def requests_of_a_first_load(tmp_path_factory) -> int:
    with Verden(tmp_path_factory.mktemp("uforstyrret"), fylt=False) as verden:
        assert verden.sync().failure is None
        return len(verden.proxy.seen)


@pytest.fixture(scope="module")
def after_a_change(tmp_path_factory) -> tuple[int, Stand]:
    """How many requests an undisturbed sync of changed lots takes, and what it leaves."""
    with Verden(tmp_path_factory.mktemp("endret")) as verden:
        change_lots(verden.geodata, TOMTEVIK, 0.5)
        assert verden.sync().failure is None
        return len(verden.proxy.seen), verden.stand()


def kill_first_load(verden: Verden, requests: int, *, fro: int, times: int) -> None:
    for n in range(times):
        nth, moment = a_moment(1000 * fro + n, requests)
        verden.sync_killed(any_request, MOMENTS[moment], nth=nth)
        verden.proxy.behave()
    assert verden.sync().failure is None
    assert verden.stand() == fasit(), f"{fro=}"
    assert_rest(verden)


def kill_change(verden: Verden, after_a_change: tuple[int, Stand], *, fro: int) -> None:
    requests, expected = after_a_change
    change_lots(verden.geodata, TOMTEVIK, 0.5)
    nth, moment = a_moment(fro, requests)
    verden.sync_killed(any_request, MOMENTS[moment], nth=nth)
    verden.proxy.behave()
    assert verden.sync().failure is None
    assert verden.stand() == expected, f"{fro=} {nth=} {moment=}"
    assert_rest(verden)


def assert_rest(verden: Verden) -> None:
    """What a run plans and what it confirms is told in the memory; nothing may be left under way."""
    with closing(sqlite3.connect(BaseState(verden.geodata, verden.person.base.id).folder / "hukommelse.sqlite")) as db:
        assert db.execute("SELECT tabell, noekkel FROM rad WHERE underveis IS NOT NULL OR ny").fetchall() == []


@pytest.mark.parametrize("fro", range(3))
def test_a_first_load_that_is_killed(tom_verden, requests_of_a_first_load, fro):
    kill_first_load(tom_verden, requests_of_a_first_load, fro=fro, times=1)


@pytest.mark.long
def test_a_first_load_that_is_killed_again_and_again(tom_verden, requests_of_a_first_load):
    kill_first_load(tom_verden, requests_of_a_first_load, fro=99, times=4)


@pytest.mark.parametrize("fro", range(3))
def test_a_sync_of_changes_that_is_killed(verden, after_a_change, fro):
    kill_change(verden, after_a_change, fro=fro)


@pytest.mark.parametrize("moment", [then, pytest.param(first, marks=pytest.mark.long)], ids=["after", "before"])
def test_what_a_person_wrote_is_told_although_the_run_that_puts_it_right_is_killed(verden, moment):
    verden.person.change("Tomter", tomt_id(TOMTEVIK, 0), {"Areal m²": 77})
    assert verden.sync_killed(writes("Tomter"), moment) is None
    verden.proxy.behave()
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll") == without(fasit(), "Kontroll")
    (told,) = saker(now, "endret").values()
    assert "77" in str(told)


@pytest.mark.parametrize("moment", [at_last, pytest.param(then, marks=pytest.mark.long)])
def test_a_run_killed_between_a_record_and_what_is_set_once(tom_verden, moment):
    """A create whose request was lost goes again as an upsert; what is set once follows."""
    tom_verden.proxy.when(creates("Tomter"), lose_request, nth=2)
    assert tom_verden.sync_killed(lambda asked: asked.is_upsert and asked.tabell == "Tomter", moment) is None
    tom_verden.proxy.behave()
    assert tom_verden.sync().failure is None
    assert tom_verden.stand() == fasit()
    assert_rest(tom_verden)


@pytest.mark.long
@pytest.mark.parametrize("fro", range(100, 170))
def test_a_first_load_that_is_killed_at_many_moments(tom_verden, requests_of_a_first_load, fro):
    kill_first_load(tom_verden, requests_of_a_first_load, fro=fro, times=1 + fro % 3)


@pytest.mark.long
@pytest.mark.parametrize("fro", range(100, 130))
def test_a_sync_of_changes_that_is_killed_at_many_moments(verden, after_a_change, fro):
    kill_change(verden, after_a_change, fro=fro)


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_first_load_that_is_killed_at_every_request(tmp_path, requests_of_a_first_load, moment):
    for nth in range(1, requests_of_a_first_load + 1):
        with Verden(tmp_path / str(nth), fylt=False) as verden:
            assert verden.sync_killed(any_request, moment, nth=nth) is None or moment is at_last
            verden.proxy.behave()
            assert verden.sync().failure is None
            assert verden.stand() == fasit(), f"{nth=}"


@pytest.mark.long
@pytest.mark.parametrize("moment", [first, then], ids=["before", "carried out"])
def test_a_sandbox_that_is_killed_while_it_is_set_up(tmp_path, moment):
    """From no base at all: the sync sets it up on the way."""
    for nth in range(2, 18):
        folder = tmp_path / str(nth)
        write_kommune(Geodata(folder / "geodata"), TOMTEVIK, LITEN)
        server = AirtableServer(folder / "airtable", token=TOKEN, rate_limit_per_s=0)
        with server, OndAirtable(server.url) as proxy:
            oppdrag = Oppdrag(str(folder / "geodata"), proxy.url)
            assert killed(proxy, oppdrag, any_request, moment, nth=nth) is None
            proxy.behave()
            assert carry_out(replace(oppdrag, pauser=True)).stoppet is None
            with person(oppdrag.settings()) as somebody:
                assert somebody.stand() == fasit(), f"{nth=}"
                assert len(somebody.api.bases(force=True)) == 1
