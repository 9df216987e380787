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

from config.base import Tabell
from config.profil import profiler
from config.registers import Kommune
from config.settings import Profile
from tasks.contracts import Contract
from tasks.crm.rader.kommunerader import identity
from tasks.crm.rader.kommunescorerader import RANGERT, ranking_rows
from tasks.crm.rader.rad import Row, RowsByKey
from tasks.crm.salgsmerker import keep_marks, last_marks
from tasks.crm.skjema.merke import profile_of
from tasks.crm.sync import kommunesaker, listing
from tasks.crm.sync.basesync import BaseSync, today
from tasks.crm.sync.connection import Connection
from tasks.crm.sync.diff import Record, TableDiff
from tasks.crm.sync.publish import Published, carry_out
from tasks.crm.sync.verdi import canonical, digest
from tasks.errors import ConfigError, StoreError, TomtError
from tasks.kommunekontrakter import INDIKATORER, KOMMUNEFAKTORER, KOMMUNESCORER, NORGE, SALGSKOMMUNER
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")

TABLE, QUEUE = "Kommuner", "Kontroll"
ALL = "-"
"""In the place of a kommunenummer, which none begins with: every row is asked for by its key."""
MARKS = {"er_fulgt": "Følg alltid", "er_vellykket": "Vellykket"}
NUMMER = re.compile(r"[0-9]{4}")
INVENTED = ("har_oppdiktede_tall", "er_oppdiktet")


def publish_ranking(
    geodata: Geodata, connection: Connection, *, profil: str, kommuner: Sequence[Kommune], dry_run: bool
) -> Published:
    """Bring the rows of Kommuner to what the ranking by a profile says.

    Parameters
    ----------
    profil
        Name of a profile; what the others said on the same day, of figures of the same world, is told beside it.
    kommuner
        Those that may stand in this base; one that is not ranked is left alone, and one that stands in several records
        too.
    dry_run
        Compare only; nothing is written to Airtable.

    Raises
    ------
    ConfigError
        When it rests on invented figures: those go to a base of the sandbox, and to no other.
    StoreError
        When there is no ranking by this profile.
    AirtableError, BudgetError, BusyError
        Before the first write; what stops the writing on the way comes back as `Published.failure`.
    """
    with geodata.lock(f"rangering-{connection.state.folder.name}"):
        fields = _desired(geodata, profil, may_be_invented=_may_take_invented(connection, dry_run=dry_run))
        ranked = {k.nummer: k for k in kommuner if k.nummer in fields}
        sync = BaseSync(connection, ALL)
        existing = list(sync.read(TABLE, ranked))
        diff = _compare(ranked, fields, existing, sync)
        queue = _queue(diff, ranked, sync)
        return carry_out((diff, queue), queue, sync, dry_run=dry_run)


def _may_take_invented(connection: Connection, *, dry_run: bool) -> bool:
    """Return whether the base is one of the sandbox, or one yet to be made, with which it is only compared."""
    profil = _profile(connection)
    return profil == Profile.SANDBOX or (profil is None and dry_run)


def _profile(connection: Connection) -> str | None:
    """Return what the base was marked with when it was opened; None for one without a marker."""
    return None if connection.base is None else profile_of(connection.base.schema())


def _desired(geodata: Geodata, profil: str, *, may_be_invented: bool) -> RowsByKey:
    """Return kommunenummer → the ranking's fields, from the files of the last ranking."""
    scorer = _read(geodata, profil, KOMMUNESCORER)
    faktorer, indikatorer = _read(geodata, profil, KOMMUNEFAKTORER), _read(geodata, NORGE, INDIKATORER)
    if not may_be_invented and any(map(_is_invented, (scorer, faktorer, indikatorer))):
        raise ConfigError(
            f"The ranking by {profil} rests on invented figures, and the base is not of the sandbox. Nothing was "
            "written. Set TOMT_PROFILE=sandbox, or take TOMT_SOURCES_URL away and run `tomt rank`."
        )
    others = (name for name in profiler() if name != profil)
    andre = {name: geodata.read(name, layer="out", contract=KOMMUNESCORER) for name in others}
    return ranking_rows(
        scorer,
        faktorer=faktorer,
        indikatorer=indikatorer,
        andre={name: frame for name, frame in andre.items() if frame is not None and _is_beside(frame, scorer)},
    )


