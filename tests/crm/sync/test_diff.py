"""The comparison of rows with records: worked examples, and that it comes to rest."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base import base_register
from config.registers import find_kommune
from tasks.crm.chunks import chunks
from tasks.crm.sync.basesync import unknown_lots
from tasks.crm.sync.diff import Record, diff_table, initial_values
from tasks.crm.sync.state import Sent
from tasks.crm.sync.verdi import canonical, digests
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


def drifted(there: float | None, now: float | None, sent: float | None = None) -> float | str | None:
    """Return what is sent of a field that drifts, or that it is left as it is."""
    memory = {} if sent is None else {"7001-000001": remembered({**ROW, "Sikkerhet": sent})}
    fields = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 81.2, "Areal m²": 2500, "Sikkerhet": there}
    rows = {"7001-000001": ROW | {"Sikkerhet": now}}
    diff = diff_table(TOMTER, rows, [record(fields)], key_of={"recK": "7001"}, memory=memory)
    assert diff.unchanged == (0 if diff.update else 1)
    return diff.update["7001-000001"][1]["Sikkerhet"] if diff.update else "left"


def remembered(row: dict) -> Sent:
    return Sent("rec1", json.dumps(digests(row)), None, False)


@pytest.mark.parametrize(
    ("there", "now", "sent", "expected"),
    [
        (0.87, 0.87, None, "left"),
        (0.87, 0.78, None, "left"),
        (0.87, 0.77, None, 0.77),
        (0.77, 0.87, 0.77, 0.87),
        (0.87, 0.78, 0.87, "left"),
        (0.95, 0.87, 0.87, 0.87),  # what a person has written is put right, however near it is
        (None, 0.05, None, 0.05),
        (0.05, None, None, None),
    ],
)
def test_a_number_that_drifts_is_left_until_it_has_moved_by_a_step(there, now, sent, expected):
    assert drifted(there, now, sent) == expected


def test_a_number_that_drifts_goes_along_with_what_is_written_anyway():
    there = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 80, "Areal m²": 2500, "Sikkerhet": 0.87}
    rows = {"7001-000001": ROW | {"Sikkerhet": 0.86}}
    diff = diff_table(TOMTER, rows, [record(there)], key_of={"recK": "7001"})
    assert diff.update["7001-000001"][1] == {"Score": 81.2, "Sikkerhet": 0.86}


CARD = "Score 81,2\nFlom 3 av 5\nSikkerhet 72 % = …"


@pytest.mark.parametrize(
    ("now", "sent", "is_left"),
    [
        ({"Hvorfor": "Score 81,2\nFlom 3 av 5\nSikkerhet 70 % = …"}, CARD, True),
        ({"Hvorfor": "Score 81,2\nFlom 3 av 5\nSikkerhet 70 % = …", "Sikkerhet": 0.78}, CARD, True),
        ({"Hvorfor": "Score 81,2\nFlom 3 av 5\nSikkerhet 62 % = …", "Sikkerhet": 0.62}, CARD, False),
        ({"Hvorfor": "Score 81,2\nFlom 2 av 5\nSikkerhet 72 % = …"}, CARD, False),
        ({"Hvorfor": "Score 81,2\nFlom 3 av 5\nSikkerhet 70 % = …"}, "Score 81,2\nFlom 3 av 5", False),  # by hand
        ({"Hvorfor": None}, CARD, False),
    ],
)
def test_a_line_that_drifts_is_left_until_something_else_has_moved(now, sent, is_left):
    row = ROW | {"Sikkerhet": 0.87, "Hvorfor": CARD}
    memory = {"7001-000001": remembered(row | {"Hvorfor": sent})}
    there = record({**row, "Kommune": ["recK"]})
    diff = diff_table(TOMTER, {"7001-000001": row | now}, [there], key_of={"recK": "7001"}, memory=memory)
    assert (diff.unchanged, not diff.update) == ((1, True) if is_left else (0, False))


def test_a_link_to_another_record_is_put_right():
    there = {"Tomt-id": "7001-000001", "Kommune": ["recX"], "Score": 81.2, "Areal m²": 2500}
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [record(there)], key_of={"recK": "7001"})
    assert diff.update["7001-000001"][1] == {"Kommune": ["7001"]}


def test_a_key_that_stands_twice_stops_the_table_and_is_reported():
    there = {"Tomt-id": "7001-000001"}
    rows = {"7001-000001": ROW, "7001-000002": ROW | {"Tomt-id": "7001-000002"}}
    diff = diff_table(TOMTER, rows, [record(there, "recA"), record(there, "recB")], key_of={})
    assert "recA, recB" in diff.refused["7001-000001"]
    assert diff.twice == {"7001-000001": ["recA", "recB"]}
    assert "Nothing was written to Tomter" in diff.stopped
    assert diff.counts() == {"created": 0, "updated": 0, "unchanged": 0, "refused": 1}


def sent(row: dict, *, post: str | None = "rec1", flying: dict | None = None, new: bool = False) -> dict[str, Sent]:
    """Memory of a lot that was last sent with these values."""
    ours = [json.dumps(digests({n: canonical(TOMTER.field(n), v) for n, v in r.items()})) for r in (row, flying or {})]
    return {"7001-000001": Sent(post, ours[0], ours[1] if flying else None, new)}


def one_diff(there: dict, memory: dict[str, Sent], rec: str = "rec1"):
    return diff_table(TOMTER, {"7001-000001": ROW}, [record(there, rec)], key_of={"recK": "7001"}, memory=memory)


THERE = {"Tomt-id": "7001-000001", "Kommune": ["recK"], "Score": 81.2, "Areal m²": 2500}


def test_what_a_person_wrote_over_is_told_from_what_the_run_wrote_before():
    before = ROW | {"Score": 70}
    assert one_diff(THERE | {"Score": 70}, sent(before)).by_hand == {}
    written = one_diff(THERE | {"Score": 99, "Årsak": "tull"}, sent(before))
    assert written.by_hand == {"7001-000001": {"Score": 99, "Årsak": "tull"}}
    assert written.update == {"7001-000001": ("rec1", {"Score": 81.2, "Årsak": None})}


def test_what_a_killed_run_may_have_sent_is_not_a_persons():
    memory = sent(ROW | {"Score": 70}, flying=ROW | {"Score": 75})
    assert one_diff(THERE | {"Score": 75}, memory).by_hand == {}
    assert one_diff(THERE | {"Score": 70}, memory).by_hand == {}
    assert one_diff(THERE | {"Score": 76}, memory).by_hand == {"7001-000001": {"Score": 76}}


def test_of_a_record_that_nothing_is_remembered_of_nothing_is_said_and_it_is_adopted():
    diff = one_diff(THERE | {"Score": 99}, {})
    assert diff.update
    assert diff.by_hand == {}
    assert one_diff(THERE, {}).adopted["7001-000001"][0] == "rec1"
    assert one_diff(THERE, sent(ROW)).adopted == {}
    assert one_diff(THERE, sent(ROW), "rec2").adopted["7001-000001"][0] == "rec2"
    assert one_diff(THERE, sent(ROW, flying=ROW)).adopted["7001-000001"][0] == "rec1"


@pytest.mark.parametrize("typed", ["", "noe annet", "7001-000002"])
def test_a_key_that_a_person_typed_over_is_put_right_by_record_id(typed):
    rows = {"7001-000001": ROW, "7001-000002": ROW | {"Tomt-id": "7001-000002"}}
    theirs = Record("rec1", THERE | {"Tomt-id": typed}, ours="7001-000001")
    other = Record("rec2", THERE | {"Tomt-id": "7001-000002"})
    diff = diff_table(TOMTER, rows, [theirs, other], key_of={"recK": "7001"}, memory=sent(ROW))
    assert diff.twice == {}
    assert diff.update == {"7001-000001": ("rec1", {"Tomt-id": "7001-000001"})}
    assert diff.by_hand == {"7001-000001": {"Tomt-id": typed or None}}


def test_a_record_that_a_person_deleted_is_made_anew_and_told_of():
    diff = diff_table(TOMTER, {"7001-000001": ROW}, [], key_of={}, memory=sent(ROW))
    assert (list(diff.create), diff.deleted) == (["7001-000001"], ["7001-000001"])
    never_answered = diff_table(TOMTER, {"7001-000001": ROW}, [], key_of={}, memory=sent(ROW, post=None))
    assert (list(never_answered.create), never_answered.deleted) == (["7001-000001"], [])


def test_what_is_set_once_follows_a_crash_only_where_it_is_empty():
    assert one_diff(THERE, sent(ROW, new=True)).initial == {"rec1": {"Fase": "Identifisert"}}
    assert one_diff(THERE | {"Fase": "LOI"}, sent(ROW, new=True)).initial == {}
    assert one_diff(THERE, sent(ROW)).initial == {}


def test_only_new_lots_of_tier_a_are_to_be_looked_at():
    assert initial_values(TOMTER, ROW | {"Nivå": "A"}) == {"Fase": "Identifisert", "Til vurdering": True}
    assert initial_values(TOMTER, ROW | {"Nivå": "B"}) == {"Fase": "Identifisert"}


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


KOMMUNE = find_kommune("7001", sandbox=True)


def test_lots_that_the_files_do_not_know_stop_the_run():
    desired = {"7001-000001": {"Teig": "t1"}}

    def unknown(teiger: dict, remembered: set) -> list[str]:
        return unknown_lots(teiger, desired, remembered=remembered, kommune=KOMMUNE)

    assert unknown({"7001-000001": "t1"}, set()) == []
    assert unknown({"7001-000001": "t2"}, {"7001-000001"}) == []  # a renumbered teig keeps its lot
    with pytest.raises(IdentityError, match="Restore the geodata folder"):
        unknown({"7001-000001": "t2"}, set())
    with pytest.raises(IdentityError, match="7001-000099"):
        unknown({"7001-000099": "t1"}, set())
    assert unknown({"7001-000099": "t1"}, {"7001-000001"}) == ["7001-000099"]  # somebody has typed it
    with pytest.raises(IdentityError, match="4 lots"):
        unknown({f"7001-00009{n}": "t1" for n in range(4)}, {"7001-000001"})


@pytest.mark.parametrize("typed", ["tomta til Kari", "7001-1", "3207-000001"])
def test_what_a_person_typed_for_an_id_is_no_lot_of_another_geodata(typed):
    assert unknown_lots({typed: None}, {}, remembered=(), kommune=KOMMUNE) == []


def test_what_people_wrote_stays_where_nobody_can_be_told():
    diff = one_diff(THERE | {"Score": 99, "Areal m²": 1}, sent(ROW | {"Areal m²": 1}))
    diff.spare_by_hand()
    assert diff.update == {"7001-000001": ("rec1", {"Areal m²": 2500})}
    only = one_diff(THERE | {"Score": 99}, sent(ROW))
    only.spare_by_hand()
    assert (only.update, only.whole) == ({}, {})


def test_what_airtable_took_out_of_a_link_with_its_record_was_written_by_nobody():
    wanted = ROW | {"Eiendommer": ["7001-1/1/0/0", "7001-1/2/0/0"]}
    memory, keys = sent(wanted), {"recK": "7001", "recE": "7001-1/1/0/0"}

    def by_hand(present: list[str], deleted: set[str]) -> dict:
        record = Record("rec1", THERE | {"Eiendommer": present})
        diff = diff_table(TOMTER, {"7001-000001": wanted}, [record], key_of=keys, memory=memory, deleted=deleted)
        assert "Eiendommer" in diff.update["7001-000001"][1]
        return diff.by_hand

    assert by_hand(["recE"], {"7001-1/2/0/0"}) == {}
    assert by_hand([], {"7001-1/2/0/0"}) != {}  # the other was taken out by somebody
    assert by_hand(["recE"], set()) != {}
