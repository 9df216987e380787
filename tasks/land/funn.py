"""Funn: the områder and lots of one or both classes of differanse, described, before they get ids.

The first class is what no adopted plan settles. The second, where config/regler.toml asks for it, is what adopted plans
have for other purposes than housing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.registers import Klasse, Regler
from tasks.account import Accounts
from tasks.land.motor import Inndata, Resultat, beregn
from tasks.land.omraade import describe_omraader, touching_plans
from tasks.land.regulering import not_housing
from tasks.land.tomt import describe_tomter

UREGULERT, IKKE_BOLIG = "uregulert", "ikke bolig i plan"


@dataclass(frozen=True)
class Funn:
    """Områder and lots of one class of differanse or of both, without ids, in the kommune's own UTM zone.

    `rester` are the pieces of områder that are no lots, and the parts of the differanse too small to be områder.
    """

    omraader: gpd.GeoDataFrame
    tomter: gpd.GeoDataFrame
    rester: gpd.GeoSeries

    @classmethod
    def of(cls, inndata: Inndata, resultat: Resultat, differanse: str, *, accounts: Accounts, ledd: str = "") -> Funn:
        """Return what a calculation found, described; `ledd` tells its steps in the accounts from those of another."""
        omraader = describe_omraader(inndata, resultat, account=accounts.step(f"omraader{ledd}"))
        tomter = describe_tomter(inndata, resultat, account=accounts.step(f"tomter{ledd}"))
        biter, flater = resultat.minne.biter.geometri, resultat.minne.flater.geometri
        small = np.setdiff1d(np.arange(len(flater)), resultat.omraader)
        rester = np.concatenate([biter[resultat.smaa], biter[resultat.smale], resultat.snipper.geometri, flater[small]])
        return cls(
            omraader.assign(differanse=differanse),
            tomter.assign(differanse=differanse),
            gpd.GeoSeries(rester, crs=inndata.soner.crs),
        )

    def plus(self, other: Funn) -> Funn:
        """Return both, the område numbers of the other's lots moved on."""
        lots = other.tomter.assign(omraade=other.tomter["omraade"] + len(self.omraader))
        pairs = [(self.omraader, other.omraader), (self.tomter, lots)]
        joined = [pd.concat([f for f in pair if len(f)] or [pair[0]], ignore_index=True) for pair in pairs]
        omraader, tomter = (gpd.GeoDataFrame(frame, geometry="geometry", crs=self.omraader.crs) for frame in joined)
        rester = np.concatenate([self.rester.to_numpy(), other.rester.to_numpy()])
        return Funn(omraader, tomter, gpd.GeoSeries(rester, crs=self.rester.crs))


def second_class(
    inndata: Inndata,
    first: Resultat,
    formaal: gpd.GeoDataFrame,
    klasser: Mapping[tuple[str, str], Klasse],
    *,
    rules: Regler,
    accounts: Accounts,
) -> Funn:
    """Return what adopted plans have for other purposes than housing; nothing of it is of the first class."""
    zones, housing = not_housing(
        inndata.soner,
        formaal,
        inndata.planer,
        klasser=klasser,
        regler=rules.plan,
        account=accounts.step("reguleringsformål"),
    )
    settled = np.concatenate([housing, first.minne.deler.geometri])
    planer = gpd.GeoDataFrame({"plan_id": [""] * len(settled)}, geometry=settled, crs=zones.crs)
    second = Inndata(zones, planer, inndata.teiger)
    found = Funn.of(second, beregn(second, first.minne.valg), IKKE_BOLIG, accounts=accounts, ledd=f" {IKKE_BOLIG}")
    # Of the plans that it lies in and of the whole zones: what it was cut by here is none of them.
    omraader = found.omraader.assign(
        andel_regulert=_share_of_zones(found.omraader["sone_ider"], inndata, first),
        reguleringsplaner=touching_plans(
            found.omraader.geometry.to_numpy(), inndata.planer, toleranse_m=rules.geometri.toleranse_m
        ),
    )
    return replace(found, omraader=omraader)


def _share_of_zones(sone_ider: pd.Series, inndata: Inndata, first: Resultat) -> list[float]:
    """Return for each list of zones how much of them adopted plans have settled, 0–1."""
    whole = pd.Series(shapely.area(inndata.soner.geometry.to_numpy()), index=inndata.soner["sone_id"])
    deler = first.minne.deler
    left = np.bincount(deler.sone, weights=shapely.area(deler.geometri), minlength=len(whole))
    settled = whole - left
    return [round(float(settled[ids].sum() / whole[ids].sum()), 4) for ids in sone_ider]
