"""The search of Geonorge's kartkatalog: what a hit becomes, and what is no answer."""

from __future__ import annotations

import threading

import pytest

from tasks.errors import SourceError
from tasks.sources import kartkatalog
from tasks.sources.http import Client
from tasks.sources.kandidat import Treff, candidate, require_public
from tests.sources.plantjenester import Plantjenester, entry

# The shape of a real answer, shortened.
DATASET = {
    "Uuid": "041f1e6e-bdbc-4091-b48f-8a5990f3cc5b",
    "Title": "Kommuneplan",
    "Abstract": "Arealdelen.",
    "Type": "dataset",
    "Organization": "Ås kommune",
    "DistributionUrl": "https://nedlasting.geonorge.no/api/capabilities/",
    "DistributionProtocol": "GEONORGE:DOWNLOAD",
    "AccessIsOpendata": True,
    "DataAccess": "Åpne data",
    "ServiceWfsDistributionUrlForDataset": "https://wfs.kommune.no/wfs.plan?&service=WFS&request=GetCapabilities",
}


def search(upstream, limits, answer, text="Ås plan"):
    upstream.answer = lambda h: h.json(answer)
    with Client(upstream.url, limits=limits) as client:
        return kartkatalog.search(client, f"{upstream.url}/api/search", text, limit=50)


def test_a_hit_gives_its_own_address_and_that_of_its_wfs(upstream, limits):
    found = search(upstream, limits, {"NumFound": 1, "Results": [DATASET]})
    assert [(t.protokoll, t.eier, t.er_aapen) for t in found] == [
        ("GEONORGE:DOWNLOAD", "Ås kommune", True),
        ("OGC:WFS", "Ås kommune", True),
    ]
    assert [c and c.adresse for t in found if (c := candidate(t, funnet="x")) or True] == [
        None,  # a download of the whole country is ordered, not asked
        "https://wfs.kommune.no/wfs.plan",
    ]
    asked = upstream.asked[0].path
    assert "offset=1" in asked  # Geonorge counts from one
    assert "facets%5B1%5Dvalue=service" in asked
    assert "text=%C3%85s%20plan" in asked or "text=%C3%85s+plan" in asked


@pytest.mark.parametrize("answer", [{"Message": "An error has occurred."}, {"Results": "x"}, {"Results": [1]}])
def test_an_answer_without_hits_in_it_is_refused(upstream, limits, answer):
    with pytest.raises(SourceError, match="no list of results"):
        search(upstream, limits, answer)


def test_odd_values_of_a_hit_become_nothing(upstream, limits):
    row = {"Title": 3, "DistributionUrl": ["x"], "DistributionProtocol": None, "AccessIsOpendata": "ja"}
    assert search(upstream, limits, {"Results": [row]}) == []


def test_the_sandbox_answers_as_the_real_one(limits):
    entries = [entry(f"/arcgis/rest/services/P{k}/MapServer", tittel=f"Plan {k}") for k in range(4)]
    with Plantjenester(*entries) as server, Client(server.url, limits=limits) as client:
        found = kartkatalog.search(client, server.url + kartkatalog.STI, "tomtevik plan", limit=3)
        assert [t.tittel for t in found] == ["Plan 0", "Plan 1", "Plan 2"]
        assert found[0].adresse == f"{server.url}/arcgis/rest/services/P0/MapServer"
        assert kartkatalog.search(client, server.url + kartkatalog.STI, "finnesikke plan", limit=3) == []


