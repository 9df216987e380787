"""Where the rows of an inbox lie: every CRS that municipalities use, and all that a file may say wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import shapely.affinity
from pyproj import Transformer

from tasks.errors import SourceError
from tests.sources.innboksdata import EAST, NORTH, Innboks, written, zones

GPKG_CRS = (25833, 25835, 4258, 5972, 3857)
"""Those that are read as gpkg every time; the others as shp, and each in both forms among the `long` tests."""


@pytest.fixture
def inbox(tmp_path: Path) -> Innboks:
    box_ = Innboks(tmp_path)
    box_.folder.mkdir(parents=True)
    return box_


def refused(inbox: Innboks, *words: str) -> None:
    with pytest.raises(SourceError) as caught:
        inbox.read()
    for word in words:
        assert word in str(caught.value)
    assert str(inbox.mappe) not in str(caught.value)


def geojson(inbox: Innboks, frame: gpd.GeoDataFrame, crs: str | None) -> Path:
    features = [
        {"type": "Feature", "properties": {"KPAREALFORMAL": "1110"}, "geometry": json.loads(shapely.to_geojson(shape))}
        for shape in frame.geometry
    ]
    body: dict[str, object] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        body["crs"] = {"type": "name", "properties": {"name": crs}}
    path = inbox.folder / "KpArealformålOmråde.geojson"
    path.write_text(json.dumps(body))
    return path


@pytest.mark.parametrize(
    ("form", "epsg"),
    [
        pytest.param(form, epsg, marks=() if (form == "gpkg") == (epsg in GPKG_CRS) else pytest.mark.long)
        for form in ("gpkg", "shp")
        for epsg in (25832, 25833, 25835, 4258, 4326, 5972, 5973, 3857, 5110)
    ],
)
def test_every_crs_of_the_right_datum_comes_out_in_the_same_place(inbox, epsg, form):
    written(zones(3, crs=epsg), inbox.folder / f"KpArealformålOmråde.{form}")
    rows = inbox.read()
    assert shapely.hausdorff_distance(rows.union_all(), zones().union_all()) < 0.01
    assert rows.area.sum() == pytest.approx(600.0, abs=0.01)


def test_heights_are_left_out(inbox):
    frame = zones()
    written(frame.set_geometry(shapely.force_3d(frame.geometry.array, 12.0)), inbox.folder / "KpArealformålOmråde.gpkg")
    assert not inbox.read().has_z.any()


@pytest.mark.parametrize("epsg", [23032, 27393])
def test_another_datum_is_not_exact_enough(inbox, epsg):
    written(zones(3, crs=epsg), inbox.folder / "KpArealformålOmråde.gpkg")
    refused(inbox, "innboks/3207/KpArealformålOmråde.gpkg", "not exact enough", "EPSG:25833")


@pytest.mark.parametrize("text", ["EPSG:25832", "25832\n", gpd.GeoSeries(crs=25832).crs.to_wkt("WKT1_ESRI")])
@pytest.mark.parametrize("form", ["gpkg", "shp"])
def test_a_missing_crs_is_asked_for_and_taken_from_a_prj(inbox, form, text):
    frame = zones(crs=25832).set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        written(frame, inbox.folder / f"KpArealformålOmråde.{form}")
    refused(inbox, "does not say which CRS", "KpArealformålOmråde.prj", "EPSG:25833")
    (inbox.folder / "KpArealformålOmråde.prj").write_text(text)
    assert shapely.hausdorff_distance(inbox.read().union_all(), zones().union_all()) < 0.01


def test_a_prj_without_sense_is_named(inbox):
    with pytest.warns(UserWarning, match="crs"):
        written(zones(crs=None), inbox.folder / "KpArealformålOmråde.gpkg")
    (inbox.folder / "KpArealformålOmråde.prj").write_text("sone 33")
    refused(inbox, "innboks/3207/KpArealformålOmråde.prj", "no CRS that is known")


def test_a_prj_in_other_characters_is_no_crash(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.shp")
    prj = path.with_suffix(".prj")
    prj.write_bytes(prj.read_bytes().replace(b"ETRS_1989_UTM_Zone_33N", b"ETRS_1989_\xe5"))
    refused(inbox, "innboks/3207/KpArealformålOmråde.shp")


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:EPSG::25833", "EPSG:25833", "http://www.opengis.net/def/crs/EPSG/0/25833"]
)
def test_geojson_says_its_crs_by_any_name(inbox, name):
    geojson(inbox, zones(), name)
    assert inbox.read().area.sum() == pytest.approx(600.0)


def test_geojson_without_crs_is_in_degrees_unless_its_numbers_are_metres(inbox):
    path = geojson(inbox, zones(crs=4326), None)
    assert inbox.read().area.sum() == pytest.approx(600.0, abs=0.01)
    geojson(inbox, zones(crs=25832), None)
    refused(inbox, path.name, "metres", ".prj")
    path.with_suffix(".prj").write_text("EPSG:25832")
    assert shapely.hausdorff_distance(inbox.read().union_all(), zones().union_all()) < 0.01


@pytest.mark.parametrize(("says", "holds", "word"), [(25833, 4326, "degrees"), (4326, 25833, "metres")])
def test_degrees_and_metres_under_the_others_name_are_told_apart(inbox, says, holds, word):
    geojson(inbox, zones(crs=holds), f"EPSG:{says}")
    refused(inbox, word, "bounds [", "EPSG:25833")


@pytest.mark.parametrize("epsg", [25833, 4258])
def test_swapped_axes_are_named(inbox, epsg):
    frame = zones(crs=epsg)
    turned = shapely.transform(frame.geometry.array, lambda xy: xy[:, ::-1])
    geojson(inbox, frame.set_geometry(turned, crs=epsg), f"EPSG:{epsg}")
    refused(inbox, "north stands before east", "bounds [")


def test_the_wrong_zone_does_not_touch_the_kommune(inbox):
    geojson(inbox, zones(crs=25832), "EPSG:25833")
    east = Transformer.from_crs(25833, 25832, always_xy=True).transform(EAST, NORTH)[0]
    refused(inbox, "berører 3207 Nordre Follo", str(round(east))[:4], "feil koordinatsystem")
    inbox.omraade = None
    assert len(inbox.read()) == 3


def test_one_row_that_touches_is_enough(inbox):
    far = [
        shape if row == 0 else shapely.affinity.translate(shape, 80_000) for row, shape in enumerate(zones().geometry)
    ]
    written(zones().set_geometry(far, crs=25833), inbox.folder / "KpArealformålOmråde.gpkg")
    assert len(inbox.read()) == 3


def test_rows_without_geometry_are_kept(inbox):
    frame = zones()
    frame.loc[1, "geometry"] = None
    written(frame, inbox.folder / "KpArealformålOmråde.gpkg")
    assert inbox.read().geometry.isna().sum() == 1
