"""Which circles to ask about, and which address is the nearest: pure, EPSG:25833."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.sources.adressesok import Circle

Places = npt.NDArray[np.float64]
"""One row a lot: the middle of its box, east and north, and how far its land may reach from there, m."""


def places(tomter: gpd.GeoDataFrame) -> Places:
    """Return the middle of each lot's box and half its diagonal."""
    west, south, east, north = shapely.bounds(tomter.geometry.to_numpy()).T
    return np.column_stack([(west + east) / 2, (south + north) / 2, np.hypot(east - west, north - south) / 2])


def plan_questions(
    points: Places, chosen: npt.ArrayLike, *, maks_avstand_m: float, maks_radius_m: float
) -> list[Circle]:
    """Return circles that hold every chosen lot and all that is near it, each lot in one.

    Lots are divided along the longer side of their box until a circle is small enough; the circle of a single lot, or
    of lots in one spot, is as large as they need.

    Parameters
    ----------
    points
        Of all lots, as from `places`.
    chosen
        Rows of the lots to ask about.
    maks_avstand_m
        How far around a lot addresses are wanted.
    maks_radius_m
        Largest circle that several lots may share.

    Examples
    --------
    >>> lots = np.array([[0.0, 0.0, 20.0], [60.0, 0.0, 20.0], [9000.0, 0.0, 20.0]])
    >>> for c in plan_questions(lots, [0, 1, 2], maks_avstand_m=500, maks_radius_m=1000):
    ...     print(c.ost, c.radius_m, c.tomter)
    30.0 550.0 (0, 1)
    9000.0 520.0 (2,)
    """
    waiting = [np.asarray(chosen, dtype=np.intp)]
    circles: list[Circle] = []
    while waiting:
        rows = waiting.pop()
        if not len(rows):
            continue
        circle = _circle_around(points, rows, maks_avstand_m)
        parts = _divided(points, rows) if circle.radius_m > maks_radius_m else []
        if parts:
            waiting += reversed(parts)
        else:
            circles.append(circle)
    return circles


def _circle_around(points: Places, rows: npt.NDArray[np.intp], maks_avstand_m: float) -> Circle:
    xy, reach = points[rows, :2], points[rows, 2]
    east, north = (xy.min(axis=0) + xy.max(axis=0)) / 2
    radius = float((np.hypot(*(xy - (east, north)).T) + reach).max()) + maks_avstand_m
    return Circle(float(east), float(north), radius, tuple(rows.tolist()))


def _divided(points: Places, rows: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Return the two halves of a group of lots, or nothing when they lie in one spot."""
    xy = points[rows, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    axis = int((high - low).argmax())
    first = xy[:, axis] < (low[axis] + high[axis]) / 2
    return [rows[first], rows[~first]] if first.any() and not first.all() else []


def nearest(tomter: gpd.GeoDataFrame, adresser: gpd.GeoDataFrame, *, maks_avstand_m: float) -> pd.DataFrame:
    """Return the nearest address of each lot, measured from its edge.

    Of several that are as near (all those on the lot), the one nearest to the lot's point is taken, then the first by
    its text.

    Parameters
    ----------
    tomter
        Lots with ost_25833 and nord_25833.
    adresser
        adresse, postnummer, poststed, and a point in EPSG:25833.

    Returns
    -------
    pandas.DataFrame
        adresse, postnummer, poststed, avstand_m by the index of `tomter`; None and NaN where there is none within
        `maks_avstand_m`.
    """
    columns = ["adresse", "postnummer", "poststed"]
    tree = shapely.STRtree(adresser.geometry.to_numpy())
    (tomt, adresse), distance = tree.query_nearest(
        tomter.geometry.to_numpy(), max_distance=maks_avstand_m, return_distance=True, all_matches=True
    )
    pairs = adresser[columns].iloc[adresse].reset_index(drop=True)
    pairs["avstand_m"], pairs["tomt"] = distance, tomt
    point = adresser.geometry.iloc[adresse]
    lot = tomter[["ost_25833", "nord_25833"]].to_numpy(dtype=np.float64)[tomt]
    pairs["fra_punkt"] = np.hypot(point.x.to_numpy() - lot[:, 0], point.y.to_numpy() - lot[:, 1])
    # Distances within a millimetre are one distance: else the machine decides.
    pairs["grovt"] = pairs["avstand_m"].round(3)
    best = pairs.sort_values(["tomt", "grovt", "fra_punkt", "adresse", "postnummer"]).drop_duplicates("tomt")
    found: pd.DataFrame = best.set_index("tomt")[[*columns, "avstand_m"]].reindex(range(len(tomter)))
    return found.set_axis(tomter.index)
