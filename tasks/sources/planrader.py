"""Rows of the plan services: what every kind of plan object has in common on its way from raw to core; EPSG:25833.

Columns are found by name however they are spelt, plans get their key, rows without a polygon and exact repetitions
are dropped and counted. The functions are pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.contracts import POLYGONS, Contract
from tasks.crs import STORAGE_CRS
from tasks.sources.koder import blank_is_none, code, fold, kommunenummer_of
from tasks.sources.numre import Numre

PLANIDENT = (
    "arealplanId.planidentifikasjon",
    "nasjonalArealplanId.planidentifikasjon",
    "nasjonalArealplanId.planid",
    "planidentifikasjon",
    "planid",
)
KOMMUNE = ("arealplanId.kommunenummer", "nasjonalArealplanId.kommunenummer", "kommunenummer")
LOKAL_ID = ("identifikasjon.lokalId", "lokalId")
AREA = ("kopidata.områdeId",)

Texts = list[str | None]
Result = tuple[gpd.GeoDataFrame, Account]
Digests = np.ndarray[tuple[int], np.dtype[np.object_]]


# --- columns ---


def first(raw: gpd.GeoDataFrame, names: Sequence[str], clean: Callable[[object], str | None] = blank_is_none) -> Texts:
    """Return for each row the first value that is not blank among columns of these names, however they are cased."""
    by_fold = {fold(c): c for c in raw.columns if c != "geometry"}
    values: Texts = [None] * len(raw)
    for column in (by_fold[fold(n)] for n in names if fold(n) in by_fold):
        values = [v if v is not None else clean(w) for v, w in zip(values, raw[column], strict=True)]
    return values


def codes(raw: gpd.GeoDataFrame, names: Sequence[str], words: dict[str, str] | None = None) -> Texts:
    """Return a column of codes; a word in `words` becomes its code."""
    return [code(v, words) for v in first(raw, names)]


def read_codes(
    raw: gpd.GeoDataFrame, navn: str, clean: Callable[[object], str | None], account: Account
) -> tuple[Texts, int]:
    """Return a column of codes of a list, and how many rows say none; words that say no code are noted and none."""
    written = first(raw, (navn,))
    found = [clean(v) for v in written]
    account.note(f"uleselig {navn}", sum(w is not None and f is None for w, f in zip(written, found, strict=True)))
    return found, written.count(None)


def codes_by_type(raw: gpd.GeoDataFrame, objekttype: Sequence[str], columns: Mapping[str, str]) -> Texts:
    """Return the code of each row from the column of its own object type (type → column), never from another's."""
    by_type = {t: codes(raw, (column,)) for t, column in columns.items()}
    return [by_type[t][i] for i, t in enumerate(objekttype)]


def of_types(raw: gpd.GeoDataFrame, types: Sequence[str]) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return the rows of these object types and the type of each, spelt as in SOSI."""
    by_fold = {fold(t): t for t in types}
    found = [by_fold.get(fold(t or "")) for t in first(raw, ("objekttypenavn",))]
    picked = raw[np.array([t is not None for t in found], dtype=bool)].reset_index(drop=True)
    return picked, [t for t in found if t is not None]


def plan_ids(raw: gpd.GeoDataFrame, numre: Numre, account: Account) -> list[str]:
    """Return ``{kommunenummer}_{planidentifikasjon}``; without an identification the row stands for itself."""
    idents = codes(raw, PLANIDENT)
    account.note("uten planidentifikasjon", idents.count(None))
    kommuner = numre.today_of(first(raw, KOMMUNE, kommunenummer_of), first(raw, AREA, kommunenummer_of), raw.geometry)
    own = zip(idents, first(raw, LOKAL_ID), raw.geometry, strict=True)
    keys = [ident or lokal_id or _digest((), shape) for ident, lokal_id, shape in own]
    return [f"{kommune}_{key}" for kommune, key in zip(kommuner, keys, strict=True)]


# --- rows ---


def frame_of(raw: gpd.GeoDataFrame, columns: Mapping[str, Sequence[str | None]]) -> gpd.GeoDataFrame:
    """Return columns of text with the geometry of the raw rows."""
    data = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    shapes = gpd.GeoSeries(list(raw.geometry), crs=STORAGE_CRS)
    return gpd.GeoDataFrame(data, geometry=shapes, crs=STORAGE_CRS)


def polygons(frame: gpd.GeoDataFrame, account: Account, key: str) -> gpd.GeoDataFrame:
    """Return the rows that have a polygon; the others are dropped with their `key`."""
    missing = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool)
    other = ~missing & ~frame.geom_type.isin(POLYGONS).to_numpy(dtype=bool)
    account.drop("uten geometri", frame.loc[missing, key])
    account.drop("ikke flate", frame.loc[other, key])
    return frame[~missing & ~other].reset_index(drop=True)


def without_repetition(frame: gpd.GeoDataFrame, account: Account, key: str) -> gpd.GeoDataFrame:
    """Return the rows that say something new, ordered by `key` and content."""
    kept, digests = _distinct(frame, account, key)
    return kept.iloc[np.argsort(digests, kind="stable")].sort_values(key, kind="stable")


def with_unique_ids(frame: gpd.GeoDataFrame, account: Account, key: str) -> gpd.GeoDataFrame:
    """Return the rows that say something new with unique ids in `key`, the same whatever the order of rows.

    An id that stands on different rows gets a piece of each one's content; a missing one becomes the object type and
    that piece.
    """
    kept, digests = _distinct(frame, account, key)
    repeated = kept[key].duplicated(keep=False) & kept[key].notna()
    account.note("samme lokalId, ulikt innhold", int(repeated.sum()))
    account.note("uten lokalId", int(kept[key].isna().sum()))
    rows = zip(kept[key], kept["objekttype"], repeated, digests, strict=True)
    kept[key] = pd.Series(
        [(f"{i}#{d[:12]}" if twice else i) if isinstance(i, str) else f"{t}#{d[:12]}" for i, t, twice, d in rows],
        dtype=object,
    )
    return kept.sort_values(key, kind="stable")


def _distinct(frame: gpd.GeoDataFrame, account: Account, key: str) -> tuple[gpd.GeoDataFrame, Digests]:
    """Return the rows without exact repetitions, and a hash of the content of each."""
    attributes = frame.drop(columns="geometry").itertuples(index=False, name=None)
    made = [_digest(row, shape) for row, shape in zip(attributes, frame.geometry, strict=True)]
    digests = np.array(made, dtype=object)
    again = pd.Series(digests, dtype=object).duplicated().to_numpy(dtype=bool)
    account.drop("nøyaktig dobbel", frame.loc[again, key])
    return frame[~again].reset_index(drop=True), digests[~again]


def _digest(attributes: tuple[object, ...], shape: shapely.Geometry | None) -> str:
    wkb = shapely.to_wkb(shapely.normalize(shape)) if shape is not None else b""
    return hashlib.sha256(repr(attributes).encode() + wkb).hexdigest()


def done(frame: gpd.GeoDataFrame, account: Account, contract: Contract) -> Result:
    """Return the columns of the contract, and the account closed."""
    kept = frame[[*contract.columns, "geometry"]].reset_index(drop=True)
    account.close(len(kept))
    return kept, account
