"""Discovery against real services of the sandbox: what is proposed, what is passed over, and who is never asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape

import pytest
import shapely
from fastapi import FastAPI, Request, Response

from config.kilder import kilder
from config.registers import find_kommune
from tasks.sandbox import nap
from tasks.sandbox.crs import CRS84, parse
from tasks.sandbox.kommune import invent
from tasks.sources import forslag, oppdag, tjeneste, tjenester
from tasks.sources.http import Client
from tasks.sources.oppdag import discover
from tasks.sources.tjeneste import Lag, Tjeneste
from tests.sources.plantjenester import Plantjenester, entry

ARCGIS = "/arcgis/rest/services"
KNR = "0099"


@pytest.fixture(autouse=True)
def one_kommune(monkeypatch):
    """Leave out the larger invented kommuner, which take seconds to draw."""
    monkeypatch.setattr("tasks.sandbox.arcgis_lag.numre", lambda: (KNR,))


@pytest.fixture
def quick(limits):
    return replace(limits, forsoek=1, sekunder_lesing=30, maks_bytes=20_000_000)


def look(server, limits, *, known=None, omraade=True, **more):
    kommune = find_kommune(KNR, sandbox=True)
    shape = invent(KNR).grense if omraade else None
    return discover(kommune, settings=server.settings(**more), kilder=known or {}, omraade=shape, limits=limits)


def why(found):
    return {
        one.adresse.partition(
            "/",
        )[2]
        .partition("/")[2]
        .partition("/")[2]: one.grunn
        for one in found.forbigaatt
    }


def test_arcgis_services_are_proposed_with_their_layers(quick, tmp_path):
    services = [
        entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer"),
        entry("/arcgis/services/Plan/Reguleringsplaner_på_grunnen/MapServer/WMSServer?x=y", "OGC:WMS"),
        entry(f"{ARCGIS}/Lukket/Plandata/MapServer"),
    ]
    with Plantjenester(*services) as server:
        found = look(server, quick)
    by_theme = {f.kilde.tema: f for f in found.forslag}
    kommuneplan = by_theme["kommuneplan"].kilde
    assert kommuneplan.lag == {"KpOmråde": "0", "KpArealformålOmråde": "1", "KpArealbrukOmråde": "2"}
    assert kommuneplan.paakrevd == ("KpOmråde",)
    assert kommuneplan.innhold == ("KpArealformålOmråde", "KpArealbrukOmråde")
    assert (kommuneplan.kommuner, kommuneplan.epsg, kommuneplan.tom_betyr) == ((KNR,), 25833, "ikke_dekket")
    assert kommuneplan.omfatter == ("kommunedelplan",)  # its layers hold plantype 21 too
    assert by_theme["kommuneplan"].andel_inni == 1.0
    assert by_theme["kommuneplan"].andel_koder == 1.0
    assert set(by_theme) == {"kommuneplan", "reguleringsplan", "reguleringsformaal"}
    assert by_theme["reguleringsplan"].kilde.adresse.endswith("/Plan/Reguleringsplaner_på_grunnen/MapServer")
    assert why(found)["arcgis/rest/services/Lukket/Plandata/MapServer"].startswith("Krever innlogging")
    text = forslag.as_toml(found.forslag, kommune=found.kommune, dag="2026-11-21")
    path = forslag.write(text, geodata=tmp_path, kommunenummer=KNR)
    every = kilder(path)
    assert {f.kilde.navn: f.kilde for f in found.forslag}.items() <= dict(every).items()
    json.dumps(found.as_dict())


def test_a_folder_is_looked_into_where_it_is_called_after_plans(quick):
    with Plantjenester(entry(ARCGIS)) as server:
        found = look(server, quick)
    services = {f.kilde.adresse.partition("/rest/services/")[2] for f in found.forslag}
    assert services == {
        "Plan/Kommuneplan/MapServer",
        "Plan/Reguleringsplaner_på_grunnen/MapServer",
        "Plandata/FeatureServer",
    }


def open_nap(app: FastAPI) -> None:
    """Serve the collections of NAP without a login, as some kommuner do; one of them holds proposals."""
    crs = parse(CRS84)
    titles = {"kpomrade": "KpOmråde", "kparealformalomrade": "KpArealformålOmråde", "forslag": "Planforslag KpOmråde"}

    @app.get("/aapen/collections")
    def collections() -> Response:
        listed = [
            {"id": i, "title": t, "crs": [CRS84, "http://www.opengis.net/def/crs/EPSG/0/25832"]}
            for i, t in titles.items()
        ]
        return Response(json.dumps({"collections": listed}), media_type="application/json")

    @app.get("/aapen/collections/{cid}/items")
    def items(cid: str, request: Request) -> Response:
        assert cid != "forslag"
        assert request.query_params["bbox"]
        features = nap.features(f"kommuneplaner/{titles[cid]}", KNR, crs)[: int(request.query_params["limit"])]
        return Response(
            f'{{"type":"FeatureCollection","features":[{",".join(features)}]}}', media_type="application/json"
        )


def test_collections_are_recognised_by_title_and_page(quick):
    with Plantjenester(entry("/aapen/collections?f=json", "OGC:API-Features"), extra=open_nap) as server:
        found = look(server, quick)
    (one,) = found.forslag
    assert one.kilde.lag == {"KpOmråde": "kpomrade", "KpArealformålOmråde": "kparealformalomrade"}
    assert one.kilde.adresse == f"{server.url}/aapen"
    assert one.kilde.epsg == 25832
    assert one.andel_inni == 1.0  # degrees were brought to metres
    assert why(found)["aapen"] == "Planforslag KpOmråde forslag: planforslag er ikke vedtatt"


def wfs_of(rows: list[tuple[str, str, shapely.Polygon]], *, navn: str = "p:KpArealformålOmråde", doctype: str = ""):
    """Return a WFS with one feature type of zones: (code, plan id, place)."""

    def serve(app: FastAPI) -> None:
        @app.get("/plan/wfs")
        def wfs(request: Request) -> Response:
            operation = request.query_params["request"]
            body = {"GetCapabilities": capabilities, "DescribeFeatureType": schema, "GetFeature": features}[operation]()
            return Response(doctype + body, media_type="text/xml")

    def capabilities() -> str:
        return (
            '<wfs:WFS_Capabilities version="2.0.0" xmlns:wfs="http://www.opengis.net/wfs/2.0" '
            'xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:p="urn:p"><ows:OperationsMetadata/><wfs:FeatureTypeList>'
            f"<wfs:FeatureType><wfs:Name>{navn}</wfs:Name><wfs:Title>{navn.rpartition(':')[2]}</wfs:Title>"
            "<wfs:DefaultCRS>urn:ogc:def:crs:EPSG::25833</wfs:DefaultCRS></wfs:FeatureType></wfs:FeatureTypeList>"
            "</wfs:WFS_Capabilities>"
        )

    def schema() -> str:
        columns = "".join(f'<xs:element name="{c}" type="xs:string"/>' for c in ("arealformål", "planidentifikasjon"))
        local = navn.rpartition(":")[2]
        return (
            f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="{local}" type="p:T"/>'
            f'<xs:complexType name="T"><xs:sequence>{columns}</xs:sequence></xs:complexType></xs:schema>'
        )

    def features() -> str:
        members = "".join(
            f"<wfs:member><{navn}><p:arealformål>{escape(code)}</p:arealformål>"
            f"<p:planidentifikasjon>{plan}</p:planidentifikasjon><p:område><gml:Polygon><gml:exterior><gml:LinearRing>"
            f"<gml:posList>{' '.join(f'{v:.1f}' for xy in shape.exterior.coords for v in xy)}</gml:posList>"
            f"</gml:LinearRing></gml:exterior></gml:Polygon></p:område></{navn}></wfs:member>"
            for code, plan, shape in rows
        )
        return (
            '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:p="urn:p" '
            f'xmlns:gml="http://www.opengis.net/gml/3.2">{members}</wfs:FeatureCollection>'
        )

    return serve


HERE = invent(KNR).grense.representative_point().buffer(100)
WFS = entry("/plan/wfs?service=WFS&request=GetCapabilities", "OGC:WFS")


def test_a_wfs_of_zones_alone_gets_its_extents_from_them(quick):
    with Plantjenester(WFS, extra=wfs_of([("1110", "KPA", HERE), ("2010", "KPA", HERE)])) as server:
        found = look(server, quick)
    (one,) = found.forslag
    assert one.kilde.lag == {"KpArealformålOmråde": "p:KpArealformålOmråde"}
    assert one.kilde.omrade_av_soner
    assert one.kilde.faste == {"planstatus": "3", "plantype": "20"}
    assert any("kontroller at laget bare har vedtatte planer" in grunn for grunn in one.grunner)


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (wfs_of([("1110", "KPA", shapely.box(0, 6_500_000, 100, 6_500_100))]), "ingen av 1 objekter ligger i kommunen"),
        (wfs_of([("B", "KPA", HERE), ("999999", "KPA", HERE)]), "bare 0 % av kodene står i kodelisten"),
        (wfs_of([]), "ingen objekter i kommunen"),
        (wfs_of([("1110", "KPA", HERE)], navn="p:KpIllustrasjon"), "illustrasjoner er ikke planinnhold"),
        (wfs_of([("1110", "KPA", HERE)], doctype="<!DOCTYPE x SYSTEM 'file:///etc/passwd'>"), "document type"),
    ],
)
def test_what_makes_no_sense_is_passed_over_with_the_reason(quick, service, reason):
    with Plantjenester(WFS, extra=service) as server:
        found = look(server, quick)
    assert not found.forslag
    assert reason in why(found)["plan/wfs"]


def test_other_hosts_and_broken_services_do_not_stop_the_search(quick):
    asked = []

    def broken(app: FastAPI) -> None:
        @app.get("/borte/collections")
        def away() -> Response:
            return Response(status_code=302, headers={"location": "http://localhost:1/collections"})

        @app.get("/tull/collections")
        def nonsense() -> Response:
            asked.append("tull")
            return Response("<html><title>Logg inn</title></html>", media_type="text/html")

    services = [
        entry("https://plan.kommune.no/wfs", "OGC:WFS"),
        entry("http://10.0.0.1/wfs", "OGC:WFS"),
        entry("/borte", "OGC:API-Features"),
        entry("/tull", "OGC:API-Features"),
        entry("/plan/wfs", "OGC:WFS"),
        entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer"),
    ]
    with Plantjenester(*services, extra=broken) as server:
        found = look(server, quick)
    reasons = why(found)
    assert "this machine alone" in reasons["wfs"]
    assert "redirects to another host" in reasons["borte"]
    assert "an HTML page: Logg inn" in reasons["tull"]
    assert "HTTP 404" in reasons["plan/wfs"]
    assert asked == ["tull"]
    assert [f.kilde.tema for f in found.forslag] == ["kommuneplan"]
    assert not any("config/plankilder.toml" in one.grunn for one in found.forbigaatt)


def test_a_configured_source_is_not_proposed_again(quick):
    service = entry("/nap/services/rest/kommuneplaner", "OGC:API-Features")
    with Plantjenester(service) as server:
        found = look(server, quick, known=kilder())
    assert not found.forslag
    assert why(found)["nap/services/rest/kommuneplaner"] == "Står alt i registeret: nap_kommuneplan, nap_hensyn."


def test_silent_catalogues_are_said(quick, upstream):
    upstream.answer = lambda h: h.send(b"", status=503)
    kommune = find_kommune(KNR, sandbox=True)
    settings = Plantjenester().settings(sources_url=upstream.url)
    found = discover(kommune, settings=settings, kilder={}, limits=quick)
    assert not found.forslag
    assert not found.forbigaatt
    assert {s.katalog for s in found.spurt} == {"kartkatalogen", "CSW"}
    assert all("HTTP 503" in s.feil for s in found.spurt)


def test_the_number_of_services_asked_is_bounded(quick, monkeypatch):
    monkeypatch.setattr(oppdag, "MAX_CANDIDATES", 2)
    services = [entry(f"/tom{k}", "OGC:API-Features") for k in range(5)]
    with Plantjenester(*services) as server:
        found = look(server, quick)
    assert sum("ble sett på" in one.grunn for one in found.forbigaatt) == 3


def test_time_is_bounded_too(quick, monkeypatch):
    monkeypatch.setattr(oppdag, "TOTAL_S", -1.0)
    with Plantjenester(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")) as server:
        found = look(server, quick)
    assert not found.forslag
    assert "Ikke spurt" in found.forbigaatt[0].grunn


def test_without_a_boundary_coverage_is_unknown_and_not_assumed(quick):
    with Plantjenester(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")) as server:
        found = look(server, quick, omraade=False)
    assert found.forslag[0].andel_inni is None
    assert not any("ligger i kommunen" in grunn for grunn in found.forslag[0].grunner)


def test_without_a_boundary_the_services_of_others_are_passed_over(quick):
    other = find_kommune("7001", sandbox=True)
    with Plantjenester(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")) as server:
        found = discover(other, settings=server.settings(), kilder={}, limits=quick)
    assert not found.forslag
    assert "grense er ukjent" in found.forbigaatt[0].grunn


def test_a_login_goes_to_its_own_host_alone():
    # Read from a real profile, in which a service of the NAP host is looked at with the login, and no other.
    kommune = find_kommune("3218", sandbox=False)
    settings = Plantjenester().settings(profile="staging", sources_url=None, geodata=Path("x"))
    search = oppdag._Search(kommune, settings, kilder(), None, oppdag.limits_of_discovery())
    from tests.sources.test_forslag import kandidat

    assert oppdag._login(kandidat(adresse="https://nap.ft.dibk.no/services/rest/annet"), search) == "nap"
    for adresse in ("https://nap.ft.dibk.no.ond.no/x", "http://nap.ft.dibk.no/x", "https://nap.ft.dibk.no:444/x"):
        assert oppdag._login(kandidat(adresse=adresse), search) is None


@pytest.mark.parametrize(
    ("epsg", "bbox", "corner"),
    [(25832, "6000", "600000 6600000"), (4258, "59.52", "59.525 10.768"), (25833, "260676", "260676 6606200")],
)
def test_a_wfs_is_looked_at_in_a_crs_that_it_offers(upstream, quick, epsg, bbox, corner):
    page = (
        '<w:FeatureCollection xmlns:w="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">'
        f"<w:member><w:T><gml:pos>{corner}</gml:pos></w:T></w:member></w:FeatureCollection>"
    )
    upstream.answer = lambda h: h.send(page.encode(), "text/xml")
    offered = Tjeneste(tittel="", lag=(), epsg=epsg)
    box = tjeneste.box_in((260676, 6606200, 260676, 6606200), 25833)
    with Client(upstream.url, limits=quick) as client:
        found = tjenester.sample(client, upstream.url, "wfs", lag=Lag(navn="T", tittel="T"), boks=box, offered=offered)
    assert found.crs.to_epsg() == 25833
    x, y = shapely.get_coordinates(found.geometry.iloc[0])[0]
    assert max(abs(x - 260676), abs(y - 6606200)) < 300
    asked = unquote(str(upstream.asked[0]))
    assert f"srsName=urn:ogc:def:crs:EPSG::{epsg}" in asked
    assert asked.partition("bbox=")[2].startswith(bbox)
    assert f"EPSG::{epsg}" in asked.partition("bbox=")[2]
