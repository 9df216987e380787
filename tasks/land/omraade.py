"""Områder: the connected polygons of the differanse that are large enough, with the zones that each lies on.

A row is one connected polygon of at least the area floor; borders between two housing zones do not cut it, unless the
papers' zone-by-zone reading was asked for.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.clean import Geometries
from tasks.land.differanse import hits
from tasks.land.motor import Inndata, Resultat

Values = npt.NDArray[Any]


def describe_omraader(inndata: Inndata, resultat: Resultat, *, account: Account) -> gpd.GeoDataFrame:
    """Return the områder with what is known of them, and write the account of the differanse.

    Returns
    -------
    GeoDataFrame
        areal_m2, klasse and arealstatus (of the class or status with the largest area), sone_ider and sone_areal_m2
        (largest first), plan_ider, andel_regulert (of the zones that it lies on, 0–1), reguleringsplaner (adopted
        plans whose border it has), Polygon, CRS of the input; in the order of `resultat.omraader`.
    """
    minne = resultat.minne
    polygons = minne.flater.geometri[resultat.omraader]
    omraader = gpd.GeoDataFrame(
        {"areal_m2": shapely.area(polygons)}, geometry=polygons, crs=inndata.soner.crs, index=range(len(polygons))
    )
    pieces = zone_pieces(inndata, resultat)
    omraader = omraader.join(_of_zones(pieces))
    omraader["andel_regulert"] = share_regulated(inndata, resultat, pieces)
    omraader["reguleringsplaner"] = bordering_plans(
        polygons, inndata.planer, tolerance_m=minne.valg.toleranse_m, column="plan_id"
    )
    _tell(resultat, account)
    return omraader


def zone_pieces(inndata: Inndata, resultat: Resultat) -> gpd.GeoDataFrame:
    """Return the pieces of zones under the områder.

    Returns
    -------
    GeoDataFrame
        sone_id, klasse, arealstatus, plan_id, sone (row number of the zone), omraade (row number); Polygon.
    """
    minne = resultat.minne
    number = np.full(len(minne.flater.geometri), -1, dtype=np.intp)
    number[resultat.omraader] = np.arange(len(resultat.omraader))
    omraade = number[minne.flater.av_del]
    keep = omraade >= 0
    rows = inndata.soner[["sone_id", "klasse", "arealstatus", "plan_id"]].iloc[minne.deler.sone[keep]]
    frame = gpd.GeoDataFrame(
        pd.DataFrame(rows.reset_index(drop=True)), geometry=minne.deler.geometri[keep], crs=inndata.soner.crs
    )
    return frame.assign(sone=minne.deler.sone[keep], omraade=omraade[keep])


def _of_zones(pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    rows = pd.DataFrame(pieces.drop(columns="geometry")).assign(areal_m2=pieces.area.to_numpy())
    zones = (
        rows.groupby(["omraade", "sone_id"], sort=False)
        .agg({"areal_m2": "sum", "klasse": "first", "arealstatus": "first", "plan_id": "first"})
        .reset_index()
        .sort_values(["omraade", "areal_m2", "sone_id"], ascending=[True, False, True])
    )
    omraade = zones["omraade"].to_numpy()
    found = np.unique(omraade)
    lists = {
        "sone_ider": in_groups(zones["sone_id"].to_numpy(dtype=object), omraade, found),
        "sone_areal_m2": in_groups(zones["areal_m2"].to_numpy(), omraade, found),
        "plan_ider": ids_of_groups(zones["plan_id"].to_numpy(dtype=object), omraade, found),
    }
    return pd.DataFrame(
        {
            "klasse": largest(zones, "omraade", "klasse"),
            "arealstatus": largest(zones, "omraade", "arealstatus"),
            **{name: pd.Series(values, index=found, dtype=object) for name, values in lists.items()},
        }
    )


def largest(rows: pd.DataFrame, group: str, column: str) -> pd.Series:
    """Return for each `group` the value of `column` with the largest total `areal_m2`; ties by value."""
    total = rows.groupby([group, column])["areal_m2"].sum().reset_index()
    total = total.sort_values([group, "areal_m2", column], ascending=[True, False, True])
    return total.drop_duplicates(group).set_index(group)[column]


def share_regulated(inndata: Inndata, resultat: Resultat, pieces: gpd.GeoDataFrame) -> np.ndarray:
    """Return for each område how much of the zones that it lies on adopted plans have settled, 0–1.

    share = 1 − Σ area left of these zones / Σ area of these zones, whatever became of the part that is left.
    """
    whole = shapely.area(inndata.soner.geometry.to_numpy())
    deler = resultat.minne.deler
    left = np.bincount(deler.sone, weights=shapely.area(deler.geometri), minlength=len(whole))
    zones = pieces[["omraade", "sone"]].drop_duplicates()
    count = len(resultat.omraader)
    omraade, sone = zones["omraade"].to_numpy(dtype=np.intp), zones["sone"].to_numpy(dtype=np.intp)
    share = np.bincount(omraade, weights=left[sone], minlength=count) / np.bincount(
        omraade, weights=whole[sone], minlength=count
    )
    return np.clip(1 - share, 0, 1).round(4)


def bordering_plans(
    geometries: Geometries, planer: gpd.GeoDataFrame, *, tolerance_m: float, column: str
) -> list[list[str]]:
    """Return for each polygon the ids of the plans that it ends at, sorted."""
    tree = shapely.STRtree(planer.geometry.to_numpy())
    i, j = tree.query(geometries, predicate="dwithin", distance=tolerance_m)
    ids = planer[column].to_numpy(dtype=object)[j]
    return ids_of_groups(ids, i, np.arange(len(geometries)))


def touching_plans(geometries: Geometries, pending: gpd.GeoDataFrame, *, toleranse_m: float) -> list[list[str]]:
    """Return for each polygon the ids of the pending plans that share land with it, sorted.

    A strip narrower than `toleranse_m` is no land: formats round coordinates, and a plan drawn along the polygon's
    border would come and go with them.
    """
    plans = pending.geometry.to_numpy()
    i, j = hits(geometries, plans)
    shared = shapely.intersection(geometries[i], plans[j])
    common = 2 * shapely.area(shared) > toleranse_m * shapely.length(shared)  # a strip's width is 2 A / P
    ids = pending["plan_id"].to_numpy(dtype=object)[j[common]]
    return ids_of_groups(ids, i[common], np.arange(len(geometries)))


def ids_of_groups(ids: Values, owner: Values, groups: Values) -> list[list[str]]:
    """Return for each of `groups` the ids that it owns, each once, sorted.

    Parameters
    ----------
    ids, owner : (n,) arrays
        Pairs, in any order and any number of times.
    groups : (m,) array of int
        Ascending; owners that are not among them are left out.

    Examples
    --------
    >>> ids_of_groups(np.array(["b", "a", "b"], dtype=object), np.array([2, 2, 2]), np.array([1, 2]))
    [[], ['a', 'b']]
    """
    number, names = pd.factorize(ids, sort=True)
    pairs = np.unique(owner * (len(names) + 1) + number)  # sorted by owner, then by id
    owner, number = np.divmod(pairs, len(names) + 1)
    return in_groups(names[number], owner, groups)


def in_groups(values: Values, owner: Values, groups: Values) -> list[list[Any]]:
    """Return for each of `groups` the values that it owns, in their order; `owner` and `groups` are ascending."""
    listed = values.tolist()
    first, end = np.searchsorted(owner, groups, side="left"), np.searchsorted(owner, groups, side="right")
    return [listed[a:b] for a, b in zip(first.tolist(), end.tolist(), strict=True)]


def _tell(resultat: Resultat, account: Account) -> None:
    flater = resultat.minne.flater
    area = shapely.area(flater.geometri)
    large = np.zeros(len(area), dtype=bool)
    large[resultat.omraader] = True
    account.inn = len(area)
    inside = shapely.get_coordinates(shapely.point_on_surface(flater.geometri[~large]))
    account.drop("for små", [f"{east:.0f} {north:.0f}" for east, north in inside])
    account.note("differanse_m2", float(area.sum()))
    account.note("for små_m2", float(area[~large].sum()))
    account.note("areal_m2", float(area[large].sum()))
    account.close(int(large.sum()))
