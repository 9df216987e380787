"""The comparison of rows with records: worked examples, and that it comes to rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import base_register
from tasks.crm.sync import Record, canonical, chunks, diff_table, guard_identity
from tasks.errors import IdentityError, OwnershipError

TOMTER = base_register().table("Tomter")
ROW = {"Tomt-id": "7001-000001", "Kommune": ["7001"], "Score": 81.25, "Areal m²": 2500.4, "Tvist": False, "Årsak": None}


def record(fields: dict, rec: str = "rec1") -> Record:
    return Record(rec, fields)


def test_a_row_that_the_base_lacks_is_created_without_its_empty_cells():
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [], key_of={})
    assert diff.create == {
        "7001-000001": {"Tomt-id": "7001-000001", "Kommune": ["7001"], "Score": 81.2, "Areal m²": 2500}
    }
    assert diff.counts() == {"created": 1, "updated": 0, "unchanged": 0, "refused": 0}


def test_what_airtable_leaves_out_and_how_it_answers_is_no_change():
    there = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 81.2, "Areal m²": 2500, "Notat": "ring eier"}
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record(there)], key_of={"recK": "7001"})
    assert (diff.unchanged, diff.update) == (1, {})


def test_only_the_fields_that_differ_are_sent_by_record_id():
    there = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 70, "Areal m²": 2500, "Årsak": "gammel"}
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record(there)], key_of={"recK": "7001"})
    assert diff.update == {"7001-000001": ("rec1", {"Score": 81.2, "Årsak": None})}
    assert diff.before == {"7001-000001": {"Score": 70, "Årsak": "gammel"}}


def test_a_link_to_another_record_is_put_right():
    there = {"Tomt-id": "7001-000001", "Kommune": ["recX"], "Score": 81.2, "Areal m²": 2500}
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record(there)], key_of={"recK": "7001"})
    assert diff.update["7001-000001"][1] == {"Kommune": ["7001"]}


def test_a_key_that_stands_twice_is_left_alone_and_reported():
    there = {"Tomt-id": "7001-000001"}
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record(there, "recA"), record(there, "recB")], key_of={})
    assert "recA, recB" in diff.refused["7001-000001"]
    assert not diff.create
    assert not diff.update


def test_a_lot_made_by_people_is_not_looked_at():
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record({"Notat": "tips fra Kari"})], key_of={})
    assert list(diff.create) == ["7001-000001"]
    assert not diff.refused


def test_a_lot_that_is_gone_and_was_never_published_stays_unpublished():
    gone = {**ROW, "Tilstand": "Borte"}
    assert not diff_table(TOMTER, {"7001-000001": gone}, [], key_of={}).create
    assert diff_table(TOMTER, {"7001-000001": gone}, [record({"Tomt-id": "7001-000001"})], key_of={}).update


@pytest.mark.parametrize("name", ["Notat", "Fase"])
def test_a_field_of_sales_is_refused_before_it_leaves(name):
    with pytest.raises(OwnershipError, match=name):
        diff_table(TOMTER, {"7001-000001": {**ROW, name: "x"}}, [], key_of={})


@given(
    score=st.one_of(st.none(), st.floats(0, 100)),
    areal=st.floats(0, 1e7),
    text=st.one_of(st.none(), st.text(max_size=30)),
    tvist=st.booleans(),
    links=st.lists(st.text(min_size=1, max_size=3), unique=True),
)
def test_what_was_written_compares_as_unchanged(score, areal, text, tvist, links):
    row = {"Tomt-id": "k", "Score": score, "Areal m²": areal, "Begrunnelse": text, "Tvist": tvist, "Eiendommer": links}
    first = diff_table(TOMTER, {"k": row}, [], key_of={})
    again = diff_table(TOMTER, {"k": row}, [record(first.create["k"])], key_of={})
    assert again.unchanged == 1


def test_canonical_rounds_to_what_is_shown():
    assert canonical(TOMTER.field("Score"), 79.96) == 80.0
    assert canonical(TOMTER.field("Areal m²"), 1000.49) == 1000
    assert canonical(TOMTER.field("Score"), float("nan")) is None


@given(st.lists(st.integers(), max_size=50))
def test_chunks_lose_nothing(items):
    parts = list(chunks(items))
    assert [i for part in parts for i in part] == items
    assert all(1 <= len(part) <= 10 for part in parts)


def test_what_links_to_a_key_that_stands_twice_is_left_alone_too():
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [], key_of={}, ambiguous={"7001"})
    assert "links to 7001" in diff.refused["7001-000001"]
    assert not diff.create


def test_a_lot_that_is_gone_keeps_its_links_as_they_are():
    gone = {**ROW, "Tilstand": "Borte", "Område": ["7001-O00099"]}
    there = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 81.2, "Areal m²": 2500}
    diff = diff_table(TOMTER, {"7001-000001": gone}, [record(there)], key_of={"recK": "7001"})
    assert diff.update == {"7001-000001": ("rec1", {"Tilstand": "Borte"})}


def test_lots_that_the_files_do_not_know_stop_the_run():
    desired = {"7001-000001": {"Teig": "t1"}}
    known = record({"Tomt-id": "7001-000001", "Teig": "t1"})
    foreign = record({"Tomt-id": "7001-000099", "Teig": "t1"})
    moved = record({"Tomt-id": "7001-000001", "Teig": "t2"})
    people = record({"Notat": "tips"})
    guard_identity([known, people], desired, is_first_sync=True, kommune="7001")
    guard_identity([moved], desired, is_first_sync=False, kommune="7001")  # a renumbered teig keeps its lot
    with pytest.raises(IdentityError, match="7001-000099"):
        guard_identity([foreign], desired, is_first_sync=False, kommune="7001")
    with pytest.raises(IdentityError, match="Restore the geodata folder"):
        guard_identity([moved], desired, is_first_sync=True, kommune="7001")
