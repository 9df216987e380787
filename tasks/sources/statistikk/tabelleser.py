"""Tabelleser: SSB's tables one after the other; a table that fails is told of, and the last run stands in for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from config.statistikk import Tabell
from tasks.sources.statistikk.feil import LASTING, NoAnswerError, QuietHoursError, StatistikkError
from tasks.sources.statistikk.metadata import Metadata
from tasks.sources.statistikk.pxweb import PxWeb
from tasks.sources.statistikk.tabell import read_table
from tasks.sources.statistikk.tabellplan import CODELIST_ERRORS, Deltakere, Plan, plan_table, without_codelist, year_of
from tasks.sources.statistikk.utfall import LAGER, MANGLER, SSB, VERSION, Sist, Utfall, as_statistikk, fingerprint

log = logging.getLogger("tomt.sources")

DOWN_AFTER = 3
"""After so many tables in a row without a usable answer SSB is taken to be down."""


class Tabelleser:
    """Reads tables one after the other, and stops asking when SSB is down.

    Parameters
    ----------
    aar
        This year, that a discontinued table's newest period is compared with; None: by the clock.
    """

    def __init__(
        self,
        px: PxWeb,
        hvem: Deltakere,
        sist: Sist,
        *,
        er_oppdiktet: bool,
        flere_perioder: int,
        aar: int | None = None,
    ) -> None:
        self._px, self._hvem, self._sist = px, hvem, sist
        self._year = aar or datetime.now(UTC).year
        self._er_oppdiktet, self._more = er_oppdiktet, flere_perioder
        self._silent = 0

    def read(self, table: Tabell) -> Utfall:
        """Return what came of a table; never raises for SSB."""
        measures = tuple(maal.navn for maal in table.maal)
        try:
            if self._silent >= DOWN_AFTER:
                raise NoAnswerError(f"SSB {table.id}: not asked, SSB is down.", table.id)
            outcome = self._read(table, measures)
        except StatistikkError as error:
            log.warning("%s", error)
            lasts = isinstance(error, LASTING)
            if not lasts and not isinstance(error, QuietHoursError):
                self._silent += 1
            rows = self._sist.rows(table.id, measures)
            svar = MANGLER if rows is None else LAGER
            fetched = self._sist.fetched(SSB, table.id)
            asked = self._px.asked(table.id)
            return Utfall(
                SSB, table.id, svar, measures, rows, error.grunn, None, fetched, asked, er_nytt=False, er_varig=lasts
            )
        self._silent = 0
        return outcome

    def _read(self, table: Tabell, measures: tuple[str, ...]) -> Utfall:
        metadata = self._px.metadata(table.id)
        try:
            return self._figures(table, metadata, measures)
        except LASTING as error:
            newer = self._px.newer_metadata(table.id)
            if newer is None:
                raise
            log.info("%s Once more, with what SSB says now.", error)
        return self._figures(table, newer, measures)

    def _figures(self, table: Tabell, metadata: Metadata, measures: tuple[str, ...]) -> Utfall:
        plan = plan_table(metadata, table, self._hvem, flere_perioder=self._more)
        print_ = self._print(plan, metadata)
        rows = self._sist.same(table.id, print_)
        is_new = rows is None
        if rows is None:
            try:
                rows = read_table(self._px, plan, self._hvem)
            except CODELIST_ERRORS as error:
                if plan.kodeliste is None or not self._px.is_asked(table.id):
                    raise
                log.warning("%s Asked for in the numbers of their time instead.", error)
                plan = without_codelist(plan, self._hvem)
                rows = read_table(self._px, plan, self._hvem)
            rows = as_statistikk(rows, er_oppdiktet=self._er_oppdiktet)
        henting = self._px.henting(table.id)
        notes = [henting.grunn if henting else None, *plan.merknader]
        fetched = None if is_new else self._sist.fetched(SSB, table.id)
        return Utfall(
            SSB,
            table.id,
            henting.svar if henting else "hentet",
            measures,
            rows,
            "; ".join(n for n in notes if n) or None,
            metadata.oppdatert,
            fetched or (henting.hentet.isoformat() if henting else None),
            self._px.asked(table.id),
            print_,
            er_nytt=is_new,
            er_varig=self._is_outlived(plan),
        )

    def _is_outlived(self, plan: Plan) -> bool:
        """Say whether a table is discontinued, and its newest period too old to be used: another may stand in."""
        is_over = plan.metadata.er_avsluttet or plan.tabell.avsluttet is not None
        return is_over and year_of(plan.perioder[-1], plan.metadata) < self._year - plan.tabell.maks_alder_aar

    def _print(self, plan: Plan, metadata: Metadata) -> str:
        return fingerprint(
            VERSION, plan.tabell.model_dump_json(), plan.kodeliste, plan.numre, metadata.oppdatert, self._hvem.avtrykk
        )
