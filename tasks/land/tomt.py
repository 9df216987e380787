"""Tomter: områder cut by property.

A row is one connected polygon of one område on one teig, at least as large and as wide as a lot must be, in the CRS of
the områder.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.clean import Geometries
from tasks.land.differanse import hits, shared
from tasks.land.motor import Inndata, Resultat
from tasks.land.omraade import ids_of_groups, largest, zone_pieces

OVERLAP_M2 = 0.1
"""Pieces larger than their område by more than this lie on teiger that overlap; less is arithmetic."""


def describe_tomter(inndata: Inndata, resultat: Resultat, *, account: Account) -> gpd.GeoDataFrame:
    """Return the lots with what is known of them, sorted by teig and place, and write the account of the cut.

    Returns
    -------
    GeoDataFrame
        omraade (row number of the område), teig_id, matrikkelenheter, har_tvist, areal_m2, and klasse, arealstatus and
        plan_ider of the zones under the lot; Polygon.
    """
    biter = resultat.minne.biter
    chosen = resultat.tomter
    polygons = biter.geometri[chosen]
    rows = inndata.teiger[["teig_id", "matrikkelenheter", "har_tvist"]].iloc[biter.teig[chosen]]
    tomter = gpd.GeoDataFrame(pd.DataFrame(rows.reset_index(drop=True)), geometry=polygons, crs=inndata.soner.crs)
    tomter.insert(0, "omraade", np.searchsorted(resultat.omraader, biter.flate[chosen]))
    tomter["areal_m2"] = shapely.area(polygons)
    tomter = tomter.join(zones_under(polygons, zone_pieces(inndata, resultat)))
    inside = shapely.get_coordinates(shapely.point_on_surface(polygons)).reshape(-1, 2)
    order = np.lexsort((inside[:, 1], inside[:, 0], tomter["teig_id"].to_numpy().astype(str)))
    _tell(inndata, resultat, account)
    result: gpd.GeoDataFrame = tomter.iloc[order].reset_index(drop=True)
    return result


def zones_under(polygons: Geometries, pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return klasse, arealstatus and plan_ider of the zone pieces under each polygon, by largest shared area."""
    geometry = pieces.geometry.to_numpy()
    j, i = hits(geometry, polygons)  # this way round: a piece may be very large, and is prepared once for all its lots
    common = shapely.area(polygons)[i]
    several = np.bincount(i, minlength=len(polygons))[i] > 1  # a lot that meets one piece lies on it
    common[several] = shapely.area(shared(geometry, j[several], polygons, i[several]))
    rows = pd.DataFrame(pieces.drop(columns="geometry")).iloc[j].assign(tomt=i, areal_m2=common)
    rows = rows[common > 0]
    tomt = pd.RangeIndex(len(polygons))
    plans = ids_of_groups(rows["plan_id"].to_numpy(dtype=object), rows["tomt"].to_numpy(), tomt.to_numpy())
    return pd.DataFrame(
        {
            "klasse": largest(rows, "tomt", "klasse"),
            "arealstatus": largest(rows, "tomt", "arealstatus"),
            "plan_ider": pd.Series(plans, index=tomt, dtype=object),
        },
        index=tomt,
    )


def _tell(inndata: Inndata, resultat: Resultat, account: Account) -> None:
    """Write the account: each piece of an område on a teig is a lot, too small or too narrow; the rest is on no teig.

    lots + for små + for smal + uten teig − delt av flere teiger = områder, to the square metre.
    """
    biter, snipper = resultat.minne.biter, resultat.snipper
    teig_ider = inndata.teiger["teig_id"].to_numpy()
    area, small_area = shapely.area(biter.geometri), shapely.area(snipper.geometri)
    account.inn = len(area) + len(small_area)
    account.note("areal_m2", float(area[resultat.tomter].sum()))
    account.drop("for små", sorted([*teig_ider[biter.teig[resultat.smaa]], *teig_ider[snipper.teig]]))
    account.note("for små_m2", float(area[resultat.smaa].sum() + small_area.sum()))
    account.drop("for smal", sorted(teig_ider[biter.teig[resultat.smale]]))
    account.note("for smal_m2", float(area[resultat.smale].sum()))
    used = np.unique(biter.flate[resultat.tomter])
    account.note("områder uten tomt", len(resultat.omraader) - len(used))
    bare, twice = _on_no_teig(resultat)
    account.note("uten teig_m2", bare)
    account.note("på flere teiger_m2", twice)
    account.close(len(resultat.tomter))


def _on_no_teig(resultat: Resultat) -> tuple[float, float]:
    """Return the area of the områder that lies on no teig, and what lies on several and so is counted again, m².

    Only where the pieces are larger than their område are teiger known to overlap there; only there they are united.
    """
    flater, biter, snipper = resultat.minne.flater, resultat.minne.biter, resultat.snipper
    polygons = np.concatenate([biter.geometri, snipper.geometri])
    flate = np.concatenate([biter.flate, snipper.flate])
    pieces = np.bincount(flate, weights=shapely.area(polygons), minlength=len(flater.geometri))[resultat.omraader]
    whole = shapely.area(flater.geometri[resultat.omraader])
    covered = pieces.copy()
    for k in np.flatnonzero(pieces > whole + OVERLAP_M2):
        covered[k] = shapely.union_all(polygons[flate == resultat.omraader[k]]).area
    return float((whole - covered).sum()), float((pieces - covered).sum())
