"""Fetching: the bytes of an attachment from the address that Airtable gives, without the token.

An address is only asked when it is Airtable's own or, for an Airtable on this machine, of this machine. What is sent
is bounded in size and time, and must be as large as Airtable says.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from config.arkiv import VedleggRegler
from config.settings import host_of, is_loopback
from tasks.crm.client import TIMEOUT_S

HOSTS = ("airtable.com", "airtableusercontent.com")
"""Where Airtable serves attachments (v5.airtableusercontent.com, earlier dl.airtable.com), over https."""
PART = 2**16


class NotFetchedError(Exception):
    """The bytes of an attachment did not come; says why, without address or name."""


class _NoAuth(AuthBase):
    """Keeps requests from putting a .netrc entry into the request."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(frozen=True)
class Fetched:
    """What came: size and sha256."""

    size: int
    sha256: str


class Fetcher:
    """Fetches attachments of one Airtable, as a context.

    Parameters
    ----------
    endpoint
        Address of the Web API.
    """

    def __init__(self, endpoint: str, regler: VedleggRegler) -> None:
        self._endpoint, self._regler = urlsplit(endpoint), regler
        self._is_here = is_loopback(endpoint)
        self._session = requests.Session()
        self._session.auth = _NoAuth()
        self._session.trust_env = not self._is_here
        self._session.headers["Accept-Encoding"] = "identity"

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def fetch(self, url: Any, size: int, sink: BinaryIO | None = None) -> Fetched:
        """Write the bytes at an address into a file, or only measure them.

        Raises
        ------
        NotFetchedError
            When they do not come whole, from where they may come, and in time.
        """
        self._check(url, size)
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT_S, allow_redirects=False) as answer:
                if answer.is_redirect or 300 <= answer.status_code < 400:
                    raise NotFetchedError("the host answers with a redirect, which is not followed")
                if answer.status_code != 200:
                    raise NotFetchedError(f"the host answers {answer.status_code}")
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise NotFetchedError("the host sends something else than the bytes that were asked for")
                return self._read(answer, size, sink)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise NotFetchedError(f"the host breaks off or cannot be reached ({type(error).__name__})") from None

    def _check(self, url: Any, size: int) -> None:
        if not isinstance(url, str) or not self.is_allowed(url):
            raise NotFetchedError("its address is not Airtable's own")
        if size > self._regler.maks_byte:
            raise NotFetchedError(f"it has {size:,} bytes, and config/arkiv.toml allows {self._regler.maks_byte:,}")

    def is_allowed(self, url: str) -> bool:
        """Return True for an address of Airtable, or of the Airtable that was configured."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if "@" in parts.netloc or "\\" in url:
            return False
        if self._is_here:
            return parts.scheme in {"http", "https"} and is_loopback(url)
        if parts.scheme != "https":
            return False
        is_theirs = any(host == h or host.endswith(f".{h}") for h in HOSTS) and port in {None, 443}
        return is_theirs or host_of(url) == host_of(self._endpoint.geturl())

    def _read(self, answer: requests.Response, size: int, sink: BinaryIO | None) -> Fetched:
        digest, read, deadline = hashlib.sha256(), 0, time.monotonic() + self._regler.maks_sekunder
        while part := answer.raw.read1(PART):
            read += len(part)
            if read > size:
                raise NotFetchedError("the host sends more bytes than Airtable says that it has")
            if time.monotonic() > deadline:
                raise NotFetchedError(f"it takes more than {self._regler.maks_sekunder:.0f} s")
            digest.update(part)
            if sink is not None:
                sink.write(part)
        if read != size:
            raise NotFetchedError("the host sends fewer bytes than Airtable says that it has")
        return Fetched(read, digest.hexdigest())
