"""Two syncs at once: of one kommune, of two, and of a kommune whose queue is brought up to date meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.crm.onde_servere import any_request, first
from tests.crm.proevebase import LITEN, Verden, fasit
from tests.crm.stordata import change_lots, write_kommune
from tests.crm.sync_prosess import PROEVEDAL, TOMTEVIK, Oppdrag, Prosess, Utfall, carry_out, start


def start_at(verden: Verden, nth: int, other: Oppdrag) -> tuple[Utfall | None, Utfall | None]:
    """Run a sync in a process, and another that begins at its nth request."""
    begun: list[Prosess] = []
    verden.proxy.when(any_request, first(lambda: begun.append(start(other))), nth=nth)
    one = start(verden.oppdrag).wait()
    return one, begun[0].wait()


def start_thread_at(verden: Verden, nth: int, other: Oppdrag) -> tuple[Utfall, Utfall]:
    """Run a sync, and another in a thread that begins at its nth request."""
    ended: list[Utfall] = []
    thread = threading.Thread(target=lambda: ended.append(here(other)))
    verden.proxy.when(any_request, first(thread.start), nth=nth)
    one = here(verden.oppdrag)
    thread.join()
    return one, ended[0]


def here(oppdrag: Oppdrag) -> Utfall:
    """Sync in this process, whose pauses stay as they are: none is taken."""
    return carry_out(replace(oppdrag, pauser=True))


def assert_one_won(verden: Verden, ended: tuple[Utfall | None, ...]) -> None:
    assert all(e is not None and (e.stoppet is None or "Another run works on 0099" in e.stoppet) for e in ended), ended
    assert any(e is not None and e.stoppet is None for e in ended), ended
    assert verden.stand() == fasit()


def test_two_syncs_of_one_kommune_never_make_anything_twice(tom_verden):
    assert_one_won(tom_verden, start_thread_at(tom_verden, 9, tom_verden.oppdrag))


@pytest.mark.long
@pytest.mark.parametrize("nth", [1, 3, 6, 9, 12, 14])
def test_two_processes_of_one_kommune_never_make_anything_twice(tom_verden, nth):
    assert_one_won(tom_verden, start_at(tom_verden, nth, tom_verden.oppdrag))


@pytest.mark.parametrize("begin", [start_thread_at, pytest.param(start_at, marks=pytest.mark.long)])
def test_two_kommuner_of_one_base_are_both_right(tmp_path, begin):
    stands = []
    for at_once in (False, True):
        with Verden(tmp_path / str(at_once), fylt=False) as verden:
            write_kommune(verden.geodata, PROEVEDAL, LITEN)
            other = replace(verden.oppdrag, kommune=PROEVEDAL.nummer)
            ended = begin(verden, 3, other) if at_once else (here(verden.oppdrag), here(other))
            assert [e and e.stoppet for e in ended] == [None, None]
            stands.append(verden.stand())
    assert stands[0] == stands[1]
    assert len(stands[1]["Tomter"]) == 46


@pytest.mark.long
def test_two_kommuner_that_change_at_once_remember_both(tom_verden):
    write_kommune(tom_verden.geodata, PROEVEDAL, LITEN)
    other = replace(tom_verden.oppdrag, kommune=PROEVEDAL.nummer)
    start_at(tom_verden, 2, other)
    for kommune in (TOMTEVIK, PROEVEDAL):
        change_lots(tom_verden.geodata, kommune, 1.0)
    tom_verden.proxy.behave()
    assert [e and e.stoppet for e in start_at(tom_verden, 2, other)] == [None, None]
    tom_verden.proxy.behave()
    for kommune in (TOMTEVIK, PROEVEDAL):
        assert tom_verden.sync(kommune).failure is None
    assert [asked for asked in tom_verden.proxy.seen if asked.is_write] == []


@pytest.mark.long
def test_a_sync_ends_while_another_process_reads_the_memory(verden):
    """The memory is one file for all kommuner: readers do not stop a writer."""
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    stop = threading.Event()
    others = [threading.Thread(target=_read_memory, args=(verden, stop)) for _ in range(2)]
    for other in others:
        other.start()
    try:
        assert verden.sync().failure is None
    finally:
        stop.set()
        for other in others:
            other.join()


def _read_memory(verden: Verden, stop: threading.Event) -> None:
    from tasks.crm.sync.state import BaseState

    state = BaseState(verden.geodata, verden.person.base.id)
    while not stop.is_set():
        state.sent("Tomter", [f"0099-{n:06d}" for n in range(100)])
