"""Comments through pyairtable: paged newest first, mentions, threads, whose they are, and what they outlive."""

from __future__ import annotations

import sqlite3
from functools import partial

import pytest

from tasks.sandbox.airtable import AirtableServer, comments
from tasks.sandbox.airtable.actor import API_USER, PEOPLE, Actor
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.pages import record
from tasks.sandbox.airtable.sidefile import beside, let_go
from tasks.sandbox.airtable.store import Store
from tests.sandbox.conftest import LINES, answer, connect, refusal

KARI = Actor("usrKari0000000000", "kari@example.com", "Kari Selger", "client")


@pytest.fixture
def rec(tomter):
    return tomter.create({"Navn": "a"})["id"]


@pytest.fixture
def by_kari(airtable, base, tomter):
    """Comments as the pages make them, by a person."""
    store = airtable.hand._store
    there = store.bases[base.id]
    return partial(comments.add, store, there, there.table("Tomter"), by=KARI)


def test_a_comment_is_made_changed_and_deleted(tomter, rec):
    made = tomter.add_comment(rec, "Ring eieren")
    assert (made.text, made.last_updated_time, made.author.id) == ("Ring eieren", None, API_USER.id)
    assert made.id.startswith("com")
    made.text = "Ring eieren i morgen"
    made.save()
    (there,) = tomter.comments(rec)
    assert (there.id, there.text) == (made.id, "Ring eieren i morgen")
    assert there.last_updated_time is not None
    assert there.last_updated_time >= there.created_time
    made.delete()
    assert tomter.comments(rec) == []


def test_comments_come_newest_first_in_pages_and_are_counted(web, base, tomter, rec, by_kari):
    other = tomter.create({"Navn": "b"})["id"]
    for n in range(5):
        by_kari(rec, f"nr {n}")
    assert [c.text for c in tomter.comments(rec)] == ["nr 4", "nr 3", "nr 2", "nr 1", "nr 0"]
    url = f"/v0/{base.id}/Tomter/{rec}/comments"
    first = web.get(url, params={"pageSize": 3}).json()
    rest = web.get(url, params={"pageSize": 3, "offset": first["offset"]}).json()
    assert [len(first["comments"]), len(rest["comments"]), rest["offset"]] == [3, 2, None]
    assert answer(web.get(url, params={"pageSize": 101}))[0] == 422
    assert answer(web.get(f"/v0/{base.id}/Tomter/{other}/comments", params={"offset": first["offset"]}))[0] == 422
    assert {r["id"]: r["commentCount"] for r in tomter.all(count_comments=True)} == {rec: 5, other: 0}
    assert "commentCount" not in tomter.first()
    by_post = web.post(f"/v0/{base.id}/Tomter/listRecords", json={"recordMetadata": ["commentCount"]}).json()
    assert by_post["records"][0]["commentCount"] == 5
    assert answer(web.get(f"/v0/{base.id}/Tomter", params={"recordMetadata[]": "likes"}))[0] == 422


def test_a_page_of_comments_is_asked_for_as_a_page(airtable, base, tomter, rec, by_kari):
    store = airtable.hand._store
    there, other = store.bases[base.id], tomter.create({"Navn": "b"})["id"]
    made = [by_kari(rec, f"nr {n}")["id"] for n in range(5)]
    by_kari(other, "annet")
    first, offset = comments.page(store, there, rec, offset=None, size=2)
    comments.remove(store, there, there.table("Tomter"), rec, made[3], by=KARI)
    by_kari(rec, "ny")
    second, offset = comments.page(store, there, rec, offset=offset, size=2)
    third, end = comments.page(store, there, rec, offset=offset, size=2)
    assert [[c["text"] for c in p] for p in (first, second, third)] == [["nr 4", "nr 3"], ["nr 2", "nr 1"], ["nr 0"]]
    assert end is None
    for wrong in (offset.replace(rec, other), "x", f"{rec}/-1", f"{rec}/" + "9" * 30):
        with pytest.raises(ApiError):
            comments.page(store, there, rec, offset=wrong, size=2)
    assert [c["text"] for c in comments.of_record(store, there, rec, most=2)] == ["ny", "nr 4"]


