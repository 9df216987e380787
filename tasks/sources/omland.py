"""Omland: raw rows of what stands around the lots → contracts TETTSTEDER, GRUNNKRETSER, HOLDEPLASSER, ADRESSEPUNKTER.

Columns are known by their names, however they are spelt. Of rows with the same key the shapes are put together; what
has no key or no shape is dropped and counted. The functions are pure.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.account import Account
from tasks.contracts import Contract
from tasks.crs import STORAGE_CRS, crs_of
from tasks.sources.konfliktlag import Texts, first, polygonal
from tasks.tekst import navn as plain_name
from tasks.tomtekontrakter import ADRESSEPUNKTER, GRUNNKRETSER, HOLDEPLASSER, TETTSTEDER

Result = tuple[gpd.GeoDataFrame, Account]

TETTSTEDSNUMMER = ("tettstedsnummer", "tettstednummer", "tettstedsnr", "tettstednr", "tettsted_nr")
TETTSTEDSNAVN = ("tettstedsnavn", "tettstednavn", "tettsted_navn", "navn")
FOLKETALL = (
    "folketall",
    "totalBefolkning",
    "befolkningTotal",
    "befolkning",
    "folkemengde",
    "antallInnbyggere",
    "bosatte",
)
GRUNNKRETSNUMMER = ("grunnkretsnummer", "grunnkretsnr", "grunnkrets")
GRUNNKRETSNAVN = ("grunnkretsnavn", "navn")
ADRESSE_ID = ("adresseId", "identifikasjon.lokalId", "lokalId", "uuidAdresse", "uuid")
HOLDEPLASS = ("stopp_id", "navn", "transport")
DIGITS = 8
MOST_PEOPLE = 10_000_000


def tettsteder(raw: gpd.GeoDataFrame) -> Result:
    """Return the tettsteder of contract `TETTSTEDER`, with their inhabitants where the source tells."""
    account = Account(TETTSTEDER.name, len(raw))
    columns: dict[str, Sequence[object]] = {
        "tettstedsnummer": first(raw, TETTSTEDSNUMMER),
        "navn": first(raw, TETTSTEDSNAVN),
        "folketall": numbers(first(raw, FOLKETALL), account),
    }
    return _polygons(raw, columns, TETTSTEDER, account)


def grunnkretser(raw: gpd.GeoDataFrame, folketall: Mapping[str, float], *, epsg: int) -> Result:
    """Return the grunnkretser of contract `GRUNNKRETSER`.

    Parameters
    ----------
    folketall
        Number → inhabitants, NaN where they are not known.
    epsg
        The kommune's own UTM zone, in which areas are measured.
    """
    account = Account(GRUNNKRETSER.name, len(raw))
    ids = [v if v is None else v.zfill(DIGITS) for v in first(raw, GRUNNKRETSNUMMER)]
    columns: dict[str, Sequence[object]] = {"grunnkretsnummer": ids, "navn": first(raw, GRUNNKRETSNAVN)}
    frame, account = _polygons(raw, columns, GRUNNKRETSER, account)
    account.note("uten folketall", int(sum(i not in folketall for i in frame["grunnkretsnummer"])))
    area = frame.geometry.to_crs(crs_of(epsg)).area.astype(float)
    return with_people(frame.assign(areal_m2=area.to_numpy()), folketall), account


def with_people(frame: gpd.GeoDataFrame, folketall: Mapping[str, float]) -> gpd.GeoDataFrame:
    """Return grunnkretser with these inhabitants, NaN where none are told."""
    told = [float(folketall.get(str(i), math.nan)) for i in frame["grunnkretsnummer"]]
    made = frame.assign(folketall=pd.Series(told, index=frame.index, dtype=float))
    return made[[*GRUNNKRETSER.columns, "geometry"]]


def people(raw: gpd.GeoDataFrame) -> dict[str, float]:
    """Return number of a grunnkrets → inhabitants, from the rows of SSB's table."""
    account = Account("grunnkretstall", len(raw))
    told = numbers(first(raw, ("folketall",)), account)
    return {n: v for n, v in zip(first(raw, GRUNNKRETSNUMMER), told, strict=True) if n is not None}


