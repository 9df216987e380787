"""Årsak: why a lot changed – which changed plan, purpose, zone or teig shares the land that it lost or won.

The cause is spatial and layered. A plan goes before a purpose inside it, that before a zone and a zone before a
teig, as the differanse is made, unless the later one explains more than twice as much. What no input explains comes
from a rule, from the program, or is not known; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.land.clean import Geometries, polygonal, repair
from tasks.land.differanse import Indices, groups, hits

PLAN_VEDTATT, PLAN_ENDRET, PLAN_OPPHEVET = "plan vedtatt", "plan endret", "plan opphevet"
FORMAAL_ENDRET, SONE_ENDRET, TEIG_ENDRET = "formål endret", "sone endret", "teig endret"
REGEL_ENDRET = "regel endret"
PROGRAM_ENDRET, FOERSTE, UKJENT = "programmet endret", "første kjøring", "ukjent"

AARSAKER = {
    PLAN_VEDTATT: "a plan that counts now and did not before; ids of plans",
    PLAN_ENDRET: "a plan that counted before and now, with another extent; ids of plans",
    PLAN_OPPHEVET: "a plan that counts no more: repealed, superseded, withdrawn; ids of plans",
    FORMAAL_ENDRET: "a purpose inside a plan that is new, gone, moved or another; ids of purposes",
    SONE_ENDRET: "a zone that is new, gone, moved or of another purpose; ids of zones",
    TEIG_ENDRET: "property borders or numbers; ids of teiger",
    REGEL_ENDRET: "a rule of the calculation; the rules as text, from → to",
    PROGRAM_ENDRET: "the calculation itself",
    FOERSTE: "the first time that the kommune was looked at",
    UKJENT: "nothing that was read explains it, or what was read before is not known",
}

LAG_TEIG = 3
"""Number of the layer that comes last (`_Tools`)."""

ANDEL_AV_STOERST = 0.5
"""A layer that explains this part of what another explains is preferred, if it comes before it."""

ANDEL_STOEY = 1e-3
"""Less than this part of a lot's changed land is the width of a border, no cause."""

NAERHET_M = 1.0
"""A change this near is a lot's neighbour."""


@dataclass(frozen=True)
class LagEndring:
    """Rows of one input layer that differ from the last run: columns id and geometry, EPSG:25833.

    A changed row stands in both, an unchanged one in neither.
    """

    borte: gpd.GeoDataFrame
    nye: gpd.GeoDataFrame


@dataclass(frozen=True)
class Endringer:
    """What differs between the input of the last run and that of this one.

    Attributes
    ----------
    planer
        Plans that settle or zone land: those that count alone (adopted, on the ground).
    soner, teiger
        Housing zones; parcels.
    regler
        Rules that changed, as text from → to.
    motor
        True when the program computes otherwise than the last run.
    kjent
        False when what the last run read is not known.
    formaal
        Purposes inside reguleringsplaner; None where this run or the last one has not read them.
    """

    planer: LagEndring
    soner: LagEndring
    teiger: LagEndring
    regler: tuple[str, ...] = ()
    motor: bool = False
    kjent: bool = True
    formaal: LagEndring | None = None


@dataclass(frozen=True)
class Endrede:
    """The lots that changed, row by row; geometry EPSG:25833 and valid, None where a lot was or is not alive.

    Attributes
    ----------
    teig, omraade
        Ids before and now, None where there was no such lot.
    slekt, slekt_m2
        Pairs of rows whose land went from one to the other, and how much.
    skiftet
        True where the lot lives on as one of another class of differanse: all of its land has changed.
    """

    foer: Geometries
    naa: Geometries
    teig: tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]
    omraade: tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]
    slekt: tuple[Indices, Indices]
    slekt_m2: npt.NDArray[np.float64]
    skiftet: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Aarsak:
    """Why, which ones, and the part of the lot's changed land that they share."""

    ord: str
    ider: tuple[str, ...] = ()
    andel: float = 0.0


