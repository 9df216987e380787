"""Skifte: the lots that changed between two runs, how each was and how it is.

A row is one lot that differs from the last run by more than the corner that it is drawn from; no key of its own. CRS:
EPSG:25833. Words and causes are found from this (`ledger`, `aarsak`).
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.errors import IdentityError
from tasks.land.aarsak import Endrede
from tasks.land.clean import Geometries, repair
from tasks.land.differanse import Indices, hits
from tasks.land.identity import AKTIV

SAMME_M2 = 1e-6
"""Areas this near are the same: summed from another corner, they differ in the last digits."""

MINSTE_M2 = 1.0
"""What is left of a gone lot counts from here."""


def changed(foer: gpd.GeoDataFrame, naa: gpd.GeoDataFrame) -> tuple[Indices, Indices]:
    """Return the rows of `naa` that differ from the last run, by id, and for each its row in `foer` or −1."""
    now, before = pd.Index(texts(naa["tomt_id"])), pd.Index(texts(foer["tomt_id"]))
    lost = before.difference(now)
    if len(lost):
        raise IdentityError(
            f"The ledger knows {len(lost)} lots that out/tomter does not, first {', '.join(lost[:3])}: ids would be "
            "given twice. Bring back out/tomter, or move the kommune's file in out/hendelser away to begin anew."
        )
    old = before.get_indexer(now).astype(np.intp)
    known = np.flatnonzero(old >= 0)
    area, area_before = (f["areal_m2"].to_numpy(dtype=float)[k] for f, k in ((naa, known), (foer, old[known])))
    alike = np.isclose(area, area_before, rtol=0, atol=SAMME_M2, equal_nan=True)
    for column in ("tilstand", "teig_id", "omraade_id", "differanse"):
        alike &= texts(naa[column])[known] == texts(foer[column])[old[known]]
    alike[alike] = same_land(naa.geometry.to_numpy()[known[alike]], foer.geometry.to_numpy()[old[known[alike]]])
    rows = np.setdiff1d(np.arange(len(naa)), known[alike])
    rows = rows[np.argsort(now[rows].to_numpy(dtype=object), kind="stable")]
    return rows, old[rows]


def same_land(a: Geometries, b: Geometries) -> npt.NDArray[np.bool_]:
    """Return where two polygons are the same land, whatever corner they begin at."""
    same: npt.NDArray[np.bool_] = shapely.equals_exact(a, b)
    other = np.flatnonzero(~same)
    other = other[shapely.is_valid(a[other]) & shapely.is_valid(b[other])]
    same[other] = shapely.equals(a[other], b[other])
    return same


class Skifte:
    """The lots that changed: how they were (the row −1 for none) and how they are."""

    def __init__(self, foer: gpd.GeoDataFrame, naa: gpd.GeoDataFrame, rows: Indices, old: Indices) -> None:
        known = old >= 0

        def before(values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
            result = np.full(len(rows), None, dtype=object)
            result[known] = values[old[known]]
            return result

        self.ids = texts(naa["tomt_id"])[rows]
        self.teig_now, self.omraade_now = (texts(naa[c])[rows] for c in ("teig_id", "omraade_id"))
        self.area_now = naa["areal_m2"].to_numpy(dtype=float)[rows]
        self.is_alive = texts(naa["tilstand"])[rows] == AKTIV
        self.was_known = known
        self.was_alive = before(texts(foer["tilstand"])) == AKTIV
        self.area_before = before(foer["areal_m2"].to_numpy(dtype=object)).astype(float)
        self.teig_before, self.omraade_before = (before(texts(foer[c])) for c in ("teig_id", "omraade_id"))
        self.teig_before[~self.was_alive], self.omraade_before[~self.was_alive] = None, None
        self.klasse_now = texts(naa["differanse"])[rows]
        self.skiftet = self.was_alive & self.is_alive & (before(texts(foer["differanse"])) != self.klasse_now)
        # Overlay wants valid land; what is recorded is the land as it is.
        self.land_before, self.land_now = before(foer.geometry.to_numpy()), naa.geometry.to_numpy()[rows]
        self.land_before[~self.was_alive], self.land_now[~self.is_alive] = None, None
        self.land_before, self.land_now = repair(self.land_before)[0], repair(self.land_now)[0]
        self._slekt, self._slekt_m2 = self._find_kin()

    def _find_kin(self) -> tuple[tuple[Indices, Indices], npt.NDArray[np.float64]]:
        """Return the pairs (from, to) that share over half of the smaller one, one of them gone or new; and the m²."""
        olds, news = (np.flatnonzero(~shapely.is_missing(g)) for g in (self.land_before, self.land_now))
        if not len(olds) or not len(news):
            return (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)), np.empty(0)
        i, j = hits(self.land_before[olds], self.land_now[news])
        i, j = olds[i], news[j]
        passed = (i != j) & (~self.is_alive[i] | ~self.was_alive[j])
        i, j = i[passed], j[passed]
        a, b = self.land_before[i], self.land_now[j]
        shared = shapely.area(shapely.intersection(a, b))
        most = shared > 0.5 * np.minimum(shapely.area(a), shapely.area(b))
        return (i[most], j[most]), shared[most]

    def relatives(self) -> tuple[list[list[int]], list[list[int]]]:
        """Return for each lot those whose land it took over, and those that took over its land."""
        fra: list[list[int]] = [[] for _ in self.ids]
        til: list[list[int]] = [[] for _ in self.ids]
        for i, j in zip(*self._slekt, strict=True):
            til[i].append(int(j))
            fra[j].append(int(i))
        return fra, til

    def left(self, rester: Geometries, til: list[list[int]]) -> npt.NDArray[np.float64]:
        """Return the m² that are left of each gone lot and part of no other; less than 1 m² is none."""
        left = np.zeros(len(self.ids))
        alone = np.array([not kin for kin in til], dtype=bool)
        rows = np.flatnonzero(alone & ~self.is_alive & ~shapely.is_missing(self.land_before))
        if len(rows) and len(rester):
            lots = self.land_before[rows]
            i, j = hits(np.array(lots, dtype=object), rester)
            shared = np.bincount(i, weights=shapely.area(shapely.intersection(lots[i], rester[j])), minlength=len(rows))
            # As a share of the lot's own area, which is that of the kommune's own zone.
            left[rows] = np.minimum(shared / shapely.area(lots), 1.0) * self.area_now[rows]
        left[left < MINSTE_M2] = 0.0
        return left

    def exchanged(self) -> npt.NDArray[np.float64]:
        """Return the part of each lot's former land that it lost; NaN where it was or is not alive."""
        lost = shapely.area(shapely.difference(self.land_before, self.land_now))
        share: npt.NDArray[np.float64] = lost / shapely.area(self.land_before)
        return share

    def evidence(self) -> Endrede:
        """Return what the search for causes looks at."""
        return Endrede(
            self.land_before,
            self.land_now,
            (self.teig_before, self.teig_now),
            (self.omraade_before, self.omraade_now),
            self._slekt,
            self._slekt_m2,
            self.skiftet,
        )


def texts(column: pd.Series) -> npt.NDArray[np.object_]:
    """Return a column as an array of objects."""
    return column.to_numpy(dtype=object)
