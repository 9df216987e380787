"""A proxy before an Airtable that misbehaves as told: which request, and in which way.

It passes everything on and counts; `when` chooses requests, and a way says what happens to them. A way that raises
(a hook whose assertion fails) is told when the proxy is closed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.waiting import PATIENCE_S

RATE: dict[str, Any] = {
    "error": {"type": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}
}
OLD_RATE: dict[str, Any] = {"errors": [RATE["error"] | {"error": "RATE_LIMIT_REACHED"}]}
QUOTA: dict[str, Any] = {
    "error": {
        "type": "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
        "message": "API billing plan limit exceeded. You've reached the maximum number of requests allowed.",
    }
}
RETRIABLE: dict[str, Any] = {
    "error": {
        "type": "RETRIABLE_ERROR",
        "message": "Server encountered an error while processing your request, and it is safe to retry the request",
    }
}
EXPIRED: dict[str, Any] = {"error": {"type": "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"}}
PASSED_ON = ("Authorization", "Content-Type")


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    Attributes
    ----------
    nummer
        1, 2, 3 … of all requests.
    tabell
        Id of the table, or its name where the proxy was told; empty for what concerns none.
    """

    nummer: int
    metode: str
    sti: str
    tabell: str
    body: bytes
    token: str

    @property
    def is_write(self) -> bool:
        """True when records are made, changed or removed."""
        return self.metode != "GET" and bool(self.tabell) and not self.path.endswith("/listRecords")

    @property
    def is_create(self) -> bool:
        """True for records that are made by anything but an upsert."""
        return self.is_write and self.metode == "POST"

    @property
    def is_upsert(self) -> bool:
        """True for an upsert."""
        return self.metode == "PATCH" and b'"performUpsert"' in self.body

    @property
    def is_next_page(self) -> bool:
        """True for a page of a listing but the first."""
        return "offset=" in self.sti or (self.path.endswith("/listRecords") and b'"offset"' in self.body)

    @property
    def path(self) -> str:
        """The address without its query."""
        return self.sti.partition("?")[0]


@dataclass(frozen=True)
class Svar:
    """An answer."""

    status: int
    data: bytes
    slag: str = "application/json"
    vent_s: int | None = None

    @classmethod
    def of(cls, status: int, body: object, *, vent_s: int | None = None) -> Svar:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(body).encode(), vent_s=vent_s)


class Exchange:
    """One request and what can be done with it."""

    def __init__(self, proxy: OndAirtable, asked: Asked, handler: _Handler) -> None:
        self.proxy, self.asked, self._handler = proxy, asked, handler

    def pass_on(self) -> Svar:
        """Let the Airtable carry it out, and return what it says."""
        return self.proxy.carry_out(self.asked)

    def answer(self, svar: Svar, *, most: int | None = None) -> None:
        """Send an answer, or only its first `most` bytes under a length that says more."""
        self._handler.send(svar, most=most)

    def reset(self) -> None:
        """Break the connection."""
        self._handler.reset()

    def wait_for_client(self) -> None:
        """Wait until the client has given up."""
        self._handler.wait_for_client()


Way = Callable[[Exchange], None]
Match = Callable[[Asked], bool]


@dataclass
class _Rule:
    match: Match
    way: Way
    skip: int
    times: int


@dataclass
class OndAirtable:
    """The proxy, for as long as the block lasts.

    Attributes
    ----------
    upstream
        Address of the Airtable.
    names
        Table id → name, for `Asked.tabell`.
    seen
        What came, in order.
    """

    upstream: str
    names: dict[str, str] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rules: list[_Rule] = []
        self._postponed: list[tuple[int, Asked]] = []
        self._lock = threading.Lock()
        self._none_is_late = threading.Event()
        self._none_is_late.set()
        self._local = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.RequestHandlerClass = type("Handler", (_Handler,), {"proxy": self})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self.raised and kind is None:
            raise self.raised[0]

    def when(self, match: Match, way: Way, *, nth: int = 1, times: int = 1) -> None:
        """Misbehave at the nth request that fits, and at those after it that fit, `times` in all."""
        with self._lock:
            self._rules.append(_Rule(match, way, nth - 1, times))

    def behave(self) -> None:
        """Forget all ways, and what was seen; what was postponed is carried out."""
        with self._lock:
            self._rules.clear()
            self.seen.clear()
        self.carry_out_postponed()

    # --- what ways use ---

    def carry_out(self, asked: Asked) -> Svar:
        """Send a request to the Airtable; one connection a thread."""
        for attempt in (1, 2):  # the Airtable may have closed a connection that was kept
            link: http.client.HTTPConnection | None = getattr(self._local, "link", None)
            if link is None:
                link = self._local.link = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=PATIENCE_S)
            try:
                headers = {"Authorization": asked.token, "Content-Type": "application/json"}
                link.request(asked.metode, asked.sti, body=asked.body or None, headers=headers)
                answer = link.getresponse()
                return Svar(answer.status, answer.read(), answer.headers.get("Content-Type") or "")
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.hang_up()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def hang_up(self) -> None:
        """Close this thread's connection to the Airtable."""
        link: http.client.HTTPConnection | None = getattr(self._local, "link", None)
        if link is not None:
            link.close()
            self._local.link = None

    def postpone(self, asked: Asked, *, requests: int) -> None:
        """Carry a request out when so many more have come."""
        with self._lock:
            self._postponed.append((asked.nummer + requests, asked))

    def carry_out_postponed(self, *, until: int | None = None) -> None:
        """Carry out what is due at request `until`, or everything."""
        with self._lock:
            due = [asked for n, asked in self._postponed if until is None or n <= until]
            self._postponed = [p for p in self._postponed if p[1] not in due]
        for asked in due:
            self.carry_out(asked)

    @contextlib.contextmanager
    def holding_others(self) -> Iterator[None]:
        """Let every request that comes meanwhile wait."""
        self._none_is_late.clear()
        try:
            yield
        finally:
            self._none_is_late.set()

    # --- what the handler uses ---

    def receive(self, metode: str, sti: str, body: bytes, token: str) -> tuple[Asked, Way]:
        """Note a request, and return how it is treated."""
        assert self._none_is_late.wait(PATIENCE_S)
        parts = urlsplit(sti).path.split("/")
        key = parts[3] if len(parts) > 3 and parts[2] != "meta" else ""
        with self._lock:
            asked = Asked(len(self.seen) + 1, metode, sti, self.names.get(key, key), body, token)
            self.seen.append(asked)
            way = self._choose(asked)
        self.carry_out_postponed(until=asked.nummer)
        return asked, way

    def _choose(self, asked: Asked) -> Way:
        chosen: Way = behave
        for rule in self._rules:
            if rule.times and rule.match(asked):
                if rule.skip:
                    rule.skip -= 1
                elif chosen is behave:
                    rule.times -= 1
                    chosen = rule.way
        return chosen


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave together
    proxy: OndAirtable

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client was killed, or gave up
            self.close_connection = True
        finally:
            self.proxy.hang_up()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            asked, way = self.proxy.receive(self.command, self.path, body, self.headers.get("Authorization", ""))
            way(Exchange(self.proxy, asked, self))
        except OSError:
            raise
        except BaseException as error:  # a hook's; told by the test that closes the proxy
            self.proxy.raised.append(error)
            self.reset()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815  # the names that http.server calls

    def send(self, svar: Svar, *, most: int | None) -> None:
        self.send_response(svar.status)
        self.send_header("Content-Type", svar.slag)
        self.send_header("Content-Length", str(len(svar.data)))
        if svar.vent_s is not None:
            self.send_header("Retry-After", str(svar.vent_s))
        self.end_headers()
        self.wfile.write(svar.data[:most])
        self.wfile.flush()
        if most is not None:
            self.close_connection = True

    def reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())

    def wait_for_client(self) -> None:
        ready, _, _ = select.select([self.connection], [], [], PATIENCE_S)
        assert ready, "the client waits longer than the test"

    def log_message(self, *_: object) -> None:
        pass


