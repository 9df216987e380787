"""Answers with snapshots on disk, for what grades them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import geopandas as gpd
import shapely

from config.registers import find_kommune
from tasks.answer import Answer, Empty, Holdt, Provenance, Rows
from tasks.contracts import GRENSER, PLANOMRAADER, REGULERINGSPLANER, SONER, Contract
from tasks.crs import STORAGE_EPSG
from tasks.store import Geodata, write_parquet

TOMTEVIK = find_kommune("0099", sandbox=True)
NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)
TODAY = NOW.date()
SQUARE = shapely.box(0, 0, 1000, 1000)
BOW = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def snapshot(
    geodata: Geodata, kilde: str, *, shapes: list[Any], days_ago: int = 0, ventet: int | None = None
) -> tuple[Any, Provenance]:
    """Write a raw snapshot and return its path and provenance."""
    moment = NOW - timedelta(days=days_ago)
    frame = gpd.GeoDataFrame({"objekttypenavn": ["x"] * len(shapes)}, geometry=shapes, crs=STORAGE_EPSG)
    provenance = Provenance(
        kilde=kilde,
        adresse=f"https://example.no/{kilde}",
        hentet_tid=moment.isoformat(),
        antall_ventet=ventet,
        antall_mottatt=len(shapes),
        sha256=f"{len(shapes)}",
        crs="EPSG:25833",
        lisens="Åpen",
        areal_m2=float(frame.area.sum()),
    )
    frame.attrs = {"provenance": provenance.as_dict()}
    path = geodata.raw_folder(kilde, "0099") / f"{moment:%Y%m%dT%H%M%S%f}Z.parquet"
    write_parquet(frame, path)
    return path, provenance


def rows(
    geodata: Geodata,
    kilde: str,
    *,
    count: int = 4,
    shapes: list[Any] | None = None,
    days_ago: int = 0,
    ventet: int | None = None,
    **more: Any,
) -> Rows:
    path, provenance = snapshot(
        geodata, kilde, shapes=[SQUARE] * count if shapes is None else shapes, days_ago=days_ago, ventet=ventet
    )
    return Rows(kilde, path, provenance, **{"sett_tid": NOW.isoformat(), **more})


def held(kilde: str = "nap_kommuneplan") -> Holdt:
    return Holdt(
        kilde=kilde,
        path=None,
        grunn="antall objekter falt fra 1200 til 700",
        antall_foer=1200,
        antall_naa=700,
        areal_foer_m2=50e6,
        areal_naa_m2=20e6,
    )


def all_rows(geodata: Geodata) -> dict[str, Answer]:
    """Return answers of a run in which every source is as it should be."""
    return {
        "grense": rows(geodata, "kartverket_grense", count=1),
        "kommuneplan": rows(geodata, "nap_kommuneplan"),
        "kommunedelplan": Empty("nap_kommunedelplan", "Ingen."),
        "reguleringsplan": rows(geodata, "nap_reguleringsplan"),
        "teig": rows(geodata, "kartverket_teig"),
        "bygning": rows(geodata, "kartverket_bygning"),
    }


def write_core(geodata: Geodata, *, kode: str = "1110", covered: float = 0.9) -> None:
    """Write a core in which one adopted kommuneplan zones a share of the kommune."""
    plan = {
        "plan_id": "0099_KPA",
        "plantype": "20",
        "planstatus": "3",
        "vertikalnivaa": "2",
        "vedtatt_dato": "2025-06-10",
    }
    zone = {
        "sone_id": "1",
        "objekttype": "KpArealformålOmråde",
        "kode": kode,
        "arealstatus": "1",
        "plan_id": "0099_KPA",
        "geometry": shapely.box(0, 0, 1000, 1000 * covered),
    }
    for contract, row in (
        (GRENSER, {"kommunenummer": "0099", "kommunenavn": "Tomtevik"}),
        (PLANOMRAADER, plan),
        (REGULERINGSPLANER, plan | {"plan_id": "0099_R1", "plantype": "35"}),
        (SONER, zone),
    ):
        geodata.write(one(contract, row), "0099", layer="core", contract=contract)


def one(contract: Contract, row: dict[str, Any]) -> gpd.GeoDataFrame:
    columns = {c: [row.get(c)] for c in contract.columns}
    return gpd.GeoDataFrame(columns, geometry=[row.get("geometry", SQUARE)], crs=STORAGE_EPSG)
