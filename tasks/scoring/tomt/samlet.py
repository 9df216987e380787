"""Samlet: the facts of several lots as if they were one.

What a measurement of the joint land would give, as far as the facts of its parts tell: sums of areas; the shortest of
the distances, which is the distance of the whole, measured along the road where all of them are; of what stands and
lives around it the most that any part has, which the whole has at least. What is not known of an area or of owners is
not known of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from config.tomtefaktorer import LANGS_VEG, LUFTLINJE
from tasks.tomtekontrakter import KONFLIKTANDELER, TOMTEFAKTA

SUM = ("areal_m2", "kjerne_m2", "byggbar_m2", "fri_m2")
NAERMEST: Mapping[str, tuple[str, ...]] = {
    "tettsted_m": ("tettsted_navn", "tettsted_folketall"),
    "holdeplass_m": ("holdeplass_navn",),
    "dagligvare_m": (),
    "skole_m": (),
    "barnehage_m": (),
    "veg_m": ("vegkategori",),
}
"""Distance → what is told of the place that it leads to."""
MAALT_LANGS_VEG = ("tettsted_m", "holdeplass_m", "dagligvare_m", "skole_m", "barnehage_m")
"""Distances that `avstand_metode` is of."""
MEST = ("befolkning_1km", "befolkning_3km", "bygninger_100m", "bygninger_300m", "adresser_100m", "adresser_300m")
EIER_OG_TEMA = ("kommunal", "antall_eiere", "eierslag", "matrikkelenheter", "ukjente_tema")
KOMMUNEN = "kommunen"


def only_owner(lot: Mapping[str, Any]) -> object:
    """Return a mark that lots have in common when one and the same owner, or owners, certainly have them; None else.

    Parameters
    ----------
    lot
        kommunal, antall_eiere and matrikkelenheter.
    """
    if lot["kommunal"] == "eier" and lot["antall_eiere"] == 1:
        return KOMMUNEN
    return frozenset(lot["matrikkelenheter"]) or None


def union_facts(lots: pd.DataFrame) -> pd.DataFrame:
    """Return one row of facts for each group of lots.

    Parameters
    ----------
    lots
        Contract `tomtefakta` with `gruppe` and `matrikkelenheter`; no stopped lots.

    Returns
    -------
    DataFrame
        Contract `tomtefakta`: tomt_id is the group; what has no rule of its own (kommuneklasse, density, the political
        score) is that of the largest lot. Groups in the order of their names.
    """
    by_group = lots.groupby("gruppe", sort=True)
    largest = lots.sort_values(["gruppe", "areal_m2", "tomt_id"], ascending=[True, False, True], kind="stable")
    frame = largest.drop_duplicates("gruppe").set_index("gruppe")
    for column in SUM:
        known = by_group[column].count() == by_group.size()
        frame[column] = by_group[column].sum().where(known)
    for column in MEST:
        frame[column] = by_group[column].max()
    frame = frame.assign(**{str(column): values for column, values in _nearest(lots).items()})
    groups: dict[str, list[Mapping[Any, Any]]] = {}
    for row in lots[["gruppe", *EIER_OG_TEMA]].to_dict("records"):
        groups.setdefault(row["gruppe"], []).append(row)
    own = pd.DataFrame([_together(rows) for rows in groups.values()], index=list(groups))
    frame = frame.assign(**{str(column): own[column].reindex(frame.index) for column in own})
    frame = frame.assign(tomt_id=frame.index, er_stoppet=False, stopp_grunn=None, noekkel=None)
    return frame[list(TOMTEFAKTA.columns)].astype({"antall_eiere": float}).reset_index(drop=True)


def _nearest(lots: pd.DataFrame) -> pd.DataFrame:
    """Return the shortest of each distance by group, what is told of the place, and how the distances were measured.

    They are along the road where each that is used was: a straight line among them makes straight lines of all.
    """
    found: list[pd.Series] = []
    along: list[pd.Series] = []
    for column, told in NAERMEST.items():
        nearest = lots.sort_values(["gruppe", column, "tomt_id"], kind="stable").drop_duplicates("gruppe")
        nearest = nearest.set_index("gruppe")
        found += [nearest[name] for name in (column, *told)]
        if column in MAALT_LANGS_VEG:  # what is out of reach is so by any way
            along.append((nearest["avstand_metode"] == LANGS_VEG) | ~np.isfinite(nearest[column]))
    is_along = pd.concat(along, axis=1).all(axis=1)
    metode = is_along.map({True: LANGS_VEG, False: LUFTLINJE}).rename("avstand_metode")
    return pd.concat([*found, metode], axis=1)


def _together(rows: Sequence[Mapping[Any, Any]]) -> dict[str, object]:
    """Return what is not known of the whole, and who owns it."""
    owners = {only_owner(row): row["antall_eiere"] for row in rows}
    kinds = {row["eierslag"] for row in rows}
    kommunal = [row["kommunal"] for row in rows]
    ours = sum(word in ("eier", "tegn") for word in kommunal)
    return {
        "ukjente_tema": sorted({tema for row in rows for tema in row["ukjente_tema"]}),
        "antall_eiere": sum(owners.values()) if None not in owners else float("nan"),
        "eierslag": _kind(kinds),
        "kommunal": _kommunal(kommunal),
        "kommunal_grunn": f"{ours} av {len(rows)} tomter" if ours else None,
    }


def _kind(kinds: Iterable[object]) -> str | None:
    words = {kind for kind in kinds if isinstance(kind, str)}
    if len(words) < len(set(kinds)):
        return None
    return words.pop() if len(words) == 1 else "blandet"


def _kommunal(words: list[str]) -> str:
    if all(word == "eier" for word in words):
        return "eier"
    if any(word in ("eier", "tegn") for word in words):
        return "tegn"
    return "nei" if all(word == "nei" for word in words) else "ukjent"


def merged_shares(andeler: pd.DataFrame, lots: pd.DataFrame) -> pd.DataFrame:
    """Return how much of each group lies under what binds land: shares weighed by area, and by core.

    Parameters
    ----------
    andeler
        Contract `konfliktandeler`.
    lots
        tomt_id, gruppe, areal_m2 and kjerne_m2.

    Returns
    -------
    DataFrame
        Contract `konfliktandeler`; names and values are those of the lot with most land under it.
    """
    of = lots[["tomt_id", "gruppe", "areal_m2", "kjerne_m2"]]
    whole = of.groupby("gruppe")[["areal_m2", "kjerne_m2"]].sum()
    rows = andeler.merge(of, on="tomt_id")
    if not len(rows):
        return KONFLIKTANDELER.empty()
    rows["m2"], rows["m2_kjerne"] = rows["andel"] * rows["areal_m2"], rows["andel_kjerne"] * rows["kjerne_m2"]
    key = ["gruppe", "tema", "alvor"]
    sums = rows.groupby(key, as_index=False)[["m2", "m2_kjerne"]].sum()
    most = rows.sort_values([*key, "m2"], ascending=[True, True, True, False], kind="stable").drop_duplicates(key)
    merged = sums.merge(most[[*key, "verdi", "navn"]], on=key)
    area, core = (whole[c].reindex(merged["gruppe"]).to_numpy(dtype=float) for c in ("areal_m2", "kjerne_m2"))
    merged = merged.rename(columns={"gruppe": "tomt_id"})
    merged["andel"] = np.minimum(merged["m2"] / area, 1.0)
    merged["andel_kjerne"] = np.minimum(merged["m2_kjerne"] / np.where(core > 0, core, np.nan), 1.0)
    return merged[list(KONFLIKTANDELER.columns)]


def merged_tomter(lots: pd.DataFrame, kommunenummer: str) -> pd.DataFrame:
    """Return what scoring reads of the lots themselves, one row a group.

    Returns
    -------
    DataFrame
        tomt_id (the group), kommunenummer, kjerne_m2, kjerne_grunnlag (bygninger only where all are by them),
        har_tvist (where any has).
    """
    by_group = lots.groupby("gruppe", sort=True)
    basis = by_group["kjerne_grunnlag"].agg(lambda words: next((w for w in words if w != "bygninger"), "bygninger"))
    dispute = by_group["har_tvist"].any()
    core = by_group["kjerne_m2"].sum().where(by_group["kjerne_m2"].count() == by_group.size())
    return pd.DataFrame(
        {
            "tomt_id": dispute.index,
            "kommunenummer": kommunenummer,
            "kjerne_m2": core.to_numpy(dtype=float),
            "kjerne_grunnlag": basis.to_numpy(dtype=object),
            "har_tvist": dispute.to_numpy(dtype=bool),
        }
    )
