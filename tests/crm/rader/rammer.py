"""Frames of the contracts with a few rows, in which only what matters is given."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from tasks.contracts import FLAG, INTEGER, NUMBER, NUMBERS, TEXTS, Contract
from tasks.crs import STORAGE_CRS

EMPTY: dict[str, Any] = {NUMBER: float("nan"), INTEGER: 0, FLAG: False}
SQUARE = shapely.box(250_000, 6_640_000, 250_050, 6_640_040)


def frame_of(contract: Contract, *rows: dict[str, Any]) -> Any:
    """Return a frame that keeps the contract; what a row does not give is missing, or an empty list."""
    lists = {c for c, kind in contract.columns.items() if kind in (TEXTS, NUMBERS)}
    blank = {c: EMPTY.get(kind) for c, kind in contract.columns.items()}
    full = [{c: list(row.get(c, [])) if c in lists else row.get(c, blank[c]) for c in contract.columns} for row in rows]
    frame = pd.DataFrame(full, columns=list(contract.columns)) if rows else contract.empty()
    for column, kind in contract.columns.items():
        if kind not in (NUMBER, INTEGER, FLAG):
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    if contract.has_geometry and rows:
        frame = gpd.GeoDataFrame(frame, geometry=[row.get("geometry", SQUARE) for row in rows], crs=STORAGE_CRS)
    contract.check(frame)
    return frame


def lot(n: int = 1, **more: Any) -> dict[str, Any]:
    """Return a row of tomter."""
    return {
        "tomt_id": f"3207-{n:06d}",
        "kommunenummer": "3207",
        "omraade_id": "3207-O00001",
        "teig_id": f"teig-{n}",
        "matrikkelenheter": [f"3207-46/{n}/0/0"],
        "differanse": "uregulert",
        "areal_m2": 2500.4,
        "kjerne_m2": 1800.0,
        "kjerne_grunnlag": "bygninger",
        "klasse": "bolig",
        "arealstatus": "2",
        "plan_ider": ["3207_KPA-2023"],
        "ost_25833": 250_010.2,
        "nord_25833": 6_640_010.6,
        "tilstand": "aktiv",
    } | more


def area(**more: Any) -> dict[str, Any]:
    """Return a row of omraader."""
    return {
        "omraade_id": "3207-O00001",
        "kommunenummer": "3207",
        "differanse": "uregulert",
        "areal_m2": 5000.0,
        "klasse": "bolig",
        "arealstatus": "2",
        "sone_ider": ["s1", "s2"],
        "sone_areal_m2": [3000.0, 2000.0],
        "plan_ider": ["3207_KPA-2023"],
        "andel_regulert": 0.25,
        "tilstand": "aktiv",
    } | more


def zone(sone_id: str, **more: Any) -> dict[str, Any]:
    """Return a row of soner."""
    return {
        "sone_id": sone_id,
        "objekttype": "KpArealformålOmråde",
        "kode": "1110",
        "arealstatus": "2",
        "plan_id": "3207_KPA-2023",
        "navn": "B3",
    } | more


def plan(**more: Any) -> dict[str, Any]:
    """Return a row of planomraader."""
    return {"plan_id": "3207_KPA-2023", "plantype": "20", "planstatus": "3", "vedtatt_dato": "2023-06-14"} | more


def score(n: int = 1, **more: Any) -> dict[str, Any]:
    """Return a row of scorer."""
    points = {"score": 83.25, "hoyest": 88.5, "nivaa": "A", "profil": "eier-7 1", "boliger": 31.0, "kommunal": "nei"}
    return {"tomt_id": f"3207-{n:06d}"} | points | more


def assembly(n: int = 1, **more: Any) -> dict[str, Any]:
    """Return a row of sammenslaainger."""
    return {
        "sammenslaaing_id": f"3207-S{n:06d}",
        "kommunenummer": "3207",
        "grunnlag": "område",
        "omraade_id": "3207-O00001",
        "tomt_ider": ["3207-000001"],
        "score": 71.5,
        "hoyest": 80.0,
        "nivaa": "B",
        "ost_25833": 250_010.2,
        "nord_25833": 6_640_010.6,
        "tilstand": "aktiv",
    } | more


def event(nr: int, n: int, dato: str) -> dict[str, Any]:
    """Return a row of hendelser."""
    own = {"tomt_id": f"3207-{n:06d}", "kommunenummer": "3207", "dato": dato}
    return {"nr": nr, "hendelse": "endret", "aarsak": "ny plan"} | own
