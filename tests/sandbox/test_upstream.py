"""The local sources as one server: kommuneinfo, the front page, and how it starts and stops."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from shapely.geometry import shape

from tasks.sandbox.kommune import invent
from tasks.sandbox.upstream import UpstreamServer
from tests.ports import spare_ports
from tests.waiting import PATIENCE_S

AUTH = ("nap", "hemmelig æøå")


@pytest.fixture(scope="module")
def server() -> Iterator[UpstreamServer]:
    with UpstreamServer(username=AUTH[0], password=AUTH[1]) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: UpstreamServer) -> Iterator[httpx.Client]:
    auth = httpx.BasicAuth(*AUTH)
    with httpx.Client(base_url=server.url, auth=auth, timeout=PATIENCE_S) as one:
        yield one


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
    for path in (
        "/nap/",
        "/arcgis/rest/services/Plandata/FeatureServer",
        "/nedlasting/api",
        "/skwms1/",
        "/adresser/v1",
    ):
        assert path in page.text
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
