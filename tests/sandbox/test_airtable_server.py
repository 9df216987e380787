"""The server: who may ask, what it takes in, and that what it acknowledged is there after a stop."""

from __future__ import annotations

import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer, attachments
from tasks.sandbox.airtable.app import host_names
from tasks.sandbox.airtable.schema import make_table
from tasks.sandbox.airtable.store import Store
from tests.ports import spare_ports
from tests.sandbox.conftest import LINES, TALL, answer, connect, refusal
from tests.waiting import PATIENCE_S


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


def test_without_the_token_everything_is_401(airtable, base, subtests):
    for header in [None, "", "Bearer", "Bearer feil", "Basic pat-for-tests", "pat-for-tests", "Bearer pat-for-tests2"]:
        with subtests.test(repr(header)[:80]):
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


def test_another_address_is_bound_when_asked_for_answers_to_its_name_and_is_warned_of(tmp_path, caplog):
    with start(tmp_path, host="127.0.0.2") as server:
        assert server.url == f"http://127.0.0.2:{server.port}"
        assert httpx.get(f"{server.url}/health", timeout=PATIENCE_S).status_code == 200
        named = httpx.get(f"{server.url}/health", headers={"Host": "evil.example"}, timeout=PATIENCE_S)
        assert named.status_code == 400
        with socket.socket() as other:
            other.settimeout(PATIENCE_S)
            assert other.connect_ex(("127.0.0.1", server.port)) != 0
    (record,) = [r for r in caplog.records if r.name == "tomt.airtable"]
    assert record.levelname == "WARNING"
    assert f"listens on 127.0.0.2:{server.port}" in record.getMessage()


def test_an_address_of_another_machine_cannot_be_bound_and_the_folder_is_free(tmp_path):
    with pytest.raises(OSError, match=r"192\.0\.2\.1:\d+ cannot be used"):
        start(tmp_path, host="192.0.2.1").start()
    with start(tmp_path):
        pass


def test_a_server_answers_to_the_names_of_its_address_alone(monkeypatch):
    assert host_names("127.0.0.1") == ["127.0.0.1", "localhost"]
    assert host_names("192.0.2.7") == ["127.0.0.1", "localhost", "192.0.2.7"]
    found = [(socket.AF_INET, 1, 6, "", ("192.0.2.7", 0))]
    monkeypatch.setattr(socket, "gethostname", lambda: "kontor")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert set(host_names("0.0.0.0")) == {"127.0.0.1", "localhost", "kontor", "192.0.2.7"}


def test_an_option_that_there_is_not_is_an_error(tmp_path):
    with pytest.raises(TypeError, match="rate_limit"):
        start(tmp_path, rate_limit=5)


# --- what it takes in ---


def test_a_body_that_is_not_json_is_refused(web, base, subtests):
    for body in [
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
    ]:
        with subtests.test(repr(body)[:80]):
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
    house = "🏠" * 50_000  # two units of UTF-16 each, as JavaScript counts them
    assert tomter.create({"Navn": house})["fields"]["Navn"] == house
    for long in ("x" * 100_001, house + "x"):
        assert refusal(lambda long=long: tomter.create({"Navn": long}))[1] == "INVALID_VALUE_FOR_COLUMN"


def test_an_unknown_route_is_404(web, base, subtests):
    for method, path in [
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
    ]:
        with subtests.test(repr((method, path))[:80]):
            body = {"json": {}} if method == "POST" else {}
            assert answer(web.request(method, path.format(base=base.id), **body)) == (404, "NOT_FOUND", "")


def test_a_table_is_found_by_id_and_by_a_name_with_a_slash(web, base, omraader):
    made = omraader.create({"Navn": "a"})
    table = base.schema().table("Områder/felt").id
    for key in ("Omr%C3%A5der%2Ffelt", table):
        assert web.get(f"/v0/{base.id}/{key}").json() == {"records": [made]}
    assert answer(web.get(f"/v0/{base.id}/Omr%C3%A5der/felt"))[0] == 403  # another table, and no such record


