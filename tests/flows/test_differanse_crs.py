"""`tomt differanse`: which CRS the files are in, and whether their coordinates can be of it."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pytest
import shapely
from pyproj import CRS
from shapely import box

from flows.differanse import differanse
from flows.filgrunnlag import horizontal_epsg
from tests.flows.differanse_filer import (
    EAST,
    NORTH,
    adds_up,
    in_degrees,
    layer,
    order,
    planer,
    refused,
    results,
    soner,
    teiger,
)


def test_mixed_crs_is_refused_unless_one_is_named(tmp_path):
    ask = order(tmp_path, teiger=teiger().to_crs(25833), planer=planer().to_crs(4326))
    refused(ask, "soner.parquet EPSG:25832", "teiger.parquet EPSG:25833", "planer.parquet EPSG:4326", "--crs 25832")
    account = differanse(replace(ask, crs="25832"))
    assert account["crs"] == "EPSG:25832"
    assert account["areal"]["differanse_m2"] == pytest.approx(34_000, abs=2)
    adds_up(account)
    assert differanse(replace(ask, crs="EPSG:25833"))["crs"] == "EPSG:25833"
    assert results(tmp_path)[0].crs.to_epsg() == 25833


@pytest.mark.parametrize("crs", ["32632", "4326", "", "UTM32"])
def test_a_crs_that_is_none_to_compute_in(tmp_path, crs):
    refused(order(tmp_path, crs=crs), "--crs", "25832, 25833, 25835")


@pytest.mark.parametrize("crs", [4326, 4258, "OGC:CRS84"])
def test_degrees_need_a_zone(tmp_path, crs):
    ask = order(tmp_path, **in_degrees(crs))
    refused(ask, "soner.parquet", "degrees", "--crs 25832")
    assert differanse(replace(ask, crs="25832"))["areal"]["differanse_m2"] == pytest.approx(34_000, abs=2)


def test_no_crs_and_another_one(tmp_path):
    refused(order(tmp_path, planer=planer().set_crs(None, allow_override=True)), "planer.parquet", "no CRS", "a_srs")
    refused(order(tmp_path, teiger=teiger().to_crs(32632)), "teiger.parquet", "EPSG:32632", "25832", "t_srs")
    refused(order(tmp_path, soner=soner().to_crs(3857), crs="25832"), "soner.parquet", "EPSG:3857")


def test_a_compound_crs_counts_by_its_horizontal_part(tmp_path):
    raised = {name: f.set_crs(5972, allow_override=True) for name, f in (("soner", soner()), ("teiger", teiger()))}
    assert differanse(order(tmp_path, **raised))["crs"] == "EPSG:25832"
    known = {5972: 25832, 5973: 25833, 5975: 25835, 4979: 4326, 4937: 4258, 25835: 25835, 32633: 32633}
    assert {code: horizontal_epsg(CRS.from_epsg(code)) for code in known} == known


def flipped(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    swapped = shapely.transform(frame.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(swapped, crs=frame.crs))


@pytest.mark.parametrize("name", ["soner", "planer", "teiger"])
def test_swapped_axes(tmp_path, name):
    degrees = in_degrees()
    refused(order(tmp_path, **(degrees | {name: flipped(degrees[name])}), crs="25832"), f"{name}.parquet", "swapped")
    metres = {"soner": soner(), "planer": planer(), "teiger": teiger()}
    refused(order(tmp_path, **(metres | {name: flipped(metres[name])})), f"{name}.parquet", "swapped", "6.6e+06")


@pytest.mark.parametrize("name", ["soner", "planer", "teiger"])
def test_a_crs_that_the_coordinates_do_not_fit(tmp_path, name):
    metres = {"soner": soner(), "planer": planer(), "teiger": teiger()}
    wrong = in_degrees()[name].set_crs(25832, allow_override=True)
    refused(order(tmp_path, **(metres | {name: wrong})), f"{name}.parquet", "degrees, not metres", "bounds")
    wrong = metres[name].set_crs(4326, allow_override=True)
    ask = order(tmp_path, suffix="geojson", **(metres | {name: wrong}), crs="25832")
    refused(ask, f"{name}.geojson", "metres, not degrees", "GeoJSON")


def test_plans_in_degrees_that_say_metres_beside_zones_in_degrees(tmp_path):
    degrees = in_degrees()
    wrong = degrees["planer"].set_crs(25832, allow_override=True)
    refused(order(tmp_path, **(degrees | {"planer": wrong}), crs="25832"), "planer.parquet", "no place in common")


def test_a_row_beyond_the_pole_is_counted(tmp_path):
    degrees = in_degrees()
    beyond = layer([box(10, 91, 10.001, 91.001)], crs=4326, arealformal=["1110"])
    degrees["soner"] = gpd.pd.concat([degrees["soner"], beyond], ignore_index=True)
    account = differanse(order(tmp_path, **degrees, crs="25832"))
    assert account["soner"]["utelatt"] == {"kan ikke reprojiseres": {"antall": 1, "ider": ["4"]}}
    assert account["areal"]["differanse_m2"] == pytest.approx(34_000, abs=2)
    adds_up(account)


def test_layers_that_lie_apart(tmp_path):
    away = {name: f.translate(100_000, 0) for name, f in (("planer", planer()), ("teiger", teiger()))}
    refused(
        order(tmp_path, teiger=teiger().set_geometry(away["teiger"])), "soner.parquet", "teiger.parquet", "no place"
    )
    account = differanse(order(tmp_path, planer=planer().set_geometry(away["planer"])))
    assert "no plan meets a zone" in account["advarsler"][0]


@pytest.mark.parametrize("crs", [25832, 25833, 25835])
def test_drawings_near_the_origin_are_computed_with_a_warning(tmp_path, crs):
    home = {
        name: f.set_geometry(f.translate(-EAST, -NORTH).set_crs(crs, allow_override=True))
        for name, f in (("soner", soner()), ("teiger", teiger()))
    }
    small = layer([box(10, 60, 30, 70)], crs=crs, planstatus=["3"])  # as degrees, this would be Norway
    account = differanse(order(tmp_path, **home, planer=small))
    assert account["areal"]["differanse_m2"] == pytest.approx(40_000 - 200)
    assert any("outside Norway" in text for text in account["advarsler"])


def test_the_west_has_negative_eastings(tmp_path):
    frames = {n: f.set_geometry(f.translate(-640_000, 0)).set_crs(25833, allow_override=True)
              for n, f in (("soner", soner()), ("planer", planer()), ("teiger", teiger()))}  # fmt: skip
    assert differanse(order(tmp_path, **frames))["advarsler"] == []
