"""Runs of the golden kommune one after the other, and what the ledger says of each."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import pandas as pd
import shapely

from config.registers import housing_classes, regler
from tasks.land.find import Forrige, Land, find_land
from tasks.land.inndata import Core
from tasks.land.ledger import replay
from tests.land.golden import KOMMUNE, core, place


def run(given: Core | None = None, before: Land | None = None, **changes) -> Land:
    """Run the land engine; `changes` are kommune, forrige, rules and tid."""
    return find_land(
        changes.get("kommune", KOMMUNE),
        given or core(),
        forrige=changes.get("forrige") or (before.as_forrige(epsg=KOMMUNE.epsg) if before else Forrige()),
        rules=changes.get("rules", regler()),
        klasser=housing_classes(),
        tid=changes.get("tid", "2026-11-22T02:00:00+00:00"),
    )


def with_plan(ident: str, corners: tuple[float, float, float, float], given: Core | None = None) -> Core:
    """Return the golden kommune with one more adopted plan on the ground."""
    given = given or core()
    plan = given.reguleringsplaner.iloc[:1].assign(plan_id=f"9901_{ident}", navn=ident)
    plan = plan.set_geometry([place(*corners)], crs=25833)
    plans = pd.concat([given.reguleringsplaner, plan], ignore_index=True)
    return dataclasses.replace(given, reguleringsplaner=gpd.GeoDataFrame(plans, crs=25833))


def news(after: Land, before: Land) -> dict[str, tuple]:
    """Return what was added to the ledger: teig → what, why, which, area before and after; lots of t9 by area too."""
    rows = after.hendelser.iloc[len(before.hendelser) :]
    return {
        row.tomt_id: (row.hendelse, row.aarsak, tuple(row.aarsak_ider), row.areal_foer_m2, row.areal_etter_m2)
        for row in rows.itertuples()
    }


def lot(land: Land, teig: str) -> str:
    """Return the id of the only living lot on a teig."""
    return land.tomter[(land.tomter["teig_id"] == teig) & (land.tomter["tilstand"] == "aktiv")]["tomt_id"].item()


def assert_replays(land: Land) -> None:
    told = replay(land.hendelser)
    today = land.tomter.sort_values("tomt_id", ignore_index=True)
    for column in ("tomt_id", "tilstand", "teig_id", "omraade_id"):
        assert list(told[column]) == list(today[column])
    assert list(told["areal_m2"]) == list(today["areal_m2"])
    assert shapely.equals(told.geometry.to_numpy(), today.geometry.to_numpy()).all()
