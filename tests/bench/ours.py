"""This engine on the benchmark's files: reading them, the readings, and runs that go on from the last one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.land.motor import Inndata, Minne, Resultat, Valg, beregn
from tasks.land.omraade import describe_omraader
from tasks.land.tomt import describe_tomter
from tests.bench.funn import MINSTE_OMRAADE_M2, MINSTE_TOMT_M2, Funn, Geometries, read_columns
from tests.bench.municipality import EPSG, Files


def valg(*, per_sone: bool = True, traader: int = 1) -> Valg:
    """Return the options that the peers can be compared with: the papers' floors and no rule for the width."""
    return Valg(
        minste_omraade_m2=MINSTE_OMRAADE_M2,
        minste_tomt_m2=MINSTE_TOMT_M2,
        minste_bredde_m=0.0,
        per_sone=per_sone,
        traader=traader,
    )


def read(files: Files, *, traader: int = 1) -> Inndata:
    """Read the three files, the columns that the engine asks for and no others."""
    soner = _frame(files.soner, "sone_id", "klasse", "arealstatus", "plan_id", traader=traader)
    planer, teiger = (
        _frame(path, name, traader=traader) for path, name in ((files.planer, "plan_id"), (files.teiger, "teig_id"))
    )
    # Who owns a teig is not in the files, and decides nothing.
    return Inndata(soner, planer, teiger.assign(matrikkelenheter=[[]] * len(teiger), har_tvist=False))


def _frame(path: Path, *names: str, traader: int) -> gpd.GeoDataFrame:
    columns, geometry = read_columns(path, names, traader=traader)
    return gpd.GeoDataFrame(pd.DataFrame(columns, dtype=object), geometry=geometry, crs=EPSG)


def funn(resultat: Resultat) -> Funn:
    """Return a result in the shape that the methods are compared in."""
    minne, lots, large = resultat.minne, resultat.tomter, resultat.omraader
    sone_of = np.full(len(minne.flater.geometri), -1, dtype=np.intp)
    if minne.valg.per_sone:
        sone_of[minne.flater.av_del] = minne.deler.sone
    biter = minne.biter
    return Funn(
        omraader=minne.flater.geometri[large],
        sone=sone_of[large],
        tomter=biter.geometri[lots],
        tomt_sone=sone_of[biter.flate[lots]],
        tomt_teig=biter.teig[lots],
    )


def find(files: Files, *, per_sone: bool = True, traader: int = 1) -> Funn:
    """Read, find the differanse, cut it by property."""
    return found(read(files, traader=traader), per_sone=per_sone, traader=traader)


def found(inndata: Inndata, *, per_sone: bool = True, traader: int = 1) -> Funn:
    """Find the differanse and cut it by property."""
    return funn(beregn(inndata, valg(per_sone=per_sone, traader=traader)))


def described(files: Files) -> Funn:
    """Do as the product does: the dissolved reading, and frames with all that a område and a lot tells of itself."""
    inndata = read(files)
    resultat = beregn(inndata, valg(per_sone=False))
    describe_omraader(inndata, resultat, account=Account("omraader"))
    describe_tomter(inndata, resultat, account=Account("tomter"))
    return funn(resultat)


# --- from the last run ---


@dataclass(frozen=True)
class Incremental:
    """CPU seconds of a run after 1 % of the plans have changed.

    Attributes
    ----------
    full_s
        From nothing.
    known_s
        From the last run, when the keys of all rows are known.
    hashed_s
        From the last run, the keys of all rows of today's input computed first.
    """

    full_s: float
    known_s: float
    hashed_s: float
    same: bool


def incremental(files: Files, *, seed: int, repeat: int) -> tuple[Incremental, Funn]:
    """Return what it costs to go on from the last run, the best of `repeat` each, and what was found."""
    before = read(files)
    minne = beregn(before, valg()).minne
    for lag in (minne.soner, minne.planer, minne.teiger):
        _ = lag.noekler  # the last run left them
    after = changed(before, seed=seed)
    full, fresh = [], None
    known, hashed = [], []
    for _ in range(repeat):
        seconds, fresh = _timed(_anew(after), None)
        full.append(seconds)
        seconds, again = _timed(_anew(after), minne)
        hashed.append(seconds)
        ready = _anew(after)
        for lag in ready.lag():
            _ = lag.noekler
        known.append(_timed(ready, minne)[0])
    same = fresh is not None and _same(funn(fresh), funn(again))
    return Incremental(min(full), min(known), min(hashed), same), funn(again)


def _anew(inndata: Inndata) -> Inndata:
    """Return the same input with nothing of it computed yet."""
    return Inndata(inndata.soner, inndata.planer, inndata.teiger)


def _timed(inndata: Inndata, forrige: Minne | None) -> tuple[float, Resultat]:
    started = time.process_time()
    resultat = beregn(inndata, valg(), forrige=forrige)
    return time.process_time() - started, resultat


def _same(a: Funn, b: Funn) -> bool:
    pairs = ((a.omraader, b.omraader), (a.tomter, b.tomter))
    return all(len(x) == len(y) and bool(shapely.equals_exact(x, y).all()) for x, y in pairs)


def changed(inndata: Inndata, *, seed: int) -> Inndata:
    """Return the input after a day on which 1 % of the plans were replaced, removed or added, a third each."""
    rng = np.random.Generator(np.random.PCG64(seed))
    planer = inndata.planer
    chosen = rng.permutation(len(planer))[: max(3, len(planer) // 100)]
    replaced, removed, added = np.array_split(chosen, 3)
    geometry = planer.geometry.to_numpy().copy()
    geometry[replaced] = _moved(geometry[replaced], 12.0)
    kept = np.setdiff1d(np.arange(len(planer)), removed)
    rows = pd.DataFrame({"plan_id": [*planer["plan_id"].to_numpy()[kept], *(f"N{i:06d}" for i in added)]})
    shapes = np.concatenate([geometry[kept], _moved(geometry[added], 150.0)])
    return Inndata(inndata.soner, gpd.GeoDataFrame(rows, geometry=shapes, crs=planer.crs), inndata.teiger)


def _moved(geometries: Geometries, metres: float) -> Geometries:
    result: Geometries = shapely.transform(geometries, lambda points: points + metres)
    return result
