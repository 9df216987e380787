"""Lag: what is drawn of each row of a layer, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from config.bilder import BilderRegister, Tegnforklaring
from config.registers import regler
from tasks.crm.rader.matrikkel import read_number
from tasks.crm.rader.rad import line

NUMBER_MAX = 12
"""Characters of a parcel's number in a picture; what is longer names the first property alone."""
NAME_MAX = 28
PREFIXES = ("Reguleringsplan for ", "Detaljregulering for ", "Detaljreguleringsplan for ", "Områderegulering for ")
ROAD = "veg"
SOFT = "myk"
"""The severity of land that has to be reckoned with; every other rules building out."""


def adopted_last(soner: gpd.GeoDataFrame, planomraader: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the zones of adopted plans in the order of drawing: kommuneplaner, then kommunedelplaner on top of them.

    Parameters
    ----------
    soner
        Contract soner.
    planomraader
        Contract planomraader; zones of plans that are not in it are kept.
    """
    rules = regler().plan
    known = planomraader
    adopted = set(known.loc[known["planstatus"] == rules.vedtatt_status, "plan_id"])
    refused = set(known["plan_id"]) - adopted
    is_part = soner["plan_id"].isin(known.loc[known["plantype"].isin(rules.kommunedelplan_typer), "plan_id"])
    ordered = soner.assign(_last=is_part).sort_values(["_last", "plan_id", "sone_id"])
    return ordered[~ordered["plan_id"].isin(refused)].drop(columns="_last")


def ground_only(planer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return adopted plans and those under way, on the ground: tunnels and bridges bound no lot.

    Parameters
    ----------
    planer
        Contract reguleringsplaner.
    """
    rules = regler().plan
    wanted = planer["planstatus"].isin([rules.vedtatt_status, *rules.under_arbeid_status])
    on_ground = planer["vertikalnivaa"] == rules.bakkenivaa
    return planer[wanted & on_ground].sort_values(["plan_id", "navn"], na_position="last")


def sone_rows(soner: pd.DataFrame, register: BilderRegister) -> list[Tegnforklaring]:
    """Return name in the legend and colour of each zone."""
    return [register.purpose(o, k) for o, k in zip(soner["objekttype"], soner["kode"], strict=True)]


def plan_rows(planer: pd.DataFrame) -> list[tuple[str, bool]]:
    """Return the short name of each plan, and whether it is adopted."""
    adopted = regler().plan.vedtatt_status
    columns = (planer["plan_id"], planer["navn"], planer["planstatus"])
    return [(plan_name(i, n), status == adopted) for i, n, status in zip(*columns, strict=True)]


def plan_name(plan_id: str, navn: object) -> str:
    """Return what a plan is called in a picture: its name without what all of them begin with, or its number.

    Examples
    --------
    >>> plan_name("3207_0012", "Reguleringsplan for Åsen felt B3"), plan_name("3207_0012", None)
    ('Åsen felt B3', 'Plan 0012')
    """
    whole = line(navn)
    if whole is None:
        return line(f"Plan {plan_id.partition('_')[2] or plan_id}", NAME_MAX) or ""
    short = next((whole[len(p) :] for p in PREFIXES if whole.lower().startswith(p.lower())), whole)
    return line(short, NAME_MAX) or ""


def teig_rows(teiger: pd.DataFrame) -> list[tuple[str, str]]:
    """Return id and number of each parcel."""
    columns = (teiger["teig_id"], teiger["matrikkelnummer_tekst"], teiger["matrikkelenheter"])
    return [(teig_id, parcel_number(tekst, enheter)) for teig_id, tekst, enheter in zip(*columns, strict=True)]


def parcel_number(tekst: object, enheter: Sequence[str]) -> str:
    """Return the number of a parcel as maps write it: gnr/bnr, with fnr where there is one; sections are left out.

    Examples
    --------
    >>> [parcel_number(None, e) for e in (["3207-46/1/0/0"], ["3207-46/1/3/0"], ["3207-46/1/0/1", "3207-46/1/0/2"], [])]
    ['46/1', '46/1/3', '46/1', '']
    >>> [parcel_number(None, ["3207-46/1/0/0", other]) for other in ("3207-46/7/0/0", "3207-5/7/0/0")]
    ['46/1,7', '46/1 m.fl.']
    """
    numbers = dict.fromkeys(n[1:4] for enhet in enheter if (n := read_number(enhet)) is not None)
    if not numbers:
        return line(tekst, NUMBER_MAX) or ""
    (gnr, bnr, fnr), *others = numbers
    first = f"{gnr}/{bnr}" + (f"/{fnr}" if fnr else "")
    if not others:
        return first
    together = ",".join([first, *(str(n[1]) for n in others)])
    is_short = not fnr and all(n[0] == gnr and not n[2] for n in others) and len(together) <= NUMBER_MAX
    return together if is_short else f"{first} m.fl."


def bound_land(konflikter: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return what binds land in the order of drawing: what is to be reckoned with, then what rules building out.

    Parameters
    ----------
    konflikter
        Contract konflikter.
    """
    there = konflikter[konflikter.geometry.notna() & ~konflikter.geometry.is_empty]
    return there.assign(_hard=there["alvor"] != SOFT).sort_values(["_hard", "tema"], kind="stable")


def binding_rows(konflikter: pd.DataFrame, register: BilderRegister) -> list[tuple[str, str, bool]]:
    """Return name in the legend, hatch, and whether it is soft, of each row of `bound_land`.

    Soft land has the same hatch, as wide apart as can be: where both lie on each other the hard one shows.
    """
    found = []
    for tema, alvor in zip(konflikter["tema"], konflikter["alvor"], strict=True):
        kind, is_soft = register.constraint(tema), alvor == SOFT
        navn, skravur = (f"{kind.navn}, aktsomhet", thinned(kind.skravur)) if is_soft else (kind.navn, kind.skravur)
        found.append((navn, skravur, is_soft))
    return found


def thinned(skravur: str) -> str:
    """Return a hatch with each of its signs once.

    Examples
    --------
    >>> thinned("///"), thinned("||--")
    ('/', '|-')
    """
    return "".join(dict.fromkeys(skravur))


def hindre_rows(hindre: pd.DataFrame) -> list[bool]:
    """Return for each obstacle whether it is a road."""
    return [slag == ROAD for slag in hindre["slag"]]
