"""Rows of Områder: connected housing land that no adopted plan has settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import geopandas as gpd

from config.kodeord import kodeord
from tasks.crm.rader.links import norgeibilder, norgeskart
from tasks.crm.rader.planer import Plan, Sone, main_plan
from tasks.crm.rader.rad import Felles, Row, RowsByKey, dicts, line, lines
from tasks.tekst import tall

TILSTAND = {"aktiv": "Aktiv", "borte": "Borte"}
"""Of an område and of a lot."""


def omraade_rows(omraader: gpd.GeoDataFrame, *, zones: Mapping[str, Sone], plans: Mapping[str, Plan]) -> RowsByKey:
    """Return the rows of Områder, by Område-id.

    Parameters
    ----------
    omraader
        Contract omraader.
    zones, plans
        sone_id → zone and plan_id → plan, of every zone that an område lies on.
    """
    point = omraader.geometry.representative_point()
    places = zip(point.y.tolist(), point.x.tolist(), strict=True)
    rows, one = {}, Felles()
    kommune = {nummer: [nummer] for nummer in omraader["kommunenummer"].unique()}
    for omraade, (nord, ost) in zip(dicts(omraader.drop(columns="geometry")), places, strict=True):
        rows[omraade["omraade_id"]] = {
            "Område-id": omraade["omraade_id"],
            "Kommunenummer": one(omraade["kommunenummer"]),
            "Kommune": kommune[omraade["kommunenummer"]],
            "Areal m²": omraade["areal_m2"],
            "Klasse": one(omraade["klasse"]),
            "Arealstatus": kodeord().arealstatus.get(omraade["arealstatus"]),
            **_zone_fields(omraade, zones, plans, one),
            "Planer": one(lines(omraade["plan_ider"])),
            "Differanse": one(omraade["differanse"]),
            "Regulert %": 100 * omraade["andel_regulert"],
            "Reguleringsplaner": lines(omraade["reguleringsplaner"]),
            "Plan under arbeid": lines(omraade["planer_under_arbeid"]),
            "Kart": norgeskart(nord_25833=nord, ost_25833=ost, zoom=14),
            "Flyfoto": norgeibilder(nord_25833=nord, ost_25833=ost),
            "Tilstand": TILSTAND[omraade["tilstand"]],
            "Årsak": one(line(omraade["aarsak"])),
        }
    return rows


def _zone_fields(omraade: Row, zones: Mapping[str, Sone], plans: Mapping[str, Plan], one: Felles) -> Row:
    """Return the fields that say which zones it lies on; type and plan are those of the largest."""
    on = [zones[z] for z in omraade["sone_ider"]]
    largest = on[0] if on else None
    plan = main_plan(largest, omraade["plan_ider"], plans)
    areas: Iterable[float] = omraade["sone_areal_m2"]
    return {
        "Soner": lines(f"{zone.tekst}: {tall(area)} m²" for zone, area in zip(on, areas, strict=True)),
        "Sonetype": one(largest.sonetype) if largest is not None else None,
        "Plan": plan.lenke,
        "Planstatus": plan.status,
        "Plan vedtatt": plan.vedtatt,
    }
