"""`tomt differanse`: areas worked out by hand, in every format, and everything that may be wrong with the input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import affinity, box

from config.settings import ROOT
from flows.differanse import Bestilling, Lagfil, Valg, differanse
from flows.filgrunnlag import horizontal_epsg
from tasks.errors import TomtError

EAST, NORTH = 600_000, 6_600_000
FORMATS = ("parquet", "gpkg", "shp", "geojson", "gml", "fgb")


def place(west: float, south: float, east: float, north: float):
    return affinity.translate(box(west, south, east, north), EAST, NORTH)


def layer(shapes: list, crs: int | None = 25832, **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def soner(**columns: Any) -> gpd.GeoDataFrame:
    """Two zones side by side, 20,000 + 10,000 m², and one apart, 10,000."""
    shapes = [place(0, 0, 200, 100), place(200, 0, 300, 100), place(500, 0, 600, 100)]
    return layer(shapes, **({"arealformal": ["1110", "1119", "1130"]} | columns))


def planer(**columns: Any) -> gpd.GeoDataFrame:
    """5,000 of the first zone and 1,000 of the third are settled; the others have no force."""
    shapes = [place(0, 0, 50, 100), place(500, 0, 510, 100), place(0, 0, 600, 100), place(0, 0, 600, 100)]
    return layer(shapes, **({"planstatus": ["3", "Vedtatt", "2", None]} | columns))


def teiger(**columns: Any) -> gpd.GeoDataFrame:
    """The first two områder lie on a and b, b goes on beyond; c covers the third but for 3,000 m²."""
    shapes = [place(0, 0, 150, 100), place(150, 0, 320, 100), place(500, 0, 600, 70)]
    return layer(shapes, **({"teig_id": ["a", "b", "c"]} | columns))


def order(folder: Path, *, suffix: str = "parquet", **given: Any) -> Bestilling:
    """Write the frames and return the order; frames and options by name."""
    files = {}
    for name, usual in (("soner", soner), ("planer", planer), ("teiger", teiger)):
        frame = given.pop(name, None)
        files[name] = Lagfil(frame if isinstance(frame, Path) else written(usual() if frame is None else frame,
                                                                          folder / f"{name}.{suffix}"))  # fmt: skip
    return Bestilling(**files, ut=folder / "ut", **given)


def written(frame: gpd.GeoDataFrame, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a shapefile cuts names to ten characters
            frame.to_file(path)
    return path


def results(folder: Path) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return gpd.read_parquet(folder / "ut" / "differanse.parquet"), gpd.read_parquet(folder / "ut" / "tomter.parquet")


def refused(asked: Bestilling, *words: str) -> None:
    with pytest.raises(TomtError) as caught:
        differanse(asked)
    said = str(caught.value)
    for word in words:
        assert word in said
    assert "\n" not in said
    assert not (asked.ut / "differanse.parquet").exists()


def adds_up(account: dict[str, Any]) -> None:
    for name in ("soner", "planer", "teiger", "omraader", "tomter"):
        step = account[name]
        assert step["inn"] - sum(gone["antall"] for gone in step["utelatt"].values()) == step["ut"], name
    areal = account["areal"]
    assert areal["differanse_m2"] == pytest.approx(areal["omraader_m2"] + areal["omraader_for_smaa_m2"], abs=1)
    cut = areal["tomter_m2"] + areal["for_smaa_m2"] + areal["for_smale_m2"] + areal["uten_teig_m2"]
    assert areal["omraader_m2"] == pytest.approx(cut - areal["paa_flere_teiger_m2"], abs=1)


# --- what comes out ---


@pytest.mark.parametrize("suffix", FORMATS)
def test_areas_worked_out_by_hand(tmp_path, suffix):
    account = differanse(order(tmp_path, suffix=suffix))
    omraader, tomter = results(tmp_path)
    assert sorted(omraader["areal_m2"].round(2)) == [9_000, 25_000]
    assert dict(zip(tomter["teig_id"], tomter["areal_m2"].round(2), strict=True)) == {
        "a": 10_000, "b": 15_000, "c": 6_300}  # fmt: skip
    assert omraader.crs.to_epsg() == tomter.crs.to_epsg() == 25832
    assert list(omraader["omraade_nr"]) == [1, 2]
    assert sorted(omraader["klasse"]) == ["bolig", "mulig"]  # the column is found, in a shapefile cut to 10 letters
    assert list(tomter["tomt_nr"]) == [1, 2, 3]
    owner = omraader.set_index("omraade_nr").geometry
    assert all(owner[nr].buffer(0.01).contains(lot) for nr, lot in zip(tomter["omraade_nr"], tomter.geometry,
                                                                      strict=True))  # fmt: skip
    assert account["planer"]["utelatt"]["ikke vedtatt"]["antall"] == 1
    assert account["planer"]["utelatt"]["uten planstatus"]["antall"] == 1
    assert account["areal"]["uten_teig_m2"] == pytest.approx(2_700)
    assert account["crs"] == "EPSG:25832"
    assert account["advarsler"] == []
    adds_up(account)
    json.dumps(account, allow_nan=False)


def test_zone_by_zone(tmp_path):
    differanse(order(tmp_path, valg=Valg(per_sone=True)))
    assert sorted(results(tmp_path)[0]["areal_m2"].round(2)) == [9_000, 10_000, 15_000]


def test_floors_and_width(tmp_path):
    differanse(order(tmp_path, valg=Valg(minste_omraade_m2=10_000, minste_tomt_m2=12_000)))
    omraader, tomter = results(tmp_path)
    assert len(omraader) == 1
    assert list(tomter["teig_id"]) == ["b"]
    strip = layer([place(0, 0, 1000, 5)])
    far = layer([place(5000, 0, 5001, 1)], planstatus=["3"])
    ask = order(tmp_path, soner=strip, planer=far, teiger=layer([place(0, -9, 1000, 9)], teig_id=["x"]))
    account = differanse(ask)
    assert account["areal"]["for_smale_m2"] == pytest.approx(5_000)
    assert differanse(replace(ask, valg=Valg(minste_bredde_m=0)))["tomter"]["ut"] == 1


def test_only_housing(tmp_path):
    account = differanse(order(tmp_path, kun_bolig=True))
    assert account["soner"]["utelatt"]["ikke bolig"] == {"antall": 1, "ider": ["2"]}
    omraader, _ = results(tmp_path)
    assert sorted(omraader["klasse"]) == ["bolig", "mulig"]
    assert differanse(order(tmp_path))["soner"]["ut"] == 3


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"arealformal": [1110, 1119, 1130]}, 2),
        ({"arealformal": [1110.0, float("nan"), 1130.0]}, 2),
        ({"arealformal": ["1110", "100", "110"]}, 1),
        ({"arealformal": ["1110", "100", "110"], "objekttype": ["KpArealformalOmrade"] + 2 * ["KpArealbrukOmråde"]}, 3),
        ({"arealformal": ["110", "130", "1110"], "objekttype": ["KpArealbrukOmråde", "KpArealbrukOmråde", "Tull"]}, 1),
        ({"arealformal": ["B", " 1110 ", "-"]}, 1),
        ({"arealformal": ["5210", "1110", "1110"]}, 2),
    ],
)
def test_housing_is_told_by_objekttype_and_code(tmp_path, columns, kept):
    assert differanse(order(tmp_path, soner=soner(**columns), kun_bolig=True))["soner"]["ut"] == kept


@pytest.mark.parametrize("status", [3, "3", 3.0, "Vedtatt", " vedtatt ", "3.0", "VEDTATT", "Endelig vedtatt arealplan"])
def test_adopted_however_it_is_written(tmp_path, status):
    assert differanse(order(tmp_path, planer=planer(planstatus=[status] * 4)))["planer"]["ut"] == 4


def test_no_other_status_settles(tmp_path):
    statuses = ["1", "Forslag", "33", "6"]
    account = differanse(order(tmp_path, planer=planer(planstatus=statuses)))["planer"]
    assert account["utelatt"] == {"ikke vedtatt": {"antall": 4, "ider": ["1", "2", "3", "4"]}}
    assert account["merknader"]["planstatus Forslag"] == 1
    statuses = [3.0, np.nan, 4.0, 3.0]
    account = differanse(order(tmp_path, planer=planer(planstatus=statuses)))["planer"]
    assert account["utelatt"]["uten planstatus"] == {"antall": 1, "ider": ["2"]}
    assert account["ut"] == 2


def test_plans_that_all_fall_out_are_warned_of(tmp_path):
    account = differanse(order(tmp_path, planer=planer(planstatus=["2"] * 4)))
    assert "none of the 4 plans counts" in account["advarsler"][0]


def test_without_a_status_column_all_plans_are_adopted_and_it_is_said(tmp_path):
    account = differanse(order(tmp_path, planer=planer()[["geometry"]][:2].assign(navn="x")))
    assert account["planer"]["ut"] == 2
    assert "no status column" in account["advarsler"][0]
    assert "navn" in account["advarsler"][0]


def test_tunnels_and_bridges_settle_nothing(tmp_path):
    level = planer(planstatus=["3"] * 4, vertikalnivå=[2, 2, 1, 3])
    account = differanse(order(tmp_path, planer=level))
    assert account["planer"]["utelatt"]["ikke på bakken"] == {"antall": 2, "ider": ["3", "4"]}
    assert account["areal"]["differanse_m2"] == pytest.approx(34_000)


def test_columns_of_other_names(tmp_path):
    ask = order(
        tmp_path,
        soner=soner().rename(columns={"arealformal": "FORM"}),
        planer=planer().rename(columns={"planstatus": "st"}),
        teiger=teiger().rename(columns={"teig_id": "nr"}),
        arealformal="form",
        planstatus="st",
        teig_id="nr",
        kun_bolig=True,
    )
    assert differanse(ask)["tomter"]["ut"] == 3
    refused(
        replace(ask, ut=tmp_path / "b", teig_id="teig_id"), "teiger.parquet", "'teig_id'", "nr", "--kolonne-teig-id"
    )
    refused(replace(ask, ut=tmp_path / "b", planstatus="status"), "planer.parquet", "'status'", "--kolonne-planstatus")
    refused(
        replace(ask, ut=tmp_path / "b", arealformal="arealformal"), "soner.parquet", "FORM", "--kolonne-arealformal"
    )


def test_ids_of_the_file_are_kept(tmp_path):
    ask = order(
        tmp_path,
        soner=soner(lokalId=["z1", "z2", None], planidentifikasjon=["K1", "K1", None], arealbruksstatus=[2, None, 1]),
        planer=planer(planidentifikasjon=[101, 102, 103, 104]),
        teiger=teiger(teig_id=[11, 12, 13], matrikkelenheter=[["46/1", "46/2"], [], ["47/1"]], tvist=[1, 0, None]),
    )
    account = differanse(ask)
    omraader, tomter = results(tmp_path)
    first = omraader.loc[omraader["areal_m2"].idxmax()]
    assert list(first["sone_ider"]) == ["z1", "z2"]
    assert list(first["plan_ider"]) == ["K1"]
    assert list(first["reguleringsplaner"]) == ["101"]
    assert first["arealstatus"] == "2"
    assert list(tomter["teig_id"]) == ["11", "12", "13"]
    assert [list(units) for units in tomter["matrikkelenheter"]] == [["46/1", "46/2"], [], ["47/1"]]
    assert list(tomter["har_tvist"]) == [True, False, False]
    assert account["soner"]["ider"]["uten sone_id"] == ["uten-id-3"]


def test_layers_of_one_file(tmp_path):
    path = tmp_path / "alt.gpkg"
    for name, frame in (("soner", soner()), ("planer", planer()), ("teiger", teiger())):
        frame.to_file(path, layer=name)
    ask = Bestilling(*(Lagfil(path, name) for name in ("soner", "planer", "teiger")), ut=tmp_path / "ut")
    assert differanse(ask)["tomter"]["ut"] == 3
    refused(replace(ask, planer=Lagfil(path), ut=tmp_path / "b"), "alt.gpkg", "soner, planer, teiger", "--lag-planer")


def test_its_own_results_are_never_its_input(tmp_path):
    differanse(order(tmp_path))
    ask = order(tmp_path)
    again = replace(ask, soner=Lagfil(tmp_path / "ut" / "differanse.parquet"))
    with pytest.raises(TomtError, match="would be overwritten"):
        differanse(again)
    assert differanse(replace(again, ut=tmp_path / "ut2"))["omraader"]["ut"] == 2


# --- geometry ---


def test_every_fault_of_geometry_is_counted(tmp_path):
    bowtie = shapely.Polygon([(EAST, NORTH), (EAST + 100, NORTH + 100), (EAST + 100, NORTH), (EAST, NORTH + 100)])
    with np.errstate(invalid="ignore"):
        hopeless = shapely.Polygon([(EAST, NORTH), (np.nan, NORTH), (EAST, NORTH + 9), (EAST, NORTH)])
        endless = shapely.Polygon([(EAST, NORTH), (np.inf, NORTH), (EAST, NORTH + 9), (EAST, NORTH)])
    mixed = shapely.GeometryCollection([place(1000, 0, 1100, 100), shapely.Point(0, 0)])
    tall = shapely.force_3d(place(2000, 0, 2100, 100), 7)
    odd = [bowtie, hopeless, endless, mixed, tall, shapely.Point(1, 1), shapely.Polygon(), None]
    account = differanse(order(tmp_path, soner=layer(odd, lokalId=list("abcdefgh")), planer=planer()[:0]))
    step = account["soner"]
    assert step["utelatt"]["uten flate"] == {"antall": 5, "ider": ["b", "c", "f", "g", "h"]}
    assert step["ider"]["reparert"] == ["a"]
    assert account["areal"]["soner_m2"] == pytest.approx(25_000)
    adds_up(account)
    assert not results(tmp_path)[0].has_z.any()


def test_teiger_of_one_id(tmp_path):
    halves = [place(0, 0, 100, 100), place(100, 0, 150, 100)]
    again = shapely.Polygon(list(reversed(halves[0].exterior.coords)))
    shapes = [*halves, again, place(150, 0, 300, 100), place(500, 0, 600, 100)]
    frame = layer(shapes, teig_id=["a", "a", "a", None, "c"], matrikkelenheter=["1/1", "1/2", "1/3", None, "2/1; 2/2"])
    account = differanse(order(tmp_path, teiger=frame))
    step = account["teiger"]
    assert step["utelatt"]["nøyaktig dobbel"] == {"antall": 1, "ider": ["a"]}
    assert step["utelatt"]["slått sammen med samme teig_id"] == {"antall": 1, "ider": ["a"]}
    assert step["ider"]["uten teig_id"] == ["uten-id-4"]
    _, tomter = results(tmp_path)
    assert dict(zip(tomter["teig_id"], tomter["areal_m2"].round(1), strict=True)) == {
        "a": 10_000, "uten-id-4": 15_000, "c": 9_000}  # fmt: skip
    assert sorted(list(units) for units in tomter["matrikkelenheter"]) == [[], ["1/1", "1/2", "1/3"], ["2/1", "2/2"]]
    adds_up(account)


def test_a_column_that_is_no_id_is_warned_of(tmp_path):
    account = differanse(order(tmp_path, teiger=teiger(kommune=["3207"] * 3), teig_id="kommune"))
    assert "is it the id of the teig" in account["advarsler"][0]


def test_twins_and_overlaps_are_noted(tmp_path):
    twice = gpd.pd.concat([soner(), soner()], ignore_index=True)
    over = gpd.pd.concat([teiger(), layer([place(100, 0, 200, 100)], teig_id=["d"])], ignore_index=True)
    account = differanse(order(tmp_path, soner=twice, teiger=over))
    assert account["soner"]["merknader"]["lik geometri"] == 3
    assert account["areal"]["differanse_m2"] == pytest.approx(34_000)
    assert account["areal"]["paa_flere_teiger_m2"] == pytest.approx(10_000)
    adds_up(account)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter_and_areas_add_up(tmp_path, seed):
    rng = np.random.default_rng(seed)

    def some(count: int, size: float) -> list:
        corners = rng.integers(0, 900, (count, 2))
        return [place(x, y, x + rng.integers(9, size), y + rng.integers(9, size)) for x, y in corners]

    frames = {
        "soner": layer(some(8, 300)),
        "planer": layer(some(8, 200), planstatus=rng.choice([2, 3], 8)),
        "teiger": layer(some(30, 300), teig_id=[str(i) for i in range(30)]),
    }
    account = differanse(order(tmp_path, **frames))
    omraader, tomter = results(tmp_path)
    adds_up(account)
    settled = frames["planer"].loc[frames["planer"]["planstatus"] == 3].union_all()
    wanted = frames["soner"].union_all().difference(settled).area
    assert account["areal"]["differanse_m2"] == pytest.approx(wanted, abs=1)
    assert omraader.union_all().intersection(settled).area < 1e-6
    turned = {name: frame.sample(frac=1, random_state=seed).reset_index(drop=True) for name, frame in frames.items()}
    differanse(order(tmp_path, **turned))
    again = results(tmp_path)
    assert sorted(again[0]["areal_m2"].round(3)) == sorted(omraader["areal_m2"].round(3))
    key = ["teig_id", "areal_m2"]
    assert again[1].round({"areal_m2": 3})[key].values.tolist() == tomter.round({"areal_m2": 3})[key].values.tolist()


def test_nothing_is_an_answer(tmp_path):
    everything = layer([place(-10, -10, 1000, 1000)], planstatus=["3"])
    account = differanse(order(tmp_path, planer=everything))
    omraader, tomter = results(tmp_path)
    assert len(omraader) == len(tomter) == 0
    assert {"omraade_nr", "areal_m2", "klasse", "sone_ider", "geometry"} <= set(omraader.columns)
    assert {"tomt_nr", "omraade_nr", "teig_id", "areal_m2", "geometry"} <= set(tomter.columns)
    assert omraader.crs.to_epsg() == tomter.crs.to_epsg() == 25832
    assert "no område" in account["advarsler"][-1]


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson"])
@pytest.mark.parametrize("empty", ["soner", "planer", "teiger"])
def test_a_file_without_rows(tmp_path, suffix, empty):
    frame = {"soner": soner, "planer": planer, "teiger": teiger}[empty]()[:0]
    account = differanse(order(tmp_path, suffix=suffix, **{empty: frame}))
    assert account[empty]["inn"] == 0
    assert account["advarsler"]
    assert account["areal"]["differanse_m2"] == pytest.approx({"soner": 0, "planer": 40_000, "teiger": 34_000}[empty])


def test_all_three_without_rows(tmp_path):
    account = differanse(order(tmp_path, soner=soner()[:0], planer=planer()[:0], teiger=teiger()[:0]))
    assert account["tomter"]["ut"] == 0
    assert account["crs"] == "EPSG:25832"


# --- CRS and places ---


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


def in_degrees(crs: str | int = 4326) -> dict[str, gpd.GeoDataFrame]:
    return {"soner": soner().to_crs(crs), "planer": planer().to_crs(crs), "teiger": teiger().to_crs(crs)}


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


# --- options and folders ---


@pytest.mark.parametrize(
    ("valg", "word"),
    [
        (Valg(minste_omraade_m2=-1), "--min-omraade"),
        (Valg(minste_tomt_m2=float("nan")), "--min-tomt"),
        (Valg(minste_bredde_m=float("inf")), "--min-bredde"),
        (Valg(traader=0), "--traader"),
    ],
)
def test_options_that_are_none(tmp_path, valg, word):
    refused(order(tmp_path, valg=valg), word)


def test_a_folder_that_cannot_be_one(tmp_path):
    (tmp_path / "fil").write_text("x")
    refused(replace(order(tmp_path), ut=tmp_path / "fil"), "--ut", "a file is in its place")
    refused(replace(order(tmp_path), ut=tmp_path / "fil" / "under"), "--ut", "a file is in its place")


def test_the_last_file_is_missed_before_the_first_is_read(tmp_path):
    ask = order(tmp_path)
    ask.soner.sti.write_bytes(b"tull")
    refused(replace(ask, teiger=Lagfil(tmp_path / "nei.gpkg")), "nei.gpkg", "no such file")


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    ask = order(tmp_path)
    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", full)
    refused(ask, "--ut", "No space left")


# --- the command ---


def tomt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", "differanse", *arguments],
        cwd=folder,
        env={**kept, "TOMT_ENV_FILE": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_prints_json_alone_and_progress_beside_it(tmp_path):
    order(tmp_path)
    files = ("--soner", "soner.parquet", "--planer", "planer.parquet", "--teiger", "teiger.parquet")
    done = tomt(tmp_path, *files, "--ut", "nytt/ut", "--traader", "2")
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["valg"]["traader"] == 2
    assert account["filer"]["tomter"] == "nytt/ut/tomter.parquet"
    assert "soner: soner.parquet, 3 rows" in done.stderr
    assert len(gpd.read_parquet(tmp_path / "nytt/ut/tomter.parquet")) == 3

    done = tomt(tmp_path, *files[:4], "--teiger", "nei.parquet", "--ut", "ut")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines()[-1] == "Error: nei.parquet: no such file."
    assert "Traceback" not in done.stderr


def test_the_command_helps(tmp_path):
    done = tomt(tmp_path, "--help")
    assert done.returncode == 0
    for word in ("--kun-bolig", "--min-omraade", "2000", "--kolonne-teig-id", "Example:", "> regnskap.json"):
        assert word in done.stdout
    assert tomt(tmp_path, "--soner", "a").returncode == 2
