"""What a service says that it has: its layers and their columns; and a page of one layer, to look at.

Read without fetching: for discovery, which knows nothing of the service, and for the health check, which knows what to
find there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import flat

SAMPLE = 20
"""Features of a layer that are looked at."""
MAX_LAYERS = 200
MAX_COLUMNS = 500
MAX_NAME = 200

Box = tuple[float, float, float, float]
"""West, south, east, north in EPSG:25833."""


@dataclass(frozen=True, kw_only=True)
class Lag:
    """One layer of a service.

    Attributes
    ----------
    navn
        As `lag` of a source names it: type name, collection id, layer number.
    tittel
        What people call it.
    kolonner
        Its columns as the service's own description has them; empty when it does not tell.
    """

    navn: str
    tittel: str
    kolonner: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tjeneste:
    """One service: its layers, the CRS to ask for, its version, what it says of use.

    Attributes
    ----------
    epsg
        EPSG:25833 when it is served, else the best of those that are.
    undertjenester
        Addresses of the services in a folder, when the address is a folder.
    """

    tittel: str
    lag: tuple[Lag, ...]
    epsg: int = STORAGE_EPSG
    versjon: str = "2.0.0"
    bruk: str = ""
    undertjenester: tuple[str, ...] = ()


def names(values: Iterable[object]) -> tuple[str, ...]:
    """Return foreign names as text: no empty ones, none twice, none without end."""
    texts = (v.strip() for v in values if isinstance(v, str))
    return tuple(dict.fromkeys(t for t in texts if t and t.isprintable() and len(t) <= MAX_NAME))[:MAX_COLUMNS]


def best_epsg(said: Iterable[str]) -> int:
    """Return the CRS to ask for among the names that a service lists; EPSG:25833 when it lists none that is known.

    Examples
    --------
    >>> best_epsg(["urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:EPSG::25832"])
    25832
    """
    codes = {name.rpartition(":")[2].rpartition("/")[2] for name in said}
    return next((epsg for epsg in (25833, 25832, 25835, 4258, 4326) if str(epsg) in codes), STORAGE_EPSG)


def rows(features: list[Mapping[str, Any]], *, epsg: int, where: str) -> gpd.GeoDataFrame:
    """Return GeoJSON features as a flat frame in EPSG:25833, see `flat.frame`.

    Raises
    ------
    SourceError
        When a feature cannot be read.
    """
    frame = flat.frame(features, epsg=epsg, where=where)
    return in_storage(frame, epsg=epsg, where=where)


def in_storage(frame: gpd.GeoDataFrame, *, epsg: int, where: str) -> gpd.GeoDataFrame:
    """Return a frame whose coordinates are those of a CRS, east or longitude first, in EPSG:25833.

    Raises
    ------
    SourceError
        When they cannot be.
    """
    return frame if epsg == STORAGE_EPSG else frame.set_geometry(_moved(frame, epsg, where), crs=STORAGE_CRS)


def _moved(frame: gpd.GeoDataFrame, epsg: int, where: str) -> Any:
    move = Transformer.from_crs(epsg, STORAGE_EPSG, always_xy=True)

    def to_storage(xy: Any) -> Any:
        return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))

    try:
        return shapely.transform(np.asarray(frame.geometry.array, dtype=object), to_storage)
    except (ProjError, ValueError, TypeError) as error:
        raise SourceError(f"{where}: coordinates that cannot be EPSG:{epsg} ({type(error).__name__}).") from None


def degrees(box: Box) -> Box:
    """Return a box in EPSG:4326, longitude first."""
    return box_in(box, 4326)


def box_in(box: Box, epsg: int) -> Box:
    """Return a box in another CRS, east or longitude first."""
    west, south, east, north = Transformer.from_crs(STORAGE_EPSG, epsg, always_xy=True).transform_bounds(*box)
    return west, south, east, north
