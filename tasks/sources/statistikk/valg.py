"""Valg: seats, votes and turnout of a municipal election, from valgresultat.no; one row per kommune, measure and list.

The country links to its fylker, a fylke to its kommuner. What is used of each kommune's answer is kept on disk, so that
a run that was cut short goes on where it stopped, and a result that is final is not asked for again. The links are
walked again with the results, and as long as a fylke has not said which kommuner it has. The numbers are those of the
election: the division of the year after.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from config.statistikk import VALGRESULTAT, Valg
from tasks.errors import SourceError
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.limits import Limits
from tasks.sources.statistikk.valglager import Valglager
from tasks.sources.statistikk.valglenker import linked, whole_address
from tasks.sources.statistikk.valgsvar import read_result
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

MEASURES = ("mandater", "stemmer_prosent", "valgdeltakelse_prosent")
LOKAL = "LOKAL:"
"""Before the code of a list that is no party of the whole country."""
MOST_KOMMUNER = 1_000
MOST_NAMED = 10
"""Kommuner whose numbers stand in a reason."""
FYLKE, KOMMUNE = re.compile(r"[0-9]{2}"), re.compile(r"[0-9]{4}")

Framdrift = Callable[[int, int], None]
"""Is told how many kommuner of how many are done."""


@dataclass
class Valgsvar:
    """What came of one election.

    Attributes
    ----------
    rader
        `nummer` (of the election), `maal`, `gruppe`, `verdi`.
    svar, grunn
        As in STATISTIKKILDER.
    oppdatert
        When the newest of its results was made, as the service says it; "" where it does not.
    hentet
        When the oldest of its answers was fetched, ISO; None: never.
    uten_svar
        Kommuner that gave no usable answer.
    """

    rader: pd.DataFrame
    svar: str
    grunn: str | None
    oppdatert: str
    hentet: str | None
    foresporsler: int
    uten_svar: tuple[str, ...]


def fetch_election(
    regler: Valg,
    aar: int,
    *,
    adresse: str,
    mappe: Path,
    contact: str | None,
    naa: datetime,
    partier: Mapping[str, str],
    ventet: Collection[str] = (),
    ferskt: bool = False,
    framdrift: Framdrift | None = None,
) -> Valgsvar:
    """Return the result of one election; never raises for a service that is down.

    Parameters
    ----------
    adresse
        Of the service.
    mappe
        Where answers lie, one file per election.
    naa
        The time, with time zone.
    partier
        partikode in lower case → the code that stands in `gruppe`; other lists are local.
    ventet
        Numbers of the kommuner of the election, as far as they are known: those that no link leads to are named.
    ferskt
        Ask for everything again, final or not.

    Notes
    -----
    A kommune that does not answer, or whose answer does not add up, is left out, named, and left alone for
    `foreloepig_timer`; after `feil_paa_rad` of them in a row the service is taken to be down.
    """
    lager = Valglager.read(mappe / f"{aar}.json")
    walk = _Walk(regler, aar, lager, adresse=adresse, naa=naa, ferskt=ferskt)
    failure = None
    if walk.is_needed:
        try:
            with Client(adresse, limits=_limits(regler), contact=contact) as client:
                walk.run(client, framdrift or (lambda _done, _total: None))
        except SourceError as error:
            log.warning("%s %d: %s", VALGRESULTAT, aar, error)
            failure = error
        finally:
            lager.keep()
    return _answer(lager, walk, partier, ventet=frozenset(ventet), failure=failure)


class _Walk:
    """One walk through an election: what is asked for, and what came of it."""

    def __init__(self, regler: Valg, aar: int, lager: Valglager, *, adresse: str, naa: datetime, ferskt: bool) -> None:
        self.aar = aar
        self._regler, self._lager, self._adresse, self._naa = regler, lager, adresse, naa
        self._ferskt = ferskt
        self.foresporsler = 0
        self.hentet = 0
        self.feil: set[str] = set()

    @property
    def is_needed(self) -> bool:
        return self._are_links_needed or any(self._is_wanted(number) for number in self._lager.lenker)

    @property
    def _are_links_needed(self) -> bool:
        its = self._lager
        return self._ferskt or not its.er_hel or not self._is_young(its.lenker_hentet, dager=self._regler.fersk_dager)

    def run(self, client: Client, framdrift: Framdrift) -> None:
        """Ask for what is missing or old."""
        if self._are_links_needed:
            self._walk_links(client)
        wanted = [number for number in self._lager.lenker if self._is_wanted(number)]
        in_a_row: list[str] = []
        for done, number in enumerate(wanted):
            framdrift(done, len(wanted))
            try:
                answer = self._get(client, self._lager.lenker[number])
                its = {"hentet": self._naa.isoformat(), **read_result(answer, number)}
            except SourceError as error:
                self._note(f"kommune {number}", number, str(error))
                self._lager.doede[number] = self._naa.isoformat()
                in_a_row.append(number)
                if len(in_a_row) >= self._regler.feil_paa_rad:
                    for one in in_a_row:  # it is the service that is dead, not they
                        del self._lager.doede[one]
                    raise SourceError(f"{len(in_a_row)} kommuner in a row gave no result: taken to be down.") from None
            else:
                self._lager.kommuner[number] = its
                self._lager.doede.pop(number, None)
                self.hentet += 1
                in_a_row.clear()
            self._lager.er_endret = True
        framdrift(len(wanted), len(wanted))

    def _is_wanted(self, number: str) -> bool:
        if self._ferskt:
            return True
        if self._is_young(self._lager.doede.get(number), timer=self._regler.foreloepig_timer):
            return False
        its = self._lager.kommuner.get(number)
        if its is None:
            return True
        if its["er_ferdig"]:
            return not self._is_young(its["hentet"], dager=self._regler.fersk_dager)
        return not self._is_young(its["hentet"], timer=self._regler.foreloepig_timer)

    def _is_young(self, time: str | None, *, dager: float = 0.0, timer: float = 0.0) -> bool:
        if time is None:
            return False
        return timedelta(0) <= self._naa - datetime.fromisoformat(time) < timedelta(days=dager, hours=timer)

    def _walk_links(self, client: Client) -> None:
        """Find the addresses of all kommuner; a fylke without a usable answer costs its own alone."""
        found: dict[str, str] = {}
        for number, address in self._links(client, f"{self._adresse}/{self.aar}/ko", FYLKE, "the country").items():
            try:
                found |= self._links(client, address, KOMMUNE, f"fylke {number}")
            except SourceError as error:
                self._note(f"fylke {number}", number, str(error))
        if not found or len(found) > MOST_KOMMUNER:
            raise SourceError(f"{self._adresse}: {len(found)} kommuner are linked to in {self.aar}.")
        its = self._lager
        its.er_hel, its.er_endret = not self.feil, True
        its.lenker = found if its.er_hel else {**its.lenker, **found}
        its.lenker_hentet = self._naa.isoformat()

    def _links(self, client: Client, address: str, kind: re.Pattern[str], where: str) -> dict[str, str]:
        """Return number → address of what a page links to; one that leads elsewhere is none, and named.

        Raises
        ------
        SourceError
            When it has no links.
        """
        rows = linked(self._get(client, address))
        if not rows:
            raise SourceError(f"{address}: no links.")
        found = {}
        for number, href in rows:
            if not isinstance(number, str) or kind.fullmatch(number) is None:
                self._note(where, "?", f"a link to {shorten(str(number))!r}")
            elif (whole := whole_address(href, self._adresse)) is None:
                self._note(where, number, f"its link leads elsewhere: {shorten(str(href))!r}")
            else:
                found[number] = whole
        return found

    def _note(self, where: str, number: str, what: str) -> None:
        log.warning("%s %d, %s: %s", VALGRESULTAT, self.aar, where, what)
        self.feil.add(number)

    def _get(self, client: Client, address: str) -> dict[str, Any]:
        self.foresporsler += 1
        return read_json(client.get(address, expected="json"))


def _answer(
    lager: Valglager,
    walk: _Walk,
    partier: Mapping[str, str],
    *,
    ventet: frozenset[str],
    failure: SourceError | None,
) -> Valgsvar:
    known = {number: its for number, its in lager.kommuner.items() if number in lager.lenker}
    without = tuple(sorted({*lager.lenker, *ventet} - set(known)))
    silent = sorted({*walk.feil, *lager.doede, *(without if failure is None else ())})
    reason = None
    if failure is not None:
        reason = f"{VALGRESULTAT} svarte ikke for {walk.aar}"
    elif silent:
        some = ", ".join(silent[:MOST_NAMED]) + (" …" if len(silent) > MOST_NAMED else "")
        reason = f"{VALGRESULTAT} ga ikke svar for {len(silent)} av {len({*lager.lenker, *silent})}: {some}"
    if not known:
        svar = "mangler"
    elif walk.hentet:
        svar = "hentet"
    else:
        svar = "uendret" if failure is None and not walk.feil else "lager"
    return Valgsvar(
        rader=_rows(known, partier),
        svar=svar,
        grunn=reason,
        oppdatert=max((its.get("laget") or "" for its in known.values()), default=""),
        hentet=min((its["hentet"] for its in known.values()), default=None),
        foresporsler=walk.foresporsler,
        uten_svar=without,
    )


def _rows(known: Mapping[str, Mapping[str, Any]], partier: Mapping[str, str]) -> pd.DataFrame:
    """Return `nummer`, `maal`, `gruppe`, `verdi`; shares of the votes are computed where votes are told."""
    rows: list[tuple[str, str, str, float]] = []
    for number, its in known.items():
        votes = [votes for _, _, votes, _ in its["lister"]]
        cast = sum(votes) if votes and all(v is not None for v in votes) else 0
        for code, seats, vote, percent in its["lister"]:
            group = partier.get(code.casefold(), f"{LOKAL}{code}")
            rows.append((number, "mandater", group, float(seats)))
            share = 100 * vote / cast if cast else percent
            if share is not None:
                rows.append((number, "stemmer_prosent", group, float(share)))
        if its["frammote"] is not None:
            rows.append((number, "valgdeltakelse_prosent", "", float(its["frammote"])))
    return pd.DataFrame(rows, columns=["nummer", "maal", "gruppe", "verdi"])


def _limits(regler: Valg) -> Limits:
    return Limits(
        sekunder_tilkobling=10,
        sekunder_lesing=15,
        sekunder_kilde=regler.maks_sekunder,
        forsoek=2,
        per_sekund=regler.per_sekund,
        maks_bytes=400_000_000,
        side=1,
        pause_lengst=5.0,
        tabell=None,
    )
