"""The answer to one HTTP request: in memory or in a file, unpacked in pieces, its validators, what its head says."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS
from tasks.sources.refusal import MayPassError, exception_error
from tasks.sources.unntak import MAX_EXCEPTION, recognise, shorten

CHUNK = 1 << 20
MAX_VALIDATOR = 200
"""Characters of an ETag; real ones have some dozen."""

Expected = Literal["json", "xml", "zip", "file"]
"""What an answer must begin as; "file" may be anything but a refusal or a page."""

ACCEPT: Mapping[Expected, str] = {
    "json": "application/geo+json, application/json",
    "xml": "application/xml, text/xml",
    "zip": "application/zip, application/octet-stream, */*;q=0.5",
    "file": "*/*",
}
BEGINNINGS: Mapping[Expected, tuple[bytes, ...]] = {"json": (b"{", b"["), "xml": (b"<",), "zip": (b"PK",), "file": ()}


@dataclass(frozen=True)
class Validators:
    """What a source said an answer is known by; sent back, it may answer that nothing has changed."""

    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validators:
        """Return the validators among the headers of an answer."""
        return cls(_plain(headers.get("etag")), _plain(headers.get("last-modified")))

    def __bool__(self) -> bool:
        return self.etag is not None or self.last_modified is not None

    def headers(self) -> dict[str, str]:
        """Return the headers of a conditional request."""
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value is not None}


def _plain(value: str | None) -> str | None:
    """Return a value that can be sent back as a header, else None: the answer is then asked for in full next time."""
    return value if value and len(value) <= MAX_VALIDATOR and value.isascii() and value.isprintable() else None


class NotModifiedError(SourceError):
    """HTTP 304: what is `known` is still what the source has. Raised only to who asked with validators."""


@dataclass(frozen=True)
class Body:
    """One answer with status 200."""

    content: bytes
    url: str
    headers: Mapping[str, str]

    @property
    def validators(self) -> Validators:
        """What to ask with next time."""
        return Validators.of(self.headers)


@dataclass(frozen=True)
class Download:
    """One answer with status 200, in a file.

    Attributes
    ----------
    bytes
        Size of the file, unpacked.
    """

    path: Path
    url: str
    headers: Mapping[str, str]
    bytes: int

    @property
    def validators(self) -> Validators:
        """What to ask with next time."""
        return Validators.of(self.headers)


class Beginning:
    """The first bytes of an answer, kept until they tell whether it is a refusal, a page or something else.

    Parameters
    ----------
    where, kind
        Address and Content-Type, for messages; the type alone convicts nobody, servers get it wrong.
    """

    def __init__(self, where: str, kind: str, expected: Expected) -> None:
        self._where, self._kind, self._expected = where, kind, expected
        self._head = b""
        self._told = False

    def add(self, part: bytes) -> None:
        """Take the next bytes. Raises as `check`."""
        if not self._told:
            self._head += part[: MAX_EXCEPTION + 1 - len(self._head)]
            if len(self._head) > MAX_EXCEPTION:
                self.check()

    def check(self) -> None:
        """Say what is wrong with an answer that begins like this.

        Raises
        ------
        SourceError
            When it is an exception, an HTML page, or nothing of the kind expected.
        """
        if self._told:
            return
        self._told = True
        unntak = recognise(self._head)
        if unntak is not None:
            raise exception_error(self._where, unntak)
        first = self._head[:64].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
        wanted = BEGINNINGS[self._expected]
        if wanted and not first.startswith(wanted):
            seen = shorten(first[:24].decode("utf-8", "replace")) or "nothing"
            raise SourceError(
                f"{self._where}: no {self._expected} but {shorten(self._kind) or 'an unnamed type'}, which begins "
                f"with {seen!r}. {CHECK_ADDRESS}"
            )


def decoded(where: str, response: httpx.Response) -> Iterator[bytes]:
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
