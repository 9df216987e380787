"""Sentralitet: how far it is from each lot to a tettsted, a stop and daily services.

A row is a lot, in the order of the lots. Distances are from the lot's edge, metres; NaN: the layer is not known; inf:
nothing within reach. The straight line comes first. Where roads are known and the lot lies near one, the way along
them takes its place: leg to the road + along it + leg to the target. It is never shorter than the straight line, and
counts as `omvei.faktor` straight lines at most, also where no road leads there: beyond that people take paths, which
the road network does not hold, or roads of the neighbour kommune.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.tomtefaktorer import LANGS_VEG, LUFTLINJE, Tettstedsdel
from tasks.scoring.tomt.omgivelser import Omgivelser
from tasks.scoring.tomt.vegnett import Geometries, Tall, Tilknytning, Vegnett, bygg_vegnett

TJENESTER = ("dagligvare", "skole", "barnehage")
SIDER_PER_BIT = 8
"""Edges of tettsteder are measured in pieces of so many sides: one has thousands."""


def maal_sentralitet(lag: Omgivelser) -> pd.DataFrame:
    """Return tettsted_navn, tettsted_folketall, tettsted_m, holdeplass_navn, holdeplass_m, dagligvare_m, skole_m,
    barnehage_m and avstand_metode of each lot.

    Parameters
    ----------
    lag
        In a projected CRS in metres (`Omgivelser.i_sone`).
    """  # noqa: D205
    lots, near = _shapes(lag.tomter), lag.faktorer.rekkevidde
    net = lag.veglenker if lag.veglenker is not None and len(lag.veglenker) else None
    veier = None if net is None else Veier.av(lots, bygg_vegnett(net, minste_nett_m=near.minste_nett_m), lag)
    parts = [
        maal_tettsted(lots, lag.tettsteder, lag.faktorer.sentralitet.tettsted, innen_m=near.tettsted_m, veier=veier),
        _naermeste(lots, lag.holdeplasser, "stopp_id", innen_m=near.holdeplass_m, veier=veier).rename(
            columns={"navn": "holdeplass_navn", "avstand_m": "holdeplass_m"}
        ),
    ]
    for slag in TJENESTER:
        of_kind = None if lag.tjenester is None else lag.tjenester[lag.tjenester["slag"] == slag]
        found = _naermeste(lots, of_kind, "tjeneste_id", innen_m=near.tjeneste_m, veier=veier)
        parts.append(found[["avstand_m"]].rename(columns={"avstand_m": f"{slag}_m"}))
    tied = np.zeros(len(lots), dtype=bool) if veier is None else veier.er_tilknyttet
    metode = pd.Series(np.where(tied, LANGS_VEG, LUFTLINJE), dtype=object, name="avstand_metode")
    return pd.concat([*parts, metode], axis=1).set_axis(lag.tomter.index)


class Veier:
    """The road network, and where the lots are tied to it."""

    def __init__(self, nett: Vegnett, tomter: Tilknytning, antall: int, *, tilkobling_m: float, omvei: float) -> None:
        self.nett, self.tomter, self.tilkobling_m, self.omvei = nett, tomter, tilkobling_m, omvei
        self.er_tilknyttet = np.isin(np.arange(antall), tomter.sted)

    @classmethod
    def av(cls, lots: Geometries, nett: Vegnett, lag: Omgivelser) -> Veier:
        """Return the network with the lots tied to it."""
        reach, omvei = lag.faktorer.rekkevidde.tilkobling_m, lag.faktorer.sentralitet.omvei.faktor
        return cls(nett, nett.tilknytt(lots, innen_m=reach), len(lots), tilkobling_m=reach, omvei=omvei)

    def langs(self, luftlinje: Tall, maal: Tilknytning, gjelder: npt.NDArray[np.bool_]) -> pd.DataFrame:
        """Return avstand_m of each lot in place of the straight line, and maal: the target, -1 that of the line.

        Parameters
        ----------
        luftlinje
            Of each lot to its nearest target, m; finite where `gjelder`.
        """
        told = pd.DataFrame({"avstand_m": luftlinje, "maal": np.full(len(luftlinje), -1, dtype=np.intp)})
        asked = gjelder & self.er_tilknyttet & np.isfinite(luftlinje)
        if not asked.any():
            return told
        most = luftlinje * self.omvei
        chosen = self.tomter.of(asked[self.tomter.sted])
        way = self.nett.avstander(chosen, maal, innen_m=float(most[asked].max()))
        shorter = way[way["avstand_m"].to_numpy() <= most[way.index.to_numpy()]]
        told.loc[asked, "avstand_m"] = most[asked]
        at = shorter.index.to_numpy()
        told.loc[at, "avstand_m"] = np.maximum(shorter["avstand_m"].to_numpy(), luftlinje[at])
        told.loc[at, "maal"] = shorter["maal"].to_numpy()
        return told


def _naermeste(
    lots: Geometries, steder: gpd.GeoDataFrame | None, noekkel: str, *, innen_m: float, veier: Veier | None
) -> pd.DataFrame:
    """Return avstand_m to the nearest of some points, and its navn where they have one."""
    if steder is None:
        return pd.DataFrame({"navn": np.full(len(lots), None, dtype=object), "avstand_m": np.full(len(lots), np.nan)})
    steder = _sorted(steder, noekkel)
    points = _shapes(steder)
    distance, which = np.full(len(lots), np.inf), np.full(len(lots), -1, dtype=np.intp)
    if len(points):
        tree = shapely.STRtree(points)
        (lot, place), away = tree.query_nearest(lots, max_distance=innen_m, return_distance=True)
        first = _first_of(lot, place)
        distance[lot[first]], which[lot[first]] = away[first], place[first]
        if veier is not None:
            along = veier.langs(distance, veier.nett.tilknytt(points, innen_m=veier.tilkobling_m), which >= 0)
            distance = along["avstand_m"].to_numpy()
            which = np.where(along["maal"] >= 0, along["maal"], which)
    names = steder["navn"] if "navn" in steder else pd.Series([None] * len(steder), dtype=object)
    return pd.DataFrame({"navn": pd.Series(_taken(names, which), dtype=object), "avstand_m": distance})


def maal_tettsted(
    lots: Geometries,
    tettsteder: gpd.GeoDataFrame | None,
    regler: Tettstedsdel,
    *,
    innen_m: float,
    veier: Veier | None = None,
) -> pd.DataFrame:
    """Return tettsted_navn, tettsted_folketall and tettsted_m of the tettsted that gives each lot most.

    Notes
    -----
    What it gives is share by distance × share by inhabitants; where none gives anything, and among those that give as
    much, the nearest counts. One whose inhabitants are not known gives nothing in this choice. It is chosen by the
    straight line, so that the choice is the same whether roads are known or not.
    """
    if tettsteder is None:
        none = np.full(len(lots), np.nan)
        return _told(np.full(len(lots), None, dtype=object), none, none)
    rows = _sorted(tettsteder, "tettstedsnummer")
    which, distance = _choose(lots, rows, regler, innen_m=innen_m)
    if veier is not None:
        shapes = _shapes(rows)
        for k in np.unique(which[(which >= 0) & (distance > 0)]):
            here = (which == k) & (distance > 0)
            distance = veier.langs(distance, veier.nett.ender(shapes[k]), here)["avstand_m"].to_numpy()
    return _told(_taken(rows["navn"], which), _taken(rows["folketall"], which, mangler=np.nan).astype(float), distance)


def _told(navn: Geometries, folketall: Tall, avstand_m: Tall) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tettsted_navn": pd.Series(navn, dtype=object),
            "tettsted_folketall": folketall,
            "tettsted_m": avstand_m,
        }
    )


def _choose(
    lots: Geometries, rows: gpd.GeoDataFrame, regler: Tettstedsdel, *, innen_m: float
) -> tuple[npt.NDArray[np.intp], Tall]:
    """Return the row of each lot's tettsted, -1 for none, and the straight line to it."""
    which = np.full(len(lots), -1, dtype=np.intp)
    shapes = _shapes(rows)
    size = np.nan_to_num(regler.folketall.andel(rows["folketall"].to_numpy(dtype=float)), nan=0.0)
    distance, worth = np.full(len(lots), np.inf), np.full(len(lots), -1.0)
    boxes, bounds = shapely.bounds(shapes), shapely.bounds(lots)
    for k in np.argsort(-size, kind="stable"):
        least = _between(bounds, boxes[k])
        possible = regler.avstand.andel(least) * size[k]
        asked = (least <= innen_m) & ((possible > worth) | ((possible >= worth) & (least <= distance)))
        away = np.full(len(lots), np.inf)
        away[asked] = _to_area(lots[asked], shapes[k], innen_m=innen_m)
        given = np.where(np.isfinite(away), regler.avstand.andel(away) * size[k], -1.0)
        better = (given > worth) | ((given == worth) & (away < distance))
        which[better], distance[better], worth[better] = k, away[better], given[better]
    return which, distance


