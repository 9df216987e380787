"""A server in a thread: what it holds is given back when nothing uses it any more."""

from __future__ import annotations

import socket
import threading

import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from tasks.sandbox import serve


class Big(serve.Server):
    """Answers with more than a socket holds."""

    name = "a big answer"

    def __init__(self) -> None:
        super().__init__()
        self.released_beside: list[list[str]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def make_app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/big")
        async def big() -> Response:
            self.begun.set()
            return Response(b"x" * 50_000_000)

        @app.get("/slow")
        async def slow() -> str:
            self.begun.set()
            self.go_on.wait()
            return ""

        return app

    def release(self) -> None:
        self.released_beside.append([t.name for t in threading.enumerate() if t.name == self.name])


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(serve, "GRACE_S", 1)
    running = Big().start()
    yield running
    running.go_on.set()
    running.stop()


def asked(server: Big, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert server.begun.wait(60)
    return client


@pytest.mark.long
def test_a_client_that_does_not_read_does_not_keep_it(server):
    with asked(server, "/big"):
        server.stop()
    assert server.released_beside == [[]]


def test_what_is_in_use_is_not_given_back(server, monkeypatch):
    monkeypatch.setattr(serve, "STOP_S", 0.1)
    monkeypatch.setattr(serve, "FORCED_S", 0.1)
    with asked(server, "/slow"):
        with pytest.raises(TimeoutError, match="still under way"):
            server.stop()
        assert server.released_beside == []
        server.go_on.set()
        monkeypatch.setattr(serve, "FORCED_S", 60)
        server.stop()
    assert server.released_beside == [[]]
