"""Flater: polygons as arrays, sound and shared between threads.

GEOS frees the interpreter's lock while it computes, so threads share the cores. A *prepared* geometry that two threads
meet crashes the interpreter: whoever prepares here prepares copies (`own`), never what it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from shapely import GeometryType

Geometries = npt.NDArray[np.object_]
Objects = npt.NDArray[np.object_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
T = TypeVar("T")

SURFACES = (GeometryType.POLYGON, GeometryType.MULTIPOLYGON)
PARTS_PER_THREAD = 4
"""More parts than threads, so that a thread that got easy ones takes another."""
WORTH_A_THREAD = 2_000
"""Fewer things than this are done before a second thread has started."""


def own(geometries: Geometries) -> Geometries:
    """Return copies that no other thread knows: they may be prepared."""
    copies: Geometries = shapely.force_2d(geometries)
    return copies


def in_threads(work: Callable[[slice], T], weights: Floats, *, traader: int, least: int | None = None) -> list[T]:
    """Return what `work` makes of consecutive slices of about equal weight, in order.

    Parameters
    ----------
    weights : (n,) array
        What each of the n things to do costs.
    traader
        Threads; 1 does it here, in one slice.
    least
        Fewer things than this are done here as well; None: than WORTH_A_THREAD.
    """
    count = len(weights)
    if traader <= 1 or count < (WORTH_A_THREAD if least is None else least):
        return [work(slice(0, count))]
    total = np.cumsum(weights, dtype=float)
    borders = np.searchsorted(total, np.linspace(0, total[-1], traader * PARTS_PER_THREAD + 1)[1:-1])
    edges = np.unique(np.concatenate([[0], borders, [count]]))
    slices = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    with ThreadPoolExecutor(traader) as pool:
        return list(pool.map(work, slices))


def is_readable(geometries: Geometries) -> Bools:
    """Return which geometries say where they are: polygons with something in them, every coordinate a number."""
    result = np.isin(shapely.get_type_id(geometries), [*SURFACES, GeometryType.GEOMETRYCOLLECTION])
    result &= ~shapely.is_empty(geometries)
    coordinates = shapely.get_coordinates(geometries)
    if not np.isfinite(coordinates).all():
        coordinates, row = shapely.get_coordinates(geometries, return_index=True)
        result[row[~np.isfinite(coordinates).all(axis=1)]] = False
    return result


def sound(geometries: Geometries, *, traader: int = 1) -> Geometries:
    """Return valid 2D polygons: Polygon or MultiPolygon, None where no land is left.

    Parameters
    ----------
    geometries : (n,) array
        Readable ones; what is invalid is mended as its rings say (`make_valid(method="structure")`).
    """
    weights = shapely.get_num_coordinates(geometries).astype(float) + 1
    parts = in_threads(lambda part: _sound(geometries[part]), weights, traader=traader)
    return np.concatenate(parts)


def _sound(geometries: Geometries) -> Geometries:
    flat: Geometries = np.array(geometries, dtype=object)
    tall = shapely.has_z(flat)
    flat[tall] = shapely.force_2d(flat[tall])
    invalid = ~shapely.is_valid(flat) & ~shapely.is_missing(flat)
    if invalid.any():
        flat[invalid] = shapely.make_valid(flat[invalid], method="structure", keep_collapsed=False)
    # Parts of a collection may lie over one another.
    for i in np.flatnonzero(shapely.get_type_id(flat) == GeometryType.GEOMETRYCOLLECTION):
        parts = sound(shapely.get_parts(shapely.get_parts(flat[i])))
        flat[i] = shapely.union_all(parts[~shapely.is_missing(parts)])
    return surfaces(flat)


def surfaces(geometries: Geometries) -> Geometries:
    """Return the polygons of what an overlay left: the lines and points where two only touch are taken out.

    Parameters
    ----------
    geometries : (n,) array
        Parts of one do not overlap.

    Returns
    -------
    (n,) array
        Polygon, MultiPolygon, or None.
    """
    result: Geometries = np.array(geometries, dtype=object)
    types = shapely.get_type_id(result)
    mixed = np.flatnonzero(types == GeometryType.GEOMETRYCOLLECTION)
    result[~np.isin(types, SURFACES) | shapely.is_empty(result)] = None
    if len(mixed):
        parts, row = shapely.get_parts(np.asarray(geometries, dtype=object)[mixed], return_index=True)
        parts, again = shapely.get_parts(parts, return_index=True)
        land = shapely.get_type_id(parts) == GeometryType.POLYGON
        rows, place = np.unique(row[again][land], return_inverse=True)
        if len(rows):
            result[mixed[rows]] = shapely.multipolygons(parts[land], indices=place)
    return result
