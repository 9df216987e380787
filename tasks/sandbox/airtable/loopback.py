"""Requests to this machine alone: files that an attachment's address names, and pings of webhooks.

No name is looked up: an address is called that is written as one of this machine, or `localhost`. Redirects are not
followed, https is not spoken, sizes are bounded, and a call is over at its deadline, whatever the other side does: its
socket is shut then.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

MAX_BYTES = 20_000_000
TIME_S = 10.0
"""What one call, or all those of one request together, may take."""
CHUNK = 64 * 1024
MOST_AT_ONCE = 4
"""Files that are fetched at the same time."""
MOST_WAITING = 16
"""Files that wait for their turn; more are refused, since each of them holds a thread of the server's."""
LOCALHOST = "127.0.0.1"


class LoopbackError(OSError):
    """A request that was not made, or that did not end well."""


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Attributes
    ----------
    status
        Of HTTP.
    kind
        The type of the content, "" when it was not told.
    data
        The content.
    """

    status: int
    kind: str
    data: bytes


def deadline() -> float:
    """Return when calls that begin now must be over, of `time.monotonic`."""
    return time.monotonic() + TIME_S


def call(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    until: float | None = None,
) -> Answer:
    """Make a request to an http address of this machine.

    Parameters
    ----------
    until
        When it must be over, of `time.monotonic`; `TIME_S` from now when None.

    Raises
    ------
    LoopbackError
        For another machine, and for an answer that does not come, comes too slowly, or is too large.
    """
    parts, host, port = _place(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    left = (deadline() if until is None else until) - time.monotonic()
    if left <= 0:
        raise LoopbackError("no time is left")
    shut = threading.Event()
    try:
        with closing(http.client.HTTPConnection(host, port, timeout=left)) as connection:
            began = time.monotonic()
            connection.connect()
            with _shut_after(left - (time.monotonic() - began), connection.sock, shut):
                connection.request(method, path, body=body, headers={"Host": parts.netloc, **(headers or {})})
                response = connection.getresponse()
                answer = Answer(response.status, response.headers.get_content_type(), _content(response))
    except (http.client.HTTPException, ValueError, OSError) as error:
        if isinstance(error, LoopbackError):
            raise
        raise LoopbackError(f"no answer ({type(error).__name__})") from error
    if shut.is_set():  # what came until then looks like all of it
        raise LoopbackError(f"not all there within {TIME_S:.0f} s")
    return answer


def _place(url: str) -> tuple[SplitResult, str, int]:
    """Return an address in its parts, and the address and port of this machine that it names."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise LoopbackError("the address cannot be read") from error
    if parts.scheme != "http" or not host or parts.username is not None:
        raise LoopbackError("only plain http addresses of this machine are called")
    if host == "localhost":
        return parts, LOCALHOST, port
    try:
        is_own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_own = False
    if not is_own:
        raise LoopbackError("the host is not this machine")
    return parts, host, port


@contextmanager
def _shut_after(seconds: float, sock: socket.socket, shut: threading.Event) -> Iterator[None]:
    """Shut a socket when the block takes longer, and say so."""

    def over() -> None:
        shut.set()
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was quicker

    watch = threading.Timer(max(seconds, 0), over)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _content(response: http.client.HTTPResponse) -> bytes:
    data = bytearray()
    while part := response.read1(CHUNK):
        data += part
        if len(data) > MAX_BYTES:
            raise LoopbackError(f"more than {MAX_BYTES} bytes")
    return bytes(data)


class Turns:
    """Who may fetch: so many at the same time, and so many that wait."""

    def __init__(self, at_once: int = MOST_AT_ONCE, waiting: int = MOST_WAITING) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + waiting)

    @contextmanager
    def one(self, until: float) -> Iterator[None]:
        """Wait for a turn, and have it within the block.

        Raises
        ------
        LoopbackError
            When too many wait, or none comes before the deadline.
        """
        if not self._places.acquire(blocking=False):
            raise LoopbackError("too many files are asked for at the same time")
        try:
            if not self._free.acquire(timeout=max(until - time.monotonic(), 0)):
                raise LoopbackError("other files took all the time")
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places.release()
