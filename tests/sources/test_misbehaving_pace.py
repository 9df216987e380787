"""How politely a host is asked: at most three questions a second, whoever asks, seen from the server."""

from __future__ import annotations

import dataclasses
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from config.registers import regler
from tasks.errors import SourceError
from tasks.sources.http import Client
from tasks.sources.limits import Limits, Pacer

from .conftest import Upstream

HOST = "kart.kommune.example"


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the client a clock of the test's own, and a host that is not loopback by name but is in truth."""
    clock, real = Clock(), socket.getaddrinfo

    def resolve(host: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name.endswith(".example") else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tasks.sources.limits.time", clock)
    monkeypatch.setattr("tasks.sources.forbindelse.time", clock)
    monkeypatch.setattr("tasks.sources.forbindelse.PACER", Pacer())
    return clock


@pytest.fixture
def limits() -> Limits:
    """The limits that runs use."""
    return dataclasses.replace(Limits.of(regler().hent), forsoek=2)


@pytest.fixture
def arrivals(upstream: Upstream, clock: Clock) -> list[float]:
    """When each question arrived at a server that answers {}."""
    seen: list[float] = []

    def answer(handler: Any) -> None:
        seen.append(clock.now)
        if "busy" in handler.path:
            handler.send(b"", status=503)
        elif "moved" in handler.path:
            handler.send(b"", status=307, Location="/here")
        else:
            handler.json({})

    upstream.answer = answer
    return seen


def _at_most_three_a_second(seen: list[float]) -> bool:
    ordered = sorted(seen)
    return all(later - first > 1 - 1e-6 for first, later in zip(ordered, ordered[3:], strict=False))


def test_the_register_says_three() -> None:
    assert Limits.of(regler().hent).per_sekund <= 3


def test_one_client(upstream: Upstream, limits: Limits, arrivals: list[float]) -> None:
    url = f"http://{HOST}:{upstream.server_port}"
    with Client(url, limits=limits) as client:
        for page in range(12):
            client.get(f"{url}/{page}", expected="json")
    assert len(arrivals) == 12
    assert _at_most_three_a_second(arrivals)
    assert max(arrivals) - min(arrivals) < 5  # and no slower than need be


def test_retries_and_redirects_count(upstream: Upstream, limits: Limits, arrivals: list[float]) -> None:
    url = f"http://{HOST}:{upstream.server_port}"
    quick = dataclasses.replace(limits, pause_foerst=0.0, pause_lengst=0.0)
    with Client(url, limits=quick) as client:
        for page in range(4):
            client.get(f"{url}/{page}/moved", expected="json")
            with pytest.raises(SourceError, match="503"):
                client.get(f"{url}/{page}/busy", expected="json")
    assert len(arrivals) == 16
    assert _at_most_three_a_second(arrivals)


def test_clients_of_the_same_host_share_its_turns(
    upstream: Upstream, limits: Limits, arrivals: list[float], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Several themes are fetched at a time; the turns that they are given are what the host sees."""
    turns: list[float] = []
    pacer = Pacer()
    real = pacer.turn

    def turn(host: str, per_second: float) -> float:
        wait = real(host, per_second)
        turns.append(1000.0 + wait)
        return wait

    monkeypatch.setattr(pacer, "turn", turn)
    monkeypatch.setattr("tasks.sources.forbindelse.PACER", pacer)
    monkeypatch.setattr(clock, "sleep", lambda seconds: None)  # all at the same moment: the turns alone keep them apart
    url = f"http://{HOST}:{upstream.server_port}"

    def fetch(theme: int) -> None:
        with Client(url, limits=limits) as client:
            for page in range(5):
                client.get(f"{url}/{theme}/{page}", expected="json")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fetch, range(4)))
    assert len(arrivals) == len(turns) == 20
    assert _at_most_three_a_second(turns)


def test_another_host_has_turns_of_its_own(upstream: Upstream, limits: Limits, arrivals: list[float]) -> None:
    for host in (HOST, "annen.example"):
        url = f"http://{host}:{upstream.server_port}"
        with Client(url, limits=limits) as client:
            client.get(url, expected="json")
    assert arrivals[0] == arrivals[1]
