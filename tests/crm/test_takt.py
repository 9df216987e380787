"""The pace: no second at the server holds more than allowed, whatever the network, the clock and the disk do."""

from __future__ import annotations

import fcntl
import heapq
import itertools
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import delt
from tasks.crm import takt
from tasks.crm.takt import GIVE_UP_S, WINDOW_S, GlobalLimit, SharedPace
from tasks.errors import BusyError, StoreError
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
START = 1_800_000_000.0


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < START + 1000, "it waits for ever"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "crm" / "takt" / "appX.json"


def most_in_a_second(times: list[float]) -> int:
    times = sorted(times)
    return max((sum(t <= u < t + 1 for u in times[i:]) for i, t in enumerate(times)), default=0)


def pace_of(path: Path, clock: Clock, rate: float = 4.5) -> SharedPace:
    return SharedPace(path, rate, clock=clock, sleep=clock.sleep)


def leave(pace: SharedPace, clock: Clock, times: int, *, latency_s: float = 0.0) -> list[float]:
    left = []
    for _ in range(times):
        with pace.slot():
            left.append(clock.now)
            clock.now += latency_s
    return left


# --- the invariant ----------------------------------------------------------------------------------------------

REQUEST = st.tuples(
    st.floats(0, 5),  # seconds from leaving to the answer
    st.floats(0, 1),  # the part of them that has gone when it arrives
    st.floats(0, 0.5),  # overslept before the next try
    st.sampled_from([False] * 9 + [True]),  # the sender is killed before the answer
)


@settings(max_examples=60)
@given(
    senders=st.lists(st.lists(REQUEST, min_size=1, max_size=12), min_size=1, max_size=4),
    rate=st.sampled_from([1.0, 2.5, 4.5, 5.0, 9.0]),
)
def test_no_second_at_the_server_holds_too_many(tmp_path_factory, senders, rate):
    path = tmp_path_factory.mktemp("takt") / "appX.json"
    clock, arrived, left = Clock(), [], []
    paces = [pace_of(path, clock, rate) for _ in senders]
    events = [(START, sender, "ask", "") for sender in range(len(senders))]
    todo = [list(requests) for requests in senders]
    while events:
        clock.now, sender, what, slot = heapq.heappop(events)
        assert clock.now < START + 10_000, "it waits for ever"
        if what == "answered":
            paces[sender].give_back(slot)
        if not todo[sender]:
            continue
        latency, share, late, is_killed = todo[sender][0]
        taken = paces[sender].take()
        if isinstance(taken, float):
            heapq.heappush(events, (clock.now + taken + late, sender, "ask", ""))
            continue
        todo[sender].pop(0)
        left.append(clock.now)
        arrived.append(clock.now + latency * share)
        # who is killed leaves the slot as it is; a new process goes on
        heapq.heappush(events, (clock.now + latency, sender, "ask" if is_killed else "answered", taken))
    assert len(left) == sum(map(len, senders))  # all got through
    assert most_in_a_second(arrived) <= paces[0].per_window
    assert all(b - a > 1 / rate - 1e-6 for a, b in itertools.pairwise(left))


