"""A raw snapshot as a fetch leaves it, of rows that a test makes up."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from tasks.answer import Provenance, Rows
from tasks.sources.spool import Spool
from tasks.store import Geodata


def keep(
    geodata: Geodata,
    kilde: str,
    geometry: Sequence[Any],
    *,
    nummer: str = "0099",
    tid: datetime | None = None,
    **columns: list[Any],
) -> Rows:
    """Keep rows as the newest snapshot of a source, and return the answer that they are."""
    data = {c: pd.Series(v, dtype=object) for c, v in columns.items()}
    frame = gpd.GeoDataFrame(data, geometry=list(geometry), crs=25833)
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        spool.take(frame)
        seen = Provenance(
            kilde=kilde,
            adresse="http://127.0.0.1",
            hentet_tid=(tid or datetime.now(UTC)).isoformat(),
            antall_ventet=None,
            antall_mottatt=len(frame),
            sha256=spool.sha256(),
            crs="EPSG:25833",
            lisens="NLOD",
        )
        path = geodata.keep(spool, nummer, seen)
    return Rows(kilde, path, seen, sett_tid=seen.hentet_tid)
