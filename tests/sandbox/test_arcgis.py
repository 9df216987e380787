"""The ArcGIS services of the sandbox: descriptions, questions and refusals as ArcGIS gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import shapely

from tasks.sandbox.arcgis import PREFIX
from tasks.sandbox.arcgis_lag import TJENESTER
from tasks.sandbox.kommune import invent
from tasks.sandbox.upstream import UpstreamServer
from tests.waiting import PATIENCE_S

KP = f"{PREFIX}/Plan/Kommuneplan/MapServer"
RP = f"{PREFIX}/Plan/Reguleringsplaner_på_grunnen/MapServer"
HOSTED = f"{PREFIX}/Plandata/FeatureServer"
OPEN = [sti for sti, tjeneste in TJENESTER.items() if not tjeneste.lukket]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        UpstreamServer(username="nap", password="hemmelig") as running,
        httpx.Client(base_url=running.url, timeout=PATIENCE_S) as one,
    ):
        yield one


def get(client: httpx.Client, url: str, **params: str) -> dict[str, Any]:
    answer = client.get(url, params={"f": "json"} | params)
    assert answer.status_code == 200
    return answer.json()


def query(client: httpx.Client, url: str, **data: str) -> dict[str, Any]:
    answer = client.post(f"{url}/query", data={"f": "json", "where": "1=1"} | data)
    assert answer.status_code == 200
    return answer.json()


def test_folders_lead_to_every_service(client: httpx.Client) -> None:
    root = get(client, PREFIX)
    assert root["folders"] == ["Lukket", "Plan"]
    found = [f"{s['name']}/{s['type']}" for s in root["services"]]
    for folder in root["folders"]:
        found += [f"{s['name']}/{s['type']}" for s in get(client, f"{PREFIX}/{folder}")["services"]]
    assert sorted(found) == sorted(TJENESTER)


@pytest.mark.parametrize("sti", OPEN)
def test_layers_describe_themselves(client: httpx.Client, sti: str) -> None:
    about = get(client, f"{PREFIX}/{sti}")
    described = get(client, f"{PREFIX}/{sti}/layers")["layers"]
    assert [one["id"] for one in about["layers"]] == [one["id"] for one in described] == list(TJENESTER[sti].lag)
    for one in described:
        assert one == get(client, f"{PREFIX}/{sti}/{one['id']}")
        assert one["geometryType"] == "esriGeometryPolygon"
        assert one["objectIdField"] == "OBJECTID"
        assert all(field["name"].isascii() for field in one["fields"])
        rows = query(client, f"{PREFIX}/{sti}/{one['id']}", where="KOMM = '0099'")["features"]
        columns = {field["name"] for field in one["fields"]}
        assert rows
        assert all(set(row["attributes"]) == columns for row in rows)


def test_whether_the_kommune_is_a_number_or_text_depends_on_the_layer(client: httpx.Client) -> None:
    kinds = {lag: {f["name"]: f["type"] for f in get(client, f"{KP}/{lag}")["fields"]}["OMRADEID"] for lag in (0, 1)}
    assert kinds == {0: "esriFieldTypeInteger", 1: "esriFieldTypeString"}
    assert query(client, f"{KP}/0", where="OMRADEID = 99", returnCountOnly="true")["count"] == 6
    count = query(client, f"{KP}/1", where="OMRADEID IN ('0099','99')", returnCountOnly="true")["count"]
    plan = invent("0099").plan
    assert count == sum(len(plan[f"{s}/KpArealformålOmråde"]) for s in ("kommuneplaner", "kommunedelplaner"))
    for lag, wrong in ((0, "OMRADEID = '0099'"), (1, "OMRADEID = 99")):
        assert query(client, f"{KP}/{lag}", where=wrong)["error"]["code"] == 400


def test_pages_say_that_there_is_more(client: httpx.Client) -> None:
    asked = {"where": "OMRADEID = 99", "f": "geojson", "resultRecordCount": "2"}
    first = query(client, f"{KP}/0", **asked)
    last = query(client, f"{KP}/0", **asked, resultOffset="4")
    assert (first["exceededTransferLimit"], "exceededTransferLimit" in last) == (True, False)
    assert [len(p["features"]) for p in (first, last)] == [2, 2]
    hosted = query(client, f"{HOSTED}/4", where="KOMM = '0099'", f="geojson")
    ids = query(client, f"{HOSTED}/4", where="KOMM = '0099'", returnIdsOnly="true")["objectIds"]
    assert len(ids) == query(client, f"{HOSTED}/4", where="KOMM = '0099'", returnCountOnly="true")["count"]
    assert len(hosted["features"]) == min(len(ids), 200)
    assert "Pagination" in query(client, f"{HOSTED}/4", resultOffset="2")["error"]["message"]


def test_hosted_geojson_comes_in_degrees_whatever_is_asked_for(client: httpx.Client) -> None:
    asked = {"where": "OMRADEID = 99", "f": "geojson", "outSR": "25833"}
    x, y = query(client, f"{HOSTED}/0", **asked)["features"][0]["geometry"]["coordinates"][0][0][0]
    assert 3 < x < 5 < 59 < y < 61
    honest = query(client, f"{KP}/0", **asked)
    assert honest["crs"]["properties"]["name"] == "EPSG:25833"
    assert honest["features"][0]["geometry"]["coordinates"][0][0][0][0] < -100_000


def test_own_json_turns_outer_rings_clockwise(client: httpx.Client) -> None:
    rows = query(client, f"{RP}/44", where="KOMM = '0099'")["features"]
    rings = [row["geometry"]["rings"] for row in rows if "geometry" in row]
    assert len(rings) == len(rows) - 1  # one has no geometry
    assert not any(shapely.is_ccw(shapely.LinearRing(one[0])) for one in rings)
    assert {type(row["attributes"]["IKRAFT"]) for row in rows} == {float, type(None)}


def test_box_picks_what_it_meets(client: httpx.Client) -> None:
    plan = next(o for o in invent("0099").plan["reguleringsplaner/vn2/RpOmråde"] if o["geometry"] is not None)
    west, south, east, north = plan["geometry"].bounds
    box = f'{{"xmin":{west},"ymin":{south},"xmax":{east},"ymax":{north}}}'
    asked = {"geometry": box, "geometryType": "esriGeometryEnvelope", "inSR": "25833"}
    found = {row["attributes"]["OBJECTID"] for row in query(client, f"{RP}/44", **asked)["features"]}
    assert plan["id"] in found
    assert len(found) < 60


@pytest.mark.parametrize(
    ("url", "data", "code"),
    [
        (f"{PREFIX}/Lukket/Plandata/MapServer/0", {}, 499),
        (f"{PREFIX}/Finnes/ikke", {}, 404),
        (f"{KP}/9", {}, 404),
        (f"{KP}/0", {"where": "1=1; DROP TABLE plan"}, 400),
        (f"{KP}/0", {"where": "FINNES_IKKE = 1"}, 400),
        (f"{KP}/0", {"outSR": "3857"}, 400),
        (f"{KP}/0", {"resultOffset": "-1"}, 400),
        (f"{KP}/0", {"objectIds": "1,a"}, 400),
        (f"{KP}/0", {"geometry": "{", "geometryType": "esriGeometryEnvelope"}, 400),
        (f"{RP}/44", {"f": "geojson"}, 400),
        (f"{KP}/0", {"where": "1=1" + " " * 1_100_000}, 413),
    ],
)
def test_refusals_come_with_200(client: httpx.Client, url: str, data: dict[str, str], code: int) -> None:
    error = query(client, url, **data)["error"]
    assert error["code"] == code
    assert set(error) == {"code", "message", "details"}
