"""What stands between a browser and a change: where a form comes from, its token, and how much of it is read.

A form is answered only when the browser says that a page of this server sent it, and when it carries the token that
this server has put into its pages since it started. Nothing of it is a path.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import parse_qsl

from fastapi import Request

MAX_BODY = 8_000_000
"""One attachment of 5 MB and a row's texts."""
MAX_DRAINED = 64_000_000
"""Bytes that are read and forgotten, so that the browser shows why a file was refused."""
MAX_PARTS = 2_000
BODY_S = 60.0

_NAME = re.compile(r'(?:^|;)\s*name="([^"]*)"')
_FILENAME = re.compile(r'(?:^|;)\s*filename="([^"]*)"')


class RefusedError(Exception):
    """A form that is not answered: the status, and why, for the person who sent it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{status}: {why}")
        self.status, self.why = status, why


@dataclass(frozen=True)
class Upload:
    """A file of a form: the name that it is called, its type as the browser says, its bytes."""

    name: str
    kind: str
    data: bytes


@dataclass
class Form:
    """What a form carries: texts and files by name, in the order sent."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[str, Upload]] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Return the first text of a name with lone line feeds, "" when there is none."""
        return next(iter(self.many(name)), "")

    def many(self, name: str) -> list[str]:
        """Return all texts of a name."""
        return [text.replace("\r\n", "\n") for given, text in self.texts if given == name]

    def uploads(self, name: str) -> list[Upload]:
        """Return the files of a name; a box where none was chosen sends one without a name."""
        return [upload for given, upload in self.files if given == name and upload.name]


class Guard:
    """The token of one server's forms, and who may send them."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)

    async def form(self, request: Request) -> Form:
        """Return the form that a page of this server sent.

        Raises
        ------
        RefusedError
            403 from elsewhere or without the token, 400, 408 or 413 for one that cannot be read.
        """
        refuse_others(request)
        data = await _body(request)
        form = _parsed(request.headers.get("content-type", ""), data)
        if not hmac.compare_digest(form.text("token").encode(), self.token.encode()):
            raise RefusedError(
                403, "Siden var åpnet før Airtable startet på nytt. Gå tilbake, last siden på nytt, og prøv igjen."
            )
        return form


def refuse_others(request: Request) -> None:
    """Refuse what no page of this server has sent.

    Raises
    ------
    RefusedError
        403.
    """
    own = f"{request.url.scheme}://{request.headers.get('host', '')}".casefold()
    origins = [o.casefold() for o in request.headers.getlist("origin")]
    sites = request.headers.getlist("sec-fetch-site")
    if origins != [own] or sites not in ([], ["same-origin"]):
        raise RefusedError(403, "Skjemaet kom ikke fra disse sidene, og er ikke tatt imot.")


async def _body(request: Request) -> bytes:
    """Return the bytes of a form; what is too much is read to its end, within bounds, and forgotten."""
    data, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > MAX_DRAINED:
                    break
                if size <= MAX_BODY:
                    data += part
    except TimeoutError:
        raise RefusedError(408, "Skjemaet kom for langsomt fram. Prøv igjen.") from None
    if size > MAX_BODY:
        raise RefusedError(413, "Det var for mye i ett skjema. En fil kan være på høyst 5 MB, og alle til sammen 8 MB.")
    return bytes(data)


def _parsed(content_type: str, data: bytes) -> Form:
    header = Message()
    header["content-type"] = content_type
    kind = header.get_content_type()
    try:
        if kind == "multipart/form-data":
            return _multipart(str(header.get_param("boundary", "")).encode("ascii"), data)
        if kind == "application/x-www-form-urlencoded":
            text = data.decode("ascii")
            return Form(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARTS))
    except ValueError:  # UnicodeError is one
        pass
    raise RefusedError(400, "Skjemaet kan ikke leses.")


def _multipart(boundary: bytes, data: bytes) -> Form:
    """Return the parts of a form with files; ValueError for one of the wrong form (RFC 7578)."""
    chunks = (b"\r\n" + data).split(b"\r\n--" + boundary, MAX_PARTS + 1)
    if not boundary or len(chunks) > MAX_PARTS or not chunks[-1].startswith(b"--"):
        raise ValueError("no multipart form")
    form = Form()
    for chunk in chunks[1:-1]:
        head, gap, content = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not gap:
            raise ValueError("a part without a header")
        lines = (line.partition(":") for line in head.decode().split("\r\n"))
        headers = {name.strip().casefold(): value.strip() for name, _, value in lines}
        about = headers.get("content-disposition", "")
        name, filename = _NAME.search(about), _FILENAME.search(about)
        if name is None:
            raise ValueError("a part without a name")
        if filename is None:
            form.texts.append((_unquoted(name[1]), content.decode()))
        else:
            kind = headers.get("content-type", "application/octet-stream")
            form.files.append((_unquoted(name[1]), Upload(_unquoted(filename[1]), kind, content)))
    return form


def _unquoted(name: str) -> str:
    """Undo what browsers write for the three characters that a quoted name cannot hold."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
