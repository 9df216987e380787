"""The layers of a GIS user as the land engine wants them: zones, plans, teiger; a row is one polygon of one of them.

Whatever is left out, put together or filled in is counted with the first ids. An id is what its column says, or the
row's number in the file, counted from 1. Plans are left out as in the flow: status other than adopted, and not on the
ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.registers import Klasse, PlanRegler
from tasks.account import Account
from tasks.sources import koder
from tasks.sources.flat import text
from tasks.sources.koder import code, fold
from tasks.sources.vektorfil import Kolonne, Vektorlag

AREALFORMAL, PLANSTATUS, TEIG_ID = "arealformal", "planstatus", "teig_id"
"""What the columns are called when the user does not say; other usual names are then looked for as well."""

USUAL = {
    AREALFORMAL: ("arealformal", "arealformål", "kode", "kparealformål", "kparealfor", "arealbruk", "oplareal"),
    PLANSTATUS: ("planstatus", "planstat"),
    TEIG_ID: ("teig_id", "teigId"),
}
LOKAL_ID = ("identifikasjon.lokalId", "lokalId")
PLAN_ID = (
    "plan_id",
    "arealplanId.planidentifikasjon",
    "nasjonalArealplanId.planidentifikasjon",
    "planidentifikasjon",
    "planid",
)
PBL_2008, PBL_1985 = "KpArealformålOmråde", "KpArealbrukOmråde"
UNKNOWN_CLASS = "ukjent"
"""Class of a zone that is housing because the user says so, not by its code."""
NO_ID = "uten-id-"
YES = frozenset({"true", "1", "ja", "t", "y", "yes"})
STATUSES_SHOWN = 10


def wanted(navn: str, *, asked: str, opsjon: str, required: bool) -> Kolonne:
    """Return what is looked for under the name that the user gave; one given must be there."""
    given = asked != navn
    return Kolonne(navn, (asked,) if given else USUAL[navn], opsjon, paakrevd=required or given)


def zone_columns(arealformal: str, *, kun_bolig: bool) -> tuple[Kolonne, ...]:
    """Return the columns of zones."""
    return (
        wanted(AREALFORMAL, asked=arealformal, opsjon="--kolonne-arealformal", required=kun_bolig),
        Kolonne("sone_id", ("sone_id", *LOKAL_ID)),
        Kolonne("objekttype", ("objekttype", "objekttypenavn", "objtype")),
        Kolonne("arealstatus", ("arealstatus", "arealbruksstatus", "arealst")),
        Kolonne("plan_id", PLAN_ID),
    )


def plan_columns(planstatus: str) -> tuple[Kolonne, ...]:
    """Return the columns of plans."""
    return (
        wanted(PLANSTATUS, asked=planstatus, opsjon="--kolonne-planstatus", required=False),
        Kolonne("vertikalnivaa", ("vertikalnivaa", "vertikalnivå", "vertniv", "vertikalni")),
        Kolonne("plan_id", (*PLAN_ID, *LOKAL_ID)),
    )


def teig_columns(teig_id: str) -> tuple[Kolonne, ...]:
    """Return the columns of teiger."""
    return (
        wanted(TEIG_ID, asked=teig_id, opsjon="--kolonne-teig-id", required=True),
        Kolonne(
            "matrikkelenheter",
            ("matrikkelenheter", "matrikkelenhet", "matrikkelnummer", "matrikkelnummerTekst"),
            flere=True,
        ),
        Kolonne("har_tvist", ("har_tvist", "tvist")),
    )


# --- values ---


def texts(values: pd.Series) -> npt.NDArray[np.object_]:
    """Return values as text without a false fraction (`12.0` → `12`), None for nothing, "" and "-"; (n,) array."""
    if pd.api.types.is_float_dtype(values):
        values = values.astype("float64")  # half floats end long before 2**63
        whole = values.dropna()
        if np.isfinite(whole).all() and (whole == np.floor(whole)).all() and (whole.abs() < 2**63).all():
            values = values.astype("Int64")
    result = values.astype("str").str.strip()
    blank = values.isna() | result.isin(["", "-"])
    found: npt.NDArray[np.object_] = result.astype(object).where(~blank, None).to_numpy(copy=True)
    return found


def codes(values: pd.Series, names: dict[str, str] | None = None) -> npt.NDArray[np.object_]:
    """Return codes, whatever type they have in the file: 3, 3.0, "3", "3.0" and " vedtatt " are "3"; (n,) array.

    Each value that occurs is looked at once.
    """
    number, occurring = pd.factorize(values, use_na_sentinel=True)
    cleaned = np.array([*(_code(value, names) for value in occurring), None], dtype=object)
    result: npt.NDArray[np.object_] = cleaned[number]
    return result


def _code(value: Any, names: dict[str, str] | None) -> str | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not np.isfinite(plain):
        return None
    return code(text(plain), names)


def ids(frame: gpd.GeoDataFrame, column: str, *, account: Account) -> npt.NDArray[np.object_]:
    """Return the id of each row; without the column its number, without a value `uten-id-` and its number."""
    rows = np.arange(1, len(frame) + 1).astype(str).astype(object)
    if column not in frame:
        return rows
    found = texts(frame[column])
    blank = np.array([value is None for value in found], dtype=bool)
    found[blank] = NO_ID + rows[blank]
    account.note(f"uten {column}", int(blank.sum()), found[blank])
    return found


def _lists(values: pd.Series) -> list[list[str]]:
    """Return lists of text; a text is taken apart at semicolons."""
    found: list[list[str]] = []
    for value in values if values.dtype == object else texts(values):
        if isinstance(value, list):
            found.append(value)
        elif value is None:
            found.append([])
        else:
            found.append([part for piece in value.split(";") if (part := piece.strip())])
    return found


# --- layers ---


def zones(
    lag: Vektorlag,
    frame: gpd.GeoDataFrame,
    *,
    klasser: Mapping[tuple[str, str], Klasse],
    teller: tuple[Klasse, ...],
    kun_bolig: bool,
    manglende_arealstatus: str,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the zones: every row, or with `kun_bolig` those whose purpose is of a class that counts.

    Parameters
    ----------
    lag
        As read.
    frame
        Its rows cleaned, with their `id`.

    Returns
    -------
    GeoDataFrame
        sone_id, klasse, arealstatus, plan_id ("" where there is none); Polygon or MultiPolygon.
    """
    klasse = _classes(lag, frame, klasser)
    counts = klasse.isin(teller)
    if kun_bolig:
        account.drop("ikke bolig", frame.loc[~counts, "id"])
        frame, klasse = frame[counts], klasse[counts]
    elif AREALFORMAL in frame:
        account.note("ikke boligformål etter koden, tatt med", int((~counts).sum()), frame.loc[~counts, "id"])
    status = codes(frame["arealstatus"], koder.AREALSTATUS) if "arealstatus" in frame else np.full(len(frame), None)
    plan = texts(frame["plan_id"]) if "plan_id" in frame else np.full(len(frame), None)
    note_twins(frame, account=account)
    return gpd.GeoDataFrame(
        {
            "sone_id": frame["id"].to_numpy(dtype=object),
            "klasse": klasse.fillna(UNKNOWN_CLASS).to_numpy(dtype=object),
            "arealstatus": np.where(pd.isna(status), manglende_arealstatus, status).astype(object),
            "plan_id": np.where(pd.isna(plan), "", plan).astype(object),
        },
        geometry=frame.geometry.to_numpy(),
        crs=frame.crs,
    )


