"""`tomt differanse`: the land engine alone, on the files of a GIS user.

Read the files, see that they can belong together, clean them, leave out what does not count, find the differanse, cut
it by property, take from each lot what cannot be built on, write three GeoParquet files, and return the account of it
all. Whatever was dropped, repaired or put together is counted with its reason and the first ids; what cannot be used
is refused in one line that names the file.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from config.registers import housing_classes, regler
from flows.filgrunnlag import Grunnlag, Lagfil, cleaned, gather
from tasks.account import Account, Accounts
from tasks.errors import StoreError, TomtError
from tasks.land.kjerne import core_areas, find_kjerner
from tasks.land.motor import Inndata, Valg, beregn
from tasks.land.omraade import describe_omraader
from tasks.land.tomt import describe_tomter
from tasks.sources import hinderlag, vektorlag
from tasks.store import write_parquet

__all__ = ["Bestilling", "Lagfil", "Valg", "available_cores", "differanse"]

log = logging.getLogger("tomt")

OMRAADER_FIL, TOMTER_FIL, KJERNER_FIL = "differanse.parquet", "tomter.parquet", "kjerner.parquet"

AREAS = {
    "differanse_m2": ("omraader", "differanse_m2"),
    "omraader_m2": ("omraader", "areal_m2"),
    "omraader_for_smaa_m2": ("omraader", "for små_m2"),
    "tomter_m2": ("tomter", "areal_m2"),
    "for_smaa_m2": ("tomter", "for små_m2"),
    "for_smale_m2": ("tomter", "for smal_m2"),
    "uten_teig_m2": ("tomter", "uten teig_m2"),
    "paa_flere_teiger_m2": ("tomter", "på flere teiger_m2"),
    "kjerner_m2": ("kjerner", "areal_m2"),
}
"""What an area is called in the account → the step and the figure that it stands in."""


@dataclass(frozen=True)
class Bestilling:
    """What the user asks for.

    Attributes
    ----------
    soner, planer, teiger
        The files, and the layers in them.
    ut
        Folder to write in, made when needed.
    crs
        "25832" or "EPSG:25832": everything is reprojected to it; None: the files' own, which must be one and the same.
    kun_bolig
        True: only zones whose code is one for housing; False: every zone.
    valg
        Floors, width, reading, threads.
    arealformal, planstatus, teig_id
        Names of the columns.
    bygninger, veger
        The files of what stands on the land, None where it is not known.
    """

    soner: Lagfil
    planer: Lagfil
    teiger: Lagfil
    ut: Path
    crs: str | None = None
    kun_bolig: bool = False
    valg: Valg = field(default_factory=Valg)
    arealformal: str = vektorlag.AREALFORMAL
    planstatus: str = vektorlag.PLANSTATUS
    teig_id: str = vektorlag.TEIG_ID
    bygninger: Lagfil | None = None
    veger: Lagfil | None = None

    @property
    def lag(self) -> dict[str, Lagfil]:
        """The files by name of the layer, those of obstacles last."""
        return {"soner": self.soner, "planer": self.planer, "teiger": self.teiger, **self.hindre}

    @property
    def hindre(self) -> dict[str, Lagfil]:
        """The files of obstacles by name of the layer, where they are given."""
        given = {hinderlag.BYGNINGER: self.bygninger, hinderlag.VEGER: self.veger}
        return {name: source for name, source in given.items() if source is not None}


@dataclass(frozen=True)
class Resultatlag:
    """What is written: områder, tomter, and the kjerner of the tomter."""

    omraader: gpd.GeoDataFrame
    tomter: gpd.GeoDataFrame
    kjerner: gpd.GeoDataFrame


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def differanse(order: Bestilling) -> dict[str, Any]:
    """Find the differanse, the lots and their cores, write them, and return the account as JSON-ready values.

    Raises
    ------
    TomtError
        For files, columns, coordinates or options that cannot be used; nothing has been written then.
    """
    started = time.perf_counter()
    _require_sound(order)
    columns = {
        "soner": vektorlag.zone_columns(order.arealformal, kun_bolig=order.kun_bolig),
        "planer": vektorlag.plan_columns(order.planstatus),
        "teiger": vektorlag.teig_columns(order.teig_id),
        **{name: hinderlag.columns(name) for name in order.hindre},
    }
    grunnlag = gather(order.lag, columns, crs=order.crs)
    accounts = Accounts()
    inndata, hindre = _prepared(order, grunnlag, accounts)
    found = _found(inndata, hindre, order, accounts=accounts)
    areas = _areas(inndata, accounts)
    del inndata, hindre  # there may be millions of teiger
    _write(order.ut, found)
    _tell(grunnlag, order, found)
    seconds = time.perf_counter() - started
    log.info("done in %.1f s", seconds)
    return _account(order, grunnlag, accounts, areas=areas, seconds=seconds)


# --- before ---


def _require_sound(order: Bestilling) -> None:
    """Raise for options that cannot be met, before anything is read."""
    floors = {
        "--min-omraade": order.valg.minste_omraade_m2,
        "--min-tomt": order.valg.minste_tomt_m2,
        "--min-bredde": order.valg.minste_bredde_m,
    }
    for option, value in floors.items():
        if not (math.isfinite(value) and value >= 0):
            raise TomtError(f"{option} {value}: wanted is a number of at least 0.")
    if order.valg.traader < 1:
        raise TomtError(f"--traader {order.valg.traader}: wanted is a whole number of at least 1.")
    written = {(order.ut / name).resolve() for name in (OMRAADER_FIL, TOMTER_FIL, KJERNER_FIL)}
    for name, source in order.lag.items():
        source.require_file()
        if source.sti.resolve() in written:
            raise TomtError(f"--{name} {source.sti} would be overwritten by the result. Choose another --ut.")
    _require_folder(order.ut)


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-test-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        reason = "a file is in its place" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise TomtError(f"--ut {folder}: cannot be written in ({reason}). Choose another folder.") from None


# --- the work ---


def _prepared(order: Bestilling, grunnlag: Grunnlag, accounts: Accounts) -> tuple[Inndata, gpd.GeoDataFrame | None]:
    """Return the cleaned layers without what does not count, and the obstacles, None where no file names them."""
    rules = regler()
    frames = cleaned(grunnlag, accounts=accounts)
    soner = vektorlag.zones(
        grunnlag.lag["soner"],
        frames["soner"],
        klasser=housing_classes(),
        teller=rules.klasser.teller,
        kun_bolig=order.kun_bolig,
        manglende_arealstatus=rules.plan.manglende_arealstatus,
        account=accounts.step("soner"),
    )
    planer = vektorlag.plans(frames["planer"], regler=rules.plan, account=accounts.step("planer"))
    teiger = vektorlag.teiger(frames["teiger"], account=accounts.step("teiger"))
    layers = {"soner": soner, "planer": planer, "teiger": teiger}
    for name, frame in layers.items():
        accounts.step(name).close(len(frame))
    _warn_of_columns(grunnlag, accounts, kept=len(planer))
    return Inndata(**layers), _hindre(order, frames, accounts)


def _hindre(order: Bestilling, frames: Mapping[str, gpd.GeoDataFrame], accounts: Accounts) -> gpd.GeoDataFrame | None:
    """Return buildings and roads together (contract `HINDRE`), None where neither is given."""
    makers = {hinderlag.BYGNINGER: hinderlag.buildings, hinderlag.VEGER: hinderlag.roads}
    layers = []
    for name in order.hindre:
        layers.append(makers[name](frames[name], account=accounts.step(name)))
        accounts.step(name).close(len(layers[-1]))
    return gpd.GeoDataFrame(pd.concat(layers, ignore_index=True)) if layers else None


def _warn_of_columns(grunnlag: Grunnlag, accounts: Accounts, *, kept: int) -> None:
    read, account = grunnlag.lag["planer"], accounts.step("planer")
    if not account.inn:
        grunnlag.warn(f"{read.fil}: no plans: every zone is taken for unregulated")
    elif vektorlag.PLANSTATUS not in read.kolonner:
        there = ", ".join(read.alle_kolonner[:30]) or "none"
        grunnlag.warn(
            f"{read.fil}: no status column, all plans are taken as adopted; the columns are {there} "
            "(--kolonne-planstatus names yours)"
        )
    elif not kept:
        grunnlag.warn(f"{read.fil}: none of the {account.inn} plans counts: every zone is taken for unregulated")
    merged = account_of(accounts.step("teiger"), "slått sammen med samme teig_id")
    if 2 * merged > accounts.step("teiger").inn:
        column = grunnlag.lag["teiger"].kolonner.get(vektorlag.TEIG_ID)
        grunnlag.warn(f"{grunnlag.lag['teiger'].fil}: most rows share their {column!r}; is it the id of the teig?")


def account_of(account: Account, reason: str) -> int:
    """Return how many rows were dropped for a reason."""
    gone = account.utelatt.get(reason)
    return gone.antall if gone else 0


def _found(inndata: Inndata, hindre: gpd.GeoDataFrame | None, order: Bestilling, *, accounts: Accounts) -> Resultatlag:
    """Return områder and tomter with their numbers, counted from 1, and the kjerner of the tomter."""
    started = time.perf_counter()
    resultat = beregn(inndata, order.valg)
    omraader = describe_omraader(inndata, resultat, account=accounts.step("omraader"))
    tomter = describe_tomter(inndata, resultat, account=accounts.step("tomter"))
    accounts.sekunder = time.perf_counter() - started
    del resultat
    omraader.insert(0, "omraade_nr", range(1, len(omraader) + 1))
    tomter.insert(0, "tomt_nr", range(1, len(tomter) + 1))
    tomter["omraade"] += 1
    for frame in (omraader, tomter):  # a zone that names no plan has none
        frame["plan_ider"] = [[plan for plan in plans if plan] for plans in frame["plan_ider"]]
    kjerner = _cores(tomter, hindre, order, account=accounts.step("kjerner"))
    tomter["kjerne_m2"] = core_areas(tomter["tomt_nr"], kjerner.rename(columns={"tomt_nr": "tomt_id"}))
    return Resultatlag(omraader, tomter.rename(columns={"omraade": "omraade_nr"}), kjerner)


def _cores(
    tomter: gpd.GeoDataFrame, hindre: gpd.GeoDataFrame | None, order: Bestilling, *, account: Account
) -> gpd.GeoDataFrame:
    """Return the kjerner with the number of their tomt; the account says what was not known to stand there."""
    if hindre is not None:  # of neither, `find_kjerner` tells
        for name in (hinderlag.BYGNINGER, hinderlag.VEGER):
            account.note(f"{name} ukjent", 0 if name in order.hindre else len(tomter))
    kjerner = find_kjerner(
        tomter.rename(columns={"tomt_nr": "tomt_id"}),
        hindre,
        regler=regler().kjerne,
        account=account,
        traader=order.valg.traader,
    )
    kjerner["tomt_id"] = kjerner["tomt_id"].astype("int64")
    return kjerner.rename(columns={"tomt_id": "tomt_nr"})


# --- after ---


def _write(folder: Path, found: Resultatlag) -> None:
    for name, frame in ((OMRAADER_FIL, found.omraader), (TOMTER_FIL, found.tomter), (KJERNER_FIL, found.kjerner)):
        try:
            write_parquet(frame, folder / name)
        except StoreError as error:
            cause = error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else str(error)
            raise TomtError(f"--ut {folder / name}: cannot be written ({reason}). Choose another folder.") from None
        log.info("%s: %d rows", folder / name, len(frame))


def _tell(grunnlag: Grunnlag, order: Bestilling, found: Resultatlag) -> None:
    if not len(found.omraader):
        grunnlag.warn(f"no område of {order.valg.minste_omraade_m2:g} m² is left: the files are empty")
    elif not len(found.tomter):
        grunnlag.warn(f"no lot of {order.valg.minste_tomt_m2:g} m² came out of {len(found.omraader)} områder")


def _account(
    order: Bestilling, grunnlag: Grunnlag, accounts: Accounts, *, areas: Mapping[str, float], seconds: float
) -> dict[str, Any]:
    valg = order.valg
    return {
        **accounts.as_dict(),
        "areal": dict(areas),
        "filer": {
            **{name: grunnlag.described(name) for name in order.lag},
            "differanse": str(order.ut / OMRAADER_FIL),
            "tomter": str(order.ut / TOMTER_FIL),
            "kjerner": str(order.ut / KJERNER_FIL),
        },
        "crs": f"EPSG:{grunnlag.epsg}",
        "valg": {
            "min_omraade_m2": valg.minste_omraade_m2,
            "min_tomt_m2": valg.minste_tomt_m2,
            "min_bredde_m": valg.minste_bredde_m,
            "toleranse_m": valg.toleranse_m,
            "per_sone": valg.per_sone,
            "kun_bolig": order.kun_bolig,
            "traader": valg.traader,
            "kjerne": regler().kjerne.model_dump(),
        },
        "advarsler": list(grunnlag.advarsler),
        "sekunder": {"alt": round(seconds, 3), "motor": round(accounts.sekunder, 3)},
    }


def _areas(inndata: Inndata, accounts: Accounts) -> dict[str, float]:
    """Return the areas of the layers and of what became of them; `kjerner_m2` is the part of `tomter_m2` to build on.

    differanse = omraader + omraader_for_smaa; omraader = tomter + for_smaa + for_smale + uten_teig − paa_flere_teiger.
    """
    whole = {f"{name}_m2": _total(getattr(inndata, name).geometry) for name in ("soner", "planer", "teiger")}
    return whole | {name: accounts.step(step).merknader.get(what, 0.0) for name, (step, what) in AREAS.items()}


def _total(shapes: gpd.GeoSeries) -> float:
    return round(float(shapely.area(shapes.to_numpy()).sum()), 1)
