"""Memory: what the last calculation for a kommune read and found, as one file under geodata/work/.

A row is one polygon of one layer of a `motor.Minne`, in the kommune's own UTM zone. One file, so that a run that is
stopped leaves the old memory or the new one. It may be deleted: the next run then computes everything, and the ledger
cannot tell why lots have changed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from tasks.contracts import STORAGE_EPSG
from tasks.errors import StoreError
from tasks.land.aarsak import Endringer, LagEndring
from tasks.land.lag import Lag, unmatched
from tasks.land.motor import VERSJON, Biter, Deler, Flater, Minne, Valg
from tasks.store import read_parquet, write_parquet

log = logging.getLogger("tomt.land")

LAG = ("soner", "planer", "teiger")


@dataclass(frozen=True)
class Husket:
    """What is remembered of the last run.

    Attributes
    ----------
    minne
        Its input and what it found, or None when another version of the engine made it.
    lag
        Layer → its input, whatever the version.
    regler
        Rule → value in words, as they were.
    kjerner
        What the buildable cores were computed with (`find.core_stamp`).
    versjon
        Of the engine that made it.
    epsg
        CRS of the geometries.
    """

    minne: Minne | None
    lag: Mapping[str, Lag]
    regler: Mapping[str, str]
    kjerner: str
    versjon: int
    epsg: int


def keep(minne: Minne, path: Path, *, regler: Mapping[str, str], kjerner: str, epsg: int) -> None:
    """Write the memory of a run.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    none = np.empty(0, dtype=np.intp)
    tables = [
        *(_table(navn, lag.geometri, ider=lag.ider, noekler=lag.noekler) for navn, lag in _layers(minne).items()),
        _table("deler", minne.deler.geometri, a=minne.deler.sone, b=minne.flater.av_del),
        _table("flater", minne.flater.geometri, a=minne.flater.klynge, b=none),
        _table("biter", minne.biter.geometri, a=minne.biter.flate, b=minne.biter.teig),
    ]
    frame = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=epsg)
    about = {"versjon": VERSJON, "valg": asdict(minne.valg), "regler": dict(regler), "kjerner": kjerner}
    frame.attrs = {"minne": json.dumps(about)}
    write_parquet(frame, path)


def _layers(minne: Minne) -> dict[str, Lag]:
    return {"soner": minne.soner, "planer": minne.planer, "teiger": minne.teiger}


def _table(
    navn: str,
    geometri: np.ndarray,
    *,
    ider: np.ndarray | None = None,
    noekler: np.ndarray | None = None,
    a: np.ndarray | None = None,
    b: np.ndarray | None = None,
) -> pd.DataFrame:
    count = len(geometri)
    numbers = [np.full(count, -1) if n is None or not len(n) else n for n in (a, b)]
    return pd.DataFrame(
        {
            "tabell": pd.Categorical([navn] * count, categories=[*LAG, "deler", "flater", "biter"]),
            "id": np.full(count, "", dtype=object) if ider is None else ider,
            "noekkel": np.zeros(count, dtype=np.uint64) if noekler is None else noekler,
            "a": numbers[0].astype(np.int64),
            "b": numbers[1].astype(np.int64),
            "geometry": geometri,
        }
    )


def recall(path: Path) -> Husket | None:
    """Return the memory of the last run; None when there is none, or it cannot be read."""
    if not path.exists():
        return None
    try:
        return _recalled(gpd.GeoDataFrame(read_parquet(path)))
    except (StoreError, KeyError, ValueError, TypeError) as error:
        log.warning("%s: not usable (%s); everything is computed anew", path.name, type(error).__name__)
        return None


def _recalled(frame: gpd.GeoDataFrame) -> Husket:
    about = json.loads(frame.attrs["minne"])
    tables = {str(navn): rows for navn, rows in frame.groupby("tabell", observed=False)}
    lag = {
        navn: Lag.remembered(
            tables[navn]["id"].to_numpy(dtype=object),
            tables[navn].geometry.to_numpy(),
            tables[navn]["noekkel"].to_numpy(dtype=np.uint64),
        )
        for navn in LAG
    }
    versjon = int(about["versjon"])
    minne = None
    if versjon == VERSJON:
        geometry = {navn: tables[navn].geometry.to_numpy() for navn in ("deler", "flater", "biter")}
        a, b = ({n: tables[n][c].to_numpy(dtype=np.intp) for n in geometry} for c in "ab")
        minne = Minne(
            Valg(**about["valg"]),
            **lag,
            deler=Deler(geometry["deler"], a["deler"]),
            flater=Flater(geometry["flater"], b["deler"], a["flater"]),
            biter=Biter(geometry["biter"], a["biter"], b["biter"]),
        )
    return Husket(minne, lag, dict(about["regler"]), str(about["kjerner"]), versjon, int(frame.crs.to_epsg()))


def changes_since(husket: Husket | None, now: Minne, texts: Mapping[str, str]) -> Endringer:
    """Return what differs from the input of the last run.

    Parameters
    ----------
    now
        Of this run.
    texts
        Rule → value in words, of this run.
    """
    nothing = gpd.GeoDataFrame({"id": pd.Series(dtype=object)}, geometry=gpd.GeoSeries([], crs=STORAGE_EPSG))
    if husket is None:
        same = LagEndring(nothing, nothing)
        return Endringer(same, same, same, kjent=False)
    lag = {"soner": now.soner, "planer": now.planer, "teiger": now.teiger}

    def rows(layer: Lag, numbers: np.ndarray) -> gpd.GeoDataFrame:
        frame = gpd.GeoDataFrame({"id": layer.ider[numbers]}, geometry=layer.geometri[numbers], crs=husket.epsg)
        return frame.to_crs(STORAGE_EPSG) if len(frame) else nothing

    def change(name: str) -> LagEndring:
        new, gone = unmatched(lag[name], husket.lag[name])
        return LagEndring(borte=rows(husket.lag[name], gone), nye=rows(lag[name], new))

    names = sorted({*texts, *husket.regler})
    rules = tuple(
        f"{name}: {husket.regler.get(name, 'ingen')} → {texts.get(name, 'ingen')}"
        for name in names
        if texts.get(name) != husket.regler.get(name)
    )
    return Endringer(
        planer=change("planer"),
        soner=change("soner"),
        teiger=change("teiger"),
        regler=rules,
        motor=husket.versjon != VERSJON,
    )
