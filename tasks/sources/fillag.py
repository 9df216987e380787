"""One layer of a file that GDAL or pyarrow opens → flat frames of text, piece by piece, in the CRS of the file.

Every column is read, as text and under the name that it has in the file, those of structures joined by dots; columns
of persons are left out. Nothing is written beside the file, and nothing outside it is read.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyproj import CRS

from tasks.errors import SourceError
from tasks.sources import geojsonfil, geoparquet, helfil
from tasks.sources.dbf import Tegnsett
from tasks.sources.innboksfiler import Form
from tasks.sources.personfelt import is_personal
from tasks.sources.vektorfil import crs_of, from_wkb, gdal
from tasks.sources.vektorverdi import as_text

ROWS = 10_000
"""Of one piece."""
DRIVERS: Mapping[Form, str] = {
    "gpkg": "GPKG",
    "shp": "ESRI Shapefile",
    "geojson": "GeoJSON",
    "gdb": "OpenFileGDB",
    "fgb": "FlatGeobuf",
}
OPTIONS: Mapping[Form, Mapping[str, str]] = {
    "gpkg": {"IMMUTABLE": "YES"},  # no -wal and no -shm beside it
    "shp": {"ENCODING": "ISO-8859-1"},  # every byte as it is: in which characters, `dbf` finds out
    "geojson": {
        "FLATTEN_NESTED_ATTRIBUTES": "YES",
        "NESTED_ATTRIBUTE_SEPARATOR": ".",
        "DATE_AS_STRING": "YES",
        "ARRAY_AS_STRING": "YES",
    },
}
JOURNALS = ("-wal", "-journal")


@dataclass(frozen=True)
class Fillag:
    """One layer with a geometry.

    Attributes
    ----------
    navn
        Its name; that of the file where the format has none.
    kolonner
        Names as `pieces` gives them, without those of persons.
    utelatt
        Columns of persons, which are not read.
    rader
        How many the file says it has.
    crs
        As the file says, None where it says nothing.
    """

    fil: Path
    form: Form
    navn: str
    kolonner: tuple[str, ...]
    utelatt: tuple[str, ...]
    rader: int
    crs: CRS | None


def layers(path: Path, form: Form) -> list[Fillag]:
    """Return the layers with a geometry.

    Raises
    ------
    SourceError
        Naming the file, when it is damaged, cut off, open in another program, or something else than its name says.
    """
    helfil.require_whole(path)
    if form == "parquet":
        with geoparquet.opened(path) as file:
            names = [name for name in file.names if name != file.geometry]
            return [_layer(path, form, path.stem, names, rader=file.rows, crs=file.crs)]
    if form == "gpkg":
        _require_plain_geopackage(path)
    features = geojsonfil.require_features(path) if form == "geojson" else None
    with gdal(path):
        try:
            listed = pyogrio.list_layers(path) if form != "gpkg" else _geopackage_layers(path)
        except pyogrio.errors.GeometryError as error:  # one surface of triangles spoils the list
            raise SourceError(f"{path}: its layers cannot be listed ({error}). Ask for polygons alone.") from None
    found = [_described(path, form, str(name)) for name, kind in listed if kind is not None]
    if features is not None and sum(lag.rader for lag in found) != features:
        raise SourceError(f"{path}: {features} features, of which not all can be read. Ask for GML or GeoPackage.")
    return found


def _described(path: Path, form: Form, layer: str) -> Fillag:
    try:
        with gdal(path):
            info = pyogrio.read_info(path, layer=layer, force_feature_count=True, **OPTIONS.get(form, {}))
    except (pyogrio.errors.GeometryError, pyogrio.errors.DataLayerError):  # of triangles: its neighbours are read
        return Fillag(path, form, layer, (), (), 0, None)
    if info["driver"] != DRIVERS[form]:
        raise SourceError(f"{path}: read as {info['driver']}, where its name says {form}. Ask for GML or GeoPackage.")
    tegnsett = Tegnsett.of(path) if form == "shp" else None
    names = [tegnsett.text(name) if tegnsett else str(name) for name in info["fields"]]
    return _layer(path, form, layer, names, rader=int(info["features"]), crs=crs_of(info["crs"], path))


def _layer(path: Path, form: Form, navn: str, names: Sequence[str], *, rader: int, crs: CRS | None) -> Fillag:
    personal = tuple(name for name in names if is_personal(name))
    return Fillag(path, form, navn, tuple(n for n in names if n not in personal), personal, rader, crs)


# --- GeoPackage ---


def _require_plain_geopackage(path: Path) -> None:
    """Refuse what GDAL would read from elsewhere, or half.

    Raises
    ------
    SourceError
        When the file is open in another program, or has tables that are made of other files.
    """
    for suffix in JOURNALS:
        journal = path.with_name(path.name + suffix)
        if journal.exists() and journal.stat().st_size:
            raise SourceError(f"{path}: open in another program, or left open. Close it there (QGIS), and try again.")
    virtual = _asked(
        path,
        "SELECT name FROM sqlite_master WHERE sql LIKE '%virtual%' AND sql NOT LIKE '%using%rtree%' "
        "AND sql NOT LIKE '%using%fts%'",
    )
    if virtual:
        raise SourceError(f"{path}: {virtual[0][0]!r} is made of something outside it. Ask for a plain GeoPackage.")


def _geopackage_layers(path: Path) -> list[tuple[str, str | None]]:
    """Return the layers, also where one has surfaces that GDAL cannot hand over."""
    rows = _asked(
        path,
        "SELECT c.table_name, g.geometry_type_name FROM gpkg_contents c "
        "LEFT JOIN gpkg_geometry_columns g ON g.table_name = c.table_name ORDER BY c.table_name",
    )
    return [(str(name), kind) for name, kind in rows]


def _asked(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query; nothing is written beside the file, and nothing run that stands in it."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
            base.execute("PRAGMA trusted_schema = OFF")
            return base.execute(query).fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: damaged, or no GeoPackage ({error}). Get the file anew.") from None


# --- pieces ---


def pieces(lag: Fillag, *, most: int | None = None, only: tuple[str, ...] | None = None) -> Iterator[gpd.GeoDataFrame]:
    """Yield the rows of a layer; geometry 2D, without a CRS, None where there is none.

    Parameters
    ----------
    most
        Rows wanted; None for all.
    only
        Columns wanted, None for all.

    Raises
    ------
    SourceError
        Naming the file, when it cannot be read in full.
    """
    count = 0
    lag = lag if only is None else replace(lag, kolonner=only)
    try:
        for piece in _from_parquet(lag) if lag.form == "parquet" else _from_gdal(lag, most):
            count += len(piece)
            yield piece
            if most is not None and count >= most:
                return
    except pyogrio.errors.GeometryError as error:
        raise SourceError(f"{lag.fil}: layer {lag.navn!r} holds no polygons ({error}).") from None
    except pyogrio.errors.DataLayerError as error:
        raise SourceError(f"{lag.fil}: layer {lag.navn!r} cannot be read ({error}). Get the file anew.") from None
    if most is None and count != lag.rader:
        raise SourceError(
            f"{lag.fil}: layer {lag.navn!r} has {lag.rader} rows, of which {count} can be read. Get the file anew."
        )


def _from_parquet(lag: Fillag) -> Iterator[gpd.GeoDataFrame]:
    with geoparquet.opened(lag.fil) as file:
        for columns, wkb in file.batches(lag.kolonner):
            yield _frame(lag.kolonner, columns, wkb, lag, straight=None)


def _from_gdal(lag: Fillag, most: int | None) -> Iterator[gpd.GeoDataFrame]:
    """Read by Arrow, in the order of the file; curves are read once more, which makes straight edges of them."""
    options: dict[str, Any] = dict(OPTIONS.get(lag.form, {}))
    tegnsett = Tegnsett.of(lag.fil) if lag.form == "shp" else None
    with ExitStack() as stack:
        with gdal(lag.fil):
            meta, reader = stack.enter_context(
                pyogrio.raw.open_arrow(
                    lag.fil, layer=lag.navn, batch_size=min(ROWS, most or ROWS), use_pyarrow=True, **options
                )
            )
        geometry = meta["geometry_name"] or "wkb_geometry"
        named = {str(name): tegnsett.text(str(name)) if tegnsett else str(name) for name in meta["fields"]}
        kept = [name for name, shown in named.items() if shown in lag.kolonner]
        start = 0
        while True:
            with gdal(lag.fil):
                batch = next(reader, None)
            if batch is None:
                return
            wkb = batch.column(geometry)
            straight = partial(_straight, lag, options, start, len(wkb))
            frame = _frame([named[n] for n in kept], [batch.column(n) for n in kept], wkb, lag, straight=straight)
            yield _decoded(frame, tegnsett) if tegnsett else frame
            start += len(wkb)


def _straight(lag: Fillag, options: dict[str, Any], start: int, rows: int) -> Any:
    """Return the geometries of some rows as WKB without curves."""
    with gdal(lag.fil):
        read = pyogrio.raw.read(lag.fil, layer=lag.navn, columns=[], skip_features=start, max_features=rows, **options)
    return read[2]


def _frame(
    names: Sequence[str], columns: Sequence[pa.Array], wkb: Any, lag: Fillag, *, straight: Callable[[], Any] | None
) -> gpd.GeoDataFrame:
    data: dict[str, pd.Series] = {}
    for name, array in itertools.chain.from_iterable(map(_flat, names, columns)):
        texts = as_text(array) if not is_personal(name) else None
        if texts is not None and name != "geometry":
            data.setdefault(name, pd.Series(texts, dtype=object))
    try:
        shapes, unreadable = from_wkb(wkb)
    except NotImplementedError:
        if straight is None:
            raise SourceError(f"{lag.fil}: the geometry has curves. Write it with straight edges.") from None
        shapes, unreadable = from_wkb(straight())
    if unreadable.any():
        raise SourceError(
            f"{lag.fil}: layer {lag.navn!r} has {int(unreadable.sum())} rows whose geometry cannot be read. Get the "
            "file anew."
        )
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapely.force_2d(shapes)))


def _flat(name: str, column: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """Yield a column, or those of a structure by their dotted names."""
    if not pa.types.is_struct(column.type):
        yield name, column
        return
    for field, inner in zip(column.type, column.flatten(), strict=True):
        yield from _flat(f"{name}.{field.name}", inner)


def _decoded(frame: gpd.GeoDataFrame, tegnsett: Tegnsett) -> gpd.GeoDataFrame:
    texts = {c: [tegnsett.text(v) for v in frame[c]] for c in frame.columns if c != frame.geometry.name}
    return frame.assign(**{c: pd.Series(v, dtype=object) for c, v in texts.items()})
