"""Infrastruktur: the road at each lot, and the buildings and addresses around it.

A row is a lot, in the order of the lots; distances from its edge, straight. Pipes for water and sewer are not open
data: buildings and addresses within 100 and 300 m stand in for them, and whoever tells of them says so.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.tomtefaktorer import Vegdel
from tasks.scoring.tomt.omgivelser import Omgivelser
from tasks.scoring.tomt.vegnett import Geometries, Tall

AVSTANDER_M = (100, 300)


def maal_infrastruktur(lag: Omgivelser) -> pd.DataFrame:
    """Return veg_m, vegkategori, and bygninger_ and adresser_ 100m and 300m of each lot; NaN: not known.

    Parameters
    ----------
    lag
        In a projected CRS in metres (`Omgivelser.i_sone`).
    """
    lots = np.asarray(lag.tomter.geometry.to_numpy(), dtype=object)
    faktorer = lag.faktorer
    result = maal_veg(lots, lag.veglenker, faktorer.infrastruktur.veg, innen_m=faktorer.rekkevidde.veg_m)
    for navn, frame in (("bygninger", lag.bygninger), ("adresser", lag.adressepunkter)):
        for within in AVSTANDER_M:
            result[f"{navn}_{within}m"] = _antall(lots, frame, within)
    return result.set_axis(lag.tomter.index)


def maal_veg(lots: Geometries, veglenker: gpd.GeoDataFrame | None, regler: Vegdel, *, innen_m: float) -> pd.DataFrame:
    """Return veg_m and vegkategori of the road that gives each lot most; inf and None: none within reach.

    Notes
    -----
    What it gives is share by distance × share by category: a kommunal road 20 m away is worth more than a track along
    the edge. Where none gives anything, and among those that give as much, the nearest counts.
    """
    kategori = np.full(len(lots), None, dtype=object)
    if veglenker is None:
        return pd.DataFrame({"veg_m": np.full(len(lots), np.nan), "vegkategori": pd.Series(kategori, dtype=object)})
    distance, worth = np.full(len(lots), np.inf), np.full(len(lots), -1.0)
    kinds = veglenker["vegkategori"].to_numpy(dtype=object)
    shapes = np.asarray(veglenker.geometry.to_numpy(), dtype=object)
    listed: list[tuple[str | None, float]] = [*regler.kategori.items(), (None, min(regler.kategori.values()))]
    for kind, factor in sorted(listed, key=lambda item: -item[1]):
        of_kind = np.array([k == kind if kind is not None else k not in regler.kategori for k in kinds], dtype=bool)
        asked = np.flatnonzero(worth <= factor)  # the others have a road that gives more than this kind can
        away = np.full(len(lots), np.inf)
        away[asked] = _naermeste(lots[asked], shapes[of_kind], innen_m=innen_m)
        given = np.where(np.isfinite(away), regler.avstand.andel(away) * factor, -1.0)
        better = (given > worth) | ((given == worth) & (away < distance))
        kategori[better], distance[better], worth[better] = kind, away[better], given[better]
    return pd.DataFrame({"veg_m": distance, "vegkategori": pd.Series(kategori, dtype=object)})


def _naermeste(lots: Geometries, shapes: Geometries, *, innen_m: float) -> Tall:
    distance = np.full(len(lots), np.inf)
    if len(shapes) and len(lots):
        tree = shapely.STRtree(shapes)
        (lot, _), away = tree.query_nearest(lots, max_distance=innen_m, return_distance=True, all_matches=False)
        distance[lot] = away
    return distance


def _antall(lots: Geometries, frame: gpd.GeoDataFrame | None, within_m: float) -> Tall:
    """Return how many of a layer lie within a distance of each lot, its own included."""
    if frame is None:
        return np.full(len(lots), np.nan)
    if not len(frame) or not len(lots):
        return np.zeros(len(lots))
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    around = shapely.bounds(lots) + np.array([-within_m, -within_m, within_m, within_m])
    lot, thing = shapely.STRtree(shapes).query(shapely.box(*around.T))
    # edges are no farther apart than any two points inside: most pairs need not be measured
    inside, there = (shapely.get_coordinates(shapely.point_on_surface(g)) for g in (lots, shapes))
    near = np.hypot(*(inside[lot] - there[thing]).T) <= within_m
    asked = np.flatnonzero(~near)
    near[asked] = shapely.distance(lots[lot[asked]], shapes[thing[asked]]) <= within_m
    return np.bincount(lot[near], minlength=len(lots)).astype(float)
