"""Plans: raw flat frames of the plan services → zones, plan extents and reguleringsplaner; EPSG:25833.

A row of `SONER` is one zone of a kommune(del)plan (key sone_id), of `PLANOMRAADER` and `REGULERINGSPLANER` one
extent of a plan. Everything that the sources have is kept, whatever its status; what is dropped is counted. The
functions are pure: frames in, frames and accounts out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.account import Account
from tasks.contracts import PLANOMRAADER, REGULERINGSPLANER, SONER, STORAGE_EPSG, Contract
from tasks.sources import koder
from tasks.sources.koder import blank_is_none, code, fold, kommunenummer_of

CODE_COLUMN = {"KpArealformålOmråde": "arealformål", "KpArealbrukOmråde": "arealbruk"}
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
DATES = ("vedtakEndeligPlanDato", "ikrafttredelsesdato")
UNKNOWN_STATUS = "ukjent"
"""Stands where a reguleringsplan has no planstatus: it is never read as adopted."""

Texts = list[str | None]
Result = tuple[gpd.GeoDataFrame, Account]


@dataclass(frozen=True)
class Numre:
    """The kommunenummer of a run, and what is known of other numbers.

    Attributes
    ----------
    kommunenummer
        Of the kommune of the run, today's.
    i_bruk
        Today's numbers.
    tidligere
        Old number → today's numbers.
    """

    kommunenummer: str
    i_bruk: frozenset[str]
    tidligere: Mapping[str, Sequence[str]]

    def today(self, number: str | None, area: str | None) -> str:
        """Return today's kommunenummer of a plan.

        An old number is followed when that is unambiguous or leads to the kommune of the run; an unknown or missing
        one counts as the kommune that the copy was delivered for.
        """
        if number is not None:
            if number == self.kommunenummer or number in self.i_bruk:
                return number
            new = self.tidligere.get(number, ())
            if self.kommunenummer in new:
                return self.kommunenummer
            if new:
                return new[0] if len(new) == 1 else number
        if area is not None and area != self.kommunenummer:
            return number or area
        return self.kommunenummer


def soner(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_arealstatus: str) -> Result:
    """Return the zones of a kommuneplan or kommunedelplan frame after contract `SONER`.

    Parameters
    ----------
    raw
        Flat frame of text, with `objekttypenavn`.
    numre
        Kommunenummer of the run and of old.
    manglende_arealstatus
        Stands where a zone has no arealbruksstatus.
    """
    picked, objekttype = _of_types(raw, tuple(CODE_COLUMN))
    account = Account(SONER.name, len(picked))
    statuses = _clean(_first(picked, ("arealbruksstatus",)), koder.AREALSTATUS)
    account.note("uten arealbruksstatus", statuses.count(None))
    codes = {t: _clean(_first(picked, (column,))) for t, column in CODE_COLUMN.items()}
    frame = _frame(
        picked,
        {
            "sone_id": _first(picked, LOKAL_ID),
            "objekttype": objekttype,
            "kode": [codes[t][i] for i, t in enumerate(objekttype)],
            "arealstatus": [s or manglende_arealstatus for s in statuses],
            "plan_id": _plan_ids(picked, numre, account),
            "navn": _first(picked, ("områdenavn",)),
        },
    )
    frame = _unique_zones(_polygons(frame, account, "sone_id"), account)
    return _done(frame, account, SONER)


def planomraader(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_plantype: str) -> Result:
    """Return the plan extents (KpOmråde) after contract `PLANOMRAADER`.

    Parameters
    ----------
    manglende_plantype
        Stands where a plan has no plantype: the one that the service holds.
    """
    picked, _ = _of_types(raw, ("KpOmråde",))
    account = Account(PLANOMRAADER.name, len(picked))
    columns = _extent_columns(picked, numre, account)
    account.note("uten plantype", columns["plantype"].count(None))
    columns["plantype"] = [t or manglende_plantype for t in columns["plantype"]]
    return _extents(picked, columns, account, PLANOMRAADER)


def reguleringsplaner(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_nivaa: str) -> Result:
    """Return the reguleringsplaner (RpOmråde) after contract `REGULERINGSPLANER`.

    Parameters
    ----------
    manglende_nivaa
        Stands where a plan has no vertikalnivå: the one that the service holds.
    """
    picked, _ = _of_types(raw, ("RpOmråde",))
    account = Account(REGULERINGSPLANER.name, len(picked))
    columns = _extent_columns(picked, numre, account)
    account.note("uten vertikalnivå", columns["vertikalnivaa"].count(None))
    account.note("uten planstatus", columns["planstatus"].count(None))
    columns["vertikalnivaa"] = [n or manglende_nivaa for n in columns["vertikalnivaa"]]
    columns["planstatus"] = [s or UNKNOWN_STATUS for s in columns["planstatus"]]
    return _extents(picked, columns, account, REGULERINGSPLANER)


# --- columns ---


def _first(raw: gpd.GeoDataFrame, names: Sequence[str], clean: Callable[[object], str | None] = blank_is_none) -> Texts:
    """Return for each row the first value that is not blank among columns of these names, however they are cased."""
    by_fold = {fold(c): c for c in raw.columns if c != "geometry"}
    values: Texts = [None] * len(raw)
    for column in (by_fold[fold(n)] for n in names if fold(n) in by_fold):
        values = [v if v is not None else clean(w) for v, w in zip(values, raw[column], strict=True)]
    return values


def _clean(values: Texts, names: dict[str, str] | None = None) -> Texts:
    return [code(v, names) for v in values]


def _of_types(raw: gpd.GeoDataFrame, types: Sequence[str]) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Return the rows of these object types and the type of each, spelt as in SOSI."""
    by_fold = {fold(t): t for t in types}
    found = [by_fold.get(fold(t or "")) for t in _first(raw, ("objekttypenavn",))]
    picked = raw[np.array([t is not None for t in found], dtype=bool)].reset_index(drop=True)
    return picked, [t for t in found if t is not None]


