"""The main job for one kommune, as plain calls: the command line runs it directly, the Prefect flow as tasks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from config.kilder import optional_themes, themes
from config.registers import Kommune, regler
from config.settings import Settings
from flows.endringer import changes
from flows.steg import Call, directly
from flows.summary import FEILET, IKKE_DEKKET, Summary
from tasks.account import Account
from tasks.answer import Answer, Failed, NotCovered, blocking
from tasks.crm.bilder.opplasting import bring_pictures_task
from tasks.crm.sync.connection import Connection, open_connection
from tasks.crm.sync.diff import TableDiff
from tasks.crm.sync.kjoringer import record_run_task
from tasks.crm.sync.publish import Published, publish_dekning_task, publish_task
from tasks.errors import TomtError, UnusableError
from tasks.land.find import find_tomter_task
from tasks.scoring.tomt.kjoring import require_rules, score_task
from tasks.sources.adresser import read_adresser_task
from tasks.sources.core import read_core_task
from tasks.sources.fetch import fetch_task
from tasks.sources.kontekst import hent_kontekst_task
from tasks.sources.kontekstkjerne import les_kontekst_task
from tasks.sources.kvalitet import assess_task
from tasks.store import Geodata

log = logging.getLogger("tomt.run")


def run_kommune(kommune: Kommune, settings: Settings, *, dry_run: bool = False, call: Call = directly) -> Summary:
    """Fetch, find the lots and what is around them, score them, bring Airtable up to date.

    Parameters
    ----------
    settings
        With every address filled in, as from `environment.connected`.
    dry_run
        Compare with Airtable and write nothing there; geodata is brought up to date all the same.
    call
        How a step is run: `directly` or `as_task`.

    Returns
    -------
    Summary
        Also for a run that ended as Ikke dekket or Feilet, whatever went wrong.
    """
    summary = Summary(kommune, datetime.now(UTC), dry_run)
    started = time.monotonic()
    geodata = Geodata(settings.geodata)
    connection = None
    try:
        require_rules()  # what is wrong in config/ is said before anything is asked
        geodata.ensure_usable()
        summary.valgfrie = optional_themes(settings.kilder)
        connection = open_connection(geodata, settings, dry_run=dry_run)
        with geodata.lock(kommune.nummer):
            _work(kommune, settings, geodata, connection, summary=summary, call=call)
    except TomtError as error:
        summary.fail(str(error))
        log.error("%s: %s", kommune.label, error)
    except Exception as error:  # one kommune's surprise must not take the others down, nor pass unrecorded
        summary.fail(f"Unexpected {type(error).__name__}. The log has the details; please report it.")
        log.exception("%s: unexpected", kommune.label)
    summary.sekunder = time.monotonic() - started
    if connection is not None:
        summary.kall = connection.calls
        if not dry_run:
            _record(summary, connection, call=call)
        _close(connection, summary)
    return summary


def _close(connection: Connection, summary: Summary) -> None:
    try:
        connection.close()
    except TomtError as error:  # the lots are written; that the count of calls is not kept must not undo that
        log.error("%s: %s", summary.kommune.label, error)


def _work(
    kommune: Kommune, settings: Settings, geodata: Geodata, connection: Connection, *, summary: Summary, call: Call
) -> None:
    with _timed(summary, "hent"):
        for tema in themes(ikke_bolig_i_plan=regler().differanse.ikke_bolig_i_plan, egne=settings.kilder):
            hittil = dict(summary.kilder)
            summary.kilder[tema] = call(fetch_task, kommune, tema, settings=settings, geodata=geodata, hittil=hittil)
    accounts: list[Account] = []
    if not blocking(summary.kilder, optional=summary.valgfrie):
        accounts = _read(kommune, settings, geodata, summary=summary, call=call)
    if stops := blocking(summary.kilder, optional=summary.valgfrie):
        uncovered = all(isinstance(a, NotCovered) for a in stops.values())
        summary.fail(" ".join(dict.fromkeys(a.grunn for a in stops.values())), IKKE_DEKKET if uncovered else FEILET)
        _tell_of_sources(kommune, settings, geodata, connection, summary=summary, call=call)
        return
    with _timed(summary, "vurder"):
        found = call(assess_task, kommune, summary.kilder, geodata, regnskap=accounts, egne=settings.kilder)
        summary.datakvalitet = found.as_dict()
    with _timed(summary, "land"):
        land = call(find_tomter_task, kommune, geodata)
        summary.sekunder_per_steg["landmotor"] = land.sekunder
    with _timed(summary, "adresser"):
        accounts.append(call(read_adresser_task, kommune, settings=settings, geodata=geodata))
    summary.regnskap = {"kilder": {a.navn: a.as_dict() for a in accounts}, "land": land.as_dict()}
    _look_around(kommune, settings, geodata, summary=summary, call=call)
    with _timed(summary, "score"):
        summary.scoring = call(score_task, kommune, geodata).as_dict()
    with _timed(summary, "airtable"):
        published = call(publish_task, kommune, geodata, connection, answers=summary.kilder, dry_run=summary.dry_run)
    _take(published, connection, summary)
    if published.failure is None and not connection.missing:
        with _timed(summary, "bilder"):
            summary.bilder = call(
                bring_pictures_task, kommune, geodata, connection, settings=settings, dry_run=summary.dry_run
            )


def _look_around(kommune: Kommune, settings: Settings, geodata: Geodata, *, summary: Summary, call: Call) -> None:
    """Fetch and read what stands around the lots and binds their land; what cannot be told is not known."""
    if settings.hent_kontekst:
        with _timed(summary, "kontekst"):
            summary.kontekst = call(hent_kontekst_task, kommune, settings=settings, geodata=geodata, framgang=_say)
    with _timed(summary, "les kontekst"):
        read = call(les_kontekst_task, kommune, summary.kontekst, geodata=geodata, egne=settings.kilder)
    summary.dekning_kontekst = read.dekning
    summary.regnskap["kontekst"] = {account.navn: account.as_dict() for account in read.regnskap}


def _say(lag: str, answer: Answer, done: int, of: int) -> None:
    log.info("%2d of %d layers: %s %s", done, of, lag, type(answer).__name__)


def _read(kommune: Kommune, settings: Settings, geodata: Geodata, *, summary: Summary, call: Call) -> list[Account]:
    """Read core; a source whose rows say nothing that can be used has failed, as one that did not answer."""
    with _timed(summary, "les"):
        try:
            accounts: list[Account] = call(
                read_core_task, kommune, summary.kilder, geodata=geodata, egne=settings.kilder
            )
        except UnusableError as error:
            log.warning("%s: %s cannot be used: %s", kommune.label, error.tema, error)
            forsoek = summary.kilder[error.tema].forsoek
            summary.kilder[error.tema] = Failed(error.kilde, str(error), forsoek)
            return []
    return accounts


def _tell_of_sources(
    kommune: Kommune,
    settings: Settings,
    geodata: Geodata,
    connection: Connection,
    *,
    summary: Summary,
    call: Call,
) -> None:
    """Bring to Airtable what a run that stops knows of its sources, and nothing of the lots."""
    try:
        with _timed(summary, "airtable"):
            found = call(assess_task, kommune, summary.kilder, geodata, egne=settings.kilder)
            summary.datakvalitet = found.as_dict()
            published = call(publish_dekning_task, kommune, geodata, connection, dry_run=summary.dry_run)
    except TomtError as error:  # why it stopped is what matters, and is told all the same
        log.error("%s: Kommuner and Kontroll were not brought up to date: %s", kommune.label, error)
        return
    _take(published, connection, summary)


def _take(published: Published, connection: Connection, summary: Summary) -> None:
    done = published.failure is None
    summary.tabeller = {d.tabell.navn: d.counts() if done else d.sent_counts() for d in published.diffs}
    summary.avvist = {d.tabell.navn: d.refused for d in published.diffs if d.refused}
    summary.upublisert = published.unpublished
    summary.stoppet = {d.tabell.navn: _why_stopped(d) for d in published.diffs if d.stopped is not None}
    if published.failure is not None and summary.ok:
        summary.fail(published.failure)
    if summary.dry_run:
        summary.endringer = {diff.tabell.navn: changes(diff) for diff in published.diffs}
        summary.mangler_i_basen = connection.missing
    for navn, refused in summary.avvist.items():
        for key, reason in refused.items():
            log.warning("%s %s is left alone: it %s", navn, key, reason)


def _why_stopped(diff: TableDiff) -> str:
    if diff.twice:
        return (
            f"Samme {diff.tabell.noekkel} står i flere rader i {diff.tabell.navn}: {', '.join(list(diff.twice)[:3])}."
        )
    return f"De fleste radene i {diff.tabell.navn} er borte."


def _record(summary: Summary, connection: Connection, *, call: Call) -> None:
    """Add the run's own row; a run that failed on Airtable cannot, and says so in the log instead."""
    stamp = summary.start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    row = {
        "Kjøring": f"{stamp} {summary.kommune.nummer}",
        "Kommunenummer": summary.kommune.nummer,
        "Start": stamp,
        "Sekunder": summary.sekunder,
        "Resultat": summary.resultat,
        "Opprettet": summary.count("created"),
        "Endret": summary.count("updated"),
        "Uendret": summary.count("unchanged"),
        "Avvist": summary.count("refused"),
        "Kall": summary.kall,
        "Kall i måneden": connection.calls_this_month,
        "Sammendrag": summary.kort(),
    }
    try:
        summary.run_record = call(record_run_task, summary.kommune, connection, row)
    except TomtError as error:
        log.error("%s: the run could not be recorded in Kjøringer: %s", summary.kommune.label, error)
        if summary.ok:
            summary.fail(str(error))


@contextmanager
def _timed(summary: Summary, step: str) -> Iterator[None]:
    started = time.monotonic()
    log.info("%s: %s …", summary.kommune.label, step)
    try:
        yield
    finally:
        summary.sekunder_per_steg[step] = time.monotonic() - started
