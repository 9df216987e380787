"""The ledger: what it says happened to the lots of a small invented land."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tasks.contracts import HENDELSER, TOMTER
from tasks.land.ledger import LagEndring, append, hendelser, replay
from tests.land.sheet import (
    DAY,
    HIGH,
    NOTHING,
    SCALE,
    WIDE,
    Sheet,
    Story,
    areas,
    assert_replayed,
    frame,
    land,
    of,
    told,
)


def test_the_first_run_tells_of_every_lot():
    story = Story()
    assert set(zip(story.ledger["hendelse"], story.ledger["aarsak"], strict=True)) == {("ny", "første kjøring")}
    assert story.ledger["nr"].tolist() == [1, 2, 3]
    assert (story.ledger["areal_foer_m2"] == 0).all()
    assert story.ledger["dato"].unique().tolist() == [DAY.format(1)]


def test_lots_that_were_gone_before_there_was_a_ledger_are_told_as_gone():
    story = Story()
    story.run(story.sheet.having("planer", P1=land(0, 0, 4, HIGH)))
    first = hendelser(
        None,
        story.tomter,
        rester=np.empty(0, dtype=object),
        endringer=NOTHING,
        kommunenummer="9901",
        dato=DAY.format(1),
        start_nr=1,
    )
    assert first["hendelse"].tolist() == ["borte", "ny", "ny"]
    assert set(first["aarsak"]) == {"første kjøring"}
    assert_replayed(first, story.tomter)


def test_nothing_changed_nothing_told():
    story = Story()
    assert not len(story.run(story.sheet))
    assert len(story.ledger) == 3


def test_a_plan_takes_part_of_one_lot_and_all_of_another_and_is_repealed():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(2, 0, 8, HIGH)))
    assert told(events) == {"1": ("endret", "plan vedtatt", ["P1"]), "2": ("borte", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 1200)
    assert areas(events, "2") == (2400, 0)
    events = story.run(story.sheet.having("planer", P1=land(2, 0, 6, HIGH)))
    assert told(events) == {"2": ("tilbake", "plan endret", ["P1"])}
    assert areas(events, "2") == (0, 1200)
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events) == {"1": ("endret", "plan opphevet", ["P1"]), "2": ("endret", "plan opphevet", ["P1"])}


def test_a_lot_becomes_part_of_another_omraade():
    story = Story()
    story.run(story.sheet.having("planer", P1=land(6, 0, 8, HIGH)))
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events) == {"2": ("endret", "plan opphevet", ["P1"]), "3": ("omregistrert", "plan opphevet", ["P1"])}
    assert areas(events, "3") == (2400, 2400)


def test_what_is_left_of_a_lot_is_below_the_floor():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, 5.6)))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 160)
    assert round(replay(story.ledger)["areal_m2"][0] * SCALE) == 2400  # as last seen


def test_a_road_plan_splits_a_lot_and_its_repeal_joins_it():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    assert told(events) == {"1": ("delt", "plan vedtatt", ["P1"]), "4": ("utskilt", "plan vedtatt", ["P1"])}
    assert (events.loc["1", "til"], events.loc["4", "fra"]) == (["9901-000004"], ["9901-000001"])
    assert (events.loc["1", "fra"], events.loc["4", "til"]) == ([], [])
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events)["1"] == ("tok opp", "plan opphevet", ["P1"])
    assert told(events)["4"] == ("slått sammen", "plan opphevet", ["P1"])
    assert (events.loc["4", "til"], events.loc["1", "fra"]) == (["9901-000001"], ["9901-000004"])
    # The same road once more: the lot that was gone is there again, and who gave it its land is told.
    events = story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    assert told(events)["4"] == ("tilbake", "plan vedtatt", ["P1"])
    assert events.loc["4", "fra"] == ["9901-000001"]


def test_teiger_are_split_merged_and_renumbered():
    story = Story()
    events = story.run(story.sheet.having("teiger", T1=land(0, 0, 4, 4), T4=land(0, 4, 4, HIGH)))
    assert {k: v[:2] for k, v in told(events).items()} == {
        "1": ("delt", "teig endret"),
        "4": ("utskilt", "teig endret"),
    }
    assert set(told(events)["1"][2]) == {"T1", "T4"}
    events = story.run(story.sheet.having("teiger", T2=None, T3=land(4, 0, WIDE, HIGH)))
    assert {k: v[:2] for k, v in told(events).items()} == {
        "2": ("slått sammen", "teig endret"),
        "3": ("tok opp", "teig endret"),
    } or {k: v[:2] for k, v in told(events).items()} == {
        "2": ("tok opp", "teig endret"),
        "3": ("slått sammen", "teig endret"),
    }
    events = story.run(story.sheet.having("teiger", T4=None, T9=land(0, 4, 4, HIGH)))
    assert told(events) == {"4": ("omregistrert", "teig endret", ["T4", "T9"])}
    assert areas(events, "4") == (800, 800)


def test_zones_that_are_moved_new_gone_and_of_another_purpose():
    story = Story(Sheet(soner={"S1": land(0, 0, 4, HIGH), "S2": land(4, 0, 8, HIGH)}))
    events = story.run(story.sheet.having("soner", S1=land(0, 0, 3, HIGH), S3=land(8, 0, WIDE, HIGH)))
    assert told(events)["1"] == ("endret", "sone endret", ["S1"])
    assert told(events)["3"] == ("ny", "sone endret", ["S3"])
    events = story.run(story.sheet.having("soner", S2=None))
    assert told(events)["2"] == ("borte", "sone endret", ["S2"])
    # Of another purpose: the zone stands in both, with the same land, and counts no more.
    same = frame([("S3", land(8, 0, WIDE, HIGH))])
    gone = story.sheet.having("soner", S3=None)
    story.find(gone)
    events = of(story, replace(NOTHING, soner=LagEndring(same, same)))
    assert told(events)["3"] == ("borte", "sone endret", ["S3"])


def test_lots_that_live_on_are_no_relatives_whatever_land_they_exchange():
    story = Story()
    story.tomter["geometry"] = story.tomter.geometry.to_numpy()[[1, 0, 2]]
    events = of(story, NOTHING)
    assert told(events) == {k: ("endret", "ukjent", []) for k in "12"}
    assert not any(events["fra"].tolist() + events["til"].tolist())


def test_a_border_that_moved_by_centimetres_is_adjusted_and_land_exchanged_is_not():
    story = Story()
    events = story.run(story.sheet, jitter_m=0.02)
    assert set(events["hendelse"]) == {"justert"}
    story = Story(Sheet(soner={"S1": land(0, 0, 4, 3)}))
    events = story.run(story.sheet.having("soner", S1=land(0, 0.5, 4, 3.5)))
    assert told(events) == {"1": ("endret", "sone endret", ["S1"])}


def test_an_empty_kommune():
    empty = TOMTER.empty()
    more = {"rester": np.empty(0, dtype=object), "endringer": NOTHING, "kommunenummer": "9901", "dato": DAY.format(1)}
    events = hendelser(None, empty, **more, start_nr=1)
    HENDELSER.check(events)
    assert_replayed(append(None, events), empty)


def test_a_lot_of_another_class_of_differanse_is_told_though_its_land_is_the_same():
    story = Story()
    plan = land(0, 0, 4, HIGH)
    sheet = replace(story.sheet, annet=frozenset({"T1"}))
    story.find(sheet)
    events = of(story, replace(NOTHING, planer=LagEndring(frame([]), frame([("P1", plan)]))))
    assert told(events) == {"1": ("omklassifisert", "plan vedtatt", ["P1"])}
    assert events["differanse"].tolist() == ["ikke bolig i plan"]
    assert areas(events, "1") == (2400, 2400)
    story.run(sheet)
    assert replay(story.ledger)["differanse"].tolist() == ["ikke bolig i plan", "uregulert", "uregulert"]


def test_a_border_that_moved_by_centimetres_does_not_hide_the_class_and_other_land_is_other_land():
    story = Story()
    events = story.run(replace(story.sheet, annet=frozenset({"T1"})), jitter_m=0.02)
    assert events["hendelse"].tolist() == ["omklassifisert", "justert", "justert"]
    events = story.run(replace(story.sheet, annet=frozenset()).having("planer", P1=land(0, 0, 1, HIGH)))
    assert told(events)["1"] == ("endret", "plan vedtatt", ["P1"])
    assert events.loc["1", "differanse"] == "uregulert"


def test_the_first_lots_of_a_kommune_that_was_looked_at_before_have_a_cause():
    story = Story(Sheet(soner={}))
    assert replay(None) is None
    assert not len(replay(story.ledger))
    events = story.run(story.sheet.having("soner", S1=land(0, 0, WIDE, HIGH)))
    assert told(events) == dict.fromkeys("123", ("ny", "sone endret", ["S1"]))
