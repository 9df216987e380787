"""Housing zones: which zones count, where one plan overrides another, and what the kommune's border cuts off.

A row of the result is one zone of an adopted kommuneplan or kommunedelplan whose purpose allows housing, inside the
kommune, in the kommune's own UTM zone. Rules and sources: config/regler.toml, config/arealformaal.toml.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.registers import Klasse, PlanRegler
from tasks.account import Account
from tasks.land.clean import polygonal
from tasks.land.differanse import subtract


def adopted_plans(planomraader: gpd.GeoDataFrame, regler: PlanRegler) -> gpd.GeoDataFrame:
    """Return the extents with the adopted status."""
    result: gpd.GeoDataFrame = planomraader[planomraader["planstatus"] == regler.vedtatt_status]
    return result


def is_own(frame: gpd.GeoDataFrame, kommunenummer: str) -> pd.Series:
    """Return which rows belong to a plan of this kommune, told by the number that `plan_id` begins with."""
    result: pd.Series = frame["plan_id"].str.startswith(f"{kommunenummer}_").astype(bool)
    return result


def housing_zones(
    soner: gpd.GeoDataFrame,
    planomraader: gpd.GeoDataFrame,
    *,
    kommunenummer: str,
    grense: shapely.Geometry,
    klasser: Mapping[tuple[str, str], Klasse],
    teller: tuple[Klasse, ...],
    regler: PlanRegler,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the zones that count, cut by the kommune's own kommunedelplaner and by its border.

    Parameters
    ----------
    soner
        Contract `soner`, cleaned, own UTM zone.
    planomraader
        Contract `planomraader` of kommuneplaner and kommunedelplaner, cleaned, same CRS.
    kommunenummer, grense
        The kommune of the run: a plan of its neighbour has no force in it (neither its zones nor the extent of its
        kommunedelplan), and its own none outside.
    klasser, teller
        (objekttype, code) → housing class; the classes that count.

    Returns
    -------
    GeoDataFrame
        Columns of `soner` plus `klasse`; geometry is a Polygon or MultiPolygon.
    """
    account.inn = len(soner)
    own = planomraader[is_own(planomraader, kommunenummer)]
    account.note("annen kommunes planområder", len(planomraader) - len(own))
    adopted = adopted_plans(own, regler)
    account.drop("annen kommunes plan", soner.loc[~is_own(soner, kommunenummer), "sone_id"])
    zones = zones_in_force(soner[is_own(soner, kommunenummer)], adopted, account=account)
    zones = zones_that_count(zones, klasser=klasser, teller=teller, account=account)
    result = cut_zones(zones, adopted, grense=grense, regler=regler, account=account)
    account.note("areal_m2", float(result.area.sum()))
    account.close(len(result))
    return result


def zones_in_force(soner: gpd.GeoDataFrame, adopted: gpd.GeoDataFrame, *, account: Account) -> gpd.GeoDataFrame:
    """Return the zones whose plan is among the adopted extents."""
    in_force = soner["plan_id"].isin(adopted["plan_id"])
    account.drop("plan ikke vedtatt", soner.loc[~in_force, "sone_id"])
    result: gpd.GeoDataFrame = soner[in_force]
    return result


def zones_that_count(
    soner: gpd.GeoDataFrame,
    *,
    klasser: Mapping[tuple[str, str], Klasse],
    teller: tuple[Klasse, ...],
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the zones whose purpose is of a class that counts, with the class as `klasse`."""
    found = [klasser.get(pair) for pair in zip(soner["objekttype"], soner["kode"], strict=True)]
    klasse = pd.Series(found, index=soner.index, dtype=object)
    counts = klasse.isin(teller)
    account.drop("ikke bolig", soner.loc[~counts, "sone_id"])
    result: gpd.GeoDataFrame = soner[counts].assign(klasse=klasse[counts]).reset_index(drop=True)
    return result


def cut_zones(
    zones: gpd.GeoDataFrame,
    adopted: gpd.GeoDataFrame,
    *,
    grense: shapely.Geometry,
    regler: PlanRegler,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return what is left of the zones where a kommunedelplan overrides a kommuneplan, and inside the border.

    Parameters
    ----------
    adopted
        Adopted extents of the kommune's own plans.
    """
    plantype = adopted.drop_duplicates("plan_id").set_index("plan_id")["plantype"]
    geometry = zones.geometry.to_numpy().copy()
    overridden = zones["plan_id"].map(plantype).isin(regler.kommuneplan_typer).to_numpy()
    extents = adopted[adopted["plantype"].isin(regler.kommunedelplan_typer)].geometry.to_numpy()
    geometry[overridden] = subtract(geometry[overridden], extents)
    account.drop("overstyrt av kommunedelplan", zones.loc[shapely.is_missing(geometry), "sone_id"])
    left = ~shapely.is_missing(geometry)
    geometry = clip(geometry, grense)
    account.drop("utenfor kommunen", zones.loc[left & shapely.is_missing(geometry), "sone_id"])
    zones = zones.set_geometry(gpd.GeoSeries(geometry, index=zones.index, crs=zones.crs))
    result: gpd.GeoDataFrame = zones[~shapely.is_missing(geometry)].reset_index(drop=True)
    return result


def clip(geometries: np.ndarray, grense: shapely.Geometry) -> np.ndarray:
    """Return the part of each polygon inside the kommune; None where there is none."""
    result = np.array(geometries, dtype=object)
    shapely.prepare(grense)
    cut = ~shapely.is_missing(result) & ~shapely.contains_properly(grense, result)
    shapely.destroy_prepared(grense)
    result[cut] = polygonal(shapely.intersection(result[cut], grense))
    return result
