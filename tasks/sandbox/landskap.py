"""The ground of an invented kommune: a lattice of 10 m cells, warped into curved and irregular land.

Everything drawn on it (zones, plans, teiger) is a rectangle of whole cells whose edges pass through every lattice
node, so that neighbours share their borders exactly. The warp is value noise made of sums and products alone: the
coordinates are the same to the last bit on every machine. Out come metres in EPSG:25833, rounded to millimetres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

Floats = npt.NDArray[np.float64]
Rect = tuple[int, int, int, int]
"""Columns and rows of the lattice: (u0, v0, u1, v1), upper ends not included."""

CELL_M = 10.0
# (wavelength, amplitude) in cells: the slopes 3·amplitude/wavelength and the jitter add up to less than 1, so that
# the lattice bends but never folds.
OCTAVES = ((160.0, 17.0), (45.0, 3.6), (14.0, 0.6))
JITTER = 0.11
# A Pythagorean turn (5-12-13): no town lies along the grid of the map.
COS, SIN = 12 / 13, 5 / 13


def _hash(i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], seed: int) -> Floats:
    """Return a number in [-1, 1) for every pair of integers (splitmix64)."""
    h = i.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ j.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= np.uint64((seed * 0x165667B19E3779F9) & 0xFFFFFFFFFFFFFFFF)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    unit: Floats = (h >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
    return unit


def noise(u: Floats, v: Floats, *, wavelength: float, seed: int) -> Floats:
    """Return smooth noise in [-1, 1) at the points (u, v)."""
    i, j = np.floor(u / wavelength), np.floor(v / wavelength)
    fu, fv = u / wavelength - i, v / wavelength - j
    fu, fv = fu * fu * (3.0 - 2.0 * fu), fv * fv * (3.0 - 2.0 * fv)
    a, b = i.astype(np.int64), j.astype(np.int64)
    south = _hash(a, b, seed) * (1.0 - fu) + _hash(a + 1, b, seed) * fu
    north = _hash(a, b + 1, seed) * (1.0 - fu) + _hash(a + 1, b + 1, seed) * fu
    return south * (1.0 - fv) + north * fv


@dataclass(frozen=True)
class Landskap:
    """The warped lattice of one kommune.

    Parameters
    ----------
    seed
        Decides the shape of the land.
    origo
        The middle, EPSG:25833, metres (east, north).
    side
        Breadth and height in cells.
    oy
        Whether an island lies off the coast and an enclave inside.
    """

    seed: int
    origo: tuple[float, float]
    side: int
    oy: bool

    def xy(self, u: Floats, v: Floats, *, nodes: bool) -> Floats:
        """Return the coordinates of lattice positions, shape (n, 2), metres; `nodes` adds the nodes' own jitter."""
        du, dv = np.zeros_like(u), np.zeros_like(v)
        for k, (wavelength, amplitude) in enumerate(OCTAVES):
            du += amplitude * noise(u, v, wavelength=wavelength, seed=self.seed * 16 + 2 * k)
            dv += amplitude * noise(u, v, wavelength=wavelength, seed=self.seed * 16 + 2 * k + 1)
        if nodes:
            du += JITTER * _hash(u.astype(np.int64), v.astype(np.int64), self.seed * 16 + 8)
            dv += JITTER * _hash(u.astype(np.int64), v.astype(np.int64), self.seed * 16 + 9)
        a, b = (u - self.side / 2 + du) * CELL_M, (v - self.side / 2 + dv) * CELL_M
        x, y = a * COS - b * SIN + self.origo[0], a * SIN + b * COS + self.origo[1]
        made: Floats = np.round(np.column_stack([x, y]), 3).astype(np.float64)
        return made

    def polygons(self, rects: Sequence[Rect]) -> npt.NDArray[np.object_]:
        """Return one polygon per rectangle, with a vertex at every lattice node of its edge."""
        box = np.asarray(rects, dtype=np.int64).reshape(-1, 4)
        w, h = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        count = 2 * (w + h) + 1
        ring = np.repeat(np.arange(len(box)), count)
        k = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        w, h = w[ring], h[ring]
        zero = np.zeros_like(k)
        u = box[ring, 0] + np.clip(k, zero, w) - np.clip(k - w - h, zero, w)
        v = box[ring, 1] + np.clip(k - w, zero, h) - np.clip(k - 2 * w - h, zero, h)
        xy = self.xy(u.astype(np.float64), v.astype(np.float64), nodes=True)
        made: npt.NDArray[np.object_] = shapely.polygons(shapely.linearrings(xy, indices=ring))
        return made

    @cached_property
    def omriss(self) -> MultiPolygon:
        """The outline on the lattice, in cells."""
        half = self.side / 2
        hull = [self._ring(0.62 * half, 1.3 * half, 0.09 * half, seed=3)] if self.oy else []
        parts = [Polygon(self._ring(half, half, 0.92 * half, seed=1), hull)]
        if self.oy:
            parts.append(Polygon(self._ring(2.22 * half, 0.7 * half, 0.14 * half, seed=2)))
        return MultiPolygon(parts)

    @cached_property
    def grense(self) -> MultiPolygon:
        """The border of the kommune, EPSG:25833."""
        made: MultiPolygon = shapely.transform(
            self.omriss, lambda uv: self.xy(uv[:, 0].copy(), uv[:, 1].copy(), nodes=False)
        )
        shapely.prepare(made)
        return made

    @property
    def roots(self) -> list[Rect]:
        """The rectangles that hold the outline: the mainland and, where there is one, the island."""
        rects = []
        for part in self.omriss.geoms:
            u0, v0, u1, v1 = part.bounds
            rects.append((math.floor(u0), math.floor(v0), math.ceil(u1), math.ceil(v1)))
        return rects

    def inside(self, rect: Rect) -> bool:
        """Say whether the middle of a rectangle lies within the outline."""
        return bool(shapely.contains_xy(self.omriss, (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2))

    def clip(self, shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return the shapes cut off at the border: the largest polygon of each, None when nothing is left."""
        out = shapes.copy()
        for k in np.flatnonzero(~shapely.covers(self.grense, shapes)):
            out[k] = largest(shapely.intersection(shapes[k], self.grense))
        return out

    def _ring(self, u: float, v: float, radius: float, *, seed: int) -> list[tuple[float, float]]:
        """Return a wobbling circle around (u, v), in cells."""
        angle = [2 * math.pi * k / 480 for k in range(480)]
        x, y = np.array([math.cos(a) for a in angle]), np.array([math.sin(a) for a in angle])
        r = np.ones(480)
        for wavelength, amplitude in ((0.9, 0.19), (0.35, 0.08), (0.08, 0.025)):
            r += amplitude * noise(x + 7.0, y + 7.0, wavelength=wavelength, seed=self.seed * 16 + 10 + seed)
        return list(zip((u + radius * r * x).tolist(), (v + radius * r * y).tolist(), strict=True))


def largest(shape: BaseGeometry) -> Polygon | None:
    """Return the largest polygon of a shape, on whole millimetres; None when it holds no area."""
    parts = [part for part in shapely.get_parts(shape) if isinstance(part, Polygon) and part.area > 1.0]
    if not parts:
        return None
    biggest = max(parts, key=lambda part: part.area)
    made: Polygon = shapely.transform(biggest, lambda xy: np.round(xy, 3))
    return made
