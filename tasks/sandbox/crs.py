"""The coordinate systems that the local sources answer in, and the way there from EPSG:25833."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer

STORAGE = 25833
SERVED = (25833, 25832, 25835, 4258, 4326)
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_PREFIXES = ("http://www.opengis.net/def/crs/EPSG/0/", "urn:ogc:def:crs:EPSG::", "EPSG:")


@dataclass(frozen=True, slots=True)
class Crs:
    """One coordinate system as a client named it.

    Attributes
    ----------
    navn
        The name as asked for.
    epsg
        Its code.
    nord_foerst
        Whether coordinates are written latitude first, as EPSG:4258 and EPSG:4326 say under their full names.
    """

    navn: str
    epsg: int
    nord_foerst: bool

    @property
    def desimaler(self) -> int:
        """Decimals of a coordinate: millimetres."""
        return 3 if self.epsg not in {4258, 4326} else 8


def parse(navn: str) -> Crs | None:
    """Return the coordinate system of a name, or None when the sources do not serve it."""
    if navn == CRS84:
        return Crs(navn, 4326, nord_foerst=False)
    for prefix in _PREFIXES:
        code = navn.removeprefix(prefix)
        if code != navn and code in {str(epsg) for epsg in SERVED}:
            return Crs(navn, int(code), nord_foerst=int(code) in {4258, 4326} and prefix != "EPSG:")
    return None


@cache
def transformer(epsg: int) -> Transformer:
    """Return the transformer from EPSG:25833, east and longitude first."""
    return Transformer.from_crs(STORAGE, epsg, always_xy=True)


def reproject(shapes: npt.NDArray[np.object_], crs: Crs) -> npt.NDArray[np.object_]:
    """Return the shapes (EPSG:25833) in another coordinate system, heights kept, None left as it is."""

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, y = xy[:, 0], xy[:, 1]
        if crs.epsg != STORAGE:
            x, y = transformer(crs.epsg).transform(x, y)
        plane = [y, x] if crs.nord_foerst else [x, y]
        flat = np.round(np.column_stack(plane), crs.desimaler)
        return np.column_stack([flat, xy[:, 2:]])

    out = shapes.copy()
    for har_z in (False, True):
        chosen = shapely.has_z(shapes) == har_z
        out[chosen] = shapely.transform(shapes[chosen], move, include_z=har_z)
    return out
