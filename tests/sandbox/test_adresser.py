"""The invented addresses, and that they are served as the specification of the real service says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from pyproj import Geod, Transformer

from tasks.sandbox.adresser import PREFIX, adresser_i, create_router
from tasks.sandbox.kommune import invent
from tasks.sandbox.serve import Server
from tests.waiting import PATIENCE_S

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "adresser"
URL = f"{PREFIX}/punktsok"
X, Y = -120_000.0, 6_740_000.0


class AddressServer(Server):
    name = "addresses"

    def make_app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(create_router())
        return app


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with AddressServer() as server, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as one:
        yield one


def search(client: httpx.Client, **params: object) -> dict[str, Any]:
    asked = {"lat": Y, "lon": X, "radius": 3_000, "koordsys": 25833} | params
    answer = client.get(URL, params={k: str(v) for k, v in asked.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_addresses_lie_at_the_buildings_and_are_the_same_everywhere() -> None:
    adresser = adresser_i("0099")
    assert 500 < len(adresser.rader) < len(invent("0099").bygninger)
    places = {(b.punkt.x, b.punkt.y) for b in invent("0099").bygninger if b.punkt is not None}
    assert {tuple(xy) for xy in adresser.xy.tolist()} <= places
    first = [r["adressetekst"] for r in adresser.rader[6:12]]
    assert first == ["Bøkeveien 1B", "Bøkebakken 2", "Haugen, Furustien 1", "Torskstien 1", "Prøvevegen 1", "8/702"]
    texts = [r["adressetekstutenadressetilleggsnavn"] for r in adresser.rader if r["objtype"] == "Vegadresse"]
    assert len(texts) > 400


def test_nearest_first_and_the_distance_is_true(client: httpx.Client) -> None:
    found = search(client, treffPerSide=1000, radius=900, utkoordsys=25833)["adresser"]
    distance = [row["meterDistanseTilPunkt"] for row in found]
    assert distance == sorted(distance)
    assert 20 < len(found) < len(adresser_i("0099").rader)
    assert max(distance) <= 900
    back = Transformer.from_crs(25833, 4258, always_xy=True)
    here = back.transform(X, Y)
    for row in found[:: len(found) // 10]:
        there = back.transform(row["representasjonspunkt"]["lon"], row["representasjonspunkt"]["lat"])
        true = Geod(ellps="GRS80").inv(*here, *there)[2]
        assert row["meterDistanseTilPunkt"] == pytest.approx(true, rel=0.005)  # a sphere is not the earth
    left_out = np.hypot(*(adresser_i("0099").xy - (X, Y)).T) < 880
    assert left_out.sum() <= len(found)


def test_pages_add_up(client: httpx.Client) -> None:
    whole = search(client, treffPerSide=1000)
    total = whole["metadata"]["totaltAntallTreff"]
    assert total == len(whole["adresser"]) == len(adresser_i("0099").rader)
    pages = [search(client, treffPerSide=100, side=k) for k in range(total // 100 + 2)]
    assert [row for page in pages for row in page["adresser"]] == whole["adresser"]
    assert pages[-1]["adresser"] == []
    assert pages[2]["metadata"] | {"sokeStreng": ""} == {
        "asciiKompatibel": True,
        "side": 2,
        "sokeStreng": "",
        "totaltAntallTreff": total,
        "treffPerSide": 100,
        "viserFra": 200,
        "viserTil": 300,
    }
    assert len(search(client)["adresser"]) == 10


def test_only_ten_thousand_can_be_reached(client: httpx.Client) -> None:
    asked = {"lat": 7_990_000, "lon": 1_000_000, "radius": 20_000, "treffPerSide": 1000}
    assert len(adresser_i("7002").rader) > 10_000
    last = search(client, side=9, **asked)
    assert (len(last["adresser"]), last["metadata"]["totaltAntallTreff"]) == (1000, 10_000)
    assert client.get(URL, params={"koordsys": 25833, "side": 10, **asked}).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"treffPerSide": "1001"}, "treffPerSide"),
        ({"treffPerSide": "0"}, "treffPerSide"),
        ({"side": "-1"}, "side"),
        ({"treffPerSide": "1000", "side": "10"}, "side"),
        ({"lat": "x"}, "lat"),
        ({"lat": "nan"}, "lat"),
        ({"lon": ""}, "lon"),
        ({"radius": "1.5"}, "radius"),
        ({"radius": "9" * 5_000}, "radius"),
        ({"koordsys": "3857"}, "koordsys"),
        ({"utkoordsys": "x"}, "utkoordsys"),
        ({"adresse": "x"}, "adresse"),
    ],
)
def test_what_the_service_refuses(client: httpx.Client, wrong: dict[str, str], name: str) -> None:
    answer = client.get(URL, params={"lat": "60", "lon": "4", "radius": "10"} | wrong)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]
    assert client.get(URL, params={"lat": "60", "lon": "4"}).status_code == 400


def test_coordinate_systems_of_question_and_answer(client: httpx.Client) -> None:
    lon, lat = Transformer.from_crs(25833, 4258, always_xy=True).transform(X, Y)
    plane = search(client, utkoordsys=25833)["adresser"]
    degrees = search(client, lat=f"{lat:.9f}", lon=f"{lon:.9f}", koordsys=4258)["adresser"]
    assert [r["adressetekst"] for r in degrees] == [r["adressetekst"] for r in plane]
    assert degrees[0]["representasjonspunkt"]["epsg"] == "EPSG:4258"
    point = plane[0]["representasjonspunkt"]
    assert point["epsg"] == "EPSG:25833"
    moved = Transformer.from_crs(25833, 4258, always_xy=True).transform(point["lon"], point["lat"])
    there = degrees[0]["representasjonspunkt"]
    assert (there["lon"], there["lat"]) == pytest.approx(moved, abs=1e-9)


def test_filters_name_what_is_kept(client: httpx.Client) -> None:
    answer = search(client, filtrer="metadata,adresser.postnummer,adresser.representasjonspunkt")
    assert set(answer["adresser"][0]) == {"postnummer", "representasjonspunkt"}
    assert answer["metadata"]["treffPerSide"] == 10
    assert set(search(client, filtrer="metadata.side")) == {"metadata"}
    assert search(client, filtrer="metadata.side")["metadata"] == {"side": 0}


def test_the_name_of_a_house_stands_before_the_address() -> None:
    rows = adresser_i("7001").rader
    named = [r for r in rows if r["adressetilleggsnavn"]]
    assert len(named) > 100
    for row in rows:
        own = row["adressetekstutenadressetilleggsnavn"]
        name = row["adressetilleggsnavn"]
        assert row["adressetekst"] == (f"{name}, {own}" if name else own)
    assert {r["objtype"] for r in rows} == {"Vegadresse", "Matrikkeladresse"}
    assert all(len(r["postnummer"]) == 4 for r in rows)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not beside this checkout")
def test_members_are_those_of_the_real_answer(client: httpx.Client) -> None:
    real = json.loads((SHARED / "sok_sample.json").read_text(encoding="utf-8"))
    ours = search(client)
    assert set(ours["metadata"]) == set(real["metadata"])
    assert set(ours["adresser"][0]) == set(real["adresser"][0]) | {"meterDistanseTilPunkt"}
    spec = json.loads((SHARED / "adressesok_openapi.json").read_text(encoding="utf-8"))
    known = {p["name"] for p in spec["paths"]["/punktsok"]["get"]["parameters"]}
    for name in known:
        value = {"asciiKompatibel": "true", "filtrer": "metadata"}.get(name, "25833" if "koordsys" in name else "1")
        assert client.get(URL, params={"lat": "1", "lon": "1", "radius": "1", name: value}).status_code == 200
