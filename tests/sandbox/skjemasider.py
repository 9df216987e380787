"""A page of the local Airtable with its form, as a browser without scripts has it: filled in by names, and sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
from lxml import html

from tests.waiting import PATIENCE_S

Files = list[tuple[str, tuple[str, bytes, str]]]


def upload(web: httpx.Client, base_id: str, rec: str, *, name: str, data: bytes, kind: str = "image/png") -> None:
    """Add a file to the field Bilder, as a client of the API does."""
    body = {"contentType": kind, "filename": name, "file": b64encode(data).decode()}
    web.post(f"/v0/{base_id}/{rec}/Bilder/uploadAttachment", json=body).raise_for_status()


class Side:
    """A page that was answered; the fields of its form by the names that people see."""

    def __init__(self, web: httpx.Client, response: httpx.Response) -> None:
        self.web, self.response = web, response
        self.doc = html.fromstring(response.text)
        self.pressed: list[tuple[str, str]] = [("do", "save")]
        self.files: Files = []

    @classmethod
    def get(cls, web: httpx.Client, path: str, *, status: int = 200) -> Side:
        """Load a page."""
        response = web.get(path)
        assert response.status_code == status, response.text
        return cls(web, response)

    @property
    def form(self) -> Any:
        """The form of the record."""
        return self.doc.xpath("//form[@class='edit']")[0]

    @property
    def names(self) -> list[str]:
        """Fields that can be written, in order."""
        return self.doc.xpath("//*[starts-with(@class, 'control')]/@data-felt")

    def id(self, name: str) -> str:
        """Return the id of a field of the form."""
        return self.control(name).xpath(".//input[@name='has']/@value")[0]

    def control(self, name: str) -> Any:
        """Return what is drawn of a field."""
        return self.doc.xpath(f"//*[@data-felt={_quoted(name)} and starts-with(@class, 'control')]")[0]

    def value(self, name: str) -> str:
        """Return what the box of a field shows."""
        return (self.form.fields[f"f:{self.id(name)}"] or "").removeprefix("\n")

    def error(self, name: str) -> str:
        """Return what stands beside a field that is wrong."""
        return " ".join(self.control(name).xpath(".//*[@role='alert']/text()"))

    def fill(self, **values: str | bool | list[str]) -> Side:
        """Fill in boxes; True and False tick one, a list ticks these of several."""
        for name, value in values.items():
            box = self.form.inputs[f"f:{self.id(name)}"]
            if isinstance(value, list):
                box.value = set(value)
            elif isinstance(value, bool):
                box.checked = value
            else:
                box.value = value
        return self

    def tick(self, kind: str, name: str, *labels: str) -> Side:
        """Tick ``x`` (take away) or ``add`` boxes of a link or a file by what stands beside them."""
        boxes = self.control(name).xpath(f".//input[starts-with(@name, '{kind}:')]")
        for label in labels:
            (box,) = [b for b in boxes if label in "".join(b.xpath("../..//text()"))]
            box.checked = True
        return self

    def look(self, name: str, text: str) -> Side:
        """Type what a link is searched for."""
        self.form.inputs[f"q:{self.id(name)}"].value = text
        return self

    def attach(self, name: str, filename: str, data: bytes, kind: str = "image/png") -> Side:
        """Choose a file."""
        self.files.append((f"file:{self.id(name)}", (filename, data, kind)))
        return self

    def press(self, do: str) -> Side:
        """Choose the button to send with."""
        self.pressed = [("do", do)]
        return self

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield names and values as a browser sends them."""
        texts = {area.name for area in self.form.iter("textarea")}
        for name, value in self.form.form_values():
            # A browser leaves out the line end that a text area begins with.
            yield name, value.removeprefix("\n") if name in texts else value
        yield from self.pressed

    def send(self, *, status: int | None = 303, headers: dict[str, str] | None = None) -> Side:
        """Send the form, and return the page that comes, after a redirect the one that it leads to."""
        response = post(self.web, self.form.action, list(self.pairs()), files=self.files, headers=headers)
        assert response.status_code == (status or response.status_code), response.text[:3000]
        return Side.get(self.web, response.headers["location"]) if response.is_redirect else Side(self.web, response)


def post(
    web: httpx.Client,
    path: str,
    pairs: list[tuple[str, str]],
    *,
    files: Files | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send a form with files from a page of the server."""
    parts: list[Any] = [(name, (None, value.encode())) for name, value in pairs]
    # A browser sends an empty part for a box where no file was chosen.
    parts += files or [("file:none", ("", b"", "application/octet-stream"))]
    own = str(web.base_url).rstrip("/")
    sent = {"Origin": own, "Sec-Fetch-Site": "same-origin"} if headers is None else headers
    return web.post(path, files=parts, headers=sent)


def browser_of(url: str) -> httpx.Client:
    """Return a client as a browser is: it keeps cookies, and has no token of the API."""
    return httpx.Client(base_url=url, timeout=PATIENCE_S)


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'