@pytest.mark.parametrize("name", ["tomter", "TOMTER", "tOmTeR"])
def test_a_table_is_found_whatever_the_case_of_its_name(web, base, tomter, name):
    made = tomter.create({"Navn": "a"})
    assert web.get(f"/v0/{base.id}/{name}").json() == {"records": [made]}
    assert web.get(f"/v0/{base.id}/{name}/{made['id']}").json() == made
    assert web.get(f"/v0/{base.id}/OMR%C3%85DER%2FFELT").json() == {"records": []}
    assert answer(web.get(f"/v0/{base.id}/{base.schema().table('Tomter').id.lower()}x"))[0] == 403
    assert refusal(lambda: tomter.create({"navn": "a"}))[1] == "UNKNOWN_FIELD_NAME"


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
    link = {"id": "fldSelv", "name": "Nabo", "type": "multipleRecordLinks", "options": {"linkedTableId": table["id"]}}
    with store.change(base):
        store.add_fields(base, [(table, link)])
        ids = [store.create(base, table, {navn: n}).id for n in "abc"]
        store.update(base, table, ids[2], {"fldSelv": [ids[1], ids[0], ids[2]]})

    def there(base):
        table = base.tables[0]
        return [(r, base.value(table["fields"][1], r)) for r in base.records[table["id"]]]

    before = there(base)
    assert before[2][1] == [ids[1], ids[0], ids[2]]

    def fail_half_way():
        with store.change(base):
            store.delete(base, table, ids[0])
            store.update(base, table, ids[1], {navn: "x", "fldSelv": [ids[1]]})
            store.update(base, table, ids[2], {"fldSelv": [ids[2], ids[1]]})
            store.create(base, table, {navn: "d"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert there(base) == before
    store.close()
    again = Store(tmp_path)
    assert there(again.bases[base.id]) == before
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


def test_a_change_that_is_kept_is_answered_whatever_follows_from_it(airtable, base, tomter, caplog):
    def broken(*_):
        raise sqlite3.OperationalError("database or disk is full")

    rec, told = tomter.create({"Navn": "a"})["id"], []
    listeners = airtable.hand._store.listeners
    after = [broken, lambda *change: told.append(change)]
    listeners.extend(after)
    try:
        assert tomter.update(rec, {"Navn": "b"})["fields"] == {"Navn": "b"}
    finally:
        del listeners[-len(after) :]
    assert tomter.get(rec)["fields"] == {"Navn": "b"}
    assert len(told) == 1
    (record,) = [r for r in caplog.records if r.name == "tomt.airtable"]
    assert base.id in record.getMessage()
    assert "disk is full" in str(record.exc_info)


def test_files_are_fetched_for_writes_alone_and_go_when_no_cell_holds_them(airtable, web, base, tomter):
    folder = airtable.hand._store.folder / "attachments"
    kept = lambda: {p.name for p in folder.glob("*")}  # noqa: E731
    rec, before = tomter.create({"Navn": "a"})["id"], kept()
    field = base.schema().table("Tomter").field("Bilder").id
    file = {"url": f"{airtable.url}/health"}
    asked = {"records": [{"fields": {"Bilder": [file]}}]}
    fetch = attachments.fetch
    with pytest.MonkeyPatch.context() as patch:
        fetched = []
        patch.setattr(attachments, "fetch", lambda *a, **k: fetched.append(a) or fetch(*a, **k))
        assert web.post(f"/v0/{base.id}/Tomter/listRecords", json=asked).status_code == 422
        assert web.patch(f"/v0/{base.id}/Tomter/listRecords", json=asked).status_code == 404
        assert (fetched, kept()) == ([], before)
        (held,) = tomter.update(rec, {"Bilder": [file], field: [file]})["fields"]["Bilder"]
        assert len(fetched) == 2
    assert kept() - before == {held["id"]}
    tomter.update(rec, {"Bilder": []})
    assert kept() == before