def _between(bounds: Tall, box: Tall) -> Tall:
    """Return how far bounding boxes are from one."""
    dx = np.maximum(np.maximum(box[0] - bounds[:, 2], bounds[:, 0] - box[2]), 0.0)
    dy = np.maximum(np.maximum(box[1] - bounds[:, 3], bounds[:, 1] - box[3]), 0.0)
    return np.asarray(np.hypot(dx, dy))


def _to_area(lots: Geometries, area: shapely.Geometry, *, innen_m: float) -> Tall:
    """Return how far each lot is from an area, 0 inside, inf beyond reach."""
    distance = np.full(len(lots), np.inf)
    if not len(lots):
        return distance
    tree = shapely.STRtree(_pieces(shapely.boundary(area)))
    (lot, _), away = tree.query_nearest(lots, max_distance=innen_m, return_distance=True)
    distance[lot] = away
    shapely.prepare(area)
    distance[shapely.intersects(area, lots)] = 0.0
    return distance


def _pieces(line: shapely.Geometry) -> Geometries:
    """Return a line in pieces of so many sides, each beginning where the one before ends."""
    pieces: list[Tall] = []
    for part in shapely.get_parts(line):
        xy = shapely.get_coordinates(part)
        pieces += [xy[i : i + SIDER_PER_BIT + 1] for i in range(0, len(xy) - 1, SIDER_PER_BIT)]
    return np.array([shapely.linestrings(xy) for xy in pieces], dtype=object)


def _first_of(group: npt.NDArray[np.intp], value: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the position of the smallest value of each group."""
    order = np.lexsort((value, group))
    return order[np.unique(group[order], return_index=True)[1]]


def _taken(values: pd.Series, which: npt.NDArray[np.intp], *, mangler: float | None = None) -> Geometries:
    """Return the values at some positions, `mangler` at -1."""
    some: Geometries = np.append(values.to_numpy(dtype=object), np.array([mangler], dtype=object))
    return some[which]


def _sorted(frame: gpd.GeoDataFrame, key: str) -> gpd.GeoDataFrame:
    """Return a frame by its key: which of two places as far away is told must not hang on the order of rows."""
    return frame.sort_values(key, kind="stable")


def _shapes(frame: gpd.GeoDataFrame) -> Geometries:
    return np.asarray(frame.geometry.to_numpy(), dtype=object)
