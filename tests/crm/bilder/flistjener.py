"""A tile server on this machine that does as it is told: answers, lies, hangs or dies."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from tests.waiting import PATIENCE_S

Answer = Callable[[BaseHTTPRequestHandler], None]


def png(side: int = 256, grey: int = 200, kind: str = "PNG") -> bytes:
    """Return a tile."""
    out = io.BytesIO()
    Image.new("L", (side, side), grey).save(out, kind)
    return out.getvalue()


def bomb(side: int) -> bytes:
    """Return a PNG whose head says one size and whose few bytes unpack to very many."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (side + 1) * min(side, 400), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Flistjener:
    """The server: `answer` is what it does next; `asked` are the paths that it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.free = threading.Event()
        self.answer: Answer = self.sends(png())
        self.url = ""

    @property
    def adresse(self) -> str:
        """The template for config/bilder.toml."""
        return f"{self.url}/{{sett}}/{{z}}/{{y}}/{{x}}.png"

    def sends(self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """Answer with these bytes."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        return answer

    def hangs(self) -> Answer:
        """Begin an answer, and go on when the test is over."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"\x89PNG")
            handler.wfile.flush()
            self.free.wait(PATIENCE_S)

        return answer

    def drips(self) -> Answer:
        """Send a byte at a time for as long as anybody reads."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while not self.free.wait(0.01):
                handler.wfile.write(b"x")
                handler.wfile.flush()

        return answer


@contextmanager
def serve() -> Iterator[Flistjener]:
    """Yield a server that answers."""
    tjener = Flistjener()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tjener.asked.append(self.path)
            tjener.agents.append(self.headers["User-Agent"])
            try:
                tjener.answer(self)
            except OSError:  # whoever asked has gone
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    tjener.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield tjener
    finally:
        tjener.free.set()
        server.shutdown()
        server.server_close()
        thread.join()
