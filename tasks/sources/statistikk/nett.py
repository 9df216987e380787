"""Nett: one request to SSB, bounded in time and bytes, and SSB's own words when it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from tasks.errors import SourceError
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.refusal import retry_after
from tasks.sources.unntak import recognise, shorten

CONNECT_S = 15.0
UNPACED = 1e6
"""Requests a second: `takt` keeps the pace."""


class RefusedError(SourceError):
    """SSB refused a request.

    Attributes
    ----------
    status
        HTTP status.
    tittel
        `title` of its answer; None when it has none.
    vent
        Seconds that it asks to be left alone.
    """

    def __init__(self, message: str, status: int, tittel: str | None, vent: float | None) -> None:
        super().__init__(message, status, tittel, vent)
        self.status, self.tittel, self.vent = status, tittel, vent

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])


class OutOfTimeError(SourceError):
    """The answer was not there in full when its time was up."""


class PageError(SourceError):
    """A page, or an exception of a server in front of SSB, came with status 200."""


class Nett(Client):
    """A client for one request; use it as a context manager.

    Parameters
    ----------
    sekunder, maks_bytes
        Of the whole answer.
    """

    def __init__(self, base: str, *, sekunder: float, maks_bytes: int, contact: str | None) -> None:
        limits = Limits(
            sekunder_tilkobling=min(CONNECT_S, sekunder),
            sekunder_lesing=sekunder,
            sekunder_kilde=sekunder,
            forsoek=1,
            per_sekund=UNPACED,
            maks_bytes=maks_bytes,
            side=1,
            tabell=None,
        )
        super().__init__(base, limits=limits, contact=contact)
        self._most = maks_bytes

    def __enter__(self) -> Nett:
        super().__enter__()
        return self

    def ask(self, url: str, *, params: Mapping[str, str], body: Mapping[str, Any] | None = None) -> bytes:
        """Ask once: GET, or POST where there is a body.

        Raises
        ------
        RefusedError
            HTTP status other than 200, a redirect among them.
        MayPassError
            No answer, or one that was cut off.
        OutOfTimeError
            Not done in time.
        PageError
            A page instead of figures.
        SourceError
            Too large.
        """
        request = self._http.build_request(
            "GET" if body is None else "POST",
            httpx.URL(self._own(url)).copy_merge_params(dict(params)),
            json=body,
            headers={"Accept": "application/json"},
        )
        return self._once(request, self._figures)

    def _figures(self, response: httpx.Response) -> bytes:
        content = b"".join(self._pieces(response, self._most))
        page = recognise(content)
        if page is not None:
            raise PageError(
                f"{self._where(response.request.url)}: HTTP 200 with {page.slag}: {page.tekst or 'no text'}."
            )
        return content

    def _left(self, url: httpx.URL) -> float:
        try:
            return super()._left(url)
        except SourceError as error:
            raise OutOfTimeError(str(error)) from None

    def _redirect(self, request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
        """Follow nothing: it would be a request that the pace does not count."""
        if response.status_code in {301, 302, 303, 307, 308}:
            raise RefusedError(f"{self._where(request.url)}: it redirects elsewhere.", response.status_code, None, None)
        return None

    def _refusal(self, where: str, response: httpx.Response) -> SourceError:
        title = _title(self._head(response))
        said = f" It says {title!r}." if title else ""
        wait = retry_after(response.headers.get("retry-after"))
        return RefusedError(f"{where}: HTTP {response.status_code}.{said}", response.status_code, title, wait)


def _title(head: bytes) -> str | None:
    """Return what SSB says in an error's body: `title`, and `detail` where it adds to it."""
    try:
        problem = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if not isinstance(problem, dict) or not isinstance(problem.get("title"), str):
        return None
    title, detail = problem["title"], problem.get("detail")
    return shorten(f"{title}: {detail}" if isinstance(detail, str) and detail not in {"", title} else title) or None
