"""Bygningstjenester: buildings of daily services by building type → contract `TJENESTER`, points in EPSG:25833.

From the same snapshot as the obstacles of the land engine. That there is such a building, not that it is open.
"""

from __future__ import annotations

from collections.abc import Collection

import geopandas as gpd
import pandas as pd

from config.kontekst import Tjenester
from tasks.account import Account
from tasks.crs import STORAGE_CRS
from tasks.sources import planrader
from tasks.sources.koder import code
from tasks.tomtekontrakter import TJENESTER

COLUMNS = ("bygning_id", "bygningstype", "status")


def tjenester(
    raw: gpd.GeoDataFrame, slag: Tjenester, *, utelat: Collection[str] = ()
) -> tuple[gpd.GeoDataFrame, Account]:
    """Return a row for each building and each kind that its type stands for, and the account.

    Parameters
    ----------
    raw
        As `bygning.parts` reads it: bygning_id, status, bygningstype; buildings of a neighbour too.
    utelat
        Codes of bygningsstatus that say that nothing stands there.
    """
    account = Account(TJENESTER.name, len(raw))
    rows = planrader.frame_of(raw, {c: planrader.first(raw, (c,), code) for c in COLUMNS})
    listed = rows["bygningstype"].isin({t for typer in slag.typer.values() for t in typer})
    gone = listed & rows["status"].isin(set(utelat))
    bare = listed & ~gone & (rows["bygning_id"].isna() | rows.geometry.isna() | rows.geometry.is_empty)
    account.drop("annen bygningstype", rows.loc[~listed, "bygning_id"])
    account.drop("står ikke", rows.loc[gone, "bygning_id"])
    account.drop("uten punkt eller id", rows.loc[bare, "bygning_id"])
    kept = rows[listed & ~gone & ~bare].sort_values("bygning_id", kind="stable")
    again = kept["bygning_id"].duplicated()
    account.drop("samme bygningsId", kept.loc[again, "bygning_id"])
    kept = kept[~again]
    parts = [kept[kept["bygningstype"].isin(typer)].assign(slag=navn) for navn, typer in slag.typer.items()]
    frame = _frame(gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=STORAGE_CRS))
    account.close(len(frame))
    return frame, account


def _frame(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    ids = [f"{slag}-{i}" for slag, i in zip(rows["slag"], rows["bygning_id"], strict=True)]
    data = {"tjeneste_id": ids, "slag": list(rows["slag"]), "bygningstype": list(rows["bygningstype"])}
    columns = {c: pd.Series(v, dtype=object) for c, v in data.items()}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(rows.geometry), crs=STORAGE_CRS), crs=STORAGE_CRS)
