"""Rangering: what a ranking says of the kommuner goes to Airtable, and what sales says of them comes back.

Of a kommune that has a row only the ranking's fields are written; one without gets a row. Runs of kommuner and the
follow-up write other fields of the same rows, and may be under way at the same time.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.base import Tabell
from config.profil import profiler
from config.registers import Kommune
from tasks.contracts import Contract
from tasks.crm.rader.kommunerader import identity
from tasks.crm.rader.kommunescorerader import RANGERT, ranking_rows
from tasks.crm.rader.rad import Row, RowsByKey
from tasks.crm.sync import kommunesaker, listing
from tasks.crm.sync.basesync import BaseSync, today
from tasks.crm.sync.connection import Connection
from tasks.crm.sync.diff import Record, TableDiff, canonical, digest
from tasks.crm.sync.publish import Published, carry_out
from tasks.errors import StoreError
from tasks.kommunekontrakter import INDIKATORER, KOMMUNEFAKTORER, KOMMUNESCORER, NORGE, SALGSKOMMUNER
from tasks.store import Geodata, write_parquet

log = logging.getLogger("tomt.crm")

TABLE, QUEUE = "Kommuner", "Kontroll"
ALL = "-"
"""In the place of a kommunenummer, which none begins with: every row is asked for by its key."""
MARKS = {"er_fulgt": "Følg alltid", "er_vellykket": "Vellykket"}
NUMMER = re.compile(r"[0-9]{4}")


def publish_ranking(
    geodata: Geodata, connection: Connection, *, profil: str, kommuner: Sequence[Kommune], dry_run: bool
) -> Published:
    """Bring the rows of Kommuner to what the ranking by a profile says.

    Parameters
    ----------
    profil
        Name of a profile; the others that were ranked by are told beside it.
    kommuner
        Those that may stand in this base; one that is not ranked is left alone, and one that stands in several records
        too.
    dry_run
        Compare only; nothing is written to Airtable.

    Raises
    ------
    StoreError
        When there is no ranking by this profile.
    AirtableError, BudgetError, BusyError
        Before the first write; what stops the writing on the way comes back as `Published.failure`.
    """
    with geodata.lock(f"rangering-{connection.state.folder.name}"):
        fields = _desired(geodata, profil)
        ranked = {k.nummer: k for k in kommuner if k.nummer in fields}
        sync = BaseSync(connection, ALL)
        existing = list(sync.read(TABLE, ranked))
        diff = _compare(ranked, fields, existing, sync)
        queue = _queue(diff, ranked, sync)
        return carry_out((diff, queue), queue, sync, dry_run=dry_run)


def _desired(geodata: Geodata, profil: str) -> RowsByKey:
    """Return kommunenummer → the ranking's fields, from the files of the last ranking."""
    others = (name for name in profiler() if name != profil)
    andre = {name: geodata.read(name, layer="out", contract=KOMMUNESCORER) for name in others}
    return ranking_rows(
        _read(geodata, profil, KOMMUNESCORER),
        faktorer=_read(geodata, profil, KOMMUNEFAKTORER),
        indikatorer=_read(geodata, NORGE, INDIKATORER),
        andre={name: frame for name, frame in andre.items() if frame is not None},
    )


def _read(geodata: Geodata, navn: str, contract: Contract) -> pd.DataFrame:
    frame = geodata.read(navn, layer="out", contract=contract)
    if frame is None:
        raise StoreError(f"out/{contract.name}/{navn}.parquet is not there. Run `tomt rank`.")
    return frame


def _compare(
    ranked: Mapping[str, Kommune], fields: Mapping[str, Row], existing: Sequence[Record], sync: BaseSync
) -> TableDiff:
    """Return what Kommuner needs; `Rangert` moves only on rows on which something else does."""
    tabell = sync.connection.register.table(TABLE)
    twice = _twice(tabell, existing, ranked)
    # Where another record carries the key of one that was typed over, that other one is the kommune's.
    by_key = sorted(existing, key=lambda record: not record.is_typed_over(tabell))
    there = {record.key(tabell): record for record in by_key}
    rows: RowsByKey = {
        nummer: ({tabell.noekkel: nummer} if nummer in there else identity(kommune)) | fields[nummer]
        for nummer, kommune in ranked.items()
        if nummer not in twice
    }
    undated = {nummer: {name: v for name, v in row.items() if name != RANGERT} for nummer, row in rows.items()}
    first = sync.diff(TABLE, undated, existing)
    for nummer, row in rows.items():
        if nummer not in first.create and nummer not in first.update:
            row[RANGERT] = _kept_date(tabell, row, there[nummer], sync)
    diff = sync.diff(TABLE, rows, existing)
    diff.twice |= twice
    diff.refused |= {n: f"stands in {len(ids)} records: {', '.join(ids)}" for n, ids in twice.items()}
    return diff


