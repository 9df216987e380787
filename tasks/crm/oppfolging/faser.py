"""Faser: the ledger of stages. A row is a lot that went from one stage to another. Pure.

Key: record and number, in order of time. The last row of a lot is the stage that it has in the base; a lot without rows
has never been seen in another than the first one. Airtable tells when a stage was changed, and by whom, where the two
fields that say so are made (the guide); else the time is that of the run which saw it, up to a day too late. Several
changes between two runs are seen as one.

Rows are never taken out; what another machine has told, or this one before its files were put back from a copy, is
merged in from Aktiviteter. The Aktivitets-id therefore says what happened and when, not how many changes this ledger
knows.
"""

from __future__ import annotations

import math
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
STAMP = "%Y%m%dT%H%M%SZ"
ID = re.compile(rf"({EXACT}|{SEEN}):([^:]+):([0-9]{{8}}T[0-9]{{6}}Z):(.+)")
"""Kind, lot, second (UTC), the stage that it went to."""
GONE = "-"
"""Stands for the stage of a lot that is no longer in the base."""
TICK = timedelta(seconds=1)
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
        when = max(naa, before.tidspunkt + TICK)
        found.append(
            replace(
                before,
                nr=before.nr + 1,
                aktivitets_id=id_of(SEEN, _lot_of(before), when, None),
                fra=before.til,
                til=None,
                tidspunkt=when,
                er_noeyaktig=False,
                endret_av=None,
            )
        )
    return sorted(found, key=lambda row: (row.tidspunkt, row.record_id))


def _known(last: Skifte | None, start: str) -> str | None:
    return start if last is None else last.til


def _change(tomt: Tomt, last: Skifte | None, *, naa: datetime, start: str, er_foerste: bool) -> Skifte:
    told = tomt.fase_endret
    earliest = last.tidspunkt + TICK if last is not None else naa
    # A time before the last change is another change's: the field that tells it was made, or emptied, later.
    is_exact = told is not None and (last is None or last.tidspunkt <= told) and told <= naa + CLOCKS_DIFFER
    when = told if told is not None and is_exact else max(naa, earliest)
    is_open = last is None and (er_foerste or tomt.tomt_id is None)
    return Skifte(
        record_id=tomt.record_id,
        nr=1 if last is None else last.nr + 1,
        aktivitets_id=id_of(EXACT if is_exact else SEEN, tomt.ident, when, tomt.fase),
        tomt_id=tomt.tomt_id,
        kommunenummer=tomt.kommunenummer,
        fra=None if is_open else _known(last, start),
        til=tomt.fase,
        tidspunkt=when,
        er_noeyaktig=is_exact,
        endret_av=tomt.fase_endret_av,
    )


def id_of(kind: str, ident: str, when: datetime, til: str | None) -> str:
    """Return the Aktivitets-id of a change: the same from every machine that Airtable tells the time.

    Examples
    --------
    >>> id_of(EXACT, "3207-000001", datetime(2026, 5, 4, 4, 30, tzinfo=UTC), "Dialog")
    'fase:3207-000001:20260504T043000Z:Dialog'
    """
    return f"{kind}:{ident}:{when.astimezone(UTC):{STAMP}}:{til or GONE}"


def _lot_of(row: Skifte) -> str:
    match = ID.fullmatch(row.aktivitets_id)
    return match[2] if match else row.record_id


# --- from the base: what the file does not hold ---


def merged(ledger: Sequence[Skifte], records: Iterable[Record], *, told: Collection[str] = ()) -> list[Skifte]:
    """Return the ledger with what the rows in Aktiviteter tell beside it; the same list when that is nothing.

    A row that a person has deleted, or whose lot they have emptied, tells nothing. Of two rows in succession that say
    the same of a lot, which two machines have seen, the one that is told of counts, else the first.

    Parameters
    ----------
    records
        Of Aktiviteter, with an Aktivitets-id.
    told
        Ids of rows of the ledger that are in the base.
    """
    known = {row.aktivitets_id for row in ledger}
    fresh = {row.aktivitets_id: row for row in map(_row, records) if row is not None and row.aktivitets_id not in known}
    if not fresh:
        return list(ledger)
    in_base = {*told, *fresh}
    histories: dict[str, list[Skifte]] = {}
    for row in sorted([*ledger, *fresh.values()], key=lambda row: (row.tidspunkt, row.nr or math.inf)):
        before = histories.setdefault(row.record_id, [])
        if not before or before[-1].til != row.til:
            before.append(row)
        elif before[-1].aktivitets_id not in in_base and row.aktivitets_id in in_base:
            before[-1] = row
    found = [replace(row, nr=nr) for rows in histories.values() for nr, row in enumerate(rows, start=1)]
    return sorted(found, key=lambda row: (row.tidspunkt, row.record_id, row.nr))


def _row(record: Record) -> Skifte | None:
    """Return a row of the ledger, number 0: its place is not known."""
    fields: Mapping[str, Any] = record.fields
    match = ID.fullmatch(str(fields.get("Aktivitets-id") or ""))
    lots = links(fields.get("Tomter"))
    if match is None or not lots:
        return None
    try:
        told = datetime.strptime(match[3], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    tomt_id = match[2] if LOT_ID.fullmatch(match[2]) else None
    when = moment(fields.get("Tidspunkt"))
    return Skifte(
        record_id=lots[0],
        nr=0,
        aktivitets_id=match[0],
        tomt_id=tomt_id,
        kommunenummer=tomt_id[:4] if tomt_id is not None else None,
        fra=line(fields.get("Fra fase")),
        til=match[4],
        # The cell has fractions of a second; where a person has changed it, the id still tells.
        tidspunkt=when if when is not None and told <= when < told + TICK else told,
        er_noeyaktig=match[1] == EXACT,
        endret_av=user(fields.get("Utført av")),
    )


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
