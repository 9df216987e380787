"""Hent: all figures of the kommuner, from SSB's tables and the elections, side by side; what fails is named.

A table that does not answer costs its own measures alone: what the last run had of them stands in, and STATISTIKKILDER
says so. Nothing is written when nothing came.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from config.kommuneendringer import oppdiktede_endringer
from config.registers import invented_kommuner
from config.settings import Settings, is_loopback
from config.statistikk import VALGRESULTAT, Statistikk, Tabell, statistikk
from tasks.errors import SourceError
from tasks.kommunekontrakter import NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sources.statistikk.framgang import Framgang, Steps
from tasks.sources.statistikk.klass import Kommunesvar, fetch_kommuner, of_register
from tasks.sources.statistikk.pxweb import PxWeb
from tasks.sources.statistikk.tabelleser import Tabelleser
from tasks.sources.statistikk.tabellplan import Deltakere
from tasks.sources.statistikk.tidsserie import Endring, Kommunenumre
from tasks.sources.statistikk.tur import Tur
from tasks.sources.statistikk.utfall import (
    KLASS,
    MANGLER,
    SSB,
    Sist,
    Utfall,
    as_kilder,
    believed,
    checked,
    failed_unexpectedly,
)
from tasks.sources.statistikk.valg import MEASURES, fetch_election
from tasks.sources.statistikk.valgutfall import election_outcome, kommuner_without, votes_of
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

LOOKS_BACK = 6
"""Years that a ranking may look back with the periods of the config; beyond that more are fetched."""


@dataclass(frozen=True, eq=False)
class Hentet:
    """What a fetch brought.

    Attributes
    ----------
    statistikk, kilder
        Frames of the contracts STATISTIKK and STATISTIKKILDER.
    foresporsler
        Requests to all services together.
    """

    statistikk: pd.DataFrame
    kilder: pd.DataFrame
    foresporsler: int


def fetch_statistics(
    geodata: Geodata,
    settings: Settings,
    *,
    progress: Framgang | None = None,
    ferskt: bool = False,
    per_aar: int | None = None,
    regler: Statistikk | None = None,
    naa: datetime | None = None,
) -> Hentet:
    """Fetch all figures and write core/statistikk/norge.parquet and core/statistikkilder/norge.parquet.

    Parameters
    ----------
    ferskt
        Ask every service whether it has something new, however young what lies on disk is.
    per_aar
        Year that a ranking is to be made as of; long ago takes more periods.
    regler, naa
        Tables and the time; None: those of the config, and now.

    Raises
    ------
    SourceError
        When no service gave anything, and the last run left nothing either.
    StoreError
        When the disk refuses.
    """
    now = naa or datetime.now(UTC)
    back = 0 if per_aar is None else max(0, now.year - LOOKS_BACK - per_aar)
    run = _Run(geodata, settings, regler or statistikk(), progress, ferskt=ferskt, naa=now, flere_perioder=back)
    outcomes = run.fetch()
    rows = _joined(its.rader for its in outcomes)
    kilder = as_kilder(outcomes, er_oppdiktet=run.er_oppdiktet)
    if rows is None:
        reasons = "; ".join(dict.fromkeys(its.grunn or "" for its in outcomes if its.grunn))
        raise SourceError(
            f"No figures of any kommune came ({reasons}), and there are none from before. Try again later."
        )
    if any(its.kom or (its.er_nytt and its.rader is not None) for its in outcomes if its.kilde != KLASS):
        _write(geodata, rows, kilder, outcomes, run.sist)
    asked = sum(its.foresporsler for its in outcomes)
    log.info("figures of the kommuner: %d rows from %d sources, %d requests", len(rows), len(outcomes), asked)
    return Hentet(rows, kilder, asked)


class _StoppedError(Exception):
    """The run was ended meanwhile: an election is not walked to its end."""


class _Run:
    """One fetch."""

    def __init__(
        self,
        geodata: Geodata,
        settings: Settings,
        regler: Statistikk,
        progress: Framgang | None,
        *,
        ferskt: bool,
        naa: datetime,
        flere_perioder: int,
    ) -> None:
        self._settings, self._regler, self._ferskt, self._naa = settings, regler, ferskt, naa
        self._more, self._stopped = flere_perioder, threading.Event()
        self._ssb = regler.ssb.address(settings.sources_url)
        self.er_oppdiktet = is_loopback(self._ssb)
        # answers of this machine are invented: apart from those of the services, whose place they must never take
        self._raw = geodata.root / "raw" / ("sandkasse" if self.er_oppdiktet else "")
        self.sist = Sist(geodata, self._raw / "ssb", er_oppdiktet=self.er_oppdiktet)
        self._main = [t for t in regler.tabell if t.reserve_for is None]
        self._steps = Steps(progress, 1 + len(self._main) + len(regler.valg.aar))

    def fetch(self) -> list[Utfall]:
        """Return what came of everything, in the order of the config."""
        klass = self._kommuner()
        hvem = _deltakere(klass, er_oppdiktet=self.er_oppdiktet)
        # one election after the other, the newest first: each has the whole pace and its own time
        with self._pxweb() as px, ThreadPoolExecutor(max_workers=1) as pool:
            asked = [pool.submit(self._election, aar, hvem) for aar in self._regler.valg.aar]
            try:
                tables = self._tables(px, hvem)
                elections = [future.result() for future in asked]
                votes = self._votes(px, hvem, elections)
            except BaseException:  # a person ends the run: hundreds of pages are not waited for, what came is kept
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [_of_klass(klass), *tables, *elections, *votes]

    def _kommuner(self) -> Kommunesvar:
        rules = self._regler.klass
        address = rules.address(self._settings.sources_url)
        with self._steps.step("Klass: kommuner"):
            try:
                return fetch_kommuner(
                    rules,
                    adresse=address,
                    mappe=self._raw / "klass",
                    contact=self._settings.contact,
                    naa=self._naa,
                    tur=Tur(self._regler.ssb, adresse=address, mappe=self._raw / "ssb"),
                    ferskt=self._ferskt,
                )
            except Exception as error:  # whatever it says, the figures can be had
                its = failed_unexpectedly(KLASS, "kommuner", (), error, self.sist)
                return of_register(self._naa, its.grunn or KLASS)

    def _pxweb(self) -> PxWeb:
        return PxWeb(
            self._regler.ssb,
            adresse=self._ssb,
            mappe=self._raw / "ssb",
            contact=self._settings.contact,
            ferskt=self._ferskt,
        )

    def _reader(self, px: PxWeb, hvem: Deltakere, *, flere_perioder: int) -> Tabelleser:
        year, invented = self._naa.year, self.er_oppdiktet
        return Tabelleser(px, hvem, self.sist, er_oppdiktet=invented, flere_perioder=flere_perioder, aar=year)

    # --- tables ---

    def _tables(self, px: PxWeb, hvem: Deltakere) -> list[Utfall]:
        """Return what came of all tables, a reserve where one was needed."""
        reader = self._reader(px, hvem, flere_perioder=self._more)
        found: list[Utfall] = []
        for table in self._main:
            with self._steps.step(f"SSB {table.id}"):
                outcome = self._table(reader, table)
            if outcome.svar == MANGLER or outcome.er_varig:
                reserves = [t for t in self._regler.tabell if t.reserve_for == table.id]
                found += _with_reserve(outcome, (self._table(reader, t) for t in reserves))
            else:
                found.append(outcome)
        return found

    def _table(self, reader: Tabelleser, table: Tabell) -> Utfall:
        """Return what came of a table; never raises, and never less than the last run had without saying so."""
        periods = None if table.perioder is None else table.perioder + self._more
        try:
            outcome = reader.read(table)
            return believed(outcome, self.sist, andel=self._regler.ssb.minste_andel, perioder=periods)
        except Exception as error:  # one table's oddity must not cost the others
            measures = tuple(maal.navn for maal in table.maal)
            return failed_unexpectedly(SSB, table.id, measures, error, self.sist)

    # --- elections ---

    def _election(self, aar: int, hvem: Deltakere) -> Utfall:
        rules = self._regler.valg
        name = f"{VALGRESULTAT} {aar}"
        with self._steps.step(name):
            try:
                answer = fetch_election(
                    rules,
                    aar,
                    adresse=rules.address(self._settings.sources_url),
                    mappe=self._raw / "valgresultat",
                    contact=self._settings.contact,
                    naa=self._naa,
                    partier={p.kode.casefold(): p.kode for p in self._regler.parti},
                    ventet=hvem.numre.inndeling(aar + 1).numre,
                    ferskt=self._ferskt,
                    framdrift=lambda done, total: self._walked(f"{name} ({done} av {total})"),
                )
                outcome = election_outcome(answer, aar, hvem, self.sist, er_oppdiktet=self.er_oppdiktet)
                return checked(outcome)
            except _StoppedError:
                raise
            except Exception as error:  # as with the tables
                return failed_unexpectedly(VALGRESULTAT, str(aar), MEASURES, error, self.sist)

    def _walked(self, what: str) -> None:
        if self._stopped.is_set():
            raise _StoppedError(what)
        self._steps.tell(what)

    def _votes(self, px: PxWeb, hvem: Deltakere, elections: Sequence[Utfall]) -> list[Utfall]:
        """Return SSB's shares of the votes of those kommuner and elections that nothing came of."""
        table = next((t for t in self._regler.tabell if t.reserve_for == VALGRESULTAT), None)
        without = {(number, int(its.tabell)) for its in elections for number in kommuner_without(its, hvem)}
        if table is None or not without:
            return []
        reader = self._reader(px, hvem, flere_perioder=0)
        return [votes_of(self._table(reader, table), without, self._regler.parti)]


