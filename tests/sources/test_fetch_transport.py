"""Servers that refuse, stall, redirect or send bombs: the fetch ends in Failed, naming the address and what to do."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from tasks.answer import NotCovered, Rows

from .conftest import CONTENT_CRS, Env, Handler, ask, failed, feature, serve_plans


def test_login_missing(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"{}", status=401, WWW_Authenticate="Basic")
    grunn = failed(env)
    assert "HTTP 401" in grunn
    assert "TOMT_NAP_USERNAME" in grunn
    assert "Norge digitalt" in grunn
    assert len(env[0].asked) == 1


@pytest.mark.parametrize(("status", "asked"), [(429, 2), (500, 2), (503, 2), (403, 1), (400, 1)])
def test_only_what_may_pass_is_asked_again(env: Env, status: int, asked: int) -> None:
    env[0].answer = lambda h: h.send(b"", status=status)
    assert f"HTTP {status}" in failed(env)
    assert len(env[0].asked) == asked


def test_retry_after_is_waited_for(env: Env) -> None:
    good = serve_plans([feature(1)])

    def answer(h: Handler) -> None:
        if len(env[0].asked) == 1:
            h.send(b"", status=503, Retry_After="0")
        else:
            good(h)

    env[0].answer = answer
    assert isinstance(ask(env), Rows)


def test_retry_after_beyond_the_deadline_ends_at_once(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=503, Retry_After="3600")
    assert "3600 s" in failed(env)
    assert len(env[0].asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><ServiceExceptionReport><ServiceException>Too many requests</ServiceException>'
        b"</ServiceExceptionReport>",
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception '
        b'exceptionCode="NoApplicableCode">'
        b"<ows:ExceptionText>Too many requests</ows:ExceptionText></ows:Exception></ows:ExceptionReport>",
    ],
)
@pytest.mark.parametrize("tema", ["reguleringsplan", "teig", "grense"])
def test_exception_with_200_is_asked_again_and_fails(env: Env, tema: str, body: bytes) -> None:
    env[0].answer = lambda h: h.send(body, "text/xml")
    grunn = failed(env, tema)
    assert "Too many requests" in grunn
    assert len(env[0].asked) == 2


def test_permanent_exception_is_not_asked_again(env: Env) -> None:
    env[0].answer = lambda h: h.send(
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception '
        b'exceptionCode="InvalidParameterValue" locator="typeName"/></ows:ExceptionReport>',
        "text/xml",
    )
    assert "InvalidParameterValue" in failed(env, "teig")
    assert len(env[0].asked) == 1


@pytest.mark.parametrize("tema", ["reguleringsplan", "teig", "grense"])
def test_login_page_with_200(env: Env, tema: str) -> None:
    page = b"<!DOCTYPE html><html><head><title>Logg inn</title></head><body><script>alert(1)</script></body></html>"
    env[0].answer = lambda h: h.send(page, "text/html")
    grunn = failed(env, tema)
    assert "HTML page: Logg inn" in grunn
    assert "script" not in grunn


@pytest.mark.parametrize("layers", [1, 2])
def test_gzip_bomb(env: Env, layers: int) -> None:
    bomb = gzip.compress(b" " * 100_000_000, 9)
    if layers == 2:
        bomb = gzip.compress(bomb, 9)
    kind = ", ".join(["gzip"] * layers)
    env[0].answer = lambda h: h.send(bomb, Content_Encoding=kind)
    tracemalloc.start()
    try:
        grunn = failed(env)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ("5000000 bytes" if layers == 1 else "Content-Encoding") in grunn
    assert peak < 40_000_000


def test_gzip_is_read_and_truncated_gzip_is_not(env: Env) -> None:
    good = serve_plans([feature(1)])
    sent: dict[str, bytes] = {}

    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            good(h)
            return
        h.send(sent["body"], Content_Encoding="gzip", **CONTENT_CRS)

    env[0].answer = answer
    page = b'{"type": "FeatureCollection", "features": [], "numberMatched": 0}'
    sent["body"] = gzip.compress(page)
    assert isinstance(ask(env), NotCovered)
    sent["body"] = gzip.compress(page)[:-12]
    assert "ends too early" in failed(env)
    sent["body"] = zlib.compress(page)
    assert "damaged compression" in failed(env)


@pytest.mark.parametrize("where", ["header", "body"])
def test_slow_drip_ends_at_the_deadline(env: Env, where: str) -> None:
    def answer(h: Handler) -> None:
        h.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n{" if where == "body" else b"X-Long: "))
        while not env[0].gone.wait(0.02):
            h.wfile.write(b" ")
            h.wfile.flush()

    env[0].answer = answer
    before = time.monotonic()
    assert "not done within 0.4 s" in failed(env, sekunder_kilde=0.4)
    assert time.monotonic() - before < 60  # else it would drip until the test ends it


def test_server_that_never_answers(env: Env) -> None:
    env[0].answer = lambda h: env[0].gone.wait()  # type: ignore[assignment,return-value]
    assert "did not answer in time. Asked 2 times" in failed(env, sekunder_lesing=0.1)


def test_nobody_listens(env: Env) -> None:
    env[0].server_close()
    assert "connection failed" in failed(env)


def test_redirect_to_another_host_is_refused(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=302, Location="http://localhost:1/collections")
    grunn = failed(env)
    assert "another host (localhost:1)" in grunn
    assert len(env[0].asked) == 1


def test_redirect_on_the_same_host_is_followed_and_loops_end(env: Env) -> None:
    good = serve_plans([feature(1)])
    moved = "/nytt/collections"
    env[0].answer = lambda h: (
        h.send(b"", status=302, Location=moved) if h.path != moved and "items" not in h.path else good(h)
    )
    assert isinstance(ask(env), Rows)
    assert "Basic" in env[0].asked[1].headers["Authorization"]


def test_redirects_without_end(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=302, Location=h.path)
    assert "redirects" in failed(env)


def test_netrc_is_not_sent(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ola password nordmann\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    env[0].answer = lambda h: h.send(b"", status=404)
    assert isinstance(ask(env, "grense"), NotCovered)
    assert "Authorization" not in env[0].asked[0].headers
    assert env[0].asked[0].headers["User-Agent"].startswith("tomtesourcing")