@pytest.mark.parametrize(
    ("said", "adresse", "expected"),
    [
        ("W3C:REST", "https://x.no/arcgis/rest/services/Plan", ("arcgis", "https://x.no/arcgis/rest/services/Plan")),
        (
            "OGC:WMS",
            "https://x.no/server/services/Plan_på/Q/MapServer/WMSServer?request=GetCapabilities",
            ("arcgis", "https://x.no/server/rest/services/Plan_på/Q/MapServer"),
        ),
        (
            "W3C:REST",
            "https://x.no/arcgis/rest/services/A/B/FeatureServer/3?f=pjson",
            ("arcgis", "https://x.no/arcgis/rest/services/A/B/FeatureServer"),
        ),
        (
            "OGC:WFS",
            "https://x.no/mapserv?map=/plan.map&SERVICE=WFS&version=2.0.0",
            ("wfs", "https://x.no/mapserv?map=%2Fplan.map"),
        ),
        ("OGC:API-Features", "https://x.no/rest/plan/collections?f=json", ("ogc_features", "https://x.no/rest/plan")),
        ("OGC:WMS", "https://wms.geonorge.no/skwms1/wms.plan?service=wms", None),
        ("OGC:API-Tiles", "https://x.no/tiles", None),
        ("OGC:WFS", "ftp://x.no/wfs", None),
        ("OGC:WFS", "https://u:p@x.no/wfs", None),
        ("OGC:WFS", "https://x.no:99999/wfs", None),
        ("OGC:WFS", "https://x.no/" + "a" * 600, None),
        ("OGC:WFS", 'https://x.no/"\n[ond]', None),
    ],
)
def test_what_can_be_read_is_told_by_protocol_and_address(said, adresse, expected):
    found = candidate(Treff("t", "e", said, adresse, "", None), funnet="x")
    assert (found and (found.protokoll, found.adresse)) == expected


@pytest.mark.parametrize(
    ("adresse", "places", "why"),
    [
        ("https://plan.kommune.no/wfs", ["10.1.2.3"], "private network"),
        ("https://plan.kommune.no/wfs", ["127.0.0.1"], "private network"),
        ("https://plan.kommune.no/wfs", ["169.254.169.254"], "private network"),
        ("https://plan.kommune.no/wfs", ["fd00::1"], "private network"),
        ("https://plan.kommune.no/wfs", ["::ffff:10.0.0.1"], "private network"),
        ("https://plan.kommune.no/wfs", ["193.1.2.3", "192.168.0.1"], "private network"),
        ("http://plan.kommune.no/wfs", ["193.1.2.3"], "not https"),
        ("https://plan.kommune.no/wfs", None, "no such host"),
        ("https://plan.kommune.no/wfs", ["193.1.2.3"], None),
    ],
)
def test_outside_the_sandbox_only_public_hosts_are_asked(monkeypatch, adresse, places, why):
    def getaddrinfo(*_args, **_more):
        if places is None:
            raise OSError("unknown")
        return [(0, 0, 0, "", (place, 443)) for place in places]

    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    if why is None:
        require_public(adresse, sandbox=False)
    else:
        with pytest.raises(SourceError, match=why):
            require_public(adresse, sandbox=False)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "[::1]", "db.internal", "metadata"])
def test_behind_a_proxy_names_of_the_own_network_are_refused(monkeypatch, host):
    monkeypatch.setenv("https_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SourceError, match="no public host"):
        require_public(f"https://{host}/wfs", sandbox=False)
    require_public("https://plan.kommune.no/wfs", sandbox=False)


def test_the_sandbox_asks_this_machine_alone():
    require_public("http://127.0.0.1:80/wfs", sandbox=True)
    with pytest.raises(SourceError, match="this machine alone"):
        require_public("https://plan.kommune.no/wfs", sandbox=True)


def test_another_port_than_that_of_https_is_not_asked():
    with pytest.raises(SourceError, match="port 8443"):
        require_public("https://plan.kommune.no:8443/wfs", sandbox=False)


def test_a_name_that_nobody_tells_is_not_waited_for(monkeypatch):
    told = threading.Event()
    monkeypatch.setattr("tasks.sources.kandidat.LOOKUP_S", 0.01)
    monkeypatch.setattr("tasks.sources.kandidat._behind_proxy", lambda _: False)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: told.wait(30))
    with pytest.raises(SourceError, match=r"not found within 0\.01 s"):
        require_public("https://plan.kommune.no/wfs", sandbox=False)
    told.set()