def _is_invented(frame: pd.DataFrame) -> bool:
    """Return whether a figure is invented, by the columns of any of the contracts."""
    return any(bool(frame[column].any()) for column in INVENTED if column in frame)


def _is_beside(other: pd.DataFrame, scorer: pd.DataFrame) -> bool:
    """Return whether another ranking is of the same day, and of figures of the same world."""
    same_day = set(other["rangert_dato"]) == set(scorer["rangert_dato"])
    return same_day and _is_invented(other) == _is_invented(scorer)


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
        nummer: _identity(kommune, there.get(nummer), tabell) | fields[nummer]
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


def _identity(kommune: Kommune, record: Record | None, tabell: Tabell) -> Row:
    """Return which kommune it is; of a row that is there what it lacks, since a person may have made it."""
    if record is None:
        return identity(kommune)
    lacking = {name: value for name, value in identity(kommune).items() if record.fields.get(name) in (None, "")}
    return lacking | {tabell.noekkel: kommune.nummer}


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
    """Return what sales has marked of kommuner, and keep it.

    Returns
    -------
    pandas.DataFrame
        Contract salgskommuner, the kommuner with a mark, sorted. Of a field that the base lacks, which the log tells,
        what was kept stands.

    Raises
    ------
    AirtableError
        When the base does not answer.
    """
    base, er_sandkasse = connection.base, _profile(connection) in {None, Profile.SANDBOX}
    ids = connection.ids.get(TABLE)
    if ids is None or base is None:
        return SALGSKOMMUNER.empty()
    lacking = lacking_marks(connection)
    if lacking:
        log.warning(
            "%s has no field %s: sales cannot mark kommuner there. Run `tomt base setup`.",
            TABLE,
            " and no field ".join(lacking),
        )
    names = [name for name in MARKS.values() if name not in lacking]
    wanted = replace(ids, fields={name: ids.fields[name] for name in (ids.tabell.noekkel, *names)})
    marked = ",".join(listing.EQ_FIELD.format(ids.fields[name]) for name in names)
    records = listing.records(base, wanted, f"OR({marked})") if names else ()
    found = _marks(replace(record, ours=connection.state.key_of(record.id)) for record in records)
    if lacking:
        _keep_lacking(found, lacking, _kept(geodata, base.id, er_sandkasse=er_sandkasse))
    rows = [{"kommunenummer": nummer, **marks} for nummer, marks in sorted(found.items()) if any(marks.values())]
    frame = pd.DataFrame(rows).astype({"kommunenummer": object}) if rows else SALGSKOMMUNER.empty()
    keep_marks(frame, geodata, base.id, er_sandkasse=er_sandkasse)
    return frame


def lacking_marks(connection: Connection) -> tuple[str, ...]:
    """Return the fields for sales' marks that the base lacks."""
    ids = connection.ids.get(TABLE)
    return tuple(name for name in MARKS.values() if ids is None or name not in ids.fields)


def _kept(geodata: Geodata, base: str, *, er_sandkasse: bool) -> pd.DataFrame:
    try:
        kept = last_marks(geodata, base, er_sandkasse=er_sandkasse)
    except TomtError as error:
        log.warning("%s", error)
        kept = None
    return SALGSKOMMUNER.empty() if kept is None else kept


def _keep_lacking(found: dict[str, dict[str, bool]], lacking: Iterable[str], kept: pd.DataFrame) -> None:
    """Let what was kept stand of the fields that the base lacks."""
    columns = [column for column, name in MARKS.items() if name in lacking]
    for row in kept.to_dict("records"):
        own = found.setdefault(row["kommunenummer"], dict.fromkeys(MARKS, False))
        own |= {column: bool(row[column]) for column in columns}


def _marks(records: Iterable[Record]) -> dict[str, dict[str, bool]]:
    """Return kommunenummer → column → mark; of a kommune with several records a mark on one of them counts."""
    found: dict[str, dict[str, bool]] = {}
    for record in records:
        nummer = record.ours or str(record.fields.get("Kommunenummer") or "").strip()
        if NUMMER.fullmatch(nummer):
            own = found.setdefault(nummer, dict.fromkeys(MARKS, False))
            # A field that sales has given another type holds no tick.
            found[nummer] = {column: own[column] or record.fields.get(name) is True for column, name in MARKS.items()}
    return found
