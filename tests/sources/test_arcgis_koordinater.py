"""ArcGIS coordinates: degrees in place of metres, zones, rings, and geometries that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from config.registers import Kommune
from tasks.sources import arcgis
from tasks.sources.limits import Limits

from .arcgis_layer import Layer
from .asking import AREA, Asking
from .conftest import Handler, Upstream, square

Ask = Callable[..., Any]


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Ask:
    """Return a function that reads a layer; `fails=True` gives the message of its refusal."""

    def call(layer: Layer, *, fails: bool = False, area: Any = AREA, **kilde: Any) -> Any:
        upstream.answer = layer
        asking = Asking(arcgis.read, f"{upstream.url}/MapServer", protokoll="arcgis", lag={"RpOmråde": "0"}, **kilde)
        if fails:
            return asking.fails(kommune, limits, tmp_path)
        rows = asking(kommune, limits, tmp_path, area=area)
        assert asking.said == len(rows)
        return rows

    return call


def in_degrees(shape: dict[str, Any]) -> dict[str, Any]:
    to = Transformer.from_crs(25833, 4326, always_xy=True)
    return {"type": "Polygon", "coordinates": [[list(to.transform(x, y)) for x, y in shape["coordinates"][0]]]}


@pytest.mark.parametrize("label", [None, "EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:25833"])
def test_degrees_in_place_of_metres_are_moved(ask: Ask, label: str | None) -> None:
    layer = Layer()
    layer.rows = [Layer.row(n, in_degrees(square(-120_000 + 200 * n))) for n in (1, 2)]
    layer.page = {"crs": {"type": "name", "properties": {"name": label}}} if label else {}
    rows = ask(layer)
    assert rows.geometry.iloc[0].bounds == pytest.approx((-119_800, 6_740_000, -119_700, 6_740_100), abs=0.01)
    assert rows.geometry.area.to_numpy() == pytest.approx(np.full(2, 10_000.0), abs=0.1)


def test_degrees_and_metres_on_one_page(ask: Ask) -> None:
    layer = Layer()
    layer.rows[1] = Layer.row(2, in_degrees(square()))
    assert "1 of 2 features on one page are in degrees" in ask(layer, fails=True)


@pytest.mark.parametrize(
    ("geometry", "label", "said"),
    [
        (square(6_740_000, -120_000), None, "swapped axes"),
        (square(59.9, 10.7, 0.01), None, "outside Norway"),
        (square(), "EPSG:4326", "its coordinates are metres"),
        (square(), "EPSG:3857", "says EPSG:3857"),
    ],
)
def test_coordinates_that_cannot_be_placed(ask: Ask, geometry: Any, label: str | None, said: str) -> None:
    layer = Layer()
    layer.rows = [Layer.row(n, geometry) for n in (1, 2)]
    layer.page = {"crs": {"type": "name", "properties": {"name": label}}} if label else {}
    assert said in ask(layer, fails=True)


def test_another_zone_is_moved_when_it_is_named(ask: Ask) -> None:
    layer = Layer()
    layer.rows = [Layer.row(1, square(297_000, 6_700_000))]
    layer.page = {"crs": {"type": "name", "properties": {"name": "EPSG:25832"}}}
    x, y = Transformer.from_crs(25832, 25833, always_xy=True).transform(297_000, 6_700_000)
    assert shapely.distance(ask(layer).geometry.iloc[0], shapely.Point(x, y)) < 0.01


# --- ArcGIS's own JSON ---


def own_json(*rows: dict[str, Any] | None, **more: Any) -> Layer:
    layer = Layer(supportedQueryFormats="JSON", maxRecordCount=100)
    layer.rows = [{"attributes": {"FID": n}, "geometry": g} for n, g in enumerate(rows, 1)]
    layer.select = lambda _asked: layer.rows  # type: ignore[method-assign]
    layer.page = {"spatialReference": {"wkid": 25833}} | more
    return layer


def ring(x: float, y: float, side: float) -> list[list[float]]:
    """Return a square ring, clockwise."""
    return [[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]]


def test_rings_with_holes_and_no_geometry_at_all(ask: Ask) -> None:
    outer, hole = ring(-120_000, 6_740_000, 100), ring(-119_950, 6_740_050, 10)
    rows = ask(own_json({"rings": [outer, hole[::-1]]}, None, {"rings": []}))
    assert list(rows.geometry.isna()) == [False, True, True]
    assert rows.geometry.iloc[0].area == 9_900
    assert list(rows["FID"]) == ["1", "2", "3"]


def test_degrees_in_own_json_are_moved(ask: Ask) -> None:
    rings = in_degrees(square())["coordinates"]
    rows = ask(own_json({"rings": rings}, spatialReference={"wkid": 4326, "latestWkid": 4326}))
    assert rows.geometry.area.iloc[0] == pytest.approx(10_000, abs=0.1)


@pytest.mark.parametrize(
    "geometry",
    [
        {"curveRings": [[[0, 0], {"c": [[3, 3], [1, 4]]}]]},
        {"rings": [[["a", "b"]]]},
        {"rings": 7},
        {"rings": [[[1], [2]]]},
        {"annet": 1},
    ],
)
def test_geometry_that_is_none(ask: Ask, geometry: dict[str, Any]) -> None:
    assert "a geometry cannot be read" in ask(own_json(geometry), fails=True)


def test_infinite_coordinates_are_refused(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> None:
    layer = own_json({"rings": [ring(1, 2, 3)]})
    answer = json.dumps({"features": layer.rows}).replace("[1, 2]", "[1e999, 2]").encode()

    def send(handler: Handler) -> None:
        is_page = b"outFields" in handler.server.asked[-1].body
        handler.send(answer) if is_page else layer(handler)

    upstream.answer = send
    asking = Asking(arcgis.read, f"{upstream.url}/MapServer", protokoll="arcgis", lag={"RpOmråde": "0"})
    assert "a coordinate that is no number" in asking.fails(kommune, limits, tmp_path)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"type": "Group Layer", "fields": None}, "no layer with rows (Group Layer)"),
        ({"capabilities": "Map"}, "can be drawn, but not asked"),
    ],
)
def test_layer_that_cannot_be_asked(ask: Ask, about: dict[str, Any], said: str) -> None:
    assert said in ask(Layer(**about), fails=True)
