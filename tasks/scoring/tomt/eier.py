"""Eier: how many own each lot and of what kind, and whether it is municipal land; never who owns it.

A row is a lot, in the order of the lots. Until owners are looked up a building of a municipal kind on the same
property is a hint, and said to be one.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.tomtefaktorer import Kommunal
from tasks.scoring.tomt.omgivelser import Omgivelser

KOMMUNE, INTERKOMMUNAL, BLANDET = "kommune", "interkommunal", "blandet"
EIER, TEGN, NEI, UKJENT = "eier", "tegn", "nei", "ukjent"


def maal_eier(lag: Omgivelser) -> pd.DataFrame:
    """Return antall_eiere, eierslag, kommunal and kommunal_grunn of each lot.

    Notes
    -----
    A lot may lie on a teig of several properties: their owners add up, which counts one twice who owns two of them;
    kinds that differ are "blandet". Unless all its properties are looked up, nothing is known. `kommunal`:

    - eier: a kommune owns all of it
    - tegn: a kommune or an interkommunalt selskap owns a part; or owners are not known, or mixed, and a building of a
      municipal kind stands on the same property
    - nei: owners are known, and none of them is a kommune
    - ukjent: the rest
    """
    tomter = lag.tomter
    own = _owners(tomter, lag.eierstruktur)
    hint = maal_tegn(tomter, lag.teiger, lag.tjenester, lag.faktorer.kommunal)
    part = own["har_kommune"] & (own["eierslag"] != KOMMUNE)
    open_question = own["eierslag"].isna() | (own["er_blandet"] & ~part)
    choices: list[tuple[pd.Series, str, str | None]] = [
        (own["eierslag"] == KOMMUNE, EIER, "Kommunen eier hele eiendommen."),
        (own["eierslag"] == INTERKOMMUNAL, TEGN, "Et interkommunalt selskap eier."),
        (part, TEGN, "Kommunen eller et interkommunalt selskap eier en del."),
        (open_question & hint.notna(), TEGN, None),
        (own["eierslag"].isna(), UKJENT, "Eierne er ikke slått opp."),
        (open_question, UKJENT, "Eierne er av flere slag; om kommunen er en av dem, er ikke kjent."),
    ]
    kommunal = pd.Series(NEI, index=tomter.index, dtype=object)
    grunn = pd.Series("Eierne er kjent, og kommunen er ikke en av dem.", index=tomter.index, dtype=object)
    for holds, kind, reason in reversed(choices):
        kommunal = kommunal.mask(holds, kind)
        grunn = grunn.mask(holds, hint if reason is None else reason)
    return own[["antall_eiere", "eierslag"]].assign(kommunal=kommunal, kommunal_grunn=grunn)


def maal_tegn(
    tomter: gpd.GeoDataFrame, teiger: gpd.GeoDataFrame | None, tjenester: gpd.GeoDataFrame | None, regler: Kommunal
) -> pd.Series:
    """Return what hints that a kommune owns each lot, None: nothing does.

    Parameters
    ----------
    teiger, tjenester
        In one CRS; None where they are not known.

    Returns
    -------
    Series
        "Barneskole på samme eiendom …": a building of a municipal kind on the lot's teig, or on another of the same
        property.
    """
    result = pd.Series([None] * len(tomter), index=tomter.index, dtype=object)
    if teiger is None or tjenester is None:
        return result
    names = tjenester["bygningstype"].map(regler.bygningstype)
    there = tjenester[names.notna()]
    points = np.asarray(there.geometry.to_numpy(), dtype=object)
    teig, point = shapely.STRtree(points).query(
        np.asarray(teiger.geometry.to_numpy(), dtype=object), predicate="intersects"
    )
    found = pd.DataFrame({"teig": teig, "navn": names[names.notna()].to_numpy(dtype=object)[point]})
    by_teig = found.assign(noekkel=teiger["teig_id"].to_numpy(dtype=object)[teig])
    units = teiger["matrikkelenheter"].iloc[teig].reset_index(drop=True)
    by_unit = found.assign(noekkel=units).explode("noekkel").dropna()
    hints = pd.concat([by_teig, by_unit]).drop_duplicates(["noekkel", "navn"]).sort_values(["noekkel", "navn"])
    text = hints.groupby("noekkel")["navn"].agg(", ".join)
    own = tomter["teig_id"].map(text)
    other = tomter["matrikkelenheter"].explode().map(text).dropna()
    other = other.groupby(level=0).first().reindex(tomter.index)
    said = own.astype(object).where(own.notna(), other)
    result[said.notna()] = said[said.notna()] + " på samme eiendom: den kan være kommunens. Eierne er ikke slått opp."
    return result


def _owners(tomter: pd.DataFrame, eierstruktur: pd.DataFrame | None) -> pd.DataFrame:
    """Return antall_eiere (NaN), eierslag (None), har_kommune and er_blandet of each lot."""
    result = pd.DataFrame(
        {
            "antall_eiere": np.full(len(tomter), np.nan),
            "eierslag": pd.Series([None] * len(tomter), index=tomter.index, dtype=object),
            "har_kommune": False,
            "er_blandet": False,
        },
        index=tomter.index,
    )
    if eierstruktur is None or not len(tomter):
        return result
    by_unit = eierstruktur.set_index("matrikkelenhet")
    units = tomter["matrikkelenheter"].explode()
    rows = pd.DataFrame(
        {
            "slag": units.map(by_unit["eierslag"]).astype(object),
            "antall": pd.to_numeric(units.map(by_unit["antall_eiere"]), errors="coerce").astype(float),
        }
    )
    each = rows.groupby(level=0)
    known = each["slag"].count() == each.size()
    several = each["slag"].nunique() > 1
    first = each["slag"].first()
    slag = first.where(~several, BLANDET).reindex(tomter.index).astype(object)
    result["eierslag"] = slag.where(known & slag.notna(), None)
    result["antall_eiere"] = each["antall"].sum(min_count=1).where(known & (each["antall"].count() == each.size()))
    municipal = rows["slag"].isin([KOMMUNE, INTERKOMMUNAL]).groupby(level=0).any()
    result["har_kommune"] = (municipal & known).reindex(tomter.index)
    result["er_blandet"] = (rows["slag"] == BLANDET).groupby(level=0).any().reindex(tomter.index)
    return result
