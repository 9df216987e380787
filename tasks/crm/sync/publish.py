"""Publish: what a run of one kommune left under out/ becomes records in Airtable, and the run its own row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Kommune
from tasks.answer import Answer
from tasks.contracts import DEKNING, FELLES, KONTROLL, SALG
from tasks.crm.rader.records import RowsByKey, dekning_fields, identity, kontroll_rows
from tasks.crm.rader.sammenslaaingsrader import published
from tasks.crm.rader.utdata import desired_rows, read_or_empty, read_shapes
from tasks.crm.sync import saker, treff, utvalg
from tasks.crm.sync.basesync import BaseSync, today, unknown_lots
from tasks.crm.sync.connection import Connection, open_connection
from tasks.crm.sync.diff import Record, TableDiff
from tasks.crm.sync.salg import SalesView
from tasks.errors import TomtError
from tasks.store import Geodata

__all__ = ["Connection", "Published", "open_connection", "publish", "publish_dekning", "publish_kontroll"]

ORDER = ("Kommuner", "Områder", "Eiendommer", "Tomter", "Sammenslåinger", "Kontroll")


@dataclass(frozen=True)
class Published:
    """What a run changed, or would change, in Airtable.

    Attributes
    ----------
    diffs
        One per table, in the order of the register.
    failure
        Why a table was not written, or writing stopped on the way, or None; `TableDiff.sent` tells how far it came.
    unpublished
        Lots below the threshold that stay in geodata alone.
    """

    diffs: tuple[TableDiff, ...]
    failure: str | None = None
    unpublished: int = 0


@dataclass
class _Plan:
    """All that a run of one kommune would do, before anything is written."""

    diffs: dict[str, TableDiff] = field(default_factory=dict)
    kontroll: list[Record] = field(default_factory=list)
    matters: RowsByKey = field(default_factory=dict)
    salg: pd.DataFrame = field(default_factory=SALG.empty)
    unpublished: int = 0


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
    AirtableError, IdentityError, BudgetError, BusyError
        Before the first write; what stops the writing on the way comes back as `Published.failure`.
    """
    with geodata.lock(_lock(kommune.nummer)):
        return _publish(kommune, geodata, connection, answers=answers, dry_run=dry_run)


def _lock(nummer: str) -> str:
    """Return the lock of what belongs to a kommune, or to none, in the base: runs and checks of sources share it."""
    return f"airtable-{nummer}"


def _publish(
    kommune: Kommune, geodata: Geodata, connection: Connection, *, answers: Mapping[str, Answer], dry_run: bool
) -> Published:
    connection.state.guard(kommune.nummer, read_shapes(geodata, kommune.nummer))
    rows = desired_rows(kommune, geodata, answers)
    utvalg.mark(rows["Tomter"], connection.register.publisering.minste_score)
    sync = BaseSync(connection, kommune.nummer)
    plan = _compare(kommune, rows, sync)
    if not dry_run:
        geodata.write(plan.salg, kommune.nummer, layer="core", contract=SALG)
    published = _bring(plan, sync, dry_run=dry_run)
    if not dry_run and published.failure is None:
        del rows, plan  # what is read now comes on top of them
        connection.state.keep_sent(kommune.nummer, read_shapes(geodata, kommune.nummer))
    return published


