"""The transport to Airtable, against a server that misbehaves: pacing, patience, and what is never sent twice."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from config.settings import Profile, Settings
from tasks.crm import client
from tasks.crm.client import (
    PENALTY_S,
    AirtableAdapter,
    RefusedAnswerError,
    calls_of,
    connect,
    error_kind,
    is_uncertain,
    readable_errors,
    shared_pace,
)
from tasks.crm.takt import SharedPace
from tasks.errors import AirtableError, BudgetError, ConfigError

RATE = {"error": {"type": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}}
OLD_RATE = {"errors": [{"error": "RATE_LIMIT_REACHED", "message": "Rate limit exceeded. Please try again later"}]}
QUOTA = {"error": {"type": "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "message": "API billing plan limit exceeded."}}
OK = {"id": "usrTest0000000000", "records": [], "bases": []}
ROW = {"id": "rec1", "createdTime": "", "fields": {}}


class Server:
    """Answers with the given (status, body) one after the other, the last one again and again.

    A None body hangs up. `headers` are sent with every answer.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = [(200, OK)]
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.connections: set[int] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
                outer.connections.add(self.client_address[1])
                status, body = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if body is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815  # the names that http.server calls

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # whoever asked has hung up
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
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


def api_of(server: Server, **more):
    return connect(
        Settings(
            profile=Profile.SANDBOX,
            airtable_url=server.url,
            airtable_token=SecretStr("patHEMMELIG"),
            **{"airtable_rate_per_s": 0, **more},
        )
    )


def test_every_try_takes_a_slot_and_a_refusal_is_told_to_all_processes(server, slept, tmp_path, monkeypatch):
    path, now, waited = tmp_path / "appX.json", [1e9], []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(client, "shared_pace", lambda _: SharedPace(path, 4.0, clock=lambda: now[0], sleep=sleep))
    server.answers = [(503, {}), (429, RATE), (200, OK)]
    api_of(server).whoami()
    assert waited == [0.25, PENALTY_S]  # the gap, then what all processes wait
    state = read_state(path)
    assert state["until"] == 1e9 + 0.25 + PENALTY_S
    assert [slot["answered"] for slot in state["slots"]] == [now[0]]


def read_state(path) -> dict:
    return json.loads(path.read_bytes().split(b"\n")[0]) if path.exists() and path.read_bytes() else {"until": 0}


@pytest.mark.parametrize(
    ("base", "url", "name"),
    [
        ("appX", "https://api.airtable.com", "appX.json"),
        (None, "http://127.0.0.1:8270/v0?key=hemmelig", "127_0_0_1_8270.json"),
        ("../../../etc/passwd", "https://api.airtable.com", "_________etc_passwd.json"),
        ("a" * 500, "https://api.airtable.com", "a" * 100 + ".json"),
    ],
)
def test_the_pace_is_shared_by_base_and_no_name_leaves_the_folder(tmp_path, base, url, name):
    settings = Settings(airtable_base=base, airtable_url=url, airtable_rate_per_s=5, geodata=tmp_path)
    with shared_pace(settings).slot():
        assert [p.relative_to(tmp_path) for p in tmp_path.rglob("*.json")] == [Path("crm/takt", name)]


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


@pytest.mark.parametrize(
    "quota", [QUOTA, {"errors": [{"error": QUOTA["error"]["type"]}]}, {"error": QUOTA["error"]["type"]}]
)
def test_a_spent_quota_is_known_in_every_shape_and_is_no_penalty(server, slept, quota, tmp_path):
    server.answers = [(429, quota)]
    with pytest.raises(BudgetError), readable_errors("reading Tomter"):
        api_of(server, airtable_rate_per_s=1000, airtable_base="appX", geodata=tmp_path).whoami()
    assert (slept, len(server.asked)) == ([], 1)
    assert read_state(tmp_path / "crm" / "takt" / "appX.json")["until"] == 0


@pytest.mark.parametrize(
    ("status", "asked", "waits"),
    [(503, "7", 7), (503, " 0 ", 0), (503, "86400", 60), (503, "-1", 1), (503, "nan", 1), (503, "²", 1), (500, "7", 1)],
)
def test_it_waits_as_long_as_a_server_asks_within_bounds(server, slept, status, asked, waits):
    server.headers = {"Retry-After": asked.encode().decode("latin-1")}
    server.answers = [(status, {}), (200, OK)]
    api_of(server).whoami()
    assert slept == [waits]


