"""Tomter: områder cut by property.

A row is one connected polygon of one område on one teig, of at least the area floor, in the CRS of the områder.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.clean import Geometries
from tasks.land.differanse import Indices, explode, hits, shared
from tasks.land.omraade import largest
from tasks.land.soem import is_hairline, stitch
from tasks.land.traader import chunks, in_threads, own


def cut(
    omraader: Geometries, teiger: Geometries, *, tolerance_m: float, traader: int = 1
) -> tuple[Geometries, Indices, Indices]:
    """Return the polygons that områder and teiger share, of any area but no hairlines.

    Parameters
    ----------
    omraader, teiger : arrays of valid polygons, one metric CRS
    tolerance_m
        What is narrower is where two borders do not quite meet, and no piece of land.
    traader
        Threads to share the områder between.

    Returns
    -------
    polygons : (m,) array of Polygon
        By område and teig.
    omraade, teig : (m,) arrays
        Index of the område and of the teig of each polygon.

    Notes
    -----
    A teig wholly inside an område is the polygon itself: no intersection is computed.
    """
    tree = shapely.STRtree(teiger)

    def cut_chunk(chunk: Indices) -> tuple[Geometries, Indices, Indices]:
        polygons, i, j = _cut(own(omraader[chunk]), teiger, tree, tolerance_m)
        return polygons, chunk[i], j

    weights = shapely.get_num_coordinates(omraader).astype(float)
    found = in_threads(cut_chunk, chunks(weights, traader), traader=traader)
    polygons, i, j = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((j, i))
    return polygons[order], i[order], j[order]


def _cut(
    targets: Geometries, teiger: Geometries, tree: shapely.STRtree, tolerance_m: float
) -> tuple[Geometries, Indices, Indices]:
    shapely.prepare(targets)
    i, j = tree.query(targets, predicate="intersects")
    whole = shapely.contains_properly(targets[i], teiger[j])
    shapely.destroy_prepared(targets)
    common = np.array(teiger[j], dtype=object)
    common[~whole] = shared(targets, i[~whole], teiger, j[~whole])
    polygons, pair = explode(common)
    land = ~is_hairline(polygons, tolerance_m)
    polygons, pair = _mended(polygons[land], pair[land], tolerance_m)
    return polygons, i[pair], j[pair]


def _mended(polygons: Geometries, pair: Indices, tolerance_m: float) -> tuple[Geometries, Indices]:
    """Join the pieces of one område on one teig that only a hairline in the område keeps apart."""
    several = np.bincount(pair)[pair] > 1 if len(pair) else np.zeros(0, dtype=bool)
    stitched, piece_of = stitch(polygons[several], tolerance_m=tolerance_m, within=pair[several])
    pair_of = np.empty(len(stitched), dtype=np.intp)
    pair_of[piece_of] = pair[several]
    return np.concatenate([polygons[~several], stitched]), np.concatenate([pair[~several], pair_of])


def find_tomter(
    omraader: gpd.GeoDataFrame,
    pieces: gpd.GeoDataFrame,
    teiger: gpd.GeoDataFrame,
    *,
    floor_m2: float,
    tolerance_m: float,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the lots, sorted by teig and place.

    Parameters
    ----------
    omraader, pieces
        As from `omraade.find_omraader`.
    teiger
        Contract `teiger`, cleaned, same CRS.
    floor_m2
        Smallest lot; smaller pieces are counted in the account.

    Returns
    -------
    GeoDataFrame
        omraade (row number), teig_id, matrikkelenheter, har_tvist, areal_m2, and klasse, arealstatus and plan_ider
        of the zones under the lot; Polygon.
    """
    polygons, omraade, teig = cut(omraader.geometry.to_numpy(), teiger.geometry.to_numpy(), tolerance_m=tolerance_m)
    area = shapely.area(polygons)
    large = area >= floor_m2
    _tell(omraader, teiger["teig_id"].to_numpy()[teig], omraade, area, large=large, account=account)
    polygons, omraade, teig = polygons[large], omraade[large], teig[large]
    frame = teiger.loc[teig, ["teig_id", "matrikkelenheter", "har_tvist"]].reset_index(drop=True)
    tomter = gpd.GeoDataFrame(pd.DataFrame(frame), geometry=polygons, crs=omraader.crs)
    tomter = tomter.assign(omraade=omraade, areal_m2=area[large])
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons)).reshape(-1, 2)
    order = np.lexsort((inside[:, 1], inside[:, 0], tomter["teig_id"].to_numpy().astype(str)))
    tomter = tomter.iloc[order].reset_index(drop=True)
    return tomter.join(zones_under(tomter.geometry.to_numpy(), pieces))


def _tell(
    omraader: gpd.GeoDataFrame,
    teig_ider: npt.NDArray[np.object_],
    omraade: Indices,
    area: npt.NDArray[np.float64],
    *,
    large: npt.NDArray[np.bool_],
    account: Account,
) -> None:
    """Write the account: each piece of an område on a teig is a lot or too small; the rest lies on no teig.

    `uten teig_m2` is, område by område, its area less the sum of its pieces. Where teiger overlap that is too little
    (their shared part is counted twice), so below zero it is zero.
    """
    account.inn = len(area)
    account.drop("for små", sorted(teig_ider[~large]))
    account.note("områder uten tomt", len(omraader) - len(np.unique(omraade[large])))
    account.note("areal_m2", float(area[large].sum()))
    account.note("for små_m2", float(area[~large].sum()))
    covered = np.bincount(omraade, weights=area, minlength=len(omraader))
    bare = np.clip(omraader["areal_m2"].to_numpy(dtype=float) - covered, 0, None)
    account.note("uten teig_m2", round(float(bare.sum()), 1))
    account.close(int(large.sum()))


def zones_under(polygons: Geometries, pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return klasse, arealstatus and plan_ider of the zone pieces under each polygon, by largest shared area."""
    geometry = pieces.geometry.to_numpy()
    i, j = hits(np.array(polygons, dtype=object), geometry)
    common = shapely.area(polygons)[i]
    several = np.bincount(i, minlength=len(polygons))[i] > 1  # a lot that meets one piece lies on it
    common[several] = shapely.area(shared(geometry, j[several], polygons, i[several]))
    rows = pd.DataFrame(pieces.drop(columns="geometry")).iloc[j].assign(tomt=i, areal_m2=common)
    rows = rows[common > 0]
    return pd.DataFrame(
        {
            "klasse": largest(rows, "tomt", "klasse"),
            "arealstatus": largest(rows, "tomt", "arealstatus"),
            "plan_ider": rows.groupby("tomt")["plan_id"].agg(lambda ids: sorted(set(ids))),
        },
        index=pd.RangeIndex(len(polygons)),
    )
