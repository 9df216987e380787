"""The pace: no minute at SSB holds more requests than allowed, whoever sends them; nobody waits for ever."""

from __future__ import annotations

import fcntl
import heapq
import random
from pathlib import Path

import pytest

from tasks import delt
from tasks.errors import BusyError, StoreError
from tasks.sources.statistikk import takt
from tasks.sources.statistikk.takt import GONE_S, MAX_REST_S, WINDOW_S, Takt
from tests.sources.statistikk.pxbord import Klokke

LONGEST_S = 120.0


@pytest.fixture
def klokke() -> Klokke:
    return Klokke()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "ssb" / "takt.json"


def made(path: Path, klokke: Klokke, per_minute: int = 25) -> Takt:
    return Takt(path, per_minute, longest_s=LONGEST_S, clock=klokke.sek, sleep=klokke.sov)


def leave(pace: Takt, klokke: Klokke, times: int, *, latency_s: float = 0.0) -> list[float]:
    left = []
    for _ in range(times):
        with pace.slot():
            left.append(klokke.s)
            klokke.s += latency_s
    return left


def most_in_a_minute(times: list[float]) -> int:
    times, most, end = sorted(times), 0, 0
    for start, t in enumerate(times):
        while end < len(times) and times[end] < t + 60:
            end += 1
        most = max(most, end - start)
    return most


def simulate(
    path: Path, klokke: Klokke, *, seed: int, senders: int, each: int, per_minute: int
) -> tuple[list[float], float]:
    """Let processes ask at random, be late, be slow and be killed; return arrivals and the longest wait for a turn."""
    chance = random.Random(seed)
    paces = [made(path, klokke, per_minute) for _ in range(senders)]
    todo = [each] * senders
    since: dict[int, float] = {}
    arrived: list[float] = []
    longest, numbers = 0.0, iter(range(10**9))
    events = [(klokke.s + chance.uniform(0, 30), n, "ask", f"{n}-first") for n in range(senders)]
    heapq.heapify(events)
    while events:
        klokke.s, sender, what, asker = heapq.heappop(events)
        if what == "answered":
            paces[sender].give_back(asker)
        if what != "ask":
            if todo[sender]:
                fresh = f"{sender}-{next(numbers)}"
                heapq.heappush(events, (klokke.s + chance.choice([0, 0, 1, 40]), sender, "ask", fresh))
            continue
        since.setdefault(sender, klokke.s)
        wait = paces[sender].take(asker)
        if wait > 0:
            heapq.heappush(events, (klokke.s + wait + chance.choice([0, 0, 0.01, 2]), sender, "ask", asker))
            continue
        longest = max(longest, klokke.s - since.pop(sender))
        todo[sender] -= 1
        latency = chance.choice([0.05, 0.3, 5, 30])
        arrived.append(klokke.s + latency * chance.random())
        is_killed = chance.random() < 0.03
        heapq.heappush(events, (klokke.s + latency, sender, "killed" if is_killed else "answered", asker))
    return arrived, longest


def test_no_minute_holds_more_than_allowed_and_nobody_starves(path, klokke):
    arrived, longest = simulate(path, klokke, seed=7, senders=5, each=60, per_minute=25)
    assert len(arrived) == 300
    assert most_in_a_minute(arrived) <= 25
    # the queue: who waits is next after those who came before it, and all of these leave within two windows
    assert longest < 2 * WINDOW_S + LONGEST_S


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_no_minute_holds_more_than_allowed_over_thousands(path, klokke, seed):
    allowed, senders = (4, 10, 25)[seed % 3], 3 + seed
    arrived, longest = simulate(path, klokke, seed=seed, senders=senders, each=150, per_minute=allowed)
    assert len(arrived) == senders * 150
    assert most_in_a_minute(arrived) <= allowed
    assert longest < -(-senders // allowed) * (WINDOW_S + LONGEST_S) + GONE_S


def test_as_many_as_allowed_leave_at_once_and_the_next_a_minute_later(path, klokke):
    left = leave(made(path, klokke), klokke, 40)
    assert left[24] == left[0]
    assert left[25] == pytest.approx(left[0] + WINDOW_S, abs=0.01)
    assert left[39] == left[25]


def test_a_minute_counts_from_the_answer(path, klokke):
    left = leave(made(path, klokke, per_minute=1), klokke, 2, latency_s=20)
    assert left[1] == pytest.approx(left[0] + 20 + WINDOW_S, abs=0.01)


def test_who_came_first_is_next(path, klokke):
    pace = made(path, klokke, per_minute=1)
    leave(pace, klokke, 1)
    assert pace.take("first") > 0
    assert pace.take("second") > 0
    while klokke.s < 1_000_000 + WINDOW_S:
        klokke.s += 5
        if klokke.s < 1_000_000 + WINDOW_S:
            assert pace.take("first") > 0
        assert pace.take("second") > 0
    assert pace.take("first") == 0


def test_who_waits_and_is_gone_is_forgotten(path, klokke):
    pace = made(path, klokke, per_minute=1)
    leave(pace, klokke, 1)
    klokke.s += WINDOW_S - GONE_S
    assert pace.take("gone") > 0
    klokke.s += GONE_S
    assert pace.take("here") > 0
    klokke.s += 1
    assert pace.take("here") == 0


def test_who_gives_up_leaves_the_queue(path, klokke):
    pace = made(path, klokke, per_minute=1)
    leave(pace, klokke, 1)

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        Takt(path, 1, longest_s=LONGEST_S, clock=klokke.sek, sleep=interrupted).slot(),
    ):
        pass
    klokke.s += WINDOW_S
    assert pace.take("next") == 0


