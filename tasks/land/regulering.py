"""Which reguleringsplaner settle the ground, which are only under way, and which settle it for something else.

A neighbour's reguleringsplan that sticks in settles the ground like the kommune's own: land that somebody has regulated
is never offered. It is noted in the account, since its neighbour's kommuneplan, by contrast, has no force here.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.registers import Klasse, PlanRegler, is_known_code
from tasks.account import Account
from tasks.land.clean import Geometries, polygonal
from tasks.land.differanse import groups, hits, shared
from tasks.land.soner import is_own


def on_the_ground(planer: gpd.GeoDataFrame, regler: PlanRegler) -> gpd.GeoDataFrame:
    """Return the plans on the ground: a tunnel or a bridge does not settle the land it passes."""
    result: gpd.GeoDataFrame = planer[planer["vertikalnivaa"] == regler.bakkenivaa]
    return result


def split_plans(
    planer: gpd.GeoDataFrame, *, kommunenummer: str, regler: PlanRegler, account: Account
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the plans that settle the ground, and those under way (started, proposed, delayed effect).

    Parameters
    ----------
    planer
        Contract `reguleringsplaner`, cleaned.
    kommunenummer
        The kommune of the run; settling plans of another one are noted.
    """
    ground = on_the_ground(planer, regler)
    settled = ground[ground["planstatus"] == regler.vedtatt_status].reset_index(drop=True)
    pending = ground[ground["planstatus"].isin(regler.under_arbeid_status)].reset_index(drop=True)
    account.inn = len(planer)
    account.drop("ikke på bakken", planer.loc[~planer.index.isin(ground.index), "plan_id"])
    other = ~ground["planstatus"].isin([regler.vedtatt_status, *regler.under_arbeid_status])
    account.drop("annen status", ground.loc[other, "plan_id"])
    foreign = settled.loc[~is_own(settled, kommunenummer), "plan_id"]
    account.note("annen kommunes plan, avgjør likevel", len(foreign), foreign)
    account.note("under arbeid", len(pending), pending["plan_id"])
    account.close(len(settled) + len(pending))
    return settled, pending


def not_housing(
    zones: gpd.GeoDataFrame,
    formaal: gpd.GeoDataFrame,
    settled: gpd.GeoDataFrame,
    *,
    klasser: Mapping[tuple[str, str], Klasse],
    regler: PlanRegler,
    account: Account,
) -> tuple[gpd.GeoDataFrame, Geometries]:
    """Return the parts of zones that adopted plans have for other purposes than housing, and what plans have for it.

    Parameters
    ----------
    zones
        As from `soner.housing_zones`.
    formaal
        Contract `reguleringsformaal`, cleaned, same CRS.
    settled
        Plans that settle the ground: a purpose counts with its plan.

    Returns
    -------
    zones : GeoDataFrame
        Columns of `zones`, one row for each zone that has such a part, Polygon or MultiPolygon.
    housing : array of polygons
        Purposes of any housing class, or of a code that nobody knows: where plans overlap they go before the others,
        so that land which one of them gives to housing is not offered as forgotten.
    """
    account.inn = len(formaal)
    counts = formaal["plan_id"].isin(settled["plan_id"]) & (formaal["vertikalnivaa"] == regler.bakkenivaa)
    account.drop("plan ikke vedtatt, eller ikke på bakken", formaal.loc[~counts, "formaal_id"])
    purposes = formaal[counts]
    pairs = list(zip(purposes["objekttype"], purposes["kode"], strict=True))
    known = {pair: is_known_code(*pair) for pair in set(pairs)}
    # What a code means that nobody knows is not known: such land is offered no more than housing is.
    is_other = np.array([known[pair] and pair not in klasser for pair in pairs], dtype=bool)
    unknown = np.array([not known[pair] for pair in pairs], dtype=bool)
    account.drop("ukjent formål", purposes.loc[unknown, "formaal_id"])
    account.note("bolig", int((~is_other & ~unknown).sum()))
    account.close(int(is_other.sum()))
    geometry = purposes.geometry.to_numpy()
    return _shared_with(zones, geometry[is_other]), geometry[~is_other]


def _shared_with(zones: gpd.GeoDataFrame, other: Geometries) -> gpd.GeoDataFrame:
    geometry = zones.geometry.to_numpy()
    i, j = hits(geometry, other)
    common = shared(geometry, i, other, j)
    some = np.flatnonzero(~shapely.is_missing(common))
    rows, parts = [], []
    for members in groups(i[some]) if len(some) else []:
        rows.append(int(i[some[members[0]]]))
        parts.append(shapely.union_all(common[some[members]]))
    chosen = pd.DataFrame(zones.drop(columns="geometry")).iloc[rows].reset_index(drop=True)
    return gpd.GeoDataFrame(chosen, geometry=polygonal(np.array(parts, dtype=object)), crs=zones.crs)
