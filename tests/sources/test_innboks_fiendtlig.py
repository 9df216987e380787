"""Files that would have something else read, or hide what they hold: nothing is fetched, and no neighbour lost."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from struct import pack

import pyarrow as pa
import pyogrio
import pytest

from tasks.errors import SourceError
from tasks.sources import personfelt
from tasks.sources.refusal import NotHereError
from tasks.sources.vektorverdi import as_text
from tests.sources.conftest import Upstream
from tests.sources.innboksdata import EAST, LIMITS, NORTH, Innboks, written, zones


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


def raw_geometry(path: Path, blob: bytes, row: int) -> None:
    """Write WKB as it is into a row of a GeoPackage."""
    with closing(sqlite3.connect(path)) as base:
        names = base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            base.execute(f'DROP TRIGGER "{name}"')
        head = b"GP\0\x01" + (25833).to_bytes(4, "little")
        base.execute('UPDATE "KpArealformålOmråde" SET geom = ? WHERE fid = ?', (head + blob, row))
        base.commit()


def curve() -> bytes:
    """A curve polygon of one circle: radius 10 m."""
    points = [(EAST, NORTH), (EAST + 20, NORTH), (EAST, NORTH)]
    arc = pack("<BII", 1, 8, 3) + b"".join(pack("<dd", *xy) for xy in points)
    return pack("<BII", 1, 10, 1) + arc


def test_curves_get_straight_edges(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.gpkg", geometry_type="Unknown")
    raw_geometry(path, curve(), 2)
    rows = inbox.read()
    assert rows.geometry.iloc[1].area == pytest.approx(314.16, abs=0.1)
    assert rows.geometry.iloc[0].area == pytest.approx(200.0)


def test_a_surface_of_triangles_does_not_hide_other_layers(inbox):
    path = written(zones(), inbox.folder / "plan.gpkg", layer="KpArealformålOmråde", geometry_type="Unknown")
    written(zones(1), path, layer="RpRegulertTerreng")
    with closing(sqlite3.connect(path)) as base:
        base.execute("UPDATE gpkg_geometry_columns SET geometry_type_name = 'TIN', z = 1 WHERE table_name LIKE 'Rp%'")
        base.execute("PRAGMA writable_schema=ON")
        base.execute("UPDATE sqlite_master SET sql = replace(sql, 'POLYGON', 'TIN') WHERE name LIKE 'Rp%'")
        base.commit()
    with pytest.raises(pyogrio.errors.GeometryError):
        pyogrio.list_layers(path)
    assert len(inbox.read()) == 3


def test_geometry_that_cannot_be_read_is_no_missing_row(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.gpkg", geometry_type="Unknown")
    raw_geometry(path, b"\x01\x03\x00\x00\x00\xff", 2)
    refused(inbox, "KpArealformålOmråde.gpkg")


def test_a_geopackage_made_of_other_files_is_refused(inbox):
    path = written(zones(), inbox.folder / "plan.gpkg", layer="KpArealformålOmråde")
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA writable_schema=ON")
        sql = "CREATE VIRTUAL TABLE hemmelig USING VirtualOGR('/etc/passwd')"
        base.execute("INSERT INTO sqlite_master VALUES ('table', 'hemmelig', 'hemmelig', 0, ?)", (sql,))
        base.commit()
    refused(inbox, "innboks/3207/plan.gpkg", "hemmelig", "something outside")


def test_a_geopackage_that_is_open_elsewhere_is_refused(inbox):
    path = written(zones(), inbox.folder / "plan.gpkg", layer="KpArealformålOmråde")
    path.with_name("plan.gpkg-wal").write_bytes(b"x" * 100)
    refused(inbox, "innboks/3207/plan.gpkg", "open in another program")


def test_nothing_is_fetched_to_read_a_file(inbox, upstream: Upstream):
    collection = (
        f'<OGRVRTDataSource><OGRVRTLayer name="KpOmråde"><SrcDataSource>/vsicurl/{upstream.url}/a.gpkg'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    for name in ("a.gml", "a.xml", "a.vrt", "a.gpkg"):
        (inbox.folder / name).write_text(collection)
        with pytest.raises(SourceError) if name != "a.xml" else pytest.raises(NotHereError):
            inbox.read()
        (inbox.folder / name).unlink()
    (inbox.folder / "a.gml").write_text(collection)
    links = [{"rel": "next", "href": f"{upstream.url}/items", "type": "application/geo+json"}]
    body = {"type": "FeatureCollection", "features": [], "links": links, "exceededTransferLimit": True}
    (inbox.folder / "a.geojson").write_text(json.dumps(body))
    written(zones(), inbox.folder / "KpArealformålOmråde.gml")
    path = inbox.folder / "KpArealformålOmråde.gml"
    text = path.read_text()
    path.write_text(text.replace("<ogr:FeatureCollection", f"<ogr:FeatureCollection a='{upstream.url}'", 1))
    path.with_suffix(".gfs").write_text(f"<GMLFeatureClassList><a>{upstream.url}</a></GMLFeatureClassList>")
    with pytest.raises(SourceError):
        inbox.read()
    (inbox.folder / "a.gml").unlink()
    inbox.read()
    assert upstream.asked == []


def test_entities_in_gml_are_refused(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.gml")
    secret = inbox.mappe / "hemmelig"
    secret.write_text("hemmelig innhold")
    text = path.read_text()
    start = text.index("<ogr:FeatureCollection")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>\n'
    path.write_text(text[:start] + doctype + text[start:].replace("KPA1", "&e;", 1))
    refused(inbox, "KpArealformålOmråde.gml")


def test_a_file_is_not_read_for_ever(inbox):
    written(zones(), inbox.folder / "KpArealformålOmråde.gpkg")
    inbox.limits = replace(LIMITS, sekunder_kilde=0.0)
    refused(inbox, "ble ikke lest innen 0 s", "sekunder_kilde")


def test_structures_and_lists_become_dotted_columns_and_json(inbox):
    frame = zones(2, lister=[["16"], ["16", "17"]], plan=[{"id": "KPA1", "eier": "Kari"}, {"id": None, "eier": "Ola"}])
    written(frame, inbox.folder / "KpArealformålOmråde.parquet")
    rows = inbox.read()
    assert rows["lister"].tolist() == ["16", '["16", "17"]']
    assert rows["plan.id"].tolist() == ["KPA1", None]
    assert "plan.eier" not in rows


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1.0, 1.5, float("nan"), None]), ["1", "1.5", None, None]),
        (pa.array([2**60 + 1, None]), [str(2**60 + 1), None]),
        (pa.array(["0301", ""]).dictionary_encode(), ["0301", ""]),
        (pa.array([b"x"]), None),
        (pa.array([None, None]), [None, None]),
        (pa.array([[1.0], [], None], pa.list_(pa.float64())), ["1", "[]", None]),
        (pa.array(["x", "[ 1, 2 ]", '"y"'], pa.json_()), ["x", "[1, 2]", "y"]),
        (pa.array([20_000], pa.date32()), ["2024-10-04"]),
        (pa.array([b"\xe5"]).cast(pa.binary()).view(pa.string()), ["å"]),
    ],
)
def test_every_type_has_a_text(column, expected):
    assert as_text(column) == expected


@pytest.mark.parametrize("name", ["EIER", "a.hjemmelshaver", "E-post", "SAKSBEHAND", "Telefon_1", "created_user"])
def test_names_of_persons_columns(name):
    assert personfelt.is_personal(name)


@pytest.mark.parametrize("name", ["tiltakshav", "created_us", "last_edite", "planforfat", "rettighets", "kontaktper"])
def test_names_of_persons_columns_as_a_shapefile_cuts_them(name):
    assert personfelt.is_personal(name)


@pytest.mark.parametrize("name", ["saksbehandler.navn", "eier1", "EIER_1", "eiere", "utarbeidetAv", "kontakt", "mobil"])
def test_every_part_of_a_name_is_looked_at(name):
    assert personfelt.is_personal(name)


@pytest.mark.parametrize("name", ["eierform", "forslagsstillerType", "FORSLAGSST", "plannavn", "feltnr", "EIERFORM1"])
def test_names_of_other_columns(name):
    assert not personfelt.is_personal(name)


def test_no_attribute_of_the_plan_model_is_taken_for_a_person():
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "codelists"
    files = sorted(folder.glob("nap_*_attributter.csv"))
    if not files:
        pytest.skip("needs ../shared/data/codelists")
    names = {
        row["attributt_flat"] for file in files for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    }
    assert len(names) > 30
    assert not {name for name in names if personfelt.is_personal(name) or personfelt.is_personal(name[:10])}


SQUARE = [[[10.8, 59.7], [10.81, 59.7], [10.81, 59.71], [10.8, 59.7]]]
GOOD = {
    "type": "Feature",
    "properties": {"arealformål": "1110"},
    "geometry": {"type": "Polygon", "coordinates": SQUARE},
}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "x",
        GOOD | {"type": "Featur"},
        GOOD | {"geometry": "POLYGON EMPTY"},
        GOOD | {"geometry": {"type": "Polygn", "coordinates": SQUARE}},
        GOOD | {"geometry": {"type": "Polygon", "coordinates": None}},
        GOOD | {"geometry": {"type": "Polygon", "coordinates": SQUARE[0]}},
        GOOD | {"geometry": {"type": "Polygon", "coordinates": [[["a", "b"], *SQUARE[0][1:]]]}},
        GOOD | {"properties": [1]},
    ],
)
def test_a_feature_of_geojson_that_is_none_is_refused(inbox, bad):
    path = inbox.folder / "KpArealformålOmråde.geojson"
    inbox.omraade = None
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [GOOD, GOOD | {"geometry": None}]}))
    assert len(inbox.read()) == 2
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [GOOD, bad]}))
    refused(inbox, "innboks/3207/KpArealformålOmråde.geojson", "GeoJSON", "2")


@pytest.mark.parametrize("text", ['{"type": "FeatureCollection", "features": [%s], "features": []}', "[%s]", "{%s} x"])
def test_geojson_that_says_two_things_is_refused(inbox, text):
    (inbox.folder / "KpArealformålOmråde.geojson").write_text(text % json.dumps(GOOD))
    refused(inbox, "innboks/3207/KpArealformålOmråde.geojson")
