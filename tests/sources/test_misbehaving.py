"""Misbehaviour that meets every protocol alike, at its first question and at its last: each ends in a named error."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tasks.sandbox.upstream import UpstreamServer

from . import onde_servere as onde
from . import ondskap
from .onde_servere import KILDER, LOGIN, misbehaving, refused

EXCEPTION = (
    b'<?xml version="1.0"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="2.0.0">'
    b'<ows:Exception exceptionCode="NoApplicableCode"><ows:ExceptionText>Too many requests</ows:ExceptionText>'
    b"</ows:Exception></ows:ExceptionReport>"
)
OLD_EXCEPTION = (
    b'<?xml version="1.0"?><ServiceExceptionReport version="1.2.0"><ServiceException code="TooMany">busy'
    b"</ServiceException></ServiceExceptionReport>"
)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Logg inn</title></head><body>Brukernavn</body></html>"

# What it does, what the message says, and how often the question is asked when it is the first.
WAYS: dict[str, tuple[onde.Ondskap, str, int | None]] = {
    "429": (ondskap.status(429), "HTTP 429", 2),
    "503-later": (ondskap.status(503, {"Retry-After": "3600"}), "3600 s of patience", 1),
    "500": (ondskap.status(500), "HTTP 500", 2),
    "exception-200": (ondskap.body(EXCEPTION, "text/xml"), "Too many requests", 2),
    "service-exception-200": (ondskap.body(OLD_EXCEPTION, "text/xml"), "busy", 2),
    "login-page-200": (ondskap.body(LOGIN_PAGE, "text/html"), "Logg inn", 1),
    "an-image": (ondskap.body(PNG, "image/png"), "", None),
    "nothing-at-all": (ondskap.body(b""), "", None),
    "an-empty-object": (ondskap.body(b"{}"), "", None),
    "cut": (ondskap.cut, "", None),
    "hang-up": (ondskap.hang_up, "", 2),
    "blanks": (ondskap.blanks(), "bytes", 1),
    "gzip-bomb": (ondskap.gzip_bomb(1_000_000_000), "bytes", 1),
    "gzip-twice": (ondskap.gzip_twice, "Content-Encoding", 1),
    "nested": (ondskap.nested(), "", None),
    "laughs": (ondskap.laughs(), "", None),
    "redirect-to-a-file": (ondskap.redirect("file:///etc/passwd"), "redirects to another host", 1),
    "redirect-to-a-private-host": (ondskap.redirect("http://169.254.169.254/latest/meta-data"), "169.254.169.254", 1),
    "redirect-to-another-port": (ondskap.redirect("http://127.0.0.1:1/"), "127.0.0.1:1", 1),
    "redirect-without-end": (ondskap.redirect("?"), "redirects", 4),
}

# The two ways of ArcGIS ask alike: what meets every protocol is shown for one of them.
PROTOKOLLER = [p for p in KILDER if p != "arcgis_esri"]
LAST = [p for p in PROTOKOLLER if p != "kommuneinfo"]
CONTENT = ("an-image", "nothing-at-all", "an-empty-object", "cut", "nested", "laughs")
"""What a protocol's own reader has to refuse: always asked of each. The rest is refused before it, by the client."""


def pairs(ways: Sequence[Any], protokoller: Sequence[str], *, of_each: Sequence[Any] = ()) -> list[Any]:
    """Return every way with every protocol.

    In the quick run stand all protocols for the ways `of_each`; of the others each way once and each protocol some
    time. The rest is `long`.
    """
    return [
        pytest.param(
            way,
            protokoll,
            marks=() if way in of_each or number % len(protokoller) == place else pytest.mark.long,
        )
        for number, way in enumerate(ways)
        for place, protokoll in enumerate(protokoller)
    ]


@pytest.fixture(scope="module")
def bak() -> Iterator[str]:
    """Address of the local sources."""
    with UpstreamServer(username=LOGIN[0], password=LOGIN[1]) as server:
        yield server.url


@cache
def questions(protokoll: str, bak: str) -> int:
    """Return how many questions a protocol asks of a server that behaves, and see that it reads."""
    with tempfile.TemporaryDirectory() as folder, misbehaving(bak, ondskap.well_behaved) as server:
        assert onde.read(KILDER[protokoll], server.url, Path(folder)).antall > 0
        return len(server.asked)


@pytest.mark.parametrize(("way", "protokoll"), pairs([*WAYS], PROTOKOLLER, of_each=CONTENT))
def test_at_the_first_question(bak: str, tmp_path: Path, protokoll: str, way: str) -> None:
    ond, said, asked = WAYS[way]
    with misbehaving(bak, ond) as server:
        assert said in refused(KILDER[protokoll], server.url, tmp_path)
        if asked is not None:
            assert len(server.asked) == asked


@pytest.mark.parametrize(("way", "protokoll"), pairs([*WAYS], LAST, of_each=("cut", "nothing-at-all")))
def test_at_the_last_question(bak: str, tmp_path: Path, protokoll: str, way: str) -> None:
    last = questions(protokoll, bak)
    assert last > 1
    ond, said, _ = WAYS[way]
    with misbehaving(bak, ond, fra=last) as server:
        message = refused(KILDER[protokoll], server.url, tmp_path)
    assert said in message or "no zip" in message


@pytest.mark.parametrize(("way", "protokoll"), pairs([ondskap.drip_head, ondskap.drip_body], PROTOKOLLER))
def test_a_drip_ends_at_the_deadline(bak: str, tmp_path: Path, protokoll: str, way: onde.Ondskap) -> None:
    with misbehaving(bak, way) as server:
        before = time.monotonic()
        assert "not done within 0.5 s" in refused(KILDER[protokoll], server.url, tmp_path, sekunder_kilde=0.5)
        assert time.monotonic() - before < 60  # else it would drip until the test ends it


@pytest.mark.parametrize("protokoll", PROTOKOLLER)
def test_silence_ends(bak: str, tmp_path: Path, protokoll: str) -> None:
    with misbehaving(bak, ondskap.silence) as server:
        assert "did not answer in time" in refused(KILDER[protokoll], server.url, tmp_path, sekunder_lesing=0.1)


@pytest.mark.parametrize(
    ("way", "protokoll"),
    pairs(["entity-file", "entity-http", "dtd-file", "dtd-http", "redirect"], PROTOKOLLER, of_each=("entity-file",)),
)
@pytest.mark.parametrize("at", ["first", pytest.param("last", marks=pytest.mark.long)])
def test_no_file_is_read_and_no_other_host_is_reached(
    bak: str, tmp_path: Path, protokoll: str, way: str, at: str
) -> None:
    with onde.kanari(tmp_path / "kanari") as kanari:
        target = kanari.fil.as_uri() if way.endswith("file") else f"{kanari.url}/hemmelig"
        ways: dict[str, Callable[[str], onde.Ondskap]] = {
            "entity": ondskap.external_entity,
            "dtd": ondskap.external_dtd,
            "redirect": ondskap.redirect,
        }
        fra = questions(protokoll, bak) if at == "last" else 1
        with misbehaving(bak, ways[way.partition("-")[0]](target), fra=fra) as server:
            refused(KILDER[protokoll], server.url, tmp_path)
        assert kanari.er_urort, kanari


def test_the_canaries_sing(tmp_path: Path) -> None:
    """What proves that nothing was touched must be able to prove the contrary."""
    with onde.kanari(tmp_path / "a") as kanari:
        assert kanari.er_urort
        assert kanari.fil.read_text() == onde.SECRET
        assert kanari.aapnet.wait(60)
        assert not kanari.er_urort
