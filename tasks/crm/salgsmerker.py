"""Salgsmerker: what sales had marked of kommuner when a base was read last; kept under raw/, read without Airtable.

The sandbox's bases are kept apart, under raw/sandkasse/: what is tried out there says nothing of real kommuner.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.kommunekontrakter import SALGSKOMMUNER
from tasks.store import Geodata, read_parquet, write_parquet


def keep_marks(frame: pd.DataFrame, geodata: Geodata, base: str, *, er_sandkasse: bool) -> None:
    """Keep what a base said.

    Parameters
    ----------
    frame
        Contract salgskommuner.

    Raises
    ------
    ContractError
        When it is not.
    StoreError
        When the disk refuses.
    """
    SALGSKOMMUNER.check(frame)
    write_parquet(frame, _folder(geodata, er_sandkasse=er_sandkasse) / f"{base}.parquet")


def last_marks(geodata: Geodata, base: str | None, *, er_sandkasse: bool) -> pd.DataFrame | None:
    """Return what a base said last (contract salgskommuner), or None when it was never read.

    Parameters
    ----------
    base
        Id; None for the base that was read last, of a sandbox whose base no setting names.

    Raises
    ------
    ContractError, StoreError
        When the file is damaged.
    """
    folder = _folder(geodata, er_sandkasse=er_sandkasse)
    kept = folder.glob("app*.parquet") if base is None and er_sandkasse else [folder / f"{base}.parquet"]
    path = max((p for p in kept if p.exists()), key=lambda p: p.stat().st_mtime_ns, default=None)
    if path is None:
        return None
    frame = read_parquet(path)
    SALGSKOMMUNER.check(frame)
    return frame


def _folder(geodata: Geodata, *, er_sandkasse: bool) -> Path:
    return geodata.root / "raw" / ("sandkasse" if er_sandkasse else "") / SALGSKOMMUNER.name
