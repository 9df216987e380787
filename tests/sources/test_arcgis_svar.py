"""ArcGIS servers that mislead: counts, pages, errors with HTTP 200, filters that are not honoured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.registers import Kommune
from tasks.sources import arcgis
from tasks.sources.limits import Limits

from .arcgis_layer import Layer
from .asking import AREA, Asking
from .conftest import Upstream

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


def test_pages_are_followed_with_and_without_the_mark(ask: Ask) -> None:
    layer = Layer()
    assert list(ask(layer)["FID"]) == ["1", "2", "3"]
    assert {q["orderByFields"] for q in layer.questions if "resultOffset" in q} == {"FID"}
    marked = Layer()
    marked.page = {"properties": {"exceededTransferLimit": True}}
    assert len(ask(marked)) == 3
    assert [q["resultOffset"] for q in marked.questions if "resultOffset" in q] == ["0", "2", "3"]


def test_without_paging_rows_come_by_their_ids(ask: Ask) -> None:
    layer = Layer(advancedQueryCapabilities={"supportsPagination": False})
    assert len(ask(layer)) == 3
    assert [q["objectIds"] for q in layer.questions if "objectIds" in q] == ["1,2", "3"]


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("said", [2, 5])
def test_count_that_is_not_what_comes(ask: Ask, pages: bool, said: int) -> None:
    layer = Layer(advancedQueryCapabilities={"supportsPagination": pages})
    layer.count = lambda _asked: said
    layer.page = {"exceededTransferLimit": True}
    message = ask(layer, fails=True)
    assert f"says {said} features" in message or "same object ids" in message or "not all of them" in message


def test_rows_without_end_are_not_followed(ask: Ask, upstream: Upstream) -> None:
    layer = Layer()
    layer.select = lambda asked: [Layer.row(int(asked["resultOffset"]) + n) for n in (1, 2)]  # type: ignore[method-assign]
    layer.page = {"exceededTransferLimit": True}
    assert "says 3 features, 4 came" in ask(layer, fails=True)
    assert len(upstream.asked) == 5


def test_count_that_changes_while_reading(ask: Ask) -> None:
    layer = Layer()
    layer.count = lambda asked: 3 if asked == 1 else 4
    assert "changed from 3 to 4" in ask(layer, fails=True)


def test_count_that_is_none(ask: Ask) -> None:
    layer = Layer()
    layer.count = lambda _asked: "mange"  # type: ignore[assignment,return-value]
    assert "completeness cannot be checked" in ask(layer, fails=True)


def test_paging_that_is_not_honoured_ends(ask: Ask, upstream: Upstream) -> None:
    layer = Layer()
    layer.select = lambda _asked: layer.rows[:2]  # type: ignore[method-assign]
    layer.page = {"exceededTransferLimit": True}
    assert "same object ids came twice" in ask(layer, fails=True)
    assert len(upstream.asked) < 6


def test_rows_without_an_id(ask: Ask) -> None:
    layer = Layer()
    layer.rows[1] = {"type": "Feature", "geometry": None, "properties": {}}
    assert "1 features without FID" in ask(layer, fails=True)


@pytest.mark.parametrize(("code", "asked"), [(500, 2), (503, 2), (504, 2), (400, 1)])
def test_errors_with_200_are_asked_again_when_they_may_pass(ask: Ask, code: int, asked: int) -> None:
    layer = Layer()
    layer.error = lambda _asked: {"code": code, "message": "Error performing query operation", "details": []}
    assert f"{code} Error performing" in ask(layer, fails=True)
    assert len(layer.questions) == asked


def test_error_that_passes(ask: Ask) -> None:
    layer = Layer()
    layer.error = lambda asked: {"code": 504, "message": "Timeout"} if asked == 2 else None
    assert len(ask(layer)) == 3


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("esriFieldTypeString", "KOMM IN ('0301','301')"),
        ("esriFieldTypeInteger", "KOMM = 301"),
        ("esriFieldTypeDouble", "KOMM = 301"),
    ],
)
def test_value_is_written_for_the_type_of_its_column(
    upstream: Upstream, limits: Limits, tmp_path: Path, kind: str, where: str
) -> None:
    layer = Layer(fields=[{"name": "FID", "type": "esriFieldTypeOID"}, {"name": "KOMM", "type": kind}])
    layer.rows = [Layer.row(1, KOMM=301.0), Layer.row(2, KOMM="0301")]
    upstream.answer = layer
    oslo = Kommune(nummer="0301", navn="Oslo", fylke="Oslo", epsg=25832)
    asking = Asking(
        arcgis.read, f"{upstream.url}/MapServer", protokoll="arcgis", lag={"RpOmråde": "0"}, kommunefelt="komm"
    )
    assert list(asking(oslo, limits, tmp_path)["KOMM"]) == ["301", "0301"]
    assert {q["where"] for q in layer.questions if "where" in q} == {where}


def test_earlier_numbers_are_asked_for_too(ask: Ask) -> None:
    layer = Layer()
    layer.rows[1] = Layer.row(2, KOMM="0098")
    assert set(ask(layer, kommunefelt="KOMM")["KOMM"]) == {"0099", "0098"}
    assert layer.questions[0]["where"] == "KOMM IN ('0099','99','0098','98')"


def test_filter_that_is_not_honoured(ask: Ask) -> None:
    layer = Layer()
    layer.rows[2] = Layer.row(3, KOMM="4601")
    assert "got features of 4601" in ask(layer, fails=True, kommunefelt="KOMM")


def test_box_is_asked_for_unless_the_service_is_the_kommunes_own(ask: Ask) -> None:
    layer = Layer()
    ask(layer)
    box = json.loads(layer.questions[0]["geometry"])
    assert [box[k] for k in ("xmin", "ymin", "xmax", "ymax")] == list(AREA.bounds)
    assert (layer.questions[0]["inSR"], layer.questions[0]["geometryType"]) == ("25833", "esriGeometryEnvelope")
    for more in ({"kommuner": ["4601"]}, {"area": None}):
        own = Layer()
        ask(own, **more)
        assert all("geometry" not in q and q.get("where", "1=1") == "1=1" for q in own.questions)
