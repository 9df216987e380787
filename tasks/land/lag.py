"""Layers: the rows of an input frame by what matters of them, so that two runs can be compared row by row."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.land.clean import Geometries
from tasks.land.differanse import Indices


class Lag:
    """One layer of the input: ids, geometries, and a key of each row by what matters of it.

    Parameters
    ----------
    ider : (n,) array of str
    geometri : (n,) array of polygons
    merker
        Further (n,) arrays of text that make a row another one when they change; volatile ones stay outside.
    """

    def __init__(
        self, ider: npt.NDArray[np.object_], geometri: Geometries, merker: Iterable[npt.NDArray[np.object_]] = ()
    ) -> None:
        self.ider = ider
        self.geometri = geometri
        self._merker = tuple(merker)

    @classmethod
    def remembered(cls, ider: npt.NDArray[np.object_], geometri: Geometries, noekler: npt.NDArray[np.uint64]) -> Lag:
        """Return a layer whose keys are known already."""
        lag = cls(ider, geometri)
        lag.__dict__["noekler"] = noekler
        return lag

    def __len__(self) -> int:
        return len(self.ider)

    @cached_property
    def noekler(self) -> npt.NDArray[np.uint64]:
        """One key a row (n,), equal for equal rows; the second of two equal rows has another."""
        key = _hash(shapely.to_wkb(self.geometri))
        for texts in (self.ider, *self._merker):
            key = key * np.uint64(0x9E3779B97F4A7C15) + _hash(texts)
        again = pd.Series(key).duplicated().to_numpy()
        if again.any():
            ordinal = pd.Series(key).groupby(key).cumcount().to_numpy(dtype=np.uint64)
            key = key + ordinal * np.uint64(0xD1B54A32D192ED03)
        return key


def _hash(values: npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    hashed: npt.NDArray[np.uint64] = pd.util.hash_array(np.asarray(values, dtype=object), categorize=False)
    return hashed


def matched(now: Lag, before: Lag | None) -> Indices:
    """Return for each row the number of the same row before, or −1."""
    if before is None or not len(before):
        return np.full(len(now), -1, dtype=np.intp)
    found: Indices = pd.Index(before.noekler).get_indexer(pd.Index(now.noekler))
    return found


def unmatched(now: Lag, before: Lag) -> tuple[Indices, Indices]:
    """Return the rows of `now` that are new or changed, and those of `before` that are gone or changed."""
    found = matched(now, before)
    gone = np.ones(len(before), dtype=bool)
    gone[found[found >= 0]] = False
    return np.flatnonzero(found < 0), np.flatnonzero(gone)


def changed(now: Lag, before: Lag | None) -> Geometries:
    """Return the geometries of rows that are new and of rows that are gone; none when nothing is remembered."""
    if before is None:
        return np.empty(0, dtype=object)
    new, gone = unmatched(now, before)
    return np.concatenate([now.geometri[new], before.geometri[gone]])


def meets(geometries: Geometries, changes: Geometries) -> npt.NDArray[np.bool_]:
    """Return which geometries share at least a point with any of the changes."""
    result = np.zeros(len(geometries), dtype=bool)
    if len(changes):
        _, met = shapely.STRtree(geometries).query(changes, predicate="intersects")
        result[met] = True
    return result


def inverse(foer: Indices, count: int) -> Indices:
    """Return for each of `count` old numbers the new one, or −1."""
    new = np.full(count, -1, dtype=np.intp)
    known = np.flatnonzero(foer >= 0)
    new[foer[known]] = known
    return new
