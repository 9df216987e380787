"""MapServer over the invented municipalities: what our readers make of a server that is not ours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from owslib.feature.wfs110 import WebFeatureService_1_1_0
from owslib.feature.wfs200 import WebFeatureService_2_0_0

from config.kilder import Kilde
from tasks.errors import SourceError
from tasks.sources.kildesvar import PROTOCOLS
from tests import mapserver
from tests.mapserver import LAYERS, PAGE, MapServer

from . import onde_servere as onde

NUMMER = "0099"
EVERY = [(tjeneste, objekttype) for tjeneste, lag in LAYERS.items() for objekttype in lag]


@pytest.fixture(scope="module")
def kart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MapServer]:
    with mapserver.serving(tmp_path_factory.mktemp("mapserver"), [NUMMER]) as server:
        yield server


def read(kilde: Kilde, address: str, mappe: Path, **limits: Any) -> tuple[gpd.GeoDataFrame, int | None]:
    """Read a source whole."""
    pieces: list[gpd.GeoDataFrame] = []
    with onde.asking(kilde, address, mappe, **limits) as question:
        said = PROTOCOLS[kilde.protokoll](question, pieces.append)
    return gpd.GeoDataFrame(pd.concat(pieces, ignore_index=True), crs=25833), said


def invented(tjeneste: str, objekttype: str) -> gpd.GeoDataFrame:
    """Return what the service serves: MapServer leaves out rows without geometry, and says nothing of it."""
    objects = [o for o in mapserver.plan_objects(NUMMER, tjeneste, objekttype) if o["geometry"] is not None]
    shapes = [shapely.force_2d(o["geometry"]) for o in objects]
    return gpd.GeoDataFrame([mapserver.attributes(o) for o in objects], geometry=shapes, crs=25833)


def assert_same(rows: gpd.GeoDataFrame, wanted: gpd.GeoDataFrame, *, within_m: float = 0.01) -> None:
    """See every wanted row once, with all of its attributes, in its place and with its area to 1 m²."""
    assert_attributes(rows, wanted)
    ours, theirs = (_ordered(frame).geometry for frame in (rows, wanted))
    assert np.abs(ours.area.to_numpy() - theirs.area.to_numpy()).max() < max(1.0, 10_000 * within_m)
    assert np.abs(ours.bounds.to_numpy() - theirs.bounds.to_numpy()).max() < within_m


def assert_attributes(rows: gpd.GeoDataFrame, wanted: gpd.GeoDataFrame) -> None:
    columns = [c for c in wanted.columns if c != "geometry"]
    ours, theirs = (_texts(_ordered(frame), columns) for frame in (rows, wanted))
    pd.testing.assert_frame_equal(ours, theirs)


def _texts(frame: gpd.GeoDataFrame, columns: list[str]) -> pd.DataFrame:
    """Return attributes as text; XML cannot tell nothing from an empty text, and blanks at an end tell nothing."""
    return pd.DataFrame({c: [("" if pd.isna(v) else str(v)).strip() for v in frame[c]] for c in columns})


def _ordered(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return rows by id and place: some ids come twice, as in life."""
    bounds = frame.geometry.bounds.round(-1)
    return frame.assign(x=bounds.minx, y=bounds.miny).sort_values(["lokalid", "planid", "x", "y"])


# --- capabilities ---


@pytest.mark.parametrize("tjeneste", LAYERS)
def test_owslib_reads_the_capabilities(kart: MapServer, tmp_path: Path, tjeneste: str) -> None:
    url = kart.address(NUMMER, tjeneste)
    with onde.asking(mapserver.kilde(NUMMER, tjeneste), url, tmp_path) as question:
        for version, service in (("2.0.0", WebFeatureService_2_0_0), ("1.1.0", WebFeatureService_1_1_0)):
            asked = {"service": "WFS", "request": "GetCapabilities", "version": version}
            answer = question.client.get(url, params=asked, expected="xml")
            found = service(url, version, io.BytesIO(answer.content).getvalue(), False)
            assert {name.rpartition(":")[2] for name in found.contents} == set(LAYERS[tjeneste].values())


# --- WFS ---


@pytest.mark.parametrize(
    ("tjeneste", "versjon"),
    [
        ("kommuneplan", "1.1.0"),
        ("kommunedelplan", "2.0.0"),
        pytest.param("kommuneplan", "2.0.0", marks=pytest.mark.long),
        pytest.param("kommunedelplan", "1.1.0", marks=pytest.mark.long),
        *(pytest.param("reguleringsplan", versjon, marks=pytest.mark.long) for versjon in ("2.0.0", "1.1.0")),
    ],
)
def test_every_row_with_every_attribute(kart: MapServer, tmp_path: Path, tjeneste: str, versjon: str) -> None:
    kilde = mapserver.kilde(NUMMER, tjeneste, versjon=versjon)
    rows, said = read(kilde, kart.address(NUMMER, tjeneste), tmp_path)
    assert said == len(rows)
    for objekttype in LAYERS[tjeneste]:
        wanted = invented(tjeneste, objekttype)
        mine = rows[rows["objekttypenavn"] == objekttype]
        assert len(mine) == len(wanted), objekttype
        if len(wanted):
            assert_same(mine, wanted)


