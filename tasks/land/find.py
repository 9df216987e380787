"""Land: from the cleaned input of one kommune to its områder and tomter, with persisted ids.

Reads core/{grenser, soner, planomraader, reguleringsplaner, teiger}; writes out/{omraader, tomter}.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import shapely
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Klasse, Kommune, Regler, housing_classes, regler
from tasks.account import Accounts
from tasks.contracts import (
    GRENSER,
    OMRAADER,
    PLANOMRAADER,
    REGULERINGSPLANER,
    SONER,
    STORAGE_EPSG,
    TEIGER,
    TOMTER,
    Contract,
)
from tasks.errors import LandError
from tasks.land.clean import clean
from tasks.land.identity import AKTIV, carry_ids, with_gone
from tasks.land.omraade import find_omraader, touching_plans
from tasks.land.regulering import split_plans
from tasks.land.soner import housing_zones
from tasks.land.tomt import find_tomter
from tasks.store import Geodata

AARSAK_BORTE = "Ligger ikke lenger i differansen"
AARSAK_SAMMEN = "Slått sammen med {}"


@dataclass(frozen=True)
class Core:
    """The input of the land engine: contracts grenser, soner, planomraader, reguleringsplaner, teiger (EPSG:25833)."""

    grenser: gpd.GeoDataFrame
    soner: gpd.GeoDataFrame
    planomraader: gpd.GeoDataFrame
    reguleringsplaner: gpd.GeoDataFrame
    teiger: gpd.GeoDataFrame


@dataclass(frozen=True)
class Land:
    """The result of the land engine: contracts omraader and tomter (EPSG:25833), and the accounts."""

    omraader: gpd.GeoDataFrame
    tomter: gpd.GeoDataFrame
    accounts: Accounts


def find_land(
    kommune: Kommune,
    core: Core,
    *,
    old_omraader: gpd.GeoDataFrame | None,
    old_tomter: gpd.GeoDataFrame | None,
    rules: Regler,
    klasser: Mapping[tuple[str, str], Klasse],
) -> Land:
    """Return the områder and tomter of a kommune.

    Parameters
    ----------
    old_omraader, old_tomter
        What the last run left, or None; ids are carried over from them.

    Raises
    ------
    LandError
        When a layer has no usable CRS, or nothing of a layer lies in the kommune (wrong CRS, swapped axes).
    """
    accounts = Accounts()
    grense, layers = _cleaned(kommune, core, accounts=accounts)
    zones = housing_zones(
        layers["soner"],
        layers["planomraader"],
        kommunenummer=kommune.nummer,
        grense=grense,
        klasser=klasser,
        teller=rules.klasser.teller,
        regler=rules.plan,
        account=accounts.step("boligsoner"),
    )
    settled, pending = split_plans(
        layers["reguleringsplaner"],
        kommunenummer=kommune.nummer,
        regler=rules.plan,
        account=accounts.step("regulering"),
    )
    omraader, tomter = _cut(zones, settled, layers["teiger"], rules=rules, accounts=accounts)
    for frame in (omraader, tomter):
        frame["planer_under_arbeid"] = touching_plans(frame.geometry.to_numpy(), pending)
    return _with_ids(kommune, omraader, tomter, old_omraader, old_tomter, rules=rules, accounts=accounts)


def _cleaned(
    kommune: Kommune, core: Core, *, accounts: Accounts
) -> tuple[shapely.Geometry, dict[str, gpd.GeoDataFrame]]:
    """Return the border and the layers, valid and in the kommune's own UTM zone."""
    keys = {"soner": "sone_id", "planomraader": "plan_id", "reguleringsplaner": "plan_id", "teiger": "teig_id"}
    grenser = clean(core.grenser, epsg=kommune.epsg, key="kommunenummer", account=accounts.step("grense"))
    grense = grenser.union_all()
    layers = {
        name: clean(getattr(core, name), epsg=kommune.epsg, key=key, account=accounts.step(name))
        for name, key in keys.items()
    }
    for name, frame in layers.items():
        require_inside(frame, grense, name=name, kommune=kommune)
    return grense, layers


