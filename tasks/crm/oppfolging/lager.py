"""Lager: what the follow-up keeps under geodata/, one file per base: the ledger of stages and sales' fields as read.

out/faseskifter/<base>.parquet          the ledger, append-only
raw/salgsstand/<base>/<time>.parquet    sales' fields of the lots in the pipeline, when something has changed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd

from config.oppfolging import Raa
from tasks.answer import Provenance
from tasks.contracts import FASESKIFTER, SALGSSTAND
from tasks.crm.oppfolging.faser import Skifte, from_frame, to_frame
from tasks.crm.oppfolging.tomt import Tomt
from tasks.store import Geodata

SOURCE = "salgsstand"
LICENCE = "Salgs egne opplysninger; ikke til deling"


def read_ledger(geodata: Geodata, base_id: str) -> list[Skifte] | None:
    """Return the ledger of a base, None when there is none."""
    frame = geodata.read(base_id, layer="out", contract=FASESKIFTER)
    return None if frame is None else from_frame(frame)


def write_ledger(ledger: Iterable[Skifte], geodata: Geodata, base_id: str) -> None:
    """Keep the ledger of a base."""
    geodata.write(to_frame(ledger), base_id, layer="out", contract=FASESKIFTER)


def stand(tomter: Iterable[Tomt]) -> pd.DataFrame:
    """Return contract salgsstand, sorted by record."""
    rows = [
        {
            "record_id": tomt.record_id,
            "tomt_id": tomt.tomt_id,
            "kommunenummer": tomt.kommunenummer,
            "fase": tomt.fase,
            **{
                column: day.isoformat() if (day := getattr(tomt, column)) is not None else None
                for column in ("neste_steg_dato", "parkert_til", "sist_kontaktet")
            },
            "tilstand": tomt.tilstand,
            "boliger": float("nan") if tomt.boliger is None else tomt.boliger,
            "ansvarlig": tomt.ansvarlig,
        }
        for tomt in tomter
    ]
    if not rows:
        return SALGSSTAND.empty()
    # As objects: pandas would make NaN of None where all others are text.
    return pd.DataFrame(rows, dtype=object).astype({"boliger": float}).sort_values("record_id", ignore_index=True)


class _Snapshot:
    """A frame that writes itself with its provenance."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def write(self, path: Path, provenance: Provenance) -> None:
        """Write Parquet."""
        self.frame.attrs["provenance"] = provenance.as_dict()
        self.frame.to_parquet(path, compression="zstd", index=False)


def keep_stand(tomter: Sequence[Tomt], geodata: Geodata, base_id: str, *, naa: datetime, raa: Raa) -> bool:
    """Keep sales' fields as a snapshot when they have changed; return True when one was kept.

    Raises
    ------
    ContractError, StoreError
        When the frame breaks its contract, or the disk refuses.
    """
    frame = stand(tomter)
    SALGSSTAND.check(frame)
    digest = sha256(frame.to_json(orient="split", force_ascii=False).encode()).hexdigest()
    last = geodata.latest(SOURCE, base_id)
    if last is not None and geodata.provenance(last).sha256 == digest:
        geodata.confirm(SOURCE, base_id, naa)
        return False
    provenance = Provenance(
        kilde=SOURCE,
        adresse=f"Airtable {base_id}",
        hentet_tid=naa.isoformat(),
        antall_ventet=None,
        antall_mottatt=len(frame),
        sha256=digest,
        crs="",
        lisens=LICENCE,
    )
    geodata.keep(_Snapshot(frame), base_id, provenance)
    geodata.prune(SOURCE, base_id, antall=raa.behold_antall, dager=raa.behold_dager)
    return True
