"""Plasser: small surroundings of lots, drawn by hand in EPSG:25833, for the tests of what is measured of them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from tasks.contracts import KJERNER
from tasks.crs import STORAGE_CRS
from tasks.scoring.tomt.konflikt import Konfliktmaal
from tasks.scoring.tomt.omgivelser import Omgivelser
from tasks.tomtekontrakter import KONFLIKTER, KONTEKSTDEKNING

OST, NORD = 260_000.0, 6_620_000.0
"""Where the drawings have their (0, 0)."""


def at(x: float, y: float) -> shapely.Point:
    return shapely.Point(OST + x, NORD + y)


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(OST + west, NORD + south, OST + east, NORD + north)


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(OST + x, NORD + y) for x, y in points])


def frame(geometry, **columns) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=STORAGE_CRS)


def lots(*shapes: shapely.Geometry, units=None) -> gpd.GeoDataFrame:
    n = len(shapes)
    return frame(
        shapes,
        tomt_id=[f"7001-{k:06d}" for k in range(n)],
        teig_id=[f"t{k}" for k in range(n)],
        matrikkelenheter=units or [[f"7001-{k}/1/0/0"] for k in range(n)],
        areal_m2=[float(shapely.area(s)) for s in shapes],
        kjerne_m2=[0.0] * n,
    )


def spot(x: float, y: float) -> shapely.Polygon:
    """Return a lot of 30 m × 20 m; (x, y) is the middle of its eastern side."""
    return box(x - 30, y - 10, x, y + 10)


def roads(*links: tuple[str, str, shapely.LineString], kategori: str = "K") -> gpd.GeoDataFrame:
    return frame(
        [g for _, _, g in links],
        lenke_id=[f"l{k}" for k in range(len(links))],
        vegkategori=[kategori] * len(links),
        typeveg=[None] * len(links),
        fra_node=[a for a, _, _ in links],
        til_node=[b for _, b, _ in links],
        lengde_m=[1.0] * len(links),
    )


def stops(**places: tuple[float, float]) -> gpd.GeoDataFrame:
    names = list(places)
    return frame([at(*places[n]) for n in names], stopp_id=names, navn=names, transport=[["bus"]] * len(names))


def services(*rows: tuple[str, str, float, float]) -> gpd.GeoDataFrame:
    return frame(
        [at(x, y) for _, _, x, y in rows],
        tjeneste_id=[f"b{k}" for k in range(len(rows))],
        slag=[slag for slag, _, _, _ in rows],
        bygningstype=[kind for _, kind, _, _ in rows],
    )


def surroundings(tomter: gpd.GeoDataFrame, **known) -> Omgivelser:
    """Return surroundings of which only these are known."""
    usual = {"kjerner": KJERNER.empty(), "konflikter": KONFLIKTER.empty(), "dekning": KONTEKSTDEKNING.empty()}
    return Omgivelser(tomter, **(usual | known))


def unharmed(tomter: pd.DataFrame) -> Konfliktmaal:
    """Return what is measured of conflicts where there are none."""
    n = len(tomter)
    rows = {"tomt_id": tomter["tomt_id"].to_numpy(), "byggbar_m2": [100.0] * n, "fri_m2": [90.0] * n}
    stopped = {"er_stoppet": [False] * n, "stopp_grunn": [None] * n, "ukjente_tema": [["flom"]] * n}
    return Konfliktmaal(pd.DataFrame(), pd.DataFrame(rows | stopped))
