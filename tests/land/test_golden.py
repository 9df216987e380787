"""The golden kommune of `golden.py`, from zones to lots, against areas worked out by hand."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import pytest
import shapely
from shapely import affinity

from config.registers import regler
from tasks.contracts import OMRAADER, TOMTER
from tasks.errors import LandError
from tasks.land.find import Land
from tests.land.golden import EAST, KOMMUNE, NORTH, core, place
from tests.land.golden_runs import run


@pytest.fixture(scope="module")
def land() -> Land:
    return run()


def test_the_omraader_are_those_worked_out_by_hand(land):
    # A ∪ B − R1 = 20,000 + 10,000 − 5,000, one polygon: they share the border x 200, y 50–100.
    # C − R4 = 40,000 − 10,000. D = 60 × 50. F west of the KDP = 100 × 100. G = 50 × 100.
    # I south of the border = 100 × 50. L − RN = 50 × 100.
    expected = {"A": 25_000, "C": 30_000, "D": 3_000, "F": 10_000, "G": 5_000, "I": 5_000, "L": 5_000}
    found = {ids[0]: area for ids, area in zip(land.omraader["sone_ider"], land.omraader["areal_m2"], strict=True)}
    assert found == pytest.approx(expected, abs=1e-6)
    # J, 38 × 50 = 1,900, is under the floor; the differanse is 83,000 + 1,900.
    step = land.accounts.step("omraader")
    assert (step.inn, step.ut, step.utelatt["for små"].antall) == (8, 7, 1)
    assert (step.merknader["differanse_m2"], step.merknader["for små_m2"]) == (84_900, 1_900)


def test_the_lots_are_those_worked_out_by_hand(land):
    expected = {
        "t1": 10_000,  # 100 × 100 of A
        "t2": 7_000,  # 200 × 60 − R1 (100 × 50): left 50 × 60, right 50 × 60, joined by 100 × 10
        "t3": 8_000,  # 200 × 40
        "t4": 15_000,  # 100 × 200 − half of R4 (50 × 100)
        # t5: 10 × 50 above and 10 × 50 below the hole: two pieces of 500, both under 1,000
        "t6": 14_000,  # 90 × 200 − 40 × 100
        "t7": 1_500,  # 30 × 50; t8 has 15 × 50 = 750, and x 845–860 lies on no teig
        "t9": 6_400,  # the whole teig, 80 × 80, lies inside F
        "t10": 5_000,  # the whole of G
    }
    assert dict(zip(land.tomter["teig_id"], land.tomter["areal_m2"], strict=True)) == pytest.approx(expected, abs=1e-6)


def test_what_becomes_no_lot_is_accounted_for(land):
    step = land.accounts.step("tomter")
    # 8 lots, and three pieces under 1,000: two of t5 with 10 × 50 each, t8 with 15 × 50.
    assert (step.inn, step.ut) == (11, 8)
    assert {reason: (gone.antall, gone.ider) for reason, gone in step.utelatt.items()} == {
        "for små": (3, ("t5", "t5", "t8"))
    }
    # On no teig: I 5,000, L 5,000, of D 15 × 50, of F 100 × 100 − 80 × 80.
    assert step.merknader == {
        "områder uten tomt": 2,
        "areal_m2": 66_900,
        "for små_m2": 1_750,
        "uten teig_m2": 14_350,
    }
    assert sum(land.omraader["areal_m2"]) == pytest.approx(66_900 + 1_750 + 14_350)


def test_the_frames_keep_their_contracts(land):
    OMRAADER.check(land.omraader)
    TOMTER.check(land.tomter)


def test_a_lot_says_what_it_lies_on(land):
    lots = land.tomter.set_index("teig_id")
    assert lots.loc["t6", "matrikkelenheter"] == ["9901-2/3/0/0", "9901-2/4/0/0"]
    assert lots.loc["t6", "har_tvist"]
    assert lots.loc["t10", "matrikkelenheter"] == []
    assert lots.loc["t1", "planer_under_arbeid"] == ["9901_R3"]
    assert lots.loc["t3", "planer_under_arbeid"] == []
    assert (lots.loc["t1", "klasse"], lots.loc["t1", "arealstatus"]) == ("bolig", "2")
    assert lots.loc["t10", "plan_ider"] == ["9901_KDP"]
    assert lots.loc["t9", "plan_ider"] == ["9901_KPA"]


def test_every_feature_that_does_not_count_is_counted(land):
    step = land.accounts.step("boligsoner")
    assert (step.inn, step.ut) == (14, 10)
    assert {reason: dropped.ider for reason, dropped in step.utelatt.items()} == {
        "annen kommunes plan": ("N",),
        "plan ikke vedtatt": ("H",),
        "ikke bolig": ("E", "K"),
    }
    assert step.merknader["annen kommunes planområder"] == 2  # NABO and NKDP
    step = land.accounts.step("regulering")
    assert (step.inn, step.ut) == (6, 4)
    assert {reason: dropped.ider for reason, dropped in step.utelatt.items()} == {
        "ikke på bakken": ("9901_R2",),
        "annen status": ("9901_R5",),
    }
    assert step.ider["under arbeid"] == ("9901_R3",)
    assert step.ider["annen kommunes plan, avgjør likevel"] == ("9902_RN",)


def test_a_neighbours_kommunedelplan_overrides_nothing_and_its_reguleringsplan_settles(land):
    area = {ids[0]: area for ids, area in zip(land.omraader["sone_ider"], land.omraader["areal_m2"], strict=True)}
    assert (area["F"], area["L"]) == pytest.approx((10_000, 5_000))
    # Were they the kommune's own, NKDP would take the eastern half of F.
    given = core()
    given.planomraader["plan_id"] = given.planomraader["plan_id"].replace("9902_NKDP", "9901_NKDP")
    own = run(given).omraader
    assert {i[0]: a for i, a in zip(own["sone_ider"], own["areal_m2"], strict=True)}["F"] == pytest.approx(5_000)


def test_a_run_again_changes_nothing(land):
    again = run(before=land)
    assert again.tomter.drop(columns="geometry").equals(land.tomter.drop(columns="geometry"))
    assert again.omraader.drop(columns="geometry").equals(land.omraader.drop(columns="geometry"))
    assert shapely.equals_exact(again.tomter.geometry, land.tomter.geometry).all()


def test_the_order_of_the_input_does_not_matter(land):
    given = core()
    turned = dataclasses.replace(
        given,
        **{
            f.name: getattr(given, f.name).iloc[::-1].reset_index(drop=True)
            for f in dataclasses.fields(given)
            if getattr(given, f.name) is not None
        },
    )
    again = run(turned, before=land)
    assert list(again.tomter["tomt_id"]) == list(land.tomter["tomt_id"])
    assert list(again.tomter["areal_m2"]) == pytest.approx(list(land.tomter["areal_m2"]))


def test_a_lot_that_a_new_plan_settles_is_gone_but_kept(land):
    given = core()
    plans = given.reguleringsplaner
    plans.loc[plans["plan_id"] == "9901_R5", "planstatus"] = "3"  # all of C is settled now
    after = run(given, before=land)
    gone = after.tomter[after.tomter["tilstand"] == "borte"]
    assert sorted(gone["teig_id"]) == ["t4", "t6"]
    assert set(gone["aarsak"]) == {"Ligger ikke lenger i differansen: plan vedtatt 9901_R5"}
    assert len(after.tomter) == len(land.tomter)
    # When the plan is repealed again, the lots come back under their old ids.
    back = run(before=after)
    assert dict(zip(back.tomter["teig_id"], back.tomter["tomt_id"], strict=True)) == dict(
        zip(land.tomter["teig_id"], land.tomter["tomt_id"], strict=True)
    )
    assert (back.tomter["tilstand"] == "aktiv").all()
    assert back.tomter["aarsak"].isna().all()


def test_a_lot_that_became_part_of_another_says_so(land):
    given = core()
    t2, t3 = place(100, 0, 300, 60), place(100, 60, 300, 500)
    given.teiger.loc[given.teiger["teig_id"] == "t2", "geometry"] = t2.union(t3)
    merged = dataclasses.replace(given, teiger=given.teiger[given.teiger["teig_id"] != "t3"].reset_index(drop=True))
    after = run(merged, before=land).tomter
    gone, living = after[after["tilstand"] == "borte"], after[after["teig_id"] == "t2"]
    assert len(gone) == 1
    alive = living[living["tilstand"] == "aktiv"]["tomt_id"].item()
    assert list(gone["aarsak"]) == [f"Slått sammen med {alive}"]


def test_a_border_vertex_of_one_zone_only_does_not_cut_in_the_kommunes_own_zone():
    # Two zones of 30 × 50, each under the floor of 2,000, share a slanted border; only one has a vertex on it.
    given = core()
    keep = given.soner["sone_id"].isin(["J", "K"])
    soner = given.soner[keep].assign(kode="1110").reset_index(drop=True)
    west = shapely.Polygon([(0, 0), (30, 0), (37, 50), (7, 50)])
    east = shapely.Polygon([(30, 0), (60, 0), (67, 50), (37, 50), (32.8, 20)])
    soner["geometry"] = [affinity.translate(p, EAST + 1200, NORTH + 300) for p in (west, east)]
    west_of_it = {
        f.name: _moved(getattr(given, f.name), -530_000)
        for f in dataclasses.fields(given)
        if getattr(given, f.name) is not None
    }
    core_of_two = dataclasses.replace(given, **(west_of_it | {"soner": _moved(soner, -530_000)}))
    land = run(core_of_two, kommune=KOMMUNE.model_copy(update={"epsg": 25832}))
    assert [sorted(ids) for ids in land.omraader["sone_ider"]] == [["J", "K"]]
    assert land.omraader["areal_m2"].sum() == pytest.approx(3_000, rel=0.02)


def test_an_id_is_never_given_to_another_lot(land):
    given = core()
    given.teiger.loc[given.teiger["teig_id"] == "t9", "geometry"] = place(1900, 900, 1950, 950)  # t9 moves away
    after = run(given, before=land)
    fresh = core()
    fresh.teiger.loc[fresh.teiger["teig_id"] == "t8", "geometry"] = place(600, 960, 700, 1000)  # a lot on I: 4,000
    later = run(fresh, before=after)
    ids = dict(zip(later.tomter["teig_id"], later.tomter["tomt_id"], strict=True))
    assert ids["t8"] == "9901-000009"
    assert later.tomter["tomt_id"].is_unique


def test_areas_are_computed_in_the_kommunes_own_zone():
    # 530 km further west UTM33 overstates areas by about 0.6 %, the kommune's own zone 32 does not.
    given = core()
    west = dataclasses.replace(
        given,
        **{
            f.name: _moved(getattr(given, f.name), -530_000)
            for f in dataclasses.fields(given)
            if getattr(given, f.name) is not None
        },
    )
    own = run(west, kommune=KOMMUNE.model_copy(update={"epsg": 25832}))
    in_33 = run(west)
    ratio = in_33.tomter["areal_m2"].sum() / own.tomter["areal_m2"].sum()
    assert 1.002 < ratio < 1.012
    assert own.tomter.crs.to_epsg() == 25833


def _moved(frame: gpd.GeoDataFrame, east: float) -> gpd.GeoDataFrame:
    return frame.set_geometry(frame.translate(xoff=east))


def test_data_outside_the_kommune_are_refused_with_what_to_check():
    given = core()
    away = dataclasses.replace(given, teiger=_moved(given.teiger, 300_000))
    with pytest.raises(LandError, match="none of the 10 teiger lies in the kommune"):
        run(away)


def test_a_kommune_without_housing_zones_has_no_lots():
    given = core()
    given.soner["kode"] = "5100"
    land = run(given)
    assert len(land.tomter) == 0
    TOMTER.check(land.tomter)
    OMRAADER.check(land.omraader)


def test_spredt_counts_only_when_config_says_so():
    given = core()
    given.soner.loc[given.soner["sone_id"] == "K", "kode"] = "5210"
    assert len(run(given).omraader) == 7
    rules = regler()
    wider = rules.model_copy(
        update={"klasser": rules.klasser.model_copy(update={"teller": ("bolig", "mulig", "spredt")})}
    )
    assert "K" in {ids[0] for ids in run(given, rules=wider).omraader["sone_ider"]}
