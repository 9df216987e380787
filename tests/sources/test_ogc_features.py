"""OGC API Features: the invented kommuner by number, by box and in degrees; pages and services of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyproj import Transformer

from config.registers import Kommune
from tasks.sandbox.kommune import invent
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources import ogc_features
from tasks.sources.limits import Limits

from .asking import AREA, Asking
from .conftest import CONTENT_CRS, Handler, Upstream, feature, square

Ask = Callable[..., Any]
UTM33 = "http://www.opengis.net/def/crs/EPSG/0/25833"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
VN2 = "/nap/services/rest/reguleringsplaner/vn2"


@pytest.fixture(scope="module")
def local() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="nap", password="hemmelig") as running:
        yield running


@pytest.mark.parametrize(
    "how",
    [
        {"kommunefelt": "kopidata.områdeId"},
        {},
        {"epsg": 4326},
        {"epsg": 25832},
        {"kommunefelt": "kopidata.områdeId", "epsg": 4258},
    ],
)
def test_the_kommune_by_its_number_and_by_its_box_in_any_crs(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path, how: dict[str, Any]
) -> None:
    ask = Asking(
        ogc_features.read, local.url + VN2, protokoll="ogc_features", lag=["RpOmråde", "RpArealformålOmråde"], **how
    )
    rows = ask(kommune, limits, tmp_path, area=invent("0099").grense)
    by_box = "kommunefelt" not in how
    expected = {
        o["properties"]["identifikasjon.lokalId"]: o["geometry"]
        for slag in ("RpOmråde", "RpArealformålOmråde")
        for o in invent("0099").plan[f"reguleringsplaner/vn2/{slag}"]
        if o["geometry"] is not None or not by_box
    }
    assert ask.said == len(rows) == len(expected)
    for lokal_id, shape in zip(rows["identifikasjon.lokalId"], rows.geometry, strict=True):
        wanted = expected[lokal_id]
        assert (shape is None) == (wanted is None)
        assert shape is None or shape.area == pytest.approx(wanted.area, abs=0.5)


class Service:
    """A service with one collection whose answers a test changes."""

    def __init__(self, *features: dict[str, Any], **described: Any) -> None:
        self.features = list(features)
        self.described = {"id": "rpomrade", "title": "RpOmråde"} | described
        self.common: dict[str, Any] = {}
        self.most = 2
        self.headers: dict[str, str] = dict(CONTENT_CRS)
        self.page: Callable[[dict[str, str], list[Any]], dict[str, Any]] = lambda _q, _f: {}
        self.asked: list[dict[str, str]] = []

    def __call__(self, handler: Handler) -> None:
        url = httpx.URL(handler.path)
        query = dict(url.params)
        if url.path.endswith("/collections"):
            return handler.json({"collections": [self.described]} | self.common)
        self.asked.append(query)
        start = int(query.get("offset", query.get("cursor", 0)))
        found = self.features[start : start + min(self.most, int(query.get("limit", 10)))]
        body = {"type": "FeatureCollection", "features": found} | self.page(query, found)
        return handler.json(body, **self.headers)


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Ask:
    def call(service: Service, *, fails: bool = False, area: Any = AREA, **kilde: Any) -> Any:
        upstream.answer = service
        asking = Asking(ogc_features.read, upstream.url, protokoll="ogc_features", lag=["RpOmråde"], **kilde)
        if fails:
            return asking.fails(kommune, limits, tmp_path)
        rows = asking(kommune, limits, tmp_path, area=area)
        return rows, asking.said

    return call


def test_limit_may_be_capped_without_a_word(ask: Ask) -> None:
    service = Service(*[feature(n) for n in range(5)])
    service.page = lambda _q, _f: {"numberMatched": 5}
    rows, said = ask(service)
    assert (len(rows), said) == (5, 5)
    assert [q["offset"] for q in service.asked] == ["0", "2", "4"]


@pytest.mark.parametrize("ends_with", ["no next", "empty page"])
def test_cursor_without_a_count(ask: Ask, upstream: Upstream, ends_with: str) -> None:
    service = Service(*[feature(n) for n in range(5)])

    def page(query: dict[str, str], found: list[Any]) -> dict[str, Any]:
        at = int(query.get("cursor", 0)) + len(found)
        more = found if ends_with == "empty page" else at < 5
        href = f"https://{upstream.url[7:].partition(':')[0]}:444/collections/rpomrade/items?cursor={at}&limit=2"
        return {"links": [{"rel": "self", "href": "x"}] + ([{"rel": "next", "href": href}] if more else [])}

    service.page = page
    rows, said = ask(service)
    assert (len(rows), said) == (5, None)
    cursors = [q.get("cursor") for q in service.asked]
    assert cursors == [None, "2", "4"] + (["5"] if ends_with == "empty page" else [])
    assert {a.headers["Host"] for a in upstream.asked} == {upstream.url[7:]}


def test_neither_count_nor_links_ends_on_an_empty_page(ask: Ask) -> None:
    service = Service(*[feature(n) for n in range(4)])
    rows, said = ask(service)
    assert (len(rows), said) == (4, None)
    assert [q["offset"] for q in service.asked] == ["0", "2", "4"]


def test_next_link_elsewhere_is_not_followed(ask: Ask, upstream: Upstream) -> None:
    service = Service(*[feature(n) for n in range(4)])
    elsewhere = [
        "http://evil.example/collections/rpomrade/items?cursor=3",
        f"{upstream.url}/admin?cursor=3",
        "http://[/",
    ]
    service.page = lambda _q, _f: {"numberMatched": 4, "links": [{"rel": "next", "href": h} for h in elsewhere]}
    rows, _ = ask(service)
    assert len(rows) == 4
    assert not [q for q in service.asked if "cursor" in q]


def test_same_page_for_ever_ends(ask: Ask) -> None:
    service = Service(feature(1))
    service.page = lambda _q, _f: {"links": [{"rel": "next", "href": "?offset=0"}]}
    assert "same page came twice" in ask(service, fails=True)
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("described", "common"),
    [({"crs": [CRS84]}, {}), ({"crs": ["#/crs"]}, {"crs": [CRS84]}), ({}, {"crs": [CRS84]})],
)
def test_a_service_in_degrees_alone_is_asked_in_degrees(
    ask: Ask, described: dict[str, Any], common: dict[str, Any]
) -> None:
    to = Transformer.from_crs(25833, 4326, always_xy=True)
    ring = [list(to.transform(x, y)) for x, y in square()["coordinates"][0]]
    service = Service(feature(1) | {"geometry": {"type": "Polygon", "coordinates": [ring]}}, **described)
    service.common = common
    service.headers = {"Content_Crs": f"<{CRS84}>"}
    rows, _ = ask(service)
    assert rows.geometry.iloc[0].area == pytest.approx(10_000, abs=0.5)
    assert rows.crs.to_epsg() == 25833
    assert "crs" not in service.asked[0]
    west, south, east, north = (float(v) for v in service.asked[0]["bbox"].split(","))
    assert 3 < west < east < 5
    assert 60 < south < north < 62
    assert "bbox-crs" not in service.asked[0]


def test_crs_and_box_as_the_collection_lists_them(ask: Ask) -> None:
    service = Service(feature(1), crs=[CRS84, UTM33])
    ask(service)
    assert service.asked[0]["crs"] == service.asked[0]["bbox-crs"] == UTM33
    assert [float(v) for v in service.asked[0]["bbox"].split(",")] == list(AREA.bounds)


@pytest.mark.parametrize("more", [{"kommuner": ["0301"]}, {"area": None}, {"kommunefelt": "kommunenummer"}])
def test_no_box_where_it_is_not_needed(ask: Ask, more: dict[str, Any]) -> None:
    service = Service(feature(1))
    ask(service, **more)
    assert "bbox" not in service.asked[0]
    assert service.asked[0].get("kommunenummer") == ("0099" if "kommunefelt" in more else None)


def test_format_is_named_as_the_services_own_link_does(ask: Ask) -> None:
    link = {"rel": "items", "type": "application/geo+json", "href": "/collections/rpomrade/items?f=geojson&lang=nb"}
    service = Service(feature(1), links=[{"rel": "items", "type": "text/html", "href": "?f=html"}, link])
    ask(service)
    assert (service.asked[0]["f"], "lang" in service.asked[0]) == ("geojson", False)
    plain = Service(feature(1))
    ask(plain)
    assert "f" not in plain.asked[0]


def test_filter_that_is_not_honoured(ask: Ask) -> None:
    service = Service(feature(1, kommunenummer="4601"))
    assert "got features of ['4601']" in ask(service, fails=True, kommunefelt="kommunenummer")


@pytest.mark.parametrize(
    ("shape", "said"),
    [(square(10.7, 59.9, 0.01), "outside Norway"), (square(6_740_000, -120_000), "swapped axes")],
)
def test_coordinates_that_lie_elsewhere(ask: Ask, shape: dict[str, Any], said: str) -> None:
    assert said in ask(Service(feature(1) | {"geometry": shape}), fails=True)


def test_object_type_is_the_rows_own_or_the_layers(ask: Ask) -> None:
    service = Service(feature(1), feature(2, objekttypenavn=None), feature(3, objekttypenavn=" "))
    rows, _ = ask(service)
    assert list(rows["objekttypenavn"]) == ["RpOmråde"] * 3


def test_missing_layer_names_those_that_are_there(ask: Ask) -> None:
    message = ask(Service(id="noe_annet", title="Annet"), fails=True)
    assert "the layers RpOmråde are missing; it has: noe_annet" in message


def test_a_count_of_the_page_alone_does_not_hide_the_next_page(ask: Ask) -> None:
    service = Service(*[feature(n) for n in range(7)])

    def page(query: dict[str, str], found: list[Any]) -> dict[str, Any]:
        at = int(query.get("cursor", 0)) + len(found)
        more = [{"rel": "next", "href": f"/collections/rpomrade/items?cursor={at}"}] if at < 7 else []
        return {"numberMatched": 2, "links": more}

    service.page = page
    assert "the source says 2 features, 4 came" in ask(service, fails=True)
    assert len(service.asked) == 2


@pytest.mark.parametrize("ids", [True, False])
def test_pages_that_overlap_are_refused_with_ids_and_without(ask: Ask, ids: bool) -> None:
    rows = [feature(n) for n in (0, 1, 1, 2)]
    for one in rows:
        if not ids:
            del one["id"]
    service = Service(*rows)
    service.page = lambda _q, _f: {"numberMatched": 4}
    assert "1 features came on two pages" in ask(service, fails=True)


def test_duplicates_of_the_source_with_ids_of_their_own_are_read(ask: Ask) -> None:
    service = Service(*[feature(n) for n in (0, 1)], feature(1) | {"id": 2}, feature(3))
    service.page = lambda _q, _f: {"numberMatched": 4}
    rows, said = ask(service)
    assert (len(rows), said) == (4, 4)


def test_ids_that_tell_nothing_apart_are_no_ids(ask: Ask) -> None:
    service = Service(*[feature(n) | {"id": 7} for n in range(4)])
    service.page = lambda _q, _f: {"numberMatched": 4}
    rows, _ = ask(service)
    assert len(rows) == 4
    service.features[2] = service.features[1]
    assert "came on two pages" in ask(service, fails=True)


@pytest.mark.parametrize(("today", "asked"), [(True, ["0099"]), (False, ["0099", "0098"])])
def test_earlier_numbers_are_asked_for_where_todays_gives_nothing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, today: bool, asked: list[str]
) -> None:
    monkeypatch.setattr("tasks.sources.asked.earlier_numbers", lambda *, sandbox: {"0098": ("0099",), "0097": ("1",)})
    rows = [feature(1, kommunenummer="0099" if today else "0098")]
    service = Service()

    def page(query: dict[str, str], _found: list[Any]) -> dict[str, Any]:
        found = [f for f in rows if f["properties"]["kommunenummer"] == query["kommunenummer"]]
        return {"features": found, "numberMatched": len(found)}

    service.page = page
    frame, said = ask(service, kommunefelt="kommunenummer")
    assert (len(frame), said) == (1, 1)
    assert [q["kommunenummer"] for q in service.asked] == asked


@pytest.mark.parametrize("shape", [square(10.7, 59.9, 0.01), square(6_740_000, -120_000)])
def test_one_row_that_is_turned_is_enough(ask: Ask, shape: dict[str, Any]) -> None:
    service = Service(*[feature(n) for n in range(4)], feature(5) | {"geometry": shape})
    service.most = 10
    assert "1 of 5 features lie in Norway only with swapped axes or in another unit" in ask(service, fails=True)