def _with_reserve(outcome: Utfall, reserves: Iterable[Utfall]) -> list[Utfall]:
    """Return a table that failed and those asked in its place; one of them has figures.

    The first reserve that came serves; where none did, what the last run had of the table itself, else of a reserve.
    """
    asked: list[Utfall] = []
    for its in reserves:
        asked.append(its)
        if its.kom:
            break
    serves = next((its for its in asked if its.kom), None)
    if serves is None and outcome.rader is None:
        serves = next((its for its in asked if its.rader is not None), None)
    if serves is None:
        serves = outcome
    return [its if its is serves else replace(its, svar=MANGLER, rader=None) for its in (outcome, *asked)]


def _deltakere(klass: Kommunesvar, *, er_oppdiktet: bool) -> Deltakere:
    """Return the kommuner of today; the invented ones where the figures are."""
    if not er_oppdiktet:
        return Deltakere(Kommunenumre(klass.kommuner, klass.endringer))
    invented = frozenset(k.nummer for k in invented_kommuner())
    changes = (Endring(c.dato.isoformat(), c.gammel, c.ny) for c in oppdiktede_endringer())
    return Deltakere(Kommunenumre({*klass.kommuner, *invented}, {*klass.endringer, *changes}), invented)


def _of_klass(klass: Kommunesvar) -> Utfall:
    return Utfall(KLASS, "kommuner", klass.svar, (), None, klass.grunn, None, klass.hentet, klass.foresporsler)


def _joined(frames: Iterable[pd.DataFrame | None]) -> pd.DataFrame | None:
    parts = [frame for frame in frames if frame is not None and len(frame)]
    return pd.concat(parts, ignore_index=True) if parts else None


def _write(geodata: Geodata, rows: pd.DataFrame, kilder: pd.DataFrame, outcomes: Sequence[Utfall], sist: Sist) -> None:
    """Write both frames; figures that are those of the last run are only said to be so still."""
    path: Path = geodata.path("core", STATISTIKK, NORGE)
    before = geodata.path("core", STATISTIKKILDER, NORGE)
    is_same = path.exists() and before.exists() and not any(its.er_nytt for its in outcomes if its.rader is not None)
    if is_same and sist.size == len(rows):
        with suppress(OSError):
            os.utime(path)
    else:
        geodata.write(rows, NORGE, layer="core", contract=STATISTIKK)
    geodata.write(kilder, NORGE, layer="core", contract=STATISTIKKILDER)
    sist.keep(outcomes)
