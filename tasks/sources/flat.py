"""GeoJSON features → one flat frame of text: nested and flat properties alike become columns with dotted names.

Numbers become text without a false fraction (`4601.0` → `4601`), text stays as it is (`0301`), null is None, and
what cannot be flattened is kept as JSON text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.crs import crs_of
from tasks.errors import SourceError

MAX_DEPTH = 6
MAX_COLUMNS = 1_000
"""Of one answer at most; plan objects have some dozen. Every column takes its place in every row, so that features
with names of their own each fill the memory."""


class Kolonner:
    """The columns of one answer so far.

    Parameters
    ----------
    where
        Address, for the message.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._names: set[str] = set()

    def add(self, names: Iterable[str]) -> None:
        """Take note of the columns of a row.

        Raises
        ------
        SourceError
            When there are more than any plan object has.
        """
        self._names.update(names)
        if len(self._names) > MAX_COLUMNS:
            raise SourceError(
                f"{self._where}: more than {MAX_COLUMNS} different attributes in one answer, which would fill the "
                "memory. Something is wrong with it; tell whoever runs the source."
            )


def text(value: object) -> str | None:
    """Return a JSON value as text, None for null.

    Raises
    ------
    ValueError
        For a number that is not finite.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def flatten(properties: Mapping[str, Any], *, prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    """Return properties with dotted names and text values; of two equal names the first with a value wins."""
    flat: dict[str, str | None] = {}
    for key, value in properties.items():
        name = prefix + key
        if isinstance(value, dict) and depth < MAX_DEPTH:
            inner = flatten(value, prefix=f"{name}.", depth=depth + 1)
        else:
            inner = {name: text(value)}
        for k, v in inner.items():
            if flat.get(k) is None:
                flat[k] = v
    return flat


def frame(
    features: Sequence[Mapping[str, Any]], *, epsg: int, where: str, columns: Kolonner | None = None
) -> gpd.GeoDataFrame:
    """Return features as a flat frame of text with 2D geometry; a null geometry stays None.

    Parameters
    ----------
    columns
        Those of the pages before; None for an answer of one page.

    Raises
    ------
    SourceError
        Naming the address, when a feature is not one or a number or a geometry cannot be read, or when there are too
        many columns.
    """
    known = Kolonner(where) if columns is None else columns
    try:
        rows = []
        for f in features:
            rows.append(flatten(f.get("properties") or {}))
            known.add(rows[-1])
        # allow_nan: 1e999 is read as infinity and must not pass
        shapes = [json.dumps(g, allow_nan=False) if (g := f.get("geometry")) is not None else None for f in features]
        geometry = shapely.force_2d(shapely.from_geojson(np.array(shapes, dtype=object)))
    except (AttributeError, TypeError, ValueError, RecursionError, shapely.errors.ShapelyError) as error:
        raise SourceError(
            f"{where}: a feature cannot be read ({type(error).__name__}: {str(error)[:120]}). "
            "The answer is damaged; try again later and tell whoever runs the source."
        ) from None
    names = list(dict.fromkeys(key for row in rows for key in row))
    data = {c: pd.Series([row.get(c) for row in rows], dtype=object) for c in names if c != "geometry"}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(geometry, crs=crs_of(epsg)), crs=crs_of(epsg))


def concat(frames: Sequence[gpd.GeoDataFrame], *, epsg: int) -> gpd.GeoDataFrame:
    """Return frames one below the other; a column that a frame lacks is None there."""
    columns = list(dict.fromkeys(c for f in frames for c in f.columns if c != "geometry"))
    data = {
        c: pd.Series([v for f in frames for v in (f[c] if c in f else [None] * len(f))], dtype=object) for c in columns
    }
    shapes = [shape for f in frames for shape in f.geometry]
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=crs_of(epsg)), crs=crs_of(epsg))
