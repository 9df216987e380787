"""Links: they show on both sides, and go with what they lead to."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tasks.sandbox.airtable import AirtableServer
from tests.sandbox.conftest import LINES, connect, names, refusal


def test_a_link_shows_on_both_sides_and_goes_when_cut(tomter, omraader):
    one, two = (omraader.create({"Navn": n})["id"] for n in "ab")
    rec = tomter.create({"Navn": "t", "Område": [one]})["id"]
    assert omraader.get(one)["fields"]["Tomter"] == [rec]
    tomter.update(rec, {"Område": [two]})
    assert "Tomter" not in omraader.get(one)["fields"]
    omraader.update(one, {"Tomter": [rec]})
    assert tomter.get(rec)["fields"]["Område"] == [two, one]
    omraader.update(two, {"Tomter": None})
    assert tomter.get(rec)["fields"]["Område"] == [one]


def test_deleting_a_record_removes_the_links_to_it(tomter, omraader):
    one = omraader.create({"Navn": "a"})["id"]
    rec = tomter.create({"Navn": "t", "Område": [one]})["id"]
    omraader.delete(one)
    assert tomter.get(rec)["fields"] == {"Navn": "t"}


def test_links_of_one_batch_to_one_record_keep_each_other(tomter, omraader):
    one = omraader.create({"Navn": "a"})["id"]
    ids = [r["id"] for r in tomter.batch_create([{"Område": [one]} for _ in range(10)])]
    assert omraader.get(one)["fields"]["Tomter"] == ids
    tomter.batch_update([{"id": i, "fields": {"Område": []}} for i in ids[:9]])
    assert omraader.get(one)["fields"]["Tomter"] == ids[9:]


def test_a_link_within_the_table_has_one_side(base, tomter):
    tomter.create_field("Nabo", "multipleRecordLinks", options={"linkedTableId": tomter.id})
    assert [f.name for f in base.schema(force=True).table("Tomter").fields if f.name == "Tomter"] == []
    one = tomter.create({"Navn": "a"})["id"]
    two = tomter.create({"Navn": "b", "Nabo": [one]})["id"]
    tomter.update(one, {"Nabo": [one, two]})
    tomter.delete(one)
    assert tomter.all() == [tomter.get(two)]
    assert tomter.get(two)["fields"] == {"Navn": "b"}


def test_a_link_to_what_is_not_there_is_refused(base, tomter, omraader):
    here = tomter.create({"Navn": "a"})["id"]
    assert refusal(lambda: tomter.create({"Område": ["rec00000000000000"]}))[:2] == (422, "ROW_DOES_NOT_EXIST")
    assert refusal(lambda: tomter.create({"Område": ["Nes"]}))[:2] == (422, "INVALID_RECORD_ID")
    schema = base.schema()
    assert refusal(lambda: tomter.create({"Område": [here]})) == (
        422,
        "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
        f"Record ID {here} belongs to table {schema.table('Tomter').id}, "
        f"but the field links to table {schema.table('Områder/felt').id}",
    )
    assert names(tomter.all()) == ["a"]


def test_two_links_between_the_same_tables_are_kept_apart(base, tomter, omraader):
    table = base.schema().table("Områder/felt").id
    tomter.create_field("Nabo", "multipleRecordLinks", options={"linkedTableId": table})
    one, two = (omraader.create({"Navn": n})["id"] for n in "ab")
    rec = tomter.create({"Navn": "t", "Område": [one], "Nabo": [two, one]})["id"]
    assert omraader.get(one)["fields"] == {"Navn": "a", "Tomter": [rec], "Tomter 2": [rec]}
    assert omraader.get(two)["fields"] == {"Navn": "b", "Tomter 2": [rec]}
    omraader.update(one, {"Tomter": []})
    assert tomter.get(rec)["fields"] == {"Navn": "t", "Nabo": [two, one]}
    tomter.delete(rec)
    assert omraader.get(one)["fields"] == {"Navn": "a"}


def test_the_order_of_either_side_is_its_own(tomter, omraader):
    a, b, c = (omraader.create({"Navn": n})["id"] for n in "abc")
    one = tomter.create({"Navn": "1", "Område": [c, a, b]})["id"]
    two = tomter.create({"Navn": "2", "Område": [a]})["id"]
    assert tomter.get(one)["fields"]["Område"] == [c, a, b]
    tomter.update(one, {"Område": [b, c, a]})
    assert tomter.get(one)["fields"]["Område"] == [b, c, a]
    assert omraader.get(a)["fields"]["Tomter"] == [one, two]
    omraader.update(a, {"Tomter": [two, one]})
    assert omraader.get(a)["fields"]["Tomter"] == [two, one]
    assert tomter.get(one)["fields"]["Område"] == [b, c, a]


def test_links_are_there_in_order_after_a_restart(tmp_path):
    with AirtableServer(tmp_path, token="pat-for-tests", rate_limit_per_s=0) as server:
        api = connect(server.url)
        base = api.create_base("wsp", "B", [{"name": "O", "fields": [LINES]}])
        to = {"name": "Område", "type": "multipleRecordLinks", "options": {"linkedTableId": base.schema().tables[0].id}}
        tomter, omraader = base.create_table("Tomter", [LINES, to]), base.table("O")
        tomter.create_field("Nabo", "multipleRecordLinks", options={"linkedTableId": tomter.id})
        ids = [r["id"] for r in omraader.batch_create([{"Navn": str(n)} for n in range(5)])]
        lots = [r["id"] for r in tomter.batch_create([{"Område": [ids[n], ids[4]]} for n in (3, 0, 2)])]
        omraader.update(ids[4], {"Tomter": [lots[2], lots[0], lots[1]]})
        tomter.update(lots[0], {"Nabo": [lots[1], lots[0]], "Område": [ids[4], ids[1], ids[3]]})
        before = (tomter.all(), omraader.all())
        written = cells_of(tmp_path, ids[4])
        tomter.batch_create([{"Område": [ids[4]]} for _ in range(30)])
        assert cells_of(tmp_path, ids[4]) == written  # a record is not written again for what links to it
        tomter.batch_delete([r["id"] for r in tomter.all()[3:]])
        api.session.close()
    with AirtableServer(tmp_path, token="pat-for-tests", rate_limit_per_s=0) as server:
        again = connect(server.url)
        assert (again.table(base.id, "Tomter").all(), again.table(base.id, "O").all()) == before
        again.session.close()
    assert before[1][4]["fields"]["Tomter"] == [lots[2], lots[0], lots[1]]


def cells_of(folder, rec):
    with closing(sqlite3.connect(folder / "airtable.sqlite")) as db:
        return db.execute("SELECT cells FROM record WHERE id = ?", (rec,)).fetchone()


def test_a_folder_that_kept_links_in_the_cells_is_read(tmp_path):
    tables = [
        {"id": "tbl1", "name": "O", "primaryFieldId": "fldN", "views": [], "fields": [
            {"id": "fldN", "name": "Navn", "type": "singleLineText"},
            {"id": "fldB", "name": "T", "type": "multipleRecordLinks",
             "options": {"linkedTableId": "tbl2", "inverseLinkFieldId": "fldA"}}]},
        {"id": "tbl2", "name": "T", "primaryFieldId": "fldM", "views": [], "fields": [
            {"id": "fldM", "name": "Navn", "type": "singleLineText"},
            {"id": "fldS", "name": "Nabo", "type": "multipleRecordLinks", "options": {"linkedTableId": "tbl2"}},
            {"id": "fldA", "name": "Område", "type": "multipleRecordLinks",
             "options": {"linkedTableId": "tbl1", "inverseLinkFieldId": "fldB"}}]},
    ]  # fmt: skip
    rows = [
        ("recO1", "tbl1", {"fldN": "o", "fldB": ["recT2", "recT1"]}),
        ("recT1", "tbl2", {"fldM": "1", "fldA": ["recO2", "recO1"], "fldS": ["recT2", "recT1"]}),
        ("recT2", "tbl2", {"fldM": "2", "fldA": ["recO1"]}),
        ("recO2", "tbl1", {"fldN": "p", "fldB": ["recT1"]}),
    ]
    with closing(sqlite3.connect(tmp_path / "airtable.sqlite")) as db:
        db.execute("CREATE TABLE base (id TEXT PRIMARY KEY, name TEXT NOT NULL, tables TEXT NOT NULL)")
        db.execute(
            "CREATE TABLE record (id TEXT PRIMARY KEY, base TEXT NOT NULL, tbl TEXT NOT NULL, created TEXT NOT NULL,"
            " cells TEXT NOT NULL)"
        )
        db.execute("INSERT INTO base VALUES ('app1', 'B', ?)", (json.dumps(tables),))
        for rec, table, cells in rows:
            db.execute("INSERT INTO record VALUES (?, 'app1', ?, 'da', ?)", (rec, table, json.dumps(cells)))
        db.commit()
    for _ in range(2):
        with AirtableServer(tmp_path, token="pat-for-tests", rate_limit_per_s=0) as server:
            api = connect(server.url)
            assert {r["id"]: r["fields"] for t in "OT" for r in api.table("app1", t).all()} == {
                "recO1": {"Navn": "o", "T": ["recT2", "recT1"]},
                "recO2": {"Navn": "p", "T": ["recT1"]},
                "recT1": {"Navn": "1", "Område": ["recO2", "recO1"], "Nabo": ["recT2", "recT1"]},
                "recT2": {"Navn": "2", "Område": ["recO1"]},
            }
            api.session.close()