def _plan_ids(raw: gpd.GeoDataFrame, numre: Numre, account: Account) -> list[str]:
    """Return ``{kommunenummer}_{planidentifikasjon}``; without an identification the row stands for itself."""
    idents = _clean(_first(raw, PLANIDENT))
    account.note("uten planidentifikasjon", idents.count(None))
    kommuner = [
        numre.today(kommunenummer_of(k), kommunenummer_of(a))
        for k, a in zip(_first(raw, KOMMUNE), _first(raw, AREA), strict=True)
    ]
    own = zip(idents, _first(raw, LOKAL_ID), raw.geometry, strict=True)
    keys = [ident or lokal_id or _digest((), shape) for ident, lokal_id, shape in own]
    return [f"{kommune}_{key}" for kommune, key in zip(kommuner, keys, strict=True)]


def _extent_columns(raw: gpd.GeoDataFrame, numre: Numre, account: Account) -> dict[str, Texts]:
    return {
        "plan_id": list(_plan_ids(raw, numre, account)),
        "plantype": _clean(_first(raw, ("plantype",)), koder.PLANTYPE),
        "planstatus": _clean(_first(raw, ("planstatus",)), koder.PLANSTATUS),
        "vertikalnivaa": _clean(_first(raw, ("vertikalnivå",)), koder.VERTIKALNIVAA),
        "navn": _first(raw, ("plannavn",)),
        "vedtatt_dato": _first(raw, DATES, koder.iso_date),
        "lenke": _first(raw, ("link",), koder.link),
    }


def _extents(raw: gpd.GeoDataFrame, columns: dict[str, Texts], account: Account, contract: Contract) -> Result:
    frame = _polygons(_frame(raw, columns), account, "plan_id")
    digests = _digests(frame)
    again = pd.Series(digests, dtype=object).duplicated().to_numpy(dtype=bool)
    account.drop("nøyaktig dobbel", frame.loc[again, "plan_id"])
    order = np.argsort(digests[~again], kind="stable")
    return _done(frame[~again].iloc[order].sort_values("plan_id", kind="stable"), account, contract)


# --- rows ---


def _frame(raw: gpd.GeoDataFrame, columns: Mapping[str, Sequence[str | None]]) -> gpd.GeoDataFrame:
    data = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    shapes = gpd.GeoSeries(list(raw.geometry), crs=STORAGE_EPSG)
    return gpd.GeoDataFrame(data, geometry=shapes, crs=STORAGE_EPSG)


def _polygons(frame: gpd.GeoDataFrame, account: Account, key: str) -> gpd.GeoDataFrame:
    missing = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool)
    other = ~missing & ~frame.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy(dtype=bool)
    account.drop("uten geometri", frame.loc[missing, key])
    account.drop("ikke flate", frame.loc[other, key])
    return frame[~missing & ~other].reset_index(drop=True)


def _unique_zones(frame: gpd.GeoDataFrame, account: Account) -> gpd.GeoDataFrame:
    """Return the zones with unique ids, the same whatever the order of rows."""
    digests = _digests(frame)
    again = pd.Series(digests, dtype=object).duplicated().to_numpy(dtype=bool)
    account.drop("nøyaktig dobbel", frame.loc[again, "sone_id"])
    frame, digests = frame[~again].reset_index(drop=True), digests[~again]
    repeated = frame["sone_id"].duplicated(keep=False) & frame["sone_id"].notna()
    account.note("samme lokalId, ulikt innhold", int(repeated.sum()))
    account.note("uten lokalId", int(frame["sone_id"].isna().sum()))
    rows = zip(frame["sone_id"], frame["objekttype"], repeated, digests, strict=True)
    frame["sone_id"] = pd.Series(
        [(f"{i}#{d[:12]}" if twice else i) if isinstance(i, str) else f"{t}#{d[:12]}" for i, t, twice, d in rows],
        dtype=object,
    )
    return frame.sort_values("sone_id", kind="stable")


def _digests(frame: gpd.GeoDataFrame) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return a hash of the content of each row."""
    attributes = frame.drop(columns="geometry").itertuples(index=False, name=None)
    made = [_digest(row, shape) for row, shape in zip(attributes, frame.geometry, strict=True)]
    return np.array(made, dtype=object)


def _digest(attributes: tuple[object, ...], shape: shapely.Geometry | None) -> str:
    wkb = shapely.to_wkb(shapely.normalize(shape)) if shape is not None else b""
    return hashlib.sha256(repr(attributes).encode() + wkb).hexdigest()


def _done(frame: gpd.GeoDataFrame, account: Account, contract: Contract) -> Result:
    kept = frame[[*contract.columns, "geometry"]].reset_index(drop=True)
    account.close(len(kept))
    return kept, account
