"""One polite client per source on httpx: paced, bounded in time and bytes, and retrying only what may pass.

A client lives for one fetch. Its deadline and its byte budget span all pages and tries, so that endless paging, a
slow drip or a compressed bomb ends. Large answers go to a file, and are unpacked on the way. Every refusal is a
`SourceError` naming the address and what to do; a query, a password or a body never stands in full in a message.
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
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import tenacity

from config.settings import is_loopback
from tasks.avsender import user_agent
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address, same_origin
from tasks.sources.limits import PACER, Limits
from tasks.sources.refusal import MayPassError, NoAccessError, NotFoundError, SilentError, exception_error, retry_after
from tasks.sources.svar import (
    ACCEPT,
    CHUNK,
    Beginning,
    Body,
    Download,
    Expected,
    NotModifiedError,
    Validators,
    decoded,
)
from tasks.sources.unntak import recognise, shorten
from tasks.sources.vakt import Vakt

__all__ = ["Body", "Client", "Download", "Expected", "NotModifiedError", "Validators"]

log = logging.getLogger("tomt.sources")

MAX_REDIRECTS = 3
IN_MEMORY: Mapping[Expected, int] = {"json": 80_000_000, "xml": 30_000_000, "zip": 50_000_000, "file": 50_000_000}
"""Bytes of one answer that is not kept in a file; a document that is read takes about ten times as much memory."""
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
    vakt
        Shared with others that are asked together: when all must end, and which hosts do not answer.
    """

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

    def __enter__(self) -> Client:
        self._watchdog.start()
        if self.vakt is not None:
            self.vakt.follow(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._watchdog.cancel()
        self._http.close()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        expected: Expected,
        known: Validators | None = None,
    ) -> Body:
        """Ask with GET.

        Parameters
        ----------
        params
            Added to the query of the address.
        known
            Validators of an answer that is at hand.

        Raises
        ------
        NotModifiedError
            When what is `known` is still what the source has.
        SourceError
            Naming host, path, status and what to do.
        """
        request = self._request(url, params, expected=expected, known=known)
        return self._ask(request, IN_MEMORY[expected])

    def download(
        self,
        url: str,
        *,
        to: Path,
        params: Mapping[str, str] | None = None,
        post: bytes | None = None,
        expected: Expected,
        known: Validators | None = None,
    ) -> Download:
        """Ask with GET, or with POST and an XML body, and keep the answer in a file, unpacked.

        Parameters
        ----------
        to
            Written anew by every try; not there when there is no answer.
        post
            XML; asking twice must be harmless.
        expected
            What the file must begin as. The Content-Type alone convicts nobody.

        Raises
        ------
        NotModifiedError, SourceError
            As `get`.
        """
        request = self._request(url, params, expected=expected, known=known, post=post)
        try:
            return self._try(request, lambda response: self._to_file(response, to, expected))
        except BaseException:
            to.unlink(missing_ok=True)
            raise

    def post_xml(self, url: str, content: bytes) -> Body:
        """Ask with POST and an XML body; asking twice must be harmless. Raises as `get`."""
        headers = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml, text/xml"}
        request = self._http.build_request("POST", self._own(url), content=content, headers=headers)
        return self._ask(request, IN_MEMORY["xml"])

    def post_form(self, url: str, data: Mapping[str, str], *, expected: Expected) -> Body:
        """Ask with POST and a form, for questions too long for an address; asking twice must be harmless.

        Raises as `get`.
        """
        headers = {"Accept": "application/json" if expected == "json" else "application/xml, text/xml"}
        request = self._http.build_request("POST", self._own(url), data=dict(data), headers=headers)
        return self._ask(request, IN_MEMORY[expected])

    def order(self, url: str, data: object) -> Body:
        """Order something with POST and a JSON body, and return the JSON receipt. Raises as `get`.

        Asked again only where the source cannot have taken the order, or says that it did not: not connected, or HTTP
        429 or 503. Whoever runs it makes files for each.
        """
        request = self._http.build_request("POST", self._own(url), json=data, headers={"Accept": "application/json"})
        return self._try(request, lambda response: self._in_memory(response, IN_MEMORY["json"]), gjenta=False)

    def in_time(self, url: str) -> None:
        """Raise `SourceError` when there is no time left; for long work on an answer."""
        self._left(httpx.URL(url))

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the time that the source has."""
        self._sleep(seconds)

    # --- one question ---

    def _request(
        self,
        url: str,
        params: Mapping[str, str] | None,
        *,
        expected: Expected,
        known: Validators | None,
        post: bytes | None = None,
    ) -> httpx.Request:
        headers = {"Accept": ACCEPT[expected]} | (known.headers() if known else {})
        if post is not None:
            headers["Content-Type"] = "application/xml; charset=utf-8"
        asked = httpx.URL(self._own(url)).copy_merge_params(dict(params or {}))
        return self._http.build_request("GET" if post is None else "POST", asked, content=post, headers=headers)

    def _ask(self, request: httpx.Request, most: int) -> Body:
        return self._try(request, lambda response: self._in_memory(response, most))

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

    def _in_memory(self, response: httpx.Response, most: int) -> Body:
        url = response.request.url
        content = b"".join(self._pieces(response, most))
        unntak = recognise(content)
        if unntak is not None:
            raise exception_error(self._where(url), unntak)
        return Body(content, str(url), response.headers)

    def _to_file(self, response: httpx.Response, to: Path, expected: Expected) -> Download:
        url = response.request.url
        beginning = Beginning(self._where(url), response.headers.get("content-type", ""), expected)
        with to.open("wb") as file:
            for part in self._pieces(response, self._limits.maks_bytes):
                beginning.add(part)
                file.write(part)
            size = file.tell()
        beginning.check()
        return Download(to, str(url), response.headers, size)

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
