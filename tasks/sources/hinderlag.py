"""Buildings and roads of a GIS user as obstacles: a row is what stands on the land; contract `HINDRE`, key hinder_id.

An id is what its column says, or the row's number in the file, counted from 1, after the word for what it is.
Everything in the file stands: a status is not looked at.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.sources.vektorfil import Kolonne
from tasks.sources.vektorlag import LOKAL_ID

BYGNINGER, VEGER = "bygninger", "veger"
HINDER_ID = "hinder_id"
USUAL = {
    BYGNINGER: (HINDER_ID, "bygning_id", "bygningsid", "bygningsnummer", "bygningsnr", *LOKAL_ID),
    VEGER: (HINDER_ID, "veg_id", *LOKAL_ID),
}
POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)


def columns(name: str) -> tuple[Kolonne, ...]:
    """Return the columns of `BYGNINGER` or of `VEGER`."""
    return (Kolonne(HINDER_ID, USUAL[name]),)


def buildings(frame: gpd.GeoDataFrame, *, account: Account) -> gpd.GeoDataFrame:
    """Return the buildings as obstacles: `bygning` where the outline is known, `bygningspunkt` where a point is.

    Parameters
    ----------
    frame
        `id`; Polygon, MultiPolygon, Point or MultiPoint.

    Returns
    -------
    GeoDataFrame
        hinder_id, slag (contract `HINDRE`), in the CRS and the order of `frame`.
    """
    point = np.isin(shapely.get_type_id(frame.geometry.to_numpy()), POINTS)
    account.note("kjent ved punkt", int(point.sum()))
    return _as_hindre(frame, "bygning", np.where(point, "bygningspunkt", "bygning"), account=account)


def roads(frame: gpd.GeoDataFrame, *, account: Account) -> gpd.GeoDataFrame:
    """Return the surfaces of roads as obstacles, as `buildings` does; Polygon or MultiPolygon."""
    return _as_hindre(frame, "veg", np.full(len(frame), "veg"), account=account)


def _as_hindre(frame: gpd.GeoDataFrame, word: str, slag: np.ndarray, *, account: Account) -> gpd.GeoDataFrame:
    """Return the rows with ids of their own: ``bygning-300025``, and ``…#2`` for a second row of the same id."""
    own = frame["id"]
    turn = own.groupby(own).cumcount()
    account.note("samme id", int((turn > 0).sum()), own[turn > 0])
    ids = [f"{word}-{i}#{n + 1}" if n else f"{word}-{i}" for i, n in zip(own, turn, strict=True)]
    return gpd.GeoDataFrame(
        {HINDER_ID: pd.Series(ids, dtype=object), "slag": pd.Series(slag, dtype=object)},
        geometry=frame.geometry.to_numpy(),
        crs=frame.crs,
    )
