"""Answers that go to a file, and questions about what is known already, against a server that does what it is told."""

from __future__ import annotations

import gzip
import itertools
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.errors import SourceError
from tasks.sources.http import Client, NotModifiedError, Validators
from tasks.sources.limits import Limits

from .conftest import Handler, Upstream

XML = b"<a>" + b"x" * 3_000_000 + b"</a>"


def fetched(upstream: Upstream, limits: Limits, to: Path, **asked: object) -> bytes:
    with Client(upstream.url, limits=limits) as client:
        got = client.download(f"{upstream.url}/a?map=1", to=to, **{"expected": "xml", **asked})  # type: ignore[arg-type]
    assert got.path == to
    assert got.bytes == to.stat().st_size
    return to.read_bytes()


def refused(upstream: Upstream, limits: Limits, to: Path, **asked: object) -> str:
    with pytest.raises(SourceError) as caught:
        fetched(upstream, limits, to, **asked)
    assert not to.exists()
    assert f"127.0.0.1:{upstream.server_port}/a" in str(caught.value)
    return str(caught.value)


def test_an_answer_is_kept_in_a_file_and_unpacked_on_the_way(
    upstream: Upstream, limits: Limits, tmp_path: Path
) -> None:
    upstream.answer = lambda h: h.send(gzip.compress(XML), "text/xml", Content_Encoding="gzip")
    assert fetched(upstream, limits, tmp_path / "a", params={"service": "WFS"}) == XML
    assert upstream.asked[0].path == "/a?map=1&service=WFS"
    upstream.answer = lambda h: h.send(XML, "text/xml")
    assert fetched(upstream, limits, tmp_path / "b", post=b"<q/>") == XML
    assert (upstream.asked[1].method, upstream.asked[1].body) == ("POST", b"<q/>")


