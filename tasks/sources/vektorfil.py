"""A vector file of a GIS user → one frame: the columns that are asked for, the geometry, and the CRS as the file says.

GeoParquet is read with pyarrow, everything else that GDAL opens (GeoPackage, Shapefile, GeoJSON, GML, FlatGeobuf …)
with pyogrio, and of both only the columns that are wanted. A file that cannot be read in full is refused: GDAL itself
hands out what is left of a shapefile or a GML file that was cut off, without a word.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from tasks.errors import SourceError
from tasks.sources import geoparquet, helfil
from tasks.sources.koder import fold
from tasks.sources.vektorverdi import from_arrow, plain

Geometries = npt.NDArray[np.object_]
Wkb: TypeAlias = Any
"""(n,) of bytes and None: a numpy array, or a column of an Arrow table or batch."""

NAMES_SHOWN = 30
AT_ONCE = 50_000
REASON_LENGTH = 160
GML_OPTIONS = {"DOWNLOAD_SCHEMA": "NO", "WRITE_GFS": "NO"}
"""Nothing is fetched to read a file, and nothing is written beside it."""
ARROW_DRIVERS = frozenset({"GPKG", "FlatGeobuf"})
"""What GDAL hands over in columns, and whose number of rows it knows beforehand."""

# One degree a step: arcs come out 0.005 % too small instead of 0.08 %. A guessed number has lost its leading zeros.
pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": "1", "GML_FIELDTYPES": "ALWAYS_STRING"})


@dataclass(frozen=True)
class Kolonne:
    """A column that is looked for in a file.

    Attributes
    ----------
    navn
        What it is called here.
    soekt
        Names that it may have in the file; of several that are there, the first counts.
    opsjon
        The option with which the user names it, for messages.
    paakrevd
        True where a file with rows is refused without it.
    flere
        True where a row may have several values.
    """

    navn: str
    soekt: tuple[str, ...]
    opsjon: str | None = None
    paakrevd: bool = False
    flere: bool = False


@dataclass(frozen=True)
class Vektorlag:
    """What was read from one layer of a file.

    Attributes
    ----------
    fil, lag
        The file, and the layer where the format has named layers.
    frame
        The columns found, as they are called here, and `geometry`; no CRS of its own; one row per row of the file.
    crs
        As the file says, None where it says nothing.
    kolonner
        What a column is called here → in the file.
    alle_kolonner
        Every column of the layer.
    uleselige : (n,) array of bool
        Rows whose geometry cannot be read; it is None.
    """

    fil: Path
    lag: str | None
    frame: gpd.GeoDataFrame
    crs: CRS | None
    kolonner: Mapping[str, str]
    alle_kolonner: tuple[str, ...]
    uleselige: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def rader(self) -> int:
        """Rows of the file."""
        return len(self.uleselige)


def read(path: Path, columns: Sequence[Kolonne], *, lag: str | None = None, lag_opsjon: str = "--lag") -> Vektorlag:
    """Read one layer of a vector file.

    Parameters
    ----------
    columns
        What is wanted; a column that is not there and not required is left out.
    lag
        Name of the layer, where the file has several.
    lag_opsjon
        The option with which the user names it, for messages.

    Raises
    ------
    SourceError
        Naming the file, when it is missing, empty, cut off, no vector file, has several layers, lacks a column, or has
        one with values that are neither text nor numbers.
    """
    helfil.require_whole(path)
    if helfil.is_parquet(path):
        if lag is not None:
            raise SourceError(f"{path}: a Parquet file has no layers. Leave {lag_opsjon} out.")
        raw = _from_parquet(path, columns)
    else:
        lag = lag if lag is not None else _only_layer(path, lag_opsjon)
        raw = _from_gdal(path, columns, lag=lag, lag_opsjon=lag_opsjon)
    several = {column.navn for column in columns if column.flere}
    data = {
        name: plain(values, path=path, column=raw.found[name], flere=name in several)
        for name, values in zip(raw.found, raw.columns, strict=True)
    }
    frame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(raw.shapes))
    return Vektorlag(path, lag, frame, raw.crs, raw.found, tuple(raw.names), raw.unreadable)


@dataclass(frozen=True)
class _Raw:
    """A layer as read: all names, what was found under which, its values, geometries, those unreadable, CRS."""

    names: list[str]
    found: dict[str, str]
    columns: list[pd.Series]
    shapes: Geometries
    unreadable: npt.NDArray[np.bool_]
    crs: CRS | None


def find_columns(names: Sequence[str], wanted: Sequence[Kolonne]) -> dict[str, str]:
    """Return what each wanted column is called here → in the file; those not there are left out.

    A name fits as it stands, else without regard to case, æøå and signs, else as the last part of a nested name, else
    cut to the ten characters that a shapefile has room for.

    Examples
    --------
    >>> find_columns(["AREALFORMÅL", "identifikasjon.lokalId"], [Kolonne("kode", ("arealformal",)),
    ...              Kolonne("id", ("lokalId",))])
    {'kode': 'AREALFORMÅL', 'id': 'identifikasjon.lokalId'}
    """
    exact = {name: name for name in names}
    folded: dict[str, str] = {}
    last: dict[str, str] = {}
    for name in names:
        folded.setdefault(fold(name), name)
        last.setdefault(fold(re.split(r"[.|/:]", name)[-1]), name)
    cut = {fold(name): name for name in names if len(name) == 10}
    found = {}
    for column in wanted:
        for name in column.soekt:
            hit = exact.get(name) or folded.get(fold(name)) or last.get(fold(name)) or cut.get(fold(name[:10]))
            if hit is not None:
                found[column.navn] = hit
                break
    return found


def _found(path: Path, names: Sequence[str], wanted: Sequence[Kolonne], *, rows: int) -> dict[str, str]:
    """Return what `find_columns` does; raise where a required column is missing, unless there are no rows."""
    found = find_columns(names, wanted)
    for column in wanted:
        if column.paakrevd and column.navn not in found and rows:
            hint = f" Name yours with {column.opsjon}." if column.opsjon else ""
            raise SourceError(f"{path}: no column {column.soekt[0]!r}; the columns are {listed(names)}.{hint}")
    return found


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first of many."""
    shown = ", ".join(names[:NAMES_SHOWN]) or "none"
    return shown + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")


