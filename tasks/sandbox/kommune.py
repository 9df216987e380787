"""The invented municipalities of the sandbox: border, plans, teiger, buildings and the traps among them.

Three, in open sea, the same to the byte on every machine; what they are called and how big they are stands in
config/sandbox.toml. Everything is in EPSG:25833. Nothing in them exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
from shapely import MultiPolygon

from tasks.sandbox import bygninger, feller, formaal
from tasks.sandbox.bygninger import legg_feller_i_bygningene, tegn_bygninger
from tasks.sandbox.feller import (
    legg_feller_i_planene,
    legg_feller_i_sonene,
    legg_feller_i_teigene,
)
from tasks.sandbox.formaal import legg_formaal
from tasks.sandbox.landskap import CELL_M, Landskap
from tasks.sandbox.reguleringer import tegn_kommunedelplan, tegn_kommuneplan, tegn_reguleringer
from tasks.sandbox.soner import tegn_soner
from tasks.sandbox.teiger import tegn_teiger
from tasks.sandbox.utkast import Bygning, Matrikkelenhet, PlanObjekt, Teig, Utkast, fakta

__all__ = ["TRAPS", "Bygning", "Matrikkelenhet", "OppdiktetKommune", "PlanObjekt", "Teig", "Trap", "invent", "numre"]

TRAPS: Mapping[str, str] = MappingProxyType(feller.FELLER | formaal.FELLER | bygninger.FELLER)
"""Every trap: name → what it is."""


@dataclass(frozen=True, slots=True)
class Trap:
    """One trap in one kommune: what it is, and the ids (lokalId, teigId, bygningId) of the objects that show it."""

    hva: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class OppdiktetKommune:
    """One invented kommune.

    Attributes
    ----------
    nummer, navn, gammelt_nummer, nabo
        Its number and name, the number before a merger, and the neighbour whose plan sticks in.
    epsg
        Its own UTM zone, in which areas are computed.
    grense
        The border, EPSG:25833.
    plan
        Plan objects by service and type (`reguleringsplaner/vn2/RpOmråde`), geometry in EPSG:25833.
    teiger
        The parcels, EPSG:25833.
    bygninger
        The buildings, EPSG:25833.
    traps
        The traps by name (`TRAPS`) with the ids of their examples.
    """

    nummer: str
    navn: str
    epsg: int
    gammelt_nummer: str
    nabo: str
    grense: MultiPolygon
    plan: Mapping[str, tuple[PlanObjekt, ...]]
    teiger: tuple[Teig, ...]
    bygninger: tuple[Bygning, ...]
    traps: Mapping[str, Trap]


def numre() -> tuple[str, ...]:
    """Return the numbers of the invented municipalities."""
    return tuple(fakta())


@cache
def invent(nummer: str) -> OppdiktetKommune:
    """Make an invented kommune; the same number gives the same bytes everywhere.

    Parameters
    ----------
    nummer
        One of `numre()`.

    Returns
    -------
    OppdiktetKommune
        Kept for the life of the process: read it, do not change it.

    Raises
    ------
    KeyError
        When no such kommune has been invented.
    """
    if nummer not in fakta():
        message = f"no invented kommune {nummer!r}: config/sandbox.toml has {', '.join(fakta())}"
        raise KeyError(message)
    f = fakta()[nummer]
    land = Landskap(seed=f.seed, origo=f.origo, side=int(f.side_m / CELL_M), oy=f.oy)
    utkast = Utkast(
        fakta=f, landskap=land, rng=np.random.Generator(np.random.PCG64(f.seed)), neste=int(f.nummer) * 100_000
    )
    tegn_soner(utkast)
    tegn_teiger(utkast)
    tegn_bygninger(utkast)
    tegn_reguleringer(utkast)
    legg_feller_i_sonene(utkast)
    tegn_kommuneplan(utkast)
    tegn_kommunedelplan(utkast)
    legg_feller_i_planene(utkast)
    legg_feller_i_teigene(utkast)
    legg_formaal(utkast)
    legg_feller_i_bygningene(utkast)
    return OppdiktetKommune(
        nummer=f.nummer,
        navn=f.navn,
        epsg=f.epsg,
        gammelt_nummer=f.gammelt_nummer,
        nabo=f.nabo,
        grense=utkast.grense,
        plan=MappingProxyType({key: tuple(value) for key, value in utkast.plan.items()}),
        teiger=tuple(utkast.teiger),
        bygninger=tuple(utkast.bygninger),
        traps=MappingProxyType({k: Trap(TRAPS[k], tuple(dict.fromkeys(v))) for k, v in utkast.feller.items()}),
    )
