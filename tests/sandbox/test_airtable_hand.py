"""What a person does by hand shows in the API as it would in the real one."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import names, refusal

FORMULA = {"name": "Lang", "type": "formula", "options": {"formula": "{Navn}&'x'", "isValid": True}}


@pytest.fixture
def hand(airtable):
    return airtable.hand


def test_a_computed_field_and_a_view_show_in_the_schema_and_take_no_value(hand, base, tomter):
    made = hand.add_field(base.id, "Tomter", FORMULA)
    hand.add_view(base.id, "tomter", "Innboks", kind="kanban")
    table = base.schema(force=True).table("Tomter")
    assert (table.field("Lang").type, table.field("Lang").id) == ("formula", made["id"])
    assert [(v.name, v.type) for v in table.views] == [("Grid view", "grid"), ("Innboks", "kanban")]
    message = 'Field "Lang" cannot accept a value because the field is computed'
    assert refusal(lambda: tomter.create({"Lang": "a"})) == (422, "INVALID_VALUE_FOR_COLUMN", message)
    tomter.create({"Navn": "a"})
    assert names(tomter.all(view="Innboks", fields=["Navn", "Lang"])) == ["a"]


def test_a_deleted_field_is_gone_with_its_cells_and_a_link_on_both_sides(hand, base, tomter, omraader):
    one = omraader.create({"Navn": "o"})["id"]
    rec = tomter.create({"Navn": "a", "Tall": 1, "Område": [one]})["id"]
    hand.delete_field(base.id, "Tomter", "Tall")
    hand.delete_field(base.id, "Tomter", "Område")
    assert tomter.get(rec)["fields"] == {"Navn": "a"}
    assert omraader.get(one)["fields"] == {"Navn": "o"}
    assert refusal(lambda: tomter.update(rec, {"Tall": 2})) == (422, "UNKNOWN_FIELD_NAME", 'Unknown field name: "Tall"')
    assert [f.name for f in base.schema(force=True).table("Områder/felt").fields] == ["Navn"]
    tomter.create_field("Tall", "number", options={"precision": 0})
    assert tomter.get(rec)["fields"] == {"Navn": "a"}
    with pytest.raises(KeyError, match="Ukjent"):
        hand.delete_field(base.id, "Tomter", "Ukjent")


def test_a_deleted_option_leaves_the_cells_and_is_refused_from_then_on(hand, base, tomter):
    ids = [r["id"] for r in tomter.batch_create([{"Klasse": "bolig"}, {"Klasse": "annet", "Merker": ["A"]}])]
    hand.delete_option(base.id, "Tomter", "Klasse", option="bolig")
    hand.delete_option(base.id, "Tomter", "Merker", option="A")
    assert [tomter.get(i)["fields"] for i in ids] == [{}, {"Klasse": "annet"}]
    assert refusal(lambda: tomter.create({"Klasse": "bolig"}))[1] == "INVALID_MULTIPLE_CHOICE_OPTIONS"
    assert names(tomter.all(sort=["Klasse"])) == [None, None]
