"""The server: who may ask, what it takes in, and that what it acknowledged is there after a stop or a kill."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.limit import RateLimit
from tasks.sandbox.airtable.schema import make_table
from tasks.sandbox.airtable.store import Store
from tests.ports import spare_ports
from tests.sandbox.conftest import LINES, TALL, answer, connect, refusal
from tests.waiting import PATIENCE_S

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "airtable" / "errors.json"
SERVE = """
import sys
from pathlib import Path
from tasks.sandbox.airtable import AirtableServer
server = AirtableServer(Path(sys.argv[1]), token="pat", rate_limit_per_s=0).start()
print(server.port, flush=True)
sys.stdin.read()
"""


def start(folder, **options):
    return AirtableServer(folder, token="pat", rate_limit_per_s=0, **options)


def filled(url):
    """Make a base with a table of three records, and return the API and the table."""
    api = connect(url, "pat")
    base = api.create_base("wsp1", "B", [{"name": "T", "fields": [LINES, TALL]}])
    table = base.table("T")
    table.batch_create([{"Navn": n} for n in ("c", "a", "b")])
    return api, table


# --- who may ask ---


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer feil", "Basic pat-for-tests", "pat-for-tests", "Bearer pat-for-tests2"]
)
def test_without_the_token_everything_is_401(airtable, base, header):
    headers = {} if header is None else {"Authorization": header}
    for path in ("/v0/meta/whoami", "/v0/meta/bases", f"/v0/{base.id}/Tomter", "/v0/", "/v0/hva/som/helst/her"):
        response = httpx.get(airtable.url + path, headers=headers, timeout=PATIENCE_S)
        assert answer(response) == (401, "AUTHENTICATION_REQUIRED", "Authentication required")
    url, new = f"{airtable.url}/v0/{base.id}/Tomter", {"fields": {}}
    assert httpx.post(url, headers=headers, json=new, timeout=PATIENCE_S).status_code == 401


def test_health_needs_no_token(airtable):
    said = httpx.get(f"{airtable.url}/health", timeout=PATIENCE_S).json()
    assert said == {"status": "ok", "product": "tomtesourcing local Airtable"}


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 200), ("localhost:99", 200), ("evil.example", 400), ("", 400)]
)
def test_another_host_name_is_refused(airtable, host, status):
    for path in ("/health", "/"):
        assert httpx.get(airtable.url + path, headers={"Host": host}, timeout=PATIENCE_S).status_code == status


def test_it_listens_on_the_loopback_address_alone(airtable):
    with socket.socket() as other:
        other.settimeout(PATIENCE_S)
        assert other.connect_ex(("127.0.0.2", airtable.port)) != 0


# --- what it takes in ---


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"fields":{"Navn":"\xe6"}}',
        b'{"fields":{"Tall":NaN}}',
        b'{"fields":{"Tall":-Infinity}}',
        b'{"fields":{"Navn":"\\ud800"}}',
        b'{"fields":{"\\udfff":1}}',
        b"[" * 200_000,
        b'{"fields":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"fields":{"Tall":' + b"9" * 5000 + b"}}",
    ],
)
def test_a_body_that_is_not_json_is_refused(web, base, body):
    response = web.post(f"/v0/{base.id}/Tomter", content=body)
    assert answer(response)[:2] == (400, "INVALID_JSON")


@pytest.mark.parametrize("body", [b"[]", b"5", b'"a"', b"null"])
def test_a_body_that_is_no_object_is_refused(web, base, body):
    assert answer(web.post(f"/v0/{base.id}/Tomter", content=body))[:2] == (422, "INVALID_REQUEST_UNKNOWN")


def test_numbers_that_no_double_holds_are_refused(web, base):
    for number in (b"1e999", b"9" * 400):
        response = web.post(f"/v0/{base.id}/Tomter", content=b'{"fields":{"Tall":' + number + b"}}")
        assert answer(response)[:2] == (422, "INVALID_VALUE_FOR_COLUMN")


def test_an_oversized_body_is_refused_with_and_without_a_length(web, base):
    def parts():
        for _ in range(9):
            yield b" " * 1_000_000

    for content in (b" " * 8_000_001, parts()):
        response = web.post(f"/v0/{base.id}/Tomter", content=content)
        assert answer(response)[:2] == (413, "REQUEST_TOO_LARGE")


def test_a_text_too_long_for_a_cell_is_refused(tomter):
    assert len(tomter.create({"Navn": "x" * 100_000})["fields"]["Navn"]) == 100_000
    assert refusal(lambda: tomter.create({"Navn": "x" * 100_001}))[1] == "INVALID_VALUE_FOR_COLUMN"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v0"),
        ("GET", "/v0/meta"),
        ("GET", "/v0/meta/ukjent"),
        ("DELETE", "/v0/meta/bases"),
        ("GET", "/v0/{base}/Tomter/listRecords"),
        ("POST", "/v0/{base}/Tomter/rec00000000000000"),
        ("GET", "/v0/{base}/Tomter/rec00000000000000/x"),
        ("GET", "/v0/{base}/%FF"),
        ("OPTIONS", "/v0/{base}/Tomter"),
        ("GET", "/ukjent"),
    ],
)
def test_an_unknown_route_is_404(web, base, method, path):
    body = {"json": {}} if method == "POST" else {}
    assert answer(web.request(method, path.format(base=base.id), **body)) == (404, "NOT_FOUND", "")


def test_a_table_is_found_by_id_and_by_a_name_with_a_slash(web, base, omraader):
    made = omraader.create({"Navn": "a"})
    table = base.schema().table("Områder/felt").id
    for key in ("Omr%C3%A5der%2Ffelt", table):
        assert web.get(f"/v0/{base.id}/{key}").json() == {"records": [made]}
    assert answer(web.get(f"/v0/{base.id}/Omr%C3%A5der/felt"))[0] == 403  # another table, and no such record


def test_the_refusals_read_as_recorded(web, airtable, base, tomter):
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED} is not there")
    recorded = {(e["status"], json.dumps(e["body"])): e["when"] for e in json.loads(RECORDED.read_text())["errors"]}
    table = f"/v0/{base.id}/Tomter"
    meta = f"/v0/meta/bases/{base.id}/tables"
    eleven = [{"fields": {}}] * 11
    made = {"name": "Tasks", "fields": [LINES, {"name": "Created At", "type": "createdTime"}]}
    seen = [
        httpx.get(airtable.url + table, timeout=PATIENCE_S),
        web.get("/v0/app00000000000000/T"),
        web.get(f"{table}/rec00000000000000"),
        web.delete(f"{table}/rec00000000000000"),
        web.get(table, params={"pageSize": 101}),
        web.post(table, json={}),
        web.post(table, json={"fields": {"sessionId": 1}}),
        web.post(table, json={"fields": {"Klasse": "Value"}}),
        web.patch(table, json={"records": [{"id": "recsIivpi4vU7zfoB", "fields": {}}]}),
        web.patch(table, json={"records": eleven}),
        web.post(table, json={"records": eleven}),
        web.get(table, params={"filterByFormula": "{"}),
        web.get(table, params={"offset": "itr/x"}),
        web.post(meta, json=made),
    ]
    unlike = [r.text for r in seen if (r.status_code, json.dumps(r.json())) not in recorded]
    assert unlike == []


# --- what is kept ---


def test_a_stop_and_a_start_keep_everything_in_order(tmp_path):
    (port,) = spare_ports(1)
    with start(tmp_path, port=port) as server:
        api, table = filled(server.url)
        table.delete(table.all()[1]["id"])
        table.batch_create([{"Navn": "d", "Tall": 1}])
        table.update(table.all()[0]["id"], {"Tall": 5})
        before, schema = table.all(), table.base.schema().model_dump()
        api.session.close()
    with start(tmp_path, port=port) as server:
        again = connect(server.url, "pat")
        base = again.base(table.base.id)
        assert base.table("T").all() == before
        assert [r["fields"]["Navn"] for r in before] == ["c", "b", "d"]
        assert base.schema().model_dump() == schema
        assert [b.name for b in again.bases()] == ["B"]
        base.table("T").create({"Navn": "e"})
        assert [r["fields"]["Navn"] for r in base.table("T").all()] == ["c", "b", "d", "e"]
        again.session.close()


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            api, table = filled(f"http://127.0.0.1:{int(process.stdout.readline())}")
            rec = table.create({"Navn": "sist", "Tall": 7})
            table.update(rec["id"], {"Tall": 8})
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=PATIENCE_S)
        api.session.close()
    with start(tmp_path) as server:
        again = connect(server.url, "pat")
        rows = again.table(table.base.id, "T").all()
        again.session.close()
    assert [r["fields"] for r in rows] == [{"Navn": "c"}, {"Navn": "a"}, {"Navn": "b"}, {"Navn": "sist", "Tall": 8}]


def test_a_second_server_on_the_folder_is_refused_and_its_port_is_free_again(tmp_path):
    (port,) = spare_ports(1)
    with start(tmp_path):
        second = start(tmp_path, port=port)
        with pytest.raises(BlockingIOError, match=r"another local Airtable uses this folder"):
            second.start()
        with start(tmp_path / "annen", port=port) as third:
            assert httpx.get(f"{third.url}/health", timeout=PATIENCE_S).status_code == 200


def test_a_port_in_use_is_refused(tmp_path):
    with start(tmp_path / "a") as first, pytest.raises(OSError, match=f"Port {first.port} cannot be used"):
        start(tmp_path / "b", port=first.port).start()
    with start(tmp_path / "b"):
        pass


def test_a_change_that_fails_half_way_leaves_memory_and_disk_as_they_were(tmp_path):
    table, _ = make_table({"name": "T", "fields": [LINES]}, tables=[])
    store = Store(tmp_path)
    base, navn = store.create_base("B", [table]), table["fields"][0]["id"]
    with store.change(base):
        ids = [store.create(base, table, {navn: n}).id for n in "abc"]
    before = list(base.records[table["id"]])

    def fail_half_way():
        with store.change(base):
            store.delete(base, table, ids[0])
            store.update(base, table, ids[1], {navn: "x"})
            store.create(base, table, {navn: "d"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert list(base.records[table["id"]]) == before
    store.close()
    again = Store(tmp_path)
    assert list(again.bases[base.id].records[table["id"]]) == before
    again.close()


def test_a_folder_that_is_no_database_is_let_go(tmp_path):
    import sqlite3

    (tmp_path / "airtable.sqlite").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        start(tmp_path).start()
    (tmp_path / "airtable.sqlite").unlink()
    with start(tmp_path) as server:
        assert httpx.get(f"{server.url}/health", timeout=PATIENCE_S).status_code == 200


def test_eight_threads_create_and_read(base, airtable):
    def work(thread):
        api = connect(airtable.url)
        table = api.table(base.id, "Tomter")
        ids = []
        for n in range(5):
            made = table.batch_create([{"Navn": f"{thread}-{n}-{i}"} for i in range(10)])
            ids += [r["id"] for r in made]
            assert len(table.all()) >= len(ids)
            table.batch_upsert([{"fields": {"Navn": f"{thread}-{n}-0", "Tall": n}}], ["Navn"])
        api.session.close()
        return ids

    with ThreadPoolExecutor(8) as pool:
        ids = [i for done in pool.map(work, range(8)) for i in done]
    rows = base.table("Tomter").all()
    assert sorted(r["id"] for r in rows) == sorted(ids)
    assert len({r["fields"]["Navn"] for r in rows}) == 400
    assert sum("Tall" in r["fields"] for r in rows) == 40


# --- the rate limit ---


def test_one_request_too_many_brings_30_s_of_refusals():
    now = [100.0]
    limit = RateLimit(5, clock=lambda: now[0])
    for _ in range(5):
        limit.check("app1")
    with pytest.raises(ApiError, match="429"):
        limit.check("app1")
    limit.check("app2")
    now[0] += 29.9
    with pytest.raises(ApiError, match="429"):
        limit.check("app1")
    now[0] += 0.2
    for n in range(20):
        now[0] = 200 + n / 5
        limit.check("app1")


def test_the_rate_limit_over_http(tmp_path, monkeypatch):
    # All requests come within one second of a clock that stands still.
    monkeypatch.setattr("tasks.sandbox.airtable.api.RateLimit", partial(RateLimit, clock=lambda: 100.0))
    with AirtableServer(tmp_path, token="pat") as server:
        headers = {"Authorization": "Bearer pat"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S) as client:
            body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
            base = client.post("/v0/meta/bases", json=body).json()["id"]
            seen = [client.get(f"/v0/{base}/T") for _ in range(7)]
            assert [r.status_code for r in seen] == [200] * 5 + [429] * 2
            wanted = (429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")
            assert answer(seen[-1]) == wanted
            assert client.get("/v0/meta/bases").status_code == 200
