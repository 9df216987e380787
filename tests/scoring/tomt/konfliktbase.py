"""A small register of conflicts, and frames of lots, cores and features around a corner in EPSG:25833."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.konflikt import Konflikter, Konfliktlag, Konfliktregler, Konflikttema
from tasks.crs import STORAGE_CRS
from tasks.scoring.tomt.konflikt import Konfliktmaal, maal_konflikt
from tasks.tomtekontrakter import KONFLIKTANDELER, KONFLIKTER

EAST, NORTH = 250_000.0, 6_620_000.0
"""The corner; all coordinates of the tests are metres from it."""

REGISTER = Konflikter(
    regler=Konfliktregler(stopp_andel=0.5, straff={"stopp": 1, "hard": 1, "myk": 0.4}),
    tema={
        "vern": Konflikttema(navn="Naturvern", vekt=3, trengs=("vern",)),
        "flom": Konflikttema(navn="Flom", vekt=2, trengs=("flom", "flom_aktsomhet")),
        "stoy": Konflikttema(navn="Støy", vekt=1, trengs=("stoy",)),
    },
    lag={
        "vern": Konfliktlag(navn="Verneområder", tema="vern", annet="stopp", tar_av_kjernen=True, kilde="lov"),
        "vern_foreslaatt": Konfliktlag(navn="Foreslått vern", tema="vern", annet="hard", kilde="antatt"),
        "flom": Konfliktlag(navn="Flomsoner", tema="flom", annet="hard", tar_av_kjernen=True, kilde="TEK17"),
        "flom_aktsomhet": Konfliktlag(navn="Aktsomhet", tema="flom", annet="myk", kilde="NVE"),
        "stoy": Konfliktlag(navn="Støysoner", tema="stoy", annet="hard", kilde="T-1442"),
    },
)


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a rectangle, metres from the corner."""
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def tomter(lots: Iterable[tuple[str, Any, float]]) -> gpd.GeoDataFrame:
    """Return lots of (id, geometry, kjerne_m2)."""
    ids, geometry, kjerne = zip(*lots, strict=True)
    data = {"tomt_id": list(ids), "kjerne_m2": np.array(kjerne, dtype=float)}
    return gpd.GeoDataFrame(data, geometry=list(geometry), crs=STORAGE_CRS)


def kjerner(cores: Mapping[str, tuple[Any, float]]) -> gpd.GeoDataFrame:
    """Return cores: id → geometry and own area."""
    data = {"tomt_id": list(cores), "areal_m2": np.array([m2 for _, m2 in cores.values()], dtype=float)}
    return gpd.GeoDataFrame(data, geometry=[geometry for geometry, _ in cores.values()], crs=STORAGE_CRS)


def konflikter(rows: Iterable[tuple[Any, ...]]) -> gpd.GeoDataFrame:
    """Return features of (lag, tema, alvor, geometry) and, if they have them, navn and verdi."""
    full = [(*row, None, None)[:6] for row in rows]
    if not full:
        return gpd.GeoDataFrame(KONFLIKTER.empty())
    lag, tema, alvor, geometry, navn, verdi = zip(*full, strict=True)
    data = {"lag": lag, "tema": tema, "alvor": alvor, "verdi": verdi, "navn": navn}
    return gpd.GeoDataFrame(pd.DataFrame(data, dtype=object), geometry=list(geometry), crs=STORAGE_CRS)


def dekning(known: Iterable[str] = tuple(REGISTER.lag)) -> pd.DataFrame:
    """Return that these layers are known, of all that there are."""
    known = set(known)
    return pd.DataFrame({"lag": list(REGISTER.lag), "er_kjent": [lag in known for lag in REGISTER.lag]})


def maal(lots: gpd.GeoDataFrame, cores: gpd.GeoDataFrame, features: gpd.GeoDataFrame, **given: Any) -> Konfliktmaal:
    """Return what is measured; the shares keep their contract."""
    chosen: dict[str, Any] = {"dekning": dekning(), "register": REGISTER, "epsg": 25833} | given
    found = maal_konflikt(lots, cores, features, **chosen)
    KONFLIKTANDELER.check(found.andeler)
    return found


def shares(found: Konfliktmaal) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Return lot, theme and alvor → share of the lot and of its core."""
    rows = found.andeler
    keys = zip(rows["tomt_id"], rows["tema"], rows["alvor"], strict=True)
    return dict(zip(keys, zip(rows["andel"], rows["andel_kjerne"], strict=True), strict=True))
