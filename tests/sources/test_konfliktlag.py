"""From the rows of a layer to what they bind: values, buffers, broken shapes, plans; small squares worked by hand."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from config.konflikt import Konfliktlag, konflikter
from tasks.errors import UnusableError
from tasks.sources.konfliktlag import Planer, polygonal
from tasks.sources.konfliktlag import konflikter as read
from tasks.sources.numre import Numre
from tasks.tomtekontrakter import KONFLIKTER

SQUARE = shapely.box(0, 6_700_000, 100, 6_700_100)
BOW = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
NUMRE = Numre("0099", frozenset({"0099", "7001"}), {})


def raw(geometry: list[Any] | None = None, **columns: list[Any]) -> gpd.GeoDataFrame:
    rows = len(next(iter(columns.values()))) if columns else len(geometry or [])
    data = {c: pd.Series(v, dtype=object) for c, v in columns.items()}
    return gpd.GeoDataFrame(data, geometry=geometry if geometry is not None else [SQUARE] * rows, crs=25833)


def lag(**more: Any) -> Konfliktlag:
    base = {"navn": "Flom", "tema": "flom", "kilde": "TEK17", "attributt": ("gjentaksintervall",)}
    return Konfliktlag(**{**base, "alvor": {"20": "hard", "200": "hard", "1000": "myk", "0": "ingen"}, **more})


def made(frame: gpd.GeoDataFrame, of: Konfliktlag | None = None, **more: Any) -> gpd.GeoDataFrame:
    found, account = read(frame, "sone", of or lag(), kilde="nve", **more)
    KONFLIKTER.check(found)
    assert account.ut == len(found)
    assert account.inn == len(frame) == len(found) + sum(d.antall for d in account.utelatt.values())
    return found


def test_each_value_is_what_the_config_says_and_what_binds_nothing_goes():
    frame = made(raw(gjentaksintervall=["200", "1000", 20.0, "0", "200-årsflom", "20"][:4], navn=list("abcd")))
    assert frame["alvor"].tolist() == ["hard", "myk", "hard"]
    assert frame["verdi"].tolist() == ["200", "1000", "20"]
    assert set(frame["lag"]) == {"sone"}
    assert set(frame["tema"]) == {"flom"}


@pytest.mark.parametrize(
    "column", ["GJENTAKSINTERVALL", "gjentaksIntervall", "app:gjentaksintervall", "egenskaper.gjentaksintervall"]
)
def test_columns_are_known_however_they_are_written(column: str):
    assert made(raw(**{column: ["200"]}))["alvor"].tolist() == ["hard"]


def test_aeoa_and_the_first_column_that_has_a_value():
    of = lag(attributt=("STØYSONEKATEGORI", "kategori"), alvor={"R": "hard", "G": "myk"})
    frame = made(raw(stoysonekategori=["R", None, "-"], kategori=["G", "g", "R"]), of)
    assert frame["verdi"].tolist() == ["R", "G", "R"]


@pytest.mark.parametrize("value", ["500", None, "høy"])
def test_a_value_that_nobody_has_said_makes_the_layer_unusable(value: Any):
    with pytest.raises(UnusableError) as caught:
        made(raw(gjentaksintervall=["200", value]))
    said = str(caught.value)
    assert ("nothing" if value is None else repr(value)) in said
    assert "1 of 2 rows" in said
    assert "known are 20, 200, 1000, 0" in said
    assert "lag.sone" in said
    assert caught.value.tema == "sone"


def test_any_other_value_is_what_annet_says():
    frame = made(raw(gjentaksintervall=["500", None]), lag(annet="myk"))
    assert frame["alvor"].tolist() == ["myk", "myk"]


def test_a_layer_that_lacks_the_column_is_unusable_whatever_annet_says():
    with pytest.raises(UnusableError, match=r"none of 1 rows has gjentaksintervall.*columns are sannsynlighet"):
        made(raw(sannsynlighet=["200"]), lag(annet="ingen"))


def test_the_value_of_the_config_stands_in_buffer_and_verdi():
    of = lag(
        attributt=("nettnivå",), alvor={"1": "hard", "2": "hard"}, annet="myk", buffer_m=15, buffer_m_for={"1": 40}
    )
    line = shapely.LineString([(0, 0), (1000, 0)])
    frame = made(raw([line, line, shapely.Point(0, 0)], nettniva=["1.0", "2", None]), of)
    assert frame["verdi"].tolist() == ["1", "2", None]
    expected = [1000 * 80 + math.pi * 40**2, 1000 * 30 + math.pi * 15**2, math.pi * 15**2]
    assert frame.area.tolist() == pytest.approx(expected, rel=0.02)


def test_polygons_are_widened_too():
    assert made(raw(gjentaksintervall=["200"]), lag(buffer_m=5)).area.iloc[0] == pytest.approx(
        100 * 100 + 4 * 5 * 100 + math.pi * 25, rel=1e-3
    )


def test_broken_shapes_are_mended_and_those_without_area_are_left_out():
    mixed = shapely.GeometryCollection([SQUARE, shapely.Point(5, 5), shapely.LineString([(0, 0), (1, 1)])])
    shapes = [BOW, mixed, None, shapely.Polygon(), shapely.LineString([(0, 0), (5, 5)])]
    frame, account = read(raw(shapes, gjentaksintervall=["200"] * 5), "sone", lag(), kilde="nve")
    KONFLIKTER.check(frame)
    assert frame.area.tolist() == pytest.approx([50, 10_000])
    assert frame.is_valid.all()
    assert {r: d.antall for r, d in account.utelatt.items()} == {"uten geometri": 2, "ikke flate": 1}
    assert account.merknader["reparert geometri"] == 1


def test_lines_and_points_without_a_buffer_are_no_empty_layer():
    with pytest.raises(UnusableError, match=r"none of 1 rows has an area.*Give lag\.sone a buffer_m"):
        made(raw([shapely.Point(0, 0)], gjentaksintervall=["200"]))


def test_no_rows_are_no_conflict():
    assert not len(made(raw([], gjentaksintervall=[])))
    assert not len(made(raw([])))


def test_the_name_of_the_place_is_kept_and_cut():
    frame = made(
        raw(gjentaksintervall=["20", "20"], områdeNavn=[None, "x" * 5000], navn=["Elva", None]),
        lag(navnefelt=("omradenavn", "navn")),
    )
    assert frame["navn"].tolist() == ["Elva", "x" * 200]


# --- zones of the kommuneplan ---


def zones(*idents: str | None) -> gpd.GeoDataFrame:
    rows = len(idents)
    return raw(
        **{
            "arealplanId.planidentifikasjon": list(idents),
            "arealplanId.kommunenummer": ["0099"] * rows,
            "fare": ["310"] * rows,
        }
    )


HENSYN = lag(attributt=("fare",), alvor={"310": "hard"})


def planer(**status: str) -> Planer:
    frame = pd.DataFrame({"plan_id": [f"0099_{p}" for p in status], "planstatus": list(status.values())})
    return Planer.of(frame, NUMRE, vedtatt="3")


def test_only_zones_of_plans_in_force_count():
    frame = zones("KP1", "KP2", "KP9", None)
    found, account = read(frame, "hensyn", HENSYN, kilde="nap", planer=planer(KP1="3", KP2="2"))
    assert len(found) == 2  # KP1, and the one that does not say: it counts against, never for
    assert account.utelatt["plan ikke i kraft"].antall == 2
    assert account.merknader["uten planidentifikasjon"] == 1


def test_an_extent_of_another_edition_does_not_put_a_plan_out_of_force():
    rows = pd.DataFrame({"plan_id": ["0099_KP1", "0099_KP1"], "planstatus": ["5", "3"]})
    assert Planer.of(rows, NUMRE, vedtatt="3").status == {"0099_KP1": True}


def test_zones_of_plans_that_nobody_knows_are_no_empty_layer():
    with pytest.raises(UnusableError, match="none of 2 zones is of a plan that is known here"):
        read(zones("A", "B"), "hensyn", HENSYN, kilde="nap", planer=planer(KP1="3"))


def test_when_all_plans_are_out_of_force_nothing_binds():
    assert not len(made(zones("KP1"), HENSYN, planer=planer(KP1="5")))


def test_every_layer_of_the_config_reads_each_value_that_it_knows():
    for navn, of in konflikter().lag.items():
        values = list(of.alvor) or [None]
        shapes = [SQUARE] * len(values)
        frame = raw(shapes, **{of.attributt[0] if of.attributt else "x": list(values)})
        found, _ = read(frame, navn, of, kilde="prove")
        assert found["verdi"].tolist() == [v for v in values if of.betydning(v) != "ingen"], navn


def test_polygonal_keeps_polygons_alone():
    shapes, repaired = polygonal(raw([SQUARE, shapely.Point(0, 0), BOW, None]).geometry.to_numpy())
    assert [s is None for s in shapes] == [False, True, False, True]
    assert repaired == 1
