"""Befolkning: how many people live within 1 and 3 km of each lot, and how densely in its grunnkrets.

A row is a lot, in the order of the lots. Where people live inside a grunnkrets is not open data: they are spread
evenly over its buildings (cabins and sheds count as houses do), over its land where it has none. They are counted in
squares of `rute_m`: who lives within a diagonal of one (71 m for 50 m) of the circle may be counted or not.

Where buildings are not known nobody is spread: over the land would be more people around a lot in the outskirts than
live there. Those of a grunnkrets that lies wholly within the circle are counted, and where one lies across it the
count is not known.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.tomtefaktorer import Sentralitet
from tasks.scoring.tomt.omgivelser import Omgivelser
from tasks.scoring.tomt.vegnett import Geometries, Tall

RADIER = {"befolkning_1km": 1000.0, "befolkning_3km": 3000.0}
STOERSTE_RUTENETT = 16_000_000
"""Squares at most; larger kommuner are counted in larger squares (Kautokeino, 120 × 120 km: 5.8 million of 50 m)."""
LIKE_MANGE = 1000
"""Lots that are held against all grunnkretser at a time: 1000 × 500 of them are 4 MB a number."""
NOE = 1e-6
"""Less than this is what the transform leaves of nothing."""


def maal_befolkning(lag: Omgivelser) -> pd.DataFrame:
    """Return befolkning_1km, befolkning_3km and tetthet_per_km2 of each lot.

    Parameters
    ----------
    lag
        In a projected CRS in metres (`Omgivelser.i_sone`).

    Notes
    -----
    A count is NaN where a grunnkrets without a known number of people reaches into the circle, or buildings are not
    known and one lies across it, unless those who are sure give full points already: then no more would matter. The
    circle is drawn around a point inside the lot.
    """
    grunnkretser, n = lag.grunnkretser, len(lag.tomter)
    if grunnkretser is None or not n:
        return pd.DataFrame(dict.fromkeys([*RADIER, "tetthet_per_km2"], np.full(n, np.nan)), index=lag.tomter.index)
    points = shapely.point_on_surface(np.asarray(lag.tomter.geometry.to_numpy(), dtype=object))
    rows = grunnkretser.sort_values("grunnkretsnummer", kind="stable").reset_index(drop=True)
    result = _surely_within(points, rows, lag) if lag.bygninger is None else _within(points, rows, lag)
    result["tetthet_per_km2"] = _density(points, rows)
    return result.set_axis(lag.tomter.index)


def _density(points: Geometries, rows: gpd.GeoDataFrame) -> Tall:
    """Return inhabitants per km² of the grunnkrets that each point lies in, NaN outside of all."""
    areal = rows["areal_m2"].to_numpy(dtype=float)
    areal = np.where(areal > 0, areal, np.nan)
    of_each = rows["folketall"].to_numpy(dtype=float) / areal * 1e6
    point, krets = shapely.STRtree(_shapes(rows)).query(points, predicate="intersects")
    result = np.full(len(points), np.nan)
    order = np.lexsort((-krets, point))  # of several the first by number
    result[point[order]] = of_each[krets[order]]
    return result


def _surely_within(points: Geometries, rows: gpd.GeoDataFrame, lag: Omgivelser) -> pd.DataFrame:
    """Return the people of grunnkretser that lie wholly within the circles; by their bounding boxes."""
    xy, box = shapely.get_coordinates(points), shapely.bounds(_shapes(rows))
    grid = Rutenett.rundt(points, max(RADIER.values()), rute_m=lag.faktorer.rekkevidde.befolkning_rute_m)
    margin = math.sqrt(2) * grid.rute_m  # nobody is sure whom the squares might not count
    people = rows["folketall"].to_numpy(dtype=float)
    result = {navn: np.empty(len(points)) for navn in RADIER}
    for start in range(0, len(points), LIKE_MANGE):
        some = slice(start, start + LIKE_MANGE)
        low, high = box[:, :2] - xy[some, None], box[:, 2:] - xy[some, None]
        nearest = np.hypot(*np.moveaxis(np.maximum(np.maximum(low, -high), 0.0), 2, 0))
        farthest = np.hypot(*np.moveaxis(np.maximum(-low, high), 2, 0))
        for navn, radius in RADIER.items():
            inside = farthest <= radius - margin
            count = np.where(inside & ~np.isnan(people), people, 0.0).sum(axis=1)
            open_ = ((nearest <= radius + margin) & ~(inside & ~np.isnan(people)) & (people != 0)).any(axis=1)
            result[navn][some] = np.where(open_ & (count < _enough(lag.faktorer.sentralitet, navn)), np.nan, count)
    return pd.DataFrame(result)


def _within(points: Geometries, rows: gpd.GeoDataFrame, lag: Omgivelser) -> pd.DataFrame:
    from scipy.signal import oaconvolve

    grid = Rutenett.rundt(points, max(RADIER.values()), rute_m=lag.faktorer.rekkevidde.befolkning_rute_m)
    people = rows["folketall"].to_numpy(dtype=float)
    known, unknown = _spread(grid, rows, people, lag.bygninger)
    row, col = grid.ruter(shapely.get_coordinates(points))
    result = {}
    for navn, radius in RADIER.items():
        circle = grid.sirkel(radius)
        count = np.round(oaconvolve(known, circle, mode="same")[row, col], 3)
        if unknown.any():
            reached = oaconvolve(unknown, circle, mode="same")[row, col] > NOE
            count[reached & (count < _enough(lag.faktorer.sentralitet, navn))] = np.nan
        result[navn] = np.maximum(count, 0.0)
    return pd.DataFrame(result)


def _enough(sentralitet: Sentralitet, navn: str) -> float:
    """Return how many people give full points."""
    return {
        "befolkning_1km": sentralitet.befolkning_1km.antall.til,
        "befolkning_3km": sentralitet.befolkning_3km.antall.til,
    }[navn]


class Rutenett:
    """Squares of one side, in rows from the south and columns from the west."""

    def __init__(self, vest: float, soer: float, rader: int, kolonner: int, *, rute_m: float) -> None:
        self.vest, self.soer, self.form, self.rute_m = vest, soer, (rader, kolonner), rute_m

    @classmethod
    def rundt(cls, points: Geometries, margin_m: float, *, rute_m: float) -> Rutenett:
        """Return squares that cover points and what lies around them; larger ones where there would be too many."""
        xy = shapely.get_coordinates(points)
        low, high = xy.min(axis=0) - margin_m, xy.max(axis=0) + margin_m
        while math.prod((high - low) / rute_m) > STOERSTE_RUTENETT:
            rute_m *= 2
        first = np.floor(low / rute_m)  # on round coordinates, so that the squares do not move with the lots
        columns, rows = (np.floor(high / rute_m) - first + 1).astype(int)
        return cls(float(first[0]) * rute_m, float(first[1]) * rute_m, int(rows), int(columns), rute_m=rute_m)

    def ruter(self, xy: Tall) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the row and column of coordinates; they may lie outside."""
        cell = np.floor((xy - [self.vest, self.soer]) / self.rute_m).astype(np.intp)
        return cell[:, 1], cell[:, 0]

    def sum(self, xy: Tall, weights: Tall) -> Tall:
        """Return the sum of the weights in each square; what lies outside is left out."""
        row, col = self.ruter(xy)
        inside = (row >= 0) & (col >= 0) & (row < self.form[0]) & (col < self.form[1])
        cells = row[inside] * self.form[1] + col[inside]
        total = np.bincount(cells, weights=weights[inside], minlength=math.prod(self.form))
        return np.asarray(total.reshape(self.form), dtype=float)

    def midtpunkt(self, bounds: Tall) -> Tall:
        """Return the middles of the squares that a box reaches, coordinates."""
        low = np.maximum(np.floor((bounds[:2] - [self.vest, self.soer]) / self.rute_m), 0)
        high = np.minimum(np.floor((bounds[2:] - [self.vest, self.soer]) / self.rute_m), np.array(self.form[::-1]) - 1)
        col, row = (np.arange(a, b + 1) for a, b in zip(low, high, strict=True))
        grid = np.stack(np.meshgrid(col, row), axis=-1).reshape(-1, 2)
        return np.asarray([self.vest, self.soer] + (grid + 0.5) * self.rute_m, dtype=float)

    def rommer(self, bounds: Tall) -> bool:
        """Return whether a box lies within the squares."""
        rows, columns = self.form
        west, south, east, north = bounds
        return bool(
            west >= self.vest
            and south >= self.soer
            and east <= self.vest + columns * self.rute_m
            and north <= self.soer + rows * self.rute_m
        )

    def sirkel(self, radius_m: float) -> Tall:
        """Return a circle of squares: 1 where the middle lies within the radius of the middle of its own."""
        reach = int(radius_m // self.rute_m)
        steps = np.arange(-reach, reach + 1) * self.rute_m
        within = np.hypot(steps[:, None], steps[None, :]) <= radius_m
        return np.asarray(within, dtype=float)


def _spread(grid: Rutenett, rows: gpd.GeoDataFrame, people: Tall, bygninger: gpd.GeoDataFrame) -> tuple[Tall, Tall]:
    """Return the people in each square, and where those may live whose number is not known (more than 0)."""
    houses, lives = _houses(rows, bygninger)
    land, of, part = _land(grid, _shapes(rows), np.setdiff1d(np.arange(len(rows)), lives))
    xy, krets = np.concatenate([houses, land]), np.concatenate([lives, of])
    share = np.concatenate([1.0 / np.bincount(lives, minlength=len(rows))[lives], part])
    weight = people[krets] * share
    missing = np.isnan(weight)
    return grid.sum(xy[~missing], weight[~missing]), grid.sum(xy[missing], np.ones(int(missing.sum())))


def _houses(rows: gpd.GeoDataFrame, bygninger: gpd.GeoDataFrame) -> tuple[Tall, npt.NDArray[np.intp]]:
    """Return the coordinates of buildings and the grunnkrets of each."""
    if not len(bygninger):
        return np.empty((0, 2)), np.empty(0, dtype=np.intp)
    points = shapely.centroid(_shapes(bygninger))
    krets, point = shapely.STRtree(points).query(_shapes(rows), predicate="intersects")
    point, first = np.unique(point, return_index=True)
    return shapely.get_coordinates(points[point]), krets[first]


def _land(grid: Rutenett, shapes: Geometries, chosen: npt.NDArray[np.intp]) -> tuple[Tall, npt.NDArray[np.intp], Tall]:
    """Return the middles of the squares in each chosen grunnkrets, whose they are, and which part of it each holds.

    The part is that of its area where some of the grunnkrets lies outside of the squares. One that no middle lies in is
    a single place.
    """
    places, of, parts = [np.empty((0, 2))], [np.empty(0, dtype=np.intp)], [np.empty(0)]
    for k in chosen:
        middles = grid.midtpunkt(shapely.bounds(shapes[k]))
        shapely.prepare(shapes[k])
        inside, part = middles[shapely.contains_xy(shapes[k], middles)], grid.rute_m**2 / shapely.area(shapes[k])
        if len(inside) and grid.rommer(shapely.bounds(shapes[k])):
            part = 1.0 / len(inside)
        if not len(inside):
            inside, part = shapely.get_coordinates(shapely.point_on_surface(shapes[k])), 1.0
        places.append(inside)
        of.append(np.full(len(inside), k, dtype=np.intp))
        parts.append(np.full(len(inside), part))
    return np.concatenate(places), np.concatenate(of), np.concatenate(parts)


def _shapes(frame: gpd.GeoDataFrame) -> Geometries:
    return np.asarray(frame.geometry.to_numpy(), dtype=object)
