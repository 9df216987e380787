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
from tasks.land.traader import chunks, in_threads, own

Indices = npt.NDArray[np.intp]

CROWD_MIN, CROWD_TOOLS, CROWD_VERTICES = 3, 32, 200_000
"""Fewest tools for which a union pays; tools, and tools × vertices, from which it does."""

GIANT_TOOLS, GIANT_WORK, GIANT_MARGIN_M = 8, 100_000, 1.0
"""Tools, and tools × vertices, from which a target is cut into windows; what a window is wider than its tools."""


def hits(targets: Geometries, tools: Geometries) -> tuple[Indices, Indices]:
    """Return the pairs (target, tool) that share at least a point.

    Parameters
    ----------
    targets, tools : arrays of valid polygons, one CRS
    """
    # The query prepares each target for itself and forgets it: nothing prepared is left for another thread to meet.
    target, tool = shapely.STRtree(tools).query(targets, predicate="intersects")
    return target, tool


def expected_overlap(targets: Geometries, tools: Geometries) -> npt.NDArray[np.float64]:
    """Return the shared bounding-box area × how much of its box each tool fills, m², pair by pair."""
    a, b = shapely.bounds(targets), shapely.bounds(tools)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    box = np.prod(b[:, 2:] - b[:, :2], axis=1)
    fill = np.divide(shapely.area(tools), box, out=np.zeros(len(box)), where=box > 0)
    overlap: npt.NDArray[np.float64] = np.prod(np.clip(sides, 0, None), axis=1) * fill
    return overlap


def subtract(targets: Geometries, tools: Geometries, *, floor_m2: float = 0.0, traader: int = 1) -> Geometries:
    """Return each target minus all tools.

    Parameters
    ----------
    targets, tools : arrays of valid polygons, one metric CRS
    floor_m2
        A target that falls below this area is given up (None). Exact, since area only shrinks.
    traader
        Threads to share the targets between.

    Returns
    -------
    (n,) array
        Polygon, MultiPolygon, or None where less than `floor_m2`, or nothing, is left.
    """
    current = np.array(targets, dtype=object)
    if len(current) and len(tools):
        tree = shapely.STRtree(tools)

        def fold(chunk: Indices) -> Geometries:
            return _fold(current[chunk], tools, tree, floor_m2)

        parts = chunks(shapely.get_num_coordinates(current).astype(float), traader)
        current = np.concatenate(in_threads(fold, parts, traader=traader))
    current[~(shapely.area(current) >= floor_m2)] = None
    return current


def _fold(targets: Geometries, tools: Geometries, tree: shapely.STRtree, floor_m2: float) -> Geometries:
    target, tool = tree.query(targets, predicate="intersects")
    crowded = _crowded(targets, target)
    current = np.array(targets, dtype=object)
    for i in np.flatnonzero(crowded):
        union = shapely.union_all(tools[tool[target == i]])
        current[i] = polygonal(np.array([shapely.difference(targets[i], union)], dtype=object))[0]
    few = ~crowded[target]
    target, tool = target[few], tool[few]
    # Ties go by place, not by the order of the input: the same land gives the same result however it was read.
    west, south, _, _ = shapely.bounds(tools[tool]).T
    order = np.lexsort((south, west, -expected_overlap(current[target], tools[tool]), target))
    target, tool = target[order], tool[order]
    rank = np.arange(len(target)) - np.searchsorted(target, target)
    for k in range(int(rank.max(initial=-1)) + 1):
        now = (rank == k) & ~shapely.is_missing(current[target])
        i = target[now]
        left = polygonal(shapely.difference(current[i], tools[tool[now]]))
        left[shapely.area(left) < floor_m2] = None
        current[i] = left
    return current


def _crowded(targets: Geometries, target: Indices) -> npt.NDArray[np.bool_]:
    """Return which targets are cheaper to cut once, by the union of what hits them.

    A fold goes over the whole target for every tool: for a zone that covers a kommune, or a border of a million
    vertices, that is the square of the work.
    """
    count = np.bincount(target, minlength=len(targets))
    work = count * shapely.get_num_coordinates(targets)
    result: npt.NDArray[np.bool_] = (count >= CROWD_MIN) & ((count > CROWD_TOOLS) | (work > CROWD_VERTICES))
    return result


def shared(targets: Geometries, i: Indices, tools: Geometries, j: Indices) -> Geometries:
    """Return what targets[i] and tools[j] share, pair by pair: polygons, or None.

    A target of very many vertices is cut down, by halves, to the windows in which its tools lie, so that no tool is
    compared with all of it. The windows are wider than the tools: they leave no trace in the result.
    """
    result = np.empty(len(i), dtype=object)
    count = np.bincount(i, minlength=len(targets))
    giant = (count * shapely.get_num_coordinates(targets) > GIANT_WORK) & (count > GIANT_TOOLS)
    plain = ~giant[i]
    result[plain] = shapely.intersection(targets[i[plain]], tools[j[plain]])
    for t in np.flatnonzero(giant):
        pairs = np.flatnonzero(i == t)
        result[pairs] = _shared_by_halves(targets[t], tools[j[pairs]])
    return polygonal(result)


def _shared_by_halves(giant: shapely.Geometry, tools: Geometries) -> Geometries:
    if len(tools) <= GIANT_TOOLS:
        found: Geometries = shapely.intersection(giant, tools)
        return found
    bounds = shapely.bounds(tools)
    middle = bounds[:, :2] + bounds[:, 2:]
    axis = int(np.argmax(np.ptp(middle, axis=0)))
    order = np.argsort(middle[:, axis], kind="stable")
    result = np.empty(len(tools), dtype=object)
    for half in np.array_split(order, 2):
        west, south = bounds[half, :2].min(axis=0) - GIANT_MARGIN_M
        east, north = bounds[half, 2:].max(axis=0) + GIANT_MARGIN_M
        window = shapely.intersection(giant, shapely.box(west, south, east, north))
        result[half] = _shared_by_halves(polygonal(np.array([window], dtype=object))[0], tools[half])
    return result


def near(polygons: Geometries, tolerance_m: float) -> tuple[Indices, Indices]:
    """Return the pairs within the tolerance, the lower index first, in order.

    Each pair is asked once, of the one with more vertices: it is prepared, so that its size hardly matters.
    """
    west, south, east, north = shapely.bounds(polygons).T
    t = tolerance_m
    i, j = shapely.STRtree(polygons).query(shapely.box(west - t, south - t, east + t, north + t))
    i, j = i[i < j], j[i < j]
    count = shapely.get_num_coordinates(polygons)
    large, small = np.where(count[i] < count[j], (j, i), (i, j))
    copies = own(polygons)
    asked = np.unique(large)
    shapely.prepare(copies[asked])
    pair = shapely.dwithin(copies[large], polygons[small], tolerance_m)
    i, j = i[pair], j[pair]
    order = np.lexsort((j, i))
    return i[order], j[order]


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
    label = components(len(pieces), *near(pieces, 0.0))
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
