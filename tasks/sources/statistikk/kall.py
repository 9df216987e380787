"""Kall: the requests of one run to SSB: paced, never in quiet hours, tried again, and ended when SSB falls silent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import tenacity

from config.statistikk import Ssb
from tasks.errors import SourceError
from tasks.sources.statistikk.feil import NoAnswerError, RateLimitError
from tasks.sources.statistikk.jsonstat import load
from tasks.sources.statistikk.nett import Nett, RefusedError
from tasks.sources.statistikk.svarfeil import is_silent, may_pass, translated
from tasks.sources.statistikk.takt import MAX_REST_S
from tasks.sources.statistikk.tur import Tur

log = logging.getLogger("tomt.sources")

PAUSE_S = 2.0
"""Before the second try; twice as long before each one after it."""
MAX_PAUSE_S = 30.0


class Kall:
    """Sends requests.

    Parameters
    ----------
    tur
        When a request may leave.
    sov
        Sleep, before another try.
    """

    def __init__(
        self,
        regler: Ssb,
        *,
        adresse: str,
        contact: str | None,
        tur: Tur,
        sov: Callable[[float], None],
    ) -> None:
        self._regler, self._adresse, self._contact = regler, adresse, contact
        self._tur, self._sov = tur, sov
        self._silence: NoAnswerError | None = None
        self.antall: dict[str, int] = {}

    @property
    def maks_bytes(self) -> int:
        """Of one answer."""
        return int(self._regler.maks_mb * 1e6)

    def ask(
        self,
        tabell: str,
        path: str,
        *,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        variabel: str | None = None,
    ) -> tuple[bytes, dict[str, Any]]:
        """Return an answer as it came, and as JSON.

        Parameters
        ----------
        tabell
            Whose request it is.
        variabel
            What a refusal may be about.

        Raises
        ------
        StatistikkError
            As `translated` says; `QuietHoursError` without asking. After an answer that failed to come at all, or a
            429 that does not end, the same at once for every other table: the run is not held up by each of them.
        """
        if self._silence is not None:
            kind = RateLimitError if isinstance(self._silence, RateLimitError) else NoAnswerError
            raise kind(f"SSB {tabell}: not asked, since SSB had fallen silent: {self._silence}", tabell)
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._regler.forsoek),
            retry=tenacity.retry_if_exception(self._is_worth_another),
            wait=self._wait,
            sleep=self._sov,
            before_sleep=_log_wait,
            reraise=True,
        )
        before = self.antall.get(tabell, 0)
        try:
            return retrying(self._once, tabell, path, params, body)
        except SourceError as error:
            said = translated(error, tabell, variabel=variabel, tries=self.antall.get(tabell, 0) - before)
            if is_silent(error) and isinstance(said, NoAnswerError):
                self._silence = said
            raise said from None

    def _once(
        self, tabell: str, path: str, params: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> tuple[bytes, dict[str, Any]]:
        with self._tur.take(tabell):
            self.antall[tabell] = self.antall.get(tabell, 0) + 1
            with Nett(
                self._adresse,
                sekunder=self._regler.maks_sekunder,
                maks_bytes=self.maks_bytes,
                contact=self._contact,
            ) as nett:
                try:
                    content = nett.ask(f"{self._adresse}{path}", params=params, body=body)
                except RefusedError as error:
                    if error.status == 429:
                        self._tur.rest(error.vent)
                    raise
        return content, load(content, tabell)

    def _is_worth_another(self, error: BaseException) -> bool:
        too_long = isinstance(error, RefusedError) and error.vent is not None and error.vent > MAX_REST_S
        return may_pass(error) and not too_long

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RefusedError):
            if error.vent is not None:
                return error.vent
            if error.status == 429:
                return self._regler.vent_etter_429_s
        return min(PAUSE_S * 2.0 ** (state.attempt_number - 1), MAX_PAUSE_S)


def _log_wait(state: tenacity.RetryCallState) -> None:
    """Log what is waited for; called only when another try follows."""
    error = state.outcome.exception() if state.outcome else None
    log.info("%s waiting %.0f s before asking again", error, state.upcoming_sleep)
