"""Forbindelse: the line to the host of one source: paced, bounded in time and bytes, retrying only what may pass.

Its deadline and its byte budget span all questions, pages and tries, so that endless paging, a slow drip or a
compressed bomb ends. It stays on its host. Every refusal is a `SourceError` naming the address and what to do; a
query, a password or a body never stands in full in a message.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import tenacity

from config.settings import is_loopback
from tasks.avsender import user_agent
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address, same_origin
from tasks.sources.limits import PACER, Limits
from tasks.sources.refusal import MayPassError, NoAccessError, NotFoundError, SilentError, retry_after
from tasks.sources.svar import CHUNK, NotModifiedError, decoded
from tasks.sources.unntak import recognise, shorten
from tasks.sources.vakt import Vakt

log = logging.getLogger("tomt.sources")

MAX_REDIRECTS = 3
CONDITIONS = {"if-none-match", "if-modified-since"}
KEPT = CONDITIONS | {"accept", "content-type"}
"""Headers that go along when a request is redirected."""

NOT_TAKEN = frozenset({429, 503})
"""Statuses of a source that says that it did nothing."""

T = TypeVar("T")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


@cache
def _tls() -> ssl.SSLContext:
    """Return the certificates that are trusted, read once: it takes 20 ms, as long as many an answer."""
    return httpx.create_ssl_context()


class Forbindelse:
    """A line to one host, made with what `tasks.sources.http.Client` says; use it as a context manager."""

    def __init__(
        self,
        base: str,
        *,
        limits: Limits,
        auth: tuple[str, str] | None = None,
        legitimasjon: str | None = None,
        contact: str | None = None,
        vakt: Vakt | None = None,
    ) -> None:
        self._base, self._limits, self._legitimasjon = base, limits, legitimasjon
        self.vakt = vakt
        seconds = limits.sekunder_kilde if vakt is None else min(limits.sekunder_kilde, vakt.left())
        self._deadline = time.monotonic() + seconds
        self._budget = limits.maks_bytes
        self._sockets: list[socket.socket] = []
        # httpx takes proxies and certificates from the environment, never .netrc; a proxy cannot reach loopback.
        self._http = httpx.Client(
            auth=httpx.BasicAuth(*auth) if auth else None,
            headers={"User-Agent": user_agent(contact), "Accept-Encoding": "gzip"},
            trust_env=not is_loopback(base),
            verify=_tls(),
            follow_redirects=False,
        )
        # A time limit per read does not end a server that drips one byte at a time; cutting the sockets does.
        self._watchdog = threading.Timer(seconds, self.cut)
        self._watchdog.daemon = True

    def __enter__(self) -> Self:
        self._watchdog.start()
        if self.vakt is not None:
            self.vakt.follow(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._watchdog.cancel()
        self._http.close()

    # --- one question ---

    def _try(self, request: httpx.Request, take: Callable[[httpx.Response], T], *, gjenta: bool = True) -> T:
        host = urlsplit(str(request.url)).netloc
        retrying = tenacity.Retrying(
            stop=lambda state: state.attempt_number >= self._tries(host),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._log_wait,
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, MayPassError) and (gjenta or not e.naadd)),
            reraise=True,
        )
        tries = 0
        try:
            for attempt in retrying:
                with attempt:
                    tries = attempt.retry_state.attempt_number
                    taken = self._once(request, take)
        except MayPassError as error:
            if self.vakt is not None:
                self.vakt.failed(host, taus=isinstance(error, SilentError))
            raise SourceError(f"{error} Asked {_times(tries)}; try again later.") from None
        if self.vakt is not None:
            self.vakt.answered(host)
        return taken

    def _tries(self, host: str) -> int:
        return 1 if self.vakt is not None and self.vakt.is_suspect(host) else self._limits.forsoek

    def _once(self, request: httpx.Request, take: Callable[[httpx.Response], T]) -> T:
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
                        self._check_status(asked, response)
                        return take(response)
                finally:
                    response.close()
            asked = target
        raise SourceError(f"{self._where(request.url)}: more than {MAX_REDIRECTS} redirects. {CHECK_ADDRESS}")

    def _send(self, request: httpx.Request) -> httpx.Response:
        left = self._left(request.url)
        read = min(self._limits.sekunder_lesing, left)
        if self.vakt is not None:
            host = urlsplit(str(request.url)).netloc
            self.vakt.check_host(host, self._where(request.url))
            if self.vakt.is_suspect(host):
                read = min(read, self._limits.sekunder_tilkobling)
        timeout = httpx.Timeout(read, connect=min(self._limits.sekunder_tilkobling, left))
        request.extensions = {"timeout": timeout.as_dict(), "trace": self._remember}
        return self._http.send(request, stream=True)

    def _check_status(self, request: httpx.Request, response: httpx.Response) -> None:
        where = self._where(request.url)
        if response.status_code == 304 and CONDITIONS & {name.lower() for name in request.headers}:
            raise NotModifiedError(f"{where}: HTTP 304, the same as last time.")
        if response.status_code != 200:
            raise self._refusal(where, response)

    def _pieces(self, response: httpx.Response, most: int) -> Iterator[bytes]:
        """Yield the body unpacked, within the time and the bytes that are left."""
        where, size = self._where(response.request.url), 0
        for part in decoded(where, response):
            size += len(part)
            self._budget -= len(part)  # at once: what a try brought counts, though it failed in the end
            self._left(response.request.url)
            if size > most or self._budget < 0:
                limit = min(most, self._limits.maks_bytes)
                ours = size <= most or most == self._limits.maks_bytes  # else what fits into the memory
                raised = self._limits.raad("maks_bytes") if ours else ""
                advice = f" Look at what it is{raised}." if raised else ""
                raise SourceError(f"{where}: more than {limit} bytes. Something is wrong with the answer.{advice}")
            yield part

    def _redirect(self, request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
        """Return the request to send instead, or None when the answer is no redirect."""
        if response.status_code not in {301, 302, 303, 307, 308}:
            return None
        where, location = self._where(request.url), response.headers.get("location", "")
        try:
            target = str(httpx.URL(urljoin(str(request.url), location)))
        except (ValueError, httpx.InvalidURL):
            raise SourceError(f"{where}: redirects to {shorten(location)!r}, no address. {CHECK_ADDRESS}") from None
        if not same_origin(target, str(request.url)):
            elsewhere = shorten(urlsplit(target).netloc.rpartition("@")[2])
            raise SourceError(
                f"{where}: redirects to another host ({elsewhere}), which is not followed. {CHECK_ADDRESS}"
            )
        if request.method == "POST" and response.status_code not in {307, 308}:
            raise SourceError(f"{where}: HTTP {response.status_code} in answer to a POST. {CHECK_ADDRESS}")
        headers = {k: v for k, v in request.headers.items() if k.lower() in KEPT}
        return self._http.build_request(request.method, target, content=request.content or None, headers=headers)

    def _refusal(self, where: str, response: httpx.Response) -> SourceError:
        status = response.status_code
        what = f"{where}: HTTP {status}."
        if status == 429 or status >= 500:
            wait = retry_after(response.headers.get("retry-after"))
            return MayPassError(what, wait, naadd=status not in NOT_TAKEN)
        if status in {401, 403}:
            return NoAccessError(f"{what} {self._credentials_advice(status)}")
        said = recognise(self._head(response))
        detail = f" It says: {said.tekst}." if said and said.tekst else ""
        kind = NotFoundError if status == 404 else SourceError
        return kind(f"{what}{detail} {CHECK_ADDRESS}")

    def _head(self, response: httpx.Response) -> bytes:
        """Return the beginning of an error's body."""
        head = b""
        with contextlib.suppress(SourceError):  # the status says enough
            for part in decoded("", response):
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
        if self.vakt is not None:
            self.vakt.check(self._where(url))
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SourceError(
                f"{self._where(url)}: not done within {self._limits.sekunder_kilde:g} s. Try again later"
                f"{self._limits.raad('sekunder_kilde')}."
            )
        return left

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        wait = error.wait if isinstance(error, MayPassError) else None
        if wait is None:
            wait = min(self._limits.pause_foerst * 2.0 ** (state.attempt_number - 1), self._limits.pause_lengst)
        if state.attempt_number >= self._limits.forsoek or (self.vakt is not None and self.vakt.is_ended):
            return 0.0  # asked for after the last try too
        if error is not None and wait >= self._deadline - time.monotonic():
            raise SourceError(f"{error} It wants {wait:.0f} s of patience, more than is left. Try again later.")
        return wait

    @staticmethod
    def _log_wait(state: tenacity.RetryCallState) -> None:
        """Log what is waited for; called only when another try follows."""
        error = state.outcome.exception() if state.outcome else None
        log.info("%s waiting %.1f s before asking again", error, state.upcoming_sleep)

    def _sleep(self, seconds: float) -> None:
        wait = time.sleep if self.vakt is None else self.vakt.wait
        wait(max(0.0, min(seconds, self._deadline - time.monotonic())))

    def _remember(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the socket of every new connection (httpcore's trace), so that the deadline can cut it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            made = info["return_value"].get_extra_info("socket")
            if made is not None:
                self._sockets.append(made)
                ended = self.vakt is not None and self.vakt.is_ended
                if ended or time.monotonic() >= self._deadline:  # made while the others were cut
                    self.cut()

    def cut(self) -> None:
        """Cut every connection: whoever waits for an answer sees an error at once."""
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
            unsent = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            kind = "connect" if unsent else "answer"
            raise SilentError(f"{where}: did not {kind} in time.", naadd=not unsent) from None
        except httpx.UnsupportedProtocol:
            raise SourceError(f"{where}: not an http(s) address. {CHECK_ADDRESS}") from None
        except httpx.TransportError as error:
            self._left(request.url)
            reason = shorten(str(error)) or type(error).__name__
            unsent = isinstance(error, httpx.ConnectError)
            raise SilentError(f"{where}: connection failed ({reason}).", naadd=not unsent) from None
