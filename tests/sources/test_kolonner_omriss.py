"""Extents of plans that a source publishes zones of alone."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pytest
import shapely

from tasks.account import Account
from tasks.contracts import PLANOMRAADER, REGULERINGSPLANER
from tasks.sources import plan
from tasks.sources.kolonner import extents_of_zones, standardise

from .test_kolonner import NUMRE, RF, kilde, read


def zones(**more: Any) -> dict[str, list[Any]]:
    base: dict[str, list[Any]] = {
        "OBJTYPE": ["KpArealformålOmråde"] * 3 + ["KpOmråde"],
        "KOMM": ["0301"] * 4,
        "PLANID": ["A", "A", None, "B"],
        "PLANSTAT": [None, None, None, "2"],
        "PLANNAVN": ["Arealdel", None, None, "Annen"],
    }
    return base | more


def test_extents_are_made_of_the_zones_of_plans_without_one() -> None:
    source = kilde(omrade_av_soner=True, faste={"planstatus": "3", "plantype": "20"})
    frame, account = read(zones(), source)
    extents = frame[frame["objekttypenavn"] == "KpOmråde"]
    told = extents[["arealplanId.planidentifikasjon", "planstatus", "plantype", "plannavn"]]
    assert told.to_numpy().tolist() == [["B", "2", "20", "Annen"], ["A", "3", "20", "Arealdel"]]
    assert list(extents.area) == [10_000, 20_000]
    assert account.merknader == {"soner uten plan: intet planområde": 1, "planområder laget av soner": 1}
    again = extents_of_zones(frame, source, Account("prove"))
    assert again.to_wkb().equals(frame.to_wkb())
    made, _ = plan.planomraader(frame, NUMRE, manglende_plantype="21")
    PLANOMRAADER.check(made)
    assert dict(zip(made["plan_id"], made["planstatus"], strict=True)) == {"0301_A": "3", "0301_B": "2"}


def test_a_tunnel_makes_no_extent_on_the_ground() -> None:
    source = kilde("reguleringsplan", ("RpOmråde", *RF), omrade_av_soner=True, faste={"planstatus": "3"})
    columns = {
        "OBJTYPE": ["RpArealformålOmråde"] * 2 + ["RbFormålOmråde"],
        "PLANID": ["A", "A", "C"],
        "VERTNIV": ["1", "2", None],
    }
    frame, _ = read(columns, source)
    made, _ = plan.reguleringsplaner(frame, NUMRE, manglende_nivaa="2")
    REGULERINGSPLANER.check(made)
    assert sorted(zip(made["plan_id"], made["vertikalnivaa"], made.area, strict=True)) == [
        ("0301_A", "1", 10_000),
        ("0301_A", "2", 10_000),
        ("0301_C", "2", 10_000),
    ]


def test_extents_of_broken_and_empty_zones() -> None:
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    shapes = [bow, None, shapely.Polygon(), shapely.MultiPolygon([shapely.box(20, 0, 30, 10)])]
    columns = {"OBJTYPE": ["KpArealformålOmråde"] * 4, "PLANID": ["A"] * 3 + ["A"]}
    raw = gpd.GeoDataFrame(columns, geometry=shapes, crs=25833)
    frame = standardise(raw, kilde(omrade_av_soner=True), Account("prove"))
    assert frame.geometry.iloc[-1].area == pytest.approx(150)
