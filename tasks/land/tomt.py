"""Tomter: områder cut by property.

A row is one connected polygon of one område on one teig, of at least the area floor, in the CRS of the områder.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.clean import Geometries, polygonal
from tasks.land.differanse import Indices, explode, hits
from tasks.land.omraade import largest


def cut(omraader: Geometries, teiger: Geometries, *, floor_m2: float) -> tuple[Geometries, Indices, Indices]:
    """Return the polygons that områder and teiger share, of at least `floor_m2`.

    Parameters
    ----------
    omraader, teiger : arrays of valid polygons, one metric CRS

    Returns
    -------
    polygons : (m,) array of Polygon
    omraade, teig : (m,) arrays
        Index of the område and of the teig of each polygon.

    Notes
    -----
    Two short-cuts, both exact: a pair whose bounding boxes share less than the floor cannot give a lot, and a teig
    wholly inside an område is the lot.
    """
    tree = shapely.STRtree(teiger)
    targets = np.array(omraader, dtype=object)
    shapely.prepare(targets)
    i, j = tree.query(targets, predicate="intersects")
    a, b = shapely.bounds(targets[i]), shapely.bounds(teiger[j])
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    possible = np.prod(sides, axis=1) >= floor_m2
    i, j = i[possible], j[possible]
    whole = shapely.contains_properly(targets[i], teiger[j])
    shapely.destroy_prepared(targets)
    shared = np.array(teiger[j], dtype=object)
    shared[~whole] = polygonal(shapely.intersection(targets[i[~whole]], teiger[j[~whole]]))
    polygons, pair = explode(shared)
    large = shapely.area(polygons) >= floor_m2
    return polygons[large], i[pair[large]], j[pair[large]]


def find_tomter(
    omraader: gpd.GeoDataFrame,
    pieces: gpd.GeoDataFrame,
    teiger: gpd.GeoDataFrame,
    *,
    floor_m2: float,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the lots, sorted by teig and place.

    Parameters
    ----------
    omraader, pieces
        As from `omraade.find_omraader`.
    teiger
        Contract `teiger`, cleaned, same CRS.

    Returns
    -------
    GeoDataFrame
        omraade (row number), teig_id, matrikkelenheter, har_tvist, areal_m2, and klasse, arealstatus and plan_ider
        of the zones under the lot; Polygon.
    """
    polygons, omraade, teig = cut(omraader.geometry.to_numpy(), teiger.geometry.to_numpy(), floor_m2=floor_m2)
    frame = teiger.loc[teig, ["teig_id", "matrikkelenheter", "har_tvist"]].reset_index(drop=True)
    tomter = gpd.GeoDataFrame(pd.DataFrame(frame), geometry=polygons, crs=omraader.crs)
    tomter = tomter.assign(omraade=omraade, areal_m2=shapely.area(polygons))
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons)).reshape(-1, 2)
    order = np.lexsort((inside[:, 1], inside[:, 0], tomter["teig_id"].to_numpy().astype(str)))
    tomter = tomter.iloc[order].reset_index(drop=True)
    tomter = tomter.join(zones_under(tomter.geometry.to_numpy(), pieces))
    account.inn = len(omraader)
    account.note("områder uten tomt", len(omraader) - len(np.unique(omraade)))
    account.note("areal_m2", float(tomter["areal_m2"].sum()))
    account.close(len(tomter))
    return tomter


def zones_under(polygons: Geometries, pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return klasse, arealstatus and plan_ider of the zone pieces under each polygon, by largest shared area."""
    geometry = pieces.geometry.to_numpy()
    i, j = hits(np.array(polygons, dtype=object), geometry)
    shared = shapely.area(polygons)[i]
    several = np.bincount(i, minlength=len(polygons))[i] > 1  # a lot that meets one piece lies on it
    shared[several] = shapely.area(shapely.intersection(polygons[i[several]], geometry[j[several]]))
    rows = pd.DataFrame(pieces.drop(columns="geometry")).iloc[j].assign(tomt=i, areal_m2=shared)
    rows = rows[shared > 0]
    return pd.DataFrame(
        {
            "klasse": largest(rows, "tomt", "klasse"),
            "arealstatus": largest(rows, "tomt", "arealstatus"),
            "plan_ider": rows.groupby("tomt")["plan_id"].agg(lambda ids: sorted(set(ids))),
        },
        index=pd.RangeIndex(len(polygons)),
    )