def from_wkb(raw: Wkb) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """Return geometries of WKB, None where there is none, and which of them cannot be read."""
    shapes = np.empty(len(raw), dtype=object)
    unreadable = np.zeros(len(raw), dtype=bool)
    for start in range(0, len(raw), AT_ONCE):  # millions of rows at once would stand in memory three times
        piece = raw[start : start + AT_ONCE]
        wkb = piece if isinstance(piece, np.ndarray) else piece.to_numpy(zero_copy_only=False)
        place = slice(start, start + len(wkb))
        with np.errstate(invalid="ignore"):  # NaN coordinates: the cleaning counts them
            shapes[place] = shapely.from_wkb(wkb, on_invalid="fix")
        unreadable[place] = shapely.is_missing(shapes[place]) & np.array(pd.notna(wkb), dtype=bool)
    return shapes, unreadable


# --- GeoParquet ---


def _from_parquet(path: Path, wanted: Sequence[Kolonne]) -> _Raw:
    """Read batch by batch, so that geometries never lie in memory twice, as bytes and as objects."""
    with geoparquet.opened(path) as file:
        names = [n for n in file.names if n != file.geometry]
        found = _found(path, names, wanted, rows=file.rows)
        in_file = list(found.values())
        parts: list[list[pa.Array]] = [[] for _ in in_file]
        shapes, unreadable = [np.empty(0, dtype=object)], [np.zeros(0, dtype=bool)]
        for columns, wkb in file.batches(in_file):
            for part, column in zip(parts, columns, strict=True):
                part.append(column)
            try:
                made, missing = from_wkb(wkb)
            except NotImplementedError:
                raise SourceError(
                    f"{path}: the geometry has curves, which GeoParquet does not know. Write it again with straight "
                    "edges (ogr2ogr -nlt CONVERT_TO_LINEAR)."
                ) from None
            shapes.append(made)
            unreadable.append(missing)
        series = [from_arrow(pa.chunked_array(part, file.type_of(n))) for n, part in zip(in_file, parts, strict=True)]
        return _Raw(names, found, series, np.concatenate(shapes), np.concatenate(unreadable), file.crs)


# --- what GDAL opens ---


def _only_layer(path: Path, lag_opsjon: str) -> str:
    """Return the one layer with a geometry.

    Raises
    ------
    SourceError
        When there are several or none.
    """
    try:
        with gdal(path):
            layers = pyogrio.list_layers(path)
    except pyogrio.errors.GeometryError as error:  # one surface of triangles spoils the list
        raise SourceError(f"{path}: its layers cannot be listed ({error}). Name the layer with {lag_opsjon}.") from None
    names = [str(name) for name, kind in layers if kind is not None]
    if len(names) == 1:
        return names[0]
    if names:
        raise SourceError(f"{path}: {len(names)} layers: {listed(names)}. Choose one with {lag_opsjon}.")
    raise SourceError(f"{path}: no layer with a geometry in it. Ask for a file with polygons.")


