"""The diff of a dry run, as a person reads it and as JSON."""

from __future__ import annotations

import json

import pytest

from config.base import base_register
from flows.endringer import SHOWN, changes
from tasks.crm.sync.diff import Record, TableDiff, diff_table
from tasks.crm.sync.state import Sent
from tasks.crm.sync.verdi import digests

TOMTER = base_register().table("Tomter")


def lot(n: int = 1, **more: object) -> dict:
    return {"Tomt-id": f"0099-{n:06}", "Score": 81.25, "Areal m²": 12500.0, "Tilstand": "Aktiv"} | more


def told(rows: list[dict], there: list[dict], memory: dict | None = None) -> dict:
    records = [Record(f"rec{n}", fields) for n, fields in enumerate(there)]
    diff = diff_table(TOMTER, {r["Tomt-id"]: r for r in rows}, records, key_of={}, memory=memory)
    found = changes(diff)
    json.dumps(found)
    return found


def test_a_new_lot_with_its_figures():
    found = told([lot(Klasse="bolig")], [])
    assert found["create"] == ["0099-000001"]
    assert found["linjer"] == ["+ 0099-000001 (Score 81,2, Areal m² 12\u00a0500, Klasse bolig)"]


def test_a_changed_lot_field_by_field():
    there = lot() | {"Score": 70, "Areal m²": None}
    found = told([lot()], [there])
    assert found["update"] == {
        "0099-000001": {"Score": {"fra": 70.0, "til": 81.2}, "Areal m²": {"fra": None, "til": 12500}}
    }
    assert found["linjer"] == ["~ 0099-000001", "    Score: 70,0 → 81,2", "    Areal m²: – → 12\u00a0500"]


def test_what_the_comparison_itself_adds_has_nothing_before_it():
    diff = TableDiff(TOMTER, update={"0099-000001": ("rec1", {"Score": 81.2})}, before={"0099-000001": {}})
    assert changes(diff)["linjer"] == ["~ 0099-000001", "    Score: – → 81,2"]


@pytest.mark.parametrize(
    ("now", "there", "word"),
    [
        ({"Tilstand": "Borte", "Årsak": "regulert"}, {}, "gone"),
        ({"Under terskel": True}, {}, "now below the threshold"),
        ({}, {"Tilstand": "Borte"}, "back again"),
    ],
)
def test_a_lot_that_is_marked_says_how(now, there, word):
    found = told([lot(**now)], [lot() | {"Score": 81.2} | there])
    assert found["marked"] == {"0099-000001": word}
    assert found["linjer"][0] == f"~ 0099-000001: {word}"


def test_what_a_person_wrote_over_is_said_with_both_values():
    memory = {"0099-000001": Sent("rec0", json.dumps(digests({"Score": 81.2})), None, False)}
    found = told([lot()], [lot() | {"Score": 99}], memory)
    assert found["by_hand"] == {"0099-000001": {"Score": 99.0}}
    assert "    Score: 99,0 → 81,2  (written by hand; put right)" in found["linjer"]


def test_a_stopped_table_says_so_first():
    found = told([lot()], [lot(), lot()])
    assert found["linjer"][0].startswith("! Tomter: 1 key stands in several records")
    assert found["refused"]["0099-000001"].startswith("stands in 2 records")
    assert found["linjer"][1:] == [f"x 0099-000001: {found['refused']['0099-000001']}"]


def test_refused_rows_say_why_and_records_that_lack_what_is_set_once_are_counted():
    diff = TableDiff(TOMTER, refused={f"0099-{n:06}": "links to " + "y" * 500 for n in range(SHOWN + 2)})
    diff.initial = {"rec1": {"Fase": "Identifisert"}, "rec2": {"Fase": "Identifisert", "Til vurdering": True}}
    *refused, more, initial = changes(diff)["linjer"]
    assert len(refused) == SHOWN
    assert refused[1].startswith("x 0099-000001: links to yyy")
    assert max(map(len, refused)) < 200
    assert more == "… and 2 more; --json has all"
    assert initial == "= 2 records get what is set once: Fase, Til vurdering"


def test_long_lists_and_long_texts_are_cut_where_they_are_read_and_whole_in_the_json():
    found = told([lot(n, Begrunnelse="x" * 500) for n in range(SHOWN + 3)], [])
    assert len(found["create"]) == SHOWN + 3
    assert found["linjer"][-1] == "… and 3 more; --json has all"
    changed = told([lot(Begrunnelse="y\n" * 500)], [lot() | {"Score": 81.2}])
    assert max(map(len, changed["linjer"])) < 100
    assert len(changed["update"]["0099-000001"]["Begrunnelse"]["til"]) > 900