def test_a_layer_of_several_pages(kart: MapServer, tmp_path: Path) -> None:
    """Its answers are cut at `wfs_maxfeatures`, and so is the count that it gives to resultType=hits."""
    wanted = invented("reguleringsplan", "RbFormålOmråde")
    assert len(wanted) > 3 * PAGE
    kilde = mapserver.kilde(NUMMER, "reguleringsplan", lag={"RbFormålOmråde": "Reg_Formal_PBL85_paa_grunnen"})
    rows, said = read(kilde, kart.address(NUMMER, "reguleringsplan"), tmp_path)
    assert_same(rows, wanted)
    assert said == len(wanted)


@pytest.mark.parametrize(
    ("epsg", "kommunefelt"),
    [
        (25832, None),
        pytest.param(25835, mapserver.KOMMUNEFELT, marks=pytest.mark.long),
        pytest.param(4258, None, marks=pytest.mark.long),
        (4326, mapserver.KOMMUNEFELT),
    ],
)
def test_other_crs(kart: MapServer, tmp_path: Path, epsg: int, kommunefelt: str | None) -> None:
    lag = {"KpArealformålOmråde": LAYERS["kommuneplan"]["KpArealformålOmråde"]}
    kilde = mapserver.kilde(NUMMER, "kommuneplan", epsg=epsg, kommunefelt=kommunefelt, lag=lag)
    rows, _ = read(kilde, kart.address(NUMMER, "kommuneplan"), tmp_path)
    # Degrees come with six decimals, which is 0.1 m.
    assert_same(rows, invented("kommuneplan", "KpArealformålOmråde"), within_m=0.01 if epsg > 20_000 else 0.2)


def test_another_kommune_has_nothing(kart: MapServer, tmp_path: Path) -> None:
    kilde = mapserver.kilde(NUMMER, "kommuneplan")
    address = kart.address(NUMMER, "kommuneplan")
    pieces: list[gpd.GeoDataFrame] = []
    with onde.asking(kilde, address, tmp_path, kommune=onde.KOMMUNE.model_copy(update={"nummer": "7001"})) as question:
        assert PROTOCOLS["wfs"](question, pieces.append) == 0
    assert sum(map(len, pieces)) == 0


def test_an_unknown_type(kart: MapServer, tmp_path: Path) -> None:
    kilde = mapserver.kilde(NUMMER, "kommuneplan", lag={"KpOmråde": "Finnes_ikke"})
    with pytest.raises(SourceError, match=r"Finnes_ikke(.|\n)*KPA_Planomrade"):
        read(kilde, kart.address(NUMMER, "kommuneplan"), tmp_path)


def test_an_unknown_attribute(kart: MapServer, tmp_path: Path) -> None:
    kilde = mapserver.kilde(NUMMER, "kommuneplan", kommunefelt="finnes_ikke")
    with pytest.raises(SourceError):
        read(kilde, kart.address(NUMMER, "kommuneplan"), tmp_path)


def test_a_service_that_is_not_there(kart: MapServer, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="plankilder"):
        read(mapserver.kilde(NUMMER, "kommuneplan"), kart.address("7001", "kommuneplan"), tmp_path)


# --- OGC API Features ---


@pytest.fixture
def ogcapi(kart: MapServer) -> str:
    if not mapserver.supports("OGCAPI_SERVER"):
        pytest.skip("this build of MapServer has no OGC API (mapserv -v lacks SUPPORTS=OGCAPI_SERVER)")
    return kart.ogcapi(NUMMER, "kommuneplan")


def ogc_kilde(**more: Any) -> Kilde:
    # MapServer 8.0 filters by box alone and answers in CRS84 whatever it is asked.
    kilde = mapserver.kilde(NUMMER, "kommuneplan", protokoll="ogc_features", kommunefelt=None, kommuner=[NUMMER])
    return Kilde.model_validate(kilde.model_dump() | {"epsg": 4326} | more)


def test_ogc_api_features(ogcapi: str, tmp_path: Path) -> None:
    rows, said = read(ogc_kilde(), ogcapi, tmp_path)
    assert said == len(rows)
    for objekttype in LAYERS["kommuneplan"]:
        mine, wanted = rows[rows["objekttypenavn"] == objekttype], invented("kommuneplan", objekttype)
        assert_attributes(mine, wanted)
        # MapServer 8.0.0 gives every part of a multipolygon the holes of all of them.
        if (wanted.geom_type == "Polygon").all():
            assert_same(mine, wanted)


def test_ogc_api_that_does_not_page_is_found_out(ogcapi: str, tmp_path: Path) -> None:
    """MapServer 8.0.0 gives the first page for every offset."""
    with pytest.raises(SourceError, match="same page came twice"):
        read(ogc_kilde(), ogcapi, tmp_path, side=20)


def test_ogc_api_in_degrees_is_not_taken_for_metres(ogcapi: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="outside Norway"):
        read(ogc_kilde(epsg=25833), ogcapi, tmp_path)
