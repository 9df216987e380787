"""The files of the tests of `tomt differanse`: three layers whose areas are worked out by hand, and the command."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely import affinity, box

from config.settings import ROOT
from flows.differanse import Bestilling, Lagfil, differanse
from tasks.errors import TomtError

EAST, NORTH = 600_000, 6_600_000
FORMATS = ("parquet", "gpkg", "shp", "geojson", "gml", "fgb")


def place(west: float, south: float, east: float, north: float):
    return affinity.translate(box(west, south, east, north), EAST, NORTH)


def layer(shapes: list, crs: int | None = 25832, **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def soner(**columns: Any) -> gpd.GeoDataFrame:
    """Two zones side by side, 20,000 + 10,000 m², and one apart, 10,000."""
    shapes = [place(0, 0, 200, 100), place(200, 0, 300, 100), place(500, 0, 600, 100)]
    return layer(shapes, **({"arealformal": ["1110", "1119", "1130"]} | columns))


def planer(**columns: Any) -> gpd.GeoDataFrame:
    """5,000 of the first zone and 1,000 of the third are settled; the others have no force."""
    shapes = [place(0, 0, 50, 100), place(500, 0, 510, 100), place(0, 0, 600, 100), place(0, 0, 600, 100)]
    return layer(shapes, **({"planstatus": ["3", "Vedtatt", "2", None]} | columns))


def teiger(**columns: Any) -> gpd.GeoDataFrame:
    """The first two områder lie on a and b, b goes on beyond; c covers the third but for 3,000 m²."""
    shapes = [place(0, 0, 150, 100), place(150, 0, 320, 100), place(500, 0, 600, 70)]
    return layer(shapes, **({"teig_id": ["a", "b", "c"]} | columns))


def order(folder: Path, *, suffix: str = "parquet", **given: Any) -> Bestilling:
    """Write the frames and return the order; frames and options by name."""
    files = {}
    for name, usual in (("soner", soner), ("planer", planer), ("teiger", teiger)):
        frame = given.pop(name, None)
        files[name] = Lagfil(frame if isinstance(frame, Path) else written(usual() if frame is None else frame,
                                                                          folder / f"{name}.{suffix}"))  # fmt: skip
    return Bestilling(**files, ut=folder / "ut", **given)


def written(frame: gpd.GeoDataFrame, path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a shapefile cuts names to ten characters
            frame.to_file(path)
    return path


def results(folder: Path) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return gpd.read_parquet(folder / "ut" / "differanse.parquet"), gpd.read_parquet(folder / "ut" / "tomter.parquet")


def refused(asked: Bestilling, *words: str) -> None:
    with pytest.raises(TomtError) as caught:
        differanse(asked)
    said = str(caught.value)
    for word in words:
        assert word in said
    assert "\n" not in said
    assert not (asked.ut / "differanse.parquet").exists()


def adds_up(account: dict[str, Any]) -> None:
    for name in ("soner", "planer", "teiger", "omraader", "tomter"):
        step = account[name]
        assert step["inn"] - sum(gone["antall"] for gone in step["utelatt"].values()) == step["ut"], name
    areal = account["areal"]
    assert areal["differanse_m2"] == pytest.approx(areal["omraader_m2"] + areal["omraader_for_smaa_m2"], abs=1)
    cut = areal["tomter_m2"] + areal["for_smaa_m2"] + areal["for_smale_m2"] + areal["uten_teig_m2"]
    assert areal["omraader_m2"] == pytest.approx(cut - areal["paa_flere_teiger_m2"], abs=1)


def in_degrees(crs: str | int = 4326) -> dict[str, gpd.GeoDataFrame]:
    return {"soner": soner().to_crs(crs), "planer": planer().to_crs(crs), "teiger": teiger().to_crs(crs)}


def tomt(folder: Path, *arguments: str, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `tomt differanse` in a process of its own, or a script in its place."""
    called = ["-m", "flows.cli", "differanse", *arguments] if script is None else ["-c", script]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    return subprocess.run(
        [sys.executable, *called],
        cwd=folder,
        env={**kept, "TOMT_ENV_FILE": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
