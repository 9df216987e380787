"""Seams: polygons whose borders run along each other, but not through the same points, are joined into one.

Two neighbours share a border exactly only where both have the same vertices. A vertex that only one of them has (a
T-junction) leaves a hairline between them as soon as coordinates are projected or rounded, and a union keeps them
apart. Here such vertices are put into the border of the other before the union: no other coordinate moves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from tasks.land.clean import Geometries
from tasks.land.differanse import Indices, components, groups, near


def is_hairline(polygons: Geometries, tolerance_m: float) -> np.ndarray:
    """Return which polygons are narrower than the tolerance: a strip of width w has area / perimeter = w / 2."""
    result: np.ndarray = shapely.area(polygons) <= 0.5 * tolerance_m * shapely.length(polygons)
    return result


def stitch(polygons: Geometries, *, tolerance_m: float, within: Indices | None = None) -> tuple[Geometries, Indices]:
    """Join polygons that share a border within a tolerance; those that only meet in a point stay apart.

    Parameters
    ----------
    polygons : (n,) array of Polygon
        Pairwise disjoint but for points, one metric CRS, as from `differanse.dissolve`.
    tolerance_m
        How far a vertex may lie from the border that it belongs on. A polygon narrower than this joins nothing.
    within : (n,) array, optional
        Only polygons with the same number here are joined.

    Returns
    -------
    polygons : (m,) array of Polygon
        Those that join nothing are the same objects as before. Of the others no border has moved further than the
        tolerance: the area changes by the hairline, at most tolerance × the length of the edges along it.
    polygon_of : (n,) array
        For each polygon the one that it became part of.
    """
    left, right = _near(polygons, tolerance_m)
    if within is not None:
        together = within[left] == within[right]
        left, right = left[together], right[together]
    if not len(left):
        return polygons, np.arange(len(polygons))
    label = components(len(polygons), left, right)
    stitched: list[shapely.Polygon] = []
    polygon_of = np.empty(len(polygons), dtype=np.intp)
    for members in groups(label):
        if len(members) == 1:
            parts, owner = polygons[members], np.zeros(1, dtype=np.intp)
        else:
            inside = label[left] == label[members[0]]
            pairs = np.searchsorted(members, np.column_stack([left[inside], right[inside]]))
            parts, owner = _join(polygons[members], pairs, tolerance_m)
        polygon_of[members] = len(stitched) + owner
        stitched.extend(parts)
    return np.array(stitched, dtype=object), polygon_of


def _near(polygons: Geometries, tolerance_m: float) -> tuple[Indices, Indices]:
    """Return the near pairs of which neither is a hairline itself."""
    wide = np.flatnonzero(~is_hairline(polygons, tolerance_m))
    left, right = near(polygons[wide], tolerance_m)
    return wide[left], wide[right]


def _join(members: Geometries, pairs: Indices, tolerance_m: float) -> tuple[Geometries, Indices]:
    """Return the union of near polygons after snapping, and for each member the part it became."""
    current = np.array(members, dtype=object)
    for i, j in pairs:
        current[j] = _snap(current[j], current[i], tolerance_m)
        current[i] = _snap(current[i], current[j], tolerance_m)
    parts = shapely.get_parts(shapely.union_all(current))
    owner: Indices = shapely.STRtree(parts).nearest(shapely.point_on_surface(current))
    for part, member in zip(*np.unique(owner, return_index=True), strict=True):
        if (owner == part).sum() == 1:  # joined nothing: as it was
            parts[part] = members[member]
    return parts, owner


def _snap(polygon: shapely.Polygon, other: shapely.Polygon, tolerance_m: float) -> shapely.Polygon:
    """Return `polygon` with the vertices of `other` that lie along it; itself where snapping would break it."""
    # GEOS compares every vertex with every other: only those near both that are not shared already are handed to it.
    window = np.concatenate(
        [
            np.maximum(shapely.bounds(polygon)[:2], shapely.bounds(other)[:2]) - tolerance_m,
            np.minimum(shapely.bounds(polygon)[2:], shapely.bounds(other)[2:]) + tolerance_m,
        ]
    )
    mine, theirs = (_vertices(geometry, window) for geometry in (polygon, other))
    points = shapely.points(theirs[~np.isin(theirs @ [1, 1j], mine @ [1, 1j])])
    shapely.prepare(polygon)
    points = points[shapely.dwithin(polygon, points, tolerance_m)]
    shapely.destroy_prepared(polygon)
    if not len(points):
        return polygon
    snapped = shapely.snap(polygon, shapely.multipoints(points), tolerance_m)
    sound = snapped.geom_type == "Polygon" and not snapped.is_empty and snapped.is_valid
    return snapped if sound else polygon


def _vertices(polygon: shapely.Polygon, window: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the vertices inside a window (west, south, east, north)."""
    xy: npt.NDArray[np.float64] = shapely.get_coordinates(polygon)
    inside = (xy >= window[:2]) & (xy <= window[2:])
    return xy[inside.all(axis=1)]
