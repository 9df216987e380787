"""The download API of the sandbox: what can be ordered, and what is in the zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pyogrio
import pytest
from lxml import etree

from tasks.sandbox.kommune import invent
from tasks.sandbox.kontekst.skjelett import skjelett
from tasks.sandbox.nedlasting import DATASETT, LANDSDEKKENDE, PREFIX, archive
from tasks.sandbox.upstream import UpstreamServer
from tests.waiting import PATIENCE_S

API = f"{PREFIX}/api"
TEIG, KP, RP = DATASETT
(TETTSTED,) = LANDSDEKKENDE


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        UpstreamServer(username="nap", password="hemmelig") as running,
        httpx.Client(base_url=running.url, timeout=PATIENCE_S) as one,
    ):
        yield one


def order(uuid: str, nummer: str, **changed: Any) -> dict[str, Any]:
    line = {
        "metadataUuid": uuid,
        "areas": [{"type": "kommune", "code": nummer, "name": "x"}],
        "projections": [{"code": "25833"}],
        "formats": [{"name": "GML"}],
    }
    return {"orderLines": [line | changed]}


def test_code_lists(client: httpx.Client) -> None:
    assert client.get(f"{API}/capabilities/{TEIG}").json()["supportsAreaSelection"] is True
    area, projection, form = (
        client.get(f"{API}/codelists/{name}/{TEIG}").json() for name in ("area", "projection", "format")
    )
    assert [(a["type"], a["code"]) for a in area] == [("kommune", n) for n in ("0099", "7001", "7002")]
    assert "25833" in {p["code"] for p in projection}
    assert "GML" in {f["name"] for f in form}
    assert client.get(f"{API}/codelists/noe/{TEIG}").status_code == 404
    assert client.get(f"{API}/codelists/area/ukjent").status_code == 404


def test_an_order_is_ready_when_it_has_been_asked_for_again(client: httpx.Client) -> None:
    receipt = client.post(f"{API}/order", json=order(RP, "0099")).json()
    (file,) = receipt["files"]
    assert (file["status"], file["downloadUrl"]) == ("WaitingForProcessing", None)
    assert client.get(f"{API}/download/order/{receipt['referenceNumber']}/1").status_code == 404
    (file,) = client.get(f"{API}/order/{receipt['referenceNumber']}").json()["files"]
    assert file["status"] == "ReadyForDownload"
    sent = client.get(file["downloadUrl"])
    assert sent.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(sent.content)) as packed:
        names = packed.namelist()
        assert names == ["Basisdata_0099_Tomtevik_25833_Reguleringsplan_GML.gml", "lisens.txt"]
        members = etree.fromstring(packed.read(names[0]))
    plan = invent("0099").plan
    types = ("RpOmråde", "RpArealformålOmråde", "RbFormålOmråde")
    assert len(members) == sum(len(plan[f"reguleringsplaner/vn2/{slag}"]) for slag in types)


def test_tettsteder_are_one_file_of_the_whole_country(client: httpx.Client, tmp_path: Any) -> None:
    (area,) = client.get(f"{API}/codelists/area/{TETTSTED}").json()
    assert (area["type"], area["code"]) == ("landsdekkende", "0000")
    assert client.post(f"{API}/order", json=order(TETTSTED, "0099")).status_code == 400
    receipt = client.post(f"{API}/order", json=order(TETTSTED, "0000", areas=[area])).json()
    assert receipt["files"][0]["name"] == "Befolkning_0000_Norge_25833_Tettsteder2024_GML.zip"
    client.get(f"{API}/order/{receipt['referenceNumber']}")
    sent = client.get(f"{API}/download/order/{receipt['referenceNumber']}/1").content
    with zipfile.ZipFile(io.BytesIO(sent)) as packed:
        file = tmp_path / "tettsteder.gml"
        file.write_bytes(packed.read("Befolkning_0000_Norge_25833_Tettsteder2024_GML.gml"))
    frame = pyogrio.read_dataframe(file, layer="Tettsted")
    assert frame.crs.to_epsg() == 25833
    assert frame["tettstedsnummer"].is_unique
    assert (frame["totalBefolkning"].astype(int) > 0).all()  # as text, where GDAL has been told so
    for nummer in ("0099", "7001", "7002"):
        border = skjelett(nummer).land.grense
        assert any(shape.intersects(border) for shape in frame.geometry)
        assert any(0 < shape.distance(border) < 10_000 for shape in frame.geometry)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"orderLines": []},
        {"orderLines": [3]},
        order(RP, "0301"),
        order(RP, "0099", projections=[{"code": "3857"}]),
        order(RP, "0099", formats=[{"name": "SOSI"}]),
        order(RP, "0099", areas=[]),
    ],
)
def test_orders_that_are_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    assert client.post(f"{API}/order", json=body).status_code == 400


def test_unknown_datasets_and_orders(client: httpx.Client) -> None:
    assert client.post(f"{API}/order", json=order("ukjent", "0099")).status_code == 404
    assert client.get(f"{API}/order/ukjent").status_code == 404


@pytest.mark.parametrize("layer", ["KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde"])
def test_gdal_reads_the_plans_as_they_are(layer: str, tmp_path: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(KP, "0099", 25833))) as packed:
        file = tmp_path / "plan.gml"
        file.write_bytes(packed.read(packed.namelist()[0]))
    frame = pyogrio.read_dataframe(file, layer=layer)
    plan = invent("0099").plan
    objects = [o for s in ("kommuneplaner", "kommunedelplaner") for o in plan.get(f"{s}/{layer}", ())]
    assert len(frame) == len(objects)
    assert frame.crs.to_epsg() == 25833
    assert frame.geometry.area.sum() == pytest.approx(sum(o["geometry"].area for o in objects), abs=0.1)
