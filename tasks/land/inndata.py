"""Input of the land engine: the frames of core/, the rules, and what of both decides what is a lot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import shapely

from config.registers import Klasse, Kommune, Regler
from tasks.account import Accounts
from tasks.contracts import (
    GRENSER,
    HINDRE,
    PLANOMRAADER,
    REGULERINGSFORMAAL,
    REGULERINGSPLANER,
    SONER,
    TEIGER,
    Contract,
)
from tasks.errors import LandError
from tasks.land.clean import clean
from tasks.land.motor import Inndata, Valg
from tasks.land.regulering import split_plans
from tasks.land.soner import housing_zones
from tasks.store import Geodata


@dataclass(frozen=True)
class Core:
    """The input of the land engine: contracts grenser, soner, planomraader, reguleringsplaner, teiger (EPSG:25833).

    Attributes
    ----------
    formaal
        Contract reguleringsformaal; None where the second class is not looked for.
    hindre
        Contract hindre; None where no source has told what stands on the land.
    """

    grenser: gpd.GeoDataFrame
    soner: gpd.GeoDataFrame
    planomraader: gpd.GeoDataFrame
    reguleringsplaner: gpd.GeoDataFrame
    teiger: gpd.GeoDataFrame
    formaal: gpd.GeoDataFrame | None = None
    hindre: gpd.GeoDataFrame | None = None


def read_core(geodata: Geodata, kommune: Kommune, rules: Regler) -> Core:
    """Read the input of the land engine.

    Raises
    ------
    LandError
        When a frame was never written: the sources have not been read.
    """

    def read(contract: Contract) -> gpd.GeoDataFrame:
        frame = geodata.read(kommune.nummer, layer="core", contract=contract)
        if frame is None:
            raise LandError(f"{kommune.label}: core/{contract.name} is not there. Run `tomt run {kommune.nummer}`.")
        return frame

    return Core(
        grenser=read(GRENSER),
        soner=read(SONER),
        planomraader=read(PLANOMRAADER),
        reguleringsplaner=read(REGULERINGSPLANER),
        teiger=read(TEIGER),
        formaal=read(REGULERINGSFORMAAL) if rules.differanse.ikke_bolig_i_plan else None,
        hindre=geodata.read(kommune.nummer, layer="core", contract=HINDRE),
    )


def options(rules: Regler, *, traader: int = 1) -> Valg:
    """Return the options of the calculation that the rules ask for."""
    return Valg(
        minste_omraade_m2=rules.areal.minste_omraade_m2,
        minste_tomt_m2=rules.areal.minste_tomt_m2,
        minste_bredde_m=rules.areal.minste_bredde_m,
        toleranse_m=rules.geometri.toleranse_m,
        per_sone=rules.geometri.per_sone,
        traader=traader,
    )


def rule_texts(rules: Regler, klasser: Mapping[tuple[str, str], Klasse]) -> dict[str, str]:
    """Return every rule that decides what is a lot, as text by name."""
    sections = rules.model_dump(include={"areal", "geometri", "klasser", "plan", "differanse", "identitet"})
    texts = {
        f"{section}.{name}": json.dumps(value, ensure_ascii=False)
        for section, values in sections.items()
        for name, value in values.items()
    }
    return texts | {f"arealformaal.{objekttype}.{code}": klasse for (objekttype, code), klasse in klasser.items()}


@dataclass(frozen=True)
class Klargjort:
    """What the engine calculates from, in the kommune's own UTM zone.

    Attributes
    ----------
    inndata
        Zones that count, by sone_id; plans that settle the ground; teiger.
    under_arbeid
        Plans under way, contract reguleringsplaner.
    formaal, hindre
        As in `Core`.
    """

    inndata: Inndata
    under_arbeid: gpd.GeoDataFrame
    formaal: gpd.GeoDataFrame | None
    hindre: gpd.GeoDataFrame | None


def prepare(
    kommune: Kommune,
    core: Core,
    *,
    rules: Regler,
    klasser: Mapping[tuple[str, str], Klasse],
    accounts: Accounts,
) -> Klargjort:
    """Return what the engine calculates from: valid, in one CRS, what does not count left out.

    Raises
    ------
    LandError
        When a layer has no usable CRS, or nothing of a layer lies in the kommune (wrong CRS, swapped axes).
    """
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
    inndata = Inndata(zones.sort_values("sone_id", ignore_index=True), settled, layers["teiger"])
    return Klargjort(inndata, pending, layers.get("formaal"), layers.get("hindre"))


def _cleaned(
    kommune: Kommune, core: Core, *, accounts: Accounts
) -> tuple[shapely.Geometry, dict[str, gpd.GeoDataFrame]]:
    """Return the border and the layers, valid and in the kommune's own UTM zone."""
    keys = {"soner": "sone_id", "planomraader": "plan_id", "reguleringsplaner": "plan_id", "teiger": "teig_id"}
    keys |= {"formaal": "formaal_id"} if core.formaal is not None else {}
    grenser = clean(core.grenser, epsg=kommune.epsg, key="kommunenummer", account=accounts.step("grense"))
    grense = grenser.union_all()
    layers = {
        name: clean(getattr(core, name), epsg=kommune.epsg, key=key, account=accounts.step(name))
        for name, key in keys.items()
    }
    for name, frame in layers.items():
        _require_inside(frame, grense, name=name, kommune=kommune)
    if core.hindre is not None:
        layers["hindre"] = core.hindre.to_crs(kommune.epsg)
    return grense, layers


def _require_inside(frame: gpd.GeoDataFrame, grense: shapely.Geometry, *, name: str, kommune: Kommune) -> None:
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
