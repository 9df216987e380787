"""What the JSON protocols share: a page of features → rows in EPSG:25833 that say their object type.

Whether the coordinates are in the CRS that they are said to be in is judged by where they lie: no reader notices.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.plassering import NORWAY_DEGREES, place, strays

GEOGRAPHIC = frozenset({4258, 4326})
"""CRSs in degrees. In GeoJSON, longitude stands first."""

FURTHEST = 1e8
"""Metres: no coordinate lies further from the origin of its CRS, and beyond, areas are no longer computed."""


def epsg_of(name: str) -> int | None:
    """Return the code of a CRS by its name, CRS84 as 4326; None for a name without one.

    Examples
    --------
    >>> epsg_of("urn:ogc:def:crs:EPSG::25833"), epsg_of("http://www.opengis.net/def/crs/OGC/1.3/CRS84")
    (25833, 4326)
    """
    last = name.strip(" <>").replace(":", "/").rstrip("/").rpartition("/")[2]
    if last.upper() == "CRS84":
        return 4326
    return int(last) if last.isascii() and last.isdecimal() and len(last) < 7 else None


def looks_like_degrees(frame: gpd.GeoDataFrame, *, where: str) -> bool:
    """Say whether the coordinates of a page are degrees in Norway; in metres, all of them would be one small patch.

    Raises
    ------
    SourceError
        When some rows are in degrees and others are not.
    """
    boxes = frame.geometry.bounds.to_numpy()
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    west, south, east, north = NORWAY_DEGREES
    inside = (boxes[:, 0] >= west) & (boxes[:, 1] >= south) & (boxes[:, 2] <= east) & (boxes[:, 3] <= north)
    if inside.any() and not inside.all():
        raise SourceError(
            f"{where}: {int(inside.sum())} of {len(boxes)} features on one page are in degrees, the others in metres. "
            "Tell whoever runs the source."
        )
    return bool(inside.any())


def in_storage(frame: gpd.GeoDataFrame, *, epsg: int, where: str) -> gpd.GeoDataFrame:
    """Return a page in EPSG:25833.

    Parameters
    ----------
    frame
        Its coordinates are those of `epsg`, east or longitude first.
    where
        Plain address, for the message.

    Raises
    ------
    SourceError
        When most of it lies outside Norway, or a row in it only when read otherwise: another CRS, or swapped axes.
    """
    shapes = np.asarray(frame.geometry.array, dtype=object)
    furthest = np.abs(shapely.get_coordinates(shapes)).max(initial=0.0)
    if furthest > FURTHEST:
        raise SourceError(
            f"{where}: a coordinate of {furthest:g}, which is nowhere on earth in any CRS. The answer is damaged; try "
            "again later and tell whoever runs the source."
        )
    placed = place(shapes, geographic=epsg in GEOGRAPHIC)
    if placed.funn != "i orden":
        raise SourceError(
            f"{where}: most of {len(frame)} features lie outside Norway in EPSG:{epsg} (bounds {placed.tekst}): wrong "
            "CRS or swapped axes. Tell whoever runs the source."
        )
    turned = strays(shapes, geographic=epsg in GEOGRAPHIC)
    if turned is not None:
        raise SourceError(
            f"{where}: {turned.antall} of {len(frame)} features lie in Norway only with swapped axes or in another "
            f"unit than that of EPSG:{epsg} (bounds {turned.tekst}). Tell whoever runs the source."
        )
    labelled = frame.set_crs(epsg, allow_override=True)
    return labelled if epsg == STORAGE_EPSG else labelled.to_crs(STORAGE_CRS)


def typed(frame: gpd.GeoDataFrame, objekttype: str) -> gpd.GeoDataFrame:
    """Return a page in which every row says its object type: its own, or the one that the layer holds."""
    own = frame["objekttypenavn"] if "objekttypenavn" in frame else [None] * len(frame)
    return frame.assign(objekttypenavn=[v if isinstance(v, str) and v.strip() else objekttype for v in own])
