"""Hent: all figures of the kommuner, from SSB's tables and the elections, side by side; what fails is named.

A table that does not answer costs its own measures alone: what the last run had of them stands in, and STATISTIKKILDER
says so. Nothing is written when nothing came.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import invented_kommuner, kommune_register
from config.settings import Settings, is_loopback
from config.statistikk import VALGRESULTAT, Statistikk, statistikk
from tasks.errors import SourceError
from tasks.kommunekontrakter import NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sources.statistikk.framgang import Framgang, Steps
from tasks.sources.statistikk.klass import Kommunesvar, fetch_kommuner
from tasks.sources.statistikk.pxweb import PxWeb
from tasks.sources.statistikk.tabelleser import Tabelleser
from tasks.sources.statistikk.tabellplan import Deltakere
from tasks.sources.statistikk.tidsserie import Kommunenumre, carry_over
from tasks.sources.statistikk.utfall import (
    KLASS,
    LAGER,
    MANGLER,
    VERSION,
    Sist,
    Utfall,
    as_kilder,
    as_statistikk,
    fingerprint,
)
from tasks.sources.statistikk.valg import MEASURES, Valgsvar, fetch_election
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

LOOKS_BACK = 6
"""Years that a ranking may look back with the periods of the config; beyond that more are fetched."""
KODE = {
    "mandater": "mandater.resultat.antall",
    "stemmer_prosent": "stemmer.resultat",
    "valgdeltakelse_prosent": "frammote.prosent",
}


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
    if any(its.kom for its in outcomes if its.kilde != KLASS):
        _write(geodata, rows, kilder, outcomes, run.sist)
    asked = sum(its.foresporsler for its in outcomes)
    log.info("figures of the kommuner: %d rows from %d sources, %d requests", len(rows), len(outcomes), asked)
    return Hentet(rows, kilder, asked)


fetch_statistics_task = task(name="hent statistikk", task_run_name="hent statistikk", cache_policy=NO_CACHE)(
    fetch_statistics
)


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
        self._more = flere_perioder
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
        with self._pxweb() as px, ThreadPoolExecutor(max_workers=max(1, len(self._regler.valg.aar))) as pool:
            asked = [pool.submit(self._election, aar, hvem) for aar in self._regler.valg.aar]
            tables = self._tables(px, hvem)
            elections = [future.result() for future in asked]
            votes = self._votes(px, hvem, elections)
        return [_of_klass(klass), *tables, *elections, *votes]

    def _kommuner(self) -> Kommunesvar:
        rules = self._regler.klass
        with self._steps.step("Klass: kommuner"):
            return fetch_kommuner(
                rules,
                adresse=rules.address(self._settings.sources_url),
                mappe=self._raw / "klass",
                contact=self._settings.contact,
                naa=self._naa,
                ferskt=self._ferskt,
            )

    def _pxweb(self) -> PxWeb:
        return PxWeb(
            self._regler.ssb,
            adresse=self._ssb,
            mappe=self._raw / "ssb",
            contact=self._settings.contact,
            ferskt=self._ferskt,
        )

    # --- tables ---

    def _tables(self, px: PxWeb, hvem: Deltakere) -> list[Utfall]:
        """Return what came of all tables, a reserve where one was needed."""
        reader = Tabelleser(px, hvem, self.sist, er_oppdiktet=self.er_oppdiktet, flere_perioder=self._more)
        found: list[Utfall] = []
        for table in self._main:
            with self._steps.step(f"SSB {table.id}"):
                outcome = reader.read(table)
            reserves = [t for t in self._regler.tabell if t.reserve_for == table.id]
            may = outcome.svar == MANGLER or outcome.er_varig
            stand_in = next((its for t in reserves if may and (its := reader.read(t)).kom), None)
            found += [outcome] if stand_in is None else [replace(outcome, svar=MANGLER, rader=None), stand_in]
        return found

    # --- elections ---

    def _election(self, aar: int, hvem: Deltakere) -> Utfall:
        rules = self._regler.valg
        name = f"{VALGRESULTAT} {aar}"
        with self._steps.step(name):
            answer = fetch_election(
                rules,
                aar,
                adresse=rules.address(self._settings.sources_url),
                mappe=self._raw / "valgresultat",
                contact=self._settings.contact,
                naa=self._naa,
                partier={p.kode.casefold(): p.kode for p in self._regler.parti},
                ferskt=self._ferskt,
                framdrift=lambda done, total: self._steps.tell(f"{name} ({done} av {total})"),
            )
            return self._of_election(answer, aar, hvem)

    def _of_election(self, answer: Valgsvar, aar: int, hvem: Deltakere) -> Utfall:
        name = f"{VALGRESULTAT} {aar}"
        print_ = fingerprint(VERSION, hvem.numre.avtrykk, answer.rader.to_csv(index=False), answer.oppdatert)
        rows = self.sist.same(name, print_)
        is_new = rows is None
        if rows is None and len(answer.rader):
            rows = _election_rows(answer, aar, hvem, er_oppdiktet=self.er_oppdiktet)
        svar = answer.svar
        if rows is None and (rows := self.sist.rows(name)) is not None:
            svar, is_new, print_ = LAGER, False, ""
        return Utfall(
            VALGRESULTAT,
            str(aar),
            svar,
            MEASURES,
            rows,
            answer.grunn,
            answer.oppdatert or None,
            answer.hentet,
            answer.foresporsler,
            print_,
            er_nytt=is_new,
        )

    def _votes(self, px: PxWeb, hvem: Deltakere, elections: Sequence[Utfall]) -> list[Utfall]:
        """Return SSB's shares of the votes of those kommuner and elections that nothing came of."""
        table = next((t for t in self._regler.tabell if t.reserve_for == VALGRESULTAT), None)
        without = {(number, int(its.tabell)) for its in elections for number in _without(its, hvem)}
        if table is None or not without:
            return []
        reader = Tabelleser(px, hvem, self.sist, er_oppdiktet=self.er_oppdiktet, flere_perioder=0)
        outcome = reader.read(table)
        if outcome.rader is None:
            return [outcome]
        rows = outcome.rader
        if outcome.er_nytt:  # else of the last run, in whose place they stand as they are
            codes = {p.ssb: p.kode for p in self._regler.parti if p.ssb}
            rows = rows.assign(gruppe=rows["gruppe"].map(codes).astype(object))
        wanted = pd.MultiIndex.from_frame(rows[["kommunenummer", "aar"]]).isin(list(without))
        rows = rows[wanted & rows["gruppe"].notna().to_numpy()]
        return [replace(outcome, rader=rows if len(rows) else None, avtrykk="", er_nytt=True)]


