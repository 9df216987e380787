"""An invented kommune for the measure of conflict: lots with cores, and polygons of twenty themes; a seed, one world.

Density is constant: 40,000 lots are a larger 10,000. A theme is of one kind: blobs (reserves, polluted ground),
ribbons in two strengths (noise along roads, the red inside the yellow), patches (monuments, most of them on lots),
tiles that cover everything with some missing (soil), and besides one coastline of very many vertices for every 2,000
lots (susceptibility maps). Some features are drawn twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.konflikt import Konflikter, Konfliktlag, Konfliktregler, Konflikttema
from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tests.bench.municipality import polygons
from tests.bench.shapes import Floats, blobs, ribbons

Geometries = npt.NDArray[np.object_]

EPSG = STORAGE_EPSG
CELL_M = 220.0
ORIGIN = np.array([250_000.0, 6_620_000.0])
TEMAER = 20
PER_LOT = 5
"""Polygons for each lot, all themes together."""
COAST_VERTICES, LOTS_PER_COAST = 20_000, 2_000
ALVOR_AV = ("myk", "hard", "stopp", "myk")


@dataclass(frozen=True)
class Land:
    """What `maal_konflikt` is given."""

    tomter: gpd.GeoDataFrame
    kjerner: gpd.GeoDataFrame
    konflikter: gpd.GeoDataFrame
    dekning: pd.DataFrame
    register: Konflikter


def konfliktland(tomter: int, *, seed: int = 1, temaer: int = TEMAER) -> Land:
    """Return a kommune with so many lots and PER_LOT times as many polygons."""
    rng = np.random.Generator(np.random.PCG64(seed))
    across = int(np.ceil(np.sqrt(tomter)))
    place = np.stack(np.divmod(np.sort(rng.permutation(across * across)[:tomter]), across), axis=1)
    centre = (place + rng.uniform(0.3, 0.7, place.shape)) * CELL_M + ORIGIN
    radius = np.clip(rng.lognormal(np.log(38), 0.4, tomter), 18, 100)
    lots, cores = _lots(rng, centre, radius)
    register = _register(temaer)
    frames = [_theme(rng, k, PER_LOT * tomter // temaer, centre=centre, extent=across * CELL_M) for k in range(temaer)]
    konflikter = gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=STORAGE_CRS)
    ids = [f"7001-{i:06d}" for i in range(tomter)]
    has = np.flatnonzero(~shapely.is_missing(cores))
    own = shapely.area(cores)
    return Land(
        gpd.GeoDataFrame({"tomt_id": ids, "kjerne_m2": np.nan_to_num(own)}, geometry=lots, crs=STORAGE_CRS),
        gpd.GeoDataFrame(
            {"tomt_id": np.array(ids, dtype=object)[has], "areal_m2": own[has]}, geometry=cores[has], crs=STORAGE_CRS
        ),
        konflikter,
        pd.DataFrame({"lag": [f"lag{k}" for k in range(temaer)], "er_kjent": True}),
        register,
    )


def _register(temaer: int) -> Konflikter:
    return Konflikter(
        regler=Konfliktregler(stopp_andel=0.5, straff={"stopp": 1, "hard": 1, "myk": 0.4}),
        tema={f"tema{k}": Konflikttema(navn=f"Tema {k}", vekt=1, trengs=(f"lag{k}",)) for k in range(temaer)},
        lag={
            f"lag{k}": Konfliktlag(
                navn=f"Lag {k}", tema=f"tema{k}", annet="myk", tar_av_kjernen=k % 3 == 0, kilde="antatt"
            )
            for k in range(temaer)
        },
    )


def _lots(rng: np.random.Generator, centre: Floats, radius: Floats) -> tuple[Geometries, Geometries]:
    """Return lots of 20 to 144 points, simplified as parcels are, and their cores; some have none."""
    lots = shapely.simplify(polygons(*blobs(rng, centre, radius, square=True)), 1.0)
    cores = shapely.buffer(lots, -8, quad_segs=2)
    one = np.isin(shapely.get_type_id(cores), [shapely.GeometryType.POLYGON]) & (shapely.area(cores) > 500)
    cores[~one | (rng.random(len(cores)) < 0.1)] = None
    return lots, cores


def _theme(rng: np.random.Generator, k: int, count: int, *, centre: Floats, extent: float) -> pd.DataFrame:
    """Return the rows of one theme."""
    kind = (_blobs, _ribbons, _patches, _tiles)[k % 4]
    geometry, alvor = kind(rng, count, centre, extent, ALVOR_AV[k % 4 if k < 16 else 0])
    coasts = len(centre) // LOTS_PER_COAST if k % 4 == 3 else 0
    if coasts:
        geometry[:coasts] = _coasts(rng, coasts, extent)
    twice = len(geometry) // 100
    geometry[-twice or len(geometry) :] = geometry[:twice]
    return pd.DataFrame(
        {
            "lag": f"lag{k}",
            "tema": f"tema{k}",
            "alvor": alvor,
            "verdi": None,
            "navn": [f"Sted {i % 997}" for i in range(len(geometry))],
            "geometry": geometry,
        }
    )


def _blobs(
    rng: np.random.Generator, count: int, centre: Floats, extent: float, alvor: str
) -> tuple[Geometries, Geometries]:
    radius = np.clip(rng.lognormal(np.log(110), 0.6, count), 20, 900)
    return polygons(*blobs(rng, rng.random((count, 2)) * extent + ORIGIN, radius)), _all(count, alvor)


def _ribbons(
    rng: np.random.Generator, count: int, centre: Floats, extent: float, alvor: str
) -> tuple[Geometries, Geometries]:
    """Return ribbons, the yellow zones, and red ones inside a half of them."""
    yellow = polygons(*ribbons(rng, rng.random((count - count // 2, 2)) * extent + ORIGIN))
    red = shapely.buffer(yellow[: count // 2], -8, quad_segs=2)
    gone = shapely.is_empty(red)
    red[gone] = yellow[: count // 2][gone]
    return np.concatenate([yellow, red]), np.concatenate([_all(len(yellow), "myk"), _all(len(red), "hard")])


def _patches(
    rng: np.random.Generator, count: int, centre: Floats, extent: float, alvor: str
) -> tuple[Geometries, Geometries]:
    """Return discs, most of them at a lot, several at some."""
    at = centre[rng.integers(0, len(centre), count)] + rng.normal(0, 35, (count, 2))
    return shapely.buffer(shapely.points(at), rng.uniform(5, 25, count), quad_segs=8), _all(count, alvor)


def _tiles(
    rng: np.random.Generator, count: int, centre: Floats, extent: float, alvor: str
) -> tuple[Geometries, Geometries]:
    """Return squares that share borders, warped as land is, a third of them missing."""
    across = int(np.ceil(np.sqrt(1.5 * count)))
    side = extent / across
    column, row = np.divmod(np.sort(rng.permutation(across * across)[:count]), across)
    t = np.linspace(0, 1, 12, endpoint=False)
    ring = np.concatenate([np.c_[t, 0 * t], np.c_[0 * t + 1, t], np.c_[1 - t, 0 * t + 1], np.c_[0 * t, 1 - t]])
    xy = (np.stack([column, row], axis=1)[:, None] + ring) * side
    bent = xy + 18 * np.sin(xy[..., ::-1] / 47)
    return polygons(bent + ORIGIN, np.ones(bent.shape[:2], dtype=bool)), _all(count, alvor)


def _coasts(rng: np.random.Generator, count: int, extent: float) -> Geometries:
    """Return strips from border to border, crooked at every scale, of COAST_VERTICES points."""
    half = COAST_VERTICES // 2
    x = np.linspace(0, extent, half)
    result = []
    for y in rng.uniform(0.1, 0.9, count) * extent:
        wave = sum(
            rng.uniform(0.3, 1) * length / 14 * np.sin(2 * np.pi * x / length + rng.uniform(0, 6))
            for length in extent / np.geomspace(2, half / 8, 9)
        )
        lower, width = y + wave, 60 + 40 * np.sin(x / 900)
        result.append(
            shapely.Polygon(np.concatenate([np.c_[x, lower], np.c_[x, lower + width][::-1]]).round(3) + ORIGIN)
        )
    return np.array(result, dtype=object)


def _all(count: int, alvor: str) -> Geometries:
    return np.full(count, alvor, dtype=object)