def find_causes(lots: Endrede, endringer: Endringer) -> list[Aarsak]:
    """Return the cause of each changed lot.

    Notes
    -----
    In this order: changed rows that share its changed land; its own teig id; the cause of the lots that it gave land
    to or took land from; rows that changed on its land without moving (what a zone or a plan has land for). For a lot
    that came, went or changed område, when neither rules nor program changed: the cause of other lots of its område,
    and what changed next to it – a lot goes too when the plan beside it leaves too little of the område. Then rules,
    program, unknown.
    """
    if not endringer.kjent:
        return [Aarsak(UKJENT)] * len(lots.foer)
    moved, altered = _tools(endringer)
    land, owner = changed_land(lots.foer, lots.naa, skiftet=lots.skiftet)
    size = pd.Series(shapely.area(land), dtype=float).groupby(owner).sum()
    found = _explain(land, owner, _overlaps(land, owner, moved), _parcelled(lots))
    for i in range(len(lots.foer)):
        before, now = lots.teig[0][i], lots.teig[1][i]
        if i not in found and before is not None and now is not None and before != now:
            found[i] = Aarsak(TEIG_ENDRET, (before, now))
    found = _from_kin(found, lots.slekt)
    found = _from_kin(_explain(land, owner, _overlaps(land, owner, altered)) | found, lots.slekt)
    if not endringer.regler and not endringer.motor:
        # A border that moved says where it moved; only that a lot came, went or changed område is owed to others.
        open_ = shapely.is_missing(lots.foer) | shapely.is_missing(lots.naa) | (lots.omraade[0] != lots.omraade[1])
        found = _from_omraade(found, lots.omraade, size=size, open_=open_)
        near = {i: cause for i, cause in _nearby(lots, moved).items() if open_[i]}
        found = _from_omraade(near | found, lots.omraade, size=size, open_=open_)
    rest = Aarsak(UKJENT)
    if endringer.regler:
        rest = Aarsak(REGEL_ENDRET, endringer.regler)
    elif endringer.motor:
        rest = Aarsak(PROGRAM_ENDRET)
    return [found.get(i, rest) for i in range(len(lots.foer))]


def changed_land(foer: Geometries, naa: Geometries, *, skiftet: npt.NDArray[np.bool_]) -> tuple[Geometries, Indices]:
    """Return the land that lots lost or won, and for each piece the row that it belongs to.

    Parameters
    ----------
    foer, naa : (n,) arrays of valid polygons, None where there was or is none
    skiftet : (n,) array
        True for rows of which all land has changed, also what they have kept.
    """
    both = ~shapely.is_missing(foer) & ~shapely.is_missing(naa)
    lost, won = np.array(foer, dtype=object), np.array(naa, dtype=object)
    lost[both] = polygonal(shapely.difference(foer[both], naa[both]))
    part = both & ~skiftet
    won[part] = polygonal(shapely.difference(naa[part], foer[part]))
    land = np.concatenate([lost, won])
    present = ~shapely.is_missing(land)
    return land[present], np.tile(np.arange(len(foer)), 2)[present]


@dataclass(frozen=True)
class _Tools:
    """Land that may explain a change: its layer (0 plan, 1 formål, 2 sone, 3 teig), its word, the row's id."""

    geometry: Geometries
    lag: npt.NDArray[np.int64]
    ord: npt.NDArray[np.object_]
    ider: npt.NDArray[np.object_]


def _tools(endringer: Endringer) -> tuple[_Tools, _Tools]:
    """Return where rows came, went or moved; and where rows stand that changed without moving there."""
    words = (
        (endringer.planer, (PLAN_OPPHEVET, PLAN_ENDRET, PLAN_VEDTATT)),
        (endringer.formaal, (FORMAAL_ENDRET,) * 3),
        (endringer.soner, (SONE_ENDRET,) * 3),
        (endringer.teiger, (TEIG_ENDRET,) * 3),
    )
    moved: list[tuple[shapely.Geometry, int, str, str]] = []
    altered: list[tuple[shapely.Geometry, int, str, str]] = []
    for lag, (change, (gone_word, changed_word, new_word)) in enumerate(words):
        if change is None:
            continue
        gone, new = _by_id(change.borte), _by_id(change.nye)
        same = [k for k in gone if k in new]
        before, now = (np.array([rows[k] for k in same], dtype=object) for rows in (gone, new))
        differs = polygonal(shapely.symmetric_difference(before, now)) if same else ()
        moved += [(g, lag, gone_word, k) for k, g in gone.items() if k not in new]
        moved += [(g, lag, new_word, k) for k, g in new.items() if k not in gone]
        moved += [(g, lag, changed_word, k) for k, g in zip(same, differs, strict=True) if g is not None]
        if changed_word != TEIG_ENDRET:  # nothing but its border matters of a teig
            altered += [(g, lag, changed_word, k) for k, g in zip(same, now, strict=True)]
    return _stacked(moved), _stacked(altered)


def _by_id(frame: gpd.GeoDataFrame) -> dict[str, shapely.Geometry]:
    """Return the land of each id, all its rows together."""
    geometry, _ = repair(frame.geometry.to_numpy())
    present = ~shapely.is_missing(geometry)
    geometry, ids = geometry[present], frame["id"].to_numpy(dtype=object)[present]
    if not len(ids):
        return {}
    names, label = np.unique(ids.astype(str), return_inverse=True)
    rows = groups(label)
    return {
        str(name): geometry[m[0]] if len(m) == 1 else shapely.union_all(geometry[m])
        for name, m in zip(names, rows, strict=True)
    }


def _stacked(rows: list[tuple[shapely.Geometry, int, str, str]]) -> _Tools:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    return _Tools(
        np.array(columns[0], dtype=object),
        np.array(columns[1], dtype=np.int64),
        np.array(columns[2], dtype=object),
        np.array(columns[3], dtype=object),
    )


