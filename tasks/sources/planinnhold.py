"""What core holds of the plans, in figures: how much they cover, what has no known purpose or status, the newest plan.

The functions are pure; one `Innhold` per theme.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.registers import Kommune, PlanRegler, is_known_code
from tasks.account import Account
from tasks.contracts import GRENSER, PLANOMRAADER, REGULERINGSFORMAAL, REGULERINGSPLANER, SONER
from tasks.sources.snapshotmaal import Snapshot

Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, kw_only=True)
class Innhold:
    """What core holds of a theme, in figures; None is not measured, or no measure of this theme."""

    andel_dekket: float | None = None
    andel_ukjent_kode: float | None = None
    andel_uten_status: float | None = None
    andel_uleselig_nivaa: float | None = None
    nyeste_plan: str | None = None


def content(
    kommune: Kommune,
    frames: Frames,
    *,
    temaer: Collection[str],
    plan: PlanRegler,
    punkter: int,
    i_dag: date,
    regnskap: Collection[Account] = (),
) -> dict[str, Innhold]:
    """Return theme → what core holds of it, for the themes that have something to measure.

    Parameters
    ----------
    frames
        Name of contract → frame under core/; those that are absent are not measured.
    temaer
        Themes with data of their own; without those of kommunedelplaner, these count with the kommuneplan.
    punkter
        Of the grid that coverage is counted on.
    i_dag
        Dates after it are misprints, not plans.
    regnskap
        Of the frames, as they were made: what could not be read is in no frame.
    """
    found: dict[str, Innhold] = {}
    if SONER.name in frames and PLANOMRAADER.name in frames:
        zones, extents = frames[SONER.name], frames[PLANOMRAADER.name]
        covered = _covered(kommune, frames, plan=plan, punkter=punkter)
        lesser = {*plan.kommunedelplan_typer} if "kommunedelplan" in temaer else set()
        is_lesser = extents["plantype"].isin(lesser)
        zone_is_lesser = zones["plan_id"].isin(extents.loc[is_lesser, "plan_id"])
        for tema, plans, own, share in (
            ("kommuneplan", extents[~is_lesser], zones[~zone_is_lesser], covered),
            ("kommunedelplan", extents[is_lesser], zones[zone_is_lesser], None),
        ):
            found[tema] = _of_plans(plans, i_dag, andel_dekket=share, andel_ukjent_kode=_unknown(own))
    if REGULERINGSPLANER.name in frames:
        odd = _unreadable_levels(regnskap, REGULERINGSPLANER.name)
        found["reguleringsplan"] = _of_plans(frames[REGULERINGSPLANER.name], i_dag, andel_uleselig_nivaa=odd)
    if REGULERINGSFORMAAL.name in frames:
        odd = _unreadable_levels(regnskap, REGULERINGSFORMAAL.name)
        unknown = _unknown(frames[REGULERINGSFORMAAL.name])
        found["reguleringsformaal"] = Innhold(andel_ukjent_kode=unknown, andel_uleselig_nivaa=odd)
    return {tema: what for tema, what in found.items() if tema in temaer}


def _of_plans(plans: pd.DataFrame, i_dag: date, **more: float | None) -> Innhold:
    dates = [d for d in plans["vedtatt_dato"] if isinstance(d, str) and d <= i_dag.isoformat()]
    known = [isinstance(s, str) and s.isdecimal() for s in plans["planstatus"]]
    missing = 1 - sum(known) / len(known) if known else None
    return Innhold(andel_uten_status=missing, nyeste_plan=max(dates, default=None), **more)


def _unreadable_levels(regnskap: Collection[Account], navn: str) -> float | None:
    account = next((a for a in regnskap if a.navn == navn and a.inn), None)
    return None if account is None else account.merknader.get("uleselig vertikalnivå", 0) / account.inn


def _unknown(zones: pd.DataFrame) -> float | None:
    counts = Counter(zip(zones["objekttype"], zones["kode"], strict=True))
    unknown = sum(n for (t, k), n in counts.items() if not is_known_code(t, k if isinstance(k, str) else None))
    return unknown / len(zones) if len(zones) else None


def _covered(kommune: Kommune, frames: Frames, *, plan: PlanRegler, punkter: int) -> float | None:
    boundary = frames.get(GRENSER.name)
    if boundary is None or boundary.empty:
        return None
    zones, extents = frames[SONER.name], frames[PLANOMRAADER.name]
    adopted = extents.loc[extents["planstatus"] == plan.vedtatt_status, "plan_id"]
    own = {p for p in adopted if p.startswith(f"{kommune.nummer}_")}
    shape = shapely.union_all(np.asarray(boundary.geometry.array, dtype=object))
    return covered_share(shape, gpd.GeoDataFrame(zones[zones["plan_id"].isin(own)]), punkter=punkter)


def covered_share(grense: shapely.Geometry, soner: gpd.GeoDataFrame, *, punkter: int) -> float | None:
    """Return the share 0–1 of a boundary that lies in any zone; None for a boundary without area.

    Counted on a square grid, not measured: zones overlap, cross themselves and have a hundred thousand vertices, and
    none of that matters to points. The error is about 1 / sqrt(punkter) of a share at worst.

    Parameters
    ----------
    grense, soner
        In the same CRS, metres.
    punkter
        About how many points of the grid fall inside the boundary.
    """
    if grense.is_empty or not grense.area > 0:
        return None
    west, south, east, north = grense.bounds
    step = float(np.sqrt(grense.area / punkter))
    x, y = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step))
    shapely.prepare(grense)
    inside = shapely.contains_xy(grense, x.ravel(), y.ravel())
    if not inside.any():
        return None
    tree = shapely.STRtree(shapely.points(x.ravel()[inside], y.ravel()[inside]))
    hits = tree.query(np.asarray(soner.geometry.array, dtype=object), predicate="intersects")[1]
    return len(np.unique(hits)) / int(inside.sum())


def remembered(dekning: pd.DataFrame | None, snapshots: Mapping[str, Snapshot]) -> dict[str, Innhold]:
    """Return what was measured before on the snapshots that still serve: core is not read in a run that stops."""
    if dekning is None:
        return {}
    found = {}
    for row in dekning.to_dict("records"):
        snapshot = snapshots.get(row["tema"])
        if snapshot is not None and (snapshot.kilde, snapshot.navn) == (row["kilde"], row["snapshot"]):
            shares = {n: _number(row[n]) for n in ("andel_dekket", "andel_ukjent_kode", "andel_uten_status")}
            found[str(row["tema"])] = Innhold(**shares, nyeste_plan=row["nyeste_plan"])
    return found


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
