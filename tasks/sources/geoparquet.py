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

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return these columns, and the geometry as WKB in the last."""
        if self.encoding == "WKB":
            return self._file.read(columns=[*columns, self.geometry]).select([*columns, self.geometry])
        # The other encodings, shared with GeoArrow, are rare.
        shapes = gpd.read_parquet(self.path, columns=[self.geometry]).geometry.to_wkb()
        table = self._file.read(columns=list(columns)).select(list(columns))
        return table.append_column(self.geometry, pa.array(shapes, pa.binary()))


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
