"""What core holds of the plans, counted by hand on a square kommune."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registers import find_kommune, regler
from tasks.account import Account
from tasks.contracts import GRENSER, PLANOMRAADER, REGULERINGSFORMAAL, REGULERINGSPLANER, SONER, Contract
from tasks.crs import STORAGE_EPSG
from tasks.sources.planinnhold import Innhold, content, covered_share

SQUARE = shapely.box(0, 0, 1000, 1000)
TODAY = date(2026, 11, 21)
TOMTEVIK = find_kommune("0099", sandbox=True)


def frame(contract: Contract, rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    columns = {c: [row.get(c) for row in rows] for c in contract.columns}
    shapes = [row.get("geometry", SQUARE) for row in rows]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=STORAGE_EPSG)


def plan(plan_id: str, *, status: str | None = "3", plantype: str = "20", dato: str | None = None) -> dict[str, Any]:
    return {"plan_id": plan_id, "plantype": plantype, "planstatus": status, "vedtatt_dato": dato}


def zone(plan_id: str, *box: float, kode: str | None = "1110") -> dict[str, Any]:
    return {
        "sone_id": f"{plan_id}{box}{kode}",
        "objekttype": "KpArealformålOmråde",
        "kode": kode,
        "plan_id": plan_id,
        "geometry": shapely.box(*box),
    }


def measured(
    soner: list[dict[str, Any]],
    planer: list[dict[str, Any]],
    temaer: tuple[str, ...] = ("kommuneplan", "kommunedelplan"),
    **more: gpd.GeoDataFrame,
) -> dict[str, Innhold]:
    frames = {
        GRENSER.name: frame(GRENSER, [{"kommunenummer": "0099"}]),
        SONER.name: frame(SONER, soner),
        PLANOMRAADER.name: frame(PLANOMRAADER, planer),
        **more,
    }
    return content(TOMTEVIK, frames, temaer=temaer, plan=regler().plan, punkter=10_000, i_dag=TODAY)


def test_zones_of_the_kommunes_own_adopted_plans_cover_it():
    soner = [
        zone("0099_A", 0, 0, 500, 500),
        zone("0099_A", 0, 0, 500, 250),  # lies on the first one
        zone("0099_A", 900, 900, 2000, 2000),  # sticks out
        zone("0099_B", 500, 0, 1000, 500),  # proposed
        zone("0098_C", 0, 500, 500, 1000),  # the neighbour's
    ]
    planer = [plan("0099_A"), plan("0099_B", status="2"), plan("0098_C")]
    assert measured(soner, planer)["kommuneplan"].andel_dekket == pytest.approx(0.26, abs=0.002)


def test_without_a_boundary_coverage_is_not_measured():
    frames = {SONER.name: frame(SONER, []), PLANOMRAADER.name: frame(PLANOMRAADER, [])}
    found = content(TOMTEVIK, frames, temaer=["kommuneplan"], plan=regler().plan, punkter=100, i_dag=TODAY)
    assert found == {"kommuneplan": Innhold()}


def test_codes_and_statuses_are_told_by_theme():
    soner = [
        zone("0099_A", 0, 0, 10, 10),
        zone("0099_A", 0, 0, 10, 20, kode="9999"),
        zone("0099_A", 0, 0, 10, 30, kode=None),
        zone("0099_A", 0, 0, 10, 40, kode="B3"),
        zone("0099_D", 0, 0, 10, 50, kode="2010"),
    ]
    planer = [plan("0099_A"), plan("0099_B", status=None), plan("0099_D", plantype="21", status="ukjent")]
    found = measured(soner, planer)
    assert (found["kommuneplan"].andel_ukjent_kode, found["kommuneplan"].andel_uten_status) == (0.75, 0.5)
    assert (found["kommunedelplan"].andel_ukjent_kode, found["kommunedelplan"].andel_uten_status) == (0.0, 1.0)
    together = measured(soner, planer, temaer=("kommuneplan",))
    assert set(together) == {"kommuneplan"}
    assert together["kommuneplan"].andel_ukjent_kode == 0.6
    assert together["kommuneplan"].andel_uten_status == pytest.approx(2 / 3)


def test_the_newest_plan_is_the_last_decision_that_can_be():
    planer = [plan("0099_A", dato="2015-03-01"), plan("0099_B", dato="2019-06-12"), plan("0099_C", dato="2204-01-01")]
    assert measured([], planer)["kommuneplan"].nyeste_plan == "2019-06-12"
    assert measured([], [plan("0099_A")])["kommuneplan"].nyeste_plan is None


def test_reguleringsplaner_and_their_purposes_are_measured_too():
    more = {
        REGULERINGSPLANER.name: frame(
            REGULERINGSPLANER, [plan("0099_R", status="ukjent", dato="2024-01-31"), plan("0099_S")]
        ),
        REGULERINGSFORMAAL.name: frame(
            REGULERINGSFORMAAL, [{"objekttype": "RbFormålOmråde", "kode": k} for k in ("110", "1110", "120", "130")]
        ),
    }
    found = measured([], [], temaer=("reguleringsplan", "reguleringsformaal"), **more)
    assert found["reguleringsplan"] == Innhold(andel_uten_status=0.5, nyeste_plan="2024-01-31")
    assert found["reguleringsformaal"] == Innhold(andel_ukjent_kode=0.25)


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(-200, 1200)] * 4), max_size=6))
def test_the_share_counted_is_the_share_measured(corners):
    boxes = [shapely.box(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    soner = gpd.GeoDataFrame(geometry=[b for b in boxes if b.area > 0], crs=STORAGE_EPSG)
    true = shapely.intersection(SQUARE, shapely.union_all(soner.geometry.to_numpy())).area / SQUARE.area
    counted = covered_share(SQUARE, soner, punkter=10_000)
    assert counted is not None
    assert counted == pytest.approx(true, abs=0.03)


def test_zones_that_cross_themselves_are_counted_all_the_same():
    bow = shapely.Polygon([(0, 0), (1000, 1000), (1000, 0), (0, 1000)])
    soner = gpd.GeoDataFrame(geometry=[bow, None], crs=STORAGE_EPSG)
    assert covered_share(SQUARE, soner, punkter=10_000) == pytest.approx(0.5, abs=0.02)
    assert covered_share(shapely.Polygon(), soner, punkter=100) is None


def test_levels_that_could_not_be_read_are_counted_by_the_account() -> None:
    account = Account(REGULERINGSPLANER.name, inn=4)
    account.note("uleselig vertikalnivå", 1)
    planer = {REGULERINGSPLANER.name: frame(REGULERINGSPLANER, [plan("0099_1")])}
    rules = {"plan": regler().plan, "punkter": 100, "i_dag": TODAY}
    (found,) = content(TOMTEVIK, planer, temaer=("reguleringsplan",), regnskap=[account], **rules).values()
    assert found.andel_uleselig_nivaa == 0.25
