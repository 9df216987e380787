"""What others offer for differanse and parcel cut, in plain and competent Python, and the limit that none can pass.

All of them read zone by zone, with the floors of `funn` and without a rule for the width. PostGIS: `postgis`.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from tests.bench.funn import MINSTE_OMRAADE_M2, MINSTE_TOMT_M2, Funn, Geometries, Indices, read_geometry
from tests.bench.municipality import Files


def papers(files: Files) -> Funn:
    """Return what the papers' algorithm finds: one union of all plans, zone by zone less it, cut by the parcels."""
    zones, plans, parcels = (read_geometry(path) for path in files)
    regulated = shapely.union_all(plans)
    omraader, sone = _polygons(np.array([zone.difference(regulated) for zone in zones], dtype=object))
    large = shapely.area(omraader) >= MINSTE_OMRAADE_M2
    omraader, sone = omraader[large], sone[large]
    omraade, parcel = shapely.STRtree(parcels).query(omraader, predicate="intersects")
    tomter, pair = _polygons(shapely.intersection(omraader[omraade], parcels[parcel]))
    large = shapely.area(tomter) >= MINSTE_TOMT_M2
    tomter, pair = tomter[large], pair[large]
    return Funn(omraader, sone, tomter, sone[omraade[pair]], parcel[pair])


def _polygons(geometries: Geometries) -> tuple[Geometries, Indices]:
    """Return the polygons that geometries consist of, and for each the row that it came from."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    if (shapely.get_type_id(parts) == shapely.GeometryType.MULTIPOLYGON).any():  # they hide in collections
        parts, again = shapely.get_parts(parts, return_index=True)
        row = row[again]
    surface = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    return parts[surface], row[surface]


def overlay(files: Files) -> Funn:
    """Return what `geopandas.overlay` finds: difference, explode, floor, intersection, explode, floor."""
    zones, plans, parcels = (gpd.read_parquet(path, columns=["geometry"]) for path in files)
    zones["sone"], parcels["teig"] = np.arange(len(zones)), np.arange(len(parcels))
    omraader = gpd.overlay(zones, plans, how="difference").explode(ignore_index=True)
    omraader = omraader[omraader.area >= MINSTE_OMRAADE_M2]
    tomter = gpd.overlay(omraader, parcels, how="intersection").explode(ignore_index=True)
    tomter = tomter[tomter.area >= MINSTE_TOMT_M2]
    return Funn(
        omraader.geometry.to_numpy(),
        omraader["sone"].to_numpy(),
        tomter.geometry.to_numpy(),
        tomter["sone"].to_numpy(),
        tomter["teig"].to_numpy(),
    )


def limit(files: Files, omraader: Geometries) -> int:
    """Return how many pairs meet, zones × plans and områder × teiger: a method that does only this finds nothing yet.

    Reads the three files, builds the trees, asks them with prepared geometries, and overlays nothing.

    Parameters
    ----------
    omraader
        Here they are given.
    """
    zones, plans, parcels = (read_geometry(path) for path in files)
    met = 0
    for targets, tools in ((zones, plans), (omraader, parcels)):
        shapely.prepare(targets)
        met += int(shapely.STRtree(tools).query(targets, predicate="intersects").shape[1])
        shapely.destroy_prepared(targets)
    return met
