"""Which reguleringsplaner settle the ground, and which are only under way."""

from __future__ import annotations

import geopandas as gpd

from config.registers import PlanRegler
from tasks.land.clean import Account


def on_the_ground(planer: gpd.GeoDataFrame, regler: PlanRegler) -> gpd.GeoDataFrame:
    """Return the plans on the ground: a tunnel or a bridge does not settle the land it passes."""
    result: gpd.GeoDataFrame = planer[planer["vertikalnivaa"] == regler.bakkenivaa]
    return result


def split_plans(
    planer: gpd.GeoDataFrame, *, regler: PlanRegler, account: Account
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the plans that settle the ground, and those under way (started, proposed, delayed effect).

    Parameters
    ----------
    planer
        Contract `reguleringsplaner`, cleaned.
    """
    ground = on_the_ground(planer, regler)
    settled = ground[ground["planstatus"] == regler.vedtatt_status].reset_index(drop=True)
    pending = ground[ground["planstatus"].isin(regler.under_arbeid_status)].reset_index(drop=True)
    account.count(
        "regulering",
        inn=len(planer),
        vedtatt=len(settled),
        under_arbeid=len(pending),
        ikke_paa_bakken=len(planer) - len(ground),
        annen_status=len(ground) - len(settled) - len(pending),
    )
    return settled, pending
