"""Context by each protocol: how few requests it takes, what must be proved all the same, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from config.registers import Kommune
from tasks.sources import arcgis, ogc_features, wfs
from tasks.sources.limits import Limits

from .asking import Asking
from .conftest import Handler, Upstream
from .kontekst_tjener import REFUSED, Flom, Vern, minne, minner, vern_row

LINE = (
    '<gml:LineString srsName="urn:ogc:def:crs:EPSG::25833"><gml:posList>{0} 6740000 {1} 6740100</gml:posList>'
    "</gml:LineString>"
)
CURVE = (
    '<gml:Curve srsName="urn:ogc:def:crs:EPSG::25833"><gml:segments><gml:LineStringSegment><gml:posList>'
    "{0} 6740000 {1} 6740000</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve>"
)
MULTI = (
    f'<gml:MultiCurve srsName="urn:ogc:def:crs:EPSG::25833"><gml:curveMember>{LINE}</gml:curveMember></gml:MultiCurve>'
)
ARC = (
    '<gml:Curve srsName="urn:ogc:def:crs:EPSG::25833"><gml:segments><gml:Arc><gml:posList>'
    "{0} 6740000 {1} 6740100 {0} 6740200</gml:posList></gml:Arc></gml:segments></gml:Curve>"
)
POINT = '<gml:Point srsName="urn:ogc:def:crs:EPSG::25833"><gml:pos>{0} 6740000</gml:pos></gml:Point>'


@pytest.fixture
def env(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> tuple[Kommune, Limits, Path]:
    return kommune, limits, tmp_path


def flom(upstream: Upstream, service: Flom, **kilde: Any) -> Asking:
    upstream.answer = service
    fixed: dict[str, Any] = {"protokoll": "wfs", "tema": "flom_faresone", "lag": ["FlomAreal"]}
    return Asking(wfs.read, f"{upstream.url}/wfs", **fixed | kilde)


def vern(upstream: Upstream, service: Vern, **kilde: Any) -> Asking:
    upstream.answer = service
    fixed: dict[str, Any] = {"protokoll": "arcgis", "tema": "naturvern", "lag": {"Naturvern": "0"}}
    return Asking(arcgis.read, f"{upstream.url}/vern/MapServer", **fixed | kilde)


# --- WFS ---


def test_a_type_takes_its_count_and_one_answer(upstream, env):
    asking = flom(upstream, service := Flom())
    assert asking(*env)["gjentaksintervall"].to_list() == ["20", "200", "1000"]
    assert service.asked == ["data", "antall"]
    box = "<gml:lowerCorner>-121300.0000000 6738700.0000000<"
    assert all("BBOX" in body and box in body for body in service.bodies)


def test_a_type_whose_answer_says_how_many_there_are_takes_one(upstream, env):
    asking = flom(upstream, service := Flom(sier=True))
    assert len(asking(*env)) == asking.said == 3
    assert service.asked == ["data"]
    assert "says 6 features, 4 came" in flom(upstream, Flom(tuple("123456"), mangler=2, sier=True)).fails(*env)


def test_what_came_before_a_count_that_fails_does_not_come_twice(upstream, env):
    service = Flom()
    count = Flom(svar=(REFUSED.encode(), "text/xml", 200))
    asking = flom(upstream, service)
    upstream.answer = lambda h: (count if b"hits" in h.server.asked[-1].body else service)(h)
    assert "Unknown feature type" in asking.fails(*env)
    assert service.asked == ["data"]


def test_the_box_is_as_much_wider_as_the_source_says(upstream, env):
    flom(upstream, service := Flom(), rundt_m=1000)(*env)
    assert "<gml:lowerCorner>-122300.0000000 6737700.0000000<" in service.bodies[0]
    assert "<gml:upperCorner>-117700.0000000 6742300.0000000<" in service.bodies[0]


def test_a_name_that_is_refused_is_looked_up_once_a_day(upstream, env):
    asking = flom(upstream, service := Flom(krever_prefiks=True))
    assert len(asking(*env)) == 3
    assert service.asked == ["data", "evner", "data", "antall"]
    assert 'typeNames="app:FlomAreal"' in service.bodies[-1]
    service.asked.clear()
    assert len(asking(*env)) == 3
    assert service.asked == ["data", "data", "antall"]


def test_nothing_is_believed_of_a_type_that_the_service_has(upstream, env):
    asking = flom(upstream, service := Flom(()))
    assert asking(*env).empty
    assert asking.said == 0
    assert service.asked == ["data", "antall", "evner"]


def test_nothing_is_not_believed_of_a_type_that_the_service_does_not_have(upstream, env):
    service = Flom((), navn="app:FlomArealer")
    service.refuses = lambda body: False  # it says 0 to any name
    assert "has no type FlomAreal" in flom(upstream, service).fails(*env)


def test_a_wrong_name_says_what_there_is(upstream, env):
    said = flom(upstream, Flom(), lag=["Flomareal2"]).fails(*env)
    assert "has no type Flomareal2, but app:FlomAreal" in said


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((REFUSED.encode(), "text/xml", 200), "Unknown feature type"),
        ((b"<!DOCTYPE html><html><body><form>Logg inn</form></body></html>", "text/html", 200), "an HTML page"),
        ((b"", "text/plain", 503), "HTTP 503"),
        ((b"", "text/plain", 401), "asks for a login"),
        ((b"", "text/plain", 404), "HTTP 404"),
        ((b"<a>" + b" " * 6_000_000 + b"</a>", "text/xml", 200), "more than 5000000 bytes"),
        ((b"<wfs:FeatureCollection xmlns:wfs='w' numberMatched='3'><wfs:mem", "text/xml", 200), "not valid XML"),
    ],
)
def test_what_is_no_answer_is_refused(upstream, env, answer, says):
    assert says in flom(upstream, Flom(svar=answer)).fails(*env)


def test_a_service_that_is_down_or_closed_is_not_asked_what_it_can(upstream, env):
    for status in (503, 401, 404):
        service = Flom(svar=(b"", "text/plain", status))
        flom(upstream, service).fails(*env)
        assert "evner" not in service.asked


def test_fewer_than_were_counted_are_refused(upstream, env):
    service = Flom(tuple("123456"), mangler=2)
    assert "says 6 features, 4 came" in flom(upstream, service).fails(*env)


def test_a_large_answer_is_read_past_the_ceiling_of_the_service(upstream, env):
    asking = flom(upstream, service := Flom(("20",) * 600, tak=500))
    assert len(asking(*env)) == 600
    assert service.asked == ["data", "antall", "evner", "data", "antall"]


def test_a_filter_is_asked_of_the_service_in_its_names(upstream, env):
    asking = flom(upstream, service := Flom(), filter={"gjentaksintervall": ["20", "200"]})
    assert asking(*env)["gjentaksintervall"].to_list() == ["20", "200"]
    assert service.asked == ["evner", "data", "antall"]
    assert "<fes:And><fes:Or><fes:PropertyIsEqualTo><fes:ValueReference>app:gjentaksintervall<" in service.bodies[-1]


@pytest.mark.parametrize(
    ("xml", "kind", "length"),
    [(LINE, "LineString", 141.42), (CURVE, "LineString", 100), (MULTI, "MultiLineString", 141.42), (POINT, "Point", 0)],
)
def test_lines_and_points_pass(upstream, env, xml, kind, length):
    rows = flom(upstream, Flom(("20",), geometri=xml))(*env)
    assert rows.geom_type.to_list() == [kind]
    assert rows.length.iloc[0] == pytest.approx(length, abs=0.01)


def test_an_arc_is_straightened(upstream, env):
    rows = flom(upstream, Flom(("20",), geometri=ARC))(*env)
    assert rows.geom_type.to_list() == ["LineString"]
    assert rows.length.iloc[0] == pytest.approx(shapely.Point(0, 0).buffer(100, 200).length / 2, rel=1e-3)


def test_a_polygon_of_many_corners_is_read_whole(upstream, env):
    angle = np.linspace(0, 2 * np.pi, 120_000, endpoint=False)
    ring = np.column_stack([-120_000 + 500 * np.cos(angle), 6_740_000 + 500 * np.sin(angle)])
    ring = np.vstack([ring, ring[:1]])
    corners = " ".join(f"{v:.3f}" for v in ring.ravel())
    xml = Flom().geometri.replace("{0} 6740000 {1} 6740000 {1} 6740100 {0} 6740100 {0} 6740000", corners)
    rows = flom(upstream, Flom(("20",), geometri=xml))(*env)
    assert shapely.get_num_coordinates(rows.geometry.iloc[0]) == len(ring)


# --- ArcGIS ---


def test_a_layer_takes_its_count_and_one_page(upstream, env):
    asking = vern(upstream, service := Vern([vern_row(1), vern_row(2)]), rundt_m=500)
    rows = asking(*env)
    assert rows["verneform"].to_list() == ["Naturreservat"] * 2
    assert rows.area.to_list() == [10_000] * 2
    assert service.asked == ["antall", "data"]
    assert '"xmin": -121800.0' in service.questions[0]["geometry"]
    assert asking.said == 2


def test_a_layer_of_nothing_takes_its_count(upstream, env):
    asking = vern(upstream, service := Vern([]))
    assert asking(*env).empty
    assert asking.said == 0
    assert service.asked == ["antall"]


def test_a_layer_that_does_not_fit_one_page_is_paged_and_counted_again(upstream, env):
    asking = vern(upstream, service := Vern([vern_row(k) for k in range(5)], flest=3))
    assert len(asking(*env)) == 5
    assert service.asked == ["antall", "data", "lag", "antall", "data", "data", "antall"]


def test_the_same_row_twice_is_no_answer(upstream, env):
    service = Vern([vern_row(1), vern_row(2)], dobbelt=True)
    assert "the same object ids came twice" in vern(upstream, service).fails(*env)


def test_fewer_rows_than_counted_are_refused(upstream, env):
    assert "says 3 features, 2 came" in vern(upstream, Vern([vern_row(1), vern_row(2)], teller=3)).fails(*env)


def test_a_filter_is_asked_of_the_layer(upstream, env):
    rows = [vern_row(1), vern_row(2, verneform="Nasjonalpark")]
    asking = vern(upstream, service := Vern(rows), filter={"VERNEFORM": ["Nasjonalpark"]})
    assert asking(*env)["verneform"].to_list() == ["Nasjonalpark"]
    assert service.questions[1]["where"] == "verneform = 'Nasjonalpark'"


def test_polylines_and_points_of_a_layer_pass(upstream, env):
    line = {"paths": [[[-120_000, 6_740_000], [-119_900, 6_740_000]]]}
    rows = vern(upstream, Vern([vern_row(1, line), vern_row(2, {"x": -120_000, "y": 6_740_000})]))(*env)
    assert rows.geom_type.to_list() == ["MultiLineString", "Point"]
    assert rows.length.to_list() == [100, 0]


def test_a_layer_that_is_not_there_is_refused(upstream, env):
    assert "Invalid URL" in vern(upstream, Vern([]), lag={"Naturvern": "7"}).fails(*env)


# --- OGC API Features ---


def test_a_collection_takes_two_requests_and_has_lines_and_points(upstream, env):
    line = {"type": "LineString", "coordinates": [[-120_000, 6_740_000], [-119_900, 6_740_000]]}
    point = {"type": "Point", "coordinates": [-120_000, 6_740_000]}
    upstream.answer = minner([minne(1, line), minne(2, point)])
    asking = Asking(
        ogc_features.read,
        f"{upstream.url}/ra",
        protokoll="ogc_features",
        lag={"Enkeltminne": "enkeltminner"},
        rundt_m=100,
    )
    rows = asking(*env, tema="kulturminner")
    assert rows.geom_type.to_list() == ["LineString", "Point"]
    assert [one.path.partition("?")[0] for one in upstream.asked] == [
        "/ra/collections",
        "/ra/collections/enkeltminner/items",
    ]
    assert "bbox=-121400" in upstream.asked[1].path


@pytest.mark.parametrize(("listed", "boxes"), [([], 2), (["http://www.opengis.net/def/crs/EPSG/0/25833"], 1)])
def test_nothing_in_a_box_of_a_crs_that_is_not_listed_is_asked_for_in_degrees(upstream, env, listed, boxes):
    def answer(h: Handler) -> None:  # reads every box as degrees
        if h.path.endswith("/collections"):
            h.json({"collections": [{"id": "enkeltminner", "crs": listed}]})
        else:
            point = {"type": "Point", "coordinates": [3.7, 60.3]}
            inside = "bbox-crs" not in h.path
            found = [minne(1, point)] if inside else []
            h.json({"type": "FeatureCollection", "features": found, "numberMatched": len(found)})

    upstream.answer = answer
    asking = Asking(
        ogc_features.read, f"{upstream.url}/ra", protokoll="ogc_features", lag={"Enkeltminne": "enkeltminner"}
    )
    rows = asking(*env, tema="kulturminner")
    assert len(upstream.asked) == 1 + boxes
    assert len(rows) == boxes - 1  # believed where the service lists the CRS
    if not listed:
        assert "bbox=3." in upstream.asked[-1].path
        assert 0 < rows.geometry.iloc[0].y - 6_700_000 < 100_000
