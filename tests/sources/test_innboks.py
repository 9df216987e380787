"""The inbox: which files and layers are a theme's, what is said of the others, and what there is to do."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from tasks.errors import SourceError
from tasks.sources.refusal import NotHereError
from tests.sources.innboksdata import EAST, LIMITS, NORTH, OMRAADE, Innboks, written, zones

FORMS = ("gpkg", "shp", "geojson", "gdb", "fgb", "parquet", "gml")


@pytest.fixture
def inbox(tmp_path: Path) -> Innboks:
    box_ = Innboks(tmp_path)
    box_.folder.mkdir(parents=True)
    return box_


def refused(inbox: Innboks, *words: str, kind: type[SourceError] = SourceError) -> str:
    with pytest.raises(SourceError) as caught:
        inbox.read()
    said = str(caught.value)
    assert type(caught.value) is kind
    for word in words:
        assert word in said
    assert "\n" not in said
    assert str(inbox.mappe) not in said
    return said


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()
    }


# --- files ---


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows_and_nothing_is_written_beside(inbox, form):
    more = {"layer": "KpArealformålOmråde"} if form in {"gpkg", "gdb"} else {}
    written(zones(), inbox.folder / f"KpArealformålOmråde.{form}", **more)
    before = tree(inbox.folder)
    rows = inbox.read()
    assert tree(inbox.folder) == before
    assert Counter(rows["objekttypenavn"]) == {"KpArealformålOmråde": 3}
    assert sorted(rows["LOKALID"]) == ["00", "01", "02"]
    assert set(rows["KPAREALFORMAL"[: 10 if form == "shp" else None]]) == {"1110"}
    assert rows.area.round(6).tolist() == [200.0] * 3
    assert rows.crs.to_epsg() == 25833


def test_geopackage_in_wal_mode_is_read_without_a_trace(inbox):
    path = written(zones(), inbox.folder / "a.gpkg", layer="KpArealformålOmråde")
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode=WAL")
    before, meanwhile = tree(inbox.folder), []
    inbox.take = lambda _: meanwhile.append(tree(inbox.folder))
    inbox.read()
    assert [before, tree(inbox.folder)] == [*meanwhile, before]


def test_all_files_of_a_theme_are_taken_from_every_folder(inbox):
    written(zones(2), inbox.folder / "KpArealformålOmråde.gpkg")
    written(zones(3), inbox.folder / "fra kommunen" / "KpArealformålOmråde.shp")
    written(zones(4), inbox.folder / "Kommuneplaner" / "KpArealformålOmråde.geojson")
    assert len(inbox.read()) == 9


def test_a_folder_called_by_another_theme_is_left_alone(inbox):
    written(zones(2), inbox.folder / "kommunedelplan" / "KpArealformålOmråde.gpkg")
    (inbox.folder / "reguleringsplan").mkdir()
    (inbox.folder / "reguleringsplan" / "skadet.gpkg").write_bytes(b"SQLite format 3\0")
    (inbox.folder / "reguleringsplan" / "skadet.zip").write_bytes(b"PK")
    assert len(inbox.read()) == 2
    inbox.tema, inbox.lag = "reguleringsformaal", ("RpArealformålOmråde",)
    refused(inbox, "reguleringsplan/skadet")


@pytest.mark.parametrize("form", ["gpkg", "shp", "geojson", "gml", "parquet", "fgb"])
def test_a_file_that_was_cut_off_is_refused(inbox, form):
    path = written(zones(400), inbox.folder / f"KpArealformålOmråde.{form}")
    cut = path.with_suffix(".dbf") if form == "shp" else path
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * 0.7)])
    refused(inbox, f"innboks/3207/KpArealformålOmråde.{cut.suffix[1:]}")


def test_filegdb_with_a_table_cut_off_is_refused(inbox):
    path = written(zones(400), inbox.folder / "plan.gdb", layer="KpArealformålOmråde")
    table = max(path.glob("*.gdbtable"), key=lambda p: p.stat().st_size)
    table.write_bytes(table.read_bytes()[: table.stat().st_size // 2])
    refused(inbox, "innboks/3207/plan.gdb")


def test_a_file_that_changes_while_it_is_read_is_refused(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.geojson")

    inbox.take = lambda _: os.utime(path, ns=(1, 1))
    refused(inbox, "innboks/3207/KpArealformålOmråde.geojson ble endret mens den ble lest")


def test_files_larger_than_a_source_may_bring_are_refused(inbox):
    path = written(zones(), inbox.folder / "KpArealformålOmråde.gpkg")
    inbox.limits = replace(LIMITS, maks_bytes=path.stat().st_size - 1)
    refused(inbox, "KpArealformålOmråde.gpkg", "maks_bytes")


def test_a_link_out_of_the_inbox_is_not_followed(inbox, tmp_path):
    path = written(zones(), tmp_path / "ute" / "KpArealformålOmråde.gpkg")
    (inbox.folder / "lenke.gpkg").symlink_to(path)
    (inbox.folder / "mappe").symlink_to(path.parent, target_is_directory=True)
    refused(inbox, "innboks/3207/lenke.gpkg kan ikke leses: den er en lenke", "innboks/3207/mappe: den er en lenke")


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.fgb", "a.parquet"])
def test_a_file_is_what_its_name_says_or_refused(inbox, name):
    (inbox.folder / name).write_text("<OGRVRTDataSource><OGRVRTLayer name='KpOmråde'/></OGRVRTDataSource>")
    refused(inbox, f"Innboksen: innboks/3207/{name} kan ikke leses: den er ikke", "som navnet sier")


# --- nothing there ---


def test_no_folder_says_what_to_order_and_where_to_put_it(inbox):
    shutil.rmtree(inbox.folder)
    said = refused(inbox, "Nordre Follo", "geodata/innboks/3207/", "KpArealformålOmråde", kind=NotHereError)
    assert "GeoPackage" in said
    assert "EPSG:25833" in said


def test_the_registry_says_what_to_order(inbox):
    inbox.merknad = "Be om dette."
    refused(inbox, "Be om dette.", kind=NotHereError)


def test_documents_alone_are_named_and_no_failure(inbox):
    for name in ("bestemmelser.pdf", "kart.png", "arealer.xlsx"):
        (inbox.folder / name).write_bytes(b"x")
    refused(inbox, "innboks/3207/bestemmelser.pdf", "arealer.xlsx", "ikke kartdata", kind=NotHereError)


def test_a_file_of_another_theme_is_no_failure(inbox):
    written(zones(), inbox.folder / "RpOmråde.gpkg")
    refused(inbox, "innboks/3207/RpOmråde.gpkg: RpOmråde", kind=NotHereError)


@pytest.mark.parametrize(("name", "word"), [("a.sos", "SOSI"), ("a.dwg", ".dwg"), ("a.rar", "zip"), ("a.vrt", ".vrt")])
def test_what_may_hold_plans_and_cannot_be_read_is_a_failure(inbox, name, word):
    (inbox.folder / name).write_bytes(b".HODE\n")
    refused(inbox, f"innboks/3207/{name}", word, "GML", "GeoPackage", "EPSG:25833", "planstatus 3", "KpOmråde")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "plan.sos",
            b".HODE\n",
            "plan.sos kan ikke leses: den er SOSI, som ikke kan leses her. Be om GML eller GeoPackage",
        ),
        ("plan.dwg", b"AC1032", "plan.dwg kan ikke leses: den er .dwg"),
        ("del2.gml", b"", "del2.gml kan ikke leses: den er tom"),
        ("del2.gml", b"<a", "del2.gml kan ikke leses: den må rettes"),
        ("del2.gpkg", b"SQLite format 3\0", "del2.gpkg kan ikke leses: den må rettes"),
        ("del2.geojson", b"SQLite", "del2.geojson kan ikke leses: den er ikke geojson, som navnet sier"),
        ("del2.zip", b"PK", "del2.zip kan ikke leses: den må rettes"),
    ],
)
def test_what_cannot_be_read_stops_the_theme_also_beside_good_files(inbox, name, content, words):
    (inbox.folder / name).write_bytes(content)
    written(zones(), inbox.folder / "KpArealformålOmråde.gpkg")
    refused(inbox, f"Innboksen: innboks/3207/{words}", "ut av innboksen")
    (inbox.folder / name).unlink()
    assert len(inbox.read()) == 3


def test_layers_that_are_not_recognised_are_named_with_their_columns(inbox):
    frame = gpd.GeoDataFrame({"farge": ["gul"]}, geometry=[box(EAST, NORTH, EAST + 9, NORTH + 9)], crs=25833)
    written(frame, inbox.folder / "x.gpkg", layer="flater")
    refused(inbox, "Innboksen: ", "innboks/3207/x.gpkg: flater (farge)", "`lag`", "KpArealformålOmråde")


def test_an_unknown_layer_beside_known_ones_stops_the_theme(inbox):
    path = written(zones(), inbox.folder / "x.gpkg", layer="KpArealformålOmråde")
    written(zones(1).rename(columns=lambda c: c if c == "geometry" else f"x{c}"), path, layer="flater")
    refused(inbox, "Innboksen: ", "innboks/3207/x.gpkg: flater (xKPAREALFORMAL", "flytt filen ut av innboksen")


@pytest.mark.parametrize("layer", ["KpGrense", "RpPåskrift", "RbFareOmråde", "Teig"])
def test_a_layer_that_is_surely_no_plan_beside_known_ones_is_no_problem(inbox, layer):
    path = written(zones(), inbox.folder / "x.gpkg", layer="KpArealformålOmråde")
    written(gpd.GeoDataFrame({"farge": ["gul"]}, geometry=[OMRAADE], crs=25833), path, layer=layer)
    assert len(inbox.read()) == 3


def test_points_and_lines_of_anything_are_no_problem(inbox):
    path = written(zones(), inbox.folder / "x.gpkg", layer="KpArealformålOmråde")
    frame = gpd.GeoDataFrame({"navn": ["a"] * 300}, geometry=[OMRAADE.centroid] * 300, crs=25833)
    written(frame, path, layer="adresser")
    assert len(inbox.read()) == 3
    written(pd.concat([frame, frame.iloc[:1].set_geometry([OMRAADE])]), path, layer="blandet")
    refused(inbox, "x.gpkg: blandet (navn)")


def test_an_empty_layer_of_the_theme_is_an_answer(inbox):
    written(zones(0), inbox.folder / "x.gpkg", layer="KpArealformålOmråde", geometry_type="Polygon")
    assert len(inbox.read()) == 0


# --- layers ---


def test_the_registry_names_the_layer_or_the_file(inbox):
    inbox.lag = {"KpArealformålOmråde": "flater"}
    frame = zones().rename(columns={"KPAREALFORMAL": "a", "AREALST": "b", "PLANID": "c"})
    written(frame, inbox.folder / "x.gpkg", layer="Flater")
    written(frame, inbox.folder / "flater.geojson")
    assert set(inbox.read()["objekttypenavn"]) == {"KpArealformålOmråde"}
    assert len(inbox.tatt) == 2


def test_layers_are_recognised_by_their_columns(inbox):
    written(zones(), inbox.folder / "eksport.gpkg", layer="lag_0")
    assert set(inbox.read()["objekttypenavn"]) == {"KpArealformålOmråde"}


def test_a_layer_that_may_be_of_either_plan_needs_its_folder(inbox):
    frame = zones().rename(columns={"KPAREALFORMAL": "arealformål"}).drop(columns=["AREALST"])
    frame["arealformål"] = ["1110"] * 3
    written(frame, inbox.folder / "x.gpkg", layer="flater")
    refused(inbox, "x.gpkg: flater")
    (inbox.folder / "kommuneplan").mkdir()
    (inbox.folder / "x.gpkg").rename(inbox.folder / "kommuneplan" / "x.gpkg")
    assert set(inbox.read()["objekttypenavn"]) == {"KpArealformålOmråde"}


def test_rows_say_their_own_type_also_where_letters_are_destroyed(inbox, caplog):
    types = ["KpArealform?lOmr?de", "KpArealbrukOmråde", "RpOmråde", "KpJuridiskLinje", ""]
    frame = zones(5, OBJTYPE=types)
    written(frame, inbox.folder / "alt.gpkg", layer="KpArealformålOmråde")
    with caplog.at_level(logging.INFO):
        rows = inbox.read()
    assert "of other object types: RpOmråde 1, KpJuridiskLinje 1;" in caplog.text
    assert Counter(rows["objekttypenavn"]) == {"KpArealformålOmråde": 2, "KpArealbrukOmråde": 1}
    assert sorted(rows["LOKALID"]) == ["00", "01", "04"]


def test_a_type_deep_in_a_large_layer_is_found(inbox):
    frame = zones(500, OBJTYPE=["RpOmråde"] * 499 + ["KpOmråde"])
    written(frame, inbox.folder / "alt.gpkg", layer="alt")
    inbox.omraade = None
    assert inbox.read()["LOKALID"].tolist() == ["0499"]


def test_zero_stands_where_a_column_does_not_apply(inbox):
    frame = zones(2, KPAREALFORMAL=[1110, 0], OPLAREAL=[0, 110])
    written(frame, inbox.folder / "flater.gpkg", layer="flater")
    assert inbox.read()["objekttypenavn"].tolist() == ["KpArealformålOmråde", "KpArealbrukOmråde"]


def test_two_versions_of_a_plan_are_both_taken_and_told_of(inbox, caplog):
    written(zones(2), inbox.folder / "2022" / "KpArealformålOmråde.gpkg")
    written(zones(3), inbox.folder / "2026" / "KpArealformålOmråde.gpkg")
    written(zones(1, PLANID=["KDP1"]), inbox.folder / "kdp" / "KpArealformålOmråde.gpkg")
    with caplog.at_level(logging.WARNING):
        assert len(inbox.read()) == 6
    assert "2022/KpArealformålOmråde.gpkg and innboks/3207/2026/KpArealformålOmråde.gpkg" in caplog.text
    assert "KPA1" in caplog.text
    assert "KDP1" not in caplog.text


def test_the_same_file_twice_is_no_other_version(inbox, caplog):
    written(zones(2), inbox.folder / "a" / "KpArealformålOmråde.gpkg")
    written(zones(2).iloc[::-1], inbox.folder / "b" / "KpArealformålOmråde.shp")
    with caplog.at_level(logging.WARNING):
        assert len(inbox.read()) == 4
    assert "version" not in caplog.text


@pytest.mark.parametrize("form", ["gpkg", "gml"])
def test_columns_of_persons_are_never_handed_over(inbox, form):
    personal = {"EIER": ["Kari"] * 3, "SAKSBEHANDLER": ["Ola"] * 3, "e_post": ["a@b.no"] * 3}
    frame = zones(3, FORSLAGSSTILLERTYPE=["1"] * 3, EIERFORM=["1"] * 3, **personal)
    written(frame, inbox.folder / f"KpArealformålOmråde.{form}")
    rows = inbox.read()
    assert not {"EIER", "SAKSBEHANDLER", "e_post"} & set(rows.columns)
    assert {"FORSLAGSSTILLERTYPE", "EIERFORM"} <= set(rows.columns)


def test_values_become_text_without_false_fractions(inbox):
    frame = zones(
        2,
        KPAREALFORMAL=[1110.0, None],
        KOMM=["0301", "4601"],
        NR=[301, 4601],
        DATO=pd.to_datetime(["2011-06-16", None]),
        JA=[True, False],
    )
    written(frame, inbox.folder / "KpArealformålOmråde.gpkg")
    rows = inbox.read().sort_values("LOKALID")
    assert rows["KPAREALFORMAL"].tolist() == ["1110", None]
    assert rows["KOMM"].tolist() == ["0301", "4601"]
    assert rows["NR"].tolist() == ["301", "4601"]
    assert rows["DATO"].tolist()[0].startswith("2011-06-16")
    assert rows["DATO"].tolist()[1] is None
    assert rows["JA"].tolist() == ["true", "false"]
