"""The hensynssoner of the invented kommuneplaner, as plan objects of the plan services' own collections.

Most belong to the plan in force; one to a proposal, and one to a plan that is no longer in force.
"""

from __future__ import annotations

import uuid
from functools import cache

import shapely

from tasks.sandbox.kontekst import fare, natur, stoy
from tasks.sandbox.kontekst.skjelett import Skjelett, midt_i, skjelett
from tasks.sandbox.utkast import KOPIDATO, PlanObjekt

KPA = "kommuneplaner"
TYPER = ("KpSikringSone", "KpStøySone", "KpFareSone", "KpAngittHensynSone", "KpBåndleggingSone")
ATTRIBUTT = dict(zip(TYPER, ("sikring", "støy", "fare", "angittHensyn", "båndlegging"), strict=True))
I_KRAFT, FORSLAG, UTGAATT = "2022", "2026", "2008"
"""Year in the id of the kommuneplan."""
Sone = tuple[str, str, str, shapely.Geometry]
"""Object type, code, year of the plan, geometry."""


@cache
def hensynssoner(nummer: str) -> dict[str, tuple[PlanObjekt, ...]]:
    """Return the zones of a kommune by collection (``kommuneplaner/KpFareSone``)."""
    sk = skjelett(nummer)
    found: dict[str, list[PlanObjekt]] = {f"{KPA}/{slag}": [] for slag in TYPER}
    for k, (slag, kode, aar, shape) in enumerate(_soner(nummer, sk)):
        found[f"{KPA}/{slag}"].append(_objekt(sk, k, (slag, kode, aar), shapely.intersection(shape, sk.land.grense)))
    return {samling: tuple(objects) for samling, objects in found.items()}


def _soner(nummer: str, sk: Skjelett) -> list[Sone]:
    """Return what the plans show: mostly over the dangers and values that are there, now and then where none is."""
    homes = sk.boliger
    at = {k: sk.flekk(*midt_i(homes[len(homes) * k // 10].rect), 0.006 * sk.side + 2, fro=500 + k) for k in range(10)}
    noise = stoy.veg(nummer)
    found: list[Sone] = [
        ("KpSikringSone", "110", I_KRAFT, at[9]),
        ("KpSikringSone", "190", I_KRAFT, at[7]),
        ("KpStøySone", "210", I_KRAFT, noise[0].geometri),
        ("KpStøySone", "220", I_KRAFT, noise[1].geometri),
        ("KpFareSone", "320", I_KRAFT, fare.flomsoner(nummer)[1].geometri),
        ("KpFareSone", "310", I_KRAFT, fare.skredfaresoner(nummer)[1].geometri),
        ("KpFareSone", "310", FORSLAG, at[2]),
        ("KpFareSone", "390", UTGAATT, at[3]),
        ("KpAngittHensynSone", "570", I_KRAFT, at[4]),
        ("KpAngittHensynSone", "560", I_KRAFT, at[8]),
        ("KpAngittHensynSone", "530", I_KRAFT, at[6]),
        ("KpBåndleggingSone", "720", I_KRAFT, natur.verneomraader(nummer)[0].geometri),
        ("KpBåndleggingSone", "730", I_KRAFT, at[5]),
    ]
    found += [("KpBåndleggingSone", "735", I_KRAFT, one.geometri) for one in natur.marka(nummer)]
    return found


def _objekt(sk: Skjelett, k: int, hva: tuple[str, str, str], shape: shapely.Geometry) -> PlanObjekt:
    slag, kode, aar = hva
    nummer = sk.fakta.nummer
    number = int(nummer) * 100_000 + 90_000 + k
    return PlanObjekt(
        id=number,
        geometry=shapely.set_precision(shape, 0.001),
        properties={
            "objid": number,
            "objekttypenavn": slag,
            "arealplanId.kommunenummer": nummer,
            "arealplanId.landkode": "NO",
            "arealplanId.planidentifikasjon": f"{nummer}_KPA{aar}",
            "identifikasjon.lokalId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"tomtesourcing:{nummer}:hensyn:{k}")),
            "identifikasjon.navnerom": f"http://data.geonorge.no/{nummer}/so",
            "identifikasjon.versjonId": "1",
            "førsteDigitaliseringsdato": "2019-04-01T00:00:00Z",
            "oppdateringsdato": "2026-09-30T06:00:00Z",
            "kopidata.områdeId": nummer,
            "kopidata.originalDatavert": sk.fakta.navn,
            "kopidata.kopidato": KOPIDATO,
            ATTRIBUTT[slag]: kode,
            "hensynSonenavn": f"H{kode}_{k + 1}",
        },
    )
