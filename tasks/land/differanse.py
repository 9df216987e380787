"""The differanse: zones minus everything that settles them, without ever building a union of it (the *fold*).

For each zone the plans that hit it are subtracted one after the other, the one with the largest expected overlap
first; all zones take their k-th difference in one vectorised call. Method and measurements: the fold is two to
ten times faster than a global union or an overlay, with the same result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from tasks.land.clean import Geometries, polygonal

Indices = npt.NDArray[np.intp]


def hits(targets: Geometries, tools: Geometries) -> tuple[Indices, Indices]:
    """Return the pairs (target, tool) that share at least a point.

    Parameters
    ----------
    targets, tools : arrays of valid polygons, one CRS
    """
    tree = shapely.STRtree(tools)
    shapely.prepare(targets)
    # A prepared geometry must not be met by another thread, nor carried further: it is unmade at once.
    target, tool = tree.query(targets, predicate="intersects")
    shapely.destroy_prepared(targets)
    return target, tool


def expected_overlap(targets: Geometries, tools: Geometries) -> npt.NDArray[np.float64]:
    """Return the shared bounding-box area × how much of its box each tool fills, m², pair by pair."""
    a, b = shapely.bounds(targets), shapely.bounds(tools)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    box = np.prod(b[:, 2:] - b[:, :2], axis=1)
    fill = np.divide(shapely.area(tools), box, out=np.zeros(len(box)), where=box > 0)
    overlap: npt.NDArray[np.float64] = np.prod(np.clip(sides, 0, None), axis=1) * fill
    return overlap


def subtract(targets: Geometries, tools: Geometries, *, floor_m2: float = 0.0) -> Geometries:
    """Return each target minus all tools.

    Parameters
    ----------
    targets, tools : arrays of valid polygons, one metric CRS
    floor_m2
        A target that falls below this area is given up (None). Exact, since area only shrinks.

    Returns
    -------
    (n,) array
        Polygon, MultiPolygon, or None where less than `floor_m2`, or nothing, is left.
    """
    current = np.array(targets, dtype=object)
    if len(current) and len(tools):
        target, tool = hits(current, tools)
        order = np.lexsort((-expected_overlap(current[target], tools[tool]), target))
        target, tool = target[order], tool[order]
        rank = np.arange(len(target)) - np.searchsorted(target, target)
        for k in range(int(rank.max(initial=-1)) + 1):
            now = (rank == k) & ~shapely.is_missing(current[target])
            i = target[now]
            left = polygonal(shapely.difference(current[i], tools[tool[now]]))
            left[shapely.area(left) < floor_m2] = None
            current[i] = left
    current[~(shapely.area(current) >= floor_m2)] = None
    return current


def explode(geometries: Geometries) -> tuple[Geometries, Indices]:
    """Return the single polygons of `geometries`, and for each the index where it came from."""
    present = np.flatnonzero(~shapely.is_missing(geometries))
    parts, source = shapely.get_parts(geometries[present], return_index=True)
    return parts, present[source]


def components(count: int, left: Indices, right: Indices) -> Indices:
    """Return for each of `count` nodes the smallest node that the pairs (left, right) connect it to."""
    label = np.arange(count)
    while True:
        new = label.copy()
        np.minimum.at(new, left, label[right])
        np.minimum.at(new, right, label[left])
        new = new[new]
        if (new == label).all():
            return label
        label = new


def groups(label: Indices) -> list[Indices]:
    """Return for each label, in order, the indices that carry it."""
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def dissolve(pieces: Geometries) -> tuple[Geometries, Indices]:
    """Join pieces that share a border or overlap into connected polygons.

    Parameters
    ----------
    pieces : (n,) array of Polygon

    Returns
    -------
    polygons : (m,) array of Polygon
        Pairwise disjoint but for single points. A hairline between two keeps them apart: `soem.stitch` closes it.
    polygon_of : (n,) array
        For each piece the polygon that it became part of.
    """
    if not len(pieces):
        return np.empty(0, dtype=object), np.empty(0, dtype=np.intp)
    label = components(len(pieces), *hits(np.array(pieces, dtype=object), pieces))
    joined: list[shapely.Polygon] = []
    polygon_of = np.empty(len(pieces), dtype=np.intp)
    for members in groups(label):
        if len(members) == 1:
            polygon_of[members] = len(joined)
            joined.append(pieces[members[0]])
            continue
        parts = shapely.get_parts(shapely.union_all(pieces[members]))
        inside = shapely.point_on_surface(pieces[members])
        owner = np.zeros(len(members), dtype=np.intp)
        if len(parts) > 1:  # pieces that only met in a point
            member, part = shapely.STRtree(parts).query(inside, predicate="intersects")
            owner[member] = part
        polygon_of[members] = len(joined) + owner
        joined.extend(parts)
    return np.array(joined, dtype=object), polygon_of
