"""The spool: the rows of one answer on their way into a snapshot, in bounded memory.

Rows come in pieces, and columns of persons are left out of them, as are the values of columns that nobody reads where
those are named; beyond `IN_MEMORY` bytes they wait on disk. What is counted on the way – rows, area, a digest of the
content – does not depend on the order of rows, columns or pieces.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from tasks.answer import Provenance
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.koder import fold, iso_date
from tasks.sources.personfelt import without_persons
from tasks.sources.unntak import shorten

IN_MEMORY = 64 << 20
ROW_GROUP_BYTES = 32 << 20

TELL = "Try again later; tell whoever runs the source."

LAST_NAME = re.compile(r"[.:/|]")
KOPIDATO = "kopidato"
UNHASHED = frozenset({"objid", "objectid", KOPIDATO, "versjonid"})
"""Folded last names of columns that change from one delivery to the next without any change of the plan: the row in
the copy's own table, when the copy was made, and the number of the object's edition, whose content is hashed itself."""


class Spool:
    """Takes the pieces of an answer and writes them as one GeoParquet file.

    Parameters
    ----------
    folder
        For what does not stay in memory; the caller removes it.
    kolonner
        Columns, folded by their last or their whole name, of which the values are kept; of the others the name alone
        is, to tell what there was. None keeps all.

    Attributes
    ----------
    antall
        Rows taken.
    areal_m2
        Sum of the polygons' areas, EPSG:25833.
    objekttyper
        Object types seen, with the number of rows of each.
    bounds : tuple of float or None
        West, south, east, north of all geometry, EPSG:25833.
    kolonner
        Columns that have a value in some row.
    kopidato
        Newest date (ISO) on which the source says that its copy was made, or None.
    """

    def __init__(self, folder: Path, *, kolonner: Collection[str] | None = None) -> None:
        self.antall = 0
        self.areal_m2 = 0.0
        self.objekttyper: dict[str, int] = {}
        self.bounds: tuple[float, float, float, float] | None = None
        self.kopidato: str | None = None
        self.kolonner: set[str] = set()
        self._folder = folder
        self._wanted = None if kolonner is None else frozenset(kolonner)
        self._tables: list[pa.Table] = []
        self._bytes = 0
        self._files: list[Path] = []
        self._digests: list[bytes] = []

    def take(self, piece: gpd.GeoDataFrame) -> None:
        """Add rows; the piece may be dropped by the caller afterwards.

        Raises
        ------
        SourceError
            Naming a column whose values are of different types.
        """
        if not len(piece):
            return
        if not piece.columns.is_unique:
            twice = shorten(", ".join(sorted({str(c) for c in piece.columns[piece.columns.duplicated()]})))
            raise SourceError(f"Columns that stand twice in one answer ({twice}). {TELL}")
        piece = self._needed(without_persons(piece))  # here all protocols' rows pass: none of it reaches the disk
        self.antall += len(piece)
        shapes = np.asarray(piece.geometry.array, dtype=object)
        self.areal_m2 += float(np.nansum(shapely.area(shapes)))
        self._stretch(shapely.total_bounds(shapes))
        named = [c for c in piece.columns if c != "geometry"]
        self.kolonner |= {str(c) for c in named if c not in self.kolonner and piece[c].notna().any()}
        for column in piece.columns:
            if fold(str(column).rpartition(".")[2]) == KOPIDATO:
                dates = [d for v in piece[column].dropna().unique() if (d := iso_date(v))]
                self.kopidato = max([*dates, *([self.kopidato] if self.kopidato else [])], default=None)
        if "objekttypenavn" in piece:
            for name, rows in piece["objekttypenavn"].value_counts().items():
                self.objekttyper[str(name)] = self.objekttyper.get(str(name), 0) + int(rows)
        self._digests += row_digests(piece)
        try:
            table = pa.table(piece.to_arrow(index=False, geometry_encoding="WKB"))
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            raise SourceError(f"A column whose values are of several types ({shorten(str(error))}). {TELL}") from None
        self._tables.append(table.replace_schema_metadata(None))
        self._bytes += table.nbytes
        if self._bytes > IN_MEMORY:
            self._to_disk()

    def _needed(self, piece: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return rows without the values of columns that nobody reads."""
        if self._wanted is None:
            return piece
        named = [str(c) for c in piece.columns if c != piece.geometry.name]
        unread = [c for c in named if not {fold(c), fold(LAST_NAME.split(c)[-1])} & self._wanted]
        return piece.assign(**{c: pd.Series([None] * len(piece), index=piece.index, dtype=object) for c in unread})

    def sha256(self) -> str:
        """Return the digest of the content so far, the same whatever the order of rows, columns and requests."""
        whole = hashlib.sha256()
        for digest in sorted(self._digests):
            whole.update(digest)
        return whole.hexdigest()

    def write(self, path: Path, provenance: Provenance) -> None:
        """Write everything taken as one GeoParquet file with its provenance.

        Raises
        ------
        OSError
            When the disk refuses.
        SourceError
            Naming a column that is of one type in one piece and of another in the next.
        """
        schema = _unified([*(pq.read_schema(f) for f in self._files), *(t.schema for t in self._tables)])
        metadata = {
            b"geo": json.dumps(_geo_metadata()).encode(),
            b"PANDAS_ATTRS": json.dumps({"provenance": provenance.as_dict()}).encode(),
        }
        with pq.ParquetWriter(path, schema.with_metadata(metadata), compression="zstd") as writer:
            for table in self._pieces():
                writer.write_table(_cast(table, schema))

    def _stretch(self, bounds: npt.NDArray[np.float64]) -> None:
        if np.isfinite(bounds).all():
            west, south, east, north = (float(v) for v in bounds)
            w, s, e, n = self.bounds or (west, south, east, north)
            self.bounds = (min(w, west), min(s, south), max(e, east), max(n, north))

    def _pieces(self) -> Iterator[pa.Table]:
        for file in self._files:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=10_000):
                yield pa.Table.from_batches([batch])
        if self._tables:
            yield _joined(self._tables)

    def _to_disk(self) -> None:
        file = self._folder / f"spool-{len(self._files)}.parquet"
        whole = _joined(self._tables)
        rows = max(1, int(whole.num_rows * ROW_GROUP_BYTES / max(1, whole.nbytes)))
        pq.write_table(whole, file, compression="lz4", row_group_size=rows)
        self._files.append(file)
        self._tables, self._bytes = [], 0


