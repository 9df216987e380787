"""The golden kommune over several runs: cores, splits, merges and the ledger, against what was worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import geopandas as gpd
import numpy as np
import pytest
import shapely

from config.registers import regler
from tasks.contracts import HENDELSER, KJERNER
from tasks.land.find import Land
from tasks.land.inndata import Core
from tests.land.golden import core, place
from tests.land.golden_runs import assert_replays, lot, news, run, with_plan

CORNER = 9 * (1 - math.pi / 4)
"""What a circle of radius 3 m does not reach in a right angle, m²: 1.93."""


@pytest.fixture(scope="module")
def land() -> Land:
    return run(tid="2026-11-21T02:00:00+00:00")


# --- cores ---


def test_without_buildings_a_core_is_the_lot_without_what_a_circle_of_6_m_does_not_reach(land):
    area = dict(zip(land.tomter["teig_id"], land.tomter["kjerne_m2"], strict=True))
    # t7 is 30 × 50: it loses its four corners. t1 is 100 × 100 with no other corner.
    assert area["t7"] == pytest.approx(1500 - 4 * CORNER, abs=0.5)
    assert area["t1"] == pytest.approx(10_000 - 4 * CORNER, abs=0.5)
    # t2 is 50 × 60, 100 × 10 and 50 × 60 in one: the neck is 10 m wide, so all of it hangs together. Six of its corners
    # point outwards.
    assert area["t2"] == pytest.approx(7_000 - 6 * CORNER, abs=1)
    assert set(land.tomter["kjerne_grunnlag"]) == {"form"}
    KJERNER.check(land.kjerner)


def test_a_core_keeps_its_distance_from_what_stands_there(land):
    house, road = place(1540, 40, 1560, 60), place(800, 0, 830, 3)
    rows = [("h", "bygning", house), ("r", "veg", road), ("p", "bygningspunkt", place(1675, 50, 1675, 50).centroid)]
    hindre = gpd.GeoDataFrame(
        {"hinder_id": [r[0] for r in rows], "slag": [r[1] for r in rows]}, geometry=[r[2] for r in rows], crs=25833
    )
    built = run(dataclasses.replace(core(), hindre=hindre), before=land)
    area = dict(zip(built.tomter["teig_id"], built.tomter["kjerne_m2"], strict=True))
    # t9, 80 × 80 around a house of 20 × 20 with 10 m on each side: 400 + 4 × 200 + π 100.
    assert area["t9"] == pytest.approx(6_400 - (400 + 800 + math.pi * 100) - 4 * CORNER, abs=4)
    # t10, 50 × 100 around a point: a circle of 15 m (a 32-gon: 0.6 % less).
    assert area["t10"] == pytest.approx(5_000 - math.pi * 225 - 4 * CORNER, abs=6)
    # t7, 30 × 50, its southern 3 m a road that 4 m more are kept from.
    assert area["t7"] == pytest.approx(30 * 43 - 4 * CORNER, abs=1)
    assert set(built.tomter["kjerne_grunnlag"]) == {"bygninger"}
    assert len(built.hendelser) == len(land.hendelser)  # the lots are as they were
    # Without the road again: only obstacles have changed, and the core follows.
    again = run(dataclasses.replace(core(), hindre=hindre[hindre["slag"] != "veg"]), before=built)
    assert again.tomter.set_index("teig_id").loc["t7", "kjerne_m2"] == pytest.approx(1500 - 4 * CORNER, abs=0.5)


# --- the ledger ---


def test_the_first_run_tells_of_every_lot_and_the_second_of_none(land):
    assert list(land.hendelser["nr"]) == list(range(1, 9))
    assert set(land.hendelser["hendelse"]) == {"ny"}
    assert set(land.hendelser["aarsak"]) == {"første kjøring"}
    HENDELSER.check(land.hendelser)
    again = run(before=land)
    assert len(again.hendelser) == 8
    assert_replays(again)


def test_a_plan_that_is_adopted_takes_its_part_of_a_lot(land):
    given = core()
    plans = given.reguleringsplaner
    plans.loc[plans["plan_id"] == "9901_R3", "planstatus"] = "3"  # x 0–50, y 0–50 of t1
    after = run(given, before=land)
    assert news(after, land) == {lot(land, "t1"): ("endret", "plan vedtatt", ("9901_R3",), 10_000, 7_500)}
    assert_replays(after)


def test_a_split_keeps_the_id_on_the_largest_part_and_a_merge_the_oldest(land):
    # A road through F, x 1540–1550: t9 (80 × 80) becomes 30 × 80 and 40 × 80.
    before = lot(land, "t9")
    split = run(with_plan("R6", (1540, -50, 1550, 150)), before=land)
    told = news(split, land)
    (new,) = set(told) - {before}
    assert told[before] == ("delt", "plan vedtatt", ("9901_R6",), 6_400, 3_200)
    assert told[new] == ("utskilt", "plan vedtatt", ("9901_R6",), 0, 2_400)
    rows = split.hendelser.set_index("tomt_id").iloc[len(land.hendelser) :]
    assert (rows.loc[before, "til"], rows.loc[new, "fra"]) == ([new], [before])
    assert_replays(split)
    # The road is given up: one lot again, under the old id, and the other says where it went.
    merged = run(before=split)
    told = news(merged, split)
    assert told[before] == ("tok opp", "plan opphevet", ("9901_R6",), 3_200, 6_400)
    assert told[new][:3] == ("slått sammen", "plan opphevet", ("9901_R6",))
    assert merged.tomter.set_index("tomt_id").loc[new, "aarsak"] == f"Slått sammen med {before}"
    assert_replays(merged)


def test_a_lot_of_which_too_little_is_left_says_so(land):
    # x 800–860, y 0–20 of D: 60 × 30 are left, under the floor of an område; of t7 30 × 30.
    after = run(with_plan("R7", (800, 0, 860, 20)), before=land)
    gone = lot(land, "t7")
    assert news(after, land) == {gone: ("under grensen", "plan vedtatt", ("9901_R7",), 1_500, 900)}
    assert after.tomter.set_index("tomt_id").loc[gone, "aarsak"] == (
        "For liten eller for smal nå: plan vedtatt 9901_R7"
    )
    back = run(before=after)
    assert news(back, after) == {gone: ("tilbake", "plan opphevet", ("9901_R7",), 0, 1_500)}
    assert_replays(back)


def test_a_rule_that_changed_is_the_cause(land):
    rules = regler()
    stricter = rules.model_copy(update={"areal": rules.areal.model_copy(update={"minste_tomt_m2": 1600.0})})
    after = run(before=land, rules=stricter)
    ((what, why, which, *_),) = news(after, land).values()
    assert (what, why, which) == ("under grensen", "regel endret", ("areal.minste_tomt_m2: 1000.0 → 1600.0",))


def test_a_zone_of_another_purpose_and_a_renumbered_teig_are_causes(land):
    given = core()
    given.soner.loc[given.soner["sone_id"] == "G", "kode"] = "1119"  # garages
    given.teiger.loc[given.teiger["teig_id"] == "t1", "teig_id"] = "t1b"
    after = run(given, before=land)
    told = news(after, land)
    assert told[lot(land, "t10")][:3] == ("borte", "sone endret", ("G",))
    assert told[lot(land, "t1")][:3] == ("omregistrert", "teig endret", ("t1", "t1b"))
    assert len(told) == 2
    assert_replays(after)


def test_a_strip_is_no_lot_and_is_accounted_for(land):
    # All of C is settled but a strip of 5 × 300 beside it.
    given = core()
    given.soner.loc[given.soner["sone_id"] == "C", "geometry"] = place(500, 0, 505, 900)
    given.teiger.loc[given.teiger["teig_id"] == "t4", "geometry"] = place(490, 0, 510, 900)
    after = run(given, before=land)
    step = after.accounts.step("tomter")
    assert step.utelatt["for smal"].antall == 1
    assert step.merknader["for smal_m2"] == 4_500
    assert news(after, land)[lot(land, "t4")][0] == "under grensen"
    rules = regler()
    no_rule = rules.model_copy(update={"areal": rules.areal.model_copy(update={"minste_bredde_m": 0.0})})
    assert run(given, rules=no_rule).accounts.step("tomter").utelatt.get("for smal") is None


def jittered(given: Core, seed: int) -> Core:
    """Return the input with every point moved by up to 2 cm, the same point everywhere in the same way."""
    random = np.random.default_rng(seed)
    moved: dict[tuple[float, float], np.ndarray] = {}

    def move(xy: np.ndarray) -> np.ndarray:
        steps = random.uniform(-0.014, 0.014, xy.shape)
        return np.array([moved.setdefault((x, y), np.array([x, y]) + d) for (x, y), d in zip(xy, steps, strict=True)])

    frames = {f.name: getattr(given, f.name) for f in dataclasses.fields(given)}
    return dataclasses.replace(
        given,
        **{
            name: frame.set_geometry([shapely.transform(g, move) for g in frame.geometry], crs=25833)
            for name, frame in frames.items()
            if frame is not None
        },
    )


@pytest.mark.parametrize("seed", range(5))
def test_jitter_of_2_cm_keeps_every_id(land, seed):
    after = run(jittered(core(), seed), before=land)
    assert dict(zip(after.tomter["teig_id"], after.tomter["tomt_id"], strict=True)) == dict(
        zip(land.tomter["teig_id"], land.tomter["tomt_id"], strict=True)
    )
    assert list(after.omraader["omraade_id"]) == list(land.omraader["omraade_id"])
    assert {what for what, *_ in news(after, land).values()} <= {"endret", "justert"}
    assert_replays(after)


def test_the_papers_reading_is_a_switch_of_the_rules(land):
    rules = regler()
    papers = rules.model_copy(update={"geometri": rules.geometri.model_copy(update={"per_sone": True})})
    after = run(before=land, rules=papers)
    alive = after.omraader[after.omraader["tilstand"] == "aktiv"]
    found = {ids[0]: area for ids, area in zip(alive["sone_ider"], alive["areal_m2"], strict=True)}
    # A and A2 are the same zone twice, each without half of R1; B without the other half.
    assert {i: found[i] for i in ("A", "A2", "B")} == pytest.approx({"A": 17_500, "A2": 17_500, "B": 7_500})
    assert all(len(ids) == 1 for ids in alive["sone_ider"])
    # t2 lies on A and on B: a lot each, and once more for A2.
    lots = after.tomter[(after.tomter["teig_id"] == "t2") & (after.tomter["tilstand"] == "aktiv")]
    assert sorted(lots["areal_m2"]) == pytest.approx([3_500, 3_500, 3_500])
