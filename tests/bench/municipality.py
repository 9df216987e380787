"""Invented municipalities of three sizes, the same bytes for the same size and seed.

A municipality is three GeoParquet files in EPSG:25832: `soner` (housing zones of a kommuneplan; half of them share
borders), `planer` (adopted reguleringsplaner: blobs, and long ones along roads, that overlap one another and cross
zone borders) and `teiger` (parcels that tile the land, road strips left out). Density is constant: L is a larger M.
Counts are those of Norwegian municipalities: M is about Nordre Follo, L about Bærum or Oslo.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tests.bench.shapes import Floats, blobs, ribbons, sectors

Geometries = npt.NDArray[np.object_]

EPSG = 25832
ORIGIN = np.array([590_000.0, 6_610_000.0])
BLOCK_M = (200.0, 150.0)
ROAD_M = 8.0
BLOCKS = ((6, 3, 4), (4, 3, 5), (3, 2, 6), (2, 1, 10), (1, 1, 14))
"""Kinds of block between roads: columns, rows, points at most along a side of a teig."""
BLOCK_SHARES = (0.28, 0.34, 0.14, 0.13, 0.11)


@dataclass(frozen=True)
class Size:
    """How many rows of each kind a municipality has."""

    soner: int
    planer: int
    teiger: int


SIZES = {"S": Size(186, 191, 6_100), "M": Size(1_071, 1_307, 29_900), "L": Size(3_623, 4_297, 118_400)}


class Files(NamedTuple):
    """Where the three files of a municipality lie."""

    soner: Path
    planer: Path
    teiger: Path


def municipality(name: str, *, seed: int, folder: Path) -> Files:
    """Return the files of a municipality; written when they are not there yet.

    Parameters
    ----------
    name
        S, M or L.
    folder
        Cache. A changed generator writes beside the old files, never over them.
    """
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in (Path(__file__), Path(blobs.__code__.co_filename))))
    place = folder / f"{name}-{seed}-{digest.hexdigest()[:10]}"
    files = Files(*(place / f"{kind}.parquet" for kind in ("soner", "planer", "teiger")))
    if not files.teiger.exists():
        place.mkdir(parents=True, exist_ok=True)
        frames = generate(SIZES[name], seed=seed)
        for frame, path in zip(frames, files, strict=True):
            temporary = path.with_suffix(f".{os.getpid()}.tmp")
            frame.to_parquet(temporary, compression="zstd", index=False)
            os.replace(temporary, path)
    return files


def generate(size: Size, *, seed: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return soner, planer and teiger of a municipality, each sorted along a Hilbert curve.

    Returns
    -------
    soner : sone_id, plan_id, klasse, arealstatus
    planer : plan_id
    teiger : teig_id
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    teiger, extent = _teiger(rng, size.teiger)
    soner = _soner(rng, size.soner, extent)
    planer = _planer(rng, size.planer, extent, soner)
    soner, planer, teiger = (_sorted(g) for g in (soner, planer, teiger))
    status = np.where(rng.random(len(soner)) < 0.8, "nåværende", "framtidig")
    return (
        _frame(soner, sone_id=_ids("S", len(soner)), plan_id="KP", klasse="bolig", arealstatus=status),
        _frame(planer, plan_id=_ids("P", len(planer))),
        _frame(teiger, teig_id=_ids("T", len(teiger))),
    )


def _ids(letter: str, count: int) -> list[str]:
    return [f"{letter}{i:06d}" for i in range(count)]


def _frame(geometry: Geometries, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(geometry))), geometry=geometry, crs=EPSG)


def _sorted(geometries: Geometries) -> Geometries:
    order = gpd.GeoSeries(geometries).hilbert_distance().to_numpy().argsort(kind="stable")
    result: Geometries = geometries[order]
    return result


def polygons(coordinates: Floats, used: npt.NDArray[np.bool_]) -> Geometries:
    """Return a polygon per row of coordinates, of the points in use, to the millimetre.

    Rounding makes the bytes the same where the last bits of a sine are not.

    Parameters
    ----------
    coordinates : (n, k, 2) array, m
    used : (n, k) array of bool
    """
    rings = shapely.linearrings(np.round(coordinates[used], 3), indices=np.nonzero(used)[0])
    result: Geometries = shapely.polygons(rings)
    if not (valid := shapely.is_valid(result)).all():
        raise ValueError(f"{(~valid).sum()} of {len(result)} invented polygons are invalid: draw calmer shapes.")
    return result


# --- teiger ---


def _teiger(rng: np.random.Generator, count: int) -> tuple[Geometries, Floats]:
    """Return the teiger, and width and height of the land, m."""
    wanted = count + count // 100
    kinds = rng.choice(len(BLOCKS), size=count, p=BLOCK_SHARES)
    cells = np.array([columns * rows for columns, rows, _ in BLOCKS])
    kinds = kinds[: int(np.searchsorted(np.cumsum(cells[kinds]), wanted)) + 1]
    across = round(np.sqrt(len(kinds) * BLOCK_M[1] / BLOCK_M[0]))
    corner = np.stack(np.divmod(np.arange(len(kinds)), across)[::-1], axis=1) * BLOCK_M
    teiger = np.concatenate(
        [_in_blocks(rng, corner[kinds == k], *BLOCKS[k]) for k in range(len(BLOCKS)) if (kinds == k).any()]
    )
    teiger = teiger[np.sort(rng.permutation(len(teiger))[:wanted])]
    return _in_two_parts(rng, teiger, count), corner.max(axis=0) + BLOCK_M


def _in_blocks(rng: np.random.Generator, corner: Floats, columns: int, rows: int, points: int) -> Geometries:
    """Return the teiger of blocks of one kind: cells with crooked sides that both neighbours share."""
    blocks = len(corner)
    width, height = ((side - ROAD_M) / n for side, n in zip(BLOCK_M, (columns, rows), strict=True))
    grid = np.stack(np.meshgrid(np.arange(columns + 1) * width, np.arange(rows + 1) * height, indexing="ij"), axis=-1)
    node = corner[:, None, None] + ROAD_M / 2 + grid[None]
    shift = rng.uniform(-0.13, 0.13, node.shape) * (width, height)
    shift[:, [0, -1], :, 0] = 0
    shift[:, :, [0, -1], 1] = 0
    node = node + shift
    lying, lying_used = _sides(rng, node[:, :-1], node[:, 1:], points)
    standing, standing_used = _sides(rng, node[:, :, :-1], node[:, :, 1:], points)
    # Round the cell: below, right, above and left, the last two backwards; the end of a side begins the next one.
    ring = [lying[:, :, :-1], standing[:, 1:], lying[:, :, 1:, ::-1], standing[:, :-1, :, ::-1]]
    used = [lying_used[:, :, :-1], standing_used[:, 1:], lying_used[:, :, 1:, ::-1], standing_used[:, :-1, :, ::-1]]
    cells = blocks * columns * rows
    coordinates = np.concatenate([side[..., :-1, :] for side in ring], axis=3).reshape(cells, -1, 2)
    in_use = np.concatenate([side[..., :-1] for side in used], axis=3).reshape(cells, -1)
    return polygons(warped(coordinates) + ORIGIN, in_use)


def _sides(rng: np.random.Generator, start: Floats, end: Floats, points: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return lines from start to end, slightly bowed, and which of their points are in use."""
    shape = start.shape[:-1]
    t = np.linspace(0, 1, points + 2)
    along = end - start
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    bow = rng.uniform(-0.05, 0.05, (*shape, 1)) * 4 * t * (1 - t) + rng.normal(0, 0.006, (*shape, points + 2))
    bow[..., [0, -1]] = 0
    line = start[..., None, :] + along[..., None, :] * t[:, None] + across[..., None, :] * bow[..., None]
    used = rng.random((*shape, points + 2)) < rng.random((*shape, 1))
    used[..., [0, -1]] = True
    return line, used


