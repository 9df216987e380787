"""One polite client per source: the forms of asking, each answered in memory or in a file.

A client lives for one fetch, on one line (`forbindelse`). Large answers go to a file, and are unpacked on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx

from tasks.sources.forbindelse import Forbindelse
from tasks.sources.refusal import exception_error
from tasks.sources.svar import ACCEPT, Beginning, Body, Download, Expected, NotModifiedError, Validators
from tasks.sources.unntak import recognise

__all__ = ["Body", "Client", "Download", "Expected", "NotModifiedError", "Validators"]

IN_MEMORY: Mapping[Expected, int] = {"json": 80_000_000, "xml": 30_000_000, "zip": 50_000_000, "file": 50_000_000}
"""Bytes of one answer that is not kept in a file; a document that is read takes about ten times as much memory."""


class Client(Forbindelse):
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
