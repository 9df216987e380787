"""Publish: what a run of one kommune left under out/ becomes records in Airtable, and the run its own row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import geopandas as gpd
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE
from pyairtable import Api, Base

from config.registers import Kommune, base_register
from config.settings import Settings
from tasks.answer import Answer, Rows
from tasks.contracts import ADRESSER, DEKNING, FELLES, KONTROLL, OMRAADER, PLANOMRAADER, SCORER, SONER, TOMTER, Contract
from tasks.crm.base import TableIds, as_memory, differences, open_base, read_schema, resolve, setup
from tasks.crm.client import calls_of
from tasks.crm.records import Row, RowsByKey, build_rows, dekning_fields, identity, kilder_text, kontroll_rows
from tasks.crm.state import BaseState
from tasks.crm.sync import BaseSync, Record, TableDiff, canonical, diff_table, guard_identity
from tasks.errors import BaseIncompleteError, StoreError, TomtError
from tasks.store import Geodata, Layer

RUN_TABLE = "Kjøringer"


@dataclass(frozen=True)
class Connection:
    """One API, one base, the ids of its tables and fields: opened once per run, so that calls are counted once.

    Attributes
    ----------
    base
        None for a base that does not exist yet, which only a dry run meets.
    ids
        Table → ids; empty when tables are missing, which only a dry run meets.
    missing
        What the base lacks.
    """

    api: Api
    base: Base | None
    ids: Mapping[str, TableIds]
    missing: tuple[str, ...]

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return calls_of(self.api)


@dataclass(frozen=True)
class Published:
    """What a run changed, or would change, in Airtable.

    Attributes
    ----------
    diffs
        One per table, in the order written.
    failure
        Why writing stopped on the way, or None; `TableDiff.sent` then tells how far it came.
    """

    diffs: tuple[TableDiff, ...]
    failure: str | None = None


def open_connection(geodata: Geodata, settings: Settings, *, dry_run: bool) -> Connection:
    """Open the base; the sandbox's is set up on the way, others are not.

    Raises
    ------
    BaseIncompleteError
        When tables or fields are missing and this is no dry run, or when only some are.
    """
    register = base_register()
    api, base = open_base(settings)
    state = BaseState(geodata, base.id if base else None)
    schema = read_schema(base) if base else None
    missing = tuple(differences(schema, register, state.schema()))
    if missing and dry_run and len([line for line in missing if line.startswith("table ")]) == len(register.tabell):
        return Connection(api, base, {}, missing)
    if missing and settings.is_sandbox and not dry_run:
        base, _ = setup(api, base, register, state.schema())
        schema, state = read_schema(base), BaseState(geodata, base.id)
    if schema is None:
        raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
    ids = resolve(schema, register, state.schema())
    state.keep_schema(as_memory(ids))
    return Connection(api, base, ids, ())


def publish(
    kommune: Kommune, geodata: Geodata, connection: Connection, *, answers: Mapping[str, Answer], dry_run: bool
) -> Published:
    """Bring the base to what out/ says.

    Parameters
    ----------
    answers
        Theme → what its source answered in this run.
    dry_run
        Compare only; nothing is written to Airtable.

    Raises
    ------
    AirtableError, IdentityError
        Before the first write; what stops the writing on the way comes back as `Published.failure`.
    """
    rows = desired_rows(kommune, geodata, answers)
    tomter = _read(geodata, kommune, TOMTER)
    state = BaseState(geodata, connection.base.id if connection.base else None)
    state.guard(kommune.nummer, tomter)
    sync = BaseSync(connection.base, connection.ids, kommune.nummer)
    existing = {navn: sync.read(navn, wanted) for navn, wanted in rows.items()}
    guard_identity(
        existing["Tomter"],
        rows["Tomter"],
        is_first_sync=not state.has_sent(kommune.nummer),
        kommune=kommune.label,
    )
    published = _bring(rows, existing, sync=sync, state=state, memory=kommune.nummer, dry_run=dry_run)
    if published.failure is None and not dry_run:
        state.keep_sent(kommune.nummer, tomter)
    return published


def publish_dekning(kommune: Kommune, geodata: Geodata, connection: Connection, *, dry_run: bool) -> Published:
    """Bring what is known of the data to the base, and nothing of the lots: what a run that stops can still say.

    Parameters
    ----------
    dry_run
        Compare only; nothing is written to Airtable.

    Raises
    ------
    AirtableError
        As for `publish`.
    """
    dekning, kontroll = (_read_or_empty(geodata, kommune.nummer, c) for c in (DEKNING, KONTROLL))
    state = BaseState(geodata, connection.base.id if connection.base else None)
    sync = BaseSync(connection.base, connection.ids, kommune.nummer)
    own = {} if dekning.empty else {kommune.nummer: identity(kommune) | dekning_fields(dekning)}
    rows = {"Kommuner": own, "Kontroll": kontroll_rows(kontroll)}
    existing = {navn: sync.read(navn, wanted) for navn, wanted in rows.items()}
    if existing["Kommuner"] and own:  # which kommune it is stands there
        rows["Kommuner"] = {kommune.nummer: {"Kommunenummer": kommune.nummer} | dekning_fields(dekning)}
    return _bring(rows, existing, sync=sync, state=state, memory=kommune.nummer, dry_run=dry_run)


def publish_kontroll(nummer: str, geodata: Geodata, connection: Connection, *, dry_run: bool) -> Published:
    """Bring the review queue of one kommune, or of none (`FELLES`), to the base.

    Parameters
    ----------
    nummer
        Kommunenummer or `FELLES`.
    """
    rows = {"Kontroll": kontroll_rows(_read_or_empty(geodata, nummer, KONTROLL))}
    state = BaseState(geodata, connection.base.id if connection.base else None)
    # The keys of a kommune begin with its number; others are asked for one by one.
    sync = BaseSync(connection.base, connection.ids, "-" if nummer == FELLES else nummer)
    existing = {navn: sync.read(navn, wanted) for navn, wanted in rows.items()}
    return _bring(rows, existing, sync=sync, state=state, memory=nummer, dry_run=dry_run)


def _bring(
    rows: Mapping[str, RowsByKey],
    existing: Mapping[str, list[Record]],
    *,
    sync: BaseSync,
    state: BaseState,
    memory: str,
    dry_run: bool,
) -> Published:
    """Compare every table, then write.

    Parameters
    ----------
    memory
        Under which the new records that may still lack their first values are remembered.
    """
    wanted = {**rows, "Kontroll": _worth_telling(rows["Kontroll"], existing["Kontroll"])}
    pending = state.pending(memory)
    # Compare everything before the first write: a dry run and a real one see the same.
    diffs = _diffs(wanted, existing, sync=sync, pending=pending)
    if dry_run:
        return Published(diffs)
    # Remembered before the first is made: a record that a crash leaves without its first values gets them next time.
    fresh = {key for d in diffs if any(f.eier == "initial" for f in d.tabell.felt) for key in d.create}
    state.keep_pending(memory, pending | fresh)
    try:
        for diff in diffs:
            sync.write(diff)
    except TomtError as error:
        return Published(diffs, str(error))
    state.keep_pending(memory, pending - {key for table in rows.values() for key in table})
    return Published(diffs)


def _worth_telling(rows: RowsByKey, existing: list[Record]) -> RowsByKey:
    """Return the matters without those that were closed before anybody was told of them."""
    told = {record.fields.get("Kontroll-id") for record in existing}
    return {key: row for key, row in rows.items() if row["Tilstand"] != "Lukket" or key in told}


def _diffs(
    rows: Mapping[str, RowsByKey], existing: Mapping[str, list[Record]], *, sync: BaseSync, pending: set[str]
) -> tuple[TableDiff, ...]:
    register = base_register()
    diffs: list[TableDiff] = []
    ambiguous: set[str] = set()
    for navn, desired in rows.items():
        diff = diff_table(
            register.table(navn),
            desired,
            existing[navn],
            key_of=sync.key_of,
            ambiguous=ambiguous,
            pending=pending,
        )
        ambiguous |= set(diff.refused)
        diffs.append(diff)
    return tuple(diffs)


def desired_rows(kommune: Kommune, geodata: Geodata, answers: Mapping[str, Answer]) -> dict[str, RowsByKey]:
    """Return table → key → row from the files of the last run."""
    frames = {
        "omraader": _read(geodata, kommune, OMRAADER),
        "tomter": _read(geodata, kommune, TOMTER),
        "scorer": _read(geodata, kommune, SCORER),
        "soner": _read(geodata, kommune, SONER, layer="core"),
        "planomraader": _read(geodata, kommune, PLANOMRAADER, layer="core"),
        "dekning": _read_or_empty(geodata, kommune.nummer, DEKNING),
        "kontroll": _read_or_empty(geodata, kommune.nummer, KONTROLL),
        "adresser": _read_or_empty(geodata, kommune.nummer, ADRESSER, layer="core"),
    }
    provenance = {tema: geodata.provenance(a.path) for tema, a in answers.items() if isinstance(a, Rows)}
    return build_rows(kommune, **frames, kilder=kilder_text(answers, provenance))


def _read(geodata: Geodata, kommune: Kommune, contract: Contract, *, layer: Any = "out") -> gpd.GeoDataFrame:
    frame = geodata.read(kommune.nummer, layer=layer, contract=contract)
    if frame is None:
        raise StoreError(f"{layer}/{contract.name}/{kommune.nummer}.parquet is not there. Run `tomt run`.")
    return cast("gpd.GeoDataFrame", frame)


def _read_or_empty(geodata: Geodata, nummer: str, contract: Contract, *, layer: Layer = "out") -> pd.DataFrame:
    frame = geodata.read(nummer, layer=layer, contract=contract)
    return contract.empty() if frame is None else frame


def record_run(connection: Connection, row: Row) -> dict[str, int]:
    """Add the row of this run to Kjøringer.

    Parameters
    ----------
    row
        Fields by name.

    Returns
    -------
    dict
        ``{"created": 1}``.
    """
    tabell = base_register().table(RUN_TABLE)
    fields = {n: canonical(tabell.field(n), v) for n, v in row.items()}
    diff = TableDiff(tabell, create={row[tabell.noekkel]: {n: v for n, v in fields.items() if v is not None}})
    BaseSync(connection.base, connection.ids, row["Kommunenummer"]).write(diff)
    return {"created": diff.sent["created"]}


@task(name="oppdater Airtable", task_run_name="oppdater Airtable {kommune.nummer}", cache_policy=NO_CACHE)
def publish_task(
    kommune: Kommune, geodata: Geodata, connection: Connection, *, answers: Mapping[str, Answer], dry_run: bool
) -> Published:
    """Compare out/ with the base and write what differs."""
    return publish(kommune, geodata, connection, answers=answers, dry_run=dry_run)


@task(name="oppdater dekning", task_run_name="oppdater dekning {kommune.nummer}", cache_policy=NO_CACHE)
def publish_dekning_task(kommune: Kommune, geodata: Geodata, connection: Connection, *, dry_run: bool) -> Published:
    """Write what is known of the data of a kommune whose run stopped."""
    return publish_dekning(kommune, geodata, connection, dry_run=dry_run)


@task(name="oppdater Kontroll", task_run_name="oppdater Kontroll {nummer}", cache_policy=NO_CACHE)
def publish_kontroll_task(nummer: str, geodata: Geodata, connection: Connection, *, dry_run: bool) -> Published:
    """Write the review queue of one kommune, or of none."""
    return publish_kontroll(nummer, geodata, connection, dry_run=dry_run)


@task(name="noter i Kjøringer", task_run_name="noter resultat {kommune.nummer}", cache_policy=NO_CACHE)
def record_run_task(kommune: Kommune, connection: Connection, row: Row) -> dict[str, int]:
    """Add the row of this run to Kjøringer."""
    return record_run(connection, row)
