"""Which reguleringsplaner settle the ground, and which are only under way.

A neighbour's reguleringsplan that sticks in settles the ground like the kommune's own: land that somebody has regulated
is never offered. It is noted in the account, since its neighbour's kommuneplan, by contrast, has no force here.
"""

from __future__ import annotations

import geopandas as gpd

from config.registers import PlanRegler
from tasks.account import Account
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
