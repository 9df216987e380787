"""One polite client per source on httpx: paced, bounded in time and bytes, and retrying only what may pass.

A client lives for one fetch. Its deadline and its byte budget span all pages and tries, so that endless paging, a
slow drip or a compressed bomb ends. Every refusal is a `SourceError` naming the address and what to do; a query, a
password or a body never stands in full in a message.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import httpx
import tenacity

from config.settings import is_loopback
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address, same_origin
from tasks.sources.limits import PACER, Limits
from tasks.sources.refusal import MayPassError, NotFoundError, exception_error, retry_after
from tasks.sources.unntak import recognise, shorten

log = logging.getLogger("tomt.sources")

CHUNK = 1 << 20
MAX_REDIRECTS = 3
JSON_BYTES = 200_000_000
"""One JSON document at most: read, it takes about ten times as much memory."""

Expected = Literal["json", "xml"]


@dataclass(frozen=True)
class Body:
    """One answer with status 200."""

    content: bytes
    url: str
    headers: Mapping[str, str]


def user_agent(contact: str | None) -> str:
    """Return ``tomtesourcing/<version> (+contact)``, safe as a header."""
    try:
        name = f"tomtesourcing/{version('tomtesourcing')}"
    except PackageNotFoundError:
        name = "tomtesourcing"
    plain = "".join(c for c in contact or "" if " " < c <= "~" and c not in "()")
    return f"{name} (+{plain})" if plain else name


class Client:
    """A client for one source; use it as a context manager.

    Parameters
    ----------
    base
        Address of the source; every request and redirect stays on its scheme, host and port.
    limits
        Time, tries, rate and bytes.
    auth
        User name and password for HTTP Basic, or None.
    legitimasjon
        Name of the credentials in config/plankilder.toml, for the message of a 401.
    contact
        Sent in the User-Agent.
    """

    def __init__(
        self,
        base: str,
        *,
        limits: Limits,
        auth: tuple[str, str] | None = None,
        legitimasjon: str | None = None,
        contact: str | None = None,
    ) -> None:
        self._base, self._limits, self._legitimasjon = base, limits, legitimasjon
        self._deadline = time.monotonic() + limits.sekunder_kilde
        self._budget = limits.maks_bytes
        self._sockets: list[socket.socket] = []
        # httpx takes proxies and certificates from the environment, never .netrc; a proxy cannot reach loopback.
        self._http = httpx.Client(
            auth=httpx.BasicAuth(*auth) if auth else None,
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip"},
            trust_env=not is_loopback(base),
            follow_redirects=False,
        )
        # A time limit per read does not end a server that drips one byte at a time; cutting the sockets does.
        self._watchdog = threading.Timer(limits.sekunder_kilde, self._cut)
        self._watchdog.daemon = True

    def __enter__(self) -> Client:
        self._watchdog.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._watchdog.cancel()
        self._http.close()

    def get(self, url: str, *, params: Mapping[str, str] | None = None, expected: Expected) -> Body:
        """Ask with GET.

        Raises
        ------
        SourceError
            Naming host, path, status and what to do.
        """
        accept = "application/geo+json, application/json" if expected == "json" else "application/xml, text/xml"
        headers = {"Accept": accept}
        request = self._http.build_request("GET", self._own(url), params=params or None, headers=headers)
        return self._ask(request, JSON_BYTES if expected == "json" else self._limits.maks_bytes)

    def post_xml(self, url: str, content: bytes) -> Body:
        """Ask with POST and an XML body; asking twice must be harmless. Raises as `get`."""
        headers = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml, text/xml"}
        request = self._http.build_request("POST", self._own(url), content=content, headers=headers)
        return self._ask(request, self._limits.maks_bytes)

    # --- one question ---

    def _ask(self, request: httpx.Request, most: int) -> Body:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._limits.forsoek),
            wait=self._wait,
            sleep=self._sleep,
            retry=tenacity.retry_if_exception_type(MayPassError),
            reraise=True,
        )
        tries = 0
        try:
            for attempt in retrying:
                with attempt:
                    tries = attempt.retry_state.attempt_number
                    body = self._once(request, most)
        except MayPassError as error:
            raise SourceError(f"{error} Asked {tries} times; try again later.") from None
        return body

    def _once(self, request: httpx.Request, most: int) -> Body:
        asked = request
        for _ in range(MAX_REDIRECTS + 1):
            host = asked.url.host
            if not is_loopback(str(asked.url)):
                self._sleep(PACER.turn(host, self._limits.per_sekund))
            with self._transport_errors(asked):
                response = self._send(asked)
                try:
                    target = self._redirect(asked, response)
                    if target is None:
                        return self._answer(asked, response, most)
                finally:
                    response.close()
            asked = target
        raise SourceError(f"{self._where(request.url)}: more than {MAX_REDIRECTS} redirects. {CHECK_ADDRESS}")

    def _send(self, request: httpx.Request) -> httpx.Response:
        left = self._left(request.url)
        read = min(self._limits.sekunder_lesing, left)
        timeout = httpx.Timeout(read, connect=min(self._limits.sekunder_tilkobling, left))
        request.extensions = {"timeout": timeout.as_dict(), "trace": self._remember}
        return self._http.send(request, stream=True)

    def _answer(self, request: httpx.Request, response: httpx.Response, most: int) -> Body:
        where = self._where(request.url)
        if response.status_code != 200:
            raise self._refusal(where, response)
        content = self._read(where, response, min(most, self._budget))
        unntak = recognise(content)
        if unntak is not None:
            raise exception_error(where, unntak)
        self._budget -= len(content)
        return Body(content, str(request.url), response.headers)

    def _read(self, where: str, response: httpx.Response, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in _decoded(where, response):
            size += len(part)
            self._left(response.request.url)
            if size > most:
                limit = most if most == JSON_BYTES else self._limits.maks_bytes
                raise SourceError(
                    f"{where}: more than {limit} bytes. Something is wrong with the answer; "
                    "if it is not, raise hent.maks_bytes in config/regler.toml."
                )
            parts.append(part)
        return b"".join(parts)

    def _redirect(self, request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
        """Return the request to send instead, or None when the answer is no redirect."""
        if response.status_code not in {301, 302, 303, 307, 308}:
            return None
        target = urljoin(str(request.url), response.headers.get("location", ""))
        where = self._where(request.url)
        if not same_origin(target, str(request.url)):
            elsewhere = shorten(urlsplit(target).netloc.rpartition("@")[2])
            raise SourceError(
                f"{where}: redirects to another host ({elsewhere}), which is not followed. {CHECK_ADDRESS}"
            )
        if request.method == "POST" and response.status_code not in {307, 308}:
            raise SourceError(f"{where}: HTTP {response.status_code} in answer to a POST. {CHECK_ADDRESS}")
        headers = {k: v for k, v in request.headers.items() if k.lower() in {"accept", "content-type"}}
        return self._http.build_request(request.method, target, content=request.content or None, headers=headers)

    def _refusal(self, where: str, response: httpx.Response) -> SourceError:
        status = response.status_code
        what = f"{where}: HTTP {status}."
        if status == 429 or status >= 500:
            return MayPassError(what, retry_after(response.headers.get("retry-after")))
        if status in {401, 403}:
            return SourceError(f"{what} {self._credentials_advice(status)}")
        said = recognise(self._head(response))
        detail = f" It says: {said.tekst}." if said and said.tekst else ""
        kind = NotFoundError if status == 404 else SourceError
        return kind(f"{what}{detail} {CHECK_ADDRESS}")

    def _head(self, response: httpx.Response) -> bytes:
        """Return the beginning of an error's body."""
        head = b""
        with contextlib.suppress(SourceError):  # the status says enough
            for part in _decoded("", response):
                head += part
                if len(head) > CHUNK:
                    break
        return head

    def _credentials_advice(self, status: int) -> str:
        if self._legitimasjon is None:
            return "The source is open in config/plankilder.toml, but asks for a login. Check the address there."
        prefix = f"TOMT_{self._legitimasjon.upper()}"
        if status == 403:
            return f"The login in {prefix}_USERNAME has no access to this; ask Norge digitalt for clearance."
        return f"Set {prefix}_USERNAME and {prefix}_PASSWORD; a Norge digitalt login with access is needed."

    # --- time ---

    def _left(self, url: httpx.URL) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SourceError(
                f"{self._where(url)}: not done within {self._limits.sekunder_kilde:g} s. Try again later, or raise "
                "hent.sekunder_kilde in config/regler.toml."
            )
        return left

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wait = error.wait if isinstance(error, MayPassError) else None
        if wait is None:
            wait = min(self._limits.pause_foerst * 2.0 ** (state.attempt_number - 1), self._limits.pause_lengst)
        if error is not None and wait >= self._deadline - time.monotonic():
            raise SourceError(f"{error} It wants {wait:.0f} s of patience, more than is left. Try again later.")
        log.info("%s waiting %.1f s before asking again", error, wait)
        return wait

    def _sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._deadline - time.monotonic())))

    def _remember(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the socket of every new connection (httpcore's trace), so that the deadline can cut it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            made = info["return_value"].get_extra_info("socket")
            if made is not None:
                self._sockets.append(made)
                if time.monotonic() >= self._deadline:  # made while the others were cut
                    self._cut()

    def _cut(self) -> None:
        for made in list(self._sockets):
            with contextlib.suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)

    # --- addresses ---

    def _own(self, url: str) -> str:
        if not same_origin(url, self._base):
            raise SourceError(f"{shorten(plain_address(url))}: not on the host of {plain_address(self._base)}.")
        return url

    @staticmethod
    def _where(url: httpx.URL) -> str:
        return plain_address(str(url))

    @contextlib.contextmanager
    def _transport_errors(self, request: httpx.Request) -> Iterator[None]:
        where = self._where(request.url)
        try:
            yield
        except httpx.TimeoutException as error:
            self._left(request.url)
            kind = "connect" if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout) else "answer"
            raise MayPassError(f"{where}: did not {kind} in time.") from None
        except httpx.UnsupportedProtocol:
            raise SourceError(f"{where}: not an http(s) address. {CHECK_ADDRESS}") from None
        except httpx.TransportError as error:
            self._left(request.url)
            reason = shorten(str(error)) or type(error).__name__
            raise MayPassError(f"{where}: connection failed ({reason}).") from None


def _decoded(where: str, response: httpx.Response) -> Iterator[bytes]:
    """Yield the body in pieces of at most `CHUNK` bytes after decompression.

    httpx unpacks a whole network read at once, and layer upon layer when the header says so: a bomb would fill the
    memory before it could be counted.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        yield from response.iter_raw(CHUNK)
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise SourceError(f"{where}: Content-Encoding {shorten(encoding)!r} was not asked for. {CHECK_ADDRESS}")
    unpack = zlib.decompressobj(wbits=31)
    try:
        for packed in response.iter_raw(CHUNK):
            piece, rest = unpack.decompress(packed, CHUNK), unpack.unconsumed_tail
            while piece:
                yield piece
                piece, rest = unpack.decompress(rest, CHUNK), unpack.unconsumed_tail
    except zlib.error:
        raise MayPassError(f"{where}: damaged compression.") from None
    if not unpack.eof:
        raise MayPassError(f"{where}: the compressed answer ends too early.")