def test_a_new_try_writes_the_file_anew(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    count = itertools.count()

    def answer(h: Handler) -> None:
        if next(count) == 0:
            h.send_response(200)
            h.send_header("Content-Length", str(len(XML)))
            h.end_headers()
            h.wfile.write(b"<other>" + b"y" * 2_000_000)
            h.close_connection = True
        else:
            h.send(XML, "text/xml")

    upstream.answer = answer
    assert fetched(upstream, limits, tmp_path / "a") == XML
    assert len(upstream.asked) == 2


def test_more_bytes_than_allowed_end_it(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    bomb = gzip.compress(b"<a>" + b"\0" * 50_000_000)
    upstream.answer = lambda h: h.send(bomb, "text/xml", Content_Encoding="gzip")
    assert "more than 5000000 bytes" in refused(upstream, limits, tmp_path / "a")


def test_the_budget_of_bytes_spans_all_downloads(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    upstream.answer = lambda h: h.send(XML, "text/xml")
    with Client(upstream.url, limits=limits) as client:
        client.download(f"{upstream.url}/a", to=tmp_path / "a", expected="xml")
        with pytest.raises(SourceError, match="more than 5000000 bytes"):
            client.download(f"{upstream.url}/a", to=tmp_path / "b", expected="xml")


@pytest.mark.parametrize(
    ("body", "expected", "said"),
    [
        (b"<html><title>Logg inn</title>" + b" " * 2_000_000, "file", "HTML page: Logg inn"),
        (
            b"<ServiceExceptionReport><ServiceException>Too many</ServiceException></ServiceExceptionReport>",
            "xml",
            "Too many",
        ),
        (b'{"error": {"code": 400, "message": "Invalid"}}', "zip", "Invalid"),
        (b"PK\x03\x04", "xml", "no xml but text/plain, which begins with 'PK"),
        (b"<a/>", "zip", "no zip but"),
        (b"", "xml", "begins with 'nothing'"),
    ],
)
def test_what_it_is_not_is_told_by_the_body(
    upstream: Upstream, limits: Limits, tmp_path: Path, body: bytes, expected: str, said: str
) -> None:
    upstream.answer = lambda h: h.send(body, "text/plain")
    assert said in refused(upstream, limits, tmp_path / "a", expected=expected)


def test_a_wrong_content_type_alone_convicts_nobody(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    upstream.answer = lambda h: h.send(b"\xef\xbb\xbf\n<a/>", "image/png")
    assert fetched(upstream, limits, tmp_path / "a").endswith(b"<a/>")


def test_what_has_not_changed_is_not_sent_again(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    def answer(h: Handler) -> None:
        asked = h.server.asked[-1].headers
        if asked.get("If-None-Match") == '"7"' and asked.get("If-Modified-Since"):
            h.send(b"", status=304)
        else:
            h.send(b"<a/>", "text/xml", ETag='"7"', Last_Modified="Mon, 06 Oct 2025 10:00:00 GMT")

    upstream.answer = answer
    with Client(upstream.url, limits=limits) as client:
        first = client.get(f"{upstream.url}/a", expected="xml")
        kept = client.download(f"{upstream.url}/a", to=tmp_path / "a", expected="xml")
        assert first.validators == kept.validators == Validators('"7"', "Mon, 06 Oct 2025 10:00:00 GMT")
        with pytest.raises(NotModifiedError):
            client.get(f"{upstream.url}/a", expected="xml", known=first.validators)
        with pytest.raises(NotModifiedError):
            client.download(f"{upstream.url}/a", to=tmp_path / "b", expected="xml", known=first.validators)
        assert not (tmp_path / "b").exists()
        assert client.get(f"{upstream.url}/a", expected="xml", known=Validators('"6"')).content == b"<a/>"


def test_304_to_who_did_not_ask_is_a_refusal(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    upstream.answer = lambda h: h.send(b"", status=304)
    assert "HTTP 304" in refused(upstream, limits, tmp_path / "a")
    assert not Validators()
    with Client(upstream.url, limits=limits) as client, pytest.raises(SourceError) as caught:
        client.get(f"{upstream.url}/a", expected="xml", known=Validators())
    assert not isinstance(caught.value, NotModifiedError)


def test_a_redirect_keeps_the_question_and_another_host_is_not_asked(
    upstream: Upstream, limits: Limits, tmp_path: Path
) -> None:
    def answer(h: Handler) -> None:
        if h.path.startswith("/a"):
            h.send(b"", status=302, Location="/b")
        else:
            h.send(b"", status=304)

    upstream.answer = answer
    with pytest.raises(NotModifiedError):
        fetched(upstream, limits, tmp_path / "a", known=Validators('"7"'))
    upstream.answer = lambda h: h.send(b"", status=302, Location="http://localhost:1/b")
    assert "redirects to another host" in refused(upstream, limits, tmp_path / "a")


# --- what a server may say to bring the reader down ---


@pytest.mark.parametrize("location", ["http://[", "http://127.0.0.1:x/a", "http://[::1/a", "\x01:"])
def test_a_redirect_to_no_address_is_a_refusal(
    upstream: Upstream, limits: Limits, tmp_path: Path, location: str
) -> None:
    upstream.answer = lambda h: h.send(b"", status=302, Location=location)
    said = refused(upstream, limits, tmp_path / "a")
    assert "redirects to " in said or "Invalid URL in location header" in said


def test_validators_that_cannot_be_sent_back_are_forgotten(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    for etag in ('"æ"', "x" * 201, '"a\tb"'):
        upstream.answer = lambda h, etag=etag: h.send(XML, "text/xml", ETag=etag, Last_Modified="yesterday")  # type: ignore[misc]
        with Client(upstream.url, limits=replace(limits, maks_bytes=10**8)) as client:
            got = client.download(f"{upstream.url}/a", to=tmp_path / "a", expected="xml")
            assert got.validators == Validators(None, "yesterday")
            client.download(f"{upstream.url}/a", to=tmp_path / "a", expected="xml", known=got.validators)


def test_the_budget_of_bytes_spans_tries_that_fail(upstream: Upstream, limits: Limits, tmp_path: Path) -> None:
    def answer(h: Handler) -> None:
        h.send_response(200)
        h.send_header("Content-Length", "5000000")
        h.end_headers()
        h.wfile.write(b"<a>" + b"y" * 3_100_000)
        h.close_connection = True

    upstream.answer = answer
    small = replace(limits, forsoek=4, maks_bytes=5_000_000)
    assert "more than 5000000 bytes" in refused(upstream, small, tmp_path / "a")
    assert len(upstream.asked) == 3


def test_waiting_is_logged_only_when_another_try_follows(
    upstream: Upstream, limits: Limits, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.answer = lambda h: h.send(b"", status=500)
    with caplog.at_level(logging.INFO, logger="tomt.sources"):
        assert "Asked 3 times" in refused(upstream, replace(limits, forsoek=3), tmp_path / "a")
    assert len([r for r in caplog.records if "before asking again" in r.getMessage()]) == 2


@pytest.mark.parametrize("tabell", ["hent", None])
def test_advice_names_the_setting_where_there_is_one(
    upstream: Upstream, limits: Limits, tmp_path: Path, tabell: str | None
) -> None:

    def silent(h: Handler) -> None:
        h.server.gone.wait(30)

    upstream.answer = silent
    said = refused(upstream, replace(limits, sekunder_kilde=0.2, tabell=tabell), tmp_path / "a")
    assert ("raise hent.sekunder_kilde in config/regler.toml" in said) == (tabell is not None)
    upstream.answer = lambda h: h.send(XML, "text/xml")
    said = refused(upstream, replace(limits, maks_bytes=1000, tabell=tabell), tmp_path / "a")
    assert ("raise hent.maks_bytes in config/regler.toml" in said) == (tabell is not None)


@pytest.mark.parametrize(("status", "asked"), [(500, 1), (502, 1), (503, 2), (429, 2)])
def test_an_order_that_may_have_been_taken_is_not_repeated(
    upstream: Upstream, limits: Limits, status: int, asked: int
) -> None:
    upstream.answer = lambda h: h.send(b"", status=status)
    with Client(upstream.url, limits=limits) as client, pytest.raises(SourceError, match=f"HTTP {status}"):
        client.order(f"{upstream.url}/order", {"a": 1})
    assert len(upstream.asked) == asked


def test_an_order_without_an_answer_is_not_repeated(upstream: Upstream, limits: Limits) -> None:
    upstream.answer = lambda h: setattr(h, "close_connection", True)
    with Client(upstream.url, limits=limits) as client, pytest.raises(SourceError, match="Asked once"):
        client.order(f"{upstream.url}/order", {"a": 1})
    assert len(upstream.asked) == 1
