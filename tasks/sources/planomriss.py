"""Extents of plans that a source publishes zones of alone: KpOmråde and RpOmråde as the union of a plan's zones.

A row is one plan on one level with one status; standardised columns (`kolonner.COLUMNS`), EPSG:25833. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.contracts import POLYGONS
from tasks.sources.sosi import KODER, OMRAADER

PLAN = ("arealplanId.kommunenummer", "arealplanId.planidentifikasjon", "kopidata.områdeId")
TOGETHER = ("planstatus", "plantype", "vertikalnivå")
"""Zones that differ in one of these do not make one extent: a tunnel is no ground."""

DESCRIBING = ("plannavn", "vedtakEndeligPlanDato", "ikrafttredelsesdato", "link", "kopidata.kopidato")


def with_extents(frame: gpd.GeoDataFrame, account: Account) -> gpd.GeoDataFrame:
    """Return the rows, and below them an extent for each plan with zones and none of its own.

    Zones without a planidentifikasjon belong to no plan, so they make none; they are counted.
    """
    types = frame["objekttypenavn"].map(_extent_type)
    is_zone = types.notna() & ~(frame.geometry.isna() | frame.geometry.is_empty)
    named = frame[PLAN[1]].notna()
    account.note("soner uten plan: intet planområde", int((is_zone & ~named).sum()))
    own = frame["objekttypenavn"].isin(OMRAADER.values())
    known = set(zip(frame.loc[own, "objekttypenavn"], *(frame.loc[own, c] for c in PLAN[:2]), strict=True))
    zones = frame[is_zone & named].assign(objekttypenavn=types[is_zone & named])
    found = [
        _extent(group)
        for key, group in zones.groupby(["objekttypenavn", *PLAN, *TOGETHER], dropna=False, sort=True)
        if (key[0], *(None if pd.isna(k) else k for k in key[1:3])) not in known
    ]
    made = [row for row in found if row is not None]
    account.note("planområder laget av soner", len(made))
    if not made:
        return frame
    columns = [c for c in frame.columns if c != "geometry"]
    data = {c: pd.Series([*frame[c], *[row.get(c) for row in made]], dtype=object) for c in columns}
    shapes = gpd.GeoSeries([*frame.geometry, *[row["geometry"] for row in made]], crs=frame.crs)
    return gpd.GeoDataFrame(data, geometry=shapes, crs=frame.crs)


def _extent_type(objekttype: str | None) -> str | None:
    if objekttype not in KODER:
        return None
    return OMRAADER["Kp" if objekttype.startswith("Kp") else "R"]


def _extent(zones: gpd.GeoDataFrame) -> dict[str, object] | None:
    """Return the row of one plan, None when its zones have no area; what describes it is the first that is said."""
    shape = polygon_of(zones.geometry.to_numpy())
    if shape is None:
        return None
    row: dict[str, object] = {c: _first(list(zones[c])) for c in ("objekttypenavn", *PLAN, *TOGETHER)}
    described = {c: _first(sorted(v for v in zones[c] if isinstance(v, str))) for c in DESCRIBING}
    return {**row, **described, "geometry": shape}


def _first(values: Sequence[object]) -> str | None:
    return next((v for v in values if isinstance(v, str)), None)


def polygon_of(shapes: np.ndarray[tuple[int], np.dtype[np.object_]]) -> shapely.Geometry | None:
    """Return the union of polygons, made valid; None when there is no area."""
    parts = shapely.get_parts(shapely.make_valid(shapes))
    parts = shapely.get_parts(parts[np.isin(shapely.get_type_id(parts), (3, 6, 7))])
    flat = parts[shapely.get_type_id(parts) == 3]
    union = shapely.union_all(flat)
    return union if union.geom_type in POLYGONS and union.area > 0 else None
