"""Lots and times for tests of the follow-up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.tomt import Tomt

START = "Identifisert"
MANDAG = datetime(2026, 5, 4, 4, 30, tzinfo=UTC)
"""Half past six in Oslo."""


def dag(nr: float) -> datetime:
    """Return a day of the fortnight, 0 for the first."""
    return MANDAG + timedelta(days=nr)


def tomt(nr: int = 1, fase: str = "Dialog", **rest: Any) -> Tomt:
    """Return a lot of the program."""
    known = {"record_id": f"rec{nr:014}", "ident": f"3207-{nr:06}", "tomt_id": f"3207-{nr:06}"}
    return Tomt(**{**known, "kommunenummer": "3207", "tittel": f"Veien {nr}", "fase": fase, **rest})


def fase_id(lot: str, paa: float, til: str, *, kind: str = "fase-sett") -> str:
    """Return the Aktivitets-id of a change on a day."""
    return f"{kind}:{lot}:{dag(paa):%Y%m%dT%H%M%SZ}:{til}"


def skifte(nr: int, til: str | None, *, lot: int = 1, fra: str | None = START, paa: float = 0, **rest: Any) -> Skifte:
    """Return a row of the ledger."""
    own = fase_id(f"3207-{lot:06}", paa, til or "-", kind="fase")
    known = {"record_id": f"rec{lot:014}", "aktivitets_id": own, "tomt_id": f"3207-{lot:06}"}
    known |= {"kommunenummer": "3207", "tidspunkt": dag(paa), "er_noeyaktig": True}
    return Skifte(**{"nr": nr, "fra": fra, "til": til, **known, **rest})