# --- which requests ---


def any_request(asked: Asked) -> bool:
    """Fit every request."""
    return True


def writes(tabell: str | None = None) -> Match:
    """Fit requests that make, change or remove records, of one table or of all."""
    return lambda asked: asked.is_write and tabell in (None, asked.tabell)


def creates(tabell: str | None = None) -> Match:
    """Fit requests that make records otherwise than by an upsert."""
    return lambda asked: asked.is_create and tabell in (None, asked.tabell)


def reads(tabell: str) -> Match:
    """Fit listings of a table, each page of them."""
    return lambda asked: not asked.is_write and asked.tabell == tabell


def next_pages(asked: Asked) -> bool:
    """Fit every page of a listing but the first."""
    return asked.is_next_page


# --- ways ---


def behave(exchange: Exchange) -> None:
    """Pass on, and answer."""
    exchange.answer(exchange.pass_on())


def lose_request(exchange: Exchange) -> None:
    """Break the connection before anything is carried out."""
    exchange.reset()


def lose_answer(exchange: Exchange) -> None:
    """Carry out, and break the connection instead of answering."""
    exchange.pass_on()
    exchange.reset()


def answer_too_late(exchange: Exchange) -> None:
    """Carry out at once, and answer when the client has given up."""
    exchange.pass_on()
    exchange.wait_for_client()
    exchange.reset()


def carry_out_too_late(exchange: Exchange) -> None:
    """Carry out when the client has given up, and before it is heard again."""
    with exchange.proxy.holding_others():
        exchange.wait_for_client()
        exchange.pass_on()
    exchange.reset()


def carry_out_after(requests: int) -> Way:
    """Carry out when the client has given up and has sent so many further requests."""

    def way(exchange: Exchange) -> None:
        exchange.proxy.postpone(exchange.asked, requests=requests)
        exchange.wait_for_client()
        exchange.reset()

    return way


def refuse(status: int, body: object = None, *, carried_out: bool = False, vent_s: int | None = None) -> Way:
    """Answer with an error, after having carried the request out or not."""

    def way(exchange: Exchange) -> None:
        if carried_out:
            exchange.pass_on()
        exchange.answer(Svar.of(status, {} if body is None else body, vent_s=vent_s))

    return way


def cut_short(exchange: Exchange) -> None:
    """Carry out, and send half of the answer."""
    svar = exchange.pass_on()
    exchange.answer(svar, most=len(svar.data) // 2)


def html(exchange: Exchange) -> None:
    """Carry out, and answer with a page, as a portal that wants a login does."""
    exchange.pass_on()
    exchange.answer(Svar(200, b"<html><body>Log in</body></html>", "text/html"))


def first(do: Callable[[], object]) -> Way:
    """Do something just before the request is passed on: a person is at work, or a process is killed."""

    def way(exchange: Exchange) -> None:
        do()
        behave(exchange)

    return way


def then(do: Callable[[], object]) -> Way:
    """Do something once the request is carried out, before it is answered."""

    def way(exchange: Exchange) -> None:
        svar = exchange.pass_on()
        do()
        exchange.answer(svar)

    return way


def at_last(do: Callable[[], object]) -> Way:
    """Do something once the request is answered."""

    def way(exchange: Exchange) -> None:
        behave(exchange)
        do()

    return way
