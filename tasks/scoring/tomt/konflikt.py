"""Konflikt: how much of each lot, and of its core, lies under what binds land, and what that leaves to build on.

One frame has a row per lot, theme and alvor (contract `konfliktandeler`), the other one per lot. Shares are ratios of
areas in EPSG:25833 and the same in any UTM zone to a millionth. What is measured of a lot depends on the lot and on
the features that touch it, on nothing else: whoever measures some of the lots gets their rows of the whole.

Per theme, land under features of several alvor counts once, by the worst: with U(a) the union of the features of alvor
a or worse, andel(a) = (area(lot ∩ U(a)) - area(lot ∩ U(next worse))) / area(lot).

byggbar_m2 = area of the core × the share of it that lies neither under stopp nor under hard of a layer with
tar_av_kjernen; fri_m2 = area of the core × the share that lies under neither stopp nor hard of any layer. A lot is
stopped from regler.stopp_andel of it under stopp, and when nothing of its core is byggbar.

A feature that does not say where it lies leaves its theme unknown.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from config.konflikt import Konflikter
from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import ContractError
from tasks.scoring.tomt.flater import Bools, Floats, Indices, Objects, is_readable
from tasks.scoring.tomt.overlapp import LIKE, STOPP, TAR, Dekke, Maal, Par, measure
from tasks.scoring.tomt.stopp import Stoppdel, stopp_grunn, tatt_grunn
from tasks.tomtekontrakter import ALVOR, KONFLIKTANDELER

MINSTE_M2 = 0.1
"""Less land than this is none: a border that two sources draw alike parts by so much when one of them was projected
(a straight side of 500 m bends by 0.2 mm between two UTM zones)."""
NAVNGITT = ["tema", "lag", "navn"]
UTM_EPSG = (25832, 25833, 25835)


class Konfliktmaal(NamedTuple):
    """What is measured of the lots of a kommune.

    Attributes
    ----------
    andeler
        Contract `konfliktandeler`, in the order of the lots, themes and alvor.
    tomter
        One row per lot, in their order: tomt_id; byggbar_m2, the core without what conflicts take of it, and fri_m2,
        the core without anything under stopp or hard (NaN: the core is not known); er_stoppet, stopp_grunn (None where
        it is not); ukjente_tema.
    """

    andeler: pd.DataFrame
    tomter: pd.DataFrame


def maal_konflikt(
    tomter: gpd.GeoDataFrame,
    kjerner: gpd.GeoDataFrame,
    konflikter: gpd.GeoDataFrame,
    *,
    dekning: pd.DataFrame,
    register: Konflikter,
    epsg: int,
    traader: int = 2,
) -> Konfliktmaal:
    """Return what conflicts with building on each lot.

    Parameters
    ----------
    tomter
        Living lots (contract `tomter`); kjerne_m2 tells whether the core is known, and whether there is one.
    kjerner
        Their cores (contract `kjerner`); others are left aside.
    konflikter
        Contract `konflikter`, of any extent. Rows of a theme that the register does not have are left aside.
    dekning
        Contract `kontekstdekning`: a layer without a row was never asked for, and is not known.
    register
        Themes, layers and rules: config/konflikter.toml.
    epsg
        The kommune's own UTM zone, in which areal_m2 of the cores is, and byggbar_m2 with it.
    traader
        Threads to share the work between.

    Raises
    ------
    ContractError
        When a frame is not in EPSG:25833, `epsg` is none of the zones, or an alvor is none of stopp, hard and myk.
    """
    _check(tomter, kjerner, konflikter, epsg)
    konflikter = konflikter[konflikter["tema"].isin(list(register.tema))]
    readable = is_readable(konflikter.geometry.to_numpy())
    unknown = _unknown_themes(dekning, register) | set(konflikter.loc[~readable, "tema"])
    konflikter = konflikter[readable]
    maal = Maal.of(tomter, kjerner)
    dekke = measure(maal, konflikter, register=register, traader=traader)
    rader = _rader(maal, dekke, konflikter)
    return Konfliktmaal(
        _andeler(maal, dekke, rader, konflikter, register=register),
        _tomter(maal, dekke, rader, konflikter, register=register, unknown=unknown),
    )


def _check(tomter: gpd.GeoDataFrame, kjerner: gpd.GeoDataFrame, konflikter: gpd.GeoDataFrame, epsg: int) -> None:
    for name, frame in (("tomter", tomter), ("kjerner", kjerner), ("konflikter", konflikter)):
        if frame.crs != STORAGE_CRS:
            raise ContractError(f"{name}: CRS is {frame.crs}; wanted is EPSG:{STORAGE_EPSG}. Reproject it.")
    if epsg not in UTM_EPSG:
        raise ContractError(f"epsg={epsg}: no UTM zone of a kommune; wanted is one of {', '.join(map(str, UTM_EPSG))}")
    if len(strange := konflikter.loc[~konflikter["alvor"].isin(ALVOR), "alvor"]):
        first = sorted(set(map(str, strange)))[:3]
        raise ContractError(f"konflikter.alvor: {len(strange)} rows with {first}; wanted is one of {', '.join(ALVOR)}")


def _unknown_themes(dekning: pd.DataFrame, register: Konflikter) -> set[str]:
    """Return the themes of which a layer that they need is not known."""
    known = set(dekning.loc[dekning["er_kjent"].astype(bool), "lag"])
    return {navn for navn, tema in register.tema.items() if not known.issuperset(tema.trengs)}


# --- rows: lot, theme, alvor ---


class _Rader(NamedTuple):
    """What overlaps, in the order of lots, themes and alvor.

    Attributes
    ----------
    tomt, tema, alvor : (rows,) arrays
        Places in the lots, in the register and in ALVOR.
    flate, flate_m2 : (rows,) arrays
        The row of konflikter that covers most, and its own overlap with the lot.
    """

    tomt: Indices
    tema: Indices
    alvor: Indices
    flate: Indices
    flate_m2: Floats


def _rader(maal: Maal, dekke: Dekke, konflikter: gpd.GeoDataFrame) -> _Rader:
    tomt, tema, alvor = np.nonzero(np.diff(dekke.tomt, axis=2, prepend=0.0) > MINSTE_M2)
    wanted = np.ravel_multi_index((tomt, tema, alvor), dekke.tomt.shape)
    par = dekke.par
    key = np.ravel_multi_index((par.tomt, par.tema, par.alvor), dekke.tomt.shape)
    # Of two that cover as much always the same one, whatever the order of the rows and the last bits of their areas.
    ties = (_alphabetic(konflikter[column])[par.flate] for column in ("verdi", "navn"))
    order = np.lexsort((*ties, -np.round(par.areal, 2), key))
    first = order[np.searchsorted(key[order], wanted)]
    return _Rader(tomt, tema, alvor, par.flate[first], par.areal[first])


def _alphabetic(texts: pd.Series) -> Indices:
    """Return the place of each text in the alphabet; what is missing comes last."""
    codes, values = pd.factorize(texts, sort=True)
    result: Indices = np.where(codes < 0, len(values), codes)
    return result


def _andeler(
    maal: Maal, dekke: Dekke, rader: _Rader, konflikter: gpd.GeoDataFrame, *, register: Konflikter
) -> pd.DataFrame:
    """Return the rows of the contract `konfliktandeler`."""
    at = (rader.tomt, rader.tema, rader.alvor)
    alone, core = (np.diff(of, axis=2, prepend=0.0)[at] for of in (dekke.tomt, dekke.kjerne))
    core_area = maal.kjerneareal[rader.tomt]
    texts = {
        "tomt_id": maal.tomt_ider[rader.tomt],
        "tema": np.array(list(register.tema), dtype=object)[rader.tema],
        "alvor": np.array(ALVOR, dtype=object)[rader.alvor],
        **{column: _texts(konflikter[column])[rader.flate] for column in ("verdi", "navn")},
    }
    numbers = {
        "andel": alone / maal.areal[rader.tomt],
        "andel_kjerne": np.divide(core, core_area, out=np.full(len(core), np.nan), where=core_area > 0),
    }
    columns = {name: pd.Series(values, dtype=object) for name, values in texts.items()} | numbers
    return pd.DataFrame({name: columns[name] for name in KONFLIKTANDELER.columns})


def _texts(values: pd.Series) -> Objects:
    """Return texts, None where there is none."""
    texts: Objects = values.to_numpy(dtype=object).copy()
    texts[values.isna().to_numpy()] = None
    return texts


# --- rows: lots ---


def _tomter(
    maal: Maal,
    dekke: Dekke,
    rader: _Rader,
    konflikter: gpd.GeoDataFrame,
    *,
    register: Konflikter,
    unknown: set[str],
) -> pd.DataFrame:
    """Return the frame `tomter` of a Konfliktmaal."""
    lot, themes = maal.areal, list(register.tema)
    under_stopp = np.divide(dekke.tomt_stopp, lot, out=np.zeros(len(lot)), where=lot > 0)
    is_mostly = under_stopp >= register.regler.stopp_andel - LIKE
    is_gone = _gone(maal, dekke.kjerne_tatt)
    by_stopp = is_mostly | _gone(maal, dekke.kjerne_stopp)
    stopp = _deler(maal, rader, konflikter, register=register, dekke=dekke)
    tatt = _takere(maal, dekke.par, konflikter, register=register, of=np.flatnonzero(is_gone & ~by_stopp))
    grunner = np.full(len(lot), None, dtype=object)
    for i in np.flatnonzero(by_stopp):
        grunner[i] = stopp_grunn(stopp.get(int(i), []), kjernen_er_borte=not is_mostly[i])
    for tomt, deler in tatt.items():
        grunner[tomt] = tatt_grunn(deler)
    missing = [tema for tema in themes if tema in unknown]
    return pd.DataFrame(
        {
            "tomt_id": pd.Series(maal.tomt_ider, dtype=object),
            "byggbar_m2": _left(maal, dekke.kjerne_tatt),
            "fri_m2": _left(maal, dekke.kjerne_bundet),
            "er_stoppet": is_mostly | is_gone,
            "stopp_grunn": pd.Series(grunner, dtype=object),
            "ukjente_tema": pd.Series([list(missing if land else themes) for land in lot > 0], dtype=object),
        }
    )


def _left(maal: Maal, taken: Floats) -> Floats:
    """Return what is left of each core in the kommune's own zone, m², of which so much is taken; NaN: not known."""
    core = maal.kjerneareal
    left = np.where(core - taken < MINSTE_M2, 0.0, core - taken)
    return maal.kjerne_m2 * np.divide(left, core, out=np.ones(len(core)), where=core > 0)


