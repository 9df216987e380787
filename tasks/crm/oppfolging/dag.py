"""Dag: the follow-up of one base on one day.

Read, compare, check the budget; then write down what has been seen (snapshot, ledger, answers), and only after that
bring it to Airtable: rows of Aktiviteter, reminders on the lots, figures on the kommuner, comments. Each step is found
done or undone by the next run, wherever this one was killed.

Runs of kommuner may be under way at the same time: they write other fields of the same records, by record id, and hold
other locks. Two follow-ups of one base never run at once.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from prefect import task
from prefect.cache_policies import NO_CACHE
from pyairtable import Base

from config.oppfolging import Oppfolging, oppfolging
from tasks.crm.chunks import CHUNK
from tasks.crm.oppfolging import faser, kommentarer, lager, nokkeltall, rader, varsler
from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.husket import Husket, remembered
from tasks.crm.oppfolging.lese import Leser, Lest
from tasks.crm.oppfolging.minne import Minne
from tasks.crm.oppfolging.nokkeltall import Tall
from tasks.crm.oppfolging.skriv import Skriver
from tasks.crm.oppfolging.tomt import Svar, Tomt
from tasks.crm.oppfolging.varsler import Sett, Varsel
from tasks.crm.rader.rad import Row
from tasks.crm.sync import budsjett
from tasks.crm.sync.basesync import BaseSync
from tasks.crm.sync.connection import Connection
from tasks.errors import BaseIncompleteError
from tasks.store import Geodata

log = logging.getLogger("tomt.crm")

Sleep = Callable[[float], None]


@dataclass
class Dag:
    """What a day's follow-up found, and did or would do.

    Attributes
    ----------
    varsler
        Record → what is due of it now.
    skifter
        Changes of stage since the last run.
    tall, per_kommune
        The figures of the pipeline; kommune ``""``: not told.
    aktiviteter
        Aktivitets-id → row by field name, of those that the base lacks.
    paaminnelser, kommuner
        Record → fields to change.
    kommentarer
        Comments to make.
    sendt, avvist
        What was really written, and refused, by table.
    mangler
        What the base lacks: only a dry run comes so far then.
    """

    i_dag: date
    tomter: list[Tomt] = field(default_factory=list)
    varsler: dict[str, list[Varsel]] = field(default_factory=dict)
    skifter: list[Skifte] = field(default_factory=list)
    tall: Tall = field(default_factory=lambda: Tall((0,), {}))
    per_kommune: dict[str, Tall] = field(default_factory=dict)
    aktiviteter: dict[str, Row] = field(default_factory=dict)
    paaminnelser: dict[str, Row] = field(default_factory=dict)
    kommuner: dict[str, Row] = field(default_factory=dict)
    kommentarer: list[kommentarer.Kommentar] = field(default_factory=list)
    sendt: Counter[str] = field(default_factory=Counter)
    avvist: dict[str, dict[str, str]] = field(default_factory=dict)
    mangler: tuple[str, ...] = ()
    kall: int = 0

    def planned(self) -> dict[str, int]:
        """Return how much is to be written, by what it is."""
        return {
            "Aktiviteter": len(self.aktiviteter),
            "Tomter": len(self.paaminnelser),
            "Kommuner": len(self.kommuner),
            "Kommentarer": len(self.kommentarer),
        }


def follow_up(
    geodata: Geodata,
    connection: Connection,
    *,
    naa: datetime,
    dry_run: bool,
    regler: Oppfolging | None = None,
    sleep: Sleep = time.sleep,
) -> Dag:
    """Follow up one base.

    Parameters
    ----------
    naa
        The time of the run, with its zone.
    dry_run
        Compare only: nothing is written to Airtable or geodata.

    Raises
    ------
    AirtableError, BudgetError, BusyError, StoreError
        Also on the way; the same run again does the rest.
    """
    rules = regler or oppfolging()
    i_dag = naa.astimezone(ZoneInfo(rules.paaminnelse.tidssone)).date()
    if connection.base is None or connection.missing:
        return Dag(i_dag, mangler=connection.missing or ("base",))
    with geodata.lock(f"oppfolging-{connection.base.id}"):
        run = _Run(geodata, connection, connection.base, rules, naa=naa, i_dag=i_dag, sleep=sleep)
        dag = run.compare()
        run.check_budget(dag)
        if not dry_run:
            run.keep(dag)
            run.write(dag)
        dag.kall = connection.calls
        return dag


class _Run:
    """One run: compares, checks, keeps, writes."""

    def __init__(
        self,
        geodata: Geodata,
        connection: Connection,
        base: Base,
        regler: Oppfolging,
        *,
        naa: datetime,
        i_dag: date,
        sleep: Sleep,
    ) -> None:
        self.geodata, self.connection, self.base, self.regler = geodata, connection, base, regler
        self.sone = ZoneInfo(regler.paaminnelse.tidssone)
        self.naa, self.i_dag, self.sleep = naa, i_dag, sleep
        self.minne = Minne(geodata, base.id)
        self.leser = Leser(connection, base, regler)
        self.husket = Husket([], False, set(), None)
        self.sett: dict[str, Sett] = {}
        self.there: set[str] = set()

    # --- compare ---

    def compare(self) -> Dag:
        """Return what the day would do."""
        self.husket = husket = remembered(self.geodata, self.base.id, minne=self.minne, leser=self.leser)
        start = self.regler.pipeline.start
        last = faser.latest(husket.ledger)
        self._check_stages(Counter(row.til for row in last.values()), ())
        svar = self._answers()
        untold = {row.record_id for row in husket.ledger if self._is_untold(row)}
        lest = self.leser.read(
            {*faser.moved(husket.ledger, start=start), *untold},
            answered=(i for one in svar for i in one.tomter),
            i_dag=self.i_dag,
        )
        self._check_stages({}, {tomt.fase for tomt in lest.tomter})
        skifter = faser.changes(
            husket.ledger,
            lest.tomter,
            gone=[i for i in lest.gone if last[i].til is not None],
            naa=self.naa,
            start=start,
            er_foerste=husket.er_foerste,
        )
        ledger = [*husket.ledger, *skifter]
        due, answers = self._due(lest, svar, ledger)
        tall, per_kommune = nokkeltall.count(ledger, lest.tomter, lest.mandater, pipeline=self.regler.pipeline)
        dag = Dag(self.i_dag, lest.tomter, due, skifter, tall, per_kommune)
        dag.aktiviteter = self._aktiviteter(lest, ledger, due, answers)
        dag.paaminnelser = rader.paaminnelser(lest.tomter, due, most=self.regler.paaminnelse.maks_linjer)
        dag.kommuner = rader.kommuner(
            lest.kommuner,
            per_kommune,
            tabell=self.connection.register.table("Kommuner"),
            felt=self.connection.ids["Kommuner"].fields,
            pipeline=self.regler.pipeline,
        )
        if self.regler.kommentarer.paa:
            most = self.regler.kommentarer.maks_per_kjoring
            dag.kommentarer = kommentarer.plan(lest.tomter, due, self.minne.kommentert(), most=most)
        return dag

    def _check_stages(self, stood: Mapping[str | None, int], now: Collection[str]) -> None:
        """Stop when an option of Fase that lots stood in is gone: a new name would look like a change of each of them.

        Parameters
        ----------
        stood
            Stage → lots that were last seen in it.
        now
            Stages that lots are in now: those that nobody knows may be a known one by a new name.

        Raises
        ------
        BaseIncompleteError
            Naming the option, and what to do.
        """
        rules = self.regler
        known = dict.fromkeys((rules.pipeline.start, *rules.pipeline.stiger, *rules.paaminnelse.dager_uten_kontakt))
        known |= dict.fromkeys(varsler.RESTING)
        options = self.leser.options("Tomter", "Fase")
        strange = {*now} - {*known}
        for fase in known if options else ():  # a field that is no select any more has none
            if fase not in options and (stood.get(fase) or strange or fase == rules.pipeline.start):
                raise BaseIncompleteError(
                    f"Tomter.Fase has no option {fase!r} any more, which the follow-up goes by "
                    f"({stood.get(fase, 0)} lots were last seen in it). Nothing was written. Give the option its name "
                    "back in Airtable; if it was deleted, make it again and set it on its lots (the table's history or "
                    "a backup says which). Then run again."
                )

    def _is_untold(self, row: Skifte) -> bool:
        return row.til is not None and row.aktivitets_id not in self.husket.fortalt

    def _answers(self) -> list[Svar]:
        """Return the answers that something may be told of, with their lots; remember all."""
        svar, days = self.leser.svar(), self.regler.varsel.svar_dager
        self.sett = self.husket.answers(svar, self.leser, i_dag=self.i_dag, dager=days)
        ids = {varsel.id for varsel, when in varsler.of_svar(svar, self.sett) if (self.i_dag - when).days <= days}
        told = self.husket.fortalt
        return self.leser.with_lots(
            [
                one
                for one in svar
                for varsel, _ in varsler.of_svar([one], self.sett)
                if varsel.id in ids or not {varsel.id, *varsel.ogsaa} & told
            ]
        )

    def _due(
        self, lest: Lest, svar: Sequence[Svar], ledger: Sequence[Skifte]
    ) -> tuple[dict[str, list[Varsel]], list[tuple[Varsel, date]]]:
        """Return what is due of each lot, and the answers that are told of."""
        rules = self.regler
        of_lot: dict[str, list[Skifte]] = defaultdict(list)
        for row in sorted(ledger, key=lambda row: row.nr):
            of_lot[row.record_id].append(row)
        answers = varsler.of_svar(svar, self.sett)
        due = {
            tomt.record_id: varsler.of_tomt(
                tomt,
                i_dag=self.i_dag,
                kontakt=lest.kontakt.get(tomt.record_id),
                inntatt=varsler.inntatt(of_lot[tomt.record_id], stiger=rules.pipeline.stiger, sone=self.sone),
                regler=rules,
            )
            for tomt in lest.tomter
        }
        for varsel, when in answers:
            for record_id in varsel.tomter:
                if record_id in due and (self.i_dag - when).days <= rules.varsel.svar_dager:
                    due[record_id].append(varsel)
        return {record_id: found for record_id, found in due.items() if found}, answers

    def _aktiviteter(
        self,
        lest: Lest,
        ledger: Sequence[Skifte],
        due: Mapping[str, Sequence[Varsel]],
        answers: Sequence[tuple[Varsel, date]],
    ) -> dict[str, Row]:
        """Return the rows that the base lacks, by Aktivitets-id."""
        tomter = {tomt.record_id: tomt for tomt in lest.tomter}
        wanted = rader.skifterader(
            [row for row in ledger if self._is_untold(row)],
            tomter,
            options=self.leser.options("Aktiviteter", "Ny fase"),
        )
        reminders = [v for found in due.values() for v in found if v.slag != "svar"]
        reminders += [v for v, _ in answers if not self.husket.fortalt & {*v.ogsaa}]
        wanted |= rader.varselrader(reminders, tomter, naa=self.naa.astimezone(self.sone))
        wanted = {key: row for key, row in wanted.items() if key not in self.husket.fortalt}
        kinds = self.leser.options("Aktiviteter", "Aktivitetstype")
        for row in wanted.values():
            if row["Aktivitetstype"] not in kinds:  # renamed by a person: a row without a type is better than none
                row["Aktivitetstype"] = None
        self.there = self.leser.existing(wanted) if wanted and not self.husket.er_foerste else set()
        return {key: row for key, row in wanted.items() if key not in self.there}

    # --- check ---

    def check_budget(self, dag: Dag) -> None:
        """Stop before the first write when a limit would burst, and warn when one is near.

        Raises
        ------
        BudgetError
            With the figures, and what to do.
        """
        connection = self.connection
        tables = (dag.aktiviteter, dag.paaminnelser, dag.kommuner)
        plan = budsjett.Plan(
            nye_poster=len(dag.aktiviteter),
            kall=sum(math.ceil(len(rows) / CHUNK) for rows in tables) + len(dag.kommentarer),
        )
        grenser = connection.register.grenser
        counts, counted = connection.state.counts()
        is_old = counted is None or (self.i_dag - date.fromisoformat(counted)).days > grenser.telles_hver_dager
        if is_old and plan.nye_poster:
            counts = BaseSync(connection, "").count_records(self.i_dag)
        brukt = budsjett.Brukt(sum(counts.values()), connection.calls_this_month, connection.calls)
        for warning in budsjett.check(plan, brukt, grenser):
            log.warning("%s", warning)

    # --- write ---

    def keep(self, dag: Dag) -> None:
        """Write down what was seen, before anything is told of it."""
        if lager.keep_stand(dag.tomter, self.geodata, self.base.id, naa=self.naa, raa=self.regler.raa):
            log.info("sales' fields of %s lots kept", len(dag.tomter))
        if dag.skifter or self.husket.er_endret:
            lager.write_ledger([*self.husket.ledger, *dag.skifter], self.geodata, self.base.id)
        self.minne.keep(svar=self.sett, fortalt=self.there | self.husket.funnet)

    def write(self, dag: Dag) -> None:
        """Bring the day to Airtable.

        Raises
        ------
        AirtableError
            What was sent before stays; the same run again does the rest.
        """
        skriver = Skriver(self.base, self.connection.ids, self.sleep, dag.avvist)
        sendt = dag.sendt

        def told(keys: Any) -> None:
            self.minne.keep_fortalt(keys)
            self.connection.state.add_records("Aktiviteter", len(keys))

        sendt["Aktiviteter"] = skriver.create("Aktiviteter", dag.aktiviteter, existing=self.leser.existing, done=told)
        sendt["Tomter"] = skriver.update("Tomter", dag.paaminnelser)
        sendt["Kommuner"] = skriver.update("Kommuner", dag.kommuner)
        table = self.base.table(self.connection.ids["Tomter"].id)
        kommentator = kommentarer.Kommentator(table, self.minne, self.sleep)
        kommentator.send(dag.kommentarer)
        sendt["Kommentarer"] = kommentator.sendt
        log.info("follow-up: %s", ", ".join(f"{navn} {count}" for navn, count in sendt.items()))


@task(name="følg opp", cache_policy=NO_CACHE)
def follow_up_task(geodata: Geodata, connection: Connection, *, naa: datetime, dry_run: bool) -> Dag:
    """Follow up the base."""
    return follow_up(geodata, connection, naa=naa, dry_run=dry_run)
