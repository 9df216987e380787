"""Lots side by side, made for tests: the frames that a run has of them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
from shapely.geometry import box

from tasks.contracts import NUMBER, TEXTS, TOMTER
from tasks.crs import STORAGE_CRS
from tasks.tomtekontrakter import KONFLIKTANDELER, SCORER, TOMTEFAKTA

NAN = float("nan")
X, Y = 260_000.0, 6_620_000.0


def ident(nr: int) -> str:
    return f"3207-{nr:06d}"


def _filled(contract, rows):
    frame = pd.DataFrame(rows).reindex(columns=list(contract.columns))
    for column, kind in contract.columns.items():
        if kind == NUMBER:
            frame[column] = frame[column].astype(float)
        elif kind == TEXTS:
            frame[column] = [v if isinstance(v, list) else [] for v in frame[column]]
        else:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def tomter(*lots: dict) -> gpd.GeoDataFrame:
    """Return lots of 50 × 60 m along a line; `x` is where one begins, `m2` its area (60 m deep)."""
    shapes = [box(X + one["x"], Y, X + one["x"] + one.get("m2", 3000.0) / 60, Y + 60) for one in lots]
    rows = [
        {
            "tomt_id": ident(one["nr"]),
            "kommunenummer": "3207",
            "omraade_id": one.get("omraade", "3207-O00001"),
            "teig_id": f"teig-{one['nr']}",
            "matrikkelenheter": one.get("enheter", [f"3207-1/{one['nr']}/0/0"]),
            "areal_m2": shape.area,
            "kjerne_m2": one.get("byggbar", shape.area),
            "kjerne_grunnlag": one.get("grunnlag", "bygninger"),
            "tilstand": one.get("tilstand", "aktiv"),
            "ost_25833": shape.centroid.x,
            "nord_25833": shape.centroid.y,
        }
        for one, shape in zip(lots, shapes, strict=True)
    ]
    frame = _filled(TOMTER, rows).assign(har_tvist=[bool(one.get("tvist")) for one in lots])
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=STORAGE_CRS)


def fakta(*lots: dict) -> pd.DataFrame:
    rows = []
    for one in lots:
        area = one.get("m2", 3000.0)
        own = {name: value for name, value in one.items() if name in TOMTEFAKTA.columns}
        core = {"kjerne_m2": one.get("byggbar", area), "byggbar_m2": one.get("byggbar", area)}
        rows.append({"tomt_id": ident(one["nr"]), "areal_m2": area, **core, "kommunal": "ukjent", **own})
    frame = _filled(TOMTEFAKTA, rows)
    return frame.assign(er_stoppet=[bool(one.get("stoppet")) for one in lots])


def scorer(*lots: dict) -> pd.DataFrame:
    rows = [
        {"tomt_id": ident(one["nr"]), "profil": "p 1", "score": one.get("score", 30.0), "hoyest": 100.0, "nivaa": "D"}
        for one in lots
    ]
    return _filled(SCORER, rows).assign(er_stoppet=[bool(one.get("stoppet")) for one in lots])


def andeler(*rows: tuple[int, str, str, float, float]) -> pd.DataFrame:
    """Return shares: number of the lot, theme, severity, share of the lot and of its core."""
    names = ("tema", "alvor", "andel", "andel_kjerne")
    made = [{"tomt_id": ident(nr), **dict(zip(names, rest, strict=True)), "navn": f"ved {nr}"} for nr, *rest in rows]
    return _filled(KONFLIKTANDELER, made) if made else KONFLIKTANDELER.empty()
