"""The parcel service of the sandbox answers as the register's own WFS does, down to its bad habits."""

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

from tasks.sandbox.gml import APP
from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.teig_wfs import PATH
from tasks.sandbox.upstream import UpstreamServer
from tasks.sandbox.wfs import Quirks
from tests.waiting import PATIENCE_S

AUTH = ("nap", "hemmelig æøå")
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


def test_largest_kommune_streams_quickly_once_made(client: httpx.Client) -> None:
    params = get_feature(filter=fes("7002"))
    client.get(PATH, params=params)
    start = time.process_time()
    body = client.get(PATH, params=params).content
    assert body.count(b"<wfs:member>") == len(invent("7002").teiger)
    assert time.process_time() - start < 5