def test_the_page_of_a_record_shows_the_newest(web, base, rec, by_kari, monkeypatch):
    monkeypatch.setattr(record, "MOST_COMMENTS", 2)
    for n in range(2):
        by_kari(rec, f"nr {n}")
    assert "nyeste" not in web.get(f"/base/{base.id}/Tomter/{rec}").text
    by_kari(rec, "nr 2")
    shown = web.get(f"/base/{base.id}/Tomter/{rec}").text
    assert [f"nr {n}" in shown for n in range(3)] == [False, True, True]
    assert "Bare de 2 nyeste vises." in shown


def test_the_file_beside_a_store_stays_closed(tmp_path):
    store = Store(tmp_path)
    beside(store)
    let_go(store)
    with pytest.raises(sqlite3.ProgrammingError):
        beside(store).rows("SELECT 1")
    store.close()


def test_mentions_name_whom_the_base_knows_and_no_one_else(tomter, rec, by_kari):
    tomter.create_field("Ansvarlig", "singleCollaborator")
    ola = PEOPLE[1]
    tomter.update(rec, {"Ansvarlig": {"id": ola.id}})
    by_kari(rec, "Hei")
    text = f"@[{ola.id}] og @[usrKari0000000000], ikke @[usrUkjent00000000] eller @[usr]"
    made = tomter.add_comment(rec, text)
    assert made.text == text
    assert {m.id: (m.display_name, m.email, m.type) for m in made.mentioned.values()} == {
        ola.id: (ola.name, ola.email, "user"),
        "usrKari0000000000": ("Kari Selger", "kari@example.com", "user"),
    }


def test_a_reply_names_a_comment_of_the_same_record(tomter, rec, by_kari):
    question = by_kari(rec, "Skal vi?")
    reply = tomter.add_comment(rec, "Ja", parent_comment_id=question["id"])
    assert reply.parent_comment_id == question["id"]
    assert tomter.comments(rec)[1].parent_comment_id is None
    other = tomter.create({"Navn": "b"})["id"]
    for wrong in (question["id"], "com00000000000000", 5):
        assert refusal(partial(tomter.add_comment, other, "Ja", parent_comment_id=wrong))[0] == 422


def test_what_another_wrote_is_theirs(tomter, rec, by_kari):
    by_kari(rec, "Mitt")
    (theirs,) = tomter.comments(rec)
    assert theirs.author.name == "Kari Selger"
    theirs.text = "Ditt"
    for call in (theirs.save, theirs.delete):
        assert refusal(call)[:2] == (403, "INVALID_PERMISSIONS")
    assert tomter.comments(rec)[0].text == "Mitt"


def test_a_malformed_comment_is_refused(web, base, tomter, rec, subtests):
    url = f"/v0/{base.id}/Tomter/{rec}/comments"
    for body in ({}, {"text": ""}, {"text": " \n"}, {"text": 5}, {"text": "x" * 10_001}, {"text": "a", "author": {}}):
        with subtests.test(repr(body)[:60]):
            assert answer(web.post(url, json=body))[:2] == (422, "INVALID_REQUEST_UNKNOWN")
    made = tomter.add_comment(rec, "a")
    other = tomter.create({"Navn": "b"})["id"]
    for path in (f"{other}/comments/{made.id}", f"{rec}/comments/com00000000000000", "rec00000000000000/comments/x"):
        assert answer(web.patch(f"/v0/{base.id}/Tomter/{path}", json={"text": "b"})) == (404, "NOT_FOUND", "")
    assert refusal(partial(tomter.comments, "rec00000000000000"))[:2] == (404, "NOT_FOUND")
    assert [c.text for c in tomter.comments(rec)] == ["a"]


def test_comments_survive_a_stop_and_go_with_their_record(tmp_path):
    with AirtableServer(tmp_path, token="pat", rate_limit_per_s=0) as server:
        api = connect(server.url, "pat")
        table = api.create_base("wsp1", "B", [{"name": "T", "fields": [LINES]}]).table("T")
        kept, gone = (table.create({"Navn": n})["id"] for n in "ab")
        table.add_comment(kept, "blir")
        table.add_comment(gone, "går")
        table.delete(gone)
        file = comments.beside(server.hand._store)
        assert file.rows("SELECT text FROM comment") == [("blir",)]
        before = table.comments(kept)[0].model_dump()
        api.session.close()
        base_id = table.base.id
    with AirtableServer(tmp_path, token="pat", rate_limit_per_s=0) as server:
        api = connect(server.url, "pat")
        assert [c.model_dump() for c in api.table(base_id, "T").comments(kept)] == [before]
        api.session.close()
