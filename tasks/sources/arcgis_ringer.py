"""Rings of an ArcGIS polygon → shapely: which ring is a hole in which, by containment first, then by orientation.

By the rules an outer ring turns clockwise and a hole the other way. Many real ones do not, so that a ring inside
another counts as its hole whichever way it turns, and an outer one is outer whichever way it turns. Orientation
decides where rings merely overlap: one that turns the other way is a hole that reaches too far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

Ring = npt.NDArray[np.float64]

MAX_RINGS = 5_000
"""Of one feature: the largest zone of a kommune with all its holes has some hundred, and rings that are compared with
each other take time by the square of their number."""


def geometry_of(
    esri: Mapping[str, Any] | None, *, in_time: Callable[[], None] = lambda: None
) -> shapely.Geometry | None:
    """Return an ArcGIS geometry as shapely, 2D; None where there is none.

    Parameters
    ----------
    esri
        With `rings`, `paths`, `points` or `x` and `y`.
    in_time
        Called again and again; raises when there is no time left.

    Raises
    ------
    ValueError
        When it is none of these: curves, which the server was told to straighten, or damage; or too many rings.
    """
    if not esri:
        return None
    if "rings" in esri:
        if len(esri["rings"]) > MAX_RINGS:
            raise ValueError(f"{len(esri['rings'])} rings in one feature, more than {MAX_RINGS}")
        return polygon_of([_line(ring) for ring in esri["rings"]], in_time=in_time)
    if "paths" in esri:
        return shapely.MultiLineString([_line(path) for path in esri["paths"] if len(path) > 1])
    if "points" in esri:
        return shapely.MultiPoint(_line(esri["points"]))
    if "x" in esri:
        return None if esri["x"] in {None, "NaN"} else shapely.Point(_line([[esri["x"], esri["y"]]])[0])
    kind = "curves" if "curveRings" in esri or "curvePaths" in esri else f"members {sorted(esri)[:4]}"
    raise ValueError(f"a geometry with {kind}")


def polygon_of(
    rings: Sequence[Ring], *, in_time: Callable[[], None] = lambda: None
) -> shapely.Polygon | shapely.MultiPolygon | None:
    """Return rings as a polygon, or several; None when no ring has three corners.

    Rings that cross themselves or each other give an invalid polygon: it is cleaned where all sources are.

    Examples
    --------
    >>> square = lambda a, b: np.array([[a, a], [b, a], [b, b], [a, b], [a, a]], float)
    >>> polygon_of([square(0, 10), square(2, 4)]).area
    96.0
    """
    usable = [ring for ring in rings if len(ring) >= 3]
    closed = _distinct([ring if (ring[0] == ring[-1]).all() else np.vstack([ring, ring[:1]]) for ring in usable])
    polygons = np.array([shapely.Polygon(ring) for ring in closed], dtype=object)
    if len(polygons) < 2:
        return polygons[0] if len(polygons) else None
    parents = _parents(polygons, in_time)
    holes: dict[int, list[Ring]] = {k: [] for k in range(len(closed)) if parents[k] is None}
    for k, parent in enumerate(parents):
        if parent is not None:
            holes[parent].append(closed[k])
    parts = [shapely.Polygon(closed[k], inner) for k, inner in holes.items()]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _line(points: Sequence[Sequence[float]]) -> Ring:
    """Return positions as pairs; heights and measures are left out."""
    pairs = np.array([(point[0], point[1]) for point in points], dtype=float).reshape(-1, 2)
    if not np.isfinite(pairs).all():
        raise ValueError("a coordinate that is no number")
    return pairs


def _distinct(rings: Sequence[Ring]) -> list[Ring]:
    """Return the rings with three corners or more, each once, the largest first."""
    usable = [ring for ring in rings if len(ring) >= 4]
    found = {shapely.to_wkb(shapely.normalize(shapely.Polygon(ring))): ring for ring in reversed(usable)}
    return sorted(found.values(), key=lambda ring: -abs(_signed_area(ring)))


def _parents(polygons: npt.NDArray[np.object_], in_time: Callable[[], None]) -> list[int | None]:
    """Return for each ring, the largest first, the outer ring that it is a hole in, or None when it is outer.

    A ring in another is in all that the other is in: where rings lie cleanly in or beside each other, the nearest one
    around tells. Only where they cross, all are looked at.
    """
    shapely.prepare(polygons)
    valid = shapely.is_valid(polygons)
    tree = shapely.STRtree(polygons)
    parents: list[int | None] = []
    depths: list[int | None] = []  # how many rings are around; None where that is not clean
    for k in range(len(polygons)):
        in_time()
        near = tree.query(polygons[k])  # by their boxes alone
        around: list[int] = np.sort(near[near < k]).tolist()
        depth, nearest = _clean_place(k, around, polygons, valid, depths)
        depths.append(depth)
        if depth is None:
            parents.append(_parent(k, around, polygons, parents))
        elif depth % 2 and nearest is not None:
            parents.append(nearest if parents[nearest] is None else parents[nearest])
        else:
            parents.append(None)
    return parents


def _clean_place(
    k: int,
    around: Sequence[int],
    polygons: npt.NDArray[np.object_],
    valid: npt.NDArray[np.bool_],
    depths: Sequence[int | None],
) -> tuple[int | None, int | None]:
    """Return how many rings are around a ring and the nearest of them; None, None where it crosses one."""
    for j in reversed(around):
        if not (valid[k] and valid[j]):  # whose predicates are not to be relied on
            return None, None
        if shapely.covers(polygons[j], polygons[k]):
            above = depths[j]
            return (None, None) if above is None else (above + 1, j)
        if shapely.intersects(polygons[j], polygons[k]) and not shapely.touches(polygons[j], polygons[k]):
            return None, None
    return 0, None


def _parent(
    k: int, candidates: list[int], polygons: npt.NDArray[np.object_], parents: Sequence[int | None]
) -> int | None:
    ring = shapely.get_coordinates(polygons[k])
    within, overlapped = [], []
    for j in candidates:
        # Point by point, since predicates on rings that cross themselves are not to be relied on.
        touched = shapely.intersects_xy(polygons[j], ring[:, 0], ring[:, 1])
        if touched.all() and _is_inside(polygons[k], polygons[j]):
            within.append(j)
        elif touched.any() and parents[j] is None and shapely.contains_xy(polygons[j], ring[:, 0], ring[:, 1]).any():
            overlapped.append(j)
    if len(within) % 2:  # in an outer ring, or in an island in one of its holes
        return next(j for j in reversed(within) if parents[j] is None)
    turned = [j for j in overlapped if _signed_area(shapely.get_coordinates(polygons[j])) * _signed_area(ring) < 0]
    return turned[-1] if turned and not within else None


def _is_inside(small: shapely.Polygon, large: shapely.Polygon) -> bool:
    """Say whether a polygon whose corners all lie in or on another does not merely fill a bay of it."""
    ring = shapely.get_coordinates(small)
    if shapely.contains_xy(large, ring[:, 0], ring[:, 1]).any():
        return True
    inner = shapely.point_on_surface(small)
    return bool(shapely.contains_xy(large, inner.x, inner.y))


def _signed_area(ring: Ring) -> float:
    """Return the area, above 0 when the ring turns anticlockwise."""
    x, y = (ring - ring[0]).T  # far from the origin, products of coordinates lose the area in rounding
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
