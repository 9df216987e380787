"""Kontekstkjerne: the snapshots of a kommune's context → core frames, and what each layer is worth (KONTEKSTDEKNING).

A frame is replaced by a layer that answered, `Empty` included. Of one that did not, or that says something that cannot
be used, the old rows stay: they count against a lot still, and earn it nothing, since the layer is not known.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import Kilde, kilder, kilder_for, kontekst_themes
from config.konflikt import Konfliktlag
from config.konflikt import konflikter as konfliktregister
from config.kontekst import tjenester as tjenesteregister
from config.registers import Kommune, regler
from tasks.account import Account
from tasks.answer import Answer, Empty, Failed, Rows
from tasks.contracts import DEKNING, PLANOMRAADER, Contract
from tasks.crs import STORAGE_EPSG
from tasks.errors import ContractError, StoreError, TomtError, UnusableError
from tasks.sources import bygningstjenester, flat, konfliktlag, omland, sist, veglenker
from tasks.sources.core import known_numbers
from tasks.sources.kontekstdekning import Vurdering
from tasks.store import Geodata, read_parquet
from tasks.tomtekontrakter import (
    ADRESSEPUNKTER,
    GRUNNKRETSER,
    HOLDEPLASSER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    TETTSTEDER,
    TJENESTER,
    VEGLENKER,
)

log = logging.getLogger("tomt.sources")

BYGNING = "bygning"
"""Layer of TJENESTER: the theme whose snapshot it is read from."""
HENSYN = "hensyn"
"""Layer whose rows are parts of the kommuneplaner."""
KRETS, TALL = "grunnkrets", "grunnkretstall"

Made = tuple[gpd.GeoDataFrame, Account]

ALENE: Mapping[str, tuple[Contract, Callable[[gpd.GeoDataFrame], Made]]] = {
    "tettsted": (TETTSTEDER, omland.tettsteder),
    "holdeplass": (HOLDEPLASSER, omland.holdeplasser),
    "veg": (VEGLENKER, veglenker.veglenker),
    "adressepunkt": (ADRESSEPUNKTER, omland.adressepunkter),
}
"""Layer → the frame that it makes alone."""


@dataclass(frozen=True, eq=False)
class Kontekst:
    """What came of reading the context of a kommune.

    Attributes
    ----------
    dekning
        Contract KONTEKSTDEKNING, as written.
    regnskap
        An account for each layer that was read.
    ubrukelige
        Layer → why what it brought cannot be used.
    """

    dekning: pd.DataFrame
    regnskap: tuple[Account, ...]
    ubrukelige: Mapping[str, str]


def les_kontekst(
    kommune: Kommune,
    answers: Mapping[str, Answer],
    *,
    geodata: Geodata,
    egne: Path | None = None,
    naa: datetime | None = None,
) -> Kontekst:
    """Write the core frames of a kommune's context and what each layer is worth.

    Parameters
    ----------
    answers
        Layer → answer, as `hent_kontekst` gave them; layers that are not among them stay as they were.
    egne
        File of the operator's own sources.
    naa
        The time that ages are told at; None: now.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    reading = _Lesing(kommune, dict(answers), geodata, kilder(egne), (naa or datetime.now(UTC)).astimezone(UTC))
    reading.read_conflicts()
    for lag in ALENE:
        reading.read_alone(lag)
    reading.read_grunnkretser()
    reading.read_services()
    before = reading.old_coverage()
    worth = Vurdering(
        known=reading.known,
        geodata=geodata,
        kommunenummer=kommune.nummer,
        naa=reading.naa,
        ubrukelige=reading.unusable,
        antall=reading.counts,
        beside=reading.beside,
        reserve_dager=regler().hent.reserve_dager,
    )
    dekning = worth.coverage(reading.answers, before, lag=(*kontekst_themes(), BYGNING))
    geodata.write(dekning, kommune.nummer, layer="core", contract=KONTEKSTDEKNING)
    known = int(dekning["er_kjent"].sum())
    log.info("%s: %d of %d layers of context are known", kommune.nummer, known, len(dekning))
    return Kontekst(dekning, tuple(reading.accounts), reading.unusable)


