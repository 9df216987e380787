"""A piece of land drawn by hand: a lot of 40 × 40 m among its neighbours, as the files of a run hold it."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from config.bilder import BilderRegister, bilder
from config.registers import Kommune, find_kommune, read_toml
from tasks.contracts import Contract
from tasks.crm.bilder.grunnlag import CORE, OUT, Grunnlag, make_grunnlag
from tasks.crs import STORAGE_CRS

PROEVEDAL = find_kommune("7001", sandbox=True)
"""Its own zone is the one that files are stored in: a metre there is a metre in the picture."""
EAST, NORTH = 300_000.0, 7_750_000.0
TOMT = "7001-000001"
LOVLIG = "KpArealformålOmråde"


def rules(**tables: dict[str, Any]) -> BilderRegister:
    """Return config/bilder.toml with other values."""
    whole = read_toml("bilder.toml")
    return BilderRegister.model_validate(whole | {name: whole[name] | values for name, values in tables.items()})


def box(west: float, south: float, east: float, north: float) -> Any:
    """Return a rectangle, metres from the middle of the lot."""
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def tomt(tomt_id: str = TOMT, shape: Any = None, **values: Any) -> dict[str, Any]:
    """Return a row of tomter."""
    form = box(-20, -20, 20, 20) if shape is None else shape
    row = {
        "tomt_id": tomt_id,
        "omraade_id": "7001-O00001",
        "teig_id": "t1",
        "matrikkelenheter": ["7001-46/1/0/0"],
        "areal_m2": form.area,
        "lengdegrad": 9.71,
        "breddegrad": 69.79,
        "tilstand": "aktiv",
        "geometry": form,
    }
    return row | values


def teig(teig_id: str, enhet: str, shape: Any) -> dict[str, Any]:
    """Return a row of teiger."""
    return {"teig_id": teig_id, "matrikkelenheter": [f"7001-{enhet}/0/0"], "geometry": shape}


def sone(sone_id: str, kode: str, shape: Any, *, plan_id: str = "7001_KPA") -> dict[str, Any]:
    """Return a row of soner."""
    return {
        "sone_id": sone_id,
        "objekttype": LOVLIG,
        "kode": kode,
        "arealstatus": "2",
        "plan_id": plan_id,
        "geometry": shape,
    }


def plan(plan_id: str, navn: str | None, shape: Any, *, status: str = "3", nivaa: str = "2") -> dict[str, Any]:
    """Return a row of reguleringsplaner."""
    return {"plan_id": plan_id, "planstatus": status, "vertikalnivaa": nivaa, "navn": navn, "geometry": shape}


def planomraade(plan_id: str, plantype: str = "20", planstatus: str = "3") -> dict[str, Any]:
    """Return a row of planomraader."""
    return {"plan_id": plan_id, "plantype": plantype, "planstatus": planstatus, "geometry": box(-9, -9, 9, 9)}


def hinder(hinder_id: str, slag: str, shape: Any) -> dict[str, Any]:
    """Return a row of hindre."""
    return {"hinder_id": hinder_id, "slag": slag, "geometry": shape}


def scoret(score: float, tomt_id: str = TOMT, **values: Any) -> dict[str, Any]:
    """Return a row of scorer."""
    return {"tomt_id": tomt_id, "profil": "eier-7 1", "score": score, "hoyest": score, "nivaa": "A"} | values


def konflikt(tema: str, alvor: str, shape: Any) -> dict[str, Any]:
    """Return a row of konflikter."""
    return {"lag": tema, "tema": tema, "alvor": alvor, "geometry": shape}


def frame(contract: Contract, rows: list[dict[str, Any]], *, kommune: Kommune = PROEVEDAL) -> pd.DataFrame:
    """Return rows as a frame of a contract; what is not given is missing."""
    if not rows:
        return contract.empty()
    empty = {"text": None, "number": float("nan"), "flag": False, "texts": [], "numbers": [], "integer": 0}
    own = {"kommunenummer": kommune.nummer} if "kommunenummer" in contract.columns else {}
    made = pd.DataFrame([{c: r.get(c, empty[kind]) for c, kind in contract.columns.items()} | r | own for r in rows])
    for column, kind in contract.columns.items():
        if kind == "text":
            made[column] = made[column].astype(object).where(made[column].notna(), None)
    return gpd.GeoDataFrame(made, geometry="geometry", crs=STORAGE_CRS) if contract.has_geometry else made


NEIGHBOURS = [
    teig("t1", "46/1", box(-30, -30, 30, 30)),
    teig("t2", "46/2", box(30, -30, 70, 30)),
    teig("t3", "46/3", box(-70, -30, -30, 30)),
    teig("t4", "47/12", box(-30, 30, 30, 58)),
]


def land(
    *,
    register: BilderRegister | None = None,
    kommune: Kommune = PROEVEDAL,
    **layers: list[dict[str, Any]],
) -> Grunnlag:
    """Return the usual land, with other rows in the layers that are given by name of the contract."""
    usual: dict[str, list[dict[str, Any]]] = {
        "tomter": [tomt()],
        "teiger": NEIGHBOURS,
        "soner": [sone("s1", "1110", box(-500, -500, 0, 500)), sone("s2", "3001", box(0, -500, 500, 500))],
        "reguleringsplaner": [plan("7001_R1", "Reguleringsplan for Åsen", box(-70, -60, 70, -30))],
        "planomraader": [planomraade("7001_KPA")],
        "hindre": [hinder("b1", "bygningspunkt", shapely.Point(EAST + 60, NORTH + 15))],
        "scorer": [scoret(82.44)],
        "adresser": [{"tomt_id": TOMT, "adresse": "Storgata 1", "poststed": "PRØVEDAL", "avstand_m": 0.0}],
    }
    rows = usual | layers
    frames = {c.name: frame(c, rows.get(c.name, []), kommune=kommune) for c in (*OUT, *CORE)}
    return make_grunnlag(kommune, register or bilder(), frames)