@pytest.mark.parametrize("failure", [(503, {"error": {"type": "RETRIABLE_ERROR"}}), (500, b"oops"), (0, None)])
def test_reads_and_upserts_are_sent_again_but_a_create_never(server, slept, failure):
    api = api_of(server)
    server.answers = [failure, failure, (200, OK)]
    assert api.whoami()["id"] == OK["id"]
    server.answers = [failure, (200, {"records": [ROW], "createdRecords": ["rec1"], "updatedRecords": []})]
    api.table("appX", "T").batch_upsert([{"fields": {"k": "1"}}], key_fields=["k"])
    server.answers = [failure, (200, OK)]
    assert api.post(f"{server.url}/v0/appX/T/listRecords", params={"timeZone": "utc"}) == OK
    before = len(server.asked)
    server.answers = [failure, (200, {"records": []})]
    with pytest.raises(requests.RequestException):
        api.table("appX", "T").batch_create([{"a": 1}])
    assert len(server.asked) == before + 1


def test_a_read_that_times_out_is_sent_again_but_a_create_never(server, slept, monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT_S", (5, 0.05))
    api = api_of(server)
    server.headers = {"Content-Length": "1000"}  # more than will come
    with pytest.raises(AirtableError, match="did not answer in time"), readable_errors("reading Tomter"):
        api.whoami()
    assert len(server.asked) == client.TRIES
    with pytest.raises(requests.Timeout) as error:
        api.table("appX", "T").batch_create([{"a": 1}])
    assert len(server.asked) == client.TRIES + 1
    assert is_uncertain(error.value)


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


def refused(server: Server, status: int, body: object, method: str = "GET") -> requests.RequestException:
    server.answers = [(status, body)]
    with pytest.raises(requests.RequestException) as error:
        api_of(server).request(method, f"{server.url}/v0/appX/T")
    return error.value


@pytest.mark.parametrize(
    ("status", "body", "kind", "uncertain"),
    [
        (422, {"error": {"type": "ROW_DOES_NOT_EXIST", "message": "x"}}, "ROW_DOES_NOT_EXIST", False),
        (404, {"error": "NOT_FOUND"}, "NOT_FOUND", False),
        (404, {"error": {"type": "NOT_FOUND"}}, "NOT_FOUND", False),
        (429, OLD_RATE, "RATE_LIMIT_REACHED", False),
        (503, {"error": {"type": "RETRIABLE_ERROR"}}, "RETRIABLE_ERROR", True),
        (500, b"<html>", "", True),
        (422, b"5", "", False),  # pyairtable itself cannot read this one
        (422, b'{"errors": {"a": 1}, "error": null}', "", False),
        (422, b'{"errors": [[]]}', "", False),
        (422, b'{"error": ' + b"[" * 100_000, "", False),
    ],
)
def test_what_a_refusal_means(server, slept, status, body, kind, uncertain):
    error = refused(server, status, body, "POST")
    assert isinstance(error, requests.HTTPError)
    assert (error_kind(error), is_uncertain(error)) == (kind, uncertain)


def test_a_lost_connection_is_uncertain_and_one_that_never_was_is_not(server, slept):
    assert is_uncertain(refused(server, 200, None, "POST"))
    server.close()
    never = refused(server, 200, OK, "POST")
    assert isinstance(never, requests.ConnectionError)
    assert not is_uncertain(never)
    assert not is_uncertain(requests.ConnectTimeout())
    with pytest.raises(requests.RequestException) as error:
        api_of(server).request("POST", server.url, json={"a": math.nan})
    assert not is_uncertain(error.value)
    assert is_uncertain(requests.ReadTimeout())


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"{" + b" " * 2000, {}, "2,001 bytes"),
        (b"{" + b" " * 2000, {"Content-Length": "99999999999"}, "99,999,999,999 bytes"),
        (b"{" + b" " * 2000, {"Content-Length": "9" * 5000}, "more than 1,000 bytes"),
        (gzip.compress(b"{" + b" " * 10**5), {"Content-Encoding": "gzip"}, "more than 1,000 bytes"),
        (b"<html>log in</html>", {}, "something else than a JSON object"),
        (b"[]", {}, "something else than a JSON object"),
        (b'{"id": ', {}, "something else than a JSON object"),
        (b'{"id": ' + b"[" * 990, {}, "something else than a JSON object"),
        (b"{}", {"Content-Encoding": "gzip"}, "cannot be reached"),
    ],
)
def test_what_a_hostile_server_answers_is_refused(server, slept, monkeypatch, body, headers, says):
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)
    server.headers = headers
    error = refused(server, 200, body, "POST")
    assert is_uncertain(error)  # it may have been done all the same
    assert len(server.asked) == 1
    with pytest.raises(AirtableError, match=says) as said, readable_errors("writing Tomter"):
        raise error
    assert "writing Tomter: 127.0.0.1" in str(said.value)


