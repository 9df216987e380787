"""What every method of the benchmark gives back, zone by zone: områder and tomter, and for each where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import shapely

Geometries = npt.NDArray[np.object_]
Indices = npt.NDArray[np.intp]

MINSTE_OMRAADE_M2 = 2_000.0
MINSTE_TOMT_M2 = 1_000.0
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class Funn:
    """What a method found.

    Attributes
    ----------
    omraader : (n,) array of Polygon
        Connected pieces of the differanse of one zone, of at least 2,000 m².
    sone : (n,) array
        For each the row of its zone in the file; empty in the dissolved reading.
    tomter : (m,) array of Polygon
        Connected pieces of one område on one teig, of at least 1,000 m².
    tomt_sone, tomt_teig : (m,) arrays
        For each the rows of its zone and of its teig.
    """

    omraader: Geometries
    sone: Indices
    tomter: Geometries
    tomt_sone: Indices
    tomt_teig: Indices

    def figures(self) -> dict[str, float]:
        """Return counts and areas."""
        return {
            "omraader": len(self.omraader),
            "tomter": len(self.tomter),
            "omraader_m2": float(shapely.area(self.omraader).sum()),
            "tomter_m2": float(shapely.area(self.tomter).sum()),
        }

    def save(self, path: Path) -> None:
        """Write it for another process."""
        arrays = {name: getattr(self, name) for name in ("sone", "tomt_sone", "tomt_teig")}
        wkb = {name: shapely.to_wkb(getattr(self, name)) for name in ("omraader", "tomter")}
        with path.open("wb") as file:
            np.savez(file, **arrays, **wkb)

    @classmethod
    def load(cls, path: Path) -> Funn:
        """Return what `save` wrote."""
        # Written by this benchmark alone, in a folder of its own.
        with np.load(path, allow_pickle=True) as kept:
            return cls(
                omraader=shapely.from_wkb(kept["omraader"]),
                sone=kept["sone"],
                tomter=shapely.from_wkb(kept["tomter"]),
                tomt_sone=kept["tomt_sone"],
                tomt_teig=kept["tomt_teig"],
            )


@dataclass(frozen=True)
class Difference:
    """By how much two methods differ.

    Attributes
    ----------
    counts
        True when both found as many områder and as many tomter.
    omraader_m2
        Area of the symmetric difference of the områder of a zone, the worst zone.
    tomter_m2
        The same of the tomter of a zone on a teig.
    """

    counts: bool
    omraader_m2: float
    tomter_m2: float


def difference(a: Funn, b: Funn) -> Difference:
    """Return by how much two methods differ, zone by zone."""
    return Difference(
        counts=len(a.omraader) == len(b.omraader) and len(a.tomter) == len(b.tomter),
        omraader_m2=_worst((a.omraader, a.sone), (b.omraader, b.sone)),
        tomter_m2=_worst((a.tomter, _pair(a)), (b.tomter, _pair(b))),
    )


def _pair(funn: Funn) -> Indices:
    return funn.tomt_sone * 10_000_000 + funn.tomt_teig


def _worst(a: tuple[Geometries, Indices], b: tuple[Geometries, Indices]) -> float:
    """Return the largest symmetric difference of the polygons that two methods give to the same key, m²."""
    keys = np.union1d(a[1], b[1])
    left, right = (_together(polygons, np.searchsorted(keys, key), len(keys)) for polygons, key in (a, b))
    return float(shapely.area(shapely.symmetric_difference(left, right)).max(initial=0.0))


def _together(polygons: Geometries, number: Indices, count: int) -> Geometries:
    """Return for each number the MultiPolygon of its polygons, which do not overlap."""
    order = np.argsort(number, kind="stable")
    result: Geometries = np.full(count, shapely.MultiPolygon(), dtype=object)
    present = np.unique(number)
    result[present] = shapely.multipolygons(polygons[order], indices=np.searchsorted(present, number[order]))
    return result


def read_geometry(path: Path) -> Geometries:
    """Return the geometry column of a GeoParquet file and read nothing else: the fastest way that there is."""
    return read_columns(path, ())[1]


def read_columns(
    path: Path, names: Sequence[str], *, traader: int = 1
) -> tuple[dict[str, npt.NDArray[np.object_]], Geometries]:
    """Return columns of text and the geometries of a GeoParquet file.

    Batch by batch, so that its geometries never lie in memory twice, as bytes and as objects; the next batch is read
    while the threads parse the last ones.
    """
    geometries: list[Future[Geometries]] = []
    texts: dict[str, list[npt.NDArray[np.object_]]] = {name: [] for name in names}
    with pq.ParquetFile(path) as file, ThreadPoolExecutor(traader) as pool:
        for batch in file.iter_batches(BATCH_ROWS, columns=[*names, "geometry"], use_threads=False):
            wkb = batch.column("geometry").to_numpy(zero_copy_only=False)
            # A thread has memory of its own, which one thread alone would have for nothing.
            geometries.append(pool.submit(shapely.from_wkb, wkb) if traader > 1 else _done(shapely.from_wkb(wkb)))
            for name in names:
                texts[name].append(batch.column(name).to_numpy(zero_copy_only=False))
    parsed = [future.result() for future in geometries]
    return {name: np.concatenate(parts) for name, parts in texts.items()}, np.concatenate(parsed)


def _done(geometries: Geometries) -> Future[Geometries]:
    future: Future[Geometries] = Future()
    future.set_result(geometries)
    return future
