"""Stops from the journey planner: what is asked, what is believed, and refusals in a body with status 200."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyproj import Transformer

from config.registers import Kommune
from tasks.sources import entur
from tasks.sources.limits import Limits

from .asking import AREA, Asking
from .conftest import Handler, Upstream


def stop(number: int, **more: Any) -> dict[str, Any]:
    row = {"id": f"NSR:StopPlace:{number}", "name": f"Holdeplass {number}", "transportMode": ["bus"]}
    return row | {"latitude": 60.72 + number / 10_000, "longitude": 7.4, **more}


def serve(*stops: Any, **more: Any) -> Callable[[Handler], None]:
    return lambda h: h.json({"data": {"stopPlacesByBbox": list(stops)}} | more)


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Callable[..., Any]:
    asking = Asking(
        entur.read, upstream.url, protokoll="entur", tema="holdeplass", lag={"Holdeplass": "stopPlacesByBbox"}
    )
    return lambda *, fails=False, **more: (asking.fails if fails else asking)(kommune, limits, tmp_path, **more)


def test_the_box_is_asked_for_in_degrees_by_someone_with_a_name(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = serve(stop(1), stop(2, name="Torget", transportMode="rail"))
    rows = ask(rundt_m=1000).set_index("stopp_id")
    asked = upstream.asked[0]
    body = json.loads(asked.body)
    box = body["variables"]
    assert {k.lower(): v for k, v in asked.headers.items()}["et-client-name"] == "tomtesourcing"
    assert "filterByInUse: true" in body["query"]
    lon, lat = Transformer.from_crs(25833, 4326, always_xy=True).transform(*AREA.centroid.coords[0])
    assert box["w"] < lon < box["e"]
    assert box["s"] < lat < box["n"]
    assert box["n"] - box["s"] > (AREA.bounds[3] - AREA.bounds[1] + 2000) / 111_500
    assert rows.loc["NSR:StopPlace:2", ["navn", "transport"]].tolist() == ["Torget", "rail"]
    assert rows.geometry.iloc[0].distance(rows.geometry.iloc[1]) == pytest.approx(11.1, abs=0.2)


def test_no_stop_is_no_rows(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = serve()
    assert not len(ask())


def test_hostile_values_are_cut_or_left_out(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = serve(
        stop(1, name="<script>" + "x" * 9000 + "\x00"),
        stop(1, name="igjen"),
        stop(2, name={"no": "Torget"}, transportMode=["bus", 7, "<b>", "bus", "tram"]),
        stop(3, latitude=None),
        stop(4, id=None),
        stop(5, id="x" * 1000),
        "tull",
        None,
    )
    rows = ask().set_index("stopp_id")
    assert list(rows.index) == ["NSR:StopPlace:1", "NSR:StopPlace:2"]
    assert len(rows["navn"].iloc[0]) == entur.MAX_TEXT
    assert rows["navn"].iloc[1] is None
    assert rows["transport"].iloc[1] == "bus,tram"


def test_a_box_that_is_too_much_is_quartered(upstream: Upstream, ask: Callable[..., Any]):
    def answer(handler: Handler) -> None:
        box = json.loads(handler.server.asked[-1].body)["variables"]
        if box["n"] - box["s"] > 0.02:
            handler.json({"errors": [{"message": "Too many stops"}], "data": None})
        else:
            handler.json({"data": {"stopPlacesByBbox": [stop(1), stop(len(handler.server.asked))]}})

    upstream.answer = answer
    rows = ask()
    assert len(upstream.asked) == 5
    assert len(rows) == 5  # one in every quarter is the same


def test_what_is_always_too_much_ends(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = lambda h: h.json({"errors": [{"message": "Too\nmany <b>stops</b>"}]})
    assert "Too many" in ask(fails=True)
    assert len(upstream.asked) == 1 + entur.MAX_DEPTH


def test_a_question_that_is_not_understood_is_asked_once(upstream: Upstream, ask: Callable[..., Any]):
    error = {"message": "Field 'x' is undefined", "extensions": {"classification": "ValidationError"}}
    upstream.answer = lambda h: h.json({"errors": [error]})
    assert "is not understood: Field" in ask(fails=True)
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"data": {}}, "no list of stops"),
        ({"data": None}, "no list of stops"),
        ({"data": {"stopPlacesByBbox": {}}}, "no list of stops"),
        (
            {"data": {"stopPlacesByBbox": [stop(1, latitude="60"), stop(2, longitude=9e9)]}},
            "2 of 2 stops have no place",
        ),
    ],
)
def test_an_answer_that_is_none(upstream: Upstream, ask: Callable[..., Any], body: Any, said: str):
    upstream.answer = lambda h: h.json(body)
    assert said in ask(fails=True)


def test_a_server_that_is_down_is_asked_again_and_then_named(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = lambda h: h.send(b"", status=503)
    assert "HTTP 503" in ask(fails=True)
    assert len(upstream.asked) == 2


def test_more_stops_than_there_are(upstream: Upstream, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entur, "MAX_STOPS", 3)
    upstream.answer = serve(*(stop(n) for n in range(5)))
    assert "more than 3 stops" in ask(fails=True)
