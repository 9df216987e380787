"""`tomt differanse` with buildings and roads: cores worked out by hand, and everything that may be wrong with them.

Distances of regler.toml: a building's point 15 m, its outline 10 m, a road 4 m; width 6 m; floor 250 m². The opening
leaves (1 − π/4) × 3² = 1.93 m² of each right-angled corner; circles are polygons of 32 sides, 0.6 % smaller.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from flows.differanse import Lagfil, differanse
from tasks.errors import TomtError
from tests.flows.differanse_filer import (
    EAST,
    FORMATS,
    NORTH,
    adds_up,
    layer,
    order,
    place,
    planer,
    refused,
    results,
    soner,
    teiger,
    tomt,
    written,
)

CORNERS = 4 * (1 - np.pi / 4) * 3**2


def point(east: float, north: float) -> shapely.Point:
    return shapely.Point(EAST + east, NORTH + north)


HOUSE, OUTLINE = point(100, 50), place(220, 40, 230, 48)
"""In the middle of lot a; 10 m × 8 m in lot b."""
ROAD = place(553, -50, 557, 150)
"""Through lot c, 39 m of which are left on either side."""
WITHOUT = {"a": 10_000 - CORNERS, "b": 15_000 - CORNERS, "c": 6_300 - CORNERS}
HOUSED = {"a": WITHOUT["a"] - np.pi * 15**2, "b": WITHOUT["b"] - (80 + 360 + np.pi * 100), "c": WITHOUT["c"]}


def with_hindre(folder: Path, *, suffix: str = "parquet", **given: Any):
    """Return an order with the frames of `bygninger` and `veger` written as files."""
    named = {name: given.pop(name) for name in ("bygninger", "veger") if name in given}
    files = {name: Lagfil(written(frame, folder / f"{name}.{suffix}")) for name, frame in named.items()}
    return order(folder, suffix=suffix, **files, **given)


def cores(folder: Path) -> dict[str, float]:
    """Return teig_id → kjerne_m2, and see that the file of cores says the same."""
    _, tomter = results(folder)
    kjerner = gpd.read_parquet(folder / "ut" / "kjerner.parquet")
    has_one = tomter[tomter["kjerne_m2"] > 0].set_index("tomt_nr")
    assert kjerner.crs == tomter.crs
    assert list(kjerner["tomt_nr"]) == list(has_one.index)
    assert list(kjerner["areal_m2"]) == list(has_one["kjerne_m2"]) == pytest.approx(kjerner.area)
    assert all(lot.buffer(0.01).covers(core) for lot, core in zip(has_one.geometry, kjerner.geometry, strict=True))
    return dict(zip(tomter["teig_id"], tomter["kjerne_m2"], strict=True))


def test_without_obstacles_the_core_is_of_the_shape_alone(tmp_path):
    account = differanse(order(tmp_path))
    assert cores(tmp_path) == pytest.approx(WITHOUT, abs=0.5)
    assert account["kjerner"]["merknader"]["hindre ukjent"] == 3
    assert account["areal"]["kjerner_m2"] == pytest.approx(sum(WITHOUT.values()), abs=1)
    assert account["filer"]["kjerner"].endswith("kjerner.parquet")
    assert account["advarsler"] == []
    assert account["valg"]["kjerne"]["bygningspunkt_m"] == 15


@pytest.mark.parametrize("suffix", FORMATS)
def test_points_and_roads_in_every_format(tmp_path, suffix):
    account = differanse(with_hindre(tmp_path, suffix=suffix, bygninger=layer([HOUSE]), veger=layer([ROAD])))
    assert cores(tmp_path) == pytest.approx(WITHOUT | {"a": HOUSED["a"], "c": 39 * 70 - CORNERS}, abs=6)
    assert account["bygninger"]["merknader"] == {"kjent ved punkt": 1}
    assert (account["veger"]["inn"], account["veger"]["ut"]) == (1, 1)
    assert account["kjerner"]["merknader"]["hindre nær tomter"] == 2
    assert not {"hindre ukjent", "bygninger ukjent", "veger ukjent"} & set(account["kjerner"]["merknader"])
    assert account["filer"]["bygninger"]["rader"] == 1
    assert account["advarsler"] == []
    adds_up(account)
    json.dumps(account, allow_nan=False)


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson", "fgb"])
def test_points_and_outlines_in_one_file(tmp_path, suffix):
    account = differanse(with_hindre(tmp_path, suffix=suffix, bygninger=layer([HOUSE, OUTLINE])))
    assert cores(tmp_path) == pytest.approx(HOUSED, abs=6)
    assert account["bygninger"]["ut"] == 2
    assert account["kjerner"]["merknader"]["veger ukjent"] == 3


def test_roads_alone_leave_the_buildings_unknown(tmp_path):
    account = differanse(with_hindre(tmp_path, veger=layer([ROAD])))
    assert account["kjerner"]["merknader"]["bygninger ukjent"] == 3
    assert "veger ukjent" not in account["kjerner"]["merknader"]


def test_a_lot_without_a_core_says_why(tmp_path):
    everywhere = [point(x, y) for x in range(510, 610, 10) for y in range(0, 80, 10)]
    account = differanse(with_hindre(tmp_path, bygninger=layer(everywhere)))
    assert cores(tmp_path) == pytest.approx(WITHOUT | {"c": 0}, abs=0.5)
    number = results(tmp_path)[1].set_index("teig_id").loc["c", "tomt_nr"]
    assert account["kjerner"]["utelatt"] == {"ingen kjerne: for nær hindre": {"antall": 1, "ider": [str(number)]}}


def test_ids_are_those_of_the_file_and_one_that_comes_twice_is_noted(tmp_path):
    shapes = [HOUSE, point(1, 1), OUTLINE, shapely.Point()]
    account = differanse(with_hindre(tmp_path, bygninger=layer(shapes, bygningsnummer=[7, 7, None, 9])))
    assert account["bygninger"]["ider"] == {"samme id": ["7"], "uten hinder_id": ["uten-id-3"]}
    assert account["bygninger"]["utelatt"] == {"verken punkt eller flate": {"antall": 1, "ider": ["9"]}}
    assert cores(tmp_path)["b"] == pytest.approx(HOUSED["b"], abs=6)


# --- what may be wrong ---


def test_lines_are_counted_and_warned_of(tmp_path):
    middle = shapely.LineString([(EAST + 555, NORTH - 50), (EAST + 555, NORTH + 150)])
    several = shapely.MultiLineString([middle])
    account = differanse(with_hindre(tmp_path, veger=layer([middle, ROAD, several]), bygninger=layer([middle])))
    assert account["veger"]["utelatt"] == {"linje, ikke flate": {"antall": 2, "ider": ["1", "3"]}}
    assert (account["veger"]["inn"], account["veger"]["ut"]) == (3, 1)
    assert account["bygninger"]["utelatt"] == {"linje, ikke flate": {"antall": 1, "ider": ["1"]}}
    assert any("veger.parquet: 2 of 3 rows are lines" in text for text in account["advarsler"])
    assert cores(tmp_path)["c"] == pytest.approx(39 * 70 - CORNERS, abs=0.5)


def test_every_fault_of_geometry_is_counted(tmp_path):
    with np.errstate(invalid="ignore"):
        hopeless = [shapely.Point(np.nan, NORTH), shapely.Point(np.inf, NORTH)]
        hopeless.append(shapely.Polygon([(EAST, NORTH), (np.nan, NORTH), (EAST, NORTH + 9), (EAST, NORTH)]))
    bowtie = shapely.Polygon([(EAST, NORTH - 90), (EAST + 5, NORTH - 80), (EAST + 5, NORTH - 90), (EAST, NORTH - 80)])
    mixed = shapely.GeometryCollection([OUTLINE, point(0, 0)])
    odd = [*hopeless, None, shapely.Polygon(), shapely.force_3d(HOUSE, 7), bowtie, mixed]
    ask = with_hindre(tmp_path, bygninger=layer(odd), veger=layer([point(0, 0), ROAD]))
    account = differanse(ask)
    assert account["bygninger"]["utelatt"] == {
        "verken punkt eller flate": {"antall": 5, "ider": ["1", "2", "3", "4", "5"]}
    }
    assert account["bygninger"]["ider"]["reparert"] == ["7"]
    assert account["veger"]["utelatt"] == {"uten flate": {"antall": 1, "ider": ["1"]}}
    assert cores(tmp_path) == pytest.approx(HOUSED | {"c": 39 * 70 - CORNERS}, abs=6)
    # the same in the CRS of another zone, where every row is projected
    again = differanse(replace(ask, crs="25833", ut=tmp_path / "ut33"))
    assert again["bygninger"]["utelatt"] == account["bygninger"]["utelatt"]
    assert again["areal"]["kjerner_m2"] == pytest.approx(account["areal"]["kjerner_m2"], rel=2e-3)


def test_a_building_beyond_the_pole_is_counted(tmp_path):
    degrees = layer([HOUSE, OUTLINE]).to_crs(4326)
    beyond = gpd.GeoDataFrame(geometry=[shapely.Point(10, 91)], crs=4326)
    both = gpd.GeoDataFrame(gpd.pd.concat([degrees, beyond], ignore_index=True))
    account = differanse(with_hindre(tmp_path, bygninger=both, crs="25832"))
    assert account["bygninger"]["utelatt"] == {"kan ikke reprojiseres": {"antall": 1, "ider": ["3"]}}
    assert cores(tmp_path) == pytest.approx(HOUSED, abs=6)


@pytest.mark.parametrize(("name", "shape"), [("bygninger", HOUSE), ("veger", ROAD)])
def test_a_crs_that_is_none_or_another(tmp_path, name, shape):
    good = layer([shape])
    swapped = shapely.transform(good.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    wrong = {
        "no CRS": good.set_crs(None, allow_override=True),
        "EPSG:3857": good.to_crs(3857),
        "different CRS": good.to_crs(25833),
        "--crs 25832": good.to_crs(4326),
        "axes are swapped": good.set_geometry(gpd.GeoSeries(swapped, crs=25832)),
        "degrees, not metres": good.to_crs(4326).set_crs(25832, allow_override=True),
        "metres, not degrees": good.set_crs(4326, allow_override=True),
    }
    for said, frame in wrong.items():
        refused(with_hindre(tmp_path, **{name: frame}), f"{name}.parquet", said)
    assert differanse(with_hindre(tmp_path, **{name: good.to_crs(25833)}, crs="25832"))["advarsler"] == []


@pytest.mark.parametrize("suffix", ["parquet", "gpkg"])
def test_a_file_without_rows_keeps_nothing_clear(tmp_path, suffix):
    nothing = layer([HOUSE])[:0]
    account = differanse(with_hindre(tmp_path, suffix=suffix, bygninger=nothing, veger=nothing))
    assert cores(tmp_path) == pytest.approx(WITHOUT, abs=0.5)
    assert [text.split(": ")[1] for text in account["advarsler"]] == ["no rows"] * 2
    assert "hindre ukjent" not in account["kjerner"]["merknader"]


def test_rows_that_all_fall_out_and_those_far_away_are_warned_of(tmp_path):
    account = differanse(with_hindre(tmp_path, bygninger=layer([None]), veger=layer([place(90_000, 0, 90_009, 9)])))
    assert any("none of the 1 rows can be used" in text for text in account["advarsler"])
    assert any("no road meets a zone" in text for text in account["advarsler"])


def test_no_lots_have_no_cores(tmp_path):
    everything = layer([place(-10, -10, 1000, 1000)], planstatus=["3"])
    account = differanse(with_hindre(tmp_path, planer=everything, bygninger=layer([HOUSE])))
    assert cores(tmp_path) == {}
    assert account["areal"]["kjerner_m2"] == 0


def test_files_that_are_none(tmp_path):
    refused(order(tmp_path, bygninger=Lagfil(tmp_path / "nei.gpkg")), "nei.gpkg", "no such file")
    (tmp_path / "tull.gpkg").write_bytes(b"tull" * 100)
    refused(order(tmp_path, veger=Lagfil(tmp_path / "tull.gpkg")), "tull.gpkg")
    path = tmp_path / "alt.gpkg"
    for name in ("hus", "garasjer"):
        layer([HOUSE]).to_file(path, layer=name)
    refused(order(tmp_path, bygninger=Lagfil(path)), "alt.gpkg", "hus, garasjer", "--lag-bygninger")
    assert differanse(order(tmp_path, bygninger=Lagfil(path, "hus")))["bygninger"]["ut"] == 1
    with pytest.raises(TomtError, match="would be overwritten"):
        differanse(order(tmp_path, veger=Lagfil(tmp_path / "ut" / "kjerner.parquet")))


@pytest.mark.long
def test_the_command(tmp_path):
    for name, frame in (("soner", soner()), ("planer", planer()), ("teiger", teiger()), ("veger", layer([ROAD]))):
        written(frame, tmp_path / f"{name}.parquet")
    layer([HOUSE, OUTLINE]).to_file(tmp_path / "hus.gpkg", layer="hus")
    given = [f"--{name}={name}.parquet" for name in ("soner", "planer", "teiger", "veger")]
    done = tomt(tmp_path, *given, "--bygninger", "hus.gpkg", "--lag-bygninger", "hus", "--ut", "ut")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kjerner"]["ut"] == 3
    assert cores(tmp_path) == pytest.approx(HOUSED | {"c": 39 * 70 - CORNERS}, abs=6)

    done = tomt(tmp_path, *given, "--lag-bygninger", "hus", "--ut", "ut")
    assert done.returncode == 2
    assert "--bygninger, which is not given" in " ".join(done.stderr.split())
    help_text = " ".join(tomt(tmp_path, "--help").stdout.split())
    for word in ("--bygninger", "--veger", "--lag-veger", "kjerner.parquet"):
        assert word in help_text
