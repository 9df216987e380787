"""The services of the context answer as the real ones do; what they can be made to do wrong, they do."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyogrio
import pytest
import shapely
from lxml import etree
from owslib.wfs import WebFeatureService
from pyproj import Transformer
from shapely.geometry import shape

from tasks.sandbox.kommune import invent
from tasks.sandbox.kontekst import natur, sted, stoy, vegnett
from tasks.sandbox.kontekst.feil import Feil
from tasks.sandbox.kontekst.skjelett import skjelett
from tasks.sandbox.upstream import UpstreamServer
from tests.waiting import PATIENCE_S

WFS, ARCGIS = "/kontekst/wfs", "/kontekst/arcgis"
MINNER = "/kontekst/ogc/LokaliteterEnkeltminnerOgSikringssoner/collections/enkeltminner/items"
NVDB = "/kontekst/nvdb/vegnett/api/v4/veglenkesekvenser/segmentert"
ENTUR = "/kontekst/entur/journey-planner/v3/graphql"
HENSYN = "/nap/services/rest/kommuneplaner/collections"
TALL = "/ssb/api/pxwebapi/v2/tables/04317"
UTM33 = "http://www.opengis.net/def/crs/EPSG/0/25833"
MEMBER = "{http://www.opengis.net/wfs/2.0}member"


@pytest.fixture(scope="module")
def server() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="nap", password="hemmelig", kontekstfeil=SWITCHES) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: UpstreamServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, auth=("nap", "hemmelig"), timeout=PATIENCE_S) as one:
        yield one


SWITCHES = Feil()


@pytest.fixture
def feil() -> Iterator[Feil]:
    SWITCHES.glem()
    yield SWITCHES
    SWITCHES.glem()


def box(nummer: str) -> tuple[float, float, float, float]:
    west, south, east, north = skjelett(nummer).land.grense.bounds
    return west, south, east, north


def get_feature(client: httpx.Client, sti: str, **more: str) -> httpx.Response:
    params = {"service": "WFS", "version": "2.0.0", "request": "GetFeature"} | more
    return client.get(f"{WFS}/{sti}", params=params)


def kvp(nummer: str) -> str:
    return ",".join(f"{v:.3f}" for v in box(nummer)) + ",urn:ogc:def:crs:EPSG::25833"


def envelope(nummer: str, *, grader: bool = False) -> str:
    west, south, east, north = box(nummer)
    srs = "25833"
    if grader:
        west, south, east, north = Transformer.from_crs(25833, 4326, always_xy=True).transform_bounds(*box(nummer))
        west, south, east, north, srs = south, west, north, east, "4326"
    return (
        f'<gml:Envelope srsName="urn:ogc:def:crs:EPSG::{srs}"><gml:lowerCorner>{west} {south}</gml:lowerCorner>'
        f"<gml:upperCorner>{east} {north}</gml:upperCorner></gml:Envelope>"
    )


def post(client: httpx.Client, sti: str, name: str, condition: str, **more: str) -> etree._Element:
    attributes = "".join(f' {k}="{v}"' for k, v in more.items())
    body = (
        f'<wfs:GetFeature service="WFS" version="2.0.0"{attributes} xmlns:wfs="http://www.opengis.net/wfs/2.0" '
        'xmlns:fes="http://www.opengis.net/fes/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">'
        f'<wfs:Query typeNames="{name}" srsName="urn:ogc:def:crs:EPSG::25833"><fes:Filter>{condition}</fes:Filter>'
        "</wfs:Query></wfs:GetFeature>"
    )
    answer = client.post(f"{WFS}/{sti}", content=body.encode(), headers={"Content-Type": "text/xml"})
    assert answer.status_code == 200, answer.text
    return etree.fromstring(answer.content)


def equal(name: str, value: str) -> str:
    return (
        f"<fes:PropertyIsEqualTo><fes:ValueReference>{name}</fes:ValueReference><fes:Literal>{value}</fes:Literal>"
        "</fes:PropertyIsEqualTo>"
    )


def bbox(place: str) -> str:
    return f"<fes:BBOX><fes:ValueReference>app:område</fes:ValueReference>{place}</fes:BBOX>"


# --- WFS ---


@pytest.mark.parametrize(
    ("sti", "name", "count"),
    [
        ("flomsoner", "app:FlomAreal", 3),
        ("markagrensen", "app:LovVirkeområde", 1),
        ("flomaktsomhetsomrader", "app:FlomAktsomhetOmr", 6),
        ("snoskredaktsomhetsomrader", "app:PotensieltSkredfareOmr", 2),
        ("steinsprang_aktsomhetsomrader", "app:PotensieltSkredfareOmr", 2),
        ("aktsomhetskartforjordogflomskred", "app:AktsomhetsOmrJordOgFlomskred", 3),
        ("grunnkretser", "app:Grunnkrets", len(sted.grunnkretser("7001"))),
        ("norstoy", "norstoy_1_0:Stoyvarselkart", len(stoy.veg("7001"))),
        ("ar50", "ms:AR50", 300),
        ("stoysonerjernbanenett", "app:Støy", 0),
    ],
)
def test_features_of_a_box(client: httpx.Client, tmp_path: Path, sti: str, name: str, count: int) -> None:
    hits = get_feature(client, sti, typeNames=name, bbox=kvp("7001"), resultType="hits").content
    assert etree.fromstring(hits).get("numberMatched") == str(count)
    answer = get_feature(client, sti, typeNames=name, bbox=kvp("7001")).content
    assert len(etree.fromstring(answer).findall(MEMBER)) == count
    if count:
        file = tmp_path / "lag.gml"
        file.write_bytes(answer)
        frame = pyogrio.read_dataframe(file)
        assert len(frame) == count
        assert frame.crs.to_epsg() == 25833
        assert frame.geometry.is_valid.all()


def test_posted_boxes_in_metres_and_degrees(client: httpx.Client) -> None:
    for place in (envelope("7001"), envelope("7001", grader=True)):
        root = post(client, "flomsoner", "app:FlomAreal", bbox(place))
        assert len(root.findall(MEMBER)) == 3
    both = f"<fes:And>{bbox(envelope('7001'))}{equal('app:gjentaksintervall', '200')}</fes:And>"
    (member,) = post(client, "flomsoner", "app:FlomAreal", both).findall(MEMBER)
    assert "".join(member.itertext("{*}gjentaksintervall")) == "200"
    either = f"<fes:Or>{equal('gjentaksintervall', '20')}{equal('gjentaksintervall', '200')}</fes:Or>"
    both = f"<fes:And>{bbox(envelope('7001'))}{either}</fes:And>"
    assert post(client, "flomsoner", "app:FlomAreal", both, resultType="hits").get("numberMatched") == "2"


def test_geometry_is_what_was_drawn(client: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "linjer.gml"
    file.write_bytes(get_feature(client, "nettanlegg", typeNames="app:EL_Luftlinje", bbox=kvp("0099")).content)
    frame = pyogrio.read_dataframe(file)
    lines = [one.geometri for one in stoy.luftledninger("0099")]
    assert set(frame.geometry.geom_type) == {"LineString"}
    assert frame.geometry.length.sum() == pytest.approx(shapely.length(lines).sum(), abs=0.01)


def test_addresses_come_under_the_kommune_that_they_are_registered_in(client: httpx.Client) -> None:
    asked = equal("app:kommunenummer", "0099")
    root = post(client, "matrikkelen-adresse", "app:Vegadresse", asked)
    assert {one.text for one in root.iter("{*}kommunenummer")} == {"0099"}
    (neighbour,) = (invent("0099").nabo,)
    root = post(client, "matrikkelen-adresse", "app:Vegadresse", equal("app:kommunenummer", neighbour))
    assert {one.text for one in root.iter("{*}kommunenummer")} == {neighbour}


def test_what_a_service_cannot_do_is_refused(client: httpx.Client) -> None:
    for more in (
        {"bbox": "1,2,3"},
        {"bbox": "1,2,3,4,EPSG:3857"},
        {"bbox": "nan,2,3,4"},
        {"filter": f'<fes:Filter xmlns:fes="http://www.opengis.net/fes/2.0">{equal("vannKilde", "elv")}</fes:Filter>'},
    ):
        answer = get_feature(client, "flomaktsomhetsomrader", typeNames="app:FlomAktsomhetOmr", **more)
        assert answer.status_code == 400
        assert b"ExceptionReport" in answer.content


def test_capabilities_name_the_prefix(server: UpstreamServer) -> None:
    wfs = WebFeatureService(f"{server.url}{WFS}/ar50", version="2.0.0")
    assert list(wfs.contents) == ["ms:AR50"]


# --- ArcGIS and OGC API ---


def test_arcgis_layers(client: httpx.Client) -> None:
    about = client.get(f"{ARCGIS}/vern/MapServer", params={"f": "json"}).json()
    assert [one["id"] for one in about["layers"]] == [0, 4]
    west, south, east, north = box("7001")
    asked = {
        "f": "geojson",
        "where": "1=1",
        "geometryType": "esriGeometryEnvelope",
        "geometry": json.dumps({"xmin": west, "ymin": south, "xmax": east, "ymax": north}),
        "inSR": "25833",
        "outSR": "25833",
    }
    url = f"{ARCGIS}/vern/MapServer/0/query"
    assert client.post(url, data=asked | {"f": "json", "returnCountOnly": "true"}).json() == {"count": 3}
    found = client.post(url, data=asked).json()["features"]
    assert [one["properties"]["verneform"] for one in found] == [
        one.verdier["verneform"] for one in natur.verneomraader("7001")
    ]
    page = client.post(url, data=asked | {"resultOffset": "1", "resultRecordCount": "1"}).json()
    assert page["exceededTransferLimit"] is True
    assert page["features"] == found[1:2]
    some = client.post(url, data=asked | {"where": "verneform = 'Naturreservat'"}).json()["features"]
    assert len(some) == 2
    clay = client.post(f"{ARCGIS}/SkredKvikkleire2/MapServer/1/query", data=asked).json()["features"]
    assert {one["properties"]["faregrad"] for one in clay} == {"Høy", "Middels", "Lav", None}


def test_monuments_page_by_page(client: httpx.Client) -> None:
    params = {"bbox": ",".join(f"{v:.3f}" for v in box("7001")), "bbox-crs": UTM33, "crs": UTM33, "limit": "20"}
    pages: list[dict[str, Any]] = []
    url = MINNER
    while url:
        pages.append(client.get(url, params=params if not pages else None).raise_for_status().json())
        url = next((link["href"] for link in pages[-1]["links"] if link["rel"] == "next"), "")
    features = [one for page in pages for one in page["features"]]
    assert {page["numberMatched"] for page in pages} == {len(features)} == {len(natur.kulturminner("7001"))}
    assert {shape(one["geometry"]).geom_type for one in features} == {"Point", "Polygon"}
    assert {"AUT", "UAV", "IKKEV"} <= {one["properties"].get("vernetype") for one in features}
    protected = client.get(MINNER, params=params | {"vernetype": "AUT"}).json()
    assert 0 < protected["numberMatched"] < len(features)


def test_zones_of_the_kommuneplan(client: httpx.Client) -> None:
    found = {}
    for name in ("kpsikringsone", "kpstøysone", "kpfaresone", "kpangitthensynsone", "kpbåndleggingsone"):
        cid = name.replace("ø", "o").replace("å", "a")
        params = {"kopidata.områdeId": "7001", "crs": UTM33, "limit": "500"}
        found[name] = client.get(f"{HENSYN}/{cid}/items", params=params).raise_for_status().json()["features"]
    assert all(found.values())
    danger = [one["properties"] for one in found["kpfaresone"]]
    assert {one["arealplanId"]["planidentifikasjon"] for one in danger} == {f"7001_KPA{y}" for y in (2022, 2026, 2008)}
    assert {"720", "730", "735"} == {one["properties"]["båndlegging"] for one in found["kpbåndleggingsone"]}


# --- stops, roads, figures ---


def stops(client: httpx.Client, more: str = "filterByInUse: true", fields: str = "id name latitude longitude") -> Any:
    west, south, east, north = Transformer.from_crs(25833, 4326, always_xy=True).transform_bounds(*box("7001"))
    query = (
        "query($s: Float!, $w: Float!, $n: Float!, $e: Float!) { stopPlacesByBbox(minimumLatitude: $s, "
        f"minimumLongitude: $w, maximumLatitude: $n, maximumLongitude: $e, {more}) {{ {fields} transportMode }} }}"
    )
    body = {"query": query, "variables": {"s": south, "w": west, "n": north, "e": east}}
    return client.post(ENTUR, json=body, headers={"ET-Client-Name": "prove-test"}).json()


def test_stops_in_use(client: httpx.Client) -> None:
    found = stops(client)["data"]["stopPlacesByBbox"]
    every = stops(client, "filterByInUse: false")["data"]["stopPlacesByBbox"]
    assert 0 < len(found) < len(every) == len(sted.holdeplasser("7001"))
    assert {"bus"} == {mode for one in found for mode in one["transportMode"]}
    assert all(one["id"].startswith("NSR:StopPlace:") for one in found)
    assert "undefined" in stops(client, fields="id alder")["errors"][0]["message"]
    assert client.post(ENTUR, json={"query": "{x}"}).status_code == 403
    assert "errors" in client.post(ENTUR, content=b"{", headers={"ET-Client-Name": "x"}).json()


def test_roads_page_by_page(client: httpx.Client) -> None:
    def page(**params: str) -> Any:
        return client.get(NVDB, params={"kommune": "99", **params}, headers={"X-Client": "prove"}).json()

    rows, start = [], None
    while True:
        answer = page(antall="40", **({"start": start} if start else {}))
        rows += answer["objekter"]
        assert answer["metadata"]["returnert"] == len(answer["objekter"])
        start = answer["metadata"].get("neste", {}).get("start")
        if start is None:
            break
    links = vegnett.lenker("0099")
    assert len(rows) == len(links) == answer["metadata"]["antall"]
    lines = shapely.from_wkt([row["geometri"]["wkt"] for row in rows])
    assert shapely.has_z(lines).all()
    assert shapely.length(lines).sum() == pytest.approx(sum(link.geometri.length for link in links), abs=1.0)
    assert {row["kommune"] for row in rows} == {99}
    assert {row["geometri"]["srid"] for row in rows} == {5973}
    ends: dict[str, str] = {}
    for row in rows:
        first = re.match(r"LINESTRING Z \(([-0-9. ]+)", row["geometri"]["wkt"])
        assert first is not None
        assert ends.setdefault(row["startnode"], first[1]) == first[1]
    assert client.get(NVDB, params={"kommune": "99"}).status_code == 400
    assert page(ukjent="1")[0]["message"].startswith("Ukjent parameter")
    assert page(kommune="301")["objekter"] == []


def test_inhabitants_by_grunnkrets(client: httpx.Client) -> None:
    params = {"valueCodes[Grunnkretser]": "0099*", "valueCodes[ContentsCode]": "*", "valueCodes[Tid]": "top(1)"}
    body = client.get(f"{TALL}/data", params=params).json()
    codes = list(body["dimension"]["Grunnkretser"]["category"]["index"])
    numbers = [str(one.verdier["grunnkretsnummer"]) for one in sted.grunnkretser("0099")]
    assert set(codes) == {*numbers, "00990000", "00990199", "00999999"}
    assert body["status"] == {str(codes.index("00990199")): "."}
    metadata = client.get(f"{TALL}/metadata").json()
    assert metadata["dimension"]["Grunnkretser"]["extension"]["elimination"] is False
    del params["valueCodes[Grunnkretser]"]
    assert client.get(f"{TALL}/data", params=params).status_code == 400


# --- faults ---


def flood(client: httpx.Client) -> httpx.Response:
    return get_feature(client, "flomsoner", typeNames="app:FlomAreal", bbox=kvp("7001"))


def test_a_theme_that_is_down_leaves_the_others(client: httpx.Client, feil: Feil) -> None:
    vern = f"{ARCGIS}/vern/MapServer"
    feil.nede.add("flom_faresone")
    feil.borte.add("naturvern")
    assert flood(client).status_code == 503
    assert client.get(f"{vern}/0", params={"f": "json"}).status_code == 404
    assert client.get(f"{vern}/4", params={"f": "json"}).json()["id"] == 4
    assert "layers" in client.get(vern, params={"f": "json"}).json()
    feil.borte.add("naturvern_foreslaatt")
    assert client.get(vern, params={"f": "json"}).status_code == 404
    feil.html |= {"hensyn", "grunnkretstall"}
    assert "<form" in client.get(f"{HENSYN}/kpfaresone/items").text
    assert client.get(f"{HENSYN}/kpomrade/items", params={"kopidata.områdeId": "0099"}).json()["features"]
    assert "<form" in client.get(f"{TALL}/metadata").text
    assert client.get("/ssb/api/pxwebapi/v2/tables/06913").json()["id"] == "06913"
    assert feil.spurt("flom_faresone") == 1
    assert feil.spurt() == 7  # neither the extents of plans nor the other table
    feil.glem()
    assert flood(client).status_code == 200
    assert feil.spurt() == 1


def test_answers_that_are_cut_short_too_long_or_slow(client: httpx.Client, feil: Feil) -> None:
    whole = flood(client).content
    feil.avkortet.add("flom_faresone")
    assert flood(client).content[200:] == whole[200 : len(whole) * 3 // 5]
    feil.avkortet.clear()
    feil.for_stor.add("flom_faresone")
    feil.stor_bytes = 300_000
    assert len(flood(client).content) == 300_000
    feil.for_stor.clear()
    feil.sekunder["flom_faresone"] = 0.5
    with pytest.raises(httpx.ReadTimeout):
        client.get(f"{WFS}/flomsoner", params={"request": "GetCapabilities"}, timeout=0.05)


def test_values_and_counts_that_are_wrong(client: httpx.Client, feil: Feil) -> None:
    feil.ukjent_verdi |= {"flom_faresone", "kulturminner", "kvikkleire_faresone"}
    assert flood(client).text.count("<app:gjentaksintervall>UKJENT</") == 3
    params = {"bbox": ",".join(f"{v:.3f}" for v in box("7001")), "bbox-crs": UTM33, "limit": "2"}
    first = client.get(MINNER, params=params).json()
    assert [one["properties"]["vernetype"] for one in first["features"]] == ["UKJENT"] * 2
    feil.feil_antall |= {"flom_faresone", "kulturminner", "veg"}
    hits = get_feature(client, "flomsoner", typeNames="app:FlomAreal", bbox=kvp("7001"), resultType="hits").text
    assert 'numberMatched="4"' in hits
    assert client.get(MINNER, params=params).json()["numberMatched"] == first["numberMatched"] + 1
    roads = client.get(NVDB, params={"kommune": "99", "antall": "1"}, headers={"X-Client": "x"}).json()
    assert roads["metadata"]["antall"] == len(vegnett.lenker("0099")) + 1


def test_the_context_of_a_kommune_is_drawn_and_served_in_little_time(client: httpx.Client) -> None:
    started = time.process_time()
    for sti, name in (
        ("norstoy", "norstoy_1_0:Stoyvarselkart"),
        ("grunnkretser", "app:Grunnkrets"),
        ("flomsoner", "app:FlomAreal"),
        ("nettanlegg", "app:EL_Luftlinje"),
    ):
        assert get_feature(client, sti, typeNames=name, bbox=kvp("7001")).status_code == 200
    client.get(NVDB, params={"kommune": "7001"}, headers={"X-Client": "x"})
    stops(client)
    assert time.process_time() - started < 5
