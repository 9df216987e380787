"""`tomt differanse`: every fault of geometry, rows that belong together, and files without rows."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.differanse import differanse
from tests.flows.differanse_filer import (
    EAST,
    NORTH,
    adds_up,
    layer,
    order,
    place,
    planer,
    results,
    soner,
    teiger,
)


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


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
