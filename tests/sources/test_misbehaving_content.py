"""Answers that are well formed and wrong: changed schemas, swapped axes, numbers that are none, pages without end."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.sandbox.upstream import UpstreamServer

from . import onde_servere as onde
from . import ondskap
from .onde_servere import KILDER, LOGIN, misbehaving, refused

pytestmark = pytest.mark.long

Change = Callable[[bytes], bytes]
JSON_KILDER = ["ogc_features", "arcgis", "arcgis_esri"]
ALL = list(KILDER)


@pytest.fixture(scope="module")
def bak() -> Iterator[str]:
    with UpstreamServer(username=LOGIN[0], password=LOGIN[1]) as server:
        yield server.url


# --- changes ---


def of_features(change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    """Change the features of each JSON page that has some."""

    def changed(content: bytes) -> bytes:
        if not content.startswith(b"{"):
            return content
        page = json.loads(content)
        if not page.get("features"):
            return content
        page["features"] = change(page["features"])
        return json.dumps(page).encode()

    return changed


def _elsewhere(feature: dict[str, Any]) -> dict[str, Any]:
    text = re.sub(r'"0099"|\b99\b', "4601", json.dumps(feature))
    made: dict[str, Any] = json.loads(text)
    return made


def _swapped(value: Any) -> Any:
    if isinstance(value, list) and len(value) >= 2 and all(isinstance(v, int | float) for v in value):
        return [value[1], value[0], *value[2:]]
    if isinstance(value, list):
        return [_swapped(v) for v in value]
    return {k: _swapped(v) for k, v in value.items()} if isinstance(value, dict) else value


def swapped_axes(content: bytes) -> bytes:
    if content.startswith(b"{"):
        data = json.loads(content)
        for feature in data.get("features", [data.get("omrade", {})]):
            shape = feature.get("geometry") or (feature if "coordinates" in feature else {})
            for key in ("coordinates", "rings"):
                if key in shape:
                    shape[key] = _swapped(shape[key])
        return json.dumps(data).encode()
    return re.sub(rb"(?<=[> ])(-?\d+\.?\d*) (-?\d+\.?\d*)(?=[ <])", rb"\2 \1", content)


def coordinate(text: str) -> Change:
    """Put something else where the first coordinate of each geometry stands."""
    new = text.encode()

    def changed(content: bytes) -> bytes:
        if content.startswith(b"{"):
            return re.sub(rb'("(?:coordinates|rings)":\s*\[+\s*)-?\d[\d.]*', rb"\g<1>" + new, content)
        return re.sub(rb"(<gml:posList[^>]*>\s*)-?\d[\d.]*", rb"\g<1>" + new, content)

    return changed


def twice_said(content: bytes) -> bytes:
    """Say every list, object and count of a JSON answer a second time, empty: readers differ in which they believe."""
    if not content.startswith(b"{"):
        return content
    again = {list: b"[]", dict: b"{}", int: b"0"}
    more = [b'"%s":%s' % (k.encode(), again[type(v)]) for k, v in json.loads(content).items() if type(v) in again]
    return content.rstrip()[:-1] + b"," + b",".join(more) + b"}" if more else content


def another_layer(content: bytes) -> bytes:
    """Call the layers something else wherever the service names them, but where it was asked for one by name."""
    return re.sub(
        rb"(?i)\b(?:rp|kparealform(?:\xc3\xa5|a|\\u00e5)l)omr(?:\xc3\xa5|a|\\u00e5)de\b|(?<=app:)Teig\b|(?<=\")Teig\b",
        b"Annet",
        content,
    )


# --- tests ---


@pytest.mark.parametrize("protokoll", ALL)
def test_swapped_axes(bak: str, tmp_path: Path, protokoll: str) -> None:
    with misbehaving(bak, ondskap.changed(swapped_axes)) as server:
        message = refused(KILDER[protokoll], server.url, tmp_path)
    assert re.search("swapped|are not in EPSG:25833", message), message


@pytest.mark.parametrize(
    ("protokoll", "text"),
    [
        # Each protocol reads NaN and two more; all with all among the `long` tests.
        pytest.param(protokoll, text, marks=() if text == "NaN" or (k - n) % 6 in {0, 1} else pytest.mark.long)
        for k, text in enumerate(["NaN", "1e999", "-1e999", "null", "9e99", '"x"', "[]"])
        for n, protokoll in enumerate(ALL)
    ],
)
def test_coordinates_that_are_none(bak: str, tmp_path: Path, protokoll: str, text: str) -> None:
    with misbehaving(bak, ondskap.changed(coordinate(text))) as server:
        refused(KILDER[protokoll], server.url, tmp_path)


@pytest.mark.parametrize(
    "protokoll",
    [
        "ogc_features",
        "arcgis",
        pytest.param("arcgis_esri", marks=pytest.mark.long),
        "nedlasting",
        "kommuneinfo",
    ],
)
def test_what_is_said_twice_is_not_believed(bak: str, tmp_path: Path, protokoll: str) -> None:
    """An empty list after a full one: the last wins in most readers, and nothing would look like an honest nothing."""
    with misbehaving(bak, ondskap.well_behaved) as server:
        onde.read(KILDER[protokoll], server.url, tmp_path)
        steps = len(server.asked)
    for step in range(1, steps + 1):
        with misbehaving(bak, ondskap.at_step(step, ondskap.changed(twice_said))) as server:
            refused(KILDER[protokoll], server.url, tmp_path)


@pytest.mark.parametrize("protokoll", ["ogc_features", "arcgis", "wfs"])
def test_a_layer_that_is_gone(bak: str, tmp_path: Path, protokoll: str) -> None:
    with misbehaving(bak, ondskap.changed(another_layer)) as server:
        refused(KILDER[protokoll], server.url, tmp_path)


@pytest.mark.parametrize("protokoll", ["ogc_features", "arcgis", pytest.param("arcgis_esri", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda features: features[:-1], id="one-missing"),
        pytest.param(lambda features: [*features, features[0]], id="one-twice"),
        pytest.param(lambda features: {"a": features}, id="no-list"),
        pytest.param(lambda features: [[f] for f in features], id="no-objects"),
        pytest.param(lambda features: [f | {"geometry": {"type": "Spiral"}} for f in features], id="no-geometry"),
        pytest.param(lambda features: [f | {"geometry": 7} for f in features], id="a-number"),
        pytest.param(lambda features: [_elsewhere(f) for f in features], id="another-kommune"),
    ],
)
def test_pages_that_do_not_add_up(bak: str, tmp_path: Path, protokoll: str, change: Callable[[Any], Any]) -> None:
    with misbehaving(bak, ondskap.changed(of_features(change))) as server:
        refused(KILDER[protokoll], server.url, tmp_path)


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("protokoll", JSON_KILDER)
def test_pages_without_end(bak: str, tmp_path: Path, protokoll: str, counted: bool) -> None:
    """Always ten new features, and always more to come."""
    number, query = itertools.count(1), ""

    def more(content: bytes) -> bytes:
        page = json.loads(content)
        if "count" in page:
            return json.dumps({"count": 1_000_000_000}).encode()
        if not page.get("features"):
            return content
        page["features"] = [_renewed(f, next(number)) for f in page["features"][:10]]
        page["exceededTransferLimit"] = True
        page.pop("numberMatched", None)
        if counted:
            page["numberMatched"] = 1_000_000_000
        page["links"] = [{"rel": "next", "href": f"?{query}&offset={next(number)}"}]
        return json.dumps(page).encode()

    def answer(innslag: onde.Innslag) -> None:
        nonlocal query
        innslag.path = re.sub(r"&?offset=\d+", "", innslag.path)
        query = innslag.path.partition("?")[2]
        innslag.body = re.sub(rb"resultOffset=\d+", b"resultOffset=0", innslag.body)
        ondskap.changed(more)(innslag)

    with misbehaving(bak, answer) as server:
        message = refused(KILDER[protokoll], server.url, tmp_path, maks_bytes=300_000, sekunder_kilde=120)
        assert "bytes" in message, message
        assert len(server.asked) > 5


def _renewed(feature: dict[str, Any], number: int) -> dict[str, Any]:
    text = json.dumps(feature)
    for name in ("objid", "OBJECTID", "objectid", "id", "FID"):
        text = re.sub(rf'"{name}": "?\d+"?', f'"{name}": {number}', text)
    made: dict[str, Any] = json.loads(text)
    return made


@pytest.mark.parametrize("href", ["{kanari}/next?offset=1", "file:///etc/passwd?offset=1", "//[::1?offset=1", "?"])
def test_next_pages_elsewhere_are_not_fetched(bak: str, tmp_path: Path, href: str) -> None:
    """OGC API: the next page lies on another host, which the reader has no business with."""
    with onde.kanari(tmp_path / "kanari") as kanari:
        links = [{"rel": "next", "href": href.format(kanari=kanari.url)}]

        def elsewhere(content: bytes) -> bytes:
            page = json.loads(content)
            if "features" in page:
                page |= {"links": links, "numberMatched": 1_000_000}
            return json.dumps(page).encode()

        with misbehaving(bak, ondskap.changed(elsewhere)) as server:
            refused(KILDER["ogc_features"], server.url, tmp_path, side=10)
        assert kanari.er_urort