def _classes(lag: Vektorlag, frame: gpd.GeoDataFrame, klasser: Mapping[tuple[str, str], Klasse]) -> pd.Series:
    """Return the housing class of each row by (objekttype, code), None where the code is not for housing."""
    if AREALFORMAL not in frame:
        return pd.Series(None, index=frame.index, dtype=object)
    kode = codes(frame[AREALFORMAL])
    column = fold(lag.kolonner[AREALFORMAL])
    usual = PBL_1985 if column in {"arealbruk", "oplareal"} else PBL_2008
    spelt = {fold(objekttype): objekttype for objekttype, _ in klasser}
    types = codes(frame["objekttype"]) if "objekttype" in frame else np.full(len(frame), None)
    of_row = {t: usual if t is None else spelt.get(fold(str(t)), "") for t in pd.unique(types)}
    found = [klasser.get((of_row[t], k)) for t, k in zip(types, kode, strict=True)]
    return pd.Series(found, index=frame.index, dtype=object)


def plans(frame: gpd.GeoDataFrame, *, regler: PlanRegler, account: Account) -> gpd.GeoDataFrame:
    """Return the adopted plans on the ground; all are adopted where there is no status column.

    Returns
    -------
    GeoDataFrame
        plan_id; Polygon or MultiPolygon.
    """
    keep = np.ones(len(frame), dtype=bool)
    if "vertikalnivaa" in frame:
        level = codes(frame["vertikalnivaa"], koder.VERTIKALNIVAA)
        unsaid = pd.isna(level)
        account.note("uten vertikalnivå, tatt for på bakken", int(unsaid.sum()), frame.loc[unsaid, "id"])
        keep = unsaid | (level == regler.bakkenivaa)
        account.drop("ikke på bakken", frame.loc[~keep, "id"])
    if PLANSTATUS in frame:
        status = codes(frame[PLANSTATUS], koder.PLANSTATUS)
        unsaid = keep & pd.isna(status)
        other = keep & ~unsaid & (status != regler.vedtatt_status)
        account.drop("uten planstatus", frame.loc[unsaid, "id"])
        account.drop("ikke vedtatt", frame.loc[other, "id"])
        for value, count in pd.Series(status[other]).value_counts().head(STATUSES_SHOWN).items():
            account.note(f"planstatus {value}", int(count))
        keep &= ~unsaid & ~other
    kept = frame[keep]
    note_twins(kept, account=account)
    return gpd.GeoDataFrame(
        {"plan_id": kept["id"].to_numpy(dtype=object)}, geometry=kept.geometry.to_numpy(), crs=frame.crs
    )


