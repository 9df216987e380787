"""Dekke: how much of a target a group of features covers together, rank by rank.

A group is what counts together on one target (the features of a theme); a rank is how much it weighs there, 0 the
worst. Land under two features counts once, by the worse of them: what is measured is the area of the union of all
features up to each rank. Unions are built only of pieces whose bounding boxes overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from tasks.scoring.tomt.flater import Bools, Floats, Geometries, Indices, in_threads
from tasks.tomtekontrakter import ALVOR

RANGER = len(ALVOR)
CROWD = 24
"""Pieces of a group from which its overlaps are looked for in a tree, not one with every other."""


@dataclass(frozen=True)
class Ledd:
    """Members of groups.

    Attributes
    ----------
    par, gruppe, rang : (n,) arrays
        Which pair of a target and a feature, in which group, at which rank.
    grupper
        How many groups there are.
    """

    par: Indices
    gruppe: Indices
    rang: Indices
    grupper: int

    def where(self, keep: Bools | Indices) -> Ledd:
        """Return the members that are kept."""
        return Ledd(self.par[keep], self.gruppe[keep], self.rang[keep], self.grupper)

    def settled_at(self, whole: Bools) -> Indices:
        """Return for each group the rank at which one feature covers the whole target, RANGER where none does.

        Parameters
        ----------
        whole : (pairs,) array
        """
        result = np.full(self.grupper, RANGER, dtype=np.intp)
        settles = whole[self.par]
        np.minimum.at(result, self.gruppe[settles], self.rang[settles])
        return result

    def open(self, whole: Bools) -> Ledd:
        """Return the members that weigh more than what covers the whole target: the others change nothing."""
        return self.where(self.rang < self.settled_at(whole)[self.gruppe])


def covered(ledd: Ledd, stykker: Geometries, arealer: Floats, *, apart: Bools, traader: int = 1) -> Floats:
    """Return the area that each group covers up to each rank, m².

    Parameters
    ----------
    ledd
        Members whose pair has a piece.
    stykker, arealer : (pairs,) arrays
        What the pair shares, valid polygons, and its area.
    apart : (groups,) array
        Groups whose pieces are known not to overlap.

    Returns
    -------
    (groups, RANGER) array
        Growing from rank to rank.
    """
    order = np.lexsort((ledd.rang, ledd.gruppe))
    ledd = ledd.where(order)
    lonely = apart[ledd.gruppe]
    lonely[~lonely] = ~_overlapping(ledd.gruppe[~lonely], stykker[ledd.par[~lonely]])
    result = np.zeros((ledd.grupper, RANGER))
    np.add.at(result, (ledd.gruppe[lonely], ledd.rang[lonely]), arealer[ledd.par[lonely]])
    crowd = ledd.where(~lonely)
    starts = np.flatnonzero(np.diff(crowd.gruppe, prepend=-1))
    sizes = np.diff(np.append(starts, len(crowd.gruppe)))
    _add_twos(result, crowd, starts[sizes == 2], stykker, arealer, traader=traader)
    for size in np.unique(sizes[sizes > 2]):
        _add_many(result, crowd, starts[sizes == size], int(size), stykker, traader=traader)
    return np.cumsum(result, axis=1)


def _overlapping(gruppe: Indices, pieces: Geometries) -> Bools:
    """Return which pieces have a bounding box that overlaps that of another one of their group; sorted by group."""
    result = np.zeros(len(gruppe), dtype=bool)
    box = shapely.bounds(pieces).reshape(-1, 4)
    starts = np.flatnonzero(np.diff(gruppe, prepend=-1))
    sizes = np.diff(np.append(starts, len(gruppe)))
    for size in np.unique(sizes[sizes > 1]):
        of_size = starts[sizes == size]
        if size > CROWD:
            for start in of_size:
                a, b = shapely.STRtree(pieces[start : start + size]).query(pieces[start : start + size])
                result[start + a[a != b]] = True
            continue
        one, other = np.triu_indices(size, k=1)
        a, b = (of_size[:, None] + one).ravel(), (of_size[:, None] + other).ravel()
        over = (np.minimum(box[a, 2:], box[b, 2:]) > np.maximum(box[a, :2], box[b, :2])).all(axis=1)
        result[a[over]] = result[b[over]] = True
    return result


def _add_twos(
    result: Floats, ledd: Ledd, starts: Indices, stykker: Geometries, arealer: Floats, *, traader: int
) -> None:
    """Add groups of two: the second by what it does not share with the first."""
    a, b = ledd.par[starts], ledd.par[starts + 1]

    def work(part: slice) -> Floats:
        common: Floats = shapely.area(shapely.intersection(stykker[a[part]], stykker[b[part]]))
        return common

    common = np.concatenate(in_threads(work, np.ones(len(starts)), traader=traader))
    np.add.at(result, (ledd.gruppe[starts], ledd.rang[starts]), arealer[a])
    np.add.at(result, (ledd.gruppe[starts + 1], ledd.rang[starts + 1]), arealer[b] - common)


def _add_many(result: Floats, ledd: Ledd, starts: Indices, size: int, stykker: Geometries, *, traader: int) -> None:
    """Add groups of `size` pieces, rank by rank: what the union grows by."""
    rows = starts[:, None] + np.arange(size)
    pieces, rank = stykker[ledd.par[rows]], ledd.rang[rows]
    ranks = [r for r in range(result.shape[1]) if (rank == r).any()]

    def work(part: slice) -> Floats:
        union, areas = np.full((len(pieces[part]), 1), None, dtype=object), []
        for r in ranks:
            of_rank = np.where(rank[part] == r, pieces[part], None)
            union = shapely.union_all(np.concatenate([union, of_rank], axis=1), axis=1)[:, None]
            areas.append(shapely.area(union[:, 0]))
        return np.diff(np.array(areas), axis=0, prepend=0.0).T

    grown = np.concatenate(in_threads(work, np.ones(len(starts)), traader=traader))
    result[ledd.gruppe[starts][:, None], ranks] += np.clip(grown, 0, None)
