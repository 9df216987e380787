"""Buildings: GML of Matrikkelen-Bygningspunkt → points of contract `HINDRE`, key hinder_id, EPSG:25833.

Nothing is taken of a building but its id, kommune, status, type and point: neither address nor property nor owner.
Elements are known by their local names, so that a new edition of the specification still reads. A point is read with
lxml, as gml:pos or gml:coordinates; the CRS that it names must be the one asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from lxml import etree

from tasks.account import Account
from tasks.contracts import HINDRE
from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.geometri import ROWS
from tasks.sources.koder import blank_is_none, kommunenummer_of
from tasks.sources.medlemmer import local_name, members
from tasks.sources.numre import Numre
from tasks.sources.plassering import PLAUSIBLE
from tasks.sources.unntak import shorten

NAMESPACE = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Matrikkelen-Bygningspunkt/20211101"
BYGNINGSPUNKT = "bygningspunkt"


class Row(TypedDict):
    """What is kept of one building."""

    bygning_id: str | None
    kommunenummer: str | None
    status: str | None
    bygningstype: str | None


def parts(path: Path, *, where: str) -> Iterator[gpd.GeoDataFrame]:
    """Yield every building of a GML file in pieces, unfiltered, with a 2D point (None where there is none to read).

    Parameters
    ----------
    path
        A FeatureCollection of Bygning.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the GML cannot be read in full, or its points are not in EPSG:25833.
    """
    read = ((_row(bygning), _point(bygning, where=where)) for bygning in members(path, where=where))
    while piece := list(islice(read, ROWS)):
        data = {c: pd.Series([row[c] for row, _ in piece], dtype=object) for c in Row.__annotations__}  # type: ignore[literal-required]
        shapes = gpd.GeoSeries([point for _, point in piece], crs=STORAGE_CRS)
        frame = gpd.GeoDataFrame(data, geometry=shapes, crs=STORAGE_CRS)
        _check_plausible(frame, where)
        yield frame


def nothing() -> gpd.GeoDataFrame:
    """Return a raw frame without buildings."""
    data = {c: pd.Series(dtype=object) for c in Row.__annotations__}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([], crs=STORAGE_CRS), crs=STORAGE_CRS)


def hindre(raw: gpd.GeoDataFrame, numre: Numre, *, utelat: Collection[str]) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the buildings that stand in one kommune after contract `HINDRE`, and the account.

    Exact repetitions collapse; of one building with different points every point is kept, since either may be built on.

    Parameters
    ----------
    raw
        As from `parts`.
    numre
        Whose buildings: those under an earlier number of the kommune too.
    utelat
        Codes of bygningsstatus that say that nothing stands there.
    """
    account = Account(HINDRE.name, len(raw))
    kept = raw

    def drop(mask: pd.Series, reason: str) -> None:
        nonlocal kept
        account.drop(reason, kept.loc[mask, "bygning_id"])
        kept = kept[~mask]

    drop(kept["bygning_id"].isna(), "uten bygningsId")
    drop(pd.Series(~numre.here(list(kept["kommunenummer"]), list(kept.geometry)), kept.index), "annen kommune")
    account.note("tidligere kommunenummer", int((kept["kommunenummer"] != numre.kommunenummer).sum()))
    for status in utelat:
        drop(kept["status"] == status, f"bygningsstatus {status}")
    drop(kept.geometry.isna() | kept.geometry.is_empty, "uten geometri")
    account.note("uten bygningsstatus", int(kept["status"].isna().sum()))
    place = pd.DataFrame({"id": kept["bygning_id"], "x": kept.geometry.x, "y": kept.geometry.y}, index=kept.index)
    drop(place.duplicated(), "nøyaktig dobbel")
    several = kept["bygning_id"].duplicated(keep=False)
    account.note("samme bygningsId, ulike punkt", int(several.sum()), kept.loc[several, "bygning_id"])
    order = place.loc[kept.index].sort_values(["id", "x", "y"], kind="stable").index
    frame = _as_contract(kept.loc[order])
    account.close(len(frame))
    return frame, account


def _as_contract(kept: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows with ids of their own: ``bygning-300025``, and ``…#2`` for a second point of the same."""
    turn = kept.groupby("bygning_id").cumcount()
    ids = [f"bygning-{i}#{n + 1}" if n else f"bygning-{i}" for i, n in zip(kept["bygning_id"], turn, strict=True)]
    data = {
        "hinder_id": pd.Series(ids, dtype=object),
        "slag": pd.Series([BYGNINGSPUNKT] * len(kept), dtype=object),
    }
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(list(kept.geometry), crs=STORAGE_CRS), crs=STORAGE_CRS)


def _row(bygning: etree._Element) -> Row:
    row = Row(bygning_id=None, kommunenummer=None, status=None, bygningstype=None)
    for child in bygning.iterchildren(tag=etree.Element):
        name = local_name(child)
        if name == "identBygning":
            row["bygning_id"] = blank_is_none(child.findtext("{*}IdentBygning/{*}bygningId"))
        elif name == "kommunenummer":
            row["kommunenummer"] = kommunenummer_of(child.text)
        elif name == "bygningsstatus":
            row["status"] = (blank_is_none(child.text) or "").upper() or None
        elif name == "bygningstype":
            row["bygningstype"] = blank_is_none(child.text)
    return row


def _point(bygning: etree._Element, *, where: str) -> shapely.Point | None:
    """Return the first gml:Point of a building."""
    point = next(bygning.iter("{*}Point"), None)
    if point is None:
        return None
    for child in point.iterchildren("{*}pos", "{*}coordinates"):
        # on the point or its position, else what the feature around it says
        named = child.get("srsName") or next((e.get("srsName") for e in _outwards(point) if e.get("srsName")), None)
        _check_crs(named, where)
        return _position(child.text or "")
    return None


def _outwards(element: etree._Element) -> list[etree._Element]:
    return [element, *element.iterancestors()]


def _position(text: str) -> shapely.Point | None:
    """Return the point of ``east north [height]`` or ``east,north[,height]``, None when they are no numbers."""
    try:
        east, north = (float(part) for part in re.split(r"[\s,]+", text.strip())[:2])
    except ValueError:
        return None
    return shapely.Point(east, north) if np.isfinite([east, north]).all() else None


def _check_crs(named: str | None, where: str) -> None:
    """Refuse a point that names another CRS than the one asked for; an answer that names none is checked by place."""
    if named is not None and not re.search(rf"(?:^|\D){STORAGE_EPSG}$", named.strip()):
        raise SourceError(
            f"{where}: asked for EPSG:{STORAGE_EPSG}, got {shorten(named)}. Tell whoever runs the source."
        )


def _check_plausible(frame: gpd.GeoDataFrame, where: str) -> None:
    there = frame.geometry.dropna()
    west, south, east, north = PLAUSIBLE
    outside = ~(there.x.between(west, east) & there.y.between(south, north))
    if outside.sum() * 2 > len(there):
        first = there[outside].iloc[0]
        raise SourceError(
            f"{where}: {int(outside.sum())} of {len(there)} points lie outside Norway in EPSG:{STORAGE_EPSG}, first "
            f"({first.x:.6g}, {first.y:.6g}): degrees or swapped axes. Tell whoever runs the source."
        )