def row_digests(frame: gpd.GeoDataFrame) -> list[bytes]:
    """Return a sha256 of what each row says: every value that is set, by its column, and the geometry."""
    columns = sorted(c for c in frame.columns if c != "geometry" and fold(c.rpartition(".")[2]) not in UNHASHED)
    cells = [[_cell(v) for v in frame[c]] for c in columns]
    shapes = shapely.to_wkb(np.asarray(frame.geometry.array, dtype=object))
    digests = []
    for row, shape in zip(zip(*cells, strict=True) if cells else [()] * len(frame), shapes, strict=True):
        said = {c: v for c, v in zip(columns, row, strict=True) if v is not None}
        digests.append(hashlib.sha256(json.dumps(said, ensure_ascii=False).encode() + b"\0" + (shape or b"")).digest())
    return digests


def _cell(value: object) -> object:
    if isinstance(value, np.ndarray | list):
        return [str(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _unified(schemas: list[pa.Schema]) -> pa.Schema:
    """Return one schema for all pieces; a column that is empty everywhere is text."""
    if not schemas:
        return pa.schema([pa.field("geometry", pa.binary())])
    plain = [s.remove_metadata() for s in schemas]
    try:
        merged = pa.unify_schemas([_without_field_metadata(s) for s in plain], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        raise SourceError(_of_two_types(plain)) from None
    return pa.schema([pa.field(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in merged])


def _joined(tables: list[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        raise SourceError(_of_two_types([t.schema for t in tables])) from None


def _of_two_types(schemas: list[pa.Schema]) -> str:
    """Return which columns differ in type from piece to piece."""
    seen: dict[str, set[str]] = {}
    for field in (f for schema in schemas for f in schema if not pa.types.is_null(f.type)):
        seen.setdefault(field.name, set()).add(str(field.type))
    said = [f"{name} ({' and '.join(sorted(types))})" for name, types in seen.items() if len(types) > 1]
    return f"Of several types from one part of the answer to the next: {shorten(', '.join(said))}. {TELL}"


def _without_field_metadata(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(f.name, f.type) for f in schema])


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(f.name).cast(f.type) if f.name in table.column_names else pa.nulls(table.num_rows, f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _geo_metadata() -> dict[str, Any]:
    """Return the foot of a GeoParquet 1.0 file whose geometry is WKB in EPSG:25833."""
    from pyproj import CRS

    column = {"encoding": "WKB", "geometry_types": [], "crs": CRS.from_epsg(STORAGE_EPSG).to_json_dict()}
    return {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
