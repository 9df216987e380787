"""Overlapp: lots and their cores against the features of all themes, measured in one pass.

What does not change the answer is not computed: where one feature covers the whole lot, nothing of its theme that
weighs as much or less is looked at; and a core is only held against what lies on its lot.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.konflikt import Konflikter
from tasks.scoring.tomt.dekke import RANGER, Ledd, covered
from tasks.scoring.tomt.flater import Bools, Floats, Geometries, Indices, is_readable, sound
from tasks.scoring.tomt.snitt import boxes_that_meet, meet, settle, shared
from tasks.tomtekontrakter import ALVOR

LIKE = 1e-9
"""By so much of a target may areas differ that are the same."""
OUTSIDE_M = 1.0
"""A core whose bounding box leaves that of its lot by more than this is not the core of this lot."""
STOPP, HARD = ALVOR.index("stopp"), ALVOR.index("hard")
TAR, HINDRER = STOPP + 1, STOPP + 2
"""Ranks on a core, among all themes, after STOPP: hard of a layer with tar_av_kjernen, and hard of the others."""


class Maal(NamedTuple):
    """Targets: n lots and their cores.

    Attributes
    ----------
    tomt_ider : (n,) array of str
    tomter, kjerner : (n,) arrays
        Valid polygons; None where there is no land.
    areal, kjerneareal : (n,) arrays
        Their areas, m²; 0 without land.
    kjerne_m2 : (n,) array
        The core's own area, in the kommune's zone: NaN where it is not known, 0 where there is none.
    """

    tomt_ider: Geometries
    tomter: Geometries
    kjerner: Geometries
    areal: Floats
    kjerneareal: Floats
    kjerne_m2: Floats

    @classmethod
    def of(cls, tomter: gpd.GeoDataFrame, kjerner: gpd.GeoDataFrame) -> Maal:
        """Return lots and cores: kjerne_m2 of the lot says whether there is one, `kjerner` where it lies."""
        ids = tomter["tomt_id"].to_numpy(dtype=object)
        lots = _sound_or_none(tomter.geometry.to_numpy())
        told = tomter["kjerne_m2"].to_numpy(dtype=float)
        row = pd.Index(kjerner["tomt_id"]).get_indexer(ids)
        has = (row >= 0) & (told > 0)
        cores = np.full(len(ids), None, dtype=object)
        cores[has] = _sound_or_none(kjerner.geometry.to_numpy()[row[has]])
        cores[~_within_box(cores, lots)] = None
        has &= ~shapely.is_missing(cores)
        own = np.where(told == 0, 0.0, np.nan)
        own[has] = kjerner["areal_m2"].to_numpy(dtype=float)[row[has]]
        areal, core_area = (np.nan_to_num(shapely.area(of)) for of in (lots, cores))
        return cls(ids, lots, cores, areal, core_area, own)


def _sound_or_none(geometries: Geometries) -> Geometries:
    kept: Geometries = np.array(geometries, dtype=object)
    kept[~is_readable(kept)] = None
    return sound(kept)


def _within_box(cores: Geometries, lots: Geometries) -> Bools:
    a, b = shapely.bounds(cores), shapely.bounds(lots)
    inside: Bools = ((a[:, :2] >= b[:, :2] - OUTSIDE_M) & (a[:, 2:] <= b[:, 2:] + OUTSIDE_M)).all(axis=1)
    return inside


class Par(NamedTuple):
    """Pairs of a lot and a feature that meet.

    Attributes
    ----------
    tomt, flate, tema, alvor : (pairs,) arrays
        Places in the lots, in konflikter, in the themes of the register and in ALVOR.
    rang : (pairs,) array
        How the feature counts against a core, among all themes: STOPP, TAR, HINDRER, or not at all (RANGER).
    areal : (pairs,) array
        What the two share, m²; 0 as well where it did not have to be known.
    """

    tomt: Indices
    flate: Indices
    tema: Indices
    alvor: Indices
    rang: Indices
    areal: Floats


class Dekke(NamedTuple):
    """What covers n lots and their cores.

    Attributes
    ----------
    tomt, kjerne : (n, themes, alvor) arrays
        Area under features of a theme of that alvor or a worse one, m².
    tomt_stopp, kjerne_stopp : (n,) arrays
        Area under stopp of any theme, m².
    kjerne_tatt : (n,) array
        Area of the core under stopp, or under hard of a layer with tar_av_kjernen, m².
    kjerne_bundet : (n,) array
        Area of the core under stopp or hard of any layer, m².
    """

    tomt: Floats
    kjerne: Floats
    tomt_stopp: Floats
    kjerne_stopp: Floats
    kjerne_tatt: Floats
    kjerne_bundet: Floats
    par: Par


def measure(maal: Maal, konflikter: gpd.GeoDataFrame, *, register: Konflikter, traader: int = 1) -> Dekke:
    """Return what covers lots and cores.

    Parameters
    ----------
    konflikter
        Rows of themes of the register, with a readable geometry; invalid ones are mended.
    """
    given = konflikter.geometry.to_numpy()
    lot, feature = boxes_that_meet(maal.tomter, given)
    near, place = np.unique(feature, return_inverse=True)
    features = sound(given[near], traader=traader)
    lot, place, whole = meet(maal.tomter, features, (lot, place), traader=traader)
    par = _par(lot, near[place], konflikter, register)

    groups = len(register.tema) + 1
    of_lots = _ledd(par, np.where(par.alvor == STOPP, STOPP, RANGER), lots=len(maal.tomter), groups=groups)
    of_cores = _ledd(par, par.rang, lots=len(maal.tomter), groups=groups)
    of_cores = of_cores.where((maal.kjerneareal > 0)[par.tomt[of_cores.par]])
    pieces = np.full(len(lot), None, dtype=object)
    cut = np.union1d(of_lots.open(whole).par, of_cores.open(whole).par)
    cut = cut[np.argsort(lot[cut], kind="stable")]
    pieces[cut] = shared(maal.tomter, lot[cut], features[place[cut]], of=place[cut], traader=traader)
    nowhere = np.zeros((len(maal.tomter), groups), dtype=bool)
    areal, on_lots, apart = _cover(of_lots, pieces, whole, maal.areal, lot, apart=nowhere, traader=traader)

    whole |= areal >= maal.areal[lot] * (1 - LIKE)
    pieces, whole = _on_cores(maal.kjerner, lot, pieces, whole, of_cores, traader=traader)
    apart[:, -1] = False  # the last group of cores has other members
    _, on_cores, _ = _cover(of_cores, pieces, whole, maal.kjerneareal, lot, apart=apart, traader=traader)
    return Dekke(
        on_lots[:, :-1],
        on_cores[:, :-1],
        on_lots[:, -1, STOPP],
        on_cores[:, -1, STOPP],
        on_cores[:, -1, TAR],
        on_cores[:, -1, HINDRER],
        par._replace(areal=areal),
    )


def _par(lot: Indices, row: Indices, konflikter: gpd.GeoDataFrame, register: Konflikter) -> Par:
    tema = pd.Index(list(register.tema)).get_indexer(konflikter["tema"])[row]
    alvor = pd.Index(ALVOR).get_indexer(konflikter["alvor"])[row]
    takers = [navn for navn, lag in register.lag.items() if lag.tar_av_kjernen]
    takes = konflikter["lag"].isin(takers).to_numpy(dtype=bool)[row]
    hard = np.where(alvor == HARD, np.where(takes, TAR, HINDRER), RANGER)
    return Par(lot, row, tema, alvor, np.where(alvor == STOPP, STOPP, hard), np.zeros(len(lot)))


def _ledd(par: Par, rang: Indices, *, lots: int, groups: int) -> Ledd:
    """Return what each pair counts in: its theme, and at a rank below RANGER the last group, that of all themes."""
    pairs, also = np.arange(len(par.tomt)), rang < RANGER
    return Ledd(
        np.concatenate([pairs, pairs[also]]),
        np.concatenate([par.tomt * groups + par.tema, par.tomt[also] * groups + groups - 1]),
        np.concatenate([par.alvor, rang[also]]),
        grupper=lots * groups,
    )


def _on_cores(
    cores: Geometries, lot: Indices, pieces: Geometries, whole: Bools, ledd: Ledd, *, traader: int
) -> tuple[Geometries, Bools]:
    """Return what the pairs share with the core: of each piece of a lot the part on the core, and which hold it all."""
    asked = np.unique(ledd.open(whole).par)
    asked = asked[np.argsort(lot[asked], kind="stable")]
    met, holds = settle(cores, lot[asked], pieces[asked], traader=traader)
    result = np.full(len(pieces), None, dtype=object)
    cut = asked[met & ~holds]
    result[cut] = shared(cores, lot[cut], pieces[cut], of=cut, traader=traader)
    whole = whole.copy()
    whole[asked[holds]] = True
    return result, whole


def _cover(
    ledd: Ledd, pieces: Geometries, whole: Bools, areas: Floats, target: Indices, *, apart: Bools, traader: int
) -> tuple[Floats, Floats, Bools]:
    """Return what each pair shares with its target, m², the area under each group up to each rank, and `apart`.

    Parameters
    ----------
    pieces, whole, target : (pairs,) arrays
        What they share, None where they do not or where the target is whole; which target.
    areas : (n,) array
        Of the targets.
    apart : (n, groups) array
        Groups whose pieces are known not to overlap: those that do not overlap on a lot do not on its core.

    Returns
    -------
    (pairs,) array, (n, groups, RANGER) array, (n, groups) array
    """
    areal = np.where(whole, areas[target], np.nan_to_num(shapely.area(pieces)))
    whole = whole | (areal >= areas[target] * (1 - LIKE))
    members = ledd.open(whole)
    members = members.where(areal[members.par] > 0)
    under = covered(members, pieces, areal, apart=apart.ravel(), traader=traader).reshape(*apart.shape, RANGER)
    alone = np.bincount(members.gruppe, areal[members.par], minlength=ledd.grupper).reshape(apart.shape)
    settled, most = ledd.settled_at(whole).reshape(*apart.shape, 1), areas[:, None, None]
    result = np.where(np.arange(RANGER) >= settled, most, np.minimum(under, most))
    return areal, result, alone - under[..., -1] <= LIKE * areas[:, None]
