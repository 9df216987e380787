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
    """Return the zones that count, cut by kommunedelplaner and by the kommune's border.

    Parameters
    ----------
    soner
        Contract `soner`, cleaned, own UTM zone.
    planomraader
        Contract `planomraader` of kommuneplaner and kommunedelplaner, cleaned, same CRS.
    kommunenummer, grense
        The kommune of the run: a plan of its neighbour has no force in it, and its own none outside.
    klasser
        (objekttype, code) → housing class.
    teller
        Classes that count.

    Returns
    -------
    GeoDataFrame
        Columns of `soner` plus `klasse`; geometry is a Polygon or MultiPolygon.
    """
    account.inn = len(soner)
    adopted = adopted_plans(planomraader, regler)
    plantype = adopted.drop_duplicates("plan_id").set_index("plan_id")["plantype"]
    own = soner["plan_id"].str.startswith(f"{kommunenummer}_")
    account.drop("annen kommunes plan", soner.loc[~own, "sone_id"].tolist())
    adopted_zone = soner["plan_id"].isin(plantype.index)
    account.drop("plan ikke vedtatt", soner.loc[own & ~adopted_zone, "sone_id"].tolist())
    in_force = own & adopted_zone
    klasse = pd.Series(
        [klasser.get(pair) for pair in zip(soner["objekttype"], soner["kode"], strict=True)],
        index=soner.index,
        dtype=object,
    )
    counts = klasse.isin(teller)
    account.drop("ikke bolig", soner.loc[in_force & ~counts, "sone_id"].tolist())
    zones = soner[in_force & counts].assign(klasse=klasse[in_force & counts]).reset_index(drop=True)

    geometry = zones.geometry.to_numpy().copy()
    overridden = zones["plan_id"].map(plantype).isin(regler.kommuneplan_typer).to_numpy()
    extents = adopted[adopted["plantype"].isin(regler.kommunedelplan_typer)].geometry.to_numpy()
    geometry[overridden] = subtract(geometry[overridden], extents)
    account.drop("overstyrt av kommunedelplan", zones.loc[shapely.is_missing(geometry), "sone_id"].tolist())
    left = ~shapely.is_missing(geometry)
    geometry = clip(geometry, grense)
    account.drop("utenfor kommunen", zones.loc[left & shapely.is_missing(geometry), "sone_id"].tolist())
    zones = zones.set_geometry(gpd.GeoSeries(geometry, crs=soner.crs))
    result: gpd.GeoDataFrame = zones[~shapely.is_missing(geometry)].reset_index(drop=True)
    account.note("areal_m2", float(result.area.sum()))
    account.close(len(result))
    return result


def clip(geometries: np.ndarray, grense: shapely.Geometry) -> np.ndarray:
    """Return the part of each polygon inside the kommune; None where there is none."""
    result = np.array(geometries, dtype=object)
    shapely.prepare(grense)
    cut = ~shapely.is_missing(result) & ~shapely.contains_properly(grense, result)
    shapely.destroy_prepared(grense)
    result[cut] = polygonal(shapely.intersection(result[cut], grense))
    return result
