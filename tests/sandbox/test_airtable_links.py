"""Links: they show on both sides, and go with what they lead to."""

from __future__ import annotations

from tests.sandbox.conftest import names, refusal


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
