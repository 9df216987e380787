"""Webhooks through pyairtable: who is told of what, by number, and pings, signed, that stay on the machine."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import pytest
from pyairtable.models import WebhookNotification

from tasks.sandbox.airtable import AirtableServer, filters, webhooks
from tasks.sandbox.airtable.actor import API_USER, Actor
from tasks.sandbox.airtable.sidefile import beside, let_go
from tasks.sandbox.airtable.store import Store
from tests.sandbox.conftest import LINES, TALL, answer, connect, refusal
from tests.waiting import PATIENCE_S, eventually

KARI = Actor("usrKari0000000000", "kari@example.com", "Kari Selger", "client")
PREVIOUS = {"includePreviousCellValues": True, "includeCellValuesInFieldIds": "all"}


def spec(*kinds, includes=None, **filters):
    options = {"filters": {"dataTypes": list(kinds or ["tableData"]), **filters}}
    return {"options": options | ({"includes": includes} if includes else {})}


@pytest.fixture
def hook(base):
    """Make a webhook without an address, and return it."""

    def make(*kinds, includes=None, **filters):
        return base.webhook(base.add_webhook(None, spec(*kinds, includes=includes, **filters)).id)

    return make


@pytest.fixture
def fields(base, tomter):
    return {f.name: f.id for f in base.schema().table("Tomter").fields}


def changes(hook, table):
    """Return what each payload tells of the table."""
    return [p.changed_tables_by_id.get(table.id) for p in hook.payloads()]


def test_what_is_made_changed_and_deleted_is_told_in_order(hook, tomter, fields):
    made = hook(includes=PREVIOUS)
    rec = tomter.create({"Navn": "a", "Klasse": "bolig"})
    tomter.update(rec["id"], {"Navn": "b", "Tall": 1})
    tomter.update(rec["id"], {"Navn": "b"})  # nothing changes
    tomter.delete(rec["id"])
    payloads = list(made.payloads())
    assert [p.cursor for p in payloads] == [1, 2, 3]
    numbers = [p.base_transaction_number for p in payloads]
    assert numbers == sorted(set(numbers))
    assert {p.payload_format for p in payloads} == {"v0"}
    user = payloads[0].action_metadata
    assert (user.source, user.source_metadata["user"]["id"]) == ("publicApi", API_USER.id)
    new, changed, gone = changes(made, tomter)
    cells = new.created_records_by_id[rec["id"]].cell_values_by_field_id
    assert cells[fields["Navn"]] == "a"
    assert (cells[fields["Klasse"]]["name"], set(cells[fields["Klasse"]])) == ("bolig", {"id", "name", "color"})
    one = changed.changed_records_by_id[rec["id"]]
    assert one.current.cell_values_by_field_id == {fields["Navn"]: "b", fields["Tall"]: 1}
    assert one.previous.cell_values_by_field_id == {fields["Navn"]: "a", fields["Tall"]: None}
    assert set(one.unchanged.cell_values_by_field_id) == {fields["Klasse"]}
    assert gone.destroyed_record_ids == [rec["id"]]


def test_a_batch_is_one_payload_and_links_tell_names_on_both_sides(hook, base, tomter, omraader, fields):
    there = omraader.create({"Navn": "Nes"})["id"]
    made = hook()
    ids = [r["id"] for r in tomter.batch_create([{"Navn": "a", "Område": [there]}, {"Navn": "b"}])]
    (payload,) = made.payloads()
    told = payload.changed_tables_by_id
    assert list(told[tomter.id].created_records_by_id) == ids
    cell = told[tomter.id].created_records_by_id[ids[0]].cell_values_by_field_id[fields["Område"]]
    assert cell == [{"id": there, "name": "Nes"}]
    assert there in told[omraader.id].changed_records_by_id


def test_filters_leave_out_what_nobody_asked_for(airtable, hook, base, tomter, omraader, fields):
    navn = [fields["Navn"]]
    hooks = {
        "alt": hook(),
        "her": hook(recordChangeScope=tomter.id),
        "borte": hook(changeTypes=["remove"]),
        "navn": hook(watchDataInFieldIds=navn),
        "folk": hook(fromSources=["client"]),
        "skjema": hook("tableFields"),
    }
    omraader.create({"Navn": "o"})
    rec = tomter.create({"Tall": 1})["id"]
    tomter.update(rec, {"Navn": "a", "Tall": 2})
    store = airtable.hand._store
    there = store.bases[base.id]
    with store.change(there, by=KARI):
        store.update(there, there.table("Tomter"), rec, {fields["Tall"]: 3})
    tomter.delete(rec)
    told = {name: len(list(one.payloads())) for name, one in hooks.items()}
    assert told == {"alt": 5, "her": 4, "borte": 1, "navn": 2, "folk": 1, "skjema": 0}
    (by_kari,) = hooks["folk"].payloads()
    assert by_kari.action_metadata.source_metadata["user"]["name"] == "Kari Selger"
    (named, _) = changes(hooks["navn"], tomter)
    assert named.changed_records_by_id[rec].current.cell_values_by_field_id == {fields["Navn"]: "a"}


def test_a_view_tells_who_comes_and_who_leaves(airtable, hook, base, tomter, fields):
    condition = {"fieldId": fields["Tall"], "operator": ">", "value": 1}
    how = {"filter": {"conjunction": "and", "filterSet": [condition]}}
    view = airtable.hand.add_view(base.id, "Tomter", "Store", **how)["id"]
    made = hook(recordChangeScope=view)
    ids = [r["id"] for r in tomter.batch_create([{"Tall": 1}, {"Tall": 2}])]
    tomter.update(ids[0], {"Tall": 5})
    tomter.update(ids[1], {"Navn": "b"})
    tomter.update(ids[0], {"Tall": 0})
    tomter.update(ids[0], {"Tall": -1})
    tomter.delete(ids[1])
    told = [one.changed_views_by_id[view] for one in changes(made, tomter)]
    came = [list(t.created_records_by_id) for t in told]
    assert came == [[ids[1]], [ids[0]], [], [], []]
    assert [list(t.changed_records_by_id) for t in told] == [[], [], [ids[1]], [], []]
    assert [t.destroyed_record_ids for t in told] == [[], [], [], [ids[0]], [ids[1]]]


def test_a_write_tries_what_it_changed_alone_against_a_view(airtable, hook, base, tomter, fields, monkeypatch):
    condition = {"fieldId": fields["Tall"], "operator": ">", "value": 1}
    how = {"filter": {"conjunction": "and", "filterSet": [condition]}}
    view = airtable.hand.add_view(base.id, "Tomter", "Store", **how)["id"]
    ids = [r["id"] for r in tomter.batch_create([{"Tall": n} for n in range(6)])]
    made, tried = hook(recordChangeScope=view), []
    compiled = filters.compile

    def counted(*args, **kwargs):
        passes = compiled(*args, **kwargs)
        return lambda record: tried.append(record.id) or passes(record)

    monkeypatch.setattr(filters, "compile", counted)
    tomter.update(ids[0], {"Tall": 7})
    assert tried == [ids[0]]
    airtable.hand.delete_field(base.id, "Tomter", "Tall")  # and the condition with it: all are in the view
    came = [one.changed_views_by_id[view].created_records_by_id for one in changes(made, tomter)]
    assert [set(c) for c in came] == [{ids[0]}, {ids[1]}]


def test_no_lock_of_the_store_is_waited_for_while_the_file_is_held(tmp_path, monkeypatch):
    store = Store(tmp_path)
    hooks, held = webhooks.Webhooks(store), []
    there = store.create_base("B", [])
    now = store.now
    monkeypatch.setattr(store, "now", lambda: held.append(beside(store)._lock._is_owned()) or now())
    hooks.create(there, {"specification": spec()})
    hooks.heard(there, API_USER, [])
    hooks.close()
    let_go(store)
    store.close()
    assert held
    assert not any(held)


def test_fields_and_tables_are_told_of_too(airtable, hook, base, tomter):
    made = hook("tableFields", "tableMetadata", includes={"includePreviousFieldDefinitions": True})
    tomter.create({"Navn": "a"})
    field = tomter.create_field("Ny", "url")
    field.name = "Nyere"
    field.save()
    airtable.hand.delete_field(base.id, "Tomter", "Nyere")
    table = base.schema(force=True).table("Tomter")
    table.description = "Rader"
    table.save()
    new = base.create_table("Andre", [LINES])
    payloads = list(made.payloads())
    first, second, third, fourth = (p.changed_tables_by_id[tomter.id] for p in payloads[:4])
    assert (first.created_fields_by_id[field.id].name, first.created_fields_by_id[field.id].type) == ("Ny", "url")
    renamed = second.changed_fields_by_id[field.id]
    assert (renamed.previous.name, renamed.current.name) == ("Ny", "Nyere")
    assert third.destroyed_field_ids == [field.id]
    assert fourth.changed_metadata.current.description == "Rader"
    assert payloads[4].created_tables_by_id[new.id].metadata.name == "Andre"
    assert len(payloads) == 5


def test_payloads_come_in_pages_from_a_cursor(web, base, hook, tomter):
    made = hook()
    for n in range(7):
        tomter.create({"Navn": str(n)})
    url = f"/v0/bases/{base.id}/webhooks/{made.id}/payloads"
    first = web.get(url, params={"limit": 3}).json()
    assert (first["cursor"], first["mightHaveMore"], len(first["payloads"])) == (4, True, 3)
    rest = web.get(url, params={"cursor": 4}).json()
    assert (rest["cursor"], rest["mightHaveMore"], len(rest["payloads"])) == (8, False, 4)
    assert web.get(url, params={"cursor": 8}).json() == {"cursor": 8, "mightHaveMore": False, "payloads": []}
    assert base.webhook(made.id).cursor_for_next_payload == 8
    assert [p.cursor for p in made.payloads(cursor=6)] == [6, 7]
    for wrong in ({"cursor": 0}, {"cursor": "x"}, {"limit": 51}, {"limit": -1}):
        assert answer(web.get(url, params=wrong))[0] == 422


def test_a_webhook_that_cannot_be_is_refused(web, base, tomter, subtests):
    field = base.schema().table("Tomter").field("Navn").id
    fine = {"dataTypes": ["tableData"]}
    for options in [
        None,
        {},
        {"filters": {}},
        {"filters": {"dataTypes": []}},
        {"filters": {"dataTypes": ["cells"]}},
        {"filters": {**fine, "changeTypes": ["rename"]}},
        {"filters": {**fine, "fromSources": "client"}},
        {"filters": {**fine, "recordChangeScope": "tbl00000000000000"}},
        {"filters": {**fine, "watchDataInFieldIds": ["Navn"]}},
        {"filters": {**fine, "unknown": 1}},
        {"filters": fine, "includes": {"includePreviousCellValues": "yes"}},
        {"filters": fine, "includes": {"includeCellValuesInFieldIds": ["fld00000000000000"]}},
        {"filters": fine, "more": 1},
    ]:
        with subtests.test(repr(options)[:80]):
            body = {"specification": {"options": options}}
            assert answer(web.post(f"/v0/bases/{base.id}/webhooks", json=body))[0] == 422
    assert base.webhooks() == []
    call = partial(base.add_webhook, "http://127.0.0.1:9/", spec(watchDataInFieldIds=[field]))
    hooks = [call() for _ in range(webhooks.MOST_HOOKS)]
    assert refusal(call)[:2] == (422, "TOO_MANY_WEBHOOKS_IN_BASE")
    base.webhook(hooks[0].id).delete()
    assert len(base.webhooks()) == webhooks.MOST_HOOKS - 1
    for method, path in (("DELETE", ""), ("GET", "/payloads"), ("POST", "/refresh")):
        url = f"/v0/bases/{base.id}/webhooks/{hooks[0].id}{path}"
        assert answer(web.request(method, url))[:2] == (404, "NOT_FOUND")


# --- pings ---


class Receiver:
    """A server that keeps what it is sent, and answers with the status it is told to."""

    def __init__(self) -> None:
        self.got, self.status = Queue(), 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.put((body, self.headers["X-Airtable-Content-MAC"]))
                self.send_response(receiver.status)
                self.send_header("Location", "http://example.com/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_a_ping_is_signed_and_its_result_is_kept(base, tomter, receiver):
    receiver.status = 200
    made = base.add_webhook(receiver.url, spec())
    for _ in range(2):  # one when it is made, one for the change
        body, mac = receiver.got.get(timeout=PATIENCE_S)
        notice = WebhookNotification.from_request(body, mac, made.mac_secret_base64)
        assert (notice.base.id, notice.webhook.id) == (base.id, made.id)
        tomter.create({})
    with pytest.raises(ValueError, match="failed validation"):
        WebhookNotification.from_request(body + " ", mac, made.mac_secret_base64)
    eventually(lambda: base.webhook(made.id).last_successful_notification_time)
    assert base.webhook(made.id).last_notification_result.success
    receiver.got.get(timeout=PATIENCE_S)
    base.webhook(made.id).disable_notifications()
    assert not base.webhook(made.id).are_notifications_enabled
    tomter.create({})
    assert len(list(base.webhook(made.id).payloads())) == 3
    base.webhook(made.id).enable_notifications()
    tomter.create({})
    receiver.got.get(timeout=PATIENCE_S)
    assert receiver.got.empty()  # of the change in between, nobody was told


def test_a_ping_that_fails_is_recorded_and_leaves_the_machine_never(base, tomter, receiver):
    receiver.status = 302
    wrong = {
        receiver.url: "The HTTP request returned a 302 status code instead of 200 or 204",
        "http://192.0.2.1/": "The HTTP request failed: the host is not this machine",
        "http://0.0.0.0:9/": "The HTTP request failed: the host is not this machine",
        "https://127.0.0.1/": "The HTTP request failed: only plain http addresses of this machine are called",
        "http://127.0.0.1:9/": "The HTTP request failed: no answer (ConnectionRefusedError)",
    }
    hooks = {base.add_webhook(url, spec()).id: message for url, message in wrong.items()}

    def results():
        return {w.id: w.last_notification_result for w in base.webhooks()}

    eventually(lambda: all(results().values()))
    assert {i: r.error.message for i, r in results().items()} == hooks
    assert not any(r.success or r.will_be_retried for r in results().values())
    receiver.got.get(timeout=PATIENCE_S)


# --- what time and a stop do ---


def test_hooks_and_payloads_survive_a_stop_and_end_with_time(tmp_path):
    clock = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    start = partial(AirtableServer, tmp_path, token="pat", rate_limit_per_s=0, now=lambda: clock[0])
    with start() as server:
        api = connect(server.url, "pat")
        base = api.create_base("wsp1", "B", [{"name": "T", "fields": [LINES, TALL]}])
        made = base.add_webhook(None, spec("tableData", "tableFields"))
        base.table("T").create({"Navn": "a"})
        before = base.webhook(made.id).model_dump()
        api.session.close()
    with start() as server:
        api = connect(server.url, "pat")
        base = api.base(base.id)
        hook = base.webhook(made.id)
        assert hook.model_dump() == before
        base.table("T").create_field("Ny", "url")
        assert [bool(p.changed_tables_by_id) for p in hook.payloads()] == [True, True]
        clock[0] += timedelta(days=6)
        assert hook.expiration_time < clock[0] + timedelta(days=2)
        hook.extend_expiration()
        assert str(hook.expiration_time).startswith("2026-03-14T12:00")
        base.table("T").create({})
        clock[0] += timedelta(days=6)
        assert [p.base_transaction_number for p in hook.payloads()] == [3]  # the first two are older than seven days
        clock[0] += timedelta(days=7)
        assert not base.webhook(made.id).is_hook_enabled
        base.table("T").create({})
        assert base.webhook(made.id).cursor_for_next_payload == 4
        hook.extend_expiration()
        assert not base.webhook(made.id).is_hook_enabled
        clock[0] += timedelta(days=7)
        assert base.webhooks() == []
        api.session.close()


def test_the_newest_payloads_are_kept(hook, tomter, monkeypatch):
    monkeypatch.setattr(webhooks, "MOST_PAYLOADS", 2)
    made = hook()
    for _ in range(4):
        tomter.create({})
    assert [p.base_transaction_number for p in made.payloads()] == [3, 4]
