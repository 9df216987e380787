"""GeoParquet of a GIS user: rows, columns, geometry as WKB, and the CRS after the standard's own rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS
from pyproj.exceptions import CRSError

from tasks.errors import SourceError

CRS_WHEN_UNSAID = "OGC:CRS84"
"""GeoParquet 1.1: a file that does not name its CRS is in longitude and latitude."""
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class GeoParquet:
    """An open file.

    Attributes
    ----------
    names
        Every column.
    geometry
        The one with the geometry.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    geometry: str
    crs: CRS | None
    encoding: str
    _file: pq.ParquetFile

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        """Yield these columns and the geometry as WKB, some thousand rows at a time; nothing for no rows.

        Raises
        ------
        SourceError
            When the geometry is not what the metadata say.
        """
        if self.encoding != "WKB":  # the others, shared with GeoArrow, are rare
            yield from self._whole(columns)
            return
        if not _is_binary(kind := self.type_of(self.geometry)):
            raise SourceError(
                f"{self.path}: the geometry {self.geometry!r} is {kind}, where its metadata say WKB. Write it again."
            )
        wanted = [*columns, self.geometry]
        for batch in self._file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
            *values, wkb = (_column(batch, name) for name in wanted)
            yield values, wkb.storage if isinstance(wkb, pa.ExtensionArray) else wkb

    def _whole(self, columns: Sequence[str]) -> Iterator[tuple[list[pa.Array], pa.Array]]:
        try:
            shapes = gpd.read_parquet(self.path, columns=[self.geometry]).geometry.to_wkb()
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
            raise SourceError(
                f"{self.path}: the geometry cannot be read as {self.encoding!r}, its encoding by the metadata "
                f"({type(error).__name__}). Write it again as WKB."
            ) from None
        wkb = pa.array(shapes, pa.binary())
        start = 0
        for batch in self._file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
            yield [_column(batch, name) for name in columns], wkb[start : start + len(batch)]
            start += len(batch)

    def type_of(self, column: str) -> pa.DataType:
        """Return the type of a column; of several by one name, the first counts."""
        schema = self._file.schema_arrow
        return schema.field(schema.get_all_field_indices(column)[0]).type


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_all_field_indices(name)[0])


def _is_binary(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


@contextmanager
def opened(path: Path) -> Iterator[GeoParquet]:
    """Open a GeoParquet file.

    Raises
    ------
    SourceError
        Naming the file, when it is damaged, has no geometry, or its metadata are none.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield _described(path, file)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{path}: damaged, it cannot be read in full ({' '.join(str(error).split())[:160]}). Get the file anew."
        ) from None


def _described(path: Path, file: pq.ParquetFile) -> GeoParquet:
    raw = (file.schema_arrow.metadata or {}).get(b"geo")
    if raw is None:
        raise SourceError(f"{path}: Parquet without geometry (no `geo` in its metadata). Write it as GeoParquet.")
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        column: dict[str, Any] = geo["columns"][name]
        encoding = column["encoding"]
        names = tuple(dict.fromkeys(file.schema_arrow.names))
        if name not in names:
            raise KeyError(name)
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path}: its GeoParquet metadata cannot be understood ({type(error).__name__}: {error}). Write it again."
        ) from None
    return GeoParquet(path, names, file.metadata.num_rows, name, _crs(path, column), str(encoding), file)


def _crs(path: Path, column: dict[str, Any]) -> CRS | None:
    said = column.get("crs", CRS_WHEN_UNSAID)
    try:
        return None if said is None else CRS.from_user_input(said)
    except CRSError as error:
        raise SourceError(f"{path}: its CRS cannot be understood ({' '.join(str(error).split())[:160]}).") from None
