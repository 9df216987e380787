"""Context fetched: what is not asked for again, what is kept of the rows, and what serves while a source is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.kilder import kilder
from tasks.answer import Answer, Empty, Failed, NotCovered, Provenance, Rows
from tasks.sources.fetch import fetch
from tasks.sources.gyldig import FILE
from tasks.sources.spool import Spool
from tasks.store import read_parquet

from .asking import AREA
from .conftest import Env, make_settings
from .kontekst_tjener import Flom, Vern, minne, minner, vern_row

# Layers that no other source brings in the sandbox.
LAG = """
[{navn}]
tema = "{tema}"
protokoll = "{protokoll}"
adresse = "{url}/{sti}"
lag = {lag}
prioritet = 1
tom_betyr = "tom"
lisens = "x"
"""
FLOM = {"navn": "flom", "tema": "stoy_fly", "protokoll": "wfs", "sti": "wfs", "lag": '["FlomAreal"]'}
VERN = {
    "navn": "vern",
    "tema": "forurenset_grunn",
    "protokoll": "arcgis",
    "sti": "vern/MapServer",
    "lag": '{ Naturvern = "0" }',
}
MINNER = {
    "navn": "minner",
    "tema": "strandsone",
    "protokoll": "ogc_features",
    "sti": "ra",
    "lag": '{ Enkeltminne = "enkeltminner" }',
}
POINT = {"type": "Point", "coordinates": [-120_000, 6_740_000]}


class Henter:
    """Fetches one layer of context from a server of the test."""

    def __init__(self, env: Env, folder: Path) -> None:
        self.upstream, _, self.geodata, self.kommune, self.limits = env
        self.folder = folder
        boundary = gpd.GeoDataFrame({"a": ["x"]}, geometry=[AREA], crs=25833)
        (spool := Spool(folder)).take(boundary)
        kept = Provenance(
            kilde="kartverket_grense",
            adresse="",
            hentet_tid="2026-01-01T00:00:00+00:00",
            antall_ventet=1,
            antall_mottatt=1,
            sha256="x",
            crs="EPSG:25833",
            lisens="x",
        )
        self.geodata.keep(spool, self.kommune.nummer, kept)

    def __call__(self, which: dict[str, str], *, paa_nytt: bool = False, mer: str = "", mal: str = LAG) -> Answer:
        path = self.folder / "egne.toml"
        path.write_text(mal.format(url=self.upstream.url, **which) + mer, encoding="utf-8")
        kilder.cache_clear()
        settings = make_settings(self.upstream.url, kilder=path)
        return fetch(
            self.kommune,
            which["tema"],
            settings=settings,
            geodata=self.geodata,
            limits=self.limits,
            paa_nytt=paa_nytt,
        )

    def remembered(self, which: dict[str, str]) -> Path:
        return self.geodata.raw_folder(which["navn"], self.kommune.nummer) / FILE

    def age(self, which: dict[str, str], days: float) -> None:
        """Let everything that a source has said be older."""
        folder, back = self.remembered(which).parent, timedelta(days=days)
        for path in (folder / FILE, folder / "sett.json"):
            if path.exists():
                said = json.loads(path.read_text())
                said["tid"] = (datetime.fromisoformat(said["tid"]) - back).isoformat()
                path.write_text(json.dumps(said))
        if (old := self.geodata.latest(which["navn"], self.kommune.nummer)) is not None:
            kept = self.geodata.provenance(old)
            moment = datetime.fromisoformat(kept.hentet_tid) - back
            (spool := Spool(self.folder)).take(gpd.GeoDataFrame(read_parquet(old)))
            seen = (folder / "sett.json").read_text()
            self.geodata.keep(spool, self.kommune.nummer, replace(kept, hentet_tid=moment.isoformat()))
            old.unlink()
            (folder / "sett.json").write_text(seen)


@pytest.fixture
def hent(env: Env, tmp_path: Path) -> Iterator[Henter]:
    yield Henter(env, tmp_path)
    kilder.cache_clear()


# --- not asked for again ---


def test_rows_serve_without_a_request_while_they_are_young(hent):
    hent.upstream.answer = service = Flom()
    first = hent(FLOM)
    assert isinstance(first, Rows)
    asked = len(service.asked)
    hent.age(FLOM, 6.9)
    again = hent(FLOM)
    assert isinstance(again, Rows)
    assert len(service.asked) == asked
    assert again.reserve is None
    seen = datetime.fromisoformat(again.sett_tid)
    assert timedelta(days=6.8) < datetime.now(UTC) - seen < timedelta(days=7)
    assert isinstance(hent(FLOM, paa_nytt=True), Rows)
    assert len(service.asked) > asked


def test_rows_are_asked_for_again_when_they_are_old(hent):
    hent.upstream.answer = service = Flom()
    hent(FLOM)
    asked = len(service.asked)
    hent.age(FLOM, 7.1)
    assert isinstance(hent(FLOM), Rows)
    assert len(service.asked) == asked + 2


def test_that_there_is_nothing_is_remembered_for_as_long(hent):
    hent.upstream.answer = service = Flom(())
    assert isinstance(hent(FLOM), Empty)
    asked = len(service.asked)
    hent.age(FLOM, 5)
    again = hent(FLOM)
    assert isinstance(again, Empty)
    assert f"{datetime.now(UTC) - timedelta(days=5):%Y-%m-%d}" in again.grunn
    assert len(service.asked) == asked
    hent.age(FLOM, 3)
    service.intervaller = ("20",)
    assert isinstance(hent(FLOM), Rows)


def test_another_question_is_asked_at_once(hent):
    hent.upstream.answer = service = Flom(())
    hent(FLOM)
    asked = len(service.asked)
    hent(FLOM, mer="rundt_m = 100\n")
    assert len(service.asked) > asked


@pytest.mark.parametrize("content", ["", "{", '{"tid": 1}', '{"tid": "2999-01-01T00:00:00+00:00", "svar": "Empty"}'])
def test_a_damaged_memory_is_none(hent, content):
    hent.upstream.answer = service = Flom(())
    hent(FLOM)
    hent.remembered(FLOM).write_text(content)
    asked = len(service.asked)
    assert isinstance(hent(FLOM), Empty)
    assert len(service.asked) > asked


# --- while a source is down ---


def test_nothing_serves_in_reserve_but_not_for_ever(hent):
    hent.upstream.answer = Flom(())
    hent(FLOM)
    hent.age(FLOM, 30)
    hent.upstream.answer = Flom(svar=(b"", "text/plain", 503))
    answer = hent(FLOM)
    assert isinstance(answer, Empty)
    assert "HTTP 503" in answer.grunn
    assert f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}" in answer.grunn
    hent.age(FLOM, 61)
    assert isinstance(hent(FLOM), Failed)


def test_rows_serve_in_reserve_with_their_age(hent):
    hent.upstream.answer = Flom()
    hent(FLOM)
    hent.age(FLOM, 30)
    hent.upstream.answer = Flom(svar=(b"<html><form>Logg inn</form></html>", "text/html", 200))
    answer = hent(FLOM)
    assert isinstance(answer, Rows)
    assert "an HTML page" in str(answer.reserve)
    assert datetime.now(UTC) - datetime.fromisoformat(answer.sett_tid) > timedelta(days=29)


def test_much_less_is_held_back_and_asked_for_again(hent):
    hent.upstream.answer = service = Flom(("20",) * 10)
    hent(FLOM)
    service.intervaller = ("20",) * 3
    answer = hent(FLOM, paa_nytt=True)
    assert isinstance(answer, Rows)
    assert answer.holdt is not None
    assert answer.antall == 10
    asked = len(service.asked)
    again = hent(FLOM)
    assert isinstance(again, Rows)
    assert again.holdt is not None
    assert len(service.asked) > asked


def test_nothing_where_there_were_rows_is_not_believed(hent):
    hent.upstream.answer = service = Flom()
    hent(FLOM)
    service.intervaller = ()
    answer = hent(FLOM, paa_nytt=True)
    assert isinstance(answer, Rows)
    assert answer.svar == "Empty"
    assert answer.holdt is not None


def test_what_another_layer_had_does_not_serve_in_its_place(hent):
    hent.upstream.answer = Flom()
    assert isinstance(hent(FLOM), Rows)
    hent.upstream.answer = Flom(svar=(b"", "text/plain", 503))
    assert isinstance(hent(FLOM, mer="rundt_m = 100\n"), Rows)  # the same source asked for more: in reserve
    for other in (FLOM | {"lag": '{ FlomAreal = "app:FlomAreal" }'}, FLOM | {"sti": "wfs2"}):
        assert isinstance(hent(other), Failed)


def test_nor_is_what_comes_of_a_layer_held_against_another(hent):
    hent.upstream.answer = Flom(("20",) * 10)
    hent(FLOM)
    hent.upstream.answer = Flom(("20",) * 3)
    answer = hent(FLOM | {"lag": '{ FlomAreal = "app:FlomAreal" }'})
    assert isinstance(answer, Rows)
    assert (answer.antall, answer.holdt) == (3, None)


def test_rows_do_not_serve_where_the_source_said_another_thing_last(hent):
    hent.upstream.answer = service = Flom()
    hent(FLOM)
    said = json.loads(hent.remembered(FLOM).read_text())
    hent.remembered(FLOM).write_text(json.dumps(said | {"svar": "Empty"}))
    asked = len(service.asked)
    assert isinstance(hent(FLOM), Rows)
    assert len(service.asked) > asked


# --- where rows lie, and which are kept ---


def test_rows_in_a_corner_of_the_box_are_rows_of_it(hent):
    hent.upstream.answer = Vern([vern_row(k) for k in (8, 9)])  # 300 m east of the kommune
    answer = hent(VERN, mer="rundt_m = 500\n")
    assert isinstance(answer, Rows)
    assert answer.antall == 2


def test_rows_outside_the_box_are_of_somewhere_else(hent):
    hent.upstream.answer = Vern([vern_row(90)])
    answer = hent(VERN)
    assert isinstance(answer, Failed)
    assert "none of 1 features touches" in answer.grunn


def test_only_what_the_filter_names_is_kept_and_counted(hent):
    rows = [minne(1, POINT), minne(2, POINT, "E-LOS"), minne(3, POINT, "e-ark ")]
    hent.upstream.answer = minner(rows)
    answer = hent(MINNER, mer='filter = { Enkeltminnekategori = ["E-ARK"] }\n')
    assert isinstance(answer, Rows)
    assert (answer.antall, answer.provenance.antall_ventet) == (2, 2)
    assert set(read_parquet(answer.path)["enkeltminnekategori"]) == {"E-ARK", "e-ark "}


ELLERS = 'filter_ellers = { enkeltminnekategori = ["E-BYG"] }\n'


@pytest.mark.parametrize("written", ["E-BYG", "e-byg - Bygning"])
def test_rows_that_are_known_to_be_left_out_are_nothing(hent, written):
    hent.upstream.answer = minner([minne(1, POINT, written), minne(2, POINT, "E-NYE")])
    assert isinstance(hent(MINNER, mer='filter = { enkeltminnekategori = ["E-ARK"] }\n' + ELLERS), Empty)


def test_rows_of_which_no_value_is_known_are_no_answer(hent):
    hent.upstream.answer = minner([minne(1, POINT, "Arkeologisk minne"), minne(2, POINT, "E-ARKIV")])
    answer = hent(MINNER, mer='filter = { enkeltminnekategori = ["E-ARK"] }\n' + ELLERS)
    assert isinstance(answer, Failed)
    assert "none of 2 rows has a known value of enkeltminnekategori" in answer.grunn
    assert "the values are: Arkeologisk minne, E-ARKIV." in answer.grunn
    assert "minner in your own file of sources (TOMT_KILDER)" in answer.grunn


def test_a_value_may_stand_with_its_name_or_a_false_fraction(hent):
    rows = [minne(1, POINT, "E-ARK - Arkeologisk minne"), minne(2, POINT, "200.0"), minne(3, POINT, "2000")]
    hent.upstream.answer = minner(rows)
    answer = hent(MINNER, mer='filter = { enkeltminnekategori = ["E-ARK", "200"] }\n')
    assert isinstance(answer, Rows)
    assert answer.antall == 2


def test_a_layer_that_is_missing_is_corrected_where_its_source_stands(hent):
    hent.upstream.answer = lambda h: h.json({"collections": [{"id": "annet"}]})
    answer = hent(MINNER)
    assert isinstance(answer, Failed)
    assert "Correct `lag` of minner in your own file of sources (TOMT_KILDER)." in answer.grunn
    assert [kilder()[name].fil for name in ("ra_kulturminner", "ssb_tettsteder", "nap_kommuneplan")] == [
        f"config/{name}.toml" for name in ("konflikter", "kontekst", "plankilder")
    ]


def test_a_filter_on_a_column_that_is_not_there_is_named(hent):
    hent.upstream.answer = minner([minne(1, POINT)])
    answer = hent(MINNER, mer='filter = { kategori = ["E-ARK"] }\n')
    assert isinstance(answer, Failed)
    assert "no column kategori to pick rows by; it has: enkeltminnekategori" in answer.grunn


def test_silence_that_says_nothing_is_not_covered_and_not_asked_for_again(hent):
    hent.upstream.answer = service = Flom(())
    assert isinstance(hent(FLOM), Empty)
    asked, silent = len(service.asked), LAG.replace('tom_betyr = "tom"\n', "")
    assert isinstance(hent(FLOM, mal=silent), NotCovered)
    assert len(service.asked) == (asked := asked + 2)
    assert isinstance(hent(FLOM, mal=silent), NotCovered)
    assert len(service.asked) == asked


def test_without_a_boundary_nobody_is_asked_for_the_whole_country(hent):
    hent.upstream.answer = service = Flom()
    for path in hent.geodata.raw_folder("kartverket_grense", hent.kommune.nummer).glob("*.parquet"):
        path.unlink()
    answer = hent(FLOM)
    assert isinstance(answer, Failed)
    assert "Fetch the boundary first" in answer.grunn
    assert not service.asked


def test_context_of_lines_and_points_is_kept_as_it_came(hent):
    line: dict[str, Any] = {"paths": [[[-120_000, 6_740_000], [-119_900, 6_740_000]]]}
    hent.upstream.answer = Vern([vern_row(1, line), vern_row(2, {"x": -120_000, "y": 6_740_000})])
    answer = hent(VERN)
    assert isinstance(answer, Rows)
    kept = gpd.GeoDataFrame(read_parquet(answer.path))
    assert kept.geom_type.to_list() == ["MultiLineString", "Point"]
    assert shapely.length(kept.geometry.iloc[0]) == 100
