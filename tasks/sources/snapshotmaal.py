"""What a raw snapshot shows by itself: geometries that cannot be used, and the snapshot before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from tasks.answer import Provenance, Rows
from tasks.errors import StoreError
from tasks.store import Geodata

BATCH = 20_000
"""Rows held in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A raw snapshot that serves.

    Attributes
    ----------
    kilde, navn
        Of the source and of the file: together they name the content.
    forrige
        Where the good snapshot before it came from; None for the first.
    andel_ugyldig
        Share 0–1 of the rows whose geometry is missing, empty or crosses itself; None without rows.
    """

    kilde: str
    navn: str
    forrige: Provenance | None = None
    andel_ugyldig: float | None = None


def measure_snapshot(answer: Rows, geodata: Geodata) -> Snapshot:
    """Return what the snapshot of an answer shows; reads the geometry alone, piece by piece.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    earlier = sorted(p for p in answer.path.parent.glob("*Z.parquet") if p.name < answer.path.name)
    return Snapshot(
        kilde=answer.kilde,
        navn=answer.path.name,
        forrige=geodata.provenance(earlier[-1]) if earlier else None,
        andel_ugyldig=_invalid(answer.path),
    )


def _invalid(path: Path) -> float | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = bad = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=["geometry"]):
                stored = np.array(batch.column("geometry").to_pylist(), dtype=object)
                shapes = shapely.from_wkb(stored, on_invalid="ignore")
                rows += len(shapes)
                bad += int((~shapely.is_valid(shapes) | shapely.is_empty(shapes)).sum())
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise StoreError(f"{path}: cannot be read ({type(error).__name__}). Move it away and run again.") from error
    return bad / rows if rows else None
