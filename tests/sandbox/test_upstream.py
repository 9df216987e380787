"""The local sources answer over HTTP as the real services do, down to their bad habits."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyogrio
import pytest
import shapely
from lxml import etree
from owslib.wfs import WebFeatureService
from pyproj import Transformer
from shapely.geometry import shape

from tasks.sandbox.gml import APP
from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.teig_wfs import PATH
from tasks.sandbox.upstream import UpstreamServer
from tasks.sandbox.wfs import Quirks
from tests.ports import spare_ports
from tests.waiting import PATIENCE_S

AUTH = ("nap", "hemmelig æøå")
NAP = "/nap/services/rest"
UTM33 = "http://www.opengis.net/def/crs/EPSG/0/25833"
KPA = f"{NAP}/kommuneplaner/collections/kparealformalomrade/items"
VN2 = f"{NAP}/reguleringsplaner/vn2/collections/rpomrade/items"
REAL_TEIG = Path(__file__).parents[2].parent / "shared" / "data" / "real" / "teig_wfs_bergen_4601_167.xml"
FILTER = (
    '<fes:Filter xmlns:fes="http://www.opengis.net/fes/2.0" xmlns:app="{app}"><fes:PropertyIsEqualTo>'
    "<fes:ValueReference>{name}</fes:ValueReference><fes:Literal>{value}</fes:Literal>"
    "</fes:PropertyIsEqualTo></fes:Filter>"
)


@pytest.fixture(scope="module")
def server() -> Iterator[UpstreamServer]:
    with UpstreamServer(username=AUTH[0], password=AUTH[1]) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: UpstreamServer) -> Iterator[httpx.Client]:
    auth = httpx.BasicAuth(*AUTH)
    with httpx.Client(base_url=server.url, auth=auth, timeout=PATIENCE_S) as one:
        yield one


def fes(value: str, name: str = "app:kommunenummer") -> str:
    return FILTER.format(app=APP, name=name, value=value)


def get_feature(**more: str) -> dict[str, str]:
    return {"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typeNames": "app:Teig"} | more


def pages(client: httpx.Client, url: str, **params: str) -> Iterator[dict]:
    answer = client.get(url, params=params).raise_for_status().json()
    while True:
        yield answer
        following = [link["href"] for link in answer["links"] if link["rel"] == "next"]
        if not following:
            return
        answer = client.get(following[0]).raise_for_status().json()


# --- NAP -------------------------------------------------------------------------------------------------------


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


# --- Teig ------------------------------------------------------------------------------------------------------


def test_header_lies_and_hits_tell_the_truth(client: httpx.Client) -> None:
    body = client.get(PATH, params=get_feature(FILTER=fes("0099"))).content
    root = etree.fromstring(body)
    assert (root.get("numberMatched"), root.get("numberReturned")) == ("unknown", "0")
    members = root.findall("{http://www.opengis.net/wfs/2.0}member")
    hits = etree.fromstring(client.get(PATH, params=get_feature(filter=fes("0099"), resultType="hits")).content)
    assert hits.get("numberMatched") == str(len(members)) == str(len(invent("0099").teiger))
    assert len(hits) == 0
    every = etree.fromstring(client.get(PATH, params=get_feature(resultType="hits")).content)
    assert every.get("numberMatched") == str(sum(len(invent(n).teiger) for n in numre()))


@pytest.mark.parametrize("name", ["kommunenummer", "app:kommunenummer"])
def test_posted_filter(client: httpx.Client, name: str) -> None:
    body = (
        '<wfs:GetFeature service="WFS" version="2.0.0" startIndex="5" count="7" '
        'xmlns:wfs="http://www.opengis.net/wfs/2.0">'
        '<wfs:Query typeNames="app:Teig" srsName="urn:ogc:def:crs:EPSG::25832">'
        f"{fes('0099', name)}</wfs:Query></wfs:GetFeature>"
    )
    answer = client.post(PATH, content=body, headers={"Content-Type": "text/xml"})
    root = etree.fromstring(answer.content)
    ids = root.findall(f".//{{{APP}}}teigId")
    assert [int(one.text or 0) for one in ids] == [t.teig_id for t in invent("0099").teiger[5:12]]
    assert b"EPSG::25832" in answer.content
    assert b"EPSG::25833" not in answer.content


@pytest.mark.skipif(not REAL_TEIG.exists(), reason="../shared is not beside this checkout")
def test_elements_stand_as_in_the_real_answer(client: httpx.Client) -> None:
    def outline(root: etree._Element) -> list[str]:
        teig = root.find(f".//{{{APP}}}Teig")
        assert teig is not None
        app = [node for node in teig.iter() if isinstance(node.tag, str) and APP in node.tag]
        return [etree.QName(node).localname for node in app]

    ours = etree.fromstring(client.get(PATH, params=get_feature(filter=fes("0099"), count="1")).content)
    assert outline(ours) == outline(etree.parse(str(REAL_TEIG)).getroot())


def test_gdal_reads_every_teig(client: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "teig.gml"
    file.write_bytes(client.get(PATH, params=get_feature(filter=fes("7001"))).content)
    # Repeated matrikkelenheter become lists that pyogrio cannot hold: the attributes are for lxml.
    frame = pyogrio.read_dataframe(file, layer="Teig", columns=["teigId"])
    kommune = invent("7001")
    assert len(frame) == len(kommune.teiger)
    assert frame.crs.to_epsg() == 25833
    ours = shapely.area([teig.geometri for teig in kommune.teiger])
    theirs = frame.geometry.area.to_numpy()
    for teig, a, b in zip(kommune.teiger, ours, theirs, strict=True):
        # An arc bulges a little beyond the two chords that the invented polygon keeps.
        assert b == pytest.approx(a, abs=0.01) if teig.bue is None else a < b < a + 40
    assert {"Polygon", "MultiPolygon"} <= set(frame.geometry.geom_type)


def test_shared_leased_and_sectioned_properties(client: httpx.Client) -> None:
    body = client.get(PATH, params=get_feature(filter=fes("7001"))).text
    texts = re.findall(r"<app:matrikkelnummerTekst>([^<]*)<", body)
    assert any(re.fullmatch(r"\d+/\d+,\d+", text) for text in texts)
    assert "<app:festenummer>" in body
    assert "<app:seksjonsnummer>" in body
    assert "<app:tvist>true<" in body


def test_degrees_are_latitude_first_under_their_full_name(client: httpx.Client) -> None:
    def first(srs: str) -> list[float]:
        body = client.get(PATH, params=get_feature(filter=fes("0099"), count="1", srsName=srs)).text
        found = re.search(r"<gml:pos>([^<]*)<", body)
        assert found is not None
        return [float(part) for part in found[1].split()]

    full, short = first("urn:ogc:def:crs:EPSG::4326"), first("EPSG:4326")
    assert 59 < full[0] < 61
    assert full == short[::-1]


def test_capabilities_for_owslib(server: UpstreamServer) -> None:
    wfs = WebFeatureService(server.url + PATH, version="2.0.0")
    assert "oppdiktede data" in wfs.identification.title
    assert list(wfs.contents) == ["app:Teig"]
    assert [crs.code for crs in wfs.contents["app:Teig"].crsOptions] == [25833, 25832, 25835, 4258, 4326]
    assert {op.name for op in wfs.operations} == {"GetCapabilities", "DescribeFeatureType", "GetFeature"}
    body = wfs.getfeature(typename="app:Teig", filter=fes("0099"), maxfeatures=3).read()
    assert len(etree.fromstring(body)) == 3
    described = httpx.get(server.url + PATH, params={"request": "DescribeFeatureType"}, timeout=PATIENCE_S).content
    assert etree.fromstring(described).get("targetNamespace") == APP


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (get_feature(typeNames="app:Teigg"), "InvalidParameterValue"),
        (get_feature(filter="<a"), "OperationParsingFailed"),
        (get_feature(filter=fes("1", "app:gardsnummer")), "OptionNotSupported"),
        (get_feature(bbox="1,2,3,4"), "OptionNotSupported"),
        (get_feature(srsName="EPSG:3857"), "InvalidParameterValue"),
        (get_feature(count="-1"), "InvalidParameterValue"),
        ({"request": "Transaction"}, "OperationNotSupported"),
        ({}, "MissingParameterValue"),
    ],
)
def test_exception_reports(client: httpx.Client, params: dict[str, str], code: str) -> None:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 400
    assert etree.fromstring(answer.content)[0].get("exceptionCode") == code
    if "app:Teigg" in params.values():
        assert b"Feature type with name 'Teigg' is not served by this WFS." in answer.content


def test_entities_are_not_followed(client: httpx.Client, tmp_path: Path) -> None:
    # A parser that follows the entity stumbles over the missing file before it comes to the document type.
    evil = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/missing">]>' + fes("&e;")
    for answer in (client.get(PATH, params=get_feature(filter=evil)), client.post(PATH, content=evil)):
        assert answer.status_code == 400
        assert "A document type is not allowed" in answer.text


def test_long_requests_are_cut_short(client: httpx.Client) -> None:
    assert client.post(PATH, content=b"<a>" + b" " * 70_000).status_code == 413


def test_quirks() -> None:
    quirks = Quirks(paging=False, exception_status=200)
    with UpstreamServer(username="a", password="b", quirks=quirks) as other:
        answer = httpx.get(other.url + PATH, params=get_feature(typeNames="Teigg"), timeout=PATIENCE_S)
        assert (answer.status_code, b"ExceptionReport" in answer.content) == (200, True)
        params = get_feature(filter=fes("0099"), count="2", startIndex="4")
        whole = httpx.get(other.url + PATH, params=params, timeout=PATIENCE_S)
        assert whole.content.count(b"<wfs:member>") == len(invent("0099").teiger)


# --- kommuneinfo, the pages, the server ------------------------------------------------------------------------


def test_kommuneinfo(client: httpx.Client) -> None:
    url = "/kommuneinfo/v1/kommuner/0099/omrade"
    answer = client.get(url, params={"utkoordsys": "25833"}).json()
    assert answer["omrade"]["crs"]["properties"]["name"] == "EPSG:25833"
    assert answer["omrade"]["type"] == "MultiPolygon"
    assert shape(answer["omrade"]).equals(invent("0099").grense)
    degrees = client.get(url).json()["omrade"]
    assert degrees["crs"]["properties"]["name"] == "EPSG:4258"
    assert 3 < shape(degrees).centroid.x < 5
    full = client.get("/kommuneinfo/v1/kommuner/7002").json()
    assert full["kommunenavn"] == "Eksempelstad (oppdiktet)"
    assert client.get("/kommuneinfo/v1/kommuner/0301/omrade").status_code == 404
    assert client.get(url, params={"utkoordsys": "9999"}).status_code == 400


def test_front_page_and_health(server: UpstreamServer) -> None:
    page = httpx.get(server.url, timeout=PATIENCE_S)
    assert "oppdiktede data" in page.text.lower()
    assert page.headers["Content-Type"].startswith("text/html")
    assert httpx.get(server.url + "/health", timeout=PATIENCE_S).json()["status"] == "ok"


def test_other_host_names_are_refused(server: UpstreamServer) -> None:
    assert httpx.get(server.url, headers={"Host": "evil.example"}, timeout=PATIENCE_S).status_code == 400


def test_port_in_use_says_so_at_once(server: UpstreamServer) -> None:
    other = UpstreamServer(username="a", password="b", port=server.port)
    with pytest.raises(OSError, match=f"Port {server.port} .* choose another"):
        other.start()


def test_start_stop_start(capfd: pytest.CaptureFixture[str]) -> None:
    (port,) = spare_ports(1)
    server = UpstreamServer(username="a", password="b", port=port)
    server.start()
    assert httpx.get(server.url + "/health", timeout=PATIENCE_S).status_code == 200
    with pytest.raises(RuntimeError, match="running already"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/health", timeout=PATIENCE_S)
    with UpstreamServer(username="a", password="b", port=port) as again:
        assert httpx.get(again.url + "/health", timeout=PATIENCE_S).status_code == 200
    assert capfd.readouterr() == ("", "")


def test_largest_kommune_streams_quickly_once_made(client: httpx.Client) -> None:
    params = get_feature(filter=fes("7002"))
    client.get(PATH, params=params)
    start = time.process_time()
    body = client.get(PATH, params=params).content
    assert body.count(b"<wfs:member>") == len(invent("7002").teiger)
    assert time.process_time() - start < 5
