"""Memory: what the last calculation for a kommune read and found, as one file under geodata/minne/.

A row is one polygon of one layer of a `motor.Minne`, in the kommune's own UTM zone. One file, so that a run that is
stopped leaves the old memory or the new one. It may be deleted: the next run then computes everything, and the ledger
cannot tell why lots have changed.

What the next run builds upon must be what this one found: the file carries a digest of its content, which is compared
before anything of it is looked at. A memory that is damaged anywhere counts as none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.errors import ShapelyError

from tasks.crs import STORAGE_CRS, crs_of
from tasks.land.aarsak import Endringer, LagEndring
from tasks.land.lag import Lag, unmatched
from tasks.land.motor import VERSJON, Biter, Deler, Flater, Minne, Valg
from tasks.store import write_parquet

log = logging.getLogger("tomt.land")

LAG = ("soner", "planer", "teiger")
FORMAAL = "formaal"
FUNNET = ("deler", "flater", "biter")
COLUMNS = ("tabell", "id", "noekkel", "a", "b", "geometry")

Tables = Mapping[str, Mapping[str, npt.NDArray[Any]]]
"""Layer → column → values."""


@dataclass(frozen=True)
class Husket:
    """What is remembered of the last run.

    Attributes
    ----------
    minne
        Its input and what it found, or None when another version of the engine made it.
    lag
        Layer → its input, whatever the version: soner, planer, teiger, and formaal where purposes were read.
    regler
        Rule → value in words, as they were.
    versjon
        Of the engine that made it.
    epsg
        CRS of the geometries.
    """

    minne: Minne | None
    lag: Mapping[str, Lag]
    regler: Mapping[str, str]
    versjon: int
    epsg: int


def keep(minne: Minne, path: Path, *, regler: Mapping[str, str], epsg: int, formaal: Lag | None = None) -> None:
    """Write the memory of a run.

    Parameters
    ----------
    epsg
        CRS of the geometries.
    formaal
        Purposes inside reguleringsplaner, where the second class of differanse was looked for.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    none = np.empty(0, dtype=np.intp)
    lag = _layers(minne, formaal)
    tables = [
        *(_table(navn, rows.geometri, ider=rows.ider, noekler=rows.noekler) for navn, rows in lag.items()),
        _table("deler", minne.deler.geometri, a=minne.deler.sone, b=minne.flater.av_del),
        _table("flater", minne.flater.geometri, a=minne.flater.klynge, b=none),
        _table("biter", minne.biter.geometri, a=minne.biter.flate, b=minne.biter.teig),
    ]
    frame = gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=crs_of(epsg))
    about = json.dumps(
        {
            "versjon": VERSJON,
            "valg": asdict(minne.valg),
            "regler": dict(regler),
            "epsg": epsg,
            "lag": list(lag),
        }
    )
    columns = {c: frame[c].to_numpy() for c in COLUMNS} | {"geometry": shapely.to_wkb(frame.geometry.to_numpy())}
    frame.attrs = {"minne": about, "sha256": _digest(about, columns)}
    write_parquet(frame, path, write_page_checksum=True)


def _layers(minne: Minne, formaal: Lag | None) -> dict[str, Lag]:
    lag = {"soner": minne.soner, "planer": minne.planer, "teiger": minne.teiger}
    return lag if formaal is None else {**lag, FORMAAL: formaal}


