"""Tur: when a request to SSB may leave: at the shared pace, never in quiet hours. Klass stands in the same line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from config.settings import is_loopback
from config.statistikk import Ssb
from tasks.delt import since_boot
from tasks.sources.statistikk.feil import QuietHoursError
from tasks.sources.statistikk.stilletid import quiet_until
from tasks.sources.statistikk.takt import Takt

FILE = "takt.json"


class Tur:
    """Hands out turns.

    Parameters
    ----------
    regler
        Pace and quiet hours.
    adresse
        Of the service that is asked; one of this machine has neither pace nor quiet hours.
    mappe
        Where the shared pace lies: raw/ssb.
    med_takt
        None: unless the address is of this machine.
    naa, sov, klokke
        Time of day (with time zone), sleep, and the clock of the pace (seconds).

    Examples
    --------
    >>> with Tur(statistikk().ssb, adresse=adresse, mappe=geodata.root / "raw" / "ssb").take("Klass"):
    ...     answer = client.get(address, expected="json")
    """

    def __init__(
        self,
        regler: Ssb,
        *,
        adresse: str,
        mappe: Path,
        med_takt: bool | None = None,
        naa: Callable[[], datetime] = lambda: datetime.now(UTC),
        sov: Callable[[float], None] = time.sleep,
        klokke: Callable[[], float] = since_boot,
    ) -> None:
        self._regler, self._naa = regler, naa
        is_paced = not is_loopback(adresse) if med_takt is None else med_takt
        longest = regler.maks_sekunder
        self._takt = (
            Takt(mappe / FILE, regler.per_minutt, longest_s=longest, clock=klokke, sleep=sov) if is_paced else None
        )

    @contextmanager
    def take(self, hva: str) -> Iterator[None]:
        """Wait until one request may leave, and count it until it is answered.

        Parameters
        ----------
        hva
            What is asked for, for the message.

        Raises
        ------
        QuietHoursError
            Without waiting for the end of quiet hours.
        StoreError, BusyError
            As `Takt.slot`.
        """
        if self._takt is None:
            yield
            return
        self._require_open(hva)
        with self._takt.slot():
            self._require_open(hva)  # waiting for the turn may have led into quiet hours
            yield

    def rest(self, seconds: float | None) -> None:
        """Let nothing leave for some seconds, in any process: SSB has refused; None: it did not say how long."""
        if self._takt is not None:
            self._takt.rest(seconds or self._regler.vent_etter_429_s)

    def _require_open(self, hva: str) -> None:
        until = quiet_until(self._naa(), self._regler.stille, self._regler.tidssone)
        if until is not None:
            raise QuietHoursError(
                f"SSB {hva}: not asked before {until:%H:%M} ({self._regler.tidssone}): SSB updates its tables. Run "
                "again after that; what is on disk is used meanwhile.",
                hva,
                until,
            )
