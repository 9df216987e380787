"""The transport to Airtable, against a server that misbehaves: pacing, patience, and what is never sent twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from pydantic import SecretStr

from config.settings import Profile, Settings
from tasks.crm import client
from tasks.crm.client import PENALTY_S, AirtableAdapter, Pace, calls_of, connect, readable_errors
from tasks.errors import AirtableError, BudgetError, ConfigError

RATE = {"error": {"type": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}}
OLD_RATE = {"errors": [{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}]}
QUOTA = {"error": {"type": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "API billing plan limit exceeded."}}
OK = {"id": "usrTest0000000000", "records": [], "bases": []}


class Server:
    """Answers with the given (status, body) one after the other, the last one again and again; a None body hangs up."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = [(200, OK)]
        self.asked: list[tuple[str, str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
                status, body = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if body is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = answer  # noqa: N815  # the names that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    """Collect the pauses instead of taking them."""
    pauses: list[float] = []
    real = AirtableAdapter.__init__

    def quick(self, **options):
        real(self, **{**options, "sleep": pauses.append})

    monkeypatch.setattr(AirtableAdapter, "__init__", quick)
    return pauses


def api_of(server: Server):
    return connect(
        Settings(
            profile=Profile.SANDBOX,
            airtable_url=server.url,
            airtable_token=SecretStr("patHEMMELIG"),
            airtable_rate_per_s=0,
        )
    )


def test_pace_spreads_requests_evenly():
    now, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    pace = Pace(4.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        pace.wait()
    assert pauses == [0.25] * 4
    now[0] += 10
    pace.wait()
    assert pauses == [0.25] * 4


@pytest.mark.parametrize("body", [RATE, OLD_RATE])
def test_after_a_429_it_waits_30_seconds_and_asks_again_also_for_a_create(server, slept, body):
    server.answers = [(429, body), (200, {"records": [{"id": "rec1", "createdTime": "", "fields": {}}]})]
    api_of(server).table("appX", "T").batch_create([{"a": 1}])
    assert slept == [PENALTY_S]
    assert len(server.asked) == 2


def test_a_spent_quota_is_not_asked_again(server, slept):
    server.answers = [(429, QUOTA)]
    with pytest.raises(BudgetError, match="monthly calls"), readable_errors("reading Tomter"):
        api_of(server).whoami()
    assert slept == []
    assert len(server.asked) == 1


@pytest.mark.parametrize("failure", [(503, {"error": {"type": "RETRIABLE_ERROR"}}), (500, b"oops"), (0, None)])
def test_reads_and_upserts_are_sent_again_but_a_create_never(server, slept, failure):
    api = api_of(server)
    server.answers = [failure, failure, (200, OK)]
    assert api.whoami()["id"] == OK["id"]
    server.answers = [failure, (200, {"records": [], "createdRecords": [], "updatedRecords": []})]
    api.table("appX", "T").batch_upsert([{"fields": {"k": "1"}}], key_fields=["k"])
    before = len(server.asked)
    server.answers = [failure, (200, {"records": []})]
    with pytest.raises(requests.RequestException):
        api.table("appX", "T").batch_create([{"a": 1}])
    assert len(server.asked) == before + 1


def test_it_gives_up_with_a_word(server, slept):
    server.answers = [(503, {})]
    with pytest.raises(AirtableError, match="503 after 4 tries"), readable_errors("reading Tomter"):
        api_of(server).whoami()
    assert len(server.asked) == client.TRIES


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": {"type": "AUTHENTICATION_REQUIRED", "message": "x"}}, "TOMT_AIRTABLE_TOKEN"),
        (403, {"error": {"type": "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "message": "x"}}, "TOMT_AIRTABLE_BASE"),
        (404, {"error": "NOT_FOUND"}, "TOMT_AIRTABLE_BASE"),
        (422, {"error": {"type": "UNKNOWN_FIELD_NAME", "message": 'Unknown field name: "X"'}}, "tomt base check"),
        (422, b"<html>", "tomt base check"),
        (429, RATE, "still rate limiting"),
    ],
)
def test_what_airtable_refuses_says_what_to_do_and_never_the_token(server, slept, status, body, says):
    server.answers = [(status, body)]
    with pytest.raises(AirtableError, match=says) as error, readable_errors("writing Tomter"):
        api_of(server).whoami()
    assert "writing Tomter" in str(error.value)
    assert "patHEMMELIG" not in str(error.value)


def test_a_server_that_is_not_there(slept):
    running = Server()
    api = api_of(running)
    running.close()
    with pytest.raises(AirtableError, match="cannot be reached"), readable_errors("reading Tomter"):
        api.whoami()


def test_calls_are_counted_and_the_token_comes_from_nowhere_else(server, slept, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(netrc))
    api = api_of(server)
    api.whoami()
    server.answers = [(503, {}), (200, OK)]
    api.whoami()
    assert calls_of(api) == 3
    assert {token for _, _, token in server.asked} == {"Bearer patHEMMELIG"}


def test_an_upload_stays_at_the_configured_address(server, slept):
    server.answers = [(200, {"id": "rec1", "createdTime": "", "fields": {"fld1": []}})]
    api_of(server).table("appX", "T").upload_attachment("rec00000000000001", "fld1", "kart.png", content=b"png")
    assert server.asked[-1][:2] == ("POST", "/v0/appX/rec00000000000001/fld1/uploadAttachment")


@pytest.mark.parametrize("url", ["http://airtable.example", "http://api.airtable.com"])
def test_the_token_never_travels_in_clear_text(url):
    settings = Settings(profile=Profile.STAGING, airtable_url=url, airtable_token=SecretStr("pat1"))
    with pytest.raises(ConfigError, match="not https"):
        connect(settings)


def test_no_token_is_said():
    with pytest.raises(ConfigError, match="TOMT_AIRTABLE_TOKEN is not set"):
        connect(Settings(profile=Profile.PRODUCTION))
