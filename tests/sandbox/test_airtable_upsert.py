"""Upsert: one record for each key, found or made; what is ambiguous refuses the whole batch."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import NOTAT, answer, names, refusal


def test_upsert_creates_and_updates_on_one_to_three_keys(tomter):
    first = tomter.create({"Navn": "a", "Tall": 1, "Klasse": "bolig", "Dato": "2026-01-01"})
    for keys in (["Navn"], ["Navn", "Tall"], ["Navn", "Klasse", "Dato"]):
        result = tomter.batch_upsert([{"fields": {**first["fields"], NOTAT: str(len(keys))}}], keys)
        assert (result["updatedRecords"], result["createdRecords"]) == ([first["id"]], [])
        assert result["records"] == [{**first, "fields": {**first["fields"], NOTAT: str(len(keys))}}]
    result = tomter.batch_upsert([{"fields": {"Navn": "b"}}, {"fields": {"Navn": "a", "Tall": 9}}], ["Navn"])
    assert names(result["records"]) == ["b", "a"]
    assert result["createdRecords"] == [result["records"][0]["id"]]
    assert tomter.get(first["id"])["fields"]["Tall"] == 9


def test_upsert_finds_what_was_changed_deleted_and_rolled_back(tomter):
    def upsert(name):
        return tomter.batch_upsert([{"fields": {"Navn": name}}], ["Navn"])

    rec = upsert("a")["createdRecords"][0]
    tomter.update(rec, {"Navn": "b"})
    assert upsert("b")["updatedRecords"] == [rec]
    assert upsert("a")["createdRecords"]
    assert refusal(lambda: tomter.batch_update([{"id": rec, "fields": {"Navn": "c", "Tall": "x"}}]))[0] == 422
    assert upsert("b")["updatedRecords"] == [rec]
    tomter.delete(rec)
    assert upsert("b")["createdRecords"]


def test_upsert_with_two_matches_refuses_all(tomter):
    tomter.batch_create([{"Navn": "a"}, {"Navn": "a"}])
    before = tomter.all()
    status, kind, _ = refusal(lambda: tomter.batch_upsert([{"fields": {"Navn": n, "Tall": 1}} for n in "ba"], ["Navn"]))
    assert (status, kind) == (422, "INVALID_REQUEST_UNKNOWN")
    assert tomter.all() == before


@pytest.mark.parametrize("is_there", [True, False])
def test_upsert_with_a_key_twice_refuses_all(tomter, is_there):
    if is_there:
        tomter.create({"Navn": "a"})
    before = tomter.all()
    assert refusal(lambda: tomter.batch_upsert([{"fields": {"Navn": "a"}}] * 2, ["Navn"]))[:2] == (
        422,
        "INVALID_RECORDS",
    )
    assert tomter.all() == before


def test_upsert_by_id_and_replace(tomter):
    rec = tomter.create({"Navn": "a", "Tall": 1})["id"]
    assert tomter.batch_upsert([{"id": rec, "fields": {"Navn": "b"}}], ["Navn"])["updatedRecords"] == [rec]
    replaced = tomter.batch_upsert([{"fields": {"Navn": "b"}}], ["Navn"], replace=True)["records"]
    assert replaced[0]["fields"] == {"Navn": "b"}
    missing = [{"id": "rec00000000000000", "fields": {"Navn": "b"}}]
    assert refusal(lambda: tomter.batch_upsert(missing, ["Navn"]))[1] == "ROW_DOES_NOT_EXIST"


def test_a_malformed_upsert_is_refused(web, base, tomter, subtests):
    for fields, merge, kind in [
        ({"Tall": 1}, {"fieldsToMergeOn": ["Navn"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": ""}, {"fieldsToMergeOn": ["Navn"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": ["Navn", "Tall"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": []}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": ["Navn", "Tall", "Dato", "Klasse"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": [{}]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": ["Navn", "Navn"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, None, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": "a"}, {"fieldsToMergeOn": ["Ukjent"]}, "UNKNOWN_FIELD_NAME"),
        ({"Navn": "a", "Område": []}, {"fieldsToMergeOn": ["Område"]}, "INVALID_REQUEST_UNKNOWN"),
        ({"Navn": 1234}, {"fieldsToMergeOn": ["Navn"]}, "INVALID_VALUE_FOR_COLUMN"),
    ]:
        with subtests.test(repr((fields, merge, kind))[:80]):
            body = {"records": [{"fields": fields}], "performUpsert": merge}
            assert answer(web.patch(f"/v0/{base.id}/Tomter", json=body))[:2] == (422, kind)
            assert tomter.all() == []
