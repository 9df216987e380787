"""Stier: geometry as one path of matplotlib, so that a whole layer is drawn in one call. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely
from matplotlib.path import Path

NOTHING = Path(np.empty((0, 2)))


def path_of(forms: Iterable[Any]) -> Path:
    """Return polygons, of whatever nesting, as one path whose holes stay empty; lines and points are left out."""
    flat = shapely.get_parts(np.array(list(forms), dtype=object))
    while len(flat) and (shapely.get_type_id(flat) > shapely.GeometryType.POLYGON).any():
        flat = shapely.get_parts(flat)
    polygons = flat[shapely.get_type_id(flat) == shapely.GeometryType.POLYGON] if len(flat) else flat
    polygons = polygons[~shapely.is_empty(polygons)] if len(polygons) else polygons
    if not len(polygons):
        return NOTHING
    # a hole that runs against its outline is empty, however many polygons lie upon each other
    rings = shapely.get_rings(shapely.orient_polygons(polygons))
    counts = shapely.get_num_coordinates(rings)
    codes = np.full(counts.sum(), Path.LINETO, dtype=Path.code_type)
    ends = np.cumsum(counts)
    codes[ends - counts] = Path.MOVETO
    codes[ends - 1] = Path.CLOSEPOLY
    return Path(shapely.get_coordinates(rings), codes)


def squares(points: Iterable[Any], side: float) -> Path:
    """Return a square around each point."""
    found = list(points)
    if not found:
        return NOTHING
    x, y = shapely.get_coordinates(found).T
    return path_of(shapely.box(x - side / 2, y - side / 2, x + side / 2, y + side / 2))
