"""Files of GIS users: every format, and everything that may be wrong with one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from shapely import box

from tasks.errors import SourceError
from tasks.sources import geoparquet, vektorfil
from tasks.sources.vektorfil import Kolonne, find_columns, listed

COLUMNS = (Kolonne("teig_id", ("teig_id", "teigId"), "--kolonne-teig-id", paakrevd=True), Kolonne("navn", ("navn",)))
FORMATS = ("parquet", "gpkg", "shp", "geojson", "gml", "fgb")


def rows(count: int = 3, crs: int | None = 25832) -> gpd.GeoDataFrame:
    shapes = [box(600_000 + 10 * i, 6_600_000, 600_009 + 10 * i, 6_600_020) for i in range(count)]
    return gpd.GeoDataFrame(
        {"teig_id": [f"0{i}" for i in range(count)], "annet": range(count)}, geometry=shapes, crs=crs
    )


def written(frame: gpd.GeoDataFrame, path: Path, **more: object) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, **more)
    else:
        frame.to_file(path, **more)
    return path


def refused(path: Path, *words: str, **more: object) -> str:
    with pytest.raises(SourceError) as caught:
        vektorfil.read(path, COLUMNS, **more)
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same(tmp_path, suffix):
    path = written(rows(), tmp_path / f"teiger.{suffix}")
    before = sorted(p.name for p in tmp_path.iterdir())
    read = vektorfil.read(path, COLUMNS)
    if suffix != "fgb":  # sorted on the Hilbert curve
        assert list(read.frame["teig_id"]) == ["00", "01", "02"]
    assert set(read.frame.columns) == {"teig_id", "geometry"}
    assert read.kolonner == {"teig_id": "teig_id"}
    assert "annet" in read.alle_kolonner
    assert read.crs.to_epsg() == 25832
    assert sorted(read.frame.area) == [180.0] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == before  # no .gfs beside the source


def test_numbers_of_gml_keep_their_zeros_without_a_schema(tmp_path):
    path = written(rows(), tmp_path / "teiger.gml")
    (tmp_path / "teiger.xsd").unlink()
    assert list(vektorfil.read(path, COLUMNS).frame["teig_id"]) == ["00", "01", "02"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_file_cut_off_is_refused(tmp_path, suffix, share):
    path = written(rows(200), tmp_path / f"teiger.{suffix}")
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    refused(path, "empty" if share == 0 else "Get the file anew")


@pytest.mark.parametrize("part", [".dbf", ".shx"])
def test_a_shapefile_without_all_its_parts(tmp_path, part):
    path = written(rows(200), tmp_path / "teiger[1].shp")
    assert len(vektorfil.read(path, COLUMNS).frame) == 200
    beside = path.with_suffix(part)
    with beside.open("r+b") as file:
        file.truncate(beside.stat().st_size // 2)
    with pytest.raises(SourceError, match="cut off"):
        vektorfil.read(path, COLUMNS)
    beside.unlink()
    refused(path, f"teiger[1]{part} is not beside it")


def test_gml_that_is_broken_in_the_middle(tmp_path):
    path = written(rows(50), tmp_path / "teiger.gml")
    text = path.read_text()
    path.write_text(text.replace("</gml:Polygon>", "", 1))
    refused(path, "no valid XML", "line")


def test_a_file_that_is_not_there_a_folder_sosi_and_something_else(tmp_path):
    refused(tmp_path / "nei.gpkg", "no such file")
    refused(tmp_path, "a folder")
    (tmp_path / "plan.SOS").write_text(".HODE\n")
    refused(tmp_path / "plan.SOS", "GML", "GeoPackage")
    (tmp_path / "bilde.gpkg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    refused(tmp_path / "bilde.gpkg", "no vector file")
    (tmp_path / "side.gml").write_text("<html><title>Logg inn</title></html>")
    refused(tmp_path / "side.gml", "no vector file")
    pd.DataFrame({"teig_id": ["1"]}).to_parquet(tmp_path / "tabell.parquet")
    refused(tmp_path / "tabell.parquet", "without geometry")
    pd.DataFrame({"teig_id": ["1"]}).to_csv(tmp_path / "tabell.csv")
    refused(tmp_path / "tabell.csv", "no layer with a geometry")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = written(rows(), tmp_path / "teiger.gpkg")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    refused(path, "Permission denied")


def test_several_layers_are_named(tmp_path):
    path = tmp_path / "alt.gpkg"
    for name in ("teiger", "grenser", "planer"):
        written(rows(), path, layer=name)
    refused(path, "3 layers: teiger, grenser, planer", "--lag-teiger", lag_opsjon="--lag-teiger")
    refused(path, "no layer 'nei'", "teiger, grenser, planer", lag="nei")
    assert vektorfil.read(path, COLUMNS, lag="teiger").lag == "teiger"
    refused(written(rows(), tmp_path / "t.parquet"), "no layers", lag="teiger")


def test_a_table_beside_the_layer_is_no_choice(tmp_path):
    path = written(rows(), tmp_path / "alt.gpkg", layer="teiger")
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), path, layer="tabell", append=True)
    assert vektorfil.read(path, COLUMNS).lag == "teiger"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_missing_column_names_those_there_are(tmp_path, suffix):
    path = written(rows().rename(columns={"teig_id": "ident"}), tmp_path / f"teiger.{suffix}")
    refused(path, "'teig_id'", "ident, annet", "--kolonne-teig-id")


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson", "fgb"])
def test_a_file_without_rows_needs_no_columns(tmp_path, suffix):
    path = written(
        rows()[:0].rename(columns={"teig_id": "ident"}),
        tmp_path / f"teiger.{suffix}",
        **({} if suffix == "parquet" else {"geometry_type": "Polygon"}),
    )
    assert len(vektorfil.read(path, COLUMNS).frame) == 0


def test_columns_are_found_whatever_their_case_and_nesting():
    names = ["TEIGID", "identifikasjon|lokalId", "arealformål", "Planstatus", "planstatus"]
    wanted = [Kolonne("a", ("teig_id",)), Kolonne("b", ("lokalId",)), Kolonne("c", ("nei", "arealformal")),
              Kolonne("d", ("planstatus",)), Kolonne("e", ("mangler",))]  # fmt: skip
    assert find_columns(names, wanted) == {
        "a": "TEIGID", "b": "identifikasjon|lokalId", "c": "arealformål", "d": "planstatus"}  # fmt: skip


def test_many_columns_are_cut_short():
    assert listed([str(i) for i in range(40)]).endswith("29 and 10 more")
    assert listed([]) == "none"


# --- GeoParquet ---


def with_geo(path: Path, **column: object) -> Path:
    table = pq.read_table(path)
    geo = json.loads(table.schema.metadata[b"geo"])
    described = geo["columns"][geo["primary_column"]]
    for key, value in column.items():
        if value is ...:
            described.pop(key, None)
        else:
            described[key] = value
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path)
    return path


def test_geoparquet_crs_unsaid_is_degrees_and_null_is_unknown(tmp_path):
    path = written(rows(), tmp_path / "t.parquet")
    assert vektorfil.read(with_geo(path, crs=...), COLUMNS).crs.to_authority() == ("OGC", "CRS84")
    assert vektorfil.read(with_geo(path, crs=None), COLUMNS).crs is None
    refused(with_geo(path, crs="tull"), "CRS cannot be understood")
    refused(with_geo(path, encoding=...), "metadata")


@pytest.mark.parametrize("geo", [b"{", b"[]", b'{"primary_column": "nei", "columns": {}}', b"null"])
def test_geoparquet_metadata_that_are_none(tmp_path, geo):
    path = written(rows(), tmp_path / "t.parquet")
    pq.write_table(pq.read_table(path).replace_schema_metadata({b"geo": geo}), path)
    refused(path, "metadata cannot be understood")


def test_geoparquet_in_another_encoding_and_column(tmp_path):
    frame = rows().rename_geometry("flate")
    path = written(frame, tmp_path / "t.parquet", geometry_encoding="geoarrow")
    read = vektorfil.read(path, COLUMNS)
    assert list(read.frame.area) == [180.0] * 3
    assert "flate" not in read.alle_kolonner


def test_geometry_that_cannot_be_read_is_none_and_known(tmp_path):
    path = written(rows(), tmp_path / "t.parquet")
    table = pq.read_table(path)
    wkb = [None, b"tull", table["geometry"][2].as_py()]
    broken = table.set_column(table.column_names.index("geometry"), "geometry", pa.array(wkb, pa.binary()))
    pq.write_table(broken.replace_schema_metadata(table.schema.metadata), path)
    read = vektorfil.read(path, COLUMNS)
    assert list(read.frame.geometry.isna()) == [True, True, False]
    assert list(read.uleselige) == [False, True, False]


def test_categories_and_lists_come_as_values(tmp_path):
    frame = rows().assign(teig_id=pd.Categorical(["a", "b", "a"]), navn=[["x"], [], None])
    read = vektorfil.read(written(frame, tmp_path / "t.parquet"), COLUMNS)
    assert list(read.frame["teig_id"]) == ["a", "b", "a"]
    assert list(read.frame["navn"].isna()) == [False, True, True]
    assert read.frame["navn"][0] == "x"
    several = (*COLUMNS[:1], Kolonne("navn", ("navn",), flere=True))
    assert list(vektorfil.read(read.fil, several).frame["navn"]) == [["x"], [], None]


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("batch_rows", [1, 2, 3, 1000])
def test_batches_come_in_order_whatever_their_size(tmp_path, monkeypatch, encoding, batch_rows):
    monkeypatch.setattr(geoparquet, "BATCH_ROWS", batch_rows)
    frame = rows(7).assign(teig_id=pd.Categorical([f"t{i % 3}" for i in range(7)]), navn=["a", None] * 3 + [None])
    path = written(frame, tmp_path / "t.parquet", geometry_encoding=encoding, row_group_size=4)
    with geoparquet.opened(path) as file:
        lengths = [len(wkb) for _, wkb in file.batches(["teig_id"])]
    assert sum(lengths) == 7
    assert max(lengths) <= batch_rows
    read = vektorfil.read(path, COLUMNS)
    assert list(read.frame["teig_id"]) == list(frame["teig_id"])
    assert list(read.frame["navn"].isna()) == list(frame["navn"].isna())
    assert list(read.frame.geometry) == list(frame.geometry)


def test_a_column_that_is_there_twice_counts_once(tmp_path):
    path = written(rows(), tmp_path / "t.parquet")
    table = pq.read_table(path)
    pq.write_table(table.append_column("teig_id", pa.array(["x", "y", "z"])), path)
    assert list(vektorfil.read(path, COLUMNS).frame["teig_id"]) == ["00", "01", "02"]
    one_for_both = (Kolonne("a", ("annet",)), Kolonne("b", ("annet",)))
    assert list(vektorfil.read(path, one_for_both).frame["b"]) == [0, 1, 2]


@pytest.mark.parametrize("values", [[1, 2, 3], ["a", "b", "c"], [{"x": 1.0}] * 3, [[b"a"], [], None]])
@pytest.mark.parametrize("encoding", ["WKB", "polygon", "tull"])
def test_geometry_that_is_not_what_the_metadata_say(tmp_path, values, encoding):
    path = written(rows(), tmp_path / "t.parquet")
    table = pq.read_table(path)
    odd = table.set_column(table.column_names.index("geometry"), "geometry", pa.array(values))
    pq.write_table(odd.replace_schema_metadata(table.schema.metadata), path)
    refused(with_geo(path, encoding=encoding), "Write it again")


def test_long_numbers_beside_gaps_keep_their_last_digits(tmp_path):
    path = written(rows().assign(teig_id=pd.array([2**53 + 1, None, 2**53], dtype="Int64")), tmp_path / "t.gpkg")
    assert list(vektorfil.read(path, COLUMNS).frame["teig_id"].dropna()) == [2**53 + 1, 2**53]


# --- odd geometry ---


def test_curves_become_short_straight_edges(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        'teig_id,WKT\n1,"CURVEPOLYGON(CIRCULARSTRING(0 0,10 0,10 10,0 10,0 0))"\n2,"POLYGON((0 0,10 0,10 10,0 0))"\n'
    )
    read = vektorfil.read(path, COLUMNS)
    assert list(read.frame.geom_type) == ["Polygon", "Polygon"]
    assert len(shapely.get_coordinates(read.frame.geometry[0])) > 90
    assert read.crs is None


def test_a_layer_with_a_tin_beside_it_can_be_named(shared):
    path = shared / "data" / "gml" / "KOMBINERT_avgr_pluss_TIN.gml"
    refused(path, "--lag-planer", lag_opsjon="--lag-planer")
    column = (Kolonne("vertikalnivaa", ("vertikalnivå",)),)
    read = vektorfil.read(path, column, lag="RpOmråde")
    assert len(read.frame)
    assert set(read.frame.geom_type) <= {"Polygon", "MultiPolygon"}
    with pytest.raises(SourceError, match="RpRegulertTerreng"):
        vektorfil.read(path, column, lag="RpRegulertTerreng")


@pytest.fixture
def shared(tmp_path) -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside this checkout")
    shutil.copytree(folder / "data" / "gml", tmp_path / "data" / "gml", ignore=shutil.ignore_patterns("*.gfs"))
    return tmp_path


def test_an_arc_that_is_none_does_not_lose_a_layer_in_silence(shared):
    refused(shared / "data" / "gml" / "gml.bue.1-fail.gml", "is damaged", lag="RpFormålGrense")