def holdeplasser(raw: gpd.GeoDataFrame) -> Result:
    """Return the stops of contract `HOLDEPLASSER`."""
    account = Account(HOLDEPLASSER.name, len(raw))
    transport = [[] if v is None else v.split(",") for v in first(raw, ("transport",))]
    columns: dict[str, Sequence[object]] = {"stopp_id": first(raw, ("stopp_id",)), "navn": first(raw, ("navn",))}
    columns["transport"] = transport
    return _points(raw, columns, HOLDEPLASSER, account)


def adressepunkter(raw: gpd.GeoDataFrame) -> Result:
    """Return the addresses of contract `ADRESSEPUNKTER`: where they are, and nothing else of them."""
    account = Account(ADRESSEPUNKTER.name, len(raw))
    ids = first(raw, ADRESSE_ID)
    account.note("uten adresseId", ids.count(None))
    digests = (hashlib.sha256(w or b"").hexdigest()[:16] for w in shapely.to_wkb(raw.geometry.to_numpy()))
    named = [i or f"punkt-{d}" for i, d in zip(ids, digests, strict=True)]
    return _points(raw, {"adresse_id": named}, ADRESSEPUNKTER, account)


def numbers(texts: Texts, account: Account) -> list[float]:
    """Return numbers of inhabitants, NaN where there is none that can be."""
    found = [_number(t) for t in texts]
    account.note("uleselig folketall", sum(t is not None and math.isnan(n) for t, n in zip(texts, found, strict=True)))
    return found


def _number(text: str | None) -> float:
    try:
        value = float((text or "nan").replace(" ", ""))
    except ValueError:
        return math.nan
    return value if 0 <= value <= MOST_PEOPLE else math.nan


def _framed(raw: gpd.GeoDataFrame, columns: Mapping[str, Sequence[Any]], contract: Contract) -> gpd.GeoDataFrame:
    data = {
        c: pd.Series(list(v), dtype=float if contract.columns[c] == "number" else object) for c, v in columns.items()
    }
    frame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(list(raw.geometry), crs=STORAGE_CRS), crs=STORAGE_CRS)
    if "navn" in frame:
        frame["navn"] = pd.Series([(v and plain_name(v)) or None for v in columns["navn"]], dtype=object)
    return frame


def _kept(frame: gpd.GeoDataFrame, key: str, account: Account) -> gpd.GeoDataFrame:
    """Return the rows with a key and a shape."""
    nameless = frame[key].isna().to_numpy(dtype=bool)
    bare = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool) & ~nameless
    account.drop(f"uten {key}", np.flatnonzero(nameless))
    account.drop("uten geometri", frame.loc[bare, key])
    return frame[~nameless & ~bare].reset_index(drop=True)


def _polygons(
    raw: gpd.GeoDataFrame, columns: Mapping[str, Sequence[object]], contract: Contract, account: Account
) -> Result:
    """Return one row for each key: the shapes of its rows put together, the rest from the first of them."""
    key = contract.key[0]
    framed = _framed(raw, columns, contract)
    shapes, repaired = polygonal(framed.geometry.to_numpy())
    account.note("reparert geometri", repaired)
    frame = _kept(framed.set_geometry(gpd.GeoSeries(shapes, crs=STORAGE_CRS)), key, account)
    again = frame[key].duplicated().to_numpy(dtype=bool)
    account.note("flater slått sammen", int(again.sum()), frame.loc[again, key])
    for value in frame.loc[again, key].unique():
        rows = frame.index[frame[key] == value]
        frame.loc[rows[0], "geometry"] = shapely.union_all(frame.geometry.loc[rows].to_numpy())
    made = frame[~again].sort_values(key, kind="stable").reset_index(drop=True)
    account.close(len(made))
    return made, account


def _points(
    raw: gpd.GeoDataFrame, columns: Mapping[str, Sequence[object]], contract: Contract, account: Account
) -> Result:
    """Return one row for each key, a point."""
    key = contract.key[0]
    frame = _kept(_framed(raw, columns, contract), key, account)
    single: npt.NDArray[np.object_] = np.array(
        [p if isinstance(p, shapely.Point) else shapely.centroid(p) for p in frame.geometry], dtype=object
    )
    frame = frame.set_geometry(gpd.GeoSeries(single, crs=STORAGE_CRS))
    again = frame[key].duplicated().to_numpy(dtype=bool)
    account.drop("samme nøkkel", frame.loc[again, key])
    made = frame[~again].sort_values(key, kind="stable").reset_index(drop=True)
    account.close(len(made))
    return made, account
