"""Readers of GML by theme: which module knows the feature types of a source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd

from config.kilder import Kilde
from tasks.sources import bygning, gml, teig
from tasks.sources.asked import Take


def read_gml(path: Path, kilde: Kilde, *, where: str, take: Take) -> int:
    """Hand over every feature of a GML file that a source is asked for, and return how many there were.

    Parameters
    ----------
    path
        Read as a stream: of a file of any size, some thousand features lie in memory at once.
    kilde
        Its theme says who reads, its `lag` what is wanted.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the file cannot be read in full; some of it may have been handed over.
    """
    count = 0
    for part in _parts(path, kilde, where):
        take(part)
        count += len(part)
    return count


def _parts(path: Path, kilde: Kilde, where: str) -> Iterator[gpd.GeoDataFrame]:
    if kilde.tema == "teig":
        return _named(teig.parts(path, where=where), kilde)
    if kilde.tema == "bygning":
        return _named(bygning.parts(path, where=where), kilde)
    return gml.parts(path, kilde.lag, where=where)


def _named(parts: Iterator[gpd.GeoDataFrame], kilde: Kilde) -> Iterator[gpd.GeoDataFrame]:
    """Add the object type to rows of a source that has only one."""
    objekttype = next(iter(kilde.lag))
    return (part.assign(**{gml.OBJEKTTYPE: pd.Series([objekttype] * len(part), dtype=object)}) for part in parts)
