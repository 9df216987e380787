"""Every refusal that the server knows is provoked over HTTP, and none that was recorded is missing."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer, comments, errors
from tasks.sandbox.airtable.actor import Actor
from tasks.sandbox.airtable.errors import REFUSALS, Refusal
from tasks.sandbox.airtable.schemas import Schemas
from tests.sandbox.conftest import LINES
from tests.waiting import PATIENCE_S

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "airtable" / "errors.json"
HEADERS = {"Authorization": "Bearer pat"}
NOBODY = "recsIivpi4vU7zfoB"
SELECT = {"type": "singleSelect", "options": {"choices": [{"name": "a"}]}}
FIELDS = [
    LINES,
    {"name": "X", "type": "number", "options": {"precision": 0}},
    {"name": "Klasse", **SELECT},
    {"name": "FIELD_NAME", "type": "singleLineText"},
    {"name": "Filer", "type": "multipleAttachments"},
]


@dataclass
class Ground:
    """A server with a base of two linked tables, and a client."""

    server: AirtableServer
    web: httpx.Client
    base: str
    table: str
    locked: str

    @property
    def rows(self) -> str:
        return f"/v0/{self.base}/Tasks"

    @property
    def hooks(self) -> str:
        return f"/v0/bases/{self.base}/webhooks"

    @property
    def own(self) -> str:
        return f"/own/bases/{self.base}/tables/Tasks"

    @property
    def meta(self) -> str:
        return f"/v0/meta/bases/{self.base}/tables"

    def create(self, fields: dict[str, Any], table: str = "Tasks") -> httpx.Response:
        return self.web.post(f"/v0/{self.base}/{table}", json={"fields": fields})

    def field(self, **spec: Any) -> httpx.Response:
        return self.web.post(f"{self.meta}/{self.table}/fields", json=spec)

    def planned(self, refusal: Refusal) -> httpx.Response:
        self.server.faults.plan(refusal)
        return self.web.get(self.rows)


@pytest.fixture(scope="module")
def ground(tmp_path_factory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("refusals")
    locked = ["Tasks.FIELD_NAME"]
    with opened(folder, rate_limit_per_s=0, locked_fields=locked) as (server, web):
        body = {"name": "B", "workspaceId": "w", "tables": [{"name": "Tasks", "fields": FIELDS}]}
        made = web.post("/v0/meta/bases", json=body).json()
        base, table = made["id"], made["tables"][0]
        to = {"name": "Til", "type": "multipleRecordLinks", "options": {"linkedTableId": table["id"]}}
        web.post(f"/v0/meta/bases/{base}/tables", json={"name": "Andre", "fields": [LINES, to]})
        server.hand.add_field(base, "Tasks", {"name": "f_autoNumber", "type": "autoNumber"})
        for name in ("to", "to", "en"):
            web.post(f"/v0/{base}/Tasks", json={"fields": {"Navn": name}})
        yield Ground(server, web, base, table["id"], table["fields"][3]["id"])


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[tuple[AirtableServer, httpx.Client]]:
    """Give a server with these options and a client of it."""
    with (
        AirtableServer(folder, token="pat", **options) as server,
        httpx.Client(base_url=server.url, headers=HEADERS, timeout=PATIENCE_S) as web,
    ):
        yield server, web


def limited(tmp_path: Path, **options: Any) -> httpx.Response:
    """Return the last of three answers of a server with a base and these options."""
    with opened(tmp_path, **options) as (_, web):
        body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
        base = web.post("/v0/meta/bases", json=body).json()["id"]
        return [web.get(f"/v0/{base}/T") for _ in range(3)][-1]


def too_slow(ground: Ground, patched: pytest.MonkeyPatch) -> httpx.Response:
    """Return the answer to a body whose end never comes."""
    patched.setattr("tasks.sandbox.airtable.app.BODY_S", 0.01)
    with socket.create_connection(("127.0.0.1", ground.server.port), timeout=PATIENCE_S) as line:
        head = (
            f"POST {ground.rows} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer pat\r\nContent-Length: 9\r\n\r\n"
        )
        line.sendall(head.encode())
        answered = b""
        while b"}}" not in answered:
            part = line.recv(4096)
            assert part, answered
            answered += part
    top, _, body = answered.partition(b"\r\n\r\n")
    return httpx.Response(int(top.split()[1]), content=body)


def broken(ground: Ground, patched: pytest.MonkeyPatch) -> httpx.Response:
    """Return the answer where the server has a fault of its own."""
    patched.setattr(Schemas, "bases", lambda *_: 1 / 0)
    return ground.web.get("/v0/meta/bases")


def upsert(ground: Ground, *names: str) -> httpx.Response:
    body = {"records": [{"fields": {"Navn": n}} for n in names], "performUpsert": {"fieldsToMergeOn": ["Navn"]}}
    return ground.web.patch(ground.rows, json=body)


ELEVEN = {"records": [{"fields": {}}] * 11}
HOOK = {"specification": {"options": {"filters": {"dataTypes": ["tableData"]}}}}
GRID = {"name": "grid VIEW"}


def anothers_comment(ground: Ground) -> httpx.Response:
    """Return the answer to a change of what a person has written."""
    store = ground.server.hand._store
    base = store.bases[ground.base]
    person = Actor("usrKari0000000000", "kari@example.com", "Kari", "client")
    rec = ground.create({}).json()["id"]
    made = comments.add(store, base, base.tables[0], rec, "Hei", by=person)
    return ground.web.delete(f"{ground.rows}/{rec}/comments/{made['id']}")


def one_hook_too_many(ground: Ground) -> httpx.Response:
    while (response := ground.web.post(ground.hooks, json=HOOK)).status_code == 200:
        pass
    return response


Provoke = Callable[[Ground], httpx.Response]
PROVOKE: dict[str, Provoke] = {
    "unauthorized": lambda g: httpx.get(g.server.url + g.rows, timeout=PATIENCE_S),
    "no_model": lambda g: g.web.get(f"/v0/{g.base}/Ukjent"),
    "locked_field": lambda g: g.create({"FIELD_NAME": "a"}),
    "not_found": lambda g: g.web.get(f"{g.rows}/{NOBODY}"),
    "not_found_object": lambda g: g.planned(errors.not_found_object),
    "record_gone": lambda g: g.web.delete(f"{g.rows}/{NOBODY}"),
    "invalid": lambda g: g.web.get(g.rows, params={"pageSize": 101}),
    "too_many_new": lambda g: g.web.post(g.rows, json=ELEVEN),
    "missing_fields": lambda g: g.web.post(g.rows, json={}),
    "bad_records": lambda g: g.web.patch(g.rows, json=ELEVEN),
    "same_record_twice": lambda g: upsert(g, "ny", "ny"),
    "ambiguous_upsert": lambda g: upsert(g, "to"),
    "bad_formula": lambda g: g.web.get(g.rows, params={"filterByFormula": "{"}),
    "unknown_in_formula": lambda g: g.web.get(g.rows, params={"filterByFormula": "{Ukjent}=1"}),
    "not_yours": anothers_comment,
    "bad_filter": lambda g: g.web.post(f"{g.own}/views", json={"name": "Ny", "filter": {}}),
    "view_name_taken": lambda g: g.web.post(f"{g.own}/views", json=GRID),
    "bad_hook": lambda g: g.web.post(g.hooks, json={"specification": {}}),
    "bad_hook_url": lambda g: g.web.post(g.hooks, json={**HOOK, "notificationUrl": "ftp://x"}),
    "too_many_hooks": one_hook_too_many,
    "no_view": lambda g: g.web.get(g.rows, params={"view": "Ukjent"}),
    "no_cursor": lambda g: g.web.get(g.rows, params={"offset": "itr/x"}),
    "unknown_field": lambda g: g.create({"sessionId": 1}),
    "wrong_value": lambda g: g.create({"X": "a"}),
    "computed_field": lambda g: g.create({"f_autoNumber": 1}),
    "no_option": lambda g: g.create({"Klasse": "Value"}),
    "no_row": lambda g: g.web.patch(g.rows, json={"records": [{"id": NOBODY, "fields": {}}]}),
    "bad_record_id": lambda g: g.create({"Til": ["Nes"]}, "Andre"),
    "wrong_table": lambda g: g.create({"Til": [g.create({}, "Andre").json()["id"]]}, "Andre"),
    "bad_attachment": lambda g: g.create({"Filer": [{"url": "http://example.com/x"}]}),
    "computed_type": lambda g: g.field(name="Created At", type="createdTime"),
    "no_type": lambda g: g.field(name="Ny", type="trylleri"),
    "bad_options": lambda g: g.field(name="Ny", type="number"),
    "field_name_taken": lambda g: g.field(name="navn", type="url"),
    "table_name_taken": lambda g: g.web.post(g.meta, json={"name": "TASKS", "fields": [LINES]}),
    "bad_primary": lambda g: g.web.post(g.meta, json={"name": "Ny", "fields": [{"name": "a", **SELECT}]}),
    "rate_limited_list": lambda g: g.planned(errors.rate_limited_list),
    "retriable": lambda g: g.planned(errors.retriable),
    "bad_json": lambda g: g.web.post(g.rows, content=b"{"),
    "long_address": lambda g: g.web.get(g.rows, params={"filterByFormula": "1" * 16_000}),
    "too_large": lambda g: g.web.post(g.rows, content=b" " * 8_000_001),
}


@pytest.fixture
def provoke(ground, tmp_path, monkeypatch) -> Callable[[str], httpx.Response]:
    states: dict[str, Callable[[], httpx.Response]] = {
        "rate_limited": lambda: limited(tmp_path / "a", rate_limit_per_s=2, clock=lambda: 1.0),
        "quota_spent": lambda: limited(tmp_path / "b", rate_limit_per_s=0, monthly_calls=2),
        "slow_body": lambda: too_slow(ground, monkeypatch),
        "server_error": lambda: broken(ground, monkeypatch),
    }
    assert set(states) | set(PROVOKE) == set(REFUSALS)
    return lambda name: states[name]() if name in states else PROVOKE[name](ground)


def parts(body: dict[str, Any]) -> tuple[str, str | None]:
    """Return type and message, whatever the form."""
    if "errors" in body:
        return body["errors"][0]["error"], body["errors"][0].get("message")
    error = body["error"]
    return (error, None) if isinstance(error, str) else (error["type"], error.get("message"))


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_every_refusal_is_given_over_http(provoke, name):
    refusal, response = REFUSALS[name], provoke(name)
    kind, message = parts(response.json())
    assert (response.status_code, kind) == (refusal.status, refusal.kind)
    form = {str: "bare", dict: "object", type(None): "list"}[type(response.json().get("error"))]
    assert form == refusal.form
    if refusal.message is None:
        assert message is None
    else:
        gaps = re.split(r"\{(?:!r)?\}", refusal.message)
        assert re.fullmatch(".*".join(re.escape(g) for g in gaps), message or "")


def test_no_recorded_refusal_is_missing_and_its_confidence_is_named(ground, provoke):
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED} is not there")
    seen: dict[tuple[int, str], set[str]] = {}
    for name, refusal in REFUSALS.items():
        response = provoke(name)
        text = json.dumps(response.json(), sort_keys=True).replace(ground.locked, "FIELD_ID")
        seen.setdefault((response.status_code, text), set()).add(refusal.confidence)
    recorded = json.loads(RECORDED.read_text())["errors"]
    assert len(recorded) > 20
    missing = [e["when"] for e in recorded if (e["status"], json.dumps(e["body"], sort_keys=True)) not in seen]
    assert missing == []
    for e in recorded:
        assert seen[e["status"], json.dumps(e["body"], sort_keys=True)] == {e["confidence"].split()[0]}, e["when"]


# --- what a state of the server adds ---


def test_a_locked_field_refuses_every_way_of_writing_it_and_nothing_else(ground):
    wanted = f"You are not permitted to write cell values in field FIELD_NAME ({ground.locked})"
    made = ground.create({"Navn": "fri"}).json()
    record = {"id": made["id"], "fields": {ground.locked: "x"}}
    key = {"fieldsToMergeOn": ["FIELD_NAME"]}
    for response in (
        ground.web.patch(f"{ground.rows}/{made['id']}", json={"fields": {"FIELD_NAME": None}}),
        ground.web.patch(ground.rows, json={"records": [record]}),
        ground.web.put(ground.rows, json={"records": [record]}),
        ground.web.patch(ground.rows, json={"records": [{"fields": record["fields"]}], "performUpsert": key}),
    ):
        assert (response.status_code, parts(response.json())) == (403, ("INVALID_PERMISSIONS", wanted))
    assert ground.web.get(f"{ground.rows}/{made['id']}").json() == made


def test_planned_faults_come_where_and_as_often_as_planned(ground):
    plan = ground.server.faults.plan
    plan(errors.retriable, times=2, after=1, method="POST", holding="Tasks", retry_after_s=3)
    assert ground.web.get(ground.rows).status_code == 200
    assert ground.create({}, "Andre").status_code == 200
    before = len(ground.web.get(ground.rows).json()["records"])
    seen = [ground.create({}) for _ in range(4)]
    assert [r.status_code for r in seen] == [200, 503, 503, 200]
    assert [r.headers.get("retry-after") for r in seen] == [None, "3", "3", None]
    assert len(ground.web.get(ground.rows).json()["records"]) == before + 2


def test_the_schema_is_answered_when_the_quota_is_spent(tmp_path):
    with opened(tmp_path, rate_limit_per_s=0, monthly_calls=1) as (_, web):
        body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
        base = web.post("/v0/meta/bases", json=body).json()["id"]
        assert [web.get(f"/v0/{base}/T").status_code for _ in range(3)] == [200, 429, 429]
        assert web.post(f"/v0/{base}/T", json={"fields": {}}).status_code == 429
        assert web.get(f"/v0/meta/bases/{base}/tables").status_code == 200
