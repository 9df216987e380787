"""The engine: zones, plans and teiger of one kommune → the differanse, cut by property, anew or from where it was left.

Two readings: by default the differanse is dissolved, so that borders between two zones do not cut it; `per_sone` takes
every zone by itself, as the mission's papers do. A calculation leaves a `Minne`, from which the next one takes over
what no change has reached; the result is the same as that of a calculation from nothing.

    deler    connected pieces of a zone that no plan settles
    flater   deler joined across the borders of zones (`per_sone`: the deler themselves), of any size
    biter    what a flate large enough shares with a teig, connected, of any size
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from tasks.land.bredde import wide_enough
from tasks.land.clean import Geometries
from tasks.land.differanse import Indices, explode, subtract
from tasks.land.klynge import join
from tasks.land.kutt import cut
from tasks.land.lag import Lag, changed, inverse, matched, meets

VERSJON = 1
"""Raised when the same input would give other land: what was remembered is then not built upon."""


@dataclass(frozen=True)
class Valg:
    """Options of a calculation.

    Attributes
    ----------
    minste_omraade_m2, minste_tomt_m2
        Area floors.
    minste_bredde_m
        A lot narrower than this everywhere is none; 0 = no such rule.
    toleranse_m
        What is narrower is a hairline: it neither cuts land nor is land.
    per_sone
        True for the papers' zone-by-zone reading.
    traader
        Threads.
    """

    minste_omraade_m2: float = 2000.0
    minste_tomt_m2: float = 1000.0
    minste_bredde_m: float = 6.0
    toleranse_m: float = 0.02
    per_sone: bool = False
    traader: int = 1

    @property
    def fold_floor_m2(self) -> float:
        """Below which a zone is given up at once: only where no neighbour can add to it."""
        return self.minste_omraade_m2 if self.per_sone else 0.0

    @property
    def cut_toleranse_m(self) -> float:
        """The tolerance of the parcel cut: the papers have none."""
        return 0.0 if self.per_sone else self.toleranse_m

    @property
    def of_flater(self) -> tuple[float, float, float, bool]:
        """What the flater and biter depend on."""
        return self.minste_omraade_m2, self.minste_tomt_m2, self.toleranse_m, self.per_sone


@dataclass(frozen=True)
class Inndata:
    """What is calculated from: cleaned frames of valid 2D (Multi)Polygons in one metric CRS.

    Attributes
    ----------
    soner
        sone_id, klasse, arealstatus, plan_id: zones that count.
    planer
        plan_id: adopted plans on the ground.
    teiger
        teig_id, matrikkelenheter, har_tvist.
    """

    soner: gpd.GeoDataFrame
    planer: gpd.GeoDataFrame
    teiger: gpd.GeoDataFrame

    @cached_property
    def _lag(self) -> tuple[Lag, Lag, Lag]:
        merker = [self.soner[c].to_numpy(dtype=object) for c in ("klasse", "arealstatus", "plan_id")]
        return (
            Lag(self.soner["sone_id"].to_numpy(dtype=object), self.soner.geometry.to_numpy(), merker),
            Lag(self.planer["plan_id"].to_numpy(dtype=object), self.planer.geometry.to_numpy()),
            Lag(self.teiger["teig_id"].to_numpy(dtype=object), self.teiger.geometry.to_numpy()),
        )

    def lag(self) -> tuple[Lag, Lag, Lag]:
        """Return zones, plans and teiger as layers, the same objects every time: keys are computed once."""
        return self._lag


@dataclass(frozen=True)
class Deler:
    """Connected pieces of zones that no plan settles, by zone: (n,) polygons and the zone of each."""

    geometri: Geometries
    sone: Indices


@dataclass(frozen=True)
class Flater:
    """Deler joined across borders of zones.

    Attributes
    ----------
    geometri : (m,) array of Polygon
        In the order of the first del of each.
    av_del : (n,) array
        The flate of each del.
    klynge : (m,) array
        Flater that nearly meet have the same number: what is joined inside one depends on nothing outside it.
    """

    geometri: Geometries
    av_del: Indices
    klynge: Indices


@dataclass(frozen=True)
class Biter:
    """What flater share with teiger: (k,) polygons, the flate and the teig of each; by flate and teig.

    In a `Minne` without those whose bounding box already is below the floor; `Resultat.snipper` has them.
    """

    geometri: Geometries
    flate: Indices
    teig: Indices


@dataclass(frozen=True)
class Minne:
    """What a calculation read and found, from which the next one can go on."""

    valg: Valg
    soner: Lag
    planer: Lag
    teiger: Lag
    deler: Deler
    flater: Flater
    biter: Biter


@dataclass(frozen=True)
class Resultat:
    """What a calculation found.

    Attributes
    ----------
    minne
        Everything, of any size.
    omraader : (p,) array
        Numbers of the flater that are large enough.
    tomter, smaa, smale : arrays
        Numbers of the biter that are lots, below the floor (beside the snipper), too narrow.
    """

    minne: Minne
    omraader: Indices
    tomter: Indices
    smaa: Indices
    smale: Indices

    @cached_property
    def snipper(self) -> Biter:
        """Pieces that the floor was known of before they were cut: nobody needs them but the account."""
        minne, valg = self.minne, self.minne.valg
        geometri, omraade, teig = cut(
            minne.flater.geometri[self.omraader],
            minne.teiger.geometri,
            tolerance_m=valg.cut_toleranse_m,
            most_m2=valg.minste_tomt_m2,
            traader=valg.traader,
        )
        return Biter(geometri, self.omraader[omraade], teig)


def beregn(inndata: Inndata, valg: Valg, *, forrige: Minne | None = None) -> Resultat:
    """Find the differanse and cut it by property.

    Parameters
    ----------
    inndata
        All that the kommune has today.
    forrige
        What the last calculation left: what no change has reached is taken from it.

    Returns
    -------
    Resultat
        The same whatever `forrige` is.
    """
    soner, planer, teiger = inndata.lag()
    if forrige is not None and forrige.valg.of_flater != valg.of_flater:
        forrige = None
    sone_foer = matched(soner, forrige.soner if forrige else None)
    plan_changes = changed(planer, forrige.planer if forrige else None)
    touched = (sone_foer < 0) | meets(soner.geometri, plan_changes)
    deler, del_foer = _find_deler(soner, planer, touched=touched, sone_foer=sone_foer, valg=valg, forrige=forrige)
    flater, flate_foer = _find_flater(deler, del_foer, valg, forrige)
    biter = _find_biter(flater, flate_foer, teiger, valg, forrige)
    minne = Minne(valg, soner, planer, teiger, deler, flater, biter)
    return _sorted_out(minne)


def _sorted_out(minne: Minne) -> Resultat:
    valg = minne.valg
    area = shapely.area(minne.biter.geometri)
    large = area >= valg.minste_tomt_m2
    candidates = np.flatnonzero(large)
    wide = wide_enough(minne.biter.geometri[candidates], width_m=valg.minste_bredde_m)
    return Resultat(
        minne,
        omraader=_large(minne.flater.geometri, valg),
        tomter=candidates[wide],
        smaa=np.flatnonzero(~large),
        smale=candidates[~wide],
    )


def _large(flater: Geometries, valg: Valg) -> Indices:
    return np.flatnonzero(shapely.area(flater) >= valg.minste_omraade_m2)


# --- deler ---


def _find_deler(
    soner: Lag, planer: Lag, *, touched: npt.NDArray[np.bool_], sone_foer: Indices, valg: Valg, forrige: Minne | None
) -> tuple[Deler, Indices]:
    """Return the deler, and the number of each before, or −1 where it was computed anew."""
    todo = np.flatnonzero(touched)
    left = subtract(soner.geometri[todo], planer.geometri, floor_m2=valg.fold_floor_m2, traader=valg.traader)
    fresh, source = explode(left)
    geometri, sone = fresh, todo[source]
    foer = np.full(len(fresh), -1, dtype=np.intp)
    if forrige is not None:
        still = np.where(touched, -1, sone_foer)
        new_zone = inverse(still, len(forrige.soner))[forrige.deler.sone]
        kept = np.flatnonzero(new_zone >= 0)
        geometri = np.concatenate([forrige.deler.geometri[kept], geometri])
        sone = np.concatenate([new_zone[kept], sone])
        foer = np.concatenate([kept, foer])
    order = np.argsort(sone, kind="stable")
    return Deler(geometri[order], sone[order]), foer[order]


# --- flater ---


def _find_flater(deler: Deler, del_foer: Indices, valg: Valg, forrige: Minne | None) -> tuple[Flater, Indices]:
    """Return the flater, and the number of each before, or −1 where it was joined anew."""
    count = len(deler.geometri)
    if valg.per_sone:
        own_number = np.arange(count)
        return Flater(deler.geometri, own_number, own_number), del_foer
    stays = _untouched(deler, del_foer, valg, forrige)
    again = np.flatnonzero(~stays)
    polygons, polygon_of, klynge = join(deler.geometri[again], tolerance_m=valg.toleranse_m, traader=valg.traader)
    av_del = np.full(count, -1, dtype=np.intp)
    av_del[again] = polygon_of
    foer = np.full(len(polygons), -1, dtype=np.intp)
    if forrige is not None:
        old = forrige.flater
        kept, number = np.unique(old.av_del[del_foer[stays]], return_inverse=True)
        av_del[stays] = len(polygons) + number
        polygons = np.concatenate([polygons, old.geometri[kept]])
        klynge = np.concatenate([klynge, old.klynge[kept] + len(klynge)])
        foer = np.concatenate([foer, kept])
    first = np.full(len(polygons), count, dtype=np.intp)
    np.minimum.at(first, av_del, np.arange(count))
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    klynge = np.unique(klynge[order], return_inverse=True)[1]
    return Flater(polygons[order], place[av_del], klynge), foer[order]


def _untouched(deler: Deler, del_foer: Indices, valg: Valg, forrige: Minne | None) -> npt.NDArray[np.bool_]:
    """Return which deler belong to a cluster that no change has reached: it lost none and got none."""
    stays = del_foer >= 0
    if forrige is None or not stays.any():
        return np.zeros(len(stays), dtype=bool)
    old = forrige.flater
    cluster = old.klynge[old.av_del]
    lost = np.ones(len(cluster), dtype=bool)
    lost[del_foer[stays]] = False
    dirty = np.zeros(int(cluster.max(initial=-1)) + 1, dtype=bool)
    dirty[cluster[lost]] = True
    fresh = deler.geometri[~stays]
    if len(fresh):
        known = np.flatnonzero(stays)
        _, met = shapely.STRtree(deler.geometri[known]).query(fresh, predicate="dwithin", distance=valg.toleranse_m)
        dirty[cluster[del_foer[known[met]]]] = True
    stays[stays] = ~dirty[cluster[del_foer[stays]]]
    return stays


# --- biter ---


def _find_biter(flater: Flater, flate_foer: Indices, teiger: Lag, valg: Valg, forrige: Minne | None) -> Biter:
    large = _large(flater.geometri, valg)
    fresh = np.ones(len(large), dtype=bool)
    if forrige is not None:
        changes = changed(teiger, forrige.teiger)
        fresh = (flate_foer[large] < 0) | meets(flater.geometri[large], changes)
    todo = large[fresh]
    geometri, flate, teig = cut(
        flater.geometri[todo],
        teiger.geometri,
        tolerance_m=valg.cut_toleranse_m,
        least_m2=valg.minste_tomt_m2,
        traader=valg.traader,
    )
    flate = todo[flate]
    if forrige is not None:
        old = forrige.biter
        still = np.full(len(flater.geometri), -1, dtype=np.intp)
        still[large[~fresh]] = flate_foer[large[~fresh]]
        new_flate = inverse(still, len(forrige.flater.geometri))[old.flate]
        kept = np.flatnonzero(new_flate >= 0)
        new_teig = inverse(matched(teiger, forrige.teiger), len(forrige.teiger))[old.teig]
        geometri = np.concatenate([old.geometri[kept], geometri])
        flate = np.concatenate([new_flate[kept], flate])
        teig = np.concatenate([new_teig[kept], teig])
        order = np.lexsort((teig, flate))
        geometri, flate, teig = geometri[order], flate[order], teig[order]
    return Biter(geometri, flate, teig)
