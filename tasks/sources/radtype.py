"""The object type of each row of a layer: what the row says itself, else what its code column or its layer tells."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from tasks.sources import sosi

COLUMN = sosi.OBJEKTTYPE.sosi


def with_types(frame: gpd.GeoDataFrame, types: Sequence[str]) -> gpd.GeoDataFrame:
    """Return the rows with `objekttypenavn` as SOSI spells it.

    Parameters
    ----------
    types
        What the layer holds. Where a row does not say its own and there are several, it is that whose code it has (a
        0 stands where a column does not apply), else the first one without a code of its own.
    """
    found: list[str | None] = [None] * len(frame)
    for column in sosi.columns_of(sosi.OBJEKTTYPE, [str(c) for c in frame.columns if c != frame.geometry.name]):
        known = {v: sosi.objekttype(v) if isinstance(v, str) else None for v in frame[column].unique()}
        found = [t if t is not None else known[v] for t, v in zip(found, frame[column], strict=True)]
    by_layer = _by_code(frame, types) if len(types) > 1 else [types[0]] * len(frame)
    said = [own or other for own, other in zip(found, by_layer, strict=True)]
    return frame.assign(**{COLUMN: pd.Series(said, index=frame.index, dtype=object)})


def _by_code(frame: gpd.GeoDataFrame, types: Sequence[str]) -> list[str]:
    columns = [str(c) for c in frame.columns if c != frame.geometry.name]
    uncoded = next((t for t in types if t not in sosi.KODER), types[0])
    found: list[str | None] = [None] * len(frame)
    for objekttype in types:
        navn = sosi.KODER.get(objekttype)
        own = [] if navn is None else [c for c in sosi.columns_of(navn, columns) if not sosi.is_habit(navn, c)]
        for column in own:
            known = {v: navn.clean(v) is not None for v in frame[column].unique()} if navn is not None else {}
            found = [t or (objekttype if known[v] else None) for t, v in zip(found, frame[column], strict=True)]
    return [t or uncoded for t in found]
