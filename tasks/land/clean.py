"""Cleaning: what comes from a source becomes valid 2D polygons in the CRS in which areas are computed.

Repairs only what is invalid (``make_valid(method="structure")``: linework leaves GeometryCollections and differs by
up to 11 m², ``buffer(0)`` loses up to 38 m²). Every feature dropped or repaired is counted with its reason and id.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from tasks.account import Account
from tasks.crs import STORAGE_CRS, STORAGE_EPSG, crs_of
from tasks.errors import LandError

Geometries = npt.NDArray[np.object_]

POINTS = (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)
UTM_EPSG = (25832, 25833, 25835)
GEOGRAPHIC_EPSG = (4258, 4326)


def polygonal(geometries: Geometries) -> Geometries:
    """Return the polygon part of each geometry: Polygon, MultiPolygon, or None where there is none.

    Parameters
    ----------
    geometries : (n,) array of geometries
        Any type; lines and points in a GeometryCollection are left out.
    """
    result = np.array(geometries, dtype=object)
    types = shapely.get_type_id(result)
    mixed = types == shapely.GeometryType.GEOMETRYCOLLECTION
    for i in np.flatnonzero(mixed):
        parts = shapely.get_parts(shapely.get_parts(result[i]))
        areas = parts[shapely.get_dimensions(parts) == 2]
        result[i] = shapely.union_all(areas) if len(areas) else None
    keep = np.isin(shapely.get_type_id(result), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    result[~keep | shapely.is_empty(result)] = None
    return result


def repair(geometries: Geometries, *, med_punkt: bool = False) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """Force 2D, repair what is invalid, keep polygons only.

    Parameters
    ----------
    geometries : (n,) array of geometries
    med_punkt
        True: points are kept as well, but those in a GeometryCollection.

    Returns
    -------
    geometries : (n,) array
        Valid Polygon or MultiPolygon, or Point or MultiPoint; None where nothing is left.
    repaired : (n,) array of bool
        True where the input was invalid.
    """
    flat = np.array(geometries, dtype=object)
    tall = shapely.has_z(flat)
    flat[tall] = shapely.force_2d(flat[tall])
    invalid = ~shapely.is_valid(flat) & ~shapely.is_missing(flat)
    # A coordinate that is no number cannot be mended; bounds pass over it, so the coordinates themselves are asked.
    coordinates, owner = shapely.get_coordinates(flat[invalid], return_index=True)
    hopeless = np.flatnonzero(invalid)[np.unique(owner[~np.isfinite(coordinates).all(axis=1)])]
    flat[hopeless], invalid[hopeless] = None, False
    if invalid.any():
        flat[invalid] = shapely.make_valid(flat[invalid], method="structure", keep_collapsed=False)
    result = polygonal(flat)
    if med_punkt:
        points = np.isin(shapely.get_type_id(flat), POINTS) & ~shapely.is_empty(flat)
        result[points] = flat[points]
    return result, invalid


def known_crs(frame: gpd.GeoDataFrame, *, name: str) -> int:
    """Return the EPSG code of a frame.

    Raises
    ------
    LandError
        When the CRS is missing, or none of EPSG:25832, 25833, 25835, 4258 and 4326.
    """
    code: int | None = None if frame.crs is None else frame.crs.to_epsg()
    if code not in (*UTM_EPSG, *GEOGRAPHIC_EPSG):
        wanted = ", ".join(map(str, (*UTM_EPSG, *GEOGRAPHIC_EPSG)))
        raise LandError(
            f"{name}: CRS is {frame.crs}; wanted is one of EPSG:{wanted}. "
            "Reproject the data, or correct the CRS of the source."
        )
    return code


def clean(
    frame: gpd.GeoDataFrame, *, epsg: int, key: str, account: Account, med_punkt: bool = False
) -> gpd.GeoDataFrame:
    """Return `frame` with valid 2D polygons in `epsg`; rows without one are dropped and counted.

    Parameters
    ----------
    frame
        Any of EPSG:25832, 25833, 25835, 4258 or 4326.
    epsg
        CRS to compute in: the kommune's own UTM zone.
    key
        The column whose values name a row.
    med_punkt
        True: points are kept as well.

    Raises
    ------
    LandError
        When the CRS is missing or another.
    """
    code = known_crs(frame, name=account.navn)
    ids = frame[key].to_numpy()
    account.inn = len(frame)
    # Repair before projecting: a bow-tie is the digitiser's, and projecting an infinite coordinate fails.
    geometry, repaired = repair(frame.geometry.to_numpy(), med_punkt=med_punkt)
    missing = shapely.is_missing(geometry)
    mended = repaired & ~missing
    account.note("reparert", int(mended.sum()), ids[mended])
    account.drop("verken punkt eller flate" if med_punkt else "uten flate", ids[missing])
    kept = frame.loc[~missing].set_geometry(gpd.GeoSeries(geometry[~missing], index=frame.index[~missing], crs=code))
    if code != epsg:
        kept = kept.to_crs(epsg)
        again, _ = repair(kept.geometry.to_numpy(), med_punkt=med_punkt)
        lost = shapely.is_missing(again)  # beyond a pole, for one
        account.drop("kan ikke reprojiseres", kept.loc[lost, key])
        kept = kept[~lost].set_geometry(gpd.GeoSeries(again[~lost], index=kept.index[~lost], crs=crs_of(epsg)))
    account.close(len(kept))
    result: gpd.GeoDataFrame = kept.reset_index(drop=True)
    return result


def in_storage_crs(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a frame of valid polygons in the storage CRS: projecting can make a ring cross itself.

    A row whose polygon projecting leaves nothing of, a hairline, keeps what it is projected to.
    """
    if frame.crs.to_epsg() == STORAGE_EPSG:
        return frame
    moved = frame.to_crs(STORAGE_CRS)
    given = moved.geometry.to_numpy()
    sound, _ = repair(given)
    geometry = np.where(shapely.is_missing(sound), given, sound)
    return moved.set_geometry(gpd.GeoSeries(geometry, index=moved.index, crs=STORAGE_CRS))