def _cut(
    zones: gpd.GeoDataFrame,
    settled: gpd.GeoDataFrame,
    teiger: gpd.GeoDataFrame,
    *,
    rules: Regler,
    accounts: Accounts,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the områder, zones minus what is settled, and the tomter, områder cut by property."""
    omraader, pieces = find_omraader(
        zones,
        settled.geometry.to_numpy(),
        floor_m2=rules.areal.minste_omraade_m2,
        tolerance_m=rules.geometri.toleranse_m,
        account=accounts.step("omraader"),
    )
    tomter = find_tomter(
        omraader,
        pieces,
        teiger,
        floor_m2=rules.areal.minste_tomt_m2,
        tolerance_m=rules.geometri.toleranse_m,
        account=accounts.step("tomter"),
    )
    return omraader, tomter


def require_inside(frame: gpd.GeoDataFrame, grense: shapely.Geometry, *, name: str, kommune: Kommune) -> None:
    """Raise unless at least one row of a layer meets the kommune; an empty layer passes.

    Raises
    ------
    LandError
        A wrong EPSG code is accepted silently by every reader; this is where it shows.
    """
    shapely.prepare(grense)
    outside = len(frame) and not shapely.intersects(grense, frame.geometry.to_numpy()).any()
    shapely.destroy_prepared(grense)
    if outside:
        raise LandError(
            f"{kommune.label}: none of the {len(frame)} {name} lies in the kommune; bounds "
            f"{[round(v) for v in frame.total_bounds]} in EPSG:{kommune.epsg}. Check the CRS and the axis order of "
            "the source."
        )


def _with_ids(
    kommune: Kommune,
    omraader: gpd.GeoDataFrame,
    tomter: gpd.GeoDataFrame,
    old_omraader: gpd.GeoDataFrame | None,
    old_tomter: gpd.GeoDataFrame | None,
    *,
    rules: Regler,
    accounts: Accounts,
) -> Land:
    min_iou = rules.identitet.minste_iou
    found = omraader.to_crs(STORAGE_EPSG).assign(kommunenummer=kommune.nummer)
    found["omraade_id"] = carry_ids(
        found,
        old_omraader,
        id_column="omraade_id",
        id_format=kommune.nummer + "-O{:05d}",
        group_column=None,
        min_iou=min_iou,
    )
    lots = _with_points(tomter.to_crs(STORAGE_EPSG).assign(kommunenummer=kommune.nummer))
    lots["omraade_id"] = found["omraade_id"].to_numpy()[tomter["omraade"].to_numpy()]
    lots["tomt_id"] = carry_ids(
        lots,
        old_tomter,
        id_column="tomt_id",
        id_format=kommune.nummer + "-{:06d}",
        group_column="teig_id",
        min_iou=min_iou,
    )
    reasons = {"aarsak": AARSAK_BORTE, "sammen": AARSAK_SAMMEN}
    ranked = with_gone(_columns(found, OMRAADER), old_omraader, id_column="omraade_id", **reasons)
    lots = with_gone(_columns(lots, TOMTER), old_tomter, id_column="tomt_id", **reasons)
    for step, frame in (("omraader", ranked), ("tomter", lots)):
        accounts.step(step).note("borte", int((frame["tilstand"] != AKTIV).sum()))
    return Land(ranked, lots, accounts)


def _with_points(lots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    inside = gpd.GeoSeries(shapely.point_on_surface(lots.geometry.to_numpy()), crs=STORAGE_EPSG)
    degrees = inside.to_crs(4326)
    return lots.assign(
        ost_25833=inside.x.to_numpy().round(1),
        nord_25833=inside.y.to_numpy().round(1),
        lengdegrad=degrees.x.to_numpy().round(6),
        breddegrad=degrees.y.to_numpy().round(6),
    )


def _columns(frame: gpd.GeoDataFrame, contract: Contract) -> gpd.GeoDataFrame:
    result: gpd.GeoDataFrame = frame[[c for c in (*contract.columns, "geometry") if c in frame]]
    return result


def read_core(geodata: Geodata, kommune: Kommune) -> Core:
    """Read the input of the land engine.

    Raises
    ------
    LandError
        When a frame was never written: the sources have not been read.
    """
    frames = []
    for contract in (GRENSER, SONER, PLANOMRAADER, REGULERINGSPLANER, TEIGER):
        frame = geodata.read(kommune.nummer, layer="core", contract=contract)
        if frame is None:
            raise LandError(f"{kommune.label}: core/{contract.name} is not there. Run `tomt run {kommune.nummer}`.")
        frames.append(frame)
    return Core(*frames)


@task(name="finn tomter", task_run_name="finn tomter {kommune.nummer}", cache_policy=NO_CACHE)
def find_tomter_task(kommune: Kommune, geodata: Geodata) -> Accounts:
    """Read core/, find the lots, write out/omraader and out/tomter; return the accounts."""
    old = [geodata.read(kommune.nummer, layer="out", contract=c) for c in (OMRAADER, TOMTER)]
    core = read_core(geodata, kommune)
    started = time.perf_counter()
    land = find_land(
        kommune,
        core,
        old_omraader=old[0],
        old_tomter=old[1],
        rules=regler(),
        klasser=housing_classes(),
    )
    land.accounts.sekunder = time.perf_counter() - started
    geodata.write(land.omraader, kommune.nummer, layer="out", contract=OMRAADER)
    geodata.write(land.tomter, kommune.nummer, layer="out", contract=TOMTER)
    return land.accounts