NO_LIST, NO_WRITE = "something else than a listing", "answers a write"
ONE, TWO = {"records": [{"fields": {}}]}, {"records": [{"fields": {}}, {"fields": {}}]}
UPSERT = ONE | {"performUpsert": {"fieldsToMergeOn": ["k"]}}


@pytest.mark.parametrize(
    ("method", "path", "sent", "answer", "says"),
    [
        ("GET", "appX/T", None, {}, NO_LIST),
        ("GET", "appX/T", None, b"", NO_LIST),
        ("GET", "appX/T", None, {"status": "ok", "records": {}}, NO_LIST),
        ("GET", "appX/T", None, {"records": [ROW, {"id": "rec2", "createdTime": ""}]}, NO_LIST),
        ("GET", "appX/T", None, {"records": [{"fields": {}, "createdTime": ""}]}, NO_LIST),
        ("GET", "appX/T", None, {"records": [ROW], "offset": ["hemmelig"]}, "next page"),
        ("GET", "appX/T?fields[]=a", None, {"records": [ROW], "offset": ""}, "next page"),
        ("POST", "appX/T/listRecords", {"filterByFormula": "x"}, {"error": None}, NO_LIST),
        ("GET", "appX/T/rec1", None, {"records": []}, "something else than what was"),
        ("POST", "appX/T", {"fields": {}}, {"id": 5, "createdTime": "", "fields": {}}, "something else than what was"),
        ("POST", "appX/T", ONE, {}, NO_WRITE),
        ("POST", "appX/T", TWO, {"records": [ROW]}, NO_WRITE),
        ("PATCH", "appX/T", ONE, {"records": [ROW, ROW]}, NO_WRITE),
        ("PATCH", "appX/T", ONE, {"records": ["hemmelig"]}, NO_WRITE),
        ("PATCH", "appX/T", UPSERT, {"records": [ROW]}, NO_WRITE),
        ("PATCH", "appX/T", UPSERT, {"records": [ROW], "createdRecords": [{}], "updatedRecords": []}, NO_WRITE),
        ("DELETE", "appX/T?records[]=rec1&records[]=rec2", None, {"records": [{"id": "rec1"}]}, NO_WRITE),
        ("GET", "meta/bases", None, {"tables": []}, "list of bases"),
        ("GET", "meta/bases/appX/tables", None, {"bases": []}, "list of tables"),
        ("GET", "meta/bases/appX/tables", None, {"tables": ["hemmelig"]}, "list of tables"),
        ("POST", "meta/bases/appX/tables", {"name": "T"}, {"name": "hemmelig"}, "something else than what was"),
        ("GET", "meta/whoami", None, {}, "something else than what was"),
    ],
)
def test_an_answer_of_another_form_is_refused_and_its_content_not_told(server, method, path, sent, answer, says):
    """A 200 without records would be an empty table, into which every lot is written once more."""
    server.answers = [(200, answer)]
    with pytest.raises(RefusedAnswerError, match=says) as error:
        api_of(server).request(method, f"{server.url}/v0/{path}", json=sent)
    assert is_uncertain(error.value)  # a write may have been done all the same
    assert "hemmelig" not in str(error.value)
    assert len(server.asked) == 1