def _overlaps(land: Geometries, owner: Indices, tools: _Tools) -> pd.DataFrame:
    """Return which row's land shares how many m² (rad, m2) with which tool (lag, ord, id)."""
    i, j = hits(np.array(land, dtype=object), tools.geometry)
    shared = shapely.area(shapely.intersection(land[i], tools.geometry[j]))
    return pd.DataFrame({"rad": owner[i], "lag": tools.lag[j], "ord": tools.ord[j], "id": tools.ider[j], "m2": shared})


def _parcelled(lots: Endrede) -> pd.DataFrame:
    """Return, as `_overlaps` does, the land that went from lot to lot because its teiger did.

    A lot lies on one teig: where those of two lots that shared land, before and now, are more than one, parcels were
    split, joined or renumbered, also where the lot that lives on has left its own teig.
    """
    rows: list[tuple[int, int, str, str, float]] = []
    for i, j, m2 in zip(*lots.slekt, lots.slekt_m2, strict=True):
        ids = {teig[k] for teig in lots.teig for k in (i, j)} - {None}
        if len(ids) > 1:
            rows += [(int(k), LAG_TEIG, TEIG_ENDRET, name, float(m2)) for k in (i, j) for name in sorted(ids)]
    return pd.DataFrame(rows, columns=["rad", "lag", "ord", "id", "m2"])


def _explain(land: Geometries, owner: Indices, *evidence: pd.DataFrame) -> dict[int, Aarsak]:
    """Return, for the rows whose changed land something shares, what shares most of it."""
    pairs = pd.concat([e for e in evidence if len(e)] or evidence[:1], ignore_index=True)
    size = pd.Series(shapely.area(land), dtype=float).groupby(owner).sum()
    pairs = pairs[pairs["m2"] > ANDEL_STOEY * pairs["rad"].map(size)]
    if not len(pairs):
        return {}
    layers = pairs.groupby(["rad", "lag"])["m2"].sum().reset_index()
    layers["m2"] = np.minimum(layers["m2"], layers["rad"].map(size))  # two plans over the same land
    best = layers.groupby("rad")["m2"].transform("max")
    chosen = layers[layers["m2"] >= ANDEL_AV_STOERST * best].groupby("rad").first()
    pairs = pairs[pairs["lag"] == pairs["rad"].map(chosen["lag"])]
    word = _largest_first(pairs, "ord").groupby("rad")["ord"].first()
    pairs = pairs[pairs["ord"] == pairs["rad"].map(word)]
    ids = _largest_first(pairs, "id").groupby("rad")["id"].agg(list)
    return {
        row: Aarsak(word[row], tuple(ids[row]), float(chosen["m2"][row] / size[row])) for row in chosen.index.tolist()
    }


def _largest_first(pairs: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return rad, `column` and the m² that they share, the largest first."""
    sums = pairs.groupby(["rad", column])["m2"].sum().reset_index()
    return sums.sort_values("m2", ascending=False, kind="stable")


def _from_kin(found: dict[int, Aarsak], slekt: tuple[Indices, Indices]) -> dict[int, Aarsak]:
    """Give a row that is explained badly or not at all the cause of the row that it shares land with.

    A new lot beside a road plan holds none of the plan's land: the lot that it was split from lost that.
    """
    result = dict(found)
    for i, j in _both_ways(slekt):
        own, kin = result.get(i), found.get(j)
        if kin and (own is None or (own.andel <= 0.5 and kin.andel > own.andel)):
            result[i] = kin
    return result


def _both_ways(pairs: tuple[Indices, Indices]) -> Iterable[tuple[int, int]]:
    return zip(np.concatenate(pairs).tolist(), np.concatenate(pairs[::-1]).tolist(), strict=True)


def _from_omraade(
    found: dict[int, Aarsak],
    omraade: tuple[npt.NDArray[np.object_], ...],
    *,
    size: pd.Series,
    open_: npt.NDArray[np.bool_],
) -> dict[int, Aarsak]:
    """Give open rows without a cause that of the row of their område, before or now, that changed most."""
    first: dict[str, Aarsak] = {}
    for i in sorted(found, key=lambda i: (-size.get(i, 0.0), i)):
        for ids in omraade:
            if ids[i] is not None:
                first.setdefault(ids[i], found[i])
    result = dict(found)
    for i in np.flatnonzero(open_).tolist():
        near = next((first[ids[i]] for ids in omraade if ids[i] in first), None)
        if i not in found and near:
            result[i] = near
    return result


def _nearby(lots: Endrede, tools: _Tools) -> dict[int, Aarsak]:
    """Return what the changes next to each lot explain."""
    alive = np.where(shapely.is_missing(lots.naa), lots.foer, lots.naa)
    rows = np.flatnonzero(~shapely.is_missing(alive))
    around = polygonal(shapely.buffer(alive[rows], NAERHET_M, quad_segs=2))
    around = shapely.difference(around, alive[rows])
    return _explain(around, rows, _overlaps(around, rows, tools))