@pytest.mark.long
def test_three_processes_keep_the_pace_of_one(tmp_path):
    """Each holds a request back for a while after its slot; the server's own clock counts the arrivals."""
    arrived: list[float] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with lock:
                arrived.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    client = textwrap.dedent(
        f"""
        import http.client, random, sys, time
        from pathlib import Path
        from tasks.crm.takt import SharedPace
        held_back = random.Random(sys.argv[1])
        pace = SharedPace(Path({str(tmp_path / "t.json")!r}), 15)
        connection = http.client.HTTPConnection("127.0.0.1", {server.server_port})
        for _ in range(8):
            with pace.slot():
                time.sleep(held_back.choice([0, 0, 0.3]))
                connection.request("GET", "/")
                connection.getresponse().read()
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", client, str(n)], cwd=ROOT) for n in range(3)]
    try:
        assert [process.wait(PATIENCE_S) for process in running] == [0, 0, 0]
    finally:
        for process in running:
            process.kill()
        server.shutdown()
        server.server_close()
    assert len(arrived) == 24
    assert most_in_a_second(arrived) <= 15
    assert json.loads((tmp_path / "t.json").read_bytes().split(b"\n")[0])["last"] > 0


def test_the_state_is_read_and_written_by_one_at_a_time(path, monkeypatch, caplog):
    pace = SharedPace(path, 4.5)
    pace.give_back(pace.take())
    with path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=pace.take)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive()
    monkeypatch.setattr(delt, "LOCK_PATIENCE_S", 0.02)
    with path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # by a process that hangs
        with pytest.raises(BusyError, match=r"appX\.json: another process .* end it"):
            pace.take()
        with caplog.at_level(logging.WARNING, "tomt.takt"):
            pace.give_back("a")  # the answer that has come is kept
    assert "another process" in caplog.text


# --- worked examples --------------------------------------------------------------------------------------------


def test_quick_requests_leave_a_gap_apart_and_five_fill_a_second(path, clock):
    left = leave(pace_of(path, clock), clock, 7)
    assert [round(t - START, 3) for t in left] == [0, 0.222, 0.444, 0.667, 0.889, 1.111, 1.333]


def test_slow_requests_count_until_a_second_after_their_answer(path, clock):
    left = leave(pace_of(path, clock, 1.5), clock, 4, latency_s=0.9)
    # two a second: the third waits for the first to have been answered (0.9) a second ago
    assert [t - START for t in left] == pytest.approx([0, 0.9, 0.9 + WINDOW_S, 1.8 + WINDOW_S])


def test_no_rate_is_no_pacing_and_no_file(path, clock):
    pace = pace_of(path, clock, 0)
    pace.penalize(30)
    assert leave(pace, clock, 100) == [START] * 100
    assert not path.parent.exists()


def test_a_refusal_stops_every_process(path, clock):
    one, other = pace_of(path, clock), pace_of(path, clock)
    leave(one, clock, 1)
    one.penalize(30)
    one.penalize(1)  # a shorter one does not end it
    assert leave(other, clock, 1) == [START + 30]
    other.penalize(1e9)  # and none is for ever
    assert leave(one, clock, 1) == [START + 30 + takt.MAX_PENALTY_S]


def test_the_slot_is_given_back_when_the_request_fails(path, clock):
    pace = pace_of(path, clock, 1)
    with pytest.raises(ZeroDivisionError), pace.slot():
        _ = 1 / 0
    assert leave(pace, clock, 1) == [START + WINDOW_S]


def test_a_slot_of_a_killed_process_is_given_up(path, clock):
    code = (
        "import os, sys; from pathlib import Path; from tasks.crm.takt import SharedPace\n"
        f"with SharedPace(Path(sys.argv[1]), 1, clock=lambda: {START}).slot(): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False).returncode == 9
    assert json.loads(path.read_text())["slots"][0]["answered"] is None
    clock.now += 5
    assert leave(pace_of(path, clock, 1), clock, 1) == [START + 5 + WINDOW_S]  # it may just have left


@pytest.mark.parametrize(("host", "waits"), [("another-machine", GIVE_UP_S + WINDOW_S), (None, GIVE_UP_S + WINDOW_S)])
def test_a_slot_that_nobody_gives_back_is_given_up_in_the_end(path, clock, host, waits):
    pace = pace_of(path, clock, 1)
    pace.take()
    if host:  # whose processes cannot be looked up here
        path.write_text(path.read_text().replace(os.uname().nodename, host).replace(str(os.getpid()), "999999"))
    (left,) = leave(pace, clock, 1)
    assert waits <= left - START < waits + 2 * takt.ASK_AGAIN_S


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"null",
        b"\xff\xfe\n",
        b'{"last": NaN}',
        b'{"last": 1e999}',
        b'{"slots": [{"id": "a", "host": "b", "pid": -1, "left": 1}]}',
        b'{"slots": [' + b" " * 2**21,
        json.dumps({"last": START + 3600}).encode(),
        json.dumps({"until": START + 3600}).encode(),
        json.dumps({"slots": [{"id": "a", "host": "b", "pid": 1, "left": START + 60}]}).encode(),
    ],
)
def test_a_file_that_is_damaged_or_from_the_future_is_begun_anew(path, clock, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    # after a second, since what has just left is not known
    assert leave(pace_of(path, clock), clock, 2) == pytest.approx([START + WINDOW_S, START + WINDOW_S + 1 / 4.5])


@pytest.mark.parametrize(
    "content", [b"", b"\n", b'{"last": 0.0, "until": 0.0, "slots": []}\n], "rest": of a longer one']
)
def test_an_empty_file_and_what_stands_behind_the_state_are_no_damage(path, clock, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert leave(pace_of(path, clock), clock, 1) == [START]


def test_a_clock_set_back_stops_nobody_for_long(path, clock):
    pace = pace_of(path, clock)
    leave(pace, clock, 3)
    with pace.slot():  # on its way while the clock is set back
        clock.now = START - 3600
        assert leave(pace_of(path, clock), clock, 1) == [START - 3600 + WINDOW_S]
    assert len(json.loads(path.read_bytes().split(b"\n")[0])["slots"]) == 2  # the one on its way counts again


def test_setting_the_time_of_day_moves_nothing_on_one_boot(path, monkeypatch):
    pace, other = SharedPace(path, 1), SharedPace(path, 1)
    for day in (START, START - 86_400, START + 86_400):
        monkeypatch.setattr(takt.time, "time", lambda day=day: day)
        other.penalize(30)
        waits = pace.take()
        assert isinstance(waits, float)
        assert 25 < waits <= 30


@pytest.mark.parametrize(
    ("ago", "boot", "clock_then", "waits"),
    [
        (0.5, "another", 9e6, WINDOW_S - 0.5),  # another machine, or this one before it was started again
        (0.5, "another", 5.0, WINDOW_S - 0.5),
        (3600.0, "another", 9e6, None),
        (-60.0, "another", 9e6, WINDOW_S),  # whose time of day is another too
        (0.5, "", START, WINDOW_S),  # written before the boot stood in it
    ],
)
def test_what_another_boot_wrote_is_taken_by_the_time_of_day(path, clock, monkeypatch, ago, boot, clock_then, waits):
    clock.now = 50.0
    monkeypatch.setattr(takt.time, "time", lambda: START + clock.now)
    left = clock_then + clock.now - ago  # by its own clock
    slot = {"id": "a", "host": "another-machine", "pid": 1, "left": left, "answered": left}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"boot": boot, "ahead": START - clock_then, "last": left, "slots": [slot]}))
    pace = pace_of(path, clock, 1)
    taken = pace.take()
    assert taken == pytest.approx(waits) if waits else isinstance(taken, str)
    kept = json.loads(path.read_bytes().split(b"\n")[0])
    assert (kept["boot"], kept["ahead"]) == (delt.boot(), START)


def test_two_machines_at_one_file_both_get_on(path, clock, monkeypatch):
    ahead = START - clock.now
    monkeypatch.setattr(takt.time, "time", lambda: clock.now + ahead)
    monkeypatch.setattr(takt, "boot", lambda: boots[0])
    boots, left = ["one", "two"], {"one": 0, "two": 0}
    pace = pace_of(path, clock, 1)
    for _ in range(20):
        boots.reverse()
        taken = pace.take()
        if isinstance(taken, str):
            pace.give_back(taken)
            left[boots[0]] += 1
        else:
            clock.now += taken / 2 + 0.01
    assert all(left.values())


def test_where_no_boot_has_a_name_the_time_of_day_is_taken(tmp_path, monkeypatch):
    assert abs(delt.since_boot() - time.clock_gettime(time.CLOCK_BOOTTIME)) < PATIENCE_S
    monkeypatch.setattr(delt, "BOOT_ID", tmp_path / "absent")
    delt.boot.cache_clear()
    try:
        assert abs(delt.since_boot() - time.time()) < PATIENCE_S
    finally:
        delt.boot.cache_clear()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, clock):
    (tmp_path / "crm").write_text("a file")
    pace = pace_of(tmp_path / "crm" / "takt" / "appX.json", clock)
    with pytest.raises(StoreError, match=r"takt/appX\.json: .*TOMT_GEODATA"), pace.slot():
        pass


def test_an_answer_is_not_lost_when_the_slot_cannot_be_given_back(path, clock, caplog):
    with caplog.at_level(logging.WARNING, "tomt.takt"), pace_of(path, clock).slot():
        path.unlink()
        path.mkdir()
        answer = "kept"
    assert answer == "kept"
    assert "appX.json" in caplog.text


# --- Prefect's limit --------------------------------------------------------------------------------------------


def test_outside_a_run_no_server_is_asked(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert takt._run_server() is None
    GlobalLimit("airtable-appX", 4.5, sleep=lambda _: pytest.fail("asked")).wait()


@pytest.mark.long
def test_a_server_that_does_not_answer_is_said_once_and_left_alone(path, clock, monkeypatch, caplog):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    asked = []

    def server() -> str | None:
        asked.append(clock.now)
        return PREFECT_API_URL.value() if len(asked) == 1 else None

    monkeypatch.setattr(takt, "_run_server", server)
    limit = GlobalLimit("airtable-appX", 4.5, clock=clock, sleep=clock.sleep)
    pace = SharedPace(path, 4.5, across=limit, clock=clock, sleep=clock.sleep)
    with caplog.at_level(logging.WARNING, "tomt.takt"), temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        left = leave(pace, clock, 3)
        assert left == pytest.approx([START, START + 1 / 4.5, START + 2 / 4.5])  # the file goes on alone
        assert asked == [START]
        clock.now += takt.SERVER_AGAIN_S
        leave(pace, clock, 1)
    assert len(asked) == 2
    assert caplog.text.count("Prefect's limit airtable-appX") == 1


@pytest.mark.long
def test_runs_on_a_server_share_its_limit(tmp_path):
    from config.settings import Settings
    from flows.demo import free_port, prefect_server

    code = textwrap.dedent(
        """
        import time
        from prefect import flow
        from tasks.crm.takt import GlobalLimit
        @flow
        def run():
            limit = GlobalLimit("airtable-appX", 4.5)
            for _ in range(8):
                limit.wait()
                print(time.monotonic(), flush=True)
        run()
        """
    )
    with prefect_server(Settings(geodata=tmp_path), free_port(None, 0)) as env:
        running = [
            subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        granted = sorted(float(line) for process in running for line in process.communicate()[0].split())
        limits = httpx.post(f"{env['PREFECT_API_URL']}/v2/concurrency_limits/filter", json={}).json()
    assert len(granted) == 16
    assert granted[-1] - granted[0] > 14 / 4.5  # together, not each by itself
    assert [(x["name"], x["limit"], x["slot_decay_per_second"]) for x in limits] == [("airtable-appX", 1, 4.5)]
