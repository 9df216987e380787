"""WFS from MapServer: every feature that it holds, page by page, whatever its own count says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.registers import Kommune
from tasks.sandbox.kommune import invent
from tasks.sources import wfs
from tasks.sources.limits import Limits
from tests.mapserver import KOMMUNEFELT, LAYERS, PAGE, MapServer, plan_objects, serving

from .asking import Asking


@pytest.fixture(scope="module")
def mapserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapServer]:
    with serving(tmp_path_factory.mktemp("mapserver")) as server:
        yield server


@pytest.mark.parametrize(
    ("tema", "versjon", "felt", "epsg"),
    [
        ("kommuneplan", "1.1.0", None, 25832),
        # The rest of what a service may be asked for meets `test_mapserver` too.
        pytest.param("kommuneplan", "2.0.0", None, 4258, marks=pytest.mark.long),
        pytest.param("kommuneplan", "1.1.0", KOMMUNEFELT, 25833, marks=pytest.mark.long),
        pytest.param("reguleringsplan", "2.0.0", KOMMUNEFELT, 25833, marks=pytest.mark.long),
    ],
)
def test_every_feature_comes_once(
    mapserver: MapServer,
    kommune: Kommune,
    limits: Limits,
    tmp_path: Path,
    tema: str,
    versjon: str,
    felt: str | None,
    epsg: int,
) -> None:
    asking = Asking(wfs.read, mapserver.address("0099", tema), protokoll="wfs", tema=tema, lag=LAYERS[tema])
    area = invent("0099").grense
    frame = asking(kommune, limits, tmp_path, area=area, versjon=versjon, kommunefelt=felt, epsg=epsg)
    # MapServer leaves out what has no geometry
    held = {o: [f for f in plan_objects("0099", tema, o) if f["geometry"] is not None] for o in LAYERS[tema]}
    assert max(map(len, held.values())) > PAGE
    assert frame["objekttypenavn"].value_counts().to_dict() == {o: len(rows) for o, rows in held.items() if rows}
    wanted = sum(f["geometry"].area for rows in held.values() for f in rows)
    assert frame.geometry.area.sum() == pytest.approx(wanted, rel=1e-5)


def test_context_is_read_by_the_names_that_are_configured(
    mapserver: MapServer, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    lag, area = {"Omrade": LAYERS["kommuneplan"]["KpOmråde"]}, invent("0099").grense
    asking = Asking(wfs.read, mapserver.address("0099", "kommuneplan"), protokoll="wfs", tema="jord_ar50", lag=lag)
    rows = asking(kommune, limits, tmp_path, area=area)
    held = [o for o in plan_objects("0099", "kommuneplan", "KpOmråde") if o["geometry"] is not None]
    assert len(rows) == asking.said == len(held)
    said = asking.fails(kommune, limits, tmp_path, lag={"Omrade": "KPA_Feil"})
    assert "has no type KPA_Feil, but ms:" in said


def test_short_names_of_a_crs_with_north_first_are_refused(
    mapserver: MapServer, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    """As MapServer writes GML 3.1 in degrees."""
    asking = Asking(wfs.read, mapserver.address("0099", "kommuneplan"), protokoll="wfs", lag=LAYERS["kommuneplan"])
    said = asking.fails(kommune, limits, tmp_path, versjon="1.1.0", kommunefelt=KOMMUNEFELT, epsg=4258)
    assert "wrong order of axes (swapped)" in said
