"""The plan services of the sandbox answer as the national copy does, down to its bad habits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import shape

from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.upstream import UpstreamServer
from tests.waiting import PATIENCE_S

AUTH = ("nap", "hemmelig æøå")
NAP = "/nap/services/rest"
UTM33 = "http://www.opengis.net/def/crs/EPSG/0/25833"
KPA = f"{NAP}/kommuneplaner/collections/kparealformalomrade/items"
VN2 = f"{NAP}/reguleringsplaner/vn2/collections/rpomrade/items"


@pytest.fixture(scope="module")
def server() -> Iterator[UpstreamServer]:
    with UpstreamServer(username=AUTH[0], password=AUTH[1]) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: UpstreamServer) -> Iterator[httpx.Client]:
    auth = httpx.BasicAuth(*AUTH)
    with httpx.Client(base_url=server.url, auth=auth, timeout=PATIENCE_S) as one:
        yield one


def pages(client: httpx.Client, url: str, **params: str) -> Iterator[dict]:
    answer = client.get(url, params=params).raise_for_status().json()
    while True:
        yield answer
        following = [link["href"] for link in answer["links"] if link["rel"] == "next"]
        if not following:
            return
        answer = client.get(following[0]).raise_for_status().json()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic bmFwOmZlaWw="},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer bmFwOmhlbW1lbGln"},
        {"Authorization": "Basic"},
    ],
)
def test_nap_wants_basic_auth(server: UpstreamServer, headers: dict[str, str]) -> None:
    for url in (KPA, f"{NAP}/kommuneplaner", f"{NAP}/reguleringsplaner/vn1/collections"):
        answer = httpx.get(server.url + url, headers=headers, timeout=PATIENCE_S)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.json()["code"] == "Unauthorized"


def test_collections_describe_themselves(client: httpx.Client) -> None:
    for service in ("kommuneplaner", "kommunedelplaner", *(f"reguleringsplaner/vn{n}" for n in range(1, 6))):
        landing = client.get(f"{NAP}/{service}").json()
        assert {link["rel"] for link in landing["links"]} == {"self", "conformance", "data"}
        assert "oppdiktede data" in landing["title"]
        assert any(uri.endswith("conf/crs") for uri in client.get(f"{NAP}/{service}/conformance").json()["conformsTo"])
        found = client.get(f"{NAP}/{service}/collections").json()["collections"]
        for one in found:
            assert {"id", "title", "extent", "crs", "storageCrs", "itemType", "links"} <= set(one)
            assert one["storageCrs"] == UTM33 in one["crs"]
            assert client.get(f"{NAP}/{service}/collections/{one['id']}").json() == one
            assert client.get(f"{NAP}/{service}/collections/{one['title']}").json() == one
        wanted = "KpOmråde" if service.startswith("kommune") else "RpOmråde"
        assert wanted in {one["title"] for one in found}


def test_pages_add_up(client: httpx.Client) -> None:
    params = {"kopidata.områdeId": "7002", "crs": UTM33, "limit": "9999"}
    found = list(pages(client, VN2, **params))
    assert [page["numberReturned"] for page in found[:2]] == [500, 500]
    ids = [feature["id"] for page in found for feature in page["features"]]
    assert (
        len(ids)
        == len(set(ids))
        == found[0]["numberMatched"]
        == len(invent("7002").plan["reguleringsplaner/vn2/RpOmråde"])
    )
    small = list(pages(client, VN2, **{"kopidata.områdeId": "0099", "limit": "7"}))
    assert sum(page["numberReturned"] for page in small) == small[0]["numberMatched"]
    first = client.get(VN2).json()
    assert first["numberReturned"] == len(first["features"]) == 10
    assert first["numberMatched"] == sum(len(invent(n).plan["reguleringsplaner/vn2/RpOmråde"]) for n in numre())


def test_answer_says_its_crs_and_time(client: httpx.Client) -> None:
    answer = client.get(KPA, params={"kopidata.områdeId": "0099", "crs": UTM33})
    assert answer.headers["Content-Crs"] == f"<{UTM33}>"
    assert answer.headers["Content-Type"].startswith("application/geo+json")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.json()["timeStamp"])
    plain = client.get(KPA, params={"kopidata.områdeId": "0099"})
    assert plain.headers["Content-Crs"] == "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>"


@pytest.mark.parametrize(("code", "swapped"), [("25832", False), ("25835", False), ("4258", True), ("4326", True)])
def test_coordinates_in_every_crs(client: httpx.Client, code: str, swapped: bool) -> None:
    params = {"kopidata.områdeId": "0099", "limit": "500"}
    stored = client.get(KPA, params=params | {"crs": UTM33}).json()["features"]
    url = f"http://www.opengis.net/def/crs/EPSG/0/{code}"
    moved = client.get(KPA, params=params | {"crs": url}).json()["features"]
    to = Transformer.from_crs(25833, int(code), always_xy=True)
    for a, b in zip(stored[:20], moved[:20], strict=True):
        x, y = to.transform(*a["geometry"]["coordinates"][0][0][:2])
        got = b["geometry"]["coordinates"][0][0][:2]
        assert (got[::-1] if swapped else got) == pytest.approx([x, y], abs=0.001)
    lonlat = client.get(KPA, params=params).json()["features"]
    x, y = shapely.get_coordinates(shape(lonlat[0]["geometry"]))[0]
    assert 3 < x < 5 < 59 < y < 61


def test_properties_nested_and_flat(client: httpx.Client) -> None:
    nested = client.get(KPA, params={"kopidata.områdeId": "0099"}).json()["features"][0]["properties"]
    assert nested["arealplanId"] == {
        "kommunenummer": "0099",
        "landkode": "NO",
        "planidentifikasjon": "0099_KPA2022",
    }
    assert nested["kopidata"]["områdeId"] == "0099"
    assert nested["objekttypenavn"] == "KpArealformålOmråde"
    assert isinstance(nested["arealformål"], str)
    flat = client.get(VN2, params={"kopidata.områdeId": "0099"}).json()["features"][0]["properties"]
    assert flat["arealplanId.kommunenummer"] == flat["kopidata.områdeId"] == "0099"
    assert (flat["planstatus"], flat["vertikalnivå"]) == ("3", "2")
    assert not [value for value in flat.values() if isinstance(value, dict)]


def test_heights_and_missing_geometries_arrive(client: httpx.Client) -> None:
    kommune = invent("0099")
    (high,) = kommune.traps["z_koordinat"].ids
    feature = client.get(KPA, params={"identifikasjon.lokalId": high, "crs": UTM33}).json()["features"][0]
    assert feature["geometry"]["coordinates"][0][0][2] == 12.5
    (null,) = kommune.traps["null_geometri"].ids
    (feature,) = client.get(VN2, params={"identifikasjon.lokalId": null}).json()["features"]
    assert feature["geometry"] is None
    assert client.get(f"{VN2}/{feature['id']}").json() == feature


def test_kommune_that_the_copy_does_not_hold(client: httpx.Client) -> None:
    answer = client.get(KPA, params={"kopidata.områdeId": "0301"})
    assert answer.status_code == 200
    assert (answer.json()["numberMatched"], answer.json()["features"]) == (0, [])


def test_bbox_narrows(client: httpx.Client) -> None:
    kommune = invent("7001")
    plan = kommune.plan["reguleringsplaner/vn2/RpOmråde"][5]["geometry"]
    box = ",".join(f"{v:.3f}" for v in plan.bounds)
    found = client.get(VN2, params={"bbox": box, "bbox-crs": UTM33, "crs": UTM33, "limit": "500"}).json()
    ids = {feature["id"] for feature in found["features"]}
    assert kommune.plan["reguleringsplaner/vn2/RpOmråde"][5]["id"] in ids
    assert 0 < found["numberMatched"] < 60


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "0"}, 400),
        ({"limit": "x"}, 400),
        ({"offset": "-1"}, 400),
        ({"crs": "EPSG:9999"}, 400),
        ({"crs": "http://www.opengis.net/def/crs/EPSG/0/3857"}, 400),
        ({"ukjent": "1"}, 400),
        ({"bbox": "1,2,3"}, 400),
        ({"bbox": "nan,2,3,4"}, 400),
    ],
)
def test_bad_parameters(client: httpx.Client, params: dict[str, str], status: int) -> None:
    answer = client.get(KPA, params=params)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "description"}


def test_unknown_collections_and_features(client: httpx.Client) -> None:
    for url in (f"{NAP}/kommuneplaner/collections/rpomrade", f"{NAP}/kommuneplaner/collections/x/items", f"{KPA}/1"):
        answer = client.get(url)
        assert answer.status_code == 404
        assert answer.json()["code"] == "NotFound"