def _kept_date(tabell: Tabell, row: Row, record: Record, sync: BaseSync) -> object:
    """Return the date that stands on a row, unless there is none or a person has written it."""
    present = canonical(tabell.field(RANGERT), record.fields.get(RANGERT))
    sent = sync.sent(TABLE, record.key(tabell))
    is_ours = sent is None or sent.may_be(RANGERT, digest(present))
    return present if present is not None and is_ours else row[RANGERT]


def _twice(tabell: Tabell, existing: Iterable[Record], ranked: Mapping[str, Kommune]) -> dict[str, list[str]]:
    """Return kommunenummer → records, of those that stand in several: one of them must not stop the others."""
    found: dict[str, list[str]] = {}
    for record in existing:
        if record.key(tabell) in ranked and not record.is_typed_over(tabell):
            found.setdefault(record.key(tabell), []).append(record.id)
    return {nummer: ids for nummer, ids in found.items() if len(ids) > 1}


def _queue(diff: TableDiff, ranked: Mapping[str, Kommune], sync: BaseSync) -> TableDiff:
    """Return what Kontroll needs: what people have changed by hand is told before it is put right."""
    dato: date = today()
    found = kommunesaker.of_diff(diff, dato=dato)
    ids = sync.connection.ids.get(QUEUE)
    existing = list(sync.read(QUEUE, found, also=[kommunesaker.formula(ids)])) if ids is not None else []
    tabell = sync.connection.register.table(QUEUE)
    # By the key that they were made with: a person may have typed over it.
    theirs = [record.fields | {tabell.noekkel: record.key(tabell)} for record in existing]
    theirs = [row for row in theirs if kommunesaker.is_of(row, ranked)]
    found = kommunesaker.with_answers(theirs, found)
    found |= kommunesaker.afterlife(theirs, found)
    queue = sync.diff(QUEUE, found, existing)
    if queue.by_hand:  # in the queue itself: told of as well, before it is put right
        own = kommunesaker.of_diff(queue, dato=dato, owner=lambda key: key.partition("-")[0])
        found |= kommunesaker.with_answers(theirs, own)
        queue = sync.diff(QUEUE, found, existing)
    return queue


# --- what sales says ---


def read_sales_marks(geodata: Geodata, connection: Connection) -> pd.DataFrame:
    """Return what sales has marked of kommuner, and keep it under raw/salgskommuner/.

    Returns
    -------
    pandas.DataFrame
        Contract salgskommuner, the kommuner with a mark, sorted; empty for a base that lacks the fields, which the log
        tells, and which leaves what was kept alone.

    Raises
    ------
    AirtableError
        When the base does not answer.
    """
    ids, base = connection.ids.get(TABLE), connection.base
    if ids is None or base is None:
        return SALGSKOMMUNER.empty()
    if lacking := [name for name in MARKS.values() if name not in ids.fields]:
        log.warning(
            "%s has no field %s: sales cannot mark kommuner there. Run `tomt base setup`.",
            TABLE,
            " and no field ".join(lacking),
        )
    names = [name for name in MARKS.values() if name in ids.fields]
    if not names:
        return SALGSKOMMUNER.empty()
    wanted = replace(ids, fields={name: ids.fields[name] for name in (ids.tabell.noekkel, *names)})
    marked = ",".join(listing.EQ_FIELD.format(ids.fields[name]) for name in names)
    frame = _marks(
        replace(record, ours=connection.state.key_of(record.id))
        for record in listing.records(base, wanted, f"OR({marked})")
    )
    SALGSKOMMUNER.check(frame)
    write_parquet(frame, geodata.root / "raw" / SALGSKOMMUNER.name / f"{base.id}.parquet")
    return frame


def _marks(records: Iterable[Record]) -> pd.DataFrame:
    """Return contract salgskommuner; of a kommune with several records a mark on one of them counts."""
    found: dict[str, dict[str, bool]] = {}
    for record in records:
        nummer = record.ours or str(record.fields.get("Kommunenummer") or "").strip()
        if NUMMER.fullmatch(nummer):
            own = found.setdefault(nummer, dict.fromkeys(MARKS, False))
            # A field that sales has given another type holds no tick.
            found[nummer] = {column: own[column] or record.fields.get(name) is True for column, name in MARKS.items()}
    rows = [{"kommunenummer": nummer, **marks} for nummer, marks in sorted(found.items()) if any(marks.values())]
    return pd.DataFrame(rows).astype({"kommunenummer": object}) if rows else SALGSKOMMUNER.empty()


@task(name="oppdater rangering", task_run_name="oppdater rangering {profil}", cache_policy=NO_CACHE)
def publish_ranking_task(
    geodata: Geodata, connection: Connection, *, profil: str, kommuner: Sequence[Kommune], dry_run: bool
) -> Published:
    """Compare the ranking with the base and write what differs."""
    return publish_ranking(geodata, connection, profil=profil, kommuner=kommuner, dry_run=dry_run)
