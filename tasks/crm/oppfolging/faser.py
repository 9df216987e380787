"""Faser: the ledger of stages, append-only. A row is a lot that went from one stage to another. Pure.

Key: record and number. The last row of a lot is the stage that it has in the base; a lot without rows has never been
seen in another than the first one. Airtable tells when a stage was changed, and by whom, where the two fields that say
so are made (the guide); else the time is that of the run which saw it, up to a day too late. Several changes between
two runs are seen as one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from tasks.contracts import FASESKIFTER
from tasks.crm.oppfolging.tomt import LOT_ID, Tomt, links, moment, user
from tasks.crm.rader.rad import dicts, line
from tasks.crm.sync.diff import Record

EXACT, SEEN = "fase", "fase-sett"
"""Kinds of ids: told by Airtable, or seen at a run. What is lost of the ledger is found by them."""
ID = re.compile(rf"({EXACT}|{SEEN}):(.+):([0-9]{{1,6}})")
CLOCKS_DIFFER = timedelta(hours=1)
TYPE = "Faseskifte"


@dataclass(frozen=True)
class Skifte:
    """A change of stage; what the columns mean stands at contract faseskifter."""

    record_id: str
    nr: int
    aktivitets_id: str
    tomt_id: str | None
    kommunenummer: str | None
    fra: str | None
    til: str | None
    tidspunkt: datetime
    er_noeyaktig: bool
    endret_av: str | None = None

    @property
    def er_aapning(self) -> bool:
        """True for a lot that was first seen in a stage: how long it had been there nobody knows, unless told."""
        return self.fra is None


def latest(ledger: Iterable[Skifte]) -> dict[str, Skifte]:
    """Return record → its last row."""
    last: dict[str, Skifte] = {}
    for row in ledger:
        if row.record_id not in last or last[row.record_id].nr < row.nr:
            last[row.record_id] = row
    return last


def moved(ledger: Iterable[Skifte], *, start: str) -> set[str]:
    """Return the records that were last seen in another stage than the first one, and were there."""
    return {record_id for record_id, row in latest(ledger).items() if row.til not in (None, start)}


def changes(
    ledger: Sequence[Skifte],
    tomter: Iterable[Tomt],
    *,
    gone: Collection[str] = (),
    naa: datetime,
    start: str,
    er_foerste: bool,
) -> list[Skifte]:
    """Return the rows that bring the ledger up to what the base says, sorted by time.

    Parameters
    ----------
    gone
        Records that were asked for and are not in the base.
    er_foerste
        True when this base was never followed up: where its lots have come from is not known.
    """
    last = latest(ledger)
    found = [
        _change(tomt, last.get(tomt.record_id), naa=naa, start=start, er_foerste=er_foerste)
        for tomt in tomter
        if tomt.fase != _known(last.get(tomt.record_id), start)
    ]
    for record_id in gone:
        before = last[record_id]
        found.append(
            replace(
                before,
                nr=before.nr + 1,
                aktivitets_id=_next_id(before.aktivitets_id, before.nr + 1),
                fra=before.til,
                til=None,
                tidspunkt=max(naa, before.tidspunkt),
                er_noeyaktig=False,
                endret_av=None,
            )
        )
    return sorted(found, key=lambda row: (row.tidspunkt, row.record_id))


def _known(last: Skifte | None, start: str) -> str | None:
    return start if last is None else last.til


def _change(tomt: Tomt, last: Skifte | None, *, naa: datetime, start: str, er_foerste: bool) -> Skifte:
    told = tomt.fase_endret
    not_before = last.tidspunkt if last is not None else datetime.min.replace(tzinfo=UTC)
    # A time before the last change is another change's: the field that tells it was made, or emptied, later.
    is_exact = told is not None and not_before <= told <= naa + CLOCKS_DIFFER
    nr = 1 if last is None else last.nr + 1
    is_open = last is None and (er_foerste or tomt.tomt_id is None)
    return Skifte(
        record_id=tomt.record_id,
        nr=nr,
        aktivitets_id=f"{EXACT if is_exact else SEEN}:{tomt.ident}:{nr}",
        tomt_id=tomt.tomt_id,
        kommunenummer=tomt.kommunenummer,
        fra=None if is_open else _known(last, start),
        til=tomt.fase,
        tidspunkt=told if told is not None and is_exact else max(naa, not_before),
        er_noeyaktig=is_exact,
        endret_av=tomt.fase_endret_av,
    )


def _next_id(aktivitets_id: str, nr: int) -> str:
    match = ID.fullmatch(aktivitets_id)
    return f"{SEEN}:{match[2] if match else aktivitets_id}:{nr}"


# --- from the base, when the file is lost ---


def rebuilt(records: Iterable[Record]) -> list[Skifte]:
    """Return the ledger as the rows in Aktiviteter tell it.

    A row that a person has deleted, or whose stage or lot they have emptied, is lost.

    Parameters
    ----------
    records
        Of Aktiviteter, with an Aktivitets-id.
    """
    found: dict[tuple[str, int], Skifte] = {}
    for record in records:
        fields: Mapping[str, Any] = record.fields
        match = ID.fullmatch(str(fields.get("Aktivitets-id") or ""))
        when, til = moment(fields.get("Tidspunkt")), line(fields.get("Ny fase"))
        lots = links(fields.get("Tomter"))
        if match is None or when is None or til is None or not lots:
            continue
        tomt_id = match[2] if LOT_ID.fullmatch(match[2]) else None
        row = Skifte(
            record_id=lots[0],
            nr=int(match[3]),
            aktivitets_id=match[0],
            tomt_id=tomt_id,
            kommunenummer=tomt_id[:4] if tomt_id is not None else None,
            fra=line(fields.get("Fra fase")),
            til=til,
            tidspunkt=when,
            er_noeyaktig=match[1] == EXACT,
            endret_av=user(fields.get("Utført av")),
        )
        found.setdefault((row.record_id, row.nr), row)
    return sorted(found.values(), key=lambda row: (row.tidspunkt, row.record_id, row.nr))


# --- frames ---


def to_frame(ledger: Iterable[Skifte]) -> pd.DataFrame:
    """Return contract faseskifter."""
    rows = [
        {column: getattr(row, column) for column in FASESKIFTER.columns} | {"tidspunkt": row.tidspunkt.isoformat()}
        for row in ledger
    ]
    if not rows:
        return FASESKIFTER.empty()
    # As objects: pandas would make NaN of None where all others are text.
    return pd.DataFrame(rows, dtype=object).astype({"nr": "int64", "er_noeyaktig": bool})


def from_frame(frame: pd.DataFrame) -> list[Skifte]:
    """Return the rows of contract faseskifter."""
    return [
        Skifte(
            **row
            | {
                "tidspunkt": datetime.fromisoformat(row["tidspunkt"]),
                "nr": int(row["nr"]),
                "er_noeyaktig": bool(row["er_noeyaktig"]),
            }
        )
        for row in dicts(frame)
    ]