def test_a_killed_sender_counts_until_its_request_must_be_over(path, klokke):
    pace = made(path, klokke, per_minute=1)
    assert pace.take("killed") == 0
    left = leave(made(path, klokke, per_minute=1), klokke, 1)
    assert left[0] == pytest.approx(1_000_000 + LONGEST_S + WINDOW_S, abs=5)


def test_a_rest_holds_for_every_process_and_is_bounded(path, klokke):
    made(path, klokke).rest(60)
    assert leave(made(path, klokke), klokke, 1) == [pytest.approx(1_000_060)]
    made(path, klokke).rest(1e9)
    assert leave(made(path, klokke), klokke, 1) == [pytest.approx(1_000_060 + MAX_REST_S)]


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b'{"until": 9e99}\n',
        b'{"queue": [{"id": "a", "seen": 9e9}]}\n',
        *(
            pytest.param(its, marks=pytest.mark.long)
            for its in (
                b"\xff\xff\n",
                b'{"slots": 7}\n',
                b'{"until": NaN}\n',
                b'{"slots": [{"id": "a", "gone": 0, "answered": 9e9}]}\n',
                b"x" * 400_000,
            )
        ),
    ],
)
def test_a_damaged_file_waits_out_one_minute(path, klokke, damage, monkeypatch):
    monkeypatch.setattr(takt, "boot", lambda: "")
    path.parent.mkdir()
    path.write_bytes(damage)
    left = leave(made(path, klokke), klokke, 26)
    assert left[0] == pytest.approx(1_000_000 + WINDOW_S, abs=0.01)
    assert left[25] == pytest.approx(left[0] + WINDOW_S, abs=0.01)


@pytest.mark.parametrize(
    ("passed", "waits"), [(0.0, WINDOW_S), (50.0, WINDOW_S - 50), (61.0, 0.0), (-3600.0, WINDOW_S)]
)
def test_after_a_boot_the_rest_of_the_minute_is_waited_out(path, klokke, monkeypatch, passed, waits):
    monkeypatch.setattr(takt.time, "time", lambda: 1_800_000_000.0)
    monkeypatch.setattr(takt, "boot", lambda: "one")
    leave(made(path, klokke), klokke, 25)
    monkeypatch.setattr(takt, "boot", lambda: "another")
    monkeypatch.setattr(takt.time, "time", lambda: 1_800_000_000.0 + passed)
    klokke.s = 50.0  # the new boot's clock begins anew
    assert leave(made(path, klokke), klokke, 1) == [pytest.approx(50.0 + waits, abs=0.01)]


def test_a_lock_that_is_held_is_named(path, klokke, monkeypatch):
    monkeypatch.setattr(delt, "LOCK_PATIENCE_S", 0.0)
    leave(made(path, klokke), klokke, 1)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match=r"takt\.json: another process"):
            made(path, klokke).take("me")


def test_a_file_that_cannot_be_made_is_named(tmp_path, klokke):
    (tmp_path / "ssb").write_text("no folder")
    with pytest.raises(StoreError, match=r"takt\.json.*TOMT_GEODATA"):
        made(tmp_path / "ssb" / "takt.json", klokke).take("me")


def test_that_an_answer_cannot_be_noted_costs_no_answer(path, klokke, caplog):
    pace = made(path, klokke)
    with pace.slot():
        path.unlink()
        path.mkdir()
    assert "takt.json" in caplog.text
