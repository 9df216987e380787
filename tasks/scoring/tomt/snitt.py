"""Snitt: what targets (lots and their cores) and features share, pair by pair.

Most pairs are settled without an overlay: a feature that holds the whole target, one that lies inside it, one that
only its bounding box meets. The others are cut, and a feature of very many vertices is first cut down, by halves, to
the windows in which its targets lie, so that no lot is compared with all of a coastline.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from tasks.scoring.tomt.flater import Bools, Floats, Geometries, Indices, in_threads, own, surfaces

WINDOW_VERTICES = 150
"""Vertices from which a feature is cut to a window around the target; below, cutting costs what it saves."""
FEW_TARGETS = 8
"""So many targets of one feature get windows of their own, without halving the feature once more."""
OFTEN = 8
"""Pairs of a feature from which it pays to prepare it, not its targets."""
MARGIN_M = 0.917
"""What a window is wider than its targets; no round number, so that its edge falls on no vertex of a grid."""


class Moeter(NamedTuple):
    """Pairs that share at least a point: index of the target, of the feature, and whether it holds the whole target."""

    maal: Indices
    flate: Indices
    er_helt: Bools


def boxes_that_meet(targets: Geometries, features: Geometries) -> tuple[Indices, Indices]:
    """Return the pairs (target, feature) whose bounding boxes meet, by feature.

    Parameters
    ----------
    targets, features : arrays of geometries, one metric CRS
    """
    feature, target = shapely.STRtree(targets).query(features)
    order = np.lexsort((target, feature))
    return target[order], feature[order]


def meet(targets: Geometries, features: Geometries, pairs: tuple[Indices, Indices], *, traader: int = 1) -> Moeter:
    """Return which pairs share a point, and which targets lie wholly inside the feature.

    Parameters
    ----------
    targets, features : arrays of valid polygons
    pairs
        Of `boxes_that_meet`.
    """
    i, j = pairs
    often = np.bincount(j, minlength=len(features))[j] >= OFTEN
    met, whole = np.zeros((2, len(i)), dtype=bool)
    seldom = np.flatnonzero(~often)[np.argsort(i[~often], kind="stable")]
    met[seldom], whole[seldom] = settle(targets, i[seldom], features[j[seldom]], traader=traader)
    met[often], whole[often] = _meet_often(targets, i[often], features, j[often], traader=traader)
    return Moeter(i[met], j[met], whole[met])


def _meet_often(
    targets: Geometries, i: Indices, features: Geometries, j: Indices, *, traader: int
) -> tuple[Bools, Bools]:
    """Return what `settle` does, with the features prepared: for those that are in many pairs, however large."""

    def work(part: slice) -> tuple[Bools, Bools]:
        asked, place = np.unique(j[part], return_inverse=True)
        prepared = own(features[asked])
        shapely.prepare(prepared)
        met = shapely.intersects(prepared[place], targets[i[part]])
        whole = met.copy()
        whole[met] = shapely.contains_properly(prepared[place[met]], targets[i[part][met]])
        return met, whole

    return _joined(in_threads(work, np.ones(len(i)), traader=traader))


def _joined(parts: list[tuple[Bools, Bools]]) -> tuple[Bools, Bools]:
    met, whole = zip(*parts, strict=True)
    return np.concatenate(met), np.concatenate(whole)


def settle(targets: Geometries, i: Indices, tools: Geometries, *, traader: int = 1) -> tuple[Bools, Bools]:
    """Return which tools share a point with targets[i], and which of them hold it whole, pair by pair.

    The targets are prepared: for tools that are in few pairs. Best in the order of the targets.
    """

    def work(part: slice) -> tuple[Bools, Bools]:
        asked, place = np.unique(i[part], return_inverse=True)
        prepared, tool = own(targets[asked]), tools[part]
        shapely.prepare(prepared)
        met = shapely.intersects(prepared[place], tool)
        a, b = shapely.bounds(prepared)[place], shapely.bounds(tool)
        holds = met & ((a[:, :2] > b[:, :2]) & (a[:, 2:] < b[:, 2:])).all(axis=1)
        holds[holds] = shapely.contains_properly(tool[holds], targets[i[part][holds]])
        return met, holds

    return _joined(in_threads(work, np.ones(len(i)), traader=traader))


def shared(targets: Geometries, i: Indices, tools: Geometries, *, of: Indices, traader: int = 1) -> Geometries:
    """Return what targets[i] and tools share, pair by pair: Polygon, MultiPolygon, or None.

    Parameters
    ----------
    of : (pairs,) array
        The same number for pairs with the same tool.
    """
    tools = _windows(shapely.bounds(targets)[i], tools, of, traader=traader)
    vertices = shapely.get_num_coordinates(targets)[i] + shapely.get_num_coordinates(tools)

    def work(part: slice) -> Geometries:
        some, tool = targets[i[part]], np.array(tools[part], dtype=object)
        inside = _inside(targets, i[part], tool)
        tool[~inside] = shapely.intersection(some[~inside], tool[~inside])
        return tool

    return surfaces(np.concatenate(in_threads(work, vertices.astype(float) + 20, traader=traader)))


def _inside(targets: Geometries, i: Indices, tools: Geometries) -> Bools:
    """Return which tools lie inside targets[i], pair by pair: what they share is the tool itself."""
    a, b = shapely.bounds(targets[i]), shapely.bounds(tools)
    result: Bools = ((a[:, :2] < b[:, :2]) & (a[:, 2:] > b[:, 2:])).all(axis=1)
    asked, place = np.unique(i[result], return_inverse=True)
    prepared = own(targets[asked])
    shapely.prepare(prepared)
    result[result] = shapely.contains_properly(prepared[place], tools[result])
    return result


# --- windows ---


def _windows(box: Floats, tools: Geometries, of: Indices, *, traader: int) -> Geometries:
    """Return the tool of each pair, cut down to a window around the target's box where it has many vertices."""
    result: Geometries = np.array(tools, dtype=object)
    large = np.flatnonzero(shapely.get_num_coordinates(tools) > WINDOW_VERTICES)
    if not len(large):
        return result
    large = large[np.argsort(of[large], kind="stable")]
    of_tool = np.split(large, np.flatnonzero(np.diff(of[large])) + 1)
    windows = np.full(len(tools), None, dtype=object)

    def work(part: slice) -> None:
        for pairs in of_tool[part]:
            _halve(tools[pairs[0]], pairs, box, into=windows)

    weights = [float(shapely.get_num_coordinates(tools[pairs[0]]) * len(pairs)) for pairs in of_tool]
    in_threads(work, np.array(weights), traader=traader, least=2)
    # A quick cut may leave rings that touch themselves: such a pair keeps the whole tool.
    fit = large[shapely.is_valid(windows[large])]
    result[fit] = windows[fit]
    return result


def _halve(feature: shapely.Geometry, pairs: Indices, box: Floats, *, into: Geometries) -> None:
    """Write into each of the pairs the part of the feature around its box."""
    if len(pairs) > FEW_TARGETS and shapely.get_num_coordinates(feature) > WINDOW_VERTICES:
        middle = box[pairs, :2] + box[pairs, 2:]
        axis = int(np.argmax(np.ptp(middle, axis=0)))
        halves = np.array_split(pairs[np.argsort(middle[:, axis], kind="stable")], 2)
        for half in halves:
            window = [*(box[half, :2].min(axis=0) - 2 * MARGIN_M), *(box[half, 2:].max(axis=0) + 2 * MARGIN_M)]
            _halve(shapely.clip_by_rect(feature, *window), half, box, into=into)
        return
    for pair in pairs:
        west, south, east, north = box[pair]
        into[pair] = shapely.clip_by_rect(feature, west - MARGIN_M, south - MARGIN_M, east + MARGIN_M, north + MARGIN_M)