def test_what_pyairtable_cannot_take_is_told_without_its_content_and_our_own_mistakes_stay_what_they_are(server):
    server.answers = [(200, {"tables": [{"id": "tbl1", "name": ["hemmelig"]}]})]
    with (
        pytest.raises(AirtableError, match=r"reading the base: .*form that is not known \(ValidationError\)") as error,
        readable_errors("reading the base"),
    ):
        api_of(server).base("appX").schema(force=True)
    assert "hemmelig" not in str(error.value)
    assert error.value.__suppress_context__
    with pytest.raises(KeyError), readable_errors("reading the base"):
        _ = {}["ours"]


def test_a_server_that_drips_is_left(server, slept, monkeypatch):
    ticks = iter(range(0, 10_000, 30))
    monkeypatch.setattr(client.time, "monotonic", lambda: next(ticks))
    error = refused(server, 200, b"{" + b" " * 300_000, "POST")
    assert isinstance(error, RefusedAnswerError)
    assert "more than 60 s" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_never_followed(server, slept, status, method):
    other = Server()
    try:
        for target in (other.url, server.url):
            server.headers = {"Location": f"{target}/v0/meta/whoami"}
            error = refused(server, status, {}, method)
            assert "not followed with the token" in str(error)
        assert other.asked == []
        assert len(server.asked) == 2
    finally:
        other.close()


def test_a_connection_is_kept_and_packed_answers_are_read(server, slept):
    api = api_of(server)
    for _ in range(3):
        api.whoami()
    packed = gzip.compress(json.dumps({**OK, "x": "y" * 300_000}).encode())
    server.headers = {"Content-Encoding": "gzip"}
    server.answers = [(200, packed)]
    assert len(api.whoami()["x"]) == 300_000
    server.headers, server.answers = {}, [(200, b"")]
    assert api.request("GET", f"{server.url}/v0/empty") is None
    assert len(server.connections) == 1


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


def test_no_proxy_gets_the_token_in_clear_text(server, slept, monkeypatch):
    proxy = Server()
    try:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        api_of(server).whoami()
        assert (len(server.asked), proxy.asked) == (1, [])
    finally:
        proxy.close()
    away = Settings(profile=Profile.STAGING, airtable_token=SecretStr("pat1"))
    assert connect(away).session.trust_env  # of https it sees nothing, and a firm may have no other way out


def test_an_upload_stays_at_the_configured_address(server, slept):
    server.answers = [(200, {"id": "rec1", "createdTime": "", "fields": {"fld1": []}})]
    api_of(server).table("appX", "T").upload_attachment("rec00000000000001", "fld1", "kart.png", content=b"png")
    assert server.asked[-1][:2] == ("POST", "/v0/appX/rec00000000000001/fld1/uploadAttachment")


@pytest.mark.parametrize("url", ["http://airtable.example", "http://api.airtable.com"])
def test_the_token_never_travels_in_clear_text(url):
    settings = Settings(profile=Profile.STAGING, airtable_url=f"{url}/?k=hemmelig", airtable_token=SecretStr("pat1"))
    with pytest.raises(ConfigError, match=r"airtable\S* is not https") as error:
        connect(settings)
    assert "hemmelig" not in str(error.value)


def test_errors_name_host_and_port_alone(slept):
    running = Server()
    settings = Settings(profile=Profile.SANDBOX, airtable_url=running.url, airtable_token=SecretStr("pat1"))
    host = running.url.removeprefix("http://")
    url = f"http://ola:hemmelig@{host}"
    api = connect(settings.model_copy(update={"airtable_url": url, "airtable_rate_per_s": 0}))
    running.answers = [(401, {})]
    for says in ("refused the token", "cannot be reached"):
        with pytest.raises(AirtableError, match=f"x: {host} {says}") as error, readable_errors("x"):
            api.whoami()
        assert "hemmelig" not in str(error.value)
        running.answers = [(0, None)]
    running.close()


def test_no_token_is_said():
    with pytest.raises(ConfigError, match=r"TOMT_AIRTABLE_TOKEN is not set .* or TOMT_PRODUCTION_AIRTABLE_TOKEN"):
        connect(Settings(profile=Profile.PRODUCTION))