def warped(coordinates: Floats) -> Floats:
    """Return the points bent as land is; neighbours stay neighbours."""
    x, y = coordinates[..., 0], coordinates[..., 1]
    east = 60 * np.sin(y / 410) + 25 * np.sin((x + y) / 170)
    north = 60 * np.sin(x / 370) + 25 * np.sin((x - y) / 190)
    return np.stack([x + east, y + north], axis=-1)


def _in_two_parts(rng: np.random.Generator, teiger: Geometries, count: int) -> Geometries:
    """Return `count` teiger: those too many become the second part of one close by; some reach over their border."""
    teiger = _sorted(teiger)
    first = np.arange(0, len(teiger) - 5, 5)
    first = first[shapely.disjoint(teiger[first], teiger[first + 4])]
    first = np.sort(rng.permutation(first)[: len(teiger) - count])
    teiger[first] = shapely.multipolygons(
        np.stack([teiger[first], teiger[first + 4]], axis=1).ravel(), indices=np.repeat(np.arange(len(first)), 2)
    )
    result: Geometries = np.delete(teiger, first + 4)
    over = np.sort(rng.permutation(count)[: count // 200])
    result[over] = shapely.transform(result[over], lambda points: np.round(points + np.array([1.5, -0.8]), 3))
    return result


# --- zones and plans ---


def _soner(rng: np.random.Generator, count: int, extent: Floats) -> Geometries:
    """Return housing zones that do not overlap: half of them whole blobs, half of them blobs shared by two or three."""
    parts = rng.choice([1, 2, 3], size=count, p=[6 / 9, 2 / 9, 1 / 9])  # of 13 zones 6 stand alone
    parts = parts[: int(np.searchsorted(np.cumsum(parts), count)) + 1]
    parts[-1] -= parts.sum() - count
    centre, room = _sites(rng, len(parts), extent)
    radius = np.minimum(rng.lognormal(np.log(190), 0.35, len(parts)) * np.sqrt(parts), 0.5 * room)
    return np.concatenate(list(_zones_of(rng, centre, radius, parts)))


def _zones_of(
    rng: np.random.Generator, centre: Floats, radius: Floats, parts: npt.NDArray[np.int_]
) -> Iterator[Geometries]:
    for n in (1, 2, 3):
        some = parts == n
        for coordinates, used in sectors(rng, centre[some] + ORIGIN, radius[some], parts=n):
            yield polygons(coordinates, used)


def _sites(rng: np.random.Generator, count: int, extent: Floats) -> tuple[Floats, float]:
    """Return centres on a shaken grid, and the smallest distance between two, m."""
    step = float(np.sqrt(np.prod(extent) / count))
    across, up = int(extent[0] // step) + 1, int(extent[1] // step) + 1
    places = np.stack(np.divmod(np.sort(rng.permutation(across * up)[:count]), across)[::-1], axis=1)
    shaken = (places + 0.5 + rng.uniform(-0.04, 0.04, places.shape)) * step
    return shaken, 0.92 * step


def _planer(rng: np.random.Generator, count: int, extent: Floats, soner: Geometries) -> Geometries:
    """Return plans: a sixth are long ones; the others are blobs, most of them at a zone, some over a whole one."""
    long, whole = count // 6, count // 14
    blob = count - long - whole
    at = rng.choice(len(soner), size=blob)
    bounds = shapely.bounds(soner)
    middle, reach = (bounds[:, :2] + bounds[:, 2:]) / 2, (bounds[:, 2:] - bounds[:, :2]) / 2
    centre = middle[at] + rng.normal(0, 0.9, (blob, 2)) * reach[at]
    elsewhere = rng.random(blob) < 0.1
    centre[elsewhere] = rng.random((int(elsewhere.sum()), 2)) * extent + ORIGIN
    radius = np.clip(rng.lognormal(np.log(140), 0.5, blob), 15, 350)
    over = rng.choice(len(soner), size=whole)
    return np.concatenate(
        [
            polygons(*blobs(rng, centre, radius)),
            polygons(*blobs(rng, middle[over], 1.6 * reach[over].max(axis=1))),
            polygons(*ribbons(rng, rng.random((long, 2)) * extent + ORIGIN)),
        ]
    )