def _from_gdal(path: Path, wanted: Sequence[Kolonne], *, lag: str, lag_opsjon: str) -> _Raw:
    options = GML_OPTIONS if helfil.is_gml(path) else {}
    try:
        with gdal(path):
            info = pyogrio.read_info(path, layer=lag, **options)
            names = [str(n) for n in info["fields"]]
            found = find_columns(names, wanted)
            in_file = list(found.values())
            way = _by_arrow if info["driver"] in ARROW_DRIVERS else _by_rows
            meta, columns, wkb = way(path, lag, in_file, options)
    except pyogrio.errors.GeometryError as error:
        raise SourceError(f"{path}: layer {lag!r} holds no polygons ({error}). Choose one with {lag_opsjon}.") from None
    except pyogrio.errors.FeatureError as error:
        raise SourceError(f"{path}: layer {lag!r} is damaged ({_short(error)}). Get the file anew.") from None
    except pyogrio.errors.DataLayerError:
        raise SourceError(f"{path}: no layer {lag!r}. {_there_are(path)}Choose one with {lag_opsjon}.") from None
    if wkb is None:
        raise SourceError(f"{path}: layer {lag!r} has no geometry. Choose another with {lag_opsjon}.")
    if len(wkb) < info["features"]:
        raise SourceError(f"{path}: cut off, {len(wkb)} of {info['features']} rows can be read. Get the file anew.")
    _found(path, names, wanted, rows=len(wkb))
    try:
        shapes, unreadable = from_wkb(wkb)
    except NotImplementedError:  # curves: row by row, GDAL makes short straight edges of them
        with gdal(path):
            shapes, unreadable = from_wkb(pyogrio.raw.read(path, layer=lag, columns=[])[2])
    # The columns come in the order of the file.
    by_name = dict(zip(meta["fields"], columns, strict=True))
    return _Raw(names, found, [by_name[name] for name in in_file], shapes, unreadable, crs_of(meta["crs"], path))


_Layer = tuple[dict[str, Any], list[pd.Series], Wkb | None]


def _by_arrow(path: Path, lag: str, columns: list[str], options: dict[str, str]) -> _Layer:
    meta, table = pyogrio.raw.read_arrow(path, layer=lag, columns=columns, **options)
    name = meta["geometry_name"] or "wkb_geometry"
    wkb = table.column(name) if name in table.column_names else None
    return meta, [from_arrow(table.column(field)) for field in meta["fields"]], wkb


def _by_rows(path: Path, lag: str, columns: list[str], options: dict[str, str]) -> _Layer:
    """Read row by row: slower, but a row that GDAL cannot read is an error, where `read_arrow` stops without a word."""
    meta, _, wkb, fields = pyogrio.raw.read(path, layer=lag, columns=columns, **options)
    return meta, [pd.Series(field) for field in fields], wkb


def _there_are(path: Path) -> str:
    try:
        return f"There are {listed([str(name) for name, _ in pyogrio.list_layers(path)])}. "
    except (RuntimeError, ValueError):
        return ""


def crs_of(text: str | None, path: Path) -> CRS | None:
    """Return the CRS that a file names, None for none.

    Raises
    ------
    SourceError
        When it names one that is none.
    """
    try:
        return None if text is None else CRS.from_user_input(text)
    except CRSError as error:
        raise SourceError(f"{path}: its CRS cannot be understood ({_short(error)}).") from None


@contextmanager
def gdal(path: Path) -> Iterator[None]:
    """Call GDAL: what goes wrong becomes one error that names the file; an option that it does not know is no news."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    except (pyogrio.errors.DataLayerError, pyogrio.errors.GeometryError):  # of a layer: its reader says which
        raise
    except (OSError, RuntimeError, ValueError, UnboundLocalError, pa.ArrowException) as error:
        # UnboundLocalError: what pyogrio makes of a .prj that is no UTF-8
        if "not recognized as being in a supported file format" in str(error):
            raise SourceError(
                f"{path}: no vector file that can be read here. Give GeoParquet, GeoPackage, Shapefile, GeoJSON, GML "
                "or FlatGeobuf."
            ) from None
        raise SourceError(f"{path}: damaged, it cannot be read in full ({_short(error)}). Get the file anew.") from None


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:REASON_LENGTH]
