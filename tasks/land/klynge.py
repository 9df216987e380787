"""Clusters: pieces of zones that a chain of near ones connects, joined into connected polygons cluster by cluster."""

from __future__ import annotations

import numpy as np
import shapely

from tasks.land.clean import Geometries
from tasks.land.differanse import Indices, components, dissolve, near
from tasks.land.soem import stitch
from tasks.land.traader import chunks, in_threads, own


def join(deler: Geometries, *, tolerance_m: float, traader: int = 1) -> tuple[Geometries, Indices, Indices]:
    """Join pieces of zones that overlap, share a border, or do so but for a hairline.

    Parameters
    ----------
    deler : (n,) array of Polygon
    tolerance_m
        Width of a hairline.

    Returns
    -------
    polygons : (m,) array of Polygon
    polygon_of : (n,) array
        The polygon that each piece became part of.
    klynge : (m,) array
        Number of the cluster of each polygon: pieces that a chain of near ones connects.
    """
    label = components(len(deler), *near(deler, tolerance_m))
    alone = np.bincount(label, minlength=len(deler))[label] == 1
    crowd = np.flatnonzero(~alone)
    crowd = crowd[np.argsort(label[crowd], kind="stable")]

    def join_chunk(clusters: Indices) -> tuple[Geometries, Indices]:
        members = crowd[np.isin(label[crowd], names[clusters])]
        polygons, of = dissolve(own(deler[members]))
        polygons, stitched = stitch(polygons, tolerance_m=tolerance_m)
        return polygons, stitched[of]

    names, first = np.unique(label[crowd], return_index=True)
    weights = np.add.reduceat(shapely.get_num_coordinates(deler[crowd]), first) if len(crowd) else np.empty(0)
    parts = chunks(weights.astype(float), traader) if len(crowd) else []
    found = in_threads(join_chunk, parts, traader=traader)
    polygon_of = np.full(len(deler), -1, dtype=np.intp)
    polygon_of[alone] = np.arange(int(alone.sum()))
    polygons = [deler[alone]]
    start = int(alone.sum())
    for part, (joined, of) in zip(parts, found, strict=True):
        polygon_of[crowd[np.isin(label[crowd], names[part])]] = start + of
        polygons.append(joined)
        start += len(joined)
    klynge = np.empty(start, dtype=np.intp)
    klynge[polygon_of] = label
    return np.concatenate(polygons), polygon_of, klynge
