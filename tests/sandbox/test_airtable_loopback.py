"""Calls to this machine alone, over at their deadline whatever answers; and the pings that are made by them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tasks.sandbox.airtable import loopback
from tasks.sandbox.airtable.hookspec import is_address
from tasks.sandbox.airtable.loopback import LoopbackError, Turns
from tasks.sandbox.airtable.pings import Pings
from tasks.sandbox.airtable.sidefile import SideFile
from tasks.sandbox.airtable.turn import utc_now
from tests.waiting import PATIENCE_S

DRIPS = {
    "a head without end": b"HTTP/1.1 200 OK\r\nX-A: ",
    "a body without end": b"HTTP/1.1 200 OK\r\n\r\n",
    "a body of a told length": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
}


@pytest.fixture
def dripping(request) -> Iterator[int]:
    """A port that answers with a beginning and then a byte now and then, for ever."""
    over = threading.Event()

    def drip(client: socket.socket) -> None:
        try:
            client.sendall(request.param)
            while not over.wait(0.02):
                client.sendall(b"a")
        except OSError:
            pass
        finally:
            client.close()

    def listen() -> None:
        while not over.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


@pytest.mark.parametrize("dripping", list(DRIPS.values()), ids=list(DRIPS), indirect=True)
def test_an_answer_that_never_ends_is_given_up(dripping, monkeypatch):
    monkeypatch.setattr(loopback, "TIME_S", 0.1)
    with pytest.raises(LoopbackError):
        loopback.call("GET", f"http://127.0.0.1:{dripping}/")


def test_no_name_is_looked_up(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: asked.append(a) or [])
    for host in ("no-such-host.invalid", "a.localhost", "127.1", "0.0.0.0", "192.0.2.1", "[::]"):
        with pytest.raises(LoopbackError, match="not this machine"):
            loopback.call("GET", f"http://{host}/")
    assert asked == []


def test_so_many_have_a_turn_and_so_many_wait():
    turns, soon = Turns(at_once=1, waiting=1), time.monotonic() + PATIENCE_S
    with turns.one(soon):
        with pytest.raises(LoopbackError, match="all the time"), turns.one(time.monotonic()):
            pass
        waits = threading.Thread(target=lambda: turns.one(soon).__enter__(), daemon=True)
        waits.start()
        while turns._places.acquire(blocking=False):  # until the other waits
            turns._places.release()
        with pytest.raises(LoopbackError, match="too many"), turns.one(soon):
            pass
    waits.join(PATIENCE_S)
    assert not waits.is_alive()


@pytest.mark.parametrize(
    ("pings", "url", "is_sent"), [(1, "http://127.0.0.1:1/", True), (0, "http://127.0.0.1:1/", False), (1, None, False)]
)
def test_a_hook_that_is_not_to_be_pinged_is_not_queued(tmp_path, pings, url, is_sent):
    file = SideFile(tmp_path)
    file.write(
        "INSERT INTO hook (id, base, url, secret, spec, pings, expires) VALUES ('ach1', 'app1', ?, '', '{}', ?, '9')",
        *(url, pings),
    )
    sender = Pings(file, utc_now)
    sender.send("ach1")
    sender.close()
    assert (sender._thread is not None) is is_sent
    file.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x?y=1", "https://eksempel.no", "http://[::1]:80/", "http://blåbær.no/"]
)
def test_an_address_to_ping(url):
    assert is_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "//x",
        "http://",
        "http://a b/",
        "http://x/a b",
        "http://x/\u00a0",
        "http://x\r\ny/",
        "http://user@x/",
        "https://user:pw@x/",
        "http://:80/",
        "http://x:0/",
        "http://x:65536/",
        "http://x:a/",
        "http://[::1",
        "http://[x]/",
        "http://x\\y/",
        "http://-x/",
        "http://x/" + "a" * 2000,
        "",
        5,
    ],
)
def test_no_address_to_ping(url):
    assert not is_address(url)
