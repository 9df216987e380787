"""Threads: work on arrays of geometries, chunk by chunk.

GEOS frees the interpreter's lock while it computes, so threads share the cores. A *prepared* geometry that two threads
meet crashes the interpreter: whoever prepares here prepares copies of its own chunk (`own`), never what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely

T = TypeVar("T")

CHUNKS_PER_THREAD = 4
"""More chunks than threads, so that a thread that got easy ones takes another."""


def own(geometries: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return copies that no other thread knows: they may be prepared."""
    copies: npt.NDArray[np.object_] = shapely.force_2d(geometries)
    return copies


def chunks(weights: npt.NDArray[np.float64], traader: int) -> list[npt.NDArray[np.intp]]:
    """Return the indices of `weights`, in order, in chunks of about equal weight."""
    if traader <= 1 or not len(weights):
        return [np.arange(len(weights))]
    total = np.cumsum(weights, dtype=float)
    borders = np.linspace(0, total[-1], traader * CHUNKS_PER_THREAD + 1)[1:-1]
    parts = np.split(np.arange(len(weights)), np.searchsorted(total, borders))
    return [part for part in parts if len(part)]


def in_threads(
    work: Callable[[npt.NDArray[np.intp]], T], parts: Sequence[npt.NDArray[np.intp]], *, traader: int
) -> list[T]:
    """Return what `work` makes of each chunk, in order, with as many threads as asked for."""
    if traader <= 1 or len(parts) <= 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(traader) as pool:
        return list(pool.map(work, parts))
