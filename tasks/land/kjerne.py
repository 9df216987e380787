"""Kjerner: the buildable core of a lot, what is left of it beside what stands there and beside its narrow places.

A row is the largest such polygon of one lot; the key is tomt_id (contract `kjerner`); the CRS is that of the lots.
Distances from what stands there as in NINA report 2310 and in the building-land statistics of Kanton Solothurn.

The core of a lot depends on the lot and on the obstacles within `reach_m` of it, on nothing else: whoever computes a
subset of the lots gets their rows of the whole.
"""

from __future__ import annotations

import hashlib
import json

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.registers import KjerneRegler
from tasks.account import Account
from tasks.contracts import KJERNER
from tasks.crs import STORAGE_CRS
from tasks.errors import LandError
from tasks.land.bredde import QUAD_SEGS, wide_parts
from tasks.land.clean import Geometries, in_storage_crs, repair
from tasks.land.differanse import Indices, explode, subtract
from tasks.land.traader import chunks, in_threads

VERSJON = 1
"""Raised when the same lot and obstacles would give another core: those of earlier runs then do not stand."""


def find_kjerner(
    tomter: gpd.GeoDataFrame,
    hindre: gpd.GeoDataFrame | None,
    *,
    regler: KjerneRegler,
    account: Account,
    traader: int = 1,
) -> gpd.GeoDataFrame:
    """Return the buildable core of each lot that has one, in the order of the lots.

    Parameters
    ----------
    tomter
        tomt_id, areal_m2; Polygon or MultiPolygon. Any other columns are left aside.
    hindre
        hinder_id, slag (contract `hindre`) in the CRS of the lots, of any extent; None where what stands on the land
        is not known: the cores are those of the shape alone, and the account says so.
    regler
        Distances and floors.
    account
        Gets the lots without a core, with the reason, and the areas.
    traader
        Threads to share the lots between.

    Returns
    -------
    GeoDataFrame
        tomt_id, areal_m2, lengde_m, bredde_m, kompakthet; Polygon. `core_areas` gives the areas of all lots.

    Raises
    ------
    LandError
        When the CRS is missing, geographic, or not the same for both, or an obstacle's `slag` is unknown.
    """
    _check_crs(tomter, hindre)
    lots, _ = repair(tomter.geometry.to_numpy())
    if hindre is None:
        zones: Geometries = np.empty(0, dtype=object)
        account.note("hindre ukjent", len(tomter))
    else:
        zones = _no_go(lots, hindre, regler, account)

    def work(part: Indices) -> tuple[npt.NDArray[np.bool_], Geometries]:
        left = subtract(lots[part], zones, floor_m2=regler.minste_areal_m2)
        return _has_room(left, regler.minste_areal_m2), _largest(left, regler)

    parts = chunks(shapely.get_num_coordinates(lots).astype(float), traader)
    free, cores = (np.concatenate(both) for both in zip(*in_threads(work, parts, traader=traader), strict=True))
    _tell(tomter, lots, free, cores, floor_m2=regler.minste_areal_m2, account=account)
    has_core = ~shapely.is_missing(cores)
    return _measured(tomter["tomt_id"].to_numpy()[has_core], cores[has_core], crs=tomter.crs)


