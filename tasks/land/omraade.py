"""Områder: the connected polygons of the differanse, with the zones that each lies on.

A row is one connected polygon of at least the area floor; borders between two housing zones do not cut it.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.clean import Geometries
from tasks.land.differanse import dissolve, explode, hits, subtract
from tasks.land.soem import stitch


def find_omraader(
    zones: gpd.GeoDataFrame, settled: Geometries, *, floor_m2: float, tolerance_m: float, account: Account
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the områder, and the pieces of zones that they are made of.

    Parameters
    ----------
    zones
        As from `soner.housing_zones`, own UTM zone.
    settled : array of polygons
        Adopted plans on the ground, same CRS.
    floor_m2
        Smallest område.
    tolerance_m
        Hairlines up to this width do not cut an område.

    Returns
    -------
    omraader : GeoDataFrame
        areal_m2, klasse and arealstatus (of the class or status with the largest area), sone_ider and sone_areal_m2
        (largest first), plan_ider; Polygon, same CRS.
    pieces : GeoDataFrame
        sone_id, klasse, arealstatus, plan_id, omraade (row number in `omraader`); Polygon.
    """
    left = subtract(zones.geometry.to_numpy(), settled)
    parts, zone = explode(left)
    polygons, polygon_of = dissolve(parts)
    before = len(polygons)
    polygons, stitched = stitch(polygons, tolerance_m=tolerance_m)
    polygon_of = stitched[polygon_of]
    area = shapely.area(polygons)
    large = area >= floor_m2
    number = np.cumsum(large) - 1
    keep = large[polygon_of]
    pieces = gpd.GeoDataFrame(
        zones.loc[zone[keep], ["sone_id", "objekttype", "kode", "klasse", "arealstatus", "plan_id"]].reset_index(
            drop=True
        ),
        geometry=parts[keep],
        crs=zones.crs,
    ).assign(omraade=number[polygon_of[keep]])
    frame = gpd.GeoDataFrame({"areal_m2": area[large]}, geometry=polygons[large], crs=zones.crs)
    omraader = frame.join(_attributes(pieces))
    account.inn = len(polygons)
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons[~large])).round()
    account.drop("for små", [f"{east:.0f} {north:.0f}" for east, north in inside])
    account.note("skjøtet", before - len(polygons))
    account.note("differanse_m2", float(area.sum()))
    account.note("for små_m2", float(area[~large].sum()))
    account.note("areal_m2", float(area[large].sum()))
    account.close(len(omraader))
    return omraader, pieces


def _attributes(pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    rows = pd.DataFrame(pieces.drop(columns="geometry")).assign(areal_m2=pieces.area.to_numpy())
    zones = (
        rows.groupby(["omraade", "sone_id"], sort=False)
        .agg({"areal_m2": "sum", "klasse": "first", "arealstatus": "first", "plan_id": "first"})
        .reset_index()
        .sort_values(["omraade", "areal_m2", "sone_id"], ascending=[True, False, True])
    )
    by = zones.groupby("omraade", sort=True)
    return pd.DataFrame(
        {
            "klasse": largest(zones, "omraade", "klasse"),
            "arealstatus": largest(zones, "omraade", "arealstatus"),
            "sone_ider": by["sone_id"].agg(list),
            "sone_areal_m2": by["areal_m2"].agg(list),
            "plan_ider": by["plan_id"].agg(lambda ids: sorted(set(ids))),
        }
    )


def largest(rows: pd.DataFrame, group: str, column: str) -> pd.Series:
    """Return for each `group` the value of `column` with the largest total `areal_m2`; ties by value."""
    total = rows.groupby([group, column])["areal_m2"].sum().reset_index()
    total = total.sort_values([group, "areal_m2", column], ascending=[True, False, True])
    return total.drop_duplicates(group).set_index(group)[column]


def touching_plans(geometries: Geometries, pending: gpd.GeoDataFrame) -> list[list[str]]:
    """Return for each polygon the ids of the pending plans that share area with it, sorted."""
    ids: list[set[str]] = [set() for _ in geometries]
    if len(geometries) and len(pending):
        plan_id = pending["plan_id"].to_numpy()
        i, j = hits(np.array(geometries, dtype=object), pending.geometry.to_numpy())
        shared = ~shapely.touches(geometries[i], pending.geometry.to_numpy()[j])
        for target, plan in zip(i[shared], j[shared], strict=True):
            ids[target].add(str(plan_id[plan]))
    return [sorted(found) for found in ids]