def _gone(maal: Maal, taken: Floats) -> Bools:
    """Return of which lots the core is taken whole; not those whose core is not known, or that have none."""
    result: Bools = (taken > 0) & (maal.kjerneareal - taken < MINSTE_M2)
    return result


def _takere(
    maal: Maal, par: Par, konflikter: gpd.GeoDataFrame, *, register: Konflikter, of: Indices
) -> dict[int, list[Stoppdel]]:
    """Return what takes off the core of some of the lots, by the place of the lot; for each theme its largest."""
    result: dict[int, list[Stoppdel]] = {}
    told = konflikter[NAVNGITT].to_numpy(dtype=object)
    chosen = np.flatnonzero((par.rang <= TAR) & (par.areal > MINSTE_M2) & np.isin(par.tomt, of))
    names = _alphabetic(konflikter["navn"])[par.flate[chosen]]
    order = chosen[np.lexsort((names, -np.round(par.areal[chosen], 2), par.tema[chosen], par.tomt[chosen]))]
    first = np.flatnonzero(np.diff(par.tomt[order], prepend=-1) | np.diff(par.tema[order], prepend=-1))
    for k in order[first]:
        share = par.areal[k] / maal.areal[par.tomt[k]]
        result.setdefault(int(par.tomt[k]), []).append(_del(told[par.flate[k]], share, share, register=register))
    return result


def _deler(
    maal: Maal, rader: _Rader, konflikter: gpd.GeoDataFrame, *, register: Konflikter, dekke: Dekke
) -> dict[int, list[Stoppdel]]:
    """Return what of each theme lies under stopp, by the place of the lot."""
    result: dict[int, list[Stoppdel]] = {}
    told = konflikter[NAVNGITT].to_numpy(dtype=object)
    for k in np.flatnonzero(rader.alvor == STOPP):
        tomt, tema = int(rader.tomt[k]), int(rader.tema[k])
        share = dekke.tomt[tomt, tema, STOPP] / maal.areal[tomt]
        largest = rader.flate_m2[k] / maal.areal[tomt]
        result.setdefault(tomt, []).append(_del(told[rader.flate[k]], share, largest, register=register))
    return result


def _del(row: Objects, andel: float, andel_stoerste: float, *, register: Konflikter) -> Stoppdel:
    """Return what a feature (of NAVNGITT) is of its theme; named by its layer where the source names no place."""
    tema, layer = register.tema[row[0]], register.lag.get(row[1])
    own = row[2] if isinstance(row[2], str) else ""
    return Stoppdel(tema.navn, own or (layer.navn if layer else tema.navn), andel, andel_stoerste)
