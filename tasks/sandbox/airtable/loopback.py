"""Requests to this machine alone: files that an attachment's address names, and pings of webhooks.

A host is looked up once and the address that was found is called, so that a name cannot lead elsewhere afterwards.
Redirects are not followed, https is not spoken, sizes and times are bounded.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_BYTES = 20_000_000
TIME_S = 10.0
CHUNK = 64 * 1024


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


def call(method: str, url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
    """Make a request to an http address of this machine.

    Raises
    ------
    LoopbackError
        For another machine, and for an answer that does not come, comes too slowly, or is too large.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise LoopbackError("the address cannot be read") from error
    if parts.scheme != "http" or not host or parts.username is not None:
        raise LoopbackError("only plain http addresses of this machine are called")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + TIME_S
    try:
        with closing(http.client.HTTPConnection(_own_address(host, port), port, timeout=TIME_S)) as connection:
            connection.request(method, path, body=body, headers={"Host": parts.netloc, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers.get_content_type(), _content(response, deadline))
    except (http.client.HTTPException, ValueError, OSError) as error:
        if isinstance(error, LoopbackError):
            raise
        raise LoopbackError(f"no answer ({type(error).__name__})") from error


def _own_address(host: str, port: int) -> str:
    try:
        found = {str(there[4][0]) for there in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise LoopbackError("the host is not known") from error
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise LoopbackError("the host is not this machine")
    return min(found, key=lambda address: (":" in address, address))


def _content(response: http.client.HTTPResponse, deadline: float) -> bytes:
    data = bytearray()
    while part := response.read1(CHUNK):
        data += part
        if len(data) > MAX_BYTES:
            raise LoopbackError(f"more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise LoopbackError(f"not all there within {TIME_S:.0f} s")
    return bytes(data)
