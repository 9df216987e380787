"""Which lots are published: worked examples."""

from __future__ import annotations

from datetime import date

import pytest

from config.base import base_register
from tasks.crm.sync.diff import Record, diff_table
from tasks.crm.sync.utvalg import mark, note_changes, reaches, select

REGISTER = base_register()


def lot(n: int, score: float | None, tilstand: str = "Aktiv") -> dict:
    return {
        "Tomt-id": f"7001-{n:06}",
        "Score": score,
        "Tilstand": tilstand,
        "Område": [f"7001-O{n:05}"],
        "Eiendommer": [f"7001-{n}/1/0/0"],
    }


def rows(*lots: dict) -> dict[str, dict]:
    tables = {
        "Områder": {k: {"Område-id": k} for r in lots for k in r["Område"]},
        "Eiendommer": {k: {"Matrikkelnummer": k} for r in lots for k in r["Eiendommer"]},
        "Tomter": {r["Tomt-id"]: r for r in lots},
    }
    mark(tables["Tomter"], 40.0)
    return tables


def diffs(tables: dict, there: list[Record] | None = None) -> dict:
    return {
        navn: diff_table(REGISTER.table(navn), desired, there or [] if navn == "Tomter" else [], key_of={})
        for navn, desired in tables.items()
    }


@pytest.mark.parametrize(("score", "expected"), [(40.0, True), (39.99, False), (None, False), (float("nan"), False)])
def test_the_threshold_is_reached_at_it(score, expected):
    assert reaches(score, 40.0) is expected


def test_a_lot_below_the_threshold_is_not_made_nor_what_only_it_needs():
    tables = rows(lot(1, 80.0), lot(2, 10.0))
    found = diffs(tables)
    assert select(found, tables, wanted=()) == 1
    assert {navn: list(d.create) for navn, d in found.items()} == {
        "Områder": ["7001-O00001"],
        "Eiendommer": ["7001-1/1/0/0"],
        "Tomter": ["7001-000001"],
    }


def test_people_who_have_their_own_lot_there_see_ours_whatever_its_score():
    tables = rows(lot(2, 10.0))
    found = diffs(tables)
    assert select(found, tables, wanted={"7001-000002"}) == 0
    assert found["Tomter"].create["7001-000002"]["Under terskel"] is True
    assert list(found["Områder"].create) == ["7001-O00002"]


def test_a_lot_that_falls_below_is_marked_and_stays():
    tables = rows(lot(1, 10.0))
    there = Record("rec1", {"Tomt-id": "7001-000001", "Score": 50, "Tilstand": "Aktiv", "Behold": True})
    found = diffs(tables, [there])
    assert select(found, tables, wanted=()) == 0
    assert found["Tomter"].update["7001-000001"][1]["Under terskel"] is True
    risen = rows(lot(1, 60.0))
    marked = Record("rec1", there.fields | {"Under terskel": True})
    assert diffs(risen, [marked])["Tomter"].update["7001-000001"][1]["Under terskel"] is None


def test_a_lot_that_is_gone_is_not_marked_below():
    tables = rows(lot(1, 10.0, "Borte"))
    assert tables["Tomter"]["7001-000001"]["Under terskel"] is False


def test_while_lots_are_stopped_what_is_new_around_them_waits():
    tables = rows(lot(1, 80.0))
    twice = [Record("recA", {"Tomt-id": "7001-000001"}), Record("recB", {"Tomt-id": "7001-000001"})]
    found = diffs(tables, twice)
    assert select(found, tables, wanted=()) == 0
    assert found["Områder"].create == {}


def test_what_the_sources_have_changed_about_a_lot_is_noted_with_the_day():
    tables = rows(lot(1, 80.0) | {"Plan under arbeid": "3207_12 Åsen", "Begrunnelse": "ny"})
    there = Record("rec1", {"Tomt-id": "7001-000001", "Score": 80, "Tilstand": "Aktiv", "Begrunnelse": "gammel"})
    found = diffs(tables, [there])["Tomter"]
    note_changes(found, date(2026, 11, 21))
    row = found.update["7001-000001"][1]
    assert (row["Kilde endret"], row["Hva er endret"]) == ("2026-11-21", "Plan under arbeid, Eiendommer")
    assert found.before["7001-000001"]["Kilde endret"] is None


def test_what_only_the_program_decides_is_no_change_of_the_sources():
    tables = rows(lot(1, 80.0) | {"Område": [], "Eiendommer": []})
    found = diffs(tables, [Record("rec1", {"Tomt-id": "7001-000001", "Score": 70, "Tilstand": "Aktiv"})])["Tomter"]
    note_changes(found, date(2026, 11, 21))
    assert "Kilde endret" not in found.update["7001-000001"][1]


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        ((50, 60), (30, 62), False),  # something became unknown
        ((50, 60), (30, 60), False),
        ((50, 60), (30, 41), True),  # a flood
        ((30, 60), (50, 60), False),  # something became known
        ((30, 60), (50, 80), True),
        ((50, 60), (None, None), False),
    ],
)
def test_a_lot_that_crosses_the_threshold_for_what_is_known_of_it_has_not_changed(before, after, is_told):
    same = {"Tomt-id": "7001-000001", "Tilstand": "Aktiv"}
    tables = rows(lot(1, after[0]) | {"Høyest": after[1], "Område": [], "Eiendommer": []})
    marked = {"Under terskel": True} if before[0] < 40 else {}
    there = Record("rec1", same | marked | {"Score": before[0], "Høyest": before[1]})
    found = diffs(tables, [there])["Tomter"]
    note_changes(found, date(2026, 11, 21))
    assert "Under terskel" in found.update["7001-000001"][1]
    assert found.update["7001-000001"][1].get("Hva er endret") == ("Under terskel" if is_told else None)


def test_a_stopped_lot_is_not_made_whatever_the_threshold():
    tables = rows(lot(1, 0.0) | {"Stoppet": True}, lot(2, 0.0))
    mark(tables["Tomter"], 0.0)
    found = diffs(tables)
    assert select(found, tables, wanted=()) == 1
    assert list(found["Tomter"].create) == ["7001-000002"]