def _digest(about: str, columns: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a digest of the content of a memory: no two contents give the same bytes."""
    digest = hashlib.sha256(about.encode())
    for name in ("tabell", "id"):
        digest.update(json.dumps(columns[name].tolist()).encode())
    for name in ("noekkel", "a", "b"):
        digest.update(columns[name].tobytes())
    blobs = columns["geometry"]
    digest.update(np.array([len(blob) for blob in blobs], dtype=np.int64).tobytes())
    for blob in blobs:
        digest.update(blob)
    return digest.hexdigest()


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
            "tabell": pd.Categorical([navn] * count, categories=[*LAG, FORMAAL, *FUNNET]),
            "id": np.full(count, "", dtype=object) if ider is None else ider,
            "noekkel": np.zeros(count, dtype=np.uint64) if noekler is None else noekler,
            "a": numbers[0].astype(np.int64),
            "b": numbers[1].astype(np.int64),
            "geometry": geometri,
        }
    )


def recall(path: Path) -> Husket | None:
    """Return the memory of the last run; None when there is none, or it is damaged anywhere."""
    import pyarrow as pa

    damage = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError, RuntimeError)
    if not path.exists():
        return None
    try:
        return _recalled(path)
    except (*damage, ShapelyError, pa.ArrowException) as error:
        log.warning("%s: not usable (%s); everything is computed anew", path.name, type(error).__name__)
        return None


def _recalled(path: Path) -> Husket:
    about, tables = _read(path)
    lag = {
        navn: Lag.remembered(tables[navn]["id"], tables[navn]["geometry"], tables[navn]["noekkel"])
        for navn in about["lag"]
    }
    minne = None
    if about["versjon"] == VERSJON:
        deler, flater, biter = (tables[navn] for navn in FUNNET)
        minne = Minne(
            Valg(**about["valg"]),
            **{navn: lag[navn] for navn in LAG},
            deler=Deler(deler["geometry"], deler["a"]),
            flater=Flater(flater["geometry"], deler["b"], flater["a"]),
            biter=Biter(biter["geometry"], biter["a"], biter["b"]),
        )
        _require_whole(minne)
    return Husket(minne, lag, about["regler"], about["versjon"], about["epsg"])


def _read(path: Path) -> tuple[dict[str, Any], Tables]:
    """Return what a memory says of itself, and its tables.

    Raises
    ------
    ValueError
        When the content is not what was written. Pyarrow raises what it finds itself.
    """
    import pyarrow.parquet as pq

    read = pq.read_table(path, columns=list(COLUMNS), page_checksum_verification=True)
    attrs = json.loads((read.schema.metadata or {})[b"PANDAS_ATTRS"])
    frame = read.to_pandas(ignore_metadata=True)
    columns = {c: frame[c].to_numpy(dtype=object) for c in ("tabell", "id", "geometry")}
    columns |= {"noekkel": frame["noekkel"].to_numpy(dtype=np.uint64)}
    columns |= {c: frame[c].to_numpy(dtype=np.int64) for c in ("a", "b")}
    if _digest(attrs["minne"], columns) != attrs["sha256"]:
        raise ValueError("The content is not what was written.")
    columns["geometry"] = shapely.from_wkb(columns["geometry"])
    tables = {}
    for navn in (*LAG, FORMAAL, *FUNNET):
        rows = columns["tabell"] == navn
        tables[navn] = {c: values[rows] for c, values in columns.items()}
    return json.loads(attrs["minne"]), tables


def _require_whole(minne: Minne) -> None:
    """Raise ValueError when a row points at one that is not there."""
    flater = len(minne.flater.geometri)
    pointers = {
        "deler.sone": (minne.deler.sone, len(minne.soner)),
        "flater.av_del": (minne.flater.av_del, flater),
        "flater.klynge": (minne.flater.klynge, flater),
        "biter.flate": (minne.biter.flate, flater),
        "biter.teig": (minne.biter.teig, len(minne.teiger)),
    }
    for name, (numbers, count) in pointers.items():
        wrong = numbers[(numbers < 0) | (numbers >= count)]
        if len(wrong):
            raise ValueError(f"{name}: {len(wrong)} of {len(numbers)} point at none of {count} rows, first {wrong[0]}.")


def changes_since(
    husket: Husket | None,
    now: Minne,
    texts: Mapping[str, str],
    *,
    epsg: int | None = None,
    formaal: Lag | None = None,
) -> Endringer:
    """Return what differs from the input of the last run.

    Parameters
    ----------
    now
        Of this run.
    texts
        Rule → value in words, of this run.
    epsg
        CRS of this run's geometries, when it may be another than that of what is remembered: then nothing can be
        compared, and nothing is known.
    formaal
        Purposes inside reguleringsplaner, of this run; compared when both runs have read them. When one has not, the
        rule that switches them on has changed, and is told as such.
    """
    nothing = gpd.GeoDataFrame({"id": pd.Series(dtype=object)}, geometry=gpd.GeoSeries([], crs=STORAGE_CRS))
    if husket is None or epsg not in (None, husket.epsg):
        same = LagEndring(nothing, nothing)
        return Endringer(same, same, same, kjent=False)
    lag = _layers(now, formaal)

    def rows(layer: Lag, numbers: np.ndarray) -> gpd.GeoDataFrame:
        frame = gpd.GeoDataFrame({"id": layer.ider[numbers]}, geometry=layer.geometri[numbers], crs=husket.epsg)
        return frame.to_crs(STORAGE_CRS) if len(frame) else nothing

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
        formaal=change(FORMAAL) if FORMAAL in lag and FORMAAL in husket.lag else None,
        regler=rules,
        motor=husket.versjon != VERSJON,
    )
