"""What others offer for the measure of conflict, in plain and competent Python: a loop with a tree, geopandas.overlay.

Both return `Andeler`: (tomt_id, tema, alvor) → share of the lot and of its core, and tomt_id → byggbar_m2.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.konflikt import Konflikter
from tasks.scoring.tomt.konflikt import MINSTE_M2, Konfliktmaal
from tasks.tomtekontrakter import ALVOR

Key = tuple[str, str, str]


class Andeler(NamedTuple):
    """What a method found."""

    av_tomt: dict[Key, float]
    av_kjerne: dict[Key, float]
    byggbar_m2: dict[str, float]


def ours(maal: Konfliktmaal) -> Andeler:
    """Return what `maal_konflikt` found."""
    keys = [*zip(maal.andeler["tomt_id"], maal.andeler["tema"], maal.andeler["alvor"], strict=True)]
    return Andeler(
        dict(zip(keys, maal.andeler["andel"], strict=True)),
        {k: v for k, v in zip(keys, maal.andeler["andel_kjerne"], strict=True) if not np.isnan(v)},
        dict(zip(maal.tomter["tomt_id"], maal.tomter["byggbar_m2"], strict=True)),
    )


def loop(
    tomter: gpd.GeoDataFrame, kjerner: gpd.GeoDataFrame, konflikter: gpd.GeoDataFrame, register: Konflikter
) -> Andeler:
    """Return what a loop finds: lot by lot and theme by theme, the union of what the tree names, cut with the lot."""
    result = Andeler({}, {}, {})
    core_of = dict(zip(kjerner["tomt_id"], kjerner.geometry, strict=True))
    tree = shapely.STRtree(konflikter.geometry.to_numpy())
    takes = konflikter["lag"].map(lambda lag: register.lag[lag].tar_av_kjernen)
    taken = (konflikter["alvor"] == "stopp") | ((konflikter["alvor"] == "hard") & takes)
    for tomt_id, lot in zip(tomter["tomt_id"], tomter.geometry, strict=True):
        near = konflikter.iloc[np.sort(tree.query(lot, predicate="intersects"))]
        core = core_of.get(tomt_id)
        for tema, rows in near.groupby("tema", sort=False):
            before = before_core = 0.0
            for k, alvor in enumerate(ALVOR):
                union = shapely.union_all(rows.geometry[rows["alvor"].isin(ALVOR[: k + 1])].to_numpy())
                area = lot.intersection(union).area
                core_area = 0.0 if core is None else core.intersection(union).area
                if area - before > MINSTE_M2:
                    result.av_tomt[tomt_id, str(tema), alvor] = (area - before) / lot.area
                    if core is not None:
                        share = (core_area - before_core) / core.area
                        result.av_kjerne[tomt_id, str(tema), alvor] = share
                before, before_core = area, core_area
        if core is None:
            result.byggbar_m2[tomt_id] = 0.0
        else:
            off = shapely.union_all(near.geometry[taken[near.index]].to_numpy())
            result.byggbar_m2[tomt_id] = _land(core.difference(off).area)
    return result


def overlay(
    tomter: gpd.GeoDataFrame, kjerner: gpd.GeoDataFrame, konflikter: gpd.GeoDataFrame, register: Konflikter
) -> Andeler:
    """Return what `geopandas.overlay` finds: everything cut with everything, dissolved by lot, theme and alvor."""
    takes = konflikter["lag"].map(lambda lag: register.lag[lag].tar_av_kjernen)
    konflikter = konflikter[["tema", "alvor", "geometry"]].assign(takes=takes.to_numpy())
    areas, taken = {}, pd.Series(dtype=float)
    for name, targets in (("tomt", tomter[["tomt_id", "geometry"]]), ("kjerne", kjerner[["tomt_id", "geometry"]])):
        cut = gpd.overlay(targets, konflikter, how="intersection", keep_geom_type=True)
        under = []
        for k, alvor in enumerate(ALVOR):
            worse = cut[cut["alvor"].isin(ALVOR[: k + 1])].dissolve(["tomt_id", "tema"])
            under.append(worse.area.rename(alvor))
        table = pd.concat(under, axis=1).fillna(0.0)
        areas[name] = table.cummax(axis=1).diff(axis=1).fillna(table[["stopp"]])
        off = cut[(cut["alvor"] == "stopp") | ((cut["alvor"] == "hard") & cut["takes"])]
        taken = off.dissolve("tomt_id").area
    whole = pd.Series(tomter.area.to_numpy(), index=tomter["tomt_id"])
    core = pd.Series(kjerner.area.to_numpy(), index=kjerner["tomt_id"])
    of_lot = areas["tomt"].stack()
    of_lot = of_lot[of_lot > MINSTE_M2]
    of_core = areas["kjerne"].stack().reindex(of_lot.index).fillna(0.0)
    ids = of_lot.index.get_level_values(0)
    of_core = (of_core / ids.map(core))[ids.isin(core.index)]
    left = core.sub(taken, fill_value=0.0).reindex(whole.index).fillna(0.0)
    return Andeler((of_lot / ids.map(whole)).to_dict(), of_core.to_dict(), {str(k): _land(v) for k, v in left.items()})


def _land(m2: float) -> float:
    """Return an area, 0 where it is so small that it is no land."""
    return float(m2) if m2 >= MINSTE_M2 else 0.0


def difference(a: Andeler, b: Andeler) -> float:
    """Return the largest difference of a share, or of a buildable area per 1,000 m²; what one of them lacks is 0."""
    worst = 0.0
    for one, other, unit in ((a.av_tomt, b.av_tomt, 1.0), (a.av_kjerne, b.av_kjerne, 1.0), (a[2], b[2], 1e-3)):
        for key in {*one, *other}:
            worst = max(worst, abs(one.get(key, 0.0) - other.get(key, 0.0)) * unit)
    return worst
