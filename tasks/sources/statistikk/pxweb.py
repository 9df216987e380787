"""PxWeb: SSB's tables through PxWebApi v2, asked politely and as seldom as possible, kept on disk.

Metadata come first: codes are checked against them, and their `updated` says whether what lies on disk still holds.
Table numbers, variables and codes are SSB's; licence of the figures: CC BY 4.0, "Kilde: Statistisk sentralbyrå".
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import pandas as pd

from config.statistikk import Ssb
from tasks.delt import since_boot
from tasks.sources.statistikk.feil import (
    CONFIG,
    AddressError,
    BadAnswerError,
    StatistikkError,
    UnknownTableError,
)
from tasks.sources.statistikk.jsonstat import dimensions, read_cells, read_metadata
from tasks.sources.statistikk.kall import Kall
from tasks.sources.statistikk.lager import Lager, Lagret
from tasks.sources.statistikk.metadata import Metadata, Variabel
from tasks.sources.statistikk.sporring import FORMAT, Sporring, Valgt, plan
from tasks.sources.statistikk.tur import Tur
from tasks.sources.unntak import shorten

__all__ = ["Henting", "Metadata", "PxWeb", "Valgt", "Variabel"]

log = logging.getLogger("tomt.sources")

Svar = Literal["hentet", "uendret", "lager"]
TABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass
class Henting:
    """What came of one table so far.

    Attributes
    ----------
    svar
        "hentet": figures were fetched; "uendret": what lay on disk still holds; "lager": SSB was not to be asked or
        did not answer, and what lay on disk is served.
    grunn
        Why it is "lager", Norwegian.
    hentet
        When the oldest of its figures was fetched, UTC; its metadata, before any were asked for.
    oppdatert
        The table's own stamp.
    foresporsler
        Requests for it, tries included.
    """

    svar: Svar
    grunn: str | None
    hentet: datetime
    oppdatert: str
    foresporsler: int


class PxWeb(AbstractContextManager["PxWeb"]):
    """A client of PxWebApi v2; use it as a context manager, for one run.

    Parameters
    ----------
    regler
        Pace, limits and quiet hours.
    adresse
        Of the service.
    mappe
        Where answers and the shared pace lie: raw/ssb.
    contact
        Sent in the User-Agent.
    ferskt
        Metadata are asked for again, however young they are.
    med_takt
        Pace and quiet hours; None: unless the address is of this machine.
    naa, sov, klokke
        Time of day (with time zone), sleep, and the clock of the pace (seconds).
    """

    def __init__(
        self,
        regler: Ssb,
        *,
        adresse: str,
        mappe: Path,
        contact: str | None,
        ferskt: bool = False,
        med_takt: bool | None = None,
        naa: Callable[[], datetime] = lambda: datetime.now(UTC),
        sov: Callable[[float], None] = time.sleep,
        klokke: Callable[[], float] = since_boot,
    ) -> None:
        self._regler, self._adresse = regler, adresse.rstrip("/")
        self._ferskt, self._naa = ferskt, naa
        tur = Tur(regler, adresse=adresse, mappe=mappe, med_takt=med_takt, naa=naa, sov=sov, klokke=klokke)
        self._kall = Kall(regler, adresse=self._adresse, contact=contact, tur=tur, sov=sov)
        self._lager = Lager(mappe, maks_bytes=self._kall.maks_bytes)
        self._metadata: dict[str, Metadata] = {}
        self._hentinger: dict[str, Henting] = {}
        self._was_asked: set[str] = set()
        self._figures_of: dict[str, datetime] = {}

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Say what the run took; connections live no longer than their request."""
        log.info("SSB: %d tables, %d requests", len(self._hentinger), self.foresporsler)

    @property
    def foresporsler(self) -> int:
        """Requests so far, tries included."""
        return sum(self._kall.antall.values())

    def asked(self, tabell: str) -> int:
        """Return the requests for a table so far, tries included, whatever came of them."""
        return self._kall.antall.get(tabell, 0)

    def henting(self, tabell: str) -> Henting | None:
        """Return what came of a table so far; None when it was not asked for, or nothing of it was at hand."""
        found = self._hentinger.get(tabell)
        if found is not None:
            found.foresporsler = self.asked(tabell)
        return found

    # --- metadata ---

    def metadata(self, tabell: str) -> Metadata:
        """Return what a table holds.

        From disk when it is younger than `fersk_timer`, or when SSB is not to be asked or does not answer.

        Raises
        ------
        UnknownTableError
            Whatever lies on disk.
        StatistikkError
            With nothing on disk: NoAnswerError (QuietHoursError, RateLimitError), BadAnswerError, or another refusal.
        """
        if tabell not in self._metadata:
            self._metadata[tabell] = self._find_metadata(tabell, ferskt=self._ferskt)
        return self._metadata[tabell]

    def is_asked(self, tabell: str) -> bool:
        """Say whether SSB was asked for the metadata of a table in this run."""
        return tabell in self._was_asked

    def newer_metadata(self, tabell: str) -> Metadata | None:
        """Return what SSB says now, where `metadata` came from disk unasked; None where it was asked in this run.

        What lay on disk may be older than the table: then codes that were read in it are no more.
        """
        if self.is_asked(tabell):
            return None
        self._metadata[tabell] = self._find_metadata(tabell, ferskt=True)
        return self._metadata[tabell]

    def _find_metadata(self, tabell: str, *, ferskt: bool) -> Metadata:
        if not TABLE_ID.fullmatch(tabell):
            raise UnknownTableError(
                f"SSB {shorten(tabell)!r} is no number of a table. Correct {CONFIG}.", shorten(tabell)
            )
        kept = self._lager.metadata(tabell)
        known = self._read_kept(kept, tabell)
        if kept is not None and known is not None and not ferskt and self._is_fresh(kept):
            self._hentinger[tabell] = self._henting("uendret", None, kept.hentet, known)
            return known
        self._was_asked.add(tabell)
        try:
            content, answer = self._kall.ask(tabell, f"/tables/{tabell}/metadata", params=FORMAT)
            now = self._naa().astimezone(UTC)
            found = read_metadata(answer, tabell, stempel=f"hentet {now.isoformat()}")
        except UnknownTableError:
            raise
        except StatistikkError as error:
            if kept is None or known is None:
                raise
            log.warning("%s What was fetched %s is used.", error, kept.hentet.date())
            self._hentinger[tabell] = self._henting("lager", error.grunn, kept.hentet, known)
            return known
        self._lager.keep_metadata(tabell, content, hentet=now)
        self._hentinger[tabell] = self._henting("uendret", None, now, found)
        return found

    def _read_kept(self, kept: Lagret | None, tabell: str) -> Metadata | None:
        if kept is None:
            return None
        try:
            return read_metadata(kept.svar, tabell, stempel=f"hentet {kept.hentet.isoformat()}")
        except BadAnswerError as error:
            log.warning("%s They are fetched anew.", error)
            return None

    def _is_fresh(self, kept: Lagret) -> bool:
        age = self._naa() - kept.hentet
        return timedelta(0) <= age < timedelta(hours=self._regler.fersk_timer)

    def _henting(self, svar: Svar, grunn: str | None, hentet: datetime, metadata: Metadata) -> Henting:
        return Henting(svar, grunn, hentet.astimezone(UTC), metadata.oppdatert, self.asked(metadata.tabell))

    # --- figures ---

    def hent(self, tabell: str, utvalg: Sequence[Valgt]) -> pd.DataFrame:
        """Return figures of a table, from disk where they still hold.

        Parameters
        ----------
        utvalg
            What is wanted of each variable, ContentsCode and Tid always among them; a variable that is left out must
            be one that can be.

        Returns
        -------
        pd.DataFrame
            One row per cell: a text column per variable that was asked for (codes, named as the variable), in the
            table's order; `verdi` (float, NaN where there is none), `status` (text, missing for a plain figure).

        Raises
        ------
        UnknownVariableError, UnknownCodeError, TooManyCellsError
            Before anything is asked, where the metadata tell.
        StatistikkError
            As `metadata`: figures are served from disk only for the stamp of the metadata at hand.
        """
        metadata = self.metadata(tabell)
        parts = plan(utvalg, metadata, maks_celler=self._regler.maks_celler)
        frames = [self._part(part, metadata) for part in parts]
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def _part(self, part: Sporring, metadata: Metadata) -> pd.DataFrame:
        """Return the cells of one question, from disk when they are of the table's stamp."""
        henting = self._hentinger[part.tabell]
        kept = self._lager.data(part.tabell, part.nokkel, oppdatert=metadata.oppdatert)
        if kept is not None:
            try:
                frame = self._cells(kept.svar, part)
            except BadAnswerError as error:
                log.warning("%s What lies on disk is fetched anew.", error)
            else:
                self._note(henting, part.tabell, kept.hentet)
                return frame
        content, answer = self._ask(part)
        frame = self._cells(answer, part)
        now = self._naa().astimezone(UTC)
        self._lager.keep_data(
            part.tabell,
            part.nokkel,
            content,
            oppdatert=metadata.oppdatert,
            hentet=now,
            sporring=part.body()["selection"],
        )
        self._note(henting, part.tabell, now)
        if henting.svar == "uendret":
            henting.svar = "hentet"
        return frame

    def _note(self, henting: Henting, tabell: str, hentet: datetime) -> None:
        """Remember when the oldest of a table's figures was fetched."""
        oldest = min(self._figures_of.get(tabell, hentet), hentet).astimezone(UTC)
        henting.hentet = self._figures_of[tabell] = oldest

    def _ask(self, part: Sporring) -> tuple[bytes, dict[str, Any]]:
        """Ask with GET where the address is short enough; SSB answers 404 to a long one, and then to POST."""
        path = f"/tables/{part.tabell}/data"
        listed = next((v.variabel for v in part.valg if v.kodeliste), None)
        if part.fits_address(f"{self._adresse}{path}", self._regler.maks_adresse_tegn):
            try:
                return self._kall.ask(part.tabell, path, params=part.params(), variabel=listed)
            except AddressError as error:
                log.warning("%s Asked again with POST: lower ssb.maks_adresse_tegn in %s.", error, CONFIG)
        return self._kall.ask(part.tabell, path, params=FORMAT, body=part.body(), variabel=listed)

    def _cells(self, answer: dict[str, Any], part: Sporring) -> pd.DataFrame:
        """Return the cells of an answer that holds what was asked for, no more and no less."""
        came = dimensions(answer, part.tabell)
        wanted = {v.variabel: set(v.koder) for v in part.valg}
        for name in dict.fromkeys([*wanted, *came]):
            wants, has = wanted.get(name, set()), set(came.get(name, ()))
            if wants != has:
                odd = shorten(min(wants ^ has, default=""))
                raise BadAnswerError(
                    f"SSB {part.tabell}, {name}: asked for {len(wants)} codes, and got {len(has)}; {odd!r} is in one "
                    f"of them alone. Try again later, or check the table in {CONFIG}.",
                    part.tabell,
                    name,
                )
        return read_cells(answer, part.tabell, most=part.celler)