@dataclass(eq=False)
class _Lesing:
    """One reading: what became of each layer so far.

    Attributes
    ----------
    counts
        Layer → its rows in core, of layers that a frame was written of or left as it was.
    beside
        Layer → what its rows depend on beside what the source brought.
    """

    kommune: Kommune
    answers: dict[str, Answer]
    geodata: Geodata
    known: Mapping[str, Kilde]
    naa: datetime
    accounts: list[Account] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)

    # --- frames ---

    def read_conflicts(self) -> None:
        """Write KONFLIKTER: the layers that answered anew, the others as they were."""
        register = konfliktregister()
        if not register.lag.keys() & self.answers.keys():
            return
        planer = self._plans() if isinstance(self.answers.get(HENSYN), Rows) else None
        new: dict[str, gpd.GeoDataFrame] = {}
        for navn, lag in register.lag.items():
            self.beside[navn] = lag.model_dump_json()
            of = partial(self._conflicts, navn=navn, lag=lag, planer=planer if navn == HENSYN else None)
            if (frame := self._made(navn, of)) is not None:
                new[navn] = frame
        if planer is not None:
            self.beside[HENSYN] += json.dumps(sorted(planer.status.items()))
        old = self._old(KONFLIKTER)
        stay = old[old["lag"].isin(register.lag.keys() - new.keys())]
        frame = flat.concat([stay, *new.values()], epsg=STORAGE_EPSG)
        if new or len(stay) < len(old):
            self.geodata.write(frame, self.kommune.nummer, layer="core", contract=KONFLIKTER)
        self.counts |= {n: int(c) for n, c in frame["lag"].value_counts().items()} if len(frame) else {}

    def _conflicts(
        self, raw: gpd.GeoDataFrame, *, navn: str, lag: Konfliktlag, planer: konfliktlag.Planer | None
    ) -> Made:
        if navn == HENSYN and planer is None and len(raw):
            raise UnusableError(
                f"{HENSYN}: which kommuneplaner are in force is not known. Run `tomt run {self.kommune.nummer}`.",
                HENSYN,
                self.answers[navn].kilde,
            )
        return konfliktlag.konflikter(raw, navn, lag, kilde=self.answers[navn].kilde, planer=planer)

    def _plans(self) -> konfliktlag.Planer | None:
        """Return which kommuneplaner are in force, None where that is not known."""
        try:
            rows = self.geodata.attributes(self.kommune.nummer, layer="core", contract=PLANOMRAADER)
        except StoreError as error:
            log.warning("%s", error)
            return None
        if rows is None:
            return None
        numre = known_numbers(self.kommune, sandbox=self.kommune.oppdiktet)
        return konfliktlag.Planer.of(rows, numre, vedtatt=regler().plan.vedtatt_status)

    def read_alone(self, lag: str) -> None:
        """Write the frame that a layer makes alone."""
        contract, of = ALENE[lag]
        if lag not in self.answers:
            return
        frame = self._made(lag, of)
        if frame is not None:
            self.geodata.write(frame, self.kommune.nummer, layer="core", contract=contract)
        self.counts[lag] = len(self._old(contract)) if frame is None else len(frame)

    def read_grunnkretser(self) -> None:
        """Write GRUNNKRETSER: shapes from one layer, inhabitants from another; what one lacks stays as it was."""
        told: dict[str, float] | None = None
        if not {KRETS, TALL} & self.answers.keys():
            return

        def count(raw: gpd.GeoDataFrame) -> Made:
            nonlocal told
            told, account = omland.people(raw), Account(TALL, len(raw))
            account.close(len(told))
            return raw, account

        self._made(TALL, count)
        old = self._old(GRUNNKRETSER)
        people = dict(zip(old["grunnkretsnummer"], old["folketall"], strict=True)) if told is None else told
        frame = self._made(KRETS, partial(omland.grunnkretser, folketall=people, epsg=self.kommune.epsg))
        if frame is None and told is not None and len(old):
            frame = omland.with_people(old, told)
        if frame is not None:
            self.geodata.write(frame, self.kommune.nummer, layer="core", contract=GRUNNKRETSER)
        made = old if frame is None else frame
        self.counts |= {KRETS: len(made), TALL: int(made["folketall"].notna().sum())}

    def read_services(self) -> None:
        """Write TJENESTER from the newest snapshot of the kommune's buildings."""
        if BYGNING not in self.answers and (answer := self._buildings()) is not None:
            self.answers[BYGNING] = answer
        answer = self.answers.get(BYGNING)
        if answer is None:
            return
        slag = tjenesteregister()
        self.beside[BYGNING] = slag.model_dump_json()
        utelat = self.known[answer.kilde].utelat if answer.kilde in self.known else ()
        frame = self._made(BYGNING, partial(bygningstjenester.tjenester, slag=slag, utelat=utelat))
        if frame is not None:
            self.geodata.write(frame, self.kommune.nummer, layer="core", contract=TJENESTER)
        self.counts[BYGNING] = len(self._old(TJENESTER)) if frame is None else len(frame)

    def _buildings(self) -> Answer | None:
        """Return the newest snapshot of buildings, None when they were never fetched."""
        sources = kilder_for(BYGNING, self.kommune, among=self.known.values())
        last = sist.newest(sources, self.geodata, self.kommune.nummer)
        if last is None:
            return None
        kilde = last.provenance.kilde
        seen = self.geodata.seen(kilde, self.kommune.nummer)
        if self.naa - seen.tid > timedelta(days=regler().hent.reserve_dager):
            return Failed(kilde, f"Bygningene ble sist hentet {seen.tid:%Y-%m-%d}: for gamle til å si noe om i dag.")
        reserve = self._in_reserve(kilde)
        svar = Rows if reserve is None else Failed
        return Rows(kilde, last.path, last.provenance, seen.tid.isoformat(), seen.kopidato, svar.__name__, reserve)

    def _in_reserve(self, kilde: str) -> str | None:
        """Return why the last good snapshot of buildings serves, None where their source has just answered."""
        try:
            rows = self.geodata.read(self.kommune.nummer, layer="out", contract=DEKNING)
        except (StoreError, ContractError) as error:
            log.warning("%s", error)
            return None
        if rows is None:
            return None
        said = rows.loc[(rows["tema"] == BYGNING) & (rows["kilde"] == kilde), "reserve"]
        return next((str(why) for why in said if isinstance(why, str)), None)

    def _made(self, lag: str, of: Callable[[gpd.GeoDataFrame], Made]) -> gpd.GeoDataFrame | None:
        """Return the frame of a layer that answered with something that can be used; None leaves core as it is."""
        answer = self.answers.get(lag)
        if not isinstance(answer, Rows | Empty):
            return None
        try:
            frame, account = of(_raw(answer))
        except TomtError as error:
            self.unusable[lag] = str(error)
            log.warning("%s %s: left as it was: %s", self.kommune.nummer, lag, error)
            return None
        except Exception as error:
            self.unusable[lag] = f"{lag}: cannot be read ({type(error).__name__}); the log tells where."
            log.exception("%s %s: left as it was", self.kommune.nummer, lag)
            return None
        self.accounts.append(account)
        return frame

    def old_coverage(self) -> pd.DataFrame:
        """Return what each layer was worth before this reading."""
        return pd.DataFrame(self._old(KONTEKSTDEKNING))

    def _old(self, contract: Contract) -> Any:
        """Return a frame as it lies there, without rows when it was never written or is damaged."""
        try:
            frame = self.geodata.read(self.kommune.nummer, layer="core", contract=contract)
        except (StoreError, ContractError) as error:
            log.warning("%s It is made anew.", error)
            frame = None
        return contract.empty() if frame is None else frame


def _raw(answer: Rows | Empty) -> gpd.GeoDataFrame:
    if isinstance(answer, Empty):
        return flat.concat([], epsg=STORAGE_EPSG)
    return gpd.GeoDataFrame(read_parquet(answer.path))


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
les_kontekst_task = task(name="les kontekst", task_run_name="les kontekst {kommune.nummer}", cache_policy=NO_CACHE)(
    les_kontekst
)
