"""Where a file's rows lie: the CRS that it says, or that of a .prj beside it → EPSG:25833, and whether that can be.

Readers take a wrong CRS and swapped axes without a word, so that the coordinates themselves are looked at.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.plassering import place

DATUMS = ("etrs", "european terrestrial reference system", "world geodetic system 1984", "wgs 84", "wgs_1984", "wgs84")
"""Of one place, to the metre; from others (ED50, NGO 1948) the way is not exact enough for land."""
CHECK = "Ask for EPSG:25833."
MAX_PRJ = 20_000


def crs_of(said: CRS | None, path: Path) -> CRS:
    """Return the CRS of a layer in two dimensions.

    Parameters
    ----------
    said
        What the file says.
    path
        The file, beside which a .prj of its name may say it.

    Raises
    ------
    SourceError
        Naming the file, when nothing says it, or it is one that cannot be used.
    """
    crs = said if said is not None else beside(path)
    if crs is None:
        raise SourceError(
            f"{path}: does not say which CRS it is in. Put a text file {path.stem}.prj beside it with the CRS that the "
            "kommune says, such as EPSG:25832 or EPSG:25833."
        )
    flat = crs.to_2d() if not crs.is_compound else crs.sub_crs_list[0]
    geodetic = flat.geodetic_crs
    names = f"{flat.datum.name if flat.datum else ''} {geodetic.name if geodetic is not None else ''}".lower()
    if not any(datum in names for datum in DATUMS):
        raise SourceError(f"{path}: in {flat.name!r}, which is not exact enough in EPSG:{STORAGE_EPSG}. {CHECK}")
    return flat


def beside(path: Path) -> CRS | None:
    """Return the CRS of a .prj beside a file, by its code or as WKT; None where there is none.

    Raises
    ------
    SourceError
        When it cannot be understood.
    """
    prj = path.with_suffix(".prj")
    if not prj.is_file() or prj.is_symlink():
        return None
    with prj.open("rb") as file:
        text = file.read(MAX_PRJ).decode("utf-8", errors="replace").strip()
    try:
        return CRS.from_user_input(f"EPSG:{text}" if text.isdecimal() else text)
    except CRSError:
        raise SourceError(f"{prj}: no CRS that is known. Write a code, such as EPSG:25833.") from None


def in_storage(piece: gpd.GeoDataFrame, crs: CRS, path: Path) -> gpd.GeoDataFrame:
    """Return rows in EPSG:25833.

    Parameters
    ----------
    piece
        East, or longitude, first.
    crs
        Of `crs_of`.

    Raises
    ------
    SourceError
        When most of the rows lie outside Norway in this CRS, naming their bounds.
    """
    shapes = np.asarray(piece.geometry.array, dtype=object)
    moved = shapes if crs.to_epsg() == STORAGE_EPSG else None
    if moved is None and not crs.is_geographic and crs.utm_zone is None:  # of NTM and others, only that tells
        moved = _moved(shapes, crs)
    placed = place(shapes if moved is None else moved, geographic=crs.is_geographic)
    if placed.funn == "meter" and (other := beside(path)) is not None and not other.is_geographic:
        return in_storage(piece, crs_of(other, path), path)  # GeoJSON without a `crs` counts as degrees
    if placed.funn != "i orden":
        raise SourceError(f"{path}: {WRONG[placed.funn]} in {crs.name!r}, bounds {placed.tekst}. {ADVICE[placed.funn]}")
    moved = _moved(shapes, crs) if moved is None else moved
    return piece.set_geometry(gpd.GeoSeries(moved, index=piece.index, crs=STORAGE_CRS))


WRONG = {
    "grader": "coordinates in degrees",
    "meter": "coordinates in metres",
    "byttet": "north stands before east",
    "utenfor": "lies outside Norway",
}
ADVICE = {
    "grader": f"The file names the wrong CRS. {CHECK}",
    "meter": f"GeoJSON that names no CRS counts as degrees: put a .prj with its code beside it. {CHECK}",
    "byttet": f"The axes are swapped. {CHECK}",
    "utenfor": f"Wrong file or wrong CRS. {CHECK}",
}


def _moved(shapes: npt.NDArray[np.object_], crs: CRS) -> npt.NDArray[np.object_]:
    transformer = _transformer(crs.to_wkt())

    def move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    moved: npt.NDArray[np.object_] = shapely.transform(shapes, move)
    return moved


@cache
def _transformer(wkt: str) -> Transformer:
    return Transformer.from_crs(CRS.from_wkt(wkt), STORAGE_EPSG, always_xy=True)
