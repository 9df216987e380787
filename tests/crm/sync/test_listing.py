"""Formulas that ask for records: hostile values stay values, and none grows beyond what Airtable takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base import base_register
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync.listing import KEYS_A_QUESTION, MOST_FORMULA, of_ids, of_keys, of_kommune
from tasks.sandbox.airtable.formula import compile_formula, truth

IDS = TableIds(
    base_register().table("Tomter"), "tblT", {"Tomt-id": "fldKEY", "Kommunenummer": "fldKNR", "Navn": "fldN"}
)


def selects(formula: str, rec: str, cells: dict[str, str]) -> bool:
    fields = {i: lambda record, i=i: record.get(i) for i in IDS.fields.values()}
    return truth(compile_formula(formula, fields, record_id=lambda _: rec)(cells))


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=120, unique=True))
def test_every_key_is_asked_for_once_and_no_formula_is_too_long(keys):
    formulas = list(of_keys(IDS, keys))
    assert all(len(f) < MOST_FORMULA + 1000 for f in formulas)
    assert sum(f.count("{fldKEY}=") for f in formulas) >= len(keys)


@pytest.mark.parametrize("key", ["a'b", 'a"b', "{fldKNR}", "') OR TRUE() OR ('", "a\\", "=HYPERLINK(1)", "linje\n2"])
def test_a_hostile_key_selects_its_own_record_alone(key):
    (formula,) = of_keys(IDS, [key])
    assert selects(formula, "rec1", {"fldKEY": key})
    assert not selects(formula, "rec2", {"fldKEY": "another"})


def test_another_field_can_be_asked():
    (formula,) = of_keys(IDS, ["x"], felt="Navn")
    assert selects(formula, "rec1", {"fldN": "x"})


def test_ids_are_asked_for_in_parts():
    formulas = list(of_ids([f"rec{n:014}" for n in range(KEYS_A_QUESTION + 1)]))
    assert len(formulas) == 2
    assert selects(formulas[0], "rec" + "0" * 14, {})


def test_people_s_own_lots_come_along_whatever_their_kommune():
    formula = of_kommune(IDS, "3207", with_own=True)
    assert selects(formula, "rec1", {"fldKNR": "3207", "fldKEY": "3207-000001"})
    assert selects(formula, "rec2", {})
    assert not selects(formula, "rec3", {"fldKNR": "3218", "fldKEY": "3218-000001"})
    assert not selects(of_kommune(IDS, "3207", with_own=False), "rec2", {})
