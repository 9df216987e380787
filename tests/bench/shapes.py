"""Shapes with curved sides, drawn many at a time: blobs, blobs in sectors, ribbons.

Every function returns coordinates, (n, k, 2) in metres, and which of them are in use, (n, k).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

POINTS = 144
"""Points at most along the outline of a blob."""
HARMONICS = 6


def _outline(rng: np.random.Generator, angle: Floats, count: int) -> Floats:
    """Return the relative radius (0.7 to 1) of `count` star-shaped outlines at the given angles."""
    order = np.arange(2, 2 + HARMONICS)
    weight = rng.random((count, HARMONICS)) / order
    phase = rng.uniform(0, 2 * np.pi, (count, HARMONICS))
    wave = np.einsum("nh,nhk->nk", weight, np.sin(order[:, None] * angle[:, None] + phase[..., None]))
    radius: Floats = 0.85 + 0.15 * wave / weight.sum(axis=1, keepdims=True)
    return radius


def _vertices(rng: np.random.Generator, count: int, points: int, least: int) -> Bools:
    """Return which of `points` are in use: `least` at equal distances, and a share of the others that varies."""
    share = rng.beta(2.8, 2.2, (count, 1))
    used = rng.random((count, points)) < share
    used[:, :: points // least] = True
    return used


def blobs(rng: np.random.Generator, centre: Floats, radius: Floats, *, square: bool = False) -> tuple[Floats, Bools]:
    """Return outlines of 20 to 144 points, round-ish or square-ish.

    Parameters
    ----------
    centre : (n, 2) array, m
    radius : (n,) array, m
        Largest distance from the centre, east or north of it.
    """
    count = len(centre)
    angle = np.broadcast_to(np.linspace(0, 2 * np.pi, POINTS, endpoint=False), (count, POINTS))
    reach = radius[:, None] * _outline(rng, angle, count) * rng.uniform(0.99, 1, (count, POINTS))
    if square:
        reach = reach / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    coordinates = centre[:, None] + reach[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return coordinates, _vertices(rng, count, POINTS, 20)


def sectors(rng: np.random.Generator, centre: Floats, radius: Floats, *, parts: int) -> Iterator[tuple[Floats, Bools]]:
    """Yield the first, second … part of square-ish blobs that crooked lines from the centre cut into `parts`.

    Two neighbours have all the points of their common border in common.
    """
    coordinates, used = blobs(rng, centre, radius, square=True)
    if parts == 1:
        yield coordinates, used
        return
    count, inner = len(centre), 14
    t = np.linspace(1, 0, inner + 2)[1:]  # from the outline inwards, the centre included
    start = np.arange(parts) * (POINTS // parts)
    swing = rng.uniform(-0.25, 0.25, (count, parts, 1)) * np.sin(np.pi * t)[None, None]
    spoke = coordinates[:, start] - centre[:, None]
    line = centre[:, None, None] + _turned(spoke, swing) * t[:, None]
    for p in range(parts):
        stop = start[p] + POINTS // parts
        index = np.arange(start[p], stop + 1) % POINTS
        ring = np.concatenate([coordinates[:, index], line[:, (p + 1) % parts], line[:, p, -2::-1]], axis=1)
        arc = used[:, index].copy()
        arc[:, [0, -1]] = True
        yield ring, np.concatenate([arc, np.ones((count, 2 * len(t) - 1), dtype=bool)], axis=1)


def _turned(vector: Floats, angle: Floats) -> Floats:
    """Return vectors (n, p, 2) turned by angles (n, p, k): (n, p, k, 2)."""
    x, y = vector[:, :, None, 0], vector[:, :, None, 1]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x * cos - y * sin, x * sin + y * cos], axis=-1)


def ribbons(rng: np.random.Generator, start: Floats) -> tuple[Floats, Bools]:
    """Return winding strips, 300 to 1,500 m long and 20 to 60 m wide, of 40 to 150 points: plans along roads."""
    count, points = len(start), 75
    length = rng.uniform(300, 1500, (count, 1))
    width = rng.uniform(20, 60, (count, 1))
    t = np.linspace(0, 1, points)[None]
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + rng.uniform(-0.9, 0.9, (count, 1)) * np.sin(
        rng.uniform(3, 8, (count, 1)) * t + rng.uniform(0, 2 * np.pi, (count, 1))
    )
    step = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    middle = start[:, None] + np.cumsum(step, axis=1) * (length / points)[..., None]
    side = np.stack([-step[..., 1], step[..., 0]], axis=-1) * (width / 2)[..., None]
    used = _vertices(rng, count, points, 20)
    used[:, -1] = True
    return np.concatenate([middle + side, (middle - side)[:, ::-1]], axis=1), np.concatenate(
        [used, used[:, ::-1]], axis=1
    )
