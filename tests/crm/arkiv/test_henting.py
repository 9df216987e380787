"""Attachments from hosts that do what they should not."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.henting import Fetcher, NotFetchedError

DATA = b"0123456789" * 50
RULES = arkiv_regler().vedlegg


class Vert(BaseHTTPRequestHandler):
    """Answers as its path says."""

    asked: list[dict[str, str]] = []

    def do_GET(self):
        self.asked.append(dict(self.headers))
        how = self.path.strip("/")
        status, data = (int(how), b"") if how.isdigit() else (200, DATA)
        if how == "packed":
            data = gzip.compress(DATA)
        if how == "more":
            data += b"x"
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/whole")
        if how == "packed":
            self.send_header("Content-Encoding", "gzip")
        if how == "short":
            self.send_header("Content-Length", str(len(data)))
            data = data[:-1]
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Vert) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def fetcher(host) -> Iterator[Fetcher]:
    with Fetcher(host, RULES) as fetcher:
        yield fetcher


def test_bytes_come_without_a_token(host, fetcher):
    sink = io.BytesIO()
    found = fetcher.fetch(f"{host}/whole", len(DATA), sink)
    assert (found.size, sink.getvalue()) == (len(DATA), DATA)
    assert not {name.lower() for name in Vert.asked[-1]} & {"authorization", "cookie"}


@pytest.mark.parametrize(
    ("how", "reason"),
    [("302", "redirect"), ("403", "answers 403"), ("500", "answers 500"), ("204", "answers 204"),
     ("more", "more bytes"), ("short", "breaks off|fewer bytes"), ("packed", "something else")],
)  # fmt: skip
def test_what_is_not_the_file_is_not_taken(host, fetcher, how, reason):
    with pytest.raises(NotFetchedError, match=reason):
        fetcher.fetch(f"{host}/{how}", len(DATA))


def test_fewer_bytes_than_airtable_says(host, fetcher):
    with pytest.raises(NotFetchedError, match=r"fewer bytes|breaks off"):
        fetcher.fetch(f"{host}/whole", len(DATA) + 1)


def test_one_that_is_slow_or_large_is_given_up(host):
    for limit, reason in (({"maks_sekunder": 1e-9}, "takes more than"), ({"maks_byte": 499}, "allows 499")):
        tight = RULES.model_copy(update=limit)
        with Fetcher(host, tight) as fetcher, pytest.raises(NotFetchedError, match=reason):
            fetcher.fetch(f"{host}/whole", len(DATA))


def test_a_host_that_is_gone(fetcher):
    with pytest.raises(NotFetchedError, match="cannot be reached"):
        fetcher.fetch("http://127.0.0.1:9/x", 3)


@pytest.mark.parametrize(
    ("endpoint", "url", "allowed"),
    [
        ("https://api.airtable.com", "https://v5.airtableusercontent.com/v3/u/x", True),
        ("https://api.airtable.com", "https://dl.airtable.com/.attachments/x", True),
        ("https://api.airtable.com", "http://dl.airtable.com/x", False),
        ("https://api.airtable.com", "https://dl.airtable.com:8443/x", False),
        ("https://api.airtable.com", "https://airtable.com.evil.example/x", False),
        ("https://api.airtable.com", "https://evilairtable.com/x", False),
        ("https://api.airtable.com", "https://x@evil.example/x", False),
        ("https://api.airtable.com", "http://127.0.0.1:8270/x", False),
        ("https://api.airtable.com", "http://169.254.169.254/x", False),
        ("https://api.airtable.com", "file:///etc/passwd", False),
        ("https://own.example", "https://own.example/x", True),
        ("https://own.example", "https://own.example:444/x", False),
        ("http://127.0.0.1:8270", "http://127.0.0.1:8271/x", True),
        ("http://127.0.0.1:8270", "https://evil.example/x", False),
        ("http://127.0.0.1:8270", "http://[::1", False),
    ],
)
def test_only_airtable_is_asked(endpoint, url, allowed):
    with Fetcher(endpoint, RULES) as fetcher:
        assert fetcher.is_allowed(url) is allowed
        if not allowed:
            with pytest.raises(NotFetchedError, match="not Airtable's own"):
                fetcher.fetch(url, 1)