def _compare(kommune: Kommune, rows: dict[str, RowsByKey], sync: BaseSync) -> _Plan:
    """Read the base and compare every table with it, in the order of their links."""
    nummer = kommune.nummer
    plan = _Plan()
    kommuner = list(sync.read("Kommuner", rows["Kommuner"]))
    sync.diff("Kommuner", rows["Kommuner"], kommuner)  # the others link to it; its own figures come last
    for navn in utvalg.LINKED:
        plan.diffs[navn] = sync.diff(navn, rows[navn], sync.read(navn, rows[navn]))
    tabell = sync.connection.register.table("Tomter")
    view = SalesView(tabell, nummer, reverse=sync.connection.reverse.get("Tomter", {}))
    seen = view.tap(sync.read("Tomter", rows["Tomter"], with_own=True))
    plan.diffs["Tomter"] = sync.diff("Tomter", rows["Tomter"], seen)
    typed = unknown_lots(view.teiger, rows["Tomter"], remembered=sync.remembered("Tomter"), kommune=kommune)
    plan.salg = view.frame()
    egne = treff.egne_tomter(view.own, kommune=kommune, kommune_record_id=sync.record_of["Kommuner"].get(nummer))
    found = treff.find_treff(egne, rows["Tomter"])
    plan.unpublished = utvalg.select(plan.diffs, rows, wanted={t for f in found for t in f.tomt_ider})
    for navn in ("Tomter", *utvalg.LINKED):
        sync.look_again(plan.diffs[navn], rows[navn], i_dag=today())
    utvalg.note_changes(plan.diffs["Tomter"], today(), deleted=sync.deleted)
    plan.diffs["Sammenslåinger"] = _compare_joined(rows["Sammenslåinger"], plan.diffs, sync)
    rows["Kommuner"][nummer]["Publiserte tomter"] = _published(rows["Tomter"], plan.diffs["Tomter"])
    plan.diffs["Kommuner"] = sync.diff("Kommuner", rows["Kommuner"], kommuner)
    plan.kontroll, plan.matters = _read_kontroll(rows["Kontroll"], sync)
    plan.matters |= dict(saker.ukjent_sak(nummer, key, dato=today()) for key in typed)
    plan.matters |= {key: row for f in found for key, row in [saker.treff_sak(nummer, f, dato=today())]}
    return plan


def _compare_joined(rows: RowsByKey, diffs: Mapping[str, TableDiff], sync: BaseSync) -> TableDiff:
    """Compare the assemblies, once it is decided which lots and områder stand in the base."""
    there = {navn: diffs[navn].seen | diffs[navn].create.keys() for navn in ("Tomter", "Områder")}
    existing = list(sync.read("Sammenslåinger", rows))
    known = {record.key(sync.connection.register.table("Sammenslåinger")) for record in existing}
    wanted = published(rows, kjente=known, tomter=there["Tomter"], omraader=there["Områder"])
    diff = sync.diff("Sammenslåinger", wanted, existing)
    sync.look_again(diff, wanted, i_dag=today())
    return diff


def _published(tomter: RowsByKey, diff: TableDiff) -> int:
    there = {*diff.seen, *diff.create}
    return sum(1 for key, row in tomter.items() if key in there and row["Tilstand"] == "Aktiv")


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
    with geodata.lock(_lock(kommune.nummer)):
        dekning = read_or_empty(geodata, kommune.nummer, DEKNING)
        sync = BaseSync(connection, kommune.nummer)
        own = {} if dekning.empty else {kommune.nummer: identity(kommune) | dekning_fields(dekning)}
        existing = list(sync.read("Kommuner", own or {kommune.nummer}))
        if existing and own:  # which kommune it is stands there
            own = {kommune.nummer: {"Kommunenummer": kommune.nummer} | dekning_fields(dekning)}
        plan = _Plan({"Kommuner": sync.diff("Kommuner", own, existing)})
        rows = kontroll_rows(read_or_empty(geodata, kommune.nummer, KONTROLL))
        plan.kontroll, plan.matters = _read_kontroll(rows, sync)
        return _bring(plan, sync, dry_run=dry_run)


def publish_kontroll(nummer: str, geodata: Geodata, connection: Connection, *, dry_run: bool) -> Published:
    """Bring the review queue of one kommune, or of none (`FELLES`), to the base.

    Parameters
    ----------
    nummer
        Kommunenummer or `FELLES`.
    """
    # The keys of a kommune begin with its number; others are asked for by key.
    sync = BaseSync(connection, "-" if nummer == FELLES else nummer)
    plan = _Plan()
    with geodata.lock(_lock(nummer)):
        plan.kontroll, plan.matters = _read_kontroll(kontroll_rows(read_or_empty(geodata, nummer, KONTROLL)), sync)
        return _bring(plan, sync, dry_run=dry_run)


