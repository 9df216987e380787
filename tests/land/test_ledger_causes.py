"""The ledger: why it says that the lots of a small invented land changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.land.ledger import LagEndring
from tests.land.sheet import HIGH, NOTHING, WIDE, Sheet, Story, areas, changes, frame, land, of, told

RULE = "minste tomt 200 → 2 500 m²"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"regler": (RULE,)}, ("under grensen", "regel endret", [RULE])),
        ({"regler": (RULE,), "motor": True}, ("under grensen", "regel endret", [RULE])),
        ({"motor": True}, ("under grensen", "programmet endret", [])),
        ({}, ("under grensen", "ukjent", [])),
        ({"kjent": False, "motor": True}, ("under grensen", "ukjent", [])),
    ],
)
def test_what_no_input_explains(more, wanted):
    story = Story()
    events = story.run(story.sheet, floor=2500, **more)
    assert told(events) == dict.fromkeys("123", wanted)


def test_an_input_explains_before_a_rule_does():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, 3)), floor=2000, regler=(RULE,))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    # The plan at its border does not explain a lot whose land it does not touch, when a rule may have.
    events = story.run(story.sheet.having("planer", P2=land(8, 0, 10, HIGH)), floor=2500, regler=(RULE,))
    assert told(events)["2"][1:] == ("regel endret", [RULE])
    assert told(events)["3"][1:] == ("plan vedtatt", ["P2"])


def test_what_the_last_run_read_is_not_known():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, HIGH)), kjent=False)
    assert told(events) == {"1": ("borte", "ukjent", [])}


def test_a_plan_goes_before_a_teig_that_changed_with_it_and_the_one_that_took_most_comes_first():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 1, HIGH), P2=land(1, 0, 3.9, HIGH))
    events = story.run(sheet.having("teiger", T1=None, T7=land(0, 0, 4, HIGH)))
    assert told(events)["1"] == ("under grensen", "plan vedtatt", ["P2", "P1"]), events
    # A plan of 1 m does not explain the merging of whole parcels.
    events = story.run(
        story.sheet.having("teiger", T2=None, T3=land(4, 0, WIDE, HIGH)).having("planer", P3=land(11.9, 0, 12, HIGH))
    )
    assert {v[1] for v in told(events).values()} == {"teig endret"}


def test_a_plan_that_took_little_does_not_hide_the_zone_that_took_much():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 0.1, HIGH)).having("soner", S1=land(2, 0, WIDE, HIGH))
    assert told(story.run(sheet)) == {"1": ("endret", "sone endret", ["S1"])}


def test_a_zone_that_only_got_another_name_does_not_hide_the_plan_that_split_the_lot():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 4, 4, 4.5))
    rester = story.find(sheet)
    same = frame([("S1", sheet.soner["S1"])])
    events = of(story, replace(changes(story.sheet, sheet), soner=LagEndring(same, same)), rester)
    assert told(events) == {"1": ("delt", "plan vedtatt", ["P1"]), "4": ("utskilt", "plan vedtatt", ["P1"])}


def test_a_lot_goes_because_the_plan_beside_it_leaves_too_little():
    story = Story(Sheet(teiger={"T1": land(0, 0, 4, HIGH)}))
    sheet = story.sheet.having("planer", P1=land(4, 0, WIDE, HIGH), P2=land(5, 0, WIDE, HIGH))
    story.find(sheet, floor=9999)  # what is left of the område is too small
    events = of(story, changes(story.sheet, sheet), np.array([land(0, 0, 4, HIGH)], dtype=object))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 2400)


def test_a_plan_elsewhere_in_the_omraade_does_not_explain_a_border_that_moved():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 1, HIGH)), jitter_m=0.02)
    assert told(events) == {
        "1": ("endret", "plan vedtatt", ["P1"]),
        "2": ("justert", "ukjent", []),
        "3": ("justert", "ukjent", []),
    }


def test_a_plan_in_several_rows_is_one_cause():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 1, 1), P2=land(1, 0, 2, 1))
    story.find(sheet)
    rows = frame([("P1", land(0, 0, 1, 1)), ("P1", land(1, 0, 2, 1))])
    events = of(story, replace(NOTHING, planer=LagEndring(frame([]), rows)))
    assert told(events)["1"] == ("endret", "plan vedtatt", ["P1"])


def test_a_purpose_that_changed_takes_a_lot_away_and_brings_one():
    story = Story(Sheet(annet=frozenset({"T1"})))
    lot = ("F1", land(0, 0, 4, HIGH))
    story.find(story.sheet.having("teiger", T1=None))
    for borte, nye in (([lot], [lot]), ([lot], []), ([], [lot])):  # of another kind; gone; new
        events = of(story, replace(NOTHING, formaal=LagEndring(frame(borte), frame(nye))))
        assert told(events) == {"1": ("borte", "formål endret", ["F1"])}
    story = Story(Sheet(teiger={"T2": land(4, 0, 8, HIGH)}))
    story.find(story.sheet.having("teiger", T1=land(0, 0, 4, HIGH)))
    events = of(story, replace(NOTHING, formaal=LagEndring(frame([lot]), frame([lot]))))
    assert told(events)["2"] == ("ny", "formål endret", ["F1"])


def test_a_plan_goes_before_the_purposes_that_came_with_it_and_these_before_zones():
    lot = land(0, 0, 4, HIGH)
    story = Story()
    story.find(replace(story.sheet, annet=frozenset({"T1"})))
    new = {lag: LagEndring(frame([]), frame([(lag, lot)])) for lag in ("planer", "formaal", "soner", "teiger")}
    for lag, word in (("planer", "plan vedtatt"), ("formaal", "formål endret"), ("soner", "sone endret")):
        assert told(of(story, replace(NOTHING, **new))) == {"1": ("omklassifisert", word, [lag])}
        del new[lag]


def test_a_lot_of_another_class_that_no_layer_explains_is_owed_to_the_rule_or_unknown():
    story = Story()
    story.find(replace(story.sheet, annet=frozenset({"T1"})))
    assert told(of(story, NOTHING)) == {"1": ("omklassifisert", "ukjent", [])}
    events = of(story, replace(NOTHING, regler=(RULE,)))
    assert told(events) == {"1": ("omklassifisert", "regel endret", [RULE])}