def teiger(frame: gpd.GeoDataFrame, *, account: Account) -> gpd.GeoDataFrame:
    """Return the teiger, one row an id: rows of one id are put together with all their matrikkelenheter.

    Returns
    -------
    GeoDataFrame
        teig_id, matrikkelenheter, har_tvist; Polygon or MultiPolygon.
    """
    count = len(frame)
    units = _lists(frame["matrikkelenheter"]) if "matrikkelenheter" in frame else [[] for _ in range(count)]
    said = codes(frame["har_tvist"]) if "har_tvist" in frame else np.full(count, None)
    yes = {value for value in pd.unique(said) if value is not None and str(value).lower() in YES}
    dispute = np.isin(said.astype(str), list(yes))
    ids, shapes = frame["id"].to_numpy(dtype=object), frame.geometry.to_numpy().copy()
    kept = _put_together(ids, units, dispute, shapes, account=account)
    return gpd.GeoDataFrame(
        {
            "teig_id": ids[kept],
            "matrikkelenheter": pd.Series([units[row] for row in kept], dtype=object),
            "har_tvist": dispute[kept],
        },
        geometry=shapes[kept],
        crs=frame.crs,
    )


def _put_together(
    ids: npt.NDArray[np.object_],
    units: list[list[str]],
    dispute: npt.NDArray[np.bool_],
    shapes: npt.NDArray[np.object_],
    *,
    account: Account,
) -> npt.NDArray[np.intp]:
    """Gather in the first row of each id, in place, what the others hold; return the rows that stay."""
    again = pd.Series(ids).duplicated().to_numpy()
    several = np.flatnonzero(pd.Series(ids).duplicated(keep=False).to_numpy())
    wkb = shapely.to_wkb(shapely.normalize(shapes[several]))
    alike = pd.DataFrame({"id": ids[several], "wkb": wkb}).duplicated().to_numpy()
    account.drop("nøyaktig dobbel", ids[several[alike]])
    account.drop("slått sammen med samme teig_id", ids[np.setdiff1d(np.flatnonzero(again), several[alike])])
    for rows in pd.Series(several).groupby(ids[several], sort=False).indices.values():
        members = several[rows]
        first = members[0]
        units[first] = list(dict.fromkeys(unit for row in members for unit in units[row]))
        dispute[first] = dispute[members].any()
        different = several[rows[~alike[rows]]]
        if len(different) > 1:
            shapes[first] = shapely.union_all(shapes[different])
    return np.flatnonzero(~again)


def note_twins(frame: gpd.GeoDataFrame, *, account: Account) -> None:
    """Count the rows whose geometry an earlier row has: harmless to the differanse, telling of the data."""
    shapes = frame.geometry.to_numpy()
    alike = pd.DataFrame(shapely.bounds(shapes)).duplicated(keep=False).to_numpy()
    again = pd.Series(shapely.to_wkb(shapely.normalize(shapes[alike])), dtype=object).duplicated().to_numpy(dtype=bool)
    account.note("lik geometri", int(again.sum()), frame.loc[alike, "id"].to_numpy()[again])
