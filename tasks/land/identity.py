"""Identity: a lot keeps its id from run to run, and an id is never given to another lot.

New polygons are matched to the persisted ones by how much they share (intersection over union), first on the same
teig, then anywhere; what is left over keeps the id of the land that most of it came from. A hash of the geometry
breaks under 2 cm of jitter and a representative point loses up to 16 %, so neither is used.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.land.clean import Geometries, repair
from tasks.land.differanse import Indices, hits

AKTIV, BORTE = "aktiv", "borte"


def match(
    new: Geometries,
    old: Geometries,
    *,
    new_group: npt.NDArray[np.object_],
    old_group: npt.NDArray[np.object_],
    old_rank: npt.NDArray[np.int64],
    min_iou: float,
) -> Indices:
    """Return for each new polygon the index of the old one that it continues, or −1.

    Parameters
    ----------
    new, old : arrays of valid polygons, one metric CRS
    new_group, old_group
        What a polygon belongs to (teig); a match within the group goes before one across groups.
    old_rank
        Order among the old: of two that a new polygon merges, the lower rank lives on.
    min_iou
        Intersection over union from which two polygons are the same; at least 0.5, so that no third can be.

    Notes
    -----
    Pairs are taken in the order: same shape on the same group; IoU on the same group; IoU across groups; then
    splits and merges, where more than half of the smaller one lies in the other: the old with the lowest rank first,
    and of its parts the largest. Each polygon is taken once.
    """
    result = np.full(len(new), -1, dtype=np.intp)
    if not len(new) or not len(old):
        return result
    i, j = _unmoved(new, old, new_group=new_group, old_group=old_group, old_rank=old_rank)
    result[i] = j
    todo, free = np.flatnonzero(result < 0), np.setdiff1d(np.arange(len(old)), j)
    found = _moved(
        new[todo],
        old[free],
        new_group=new_group[todo],
        old_group=old_group[free],
        old_rank=old_rank[free],
        min_iou=min_iou,
    )
    result[todo[found >= 0]] = free[found[found >= 0]]
    return result


def _unmoved(
    new: Geometries,
    old: Geometries,
    *,
    new_group: npt.NDArray[np.object_],
    old_group: npt.NDArray[np.object_],
    old_rank: npt.NDArray[np.int64],
) -> tuple[Indices, Indices]:
    """Return the pairs of the same group and the same bytes, each polygon once: from run to run nearly all."""
    key = ["group", "bytes"]
    news, olds = (
        pd.DataFrame({"group": group, "bytes": shapely.to_wkb(geometry), "n": range(len(group))})
        for group, geometry in ((new_group, new), (old_group, old))
    )
    by_rank = olds.iloc[np.argsort(old_rank, kind="stable")]
    pairs = news.drop_duplicates(key).merge(by_rank.drop_duplicates(key), on=key)
    return pairs["n_x"].to_numpy(dtype=np.intp), pairs["n_y"].to_numpy(dtype=np.intp)


def _moved(
    new: Geometries,
    old: Geometries,
    *,
    new_group: npt.NDArray[np.object_],
    old_group: npt.NDArray[np.object_],
    old_rank: npt.NDArray[np.int64],
    min_iou: float,
) -> Indices:
    result = np.full(len(new), -1, dtype=np.intp)
    if not len(new) or not len(old):
        return result
    i, j = hits(new, old)
    a, b = shapely.area(new)[i], shapely.area(old)[j]
    shared = shapely.area(shapely.intersection(new[i], old[j]))
    iou = shared / (a + b - shared)
    same = new_group[i] == old_group[j]
    tier = np.select([(iou > 1 - 1e-9) & same, (iou > min_iou) & same, iou > min_iou], [0, 1, 2], default=3)
    plausible = (tier < 3) | (shared > 0.5 * np.minimum(a, b))
    order = np.lexsort((j, i, -shared, old_rank[j], tier))
    taken = np.zeros(len(old), dtype=bool)
    for pair in order[plausible[order]]:
        if result[i[pair]] < 0 and not taken[j[pair]]:
            result[i[pair]] = j[pair]
            taken[j[pair]] = True
    return result


def numbers_of(ids: pd.Series) -> npt.NDArray[np.int64]:
    """Return the number of ids such as ``7001-000123`` or ``7001-O00012``."""
    numbers: npt.NDArray[np.int64] = ids.astype(str).str.extract(r"(\d+)$", expand=False).to_numpy(dtype=np.int64)
    return numbers


def carry_ids(
    new: gpd.GeoDataFrame,
    old: gpd.GeoDataFrame | None,
    *,
    id_column: str,
    id_format: str,
    group_column: str | None,
    min_iou: float,
) -> npt.NDArray[np.object_]:
    """Return the id of each row of `new`: that of the old row it continues, or a fresh one.

    Parameters
    ----------
    old
        The frame persisted by the last run, same CRS, gone rows included; None on the first run.
    id_format
        Such as ``"7001-{:06d}"``.
    group_column
        Column of `new` and `old` that a match prefers to share, or None.
    """
    found = np.full(len(new), -1, dtype=np.intp)
    if old is not None and len(old):
        groups = [
            np.array(f[group_column].tolist() if group_column else [""] * len(f), dtype=object) for f in (new, old)
        ]
        number = numbers_of(old[id_column])
        # Land that comes back after it was gone takes its id, and so its history, up again; living rows go first.
        rank = number + np.where(old["tilstand"].to_numpy() == BORTE, number.max() + 1, 0)
        found = match(
            new.geometry.to_numpy(),
            repair(old.geometry.to_numpy())[0],  # files of earlier versions hold what projecting had broken
            new_group=groups[0],
            old_group=groups[1],
            old_rank=rank,
            min_iou=min_iou,
        )
    fresh = found < 0
    start = 1 if old is None else int(numbers_of(old[id_column]).max(initial=0)) + 1
    ids = np.empty(len(new), dtype=object)
    ids[fresh] = [id_format.format(n) for n in range(start, start + int(fresh.sum()))]
    if old is not None:
        ids[~fresh] = old[id_column].to_numpy()[found[~fresh]]
    return ids


def with_gone(
    new: gpd.GeoDataFrame, old: gpd.GeoDataFrame | None, *, id_column: str, aarsak: str, sammen: str
) -> gpd.GeoDataFrame:
    """Return the living rows of `new` and the rows of `old` that are gone, sorted by id.

    Parameters
    ----------
    new
        With `id_column`, without tilstand and aarsak; same CRS as `old`.
    aarsak
        Why a row that is gone now is gone; one that was gone before keeps its own reason.
    sammen
        The reason, with ``{}`` for an id, where one living row covers more than half of the gone one.
    """
    rows = [new.assign(tilstand=AKTIV, aarsak=None)]
    if old is not None:
        gone = old[~old[id_column].isin(new[id_column])]
        fresh = (gone["tilstand"] != BORTE).to_numpy()
        reasons = gone["aarsak"].to_numpy(dtype=object, copy=True)
        into = merged_into(repair(gone.geometry.to_numpy()[fresh])[0], new.geometry.to_numpy())
        ids = new[id_column].to_numpy()
        reasons[fresh] = [aarsak if k < 0 else sammen.format(ids[k]) for k in into]
        rows.append(gone.assign(aarsak=reasons, tilstand=BORTE))
    present = [frame for frame in rows if len(frame)] or rows[:1]
    joined = pd.concat([frame[rows[0].columns] for frame in present], ignore_index=True)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=new.crs).sort_values(id_column, ignore_index=True)


def merged_into(gone: Geometries, living: Geometries) -> Indices:
    """Return for each gone polygon the index of the living one that covers more than half of it, or −1."""
    result = np.full(len(gone), -1, dtype=np.intp)
    if len(gone) and len(living):
        i, j = hits(np.array(gone, dtype=object), living)
        shared = shapely.area(shapely.intersection(gone[i], living[j]))
        most = shared > 0.5 * shapely.area(gone)[i]
        order = np.argsort(shared[most], kind="stable")  # where teiger overlap: the one that covers most
        result[i[most][order]] = j[most][order]
    return result
