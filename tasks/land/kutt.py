"""The parcel cut: what områder and teiger share."""

from __future__ import annotations

import numpy as np
import shapely

from tasks.land.clean import Geometries
from tasks.land.differanse import Indices, explode, shared
from tasks.land.soem import is_hairline, stitch
from tasks.land.traader import chunks, in_threads, own


def cut(
    omraader: Geometries,
    teiger: Geometries,
    *,
    tolerance_m: float,
    least_m2: float = 0.0,
    most_m2: float = np.inf,
    traader: int = 1,
) -> tuple[Geometries, Indices, Indices]:
    """Return the polygons that områder and teiger share, of any area but no hairlines.

    Parameters
    ----------
    omraader, teiger : arrays of valid polygons, one metric CRS
    tolerance_m
        What is narrower is where two borders do not quite meet, and no piece of land; 0 = everything is taken as it is.
    least_m2, most_m2
        Only pairs whose bounding boxes share at least the one and less than the other: an exact bound for what they
        share themselves, found without looking at either.
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
        targets = own(omraader[chunk])
        pairs = _pairs(targets, teiger, tree, (least_m2, most_m2))
        polygons, i, j = _cut(targets, teiger, *pairs, tolerance_m=tolerance_m)
        return polygons, chunk[i], j

    weights = shapely.get_num_coordinates(omraader).astype(float)
    found = in_threads(cut_chunk, chunks(weights, traader), traader=traader)
    polygons, i, j = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((j, i))
    return polygons[order], i[order], j[order]


def _pairs(
    targets: Geometries, teiger: Geometries, tree: shapely.STRtree, limits: tuple[float, float]
) -> tuple[Indices, Indices]:
    """Return the pairs whose bounding boxes share an area within the limits."""
    i, j = tree.query(targets)
    a, b = shapely.bounds(targets), shapely.bounds(teiger)
    east, north = (np.minimum(a[i, k], b[j, k]) for k in (2, 3))
    west, south = (np.maximum(a[i, k], b[j, k]) for k in (0, 1))
    common = (east - west) * (north - south)
    chosen = (common >= limits[0]) & (common < limits[1])
    return i[chosen], j[chosen]


def _cut(
    targets: Geometries, teiger: Geometries, i: Indices, j: Indices, *, tolerance_m: float
) -> tuple[Geometries, Indices, Indices]:
    shapely.prepare(targets)
    met = shapely.intersects(targets[i], teiger[j])
    i, j = i[met], j[met]
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
    if tolerance_m == 0:
        return polygons, pair
    several = np.bincount(pair)[pair] > 1 if len(pair) else np.zeros(0, dtype=bool)
    stitched, piece_of = stitch(polygons[several], tolerance_m=tolerance_m, within=pair[several])
    pair_of = np.empty(len(stitched), dtype=np.intp)
    pair_of[piece_of] = pair[several]
    return np.concatenate([polygons[~several], stitched]), np.concatenate([pair[~several], pair_of])