def _read_kontroll(rows: RowsByKey, sync: BaseSync) -> tuple[list[Record], RowsByKey]:
    """Return the queue in the base, and the matters worth telling: none that was closed before anybody was told."""
    existing = list(sync.read("Kontroll", rows))
    told = {record.fields.get("Kontroll-id") for record in existing}
    return existing, {key: row for key, row in rows.items() if row["Tilstand"] != "Lukket" or key in told}


def _matters_of(diffs: Iterable[TableDiff], kommunenummer: str, dato: date) -> RowsByKey:
    """Return what the comparison itself found for a person to look at."""
    found: RowsByKey = {}
    for diff in diffs:
        navn = diff.tabell.navn
        written = [
            saker.Endring(key, felt, value, diff.whole[key].get(felt))
            for key, fields in diff.by_hand.items()
            for felt, value in fields.items()
        ]
        found |= saker.endret_saker(kommunenummer, diff.tabell, written, dato=dato)
        found |= saker.slettet_saker(kommunenummer, navn, diff.deleted, dato=dato)
        if diff.stopped is not None:
            found |= [saker.dobbel_sak(kommunenummer, navn, k, dato=dato, records=r) for k, r in diff.twice.items()]
    return found


def _bring(plan: _Plan, sync: BaseSync, *, dry_run: bool) -> Published:
    """Write a plan, unless it is a dry run.

    The queue goes first: it tells what a person has written by hand before that is put right, and links to nothing.
    """
    nummer, dato = sync.kommunenummer, today()
    tabell = sync.connection.register.table("Kontroll")
    # By the key that they were made with: a person may have typed over it.
    theirs = [record.fields | {tabell.noekkel: record.key(tabell)} for record in plan.kontroll]
    found = plan.matters | _matters_of(plan.diffs.values(), nummer, dato)
    found = saker.with_answers(theirs, found, kommunenummer=nummer)
    if "Tomter" in plan.diffs:  # else nobody has looked whether they still hold
        found |= saker.afterlife(theirs, found, kommunenummer=nummer)
    queue = sync.diff("Kontroll", found, plan.kontroll)
    if queue.by_hand:  # in the queue itself: told of as well, before it is put right
        found |= saker.with_answers(theirs, _matters_of([queue], nummer, dato), kommunenummer=nummer)
        queue = sync.diff("Kontroll", found, plan.kontroll)
    sync.look_again(queue, found, i_dag=dato)
    plan.diffs["Kontroll"] = queue
    diffs = tuple(plan.diffs[navn] for navn in ORDER if navn in plan.diffs)
    return carry_out(diffs, queue, sync, dry_run=dry_run, unpublished=plan.unpublished)


def carry_out(
    diffs: tuple[TableDiff, ...], queue: TableDiff, sync: BaseSync, *, dry_run: bool, unpublished: int = 0
) -> Published:
    """Check the budget, and write, unless it is a dry run.

    Parameters
    ----------
    diffs
        One per table, `queue` among them.
    queue
        That of Kontroll: where it cannot be written, what people have changed by hand is left as it is.

    Raises
    ------
    BudgetError
        Before the first write.
    """
    stops = " ".join(d.stopped for d in diffs if d.stopped is not None) or None
    sync.check_budget(diffs, i_dag=today())
    if dry_run:
        return Published(diffs, stops, unpublished)
    try:
        sync.write(queue)
        for diff in (d for d in diffs if d is not queue):
            if queue.stopped is not None or queue.refused:
                diff.spare_by_hand()
            sync.write(diff)
    except TomtError as error:
        return Published(diffs, str(error), unpublished)
    return Published(diffs, stops, unpublished)


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
