"""Publish: what a run of one kommune left under out/ becomes records in Airtable, and the run its own row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
from prefect import task
from prefect.cache_policies import NO_CACHE
from pyairtable import Base

from config.registers import Kommune, base_register
from config.settings import Settings
from tasks.answer import Answer, Rows
from tasks.contracts import OMRAADER, PLANOMRAADER, SCORER, SONER, TOMTER, Contract
from tasks.crm.base import TableIds, differences, open_base, read_schema, resolve, setup
from tasks.crm.client import calls_of
from tasks.crm.records import Row, RowsByKey, build_rows, kilder_text
from tasks.crm.sync import BaseSync, TableDiff, canonical, diff_table, guard_identity
from tasks.errors import BaseIncompleteError, StoreError
from tasks.store import Geodata

RUN_TABLE = "Kjøringer"


@dataclass(frozen=True)
class Published:
    """What a run changed, or would change, in Airtable.

    Attributes
    ----------
    diffs
        One per table, in the order written.
    calls
        Requests used.
    base_id
        None for a base that does not exist yet.
    missing
        What a dry run found missing in the base; a real run stops on it.
    """

    diffs: tuple[TableDiff, ...]
    calls: int
    base_id: str | None
    missing: tuple[str, ...] = ()


def prepare_base(settings: Settings, *, dry_run: bool) -> tuple[Base | None, dict[str, TableIds], tuple[str, ...]]:
    """Return the base, its ids and what is missing; the sandbox's base is set up on the way, others are not.

    Raises
    ------
    BaseIncompleteError
        When tables or fields are missing and this is no dry run.
    """
    register = base_register()
    api, base = open_base(settings)
    schema = read_schema(base) if base else None
    missing = tuple(differences(schema, register))
    if missing and settings.is_sandbox and not dry_run:
        base, _ = setup(api, base, register)
        schema, missing = read_schema(base), ()
    if schema is None and not dry_run:
        raise BaseIncompleteError("There is no base yet. Run `tomt base setup`.")
    if missing and dry_run:
        present = {t.name for t in schema.tables} if schema else set()
        if present & {t.navn for t in register.tabell}:
            assert schema is not None  # noqa: S101  # a table present was read from it
            resolve(schema, register)  # half a base is an error also for a dry run
        return base, {}, missing
    assert schema is not None  # noqa: S101  # a base was read or set up above
    return base, resolve(schema, register), missing


def publish(
    kommune: Kommune, geodata: Geodata, settings: Settings, *, answers: Mapping[str, Answer], dry_run: bool
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
    AirtableError, BaseIncompleteError, IdentityError
        Before the first write, but for what Airtable refuses on the way.
    """
    base, ids, missing = prepare_base(settings, dry_run=dry_run)
    rows = desired_rows(kommune, geodata, answers)
    sync = BaseSync(base, ids, kommune.nummer)
    register = base_register()
    existing = {navn: sync.read(navn) for navn in rows}
    marker = _marker(geodata, base, kommune)
    guard_identity(existing["Tomter"], rows["Tomter"], is_first_sync=not marker.exists(), kommune=kommune.label)
    # Compare everything before the first write: a dry run and a real one see the same.
    diffs = tuple(
        diff_table(register.table(navn), desired, existing[navn], key_of=sync.key_of) for navn, desired in rows.items()
    )
    if not dry_run:
        for diff in diffs:
            sync.write(diff)
        _mark(marker)
    return Published(diffs, calls_of(base.api) if base else 0, base.id if base else None, missing)


def desired_rows(kommune: Kommune, geodata: Geodata, answers: Mapping[str, Answer]) -> dict[str, RowsByKey]:
    """Return table → key → row from the files of the last run."""
    frames = {
        "omraader": _read(geodata, kommune, OMRAADER),
        "tomter": _read(geodata, kommune, TOMTER),
        "scorer": _read(geodata, kommune, SCORER),
        "soner": _read(geodata, kommune, SONER, layer="core"),
        "planomraader": _read(geodata, kommune, PLANOMRAADER, layer="core"),
    }
    provenance = {tema: geodata.provenance(a.path) for tema, a in answers.items() if isinstance(a, Rows)}
    return build_rows(kommune, **frames, kilder=kilder_text(answers, provenance))


def _read(geodata: Geodata, kommune: Kommune, contract: Contract, *, layer: Any = "out") -> gpd.GeoDataFrame:
    frame = geodata.read(kommune.nummer, layer=layer, contract=contract)
    if frame is None:
        raise StoreError(f"{layer}/{contract.name}/{kommune.nummer}.parquet is not there. Run `tomt run`.")
    return cast("gpd.GeoDataFrame", frame)


def _marker(geodata: Geodata, base: Base | None, kommune: Kommune) -> Path:
    """Return the file that says that these files have been brought to this base."""
    return geodata.root / "crm" / (base.id if base else "none") / kommune.nummer


def _mark(marker: Path) -> None:
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError as error:
        raise StoreError(f"{marker}: {error.strerror}. Check the folder and its permissions.") from error


def record_run(kommune: Kommune, settings: Settings, row: Row) -> dict[str, int]:
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
    base, ids, _ = prepare_base(settings, dry_run=False)
    sync = BaseSync(base, ids, kommune.nummer)
    tabell = base_register().table(RUN_TABLE)
    fields = {n: canonical(tabell.field(n), v) for n, v in row.items()}
    diff = TableDiff(tabell, create={row[tabell.noekkel]: {n: v for n, v in fields.items() if v is not None}})
    sync.write(diff)
    return {"created": 1}


@task(name="oppdater Airtable", task_run_name="oppdater Airtable {kommune.nummer}", cache_policy=NO_CACHE)
def publish_task(
    kommune: Kommune, geodata: Geodata, settings: Settings, *, answers: Mapping[str, Answer], dry_run: bool
) -> Published:
    """Compare out/ with the base and write what differs."""
    return publish(kommune, geodata, settings, answers=answers, dry_run=dry_run)


@task(name="noter i Kjøringer", task_run_name="noter resultat {kommune.nummer}", cache_policy=NO_CACHE)
def record_run_task(kommune: Kommune, settings: Settings, row: Row) -> dict[str, int]:
    """Add the row of this run to Kjøringer."""
    return record_run(kommune, settings, row)
