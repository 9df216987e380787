"""Width: which polygons are as wide as asked somewhere, and what of them is that wide everywhere.

Two questions. `wide_enough` asks whether a polygon has *any* place that wide, which tells a strip along a border from
land: two halves joined by a neck pass it. `wide_parts` takes away every place that is narrower, necks too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from tasks.land.clean import Geometries, polygonal
from tasks.land.differanse import Indices, explode

# Segments of a quarter circle. A chord of an arc of radius r leaves it by r × (1 − cos(90° / 16)) = 0.5 % of r.
QUAD_SEGS = 8

# Dilated by a hair more than it was eroded, a polygon crosses its old border instead of running along it: cutting it
# there takes half the time, and straight sides get their own vertices back. Worth 0.02–0.05 m² of rounded corners.
HAIR_M = 0.001


def wide_enough(polygons: Geometries, *, width_m: float) -> npt.NDArray[np.bool_]:
    """Return which polygons a circle of diameter `width_m` fits into.

    Parameters
    ----------
    polygons : (n,) array of valid Polygon, one metric CRS
        None counts as narrow.
    width_m
        0 means no such rule: everything is wide enough.

    Returns
    -------
    (n,) array of bool

    Notes
    -----
    The circle fits when the polygon eroded by half the width is not empty. Most are told without eroding: with area
    A, perimeter P, h holes and r = `width_m` / 2

        A ≥ r P + max(h − 1, 0) π r²   implies that a circle of radius r fits.

    For the perimeter left after eroding by t is at most P + 2π (h − 1) t (Sz.-Nagy 1959), and the area is the sum of
    these perimeters over t up to the radius ρ of the largest circle: A ≤ ρ P + (h − 1) π ρ². Without holes and with
    one that bound is A / P ≥ r. With more it is not: a field of 1 ha with a pole every 4 m has A / P over 12 m, and
    no circle of radius 3 m fits. Where the bound does not decide, the erosion does; its arcs are chords, so what is
    less than 0.5 % of r too narrow may still pass.
    """
    if width_m == 0:
        return np.ones(len(polygons), dtype=bool)
    r = width_m / 2
    more_holes = np.maximum(shapely.get_num_interior_rings(polygons) - 1, 0)
    needed = r * shapely.length(polygons) + more_holes * np.pi * r**2
    # Of a MultiPolygon the holes are not counted, so the bound says nothing.
    single = shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON
    wide: npt.NDArray[np.bool_] = single & (shapely.area(polygons) >= needed)
    unsure = np.flatnonzero(~wide & ~shapely.is_missing(polygons))
    wide[unsure] = ~shapely.is_empty(shapely.buffer(polygons[unsure], -r, quad_segs=QUAD_SEGS))
    return wide


def wide_parts(polygons: Geometries, *, width_m: float) -> tuple[Geometries, Indices]:
    """Return the places that a circle of diameter `width_m` fills as it moves about inside its polygon.

    Parameters
    ----------
    polygons : (n,) array of valid Polygon or MultiPolygon, one metric CRS
        None has no such place.
    width_m
        0 means no such rule: the places are the single polygons.

    Returns
    -------
    parts : (m,) array of Polygon
        Never outside the input. Where a circle cannot get from one place to another these are two parts, though they
        may share the mouth between them.
    source : (m,) array
        For each part the index of its polygon.

    Notes
    -----
    Eroded by half the width r, and each connected piece dilated by it again. Their union is the morphological opening
    `buffer(-r).buffer(r)`; but the opening alone keeps two halves together at a pinch of any width, when the pinch is
    short enough for circles from both sides to overlap in it.

    The joins are round. A disc is the only shape for which the result lies inside the polygon, changes nothing when
    repeated, does not depend on direction, and never grows when the polygon shrinks; mitred joins keep square
    corners, but lose all four. The price is (1 − π / 4) r² at a right-angled corner, 1.9 m² for a width of 6 m. GEOS
    simplifies what it buffers by up to 1 % of r, and chords for arcs leave the polygon at its re-entrant corners: the
    result is cut with it once more, and the rest holds within 1 % of r.
    """
    if width_m == 0:
        return explode(polygons)
    eroded, source = explode(shapely.buffer(polygons, -width_m / 2, quad_segs=QUAD_SEGS))
    some = ~shapely.is_empty(eroded)
    eroded, source = eroded[some], source[some]
    dilated = shapely.buffer(eroded, width_m / 2 + HAIR_M, quad_segs=QUAD_SEGS)
    parts, piece = explode(polygonal(shapely.intersection(dilated, polygons[source])))
    return parts, source[piece]