def current_kjerner(
    tomter: gpd.GeoDataFrame,
    hindre: gpd.GeoDataFrame | None,
    *,
    before: gpd.GeoDataFrame | None,
    regler: KjerneRegler,
    traader: int,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the cores of lots (contract kjerner, EPSG:25833): computed, or as they were where nothing has changed.

    Parameters
    ----------
    tomter
        tomt_id and areal_m2 of living lots, in the kommune's own UTM zone.
    before
        Cores of the last run: each tells by its key what it was computed from, and stands where that is the same.
    """
    keys = _keys(tomter, hindre, regler)
    kept = KJERNER.empty() if before is None else before[before["noekkel"] == before["tomt_id"].map(keys)]
    again = ~tomter["tomt_id"].isin(kept["tomt_id"])
    account.inn = account.ut = len(kept)
    account.note("som før", len(kept))
    account.note("areal_m2", float(kept["areal_m2"].sum()))
    fresh = find_kjerner(tomter[again], hindre, regler=regler, account=account, traader=traader)
    fresh = in_storage_crs(fresh.assign(noekkel=fresh["tomt_id"].map(keys).astype(object)))
    columns = [*KJERNER.columns, "geometry"]
    parts = [frame[columns] for frame in (fresh, kept) if len(frame)] or [KJERNER.empty()]
    joined = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=STORAGE_CRS)
    result: gpd.GeoDataFrame = joined.sort_values("tomt_id", ignore_index=True)
    return result


def _keys(tomter: gpd.GeoDataFrame, hindre: gpd.GeoDataFrame | None, regler: KjerneRegler) -> pd.Series:
    """Return for each lot a digest of everything that its core depends on, by tomt_id."""
    stamp = hashlib.sha256(json.dumps([VERSJON, regler.model_dump()], sort_keys=True).encode())
    if hindre is not None:
        rows = hindre.sort_values("hinder_id")
        stamp.update(str(rows["slag"].tolist()).encode())
        stamp.update(b"".join(wkb or b"-" for wkb in shapely.to_wkb(rows.geometry.to_numpy())))
    of_all = stamp.digest()
    keys = [hashlib.sha256(of_all + wkb).hexdigest()[:32] for wkb in shapely.to_wkb(tomter.geometry.to_numpy())]
    return pd.Series(keys, index=tomter["tomt_id"].to_numpy(dtype=object), dtype=object)


def core_areas(tomt_ider: pd.Series, kjerner: gpd.GeoDataFrame) -> pd.Series:
    """Return the area of the core of each lot, m², 0 where it has none; index as `tomt_ider`."""
    area = pd.Series(kjerner["areal_m2"].to_numpy(dtype=float), index=kjerner["tomt_id"].to_numpy())
    return tomt_ider.map(area).astype(float).fillna(0.0).rename("areal_m2")


def reach_m(regler: KjerneRegler) -> float:
    """Return the distance beyond which an obstacle does not touch the core of a lot, m."""
    return max(_distances(regler).values())


def _distances(regler: KjerneRegler) -> dict[str, float]:
    """Return the distance that building keeps, by `slag` of the contract `hindre`, m."""
    return {"bygningspunkt": regler.bygningspunkt_m, "bygning": regler.bygning_m, "veg": regler.veg_m}


def _check_crs(tomter: gpd.GeoDataFrame, hindre: gpd.GeoDataFrame | None) -> None:
    if tomter.crs is None or not tomter.crs.is_projected:
        raise LandError(
            f"tomter: CRS is {tomter.crs}; cores are measured in metres. Reproject to the kommune's own UTM."
        )
    if hindre is not None and hindre.crs != tomter.crs:
        raise LandError(
            f"hindre: CRS is {hindre.crs}, that of tomter {tomter.crs}. Reproject hindre to that of tomter."
        )


def _no_go(lots: Geometries, hindre: gpd.GeoDataFrame, regler: KjerneRegler, account: Account) -> Geometries:
    """Return where the obstacles near any of the lots forbid building."""
    ids, slag = hindre["hinder_id"].to_numpy(), hindre["slag"].to_numpy()
    by_slag = _distances(regler)
    unknown = ~np.isin(slag.astype(str), list(by_slag))
    if unknown.any():
        raise LandError(
            f"hindre: slag {sorted({str(s) for s in slag[unknown]})} unknown, first {list(ids[unknown][:3])}; "
            f"wanted is one of {', '.join(by_slag)}"
        )
    geometry, mended = repair(hindre.geometry.to_numpy(), med_punkt=True)
    lost = shapely.is_missing(geometry)
    mended &= ~lost
    account.note("hindre uten geometri", int(lost.sum()), ids[lost])
    account.note("hindre reparert", int(mended.sum()), ids[mended])
    distance = np.array([by_slag[s] for s in slag], dtype=float)
    near = _near(lots, geometry, distance)
    account.note("hindre nær tomter", len(near))
    zones = np.array(geometry[near], dtype=object)
    grown = distance[near] > 0
    zones[grown] = shapely.buffer(zones[grown], distance[near][grown], quad_segs=QUAD_SEGS)
    return zones  # a point at distance 0 stays a point, and takes nothing away


def _near(lots: Geometries, obstacles: Geometries, distance: npt.NDArray[np.float64]) -> Indices:
    """Return the indices of the obstacles whose bounding box comes within their distance of that of a lot."""
    west, south, east, north = shapely.bounds(obstacles).T
    boxes = shapely.box(west - distance, south - distance, east + distance, north + distance)
    near: Indices = np.unique(shapely.STRtree(lots).query(boxes)[0])
    return near


def _has_room(geometries: Geometries, floor_m2: float) -> npt.NDArray[np.bool_]:
    """Return which geometries have a polygon of at least the floor."""
    parts, source = explode(geometries)
    result = np.zeros(len(geometries), dtype=bool)
    result[source[shapely.area(parts) >= floor_m2]] = True
    return result


def _largest(left: Geometries, regler: KjerneRegler) -> Geometries:
    """Return the largest polygon of each lot that is wide everywhere, None where none reaches the floor."""
    cores = np.full(len(left), None, dtype=object)
    parts, lot = explode(left)
    large = shapely.area(parts) >= regler.minste_areal_m2  # the width only takes away
    parts, piece = wide_parts(parts[large], width_m=regler.minste_bredde_m)
    lot, area = lot[large][piece], shapely.area(parts)
    keep = area >= regler.minste_areal_m2
    parts, lot, area = parts[keep], lot[keep], area[keep]
    # Of two equal halves always the same, whatever the last bits of their areas: the western, then the southern one.
    west, south = shapely.bounds(parts)[:, :2].T.reshape(2, -1)
    order = np.lexsort((south, west, -np.round(area, 1), lot))
    first = np.unique(lot[order], return_index=True)[1]
    cores[lot[order][first]] = parts[order][first]
    return cores


def _tell(
    tomter: gpd.GeoDataFrame,
    lots: Geometries,
    free: npt.NDArray[np.bool_],
    cores: Geometries,
    *,
    floor_m2: float,
    account: Account,
) -> None:
    """Write the account: of each lot without a core the first step at which nothing of the floor's size was left."""
    account.inn += len(tomter)
    ids, area = tomter["tomt_id"].to_numpy(), tomter["areal_m2"].to_numpy(dtype=float)
    none, missing = shapely.is_missing(cores), shapely.is_missing(lots)
    room = _has_room(lots, floor_m2)
    account.drop("ingen kjerne: uten flate", ids[missing])
    account.drop("ingen kjerne: for liten", ids[~missing & ~room])
    account.drop("ingen kjerne: for nær hindre", ids[room & ~free])
    account.drop("ingen kjerne: for smal", ids[none & free])
    account.note("areal_m2", float(shapely.area(cores[~none]).sum()))
    account.note("ingen kjerne_m2", float(np.nansum(area[none])))
    account.close(account.ut + int((~none).sum()))


def _measured(ids: npt.NDArray[np.object_], cores: Geometries, *, crs: object) -> gpd.GeoDataFrame:
    """Return the rows of the contract `kjerner`."""
    area = shapely.area(cores)
    corners = shapely.get_coordinates(shapely.get_exterior_ring(shapely.minimum_rotated_rectangle(cores)))
    sides = np.linalg.norm(np.diff(corners.reshape(-1, 5, 2)[:, :3], axis=1), axis=2)
    return gpd.GeoDataFrame(
        {
            "tomt_id": pd.Series(ids, dtype=object),
            "areal_m2": area,
            "lengde_m": sides.max(axis=1, initial=0.0),
            "bredde_m": sides.min(axis=1, initial=np.inf),
            "kompakthet": 4 * np.pi * area / shapely.length(cores) ** 2,
        },
        geometry=cores,
        crs=crs,
    )