def _deltakere(klass: Kommunesvar, *, er_oppdiktet: bool) -> Deltakere:
    """Return the kommuner of today; the invented ones where the figures are."""
    invented = frozenset(k.nummer for k in invented_kommuner()) if er_oppdiktet else frozenset[str]()
    known = {k.nummer for k in kommune_register().kommune} if klass.svar == MANGLER else set(klass.kommuner)
    return Deltakere(Kommunenumre(known | invented, klass.endringer), invented)


def _of_klass(klass: Kommunesvar) -> Utfall:
    return Utfall(KLASS, "kommuner", klass.svar, (), None, klass.grunn, None, klass.hentet, klass.foresporsler)


def _election_rows(answer: Valgsvar, aar: int, hvem: Deltakere, *, er_oppdiktet: bool) -> pd.DataFrame:
    """Return the rows of STATISTIKK of an election; seats of a council that is no more are those of nobody."""
    rows = answer.rader.assign(aar=aar, periode=str(aar), status=None)
    made = carry_over(rows, hvem.numre, additive=(), er_tett=False)
    made = made.assign(tabell=f"{VALGRESULTAT} {aar}", kode=made["maal"].map(KODE), oppdatert=answer.oppdatert or None)
    return as_statistikk(made, er_oppdiktet=er_oppdiktet)


def _without(election: Utfall, hvem: Deltakere) -> set[str]:
    """Return the real kommuner that an election says nothing of."""
    known = set() if election.rader is None else set(election.rader["kommunenummer"])
    return set(hvem.ekte) - known


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
