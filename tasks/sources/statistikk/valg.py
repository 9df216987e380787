"""Valg: seats, votes and turnout of a municipal election, from valgresultat.no; one row per kommune, measure and list.

The country links to its fylker, a fylke to its kommuner. What is used of each kommune's answer is kept on disk, so that
a run that was cut short goes on where it stopped, and a result that is final is not asked for again. The numbers are
those of the election: the division of the year after.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from config.statistikk import VALGRESULTAT, Valg
from tasks.errors import SourceError
from tasks.fil import write_whole
from tasks.sources.address import same_origin
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.ogc_features import read_json
from tasks.sources.statistikk.valgsvar import read_result

log = logging.getLogger("tomt.sources")

MEASURES = ("mandater", "stemmer_prosent", "valgdeltakelse_prosent")
LOKAL = "LOKAL:"
"""Before the code of a list that is no party of the whole country."""
MOST_KOMMUNER = 1_000

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


@dataclass
class _Lager:
    """What lies on disk of one election."""

    path: Path
    lenker: dict[str, str] = field(default_factory=dict)
    kommuner: dict[str, dict[str, Any]] = field(default_factory=dict)
    er_hel: bool = False  # every fylke has said which kommuner it has
    er_endret: bool = False

    @classmethod
    def read(cls, path: Path) -> _Lager:
        try:
            data = json.loads(path.read_bytes())
            lager = cls(path, dict(data["lenker"]), dict(data["kommuner"]), data["er_hel"] is True)
            for its in lager.kommuner.values():
                if datetime.fromisoformat(its["hentet"]).tzinfo is None:
                    raise ValueError("a time without time zone")
                if not isinstance(its["er_ferdig"], bool) or not all(len(row) == 4 for row in its["lister"]):
                    raise ValueError("not what was written")
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("%s cannot be read (%s): it is fetched anew", path, type(error).__name__)
            return cls(path)
        return lager

    def keep(self) -> None:
        if not self.er_endret:
            return
        data = {"er_hel": self.er_hel, "lenker": self.lenker, "kommuner": self.kommuner}
        try:
            write_whole(self.path, json.dumps(data, ensure_ascii=False).encode())
        except OSError as error:
            log.warning("%s could not be kept (%s): it is fetched again next time", self.path, error.strerror)


def fetch_election(
    regler: Valg,
    aar: int,
    *,
    adresse: str,
    mappe: Path,
    contact: str | None,
    naa: datetime,
    partier: Mapping[str, str],
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
    ferskt
        Ask for everything again, final or not.

    Notes
    -----
    A kommune that does not answer, or whose answer does not add up, is left out and named; after `feil_paa_rad` of
    them in a row the service is taken to be down.
    """
    lager = _Lager.read(mappe / f"{aar}.json")
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
    return _answer(lager, walk, aar, partier, failure)


class _Walk:
    """One walk through an election: what is asked for, and what came of it."""

    def __init__(self, regler: Valg, aar: int, lager: _Lager, *, adresse: str, naa: datetime, ferskt: bool) -> None:
        self._regler, self._aar, self._lager, self._adresse, self._naa = regler, aar, lager, adresse, naa
        self._ferskt = ferskt
        self.foresporsler = 0
        self.hentet = 0
        self.feil: dict[str, str] = {}

    @property
    def is_needed(self) -> bool:
        return not self._lager.er_hel or any(self._is_stale(number) for number in self._lager.lenker)

    def run(self, client: Client, framdrift: Framdrift) -> None:
        """Ask for what is missing or old."""
        if not self._lager.er_hel or self._ferskt:
            self._lager.lenker = self._links(client)
            self._lager.er_hel, self._lager.er_endret = not self.feil, True
        wanted = [number for number in self._lager.lenker if self._is_stale(number)]
        in_a_row = 0
        for done, number in enumerate(wanted):
            framdrift(done, len(wanted))
            try:
                answer = self._get(client, self._lager.lenker[number])
                self._lager.kommuner[number] = {"hentet": self._naa.isoformat(), **read_result(answer, number)}
                self._lager.er_endret, self.hentet, in_a_row = True, self.hentet + 1, 0
            except SourceError as error:
                log.warning("%s %d, kommune %s: %s", VALGRESULTAT, self._aar, number, error)
                self.feil[number] = str(error)
                in_a_row += 1
                if in_a_row >= self._regler.feil_paa_rad:
                    raise SourceError(f"{in_a_row} kommuner in a row gave no result: taken to be down.") from None
        framdrift(len(wanted), len(wanted))

    def _is_stale(self, number: str) -> bool:
        its = self._lager.kommuner.get(number)
        if its is None or self._ferskt:
            return True
        age = self._naa - datetime.fromisoformat(its["hentet"])
        days, hours = (self._regler.fersk_dager, 0.0) if its["er_ferdig"] else (0.0, self._regler.foreloepig_timer)
        return not timedelta(0) <= age < timedelta(days=days, hours=hours)

    def _links(self, client: Client) -> dict[str, str]:
        """Return kommunenummer → address of all kommuner; a fylke without an answer costs its own alone."""
        found: dict[str, str] = {}
        fylker = _related(self._get(client, f"{self._adresse}/{self._aar}/ko"), self._adresse)
        for number, address in fylker.items():
            try:
                found |= _related(self._get(client, address), self._adresse)
            except SourceError as error:
                log.warning("%s %d, fylke %s: %s", VALGRESULTAT, self._aar, number, error)
                self.feil[number] = str(error)
        kommuner = {n: a for n, a in found.items() if len(n) == 4 and n.isdecimal()}
        if not kommuner or len(kommuner) > MOST_KOMMUNER:
            raise SourceError(f"{self._adresse}: {len(kommuner)} kommuner are linked to in {self._aar}.")
        return {**self._lager.lenker, **kommuner}

    def _get(self, client: Client, address: str) -> dict[str, Any]:
        self.foresporsler += 1
        return read_json(client.get(address, expected="json"))


def _related(answer: Mapping[str, Any], adresse: str) -> dict[str, str]:
    """Return number → address of what an answer links to; links that lead elsewhere are none.

    The service writes addresses relative to its own (``/2023/ko/32``), and may write whole ones.
    """
    links = answer.get("_links")
    rows = links.get("related") if isinstance(links, dict) else None
    found = {}
    for row in rows if isinstance(rows, list) else []:
        number, href = (row.get("nr"), row.get("href")) if isinstance(row, dict) else (None, None)
        if isinstance(number, str) and isinstance(href, str) and (address := _address(href, adresse)) is not None:
            found[number] = address
    return found


def _address(href: str, adresse: str) -> str | None:
    """Return the whole address of a link, None when it leads away from the service."""
    path = urlsplit(adresse).path
    if "://" not in href and not href.startswith("//"):
        inner = href.removeprefix(path) if path and href.startswith(f"{path}/") else href
        return f"{adresse}/{inner.lstrip('/')}" if ".." not in inner else None
    return href if same_origin(href, adresse) and urlsplit(href).path.startswith(f"{path}/") else None


def _answer(lager: _Lager, walk: _Walk, aar: int, partier: Mapping[str, str], failure: SourceError | None) -> Valgsvar:
    known = {number: its for number, its in lager.kommuner.items() if number in lager.lenker}
    without = tuple(sorted(set(lager.lenker) - set(known)))
    reason = None
    if failure is not None:
        reason = f"{VALGRESULTAT} svarte ikke for {aar}"
    elif walk.feil:
        some = ", ".join(sorted(walk.feil)[:5]) + (" …" if len(walk.feil) > 5 else "")
        reason = f"{VALGRESULTAT} ga ikke svar for {len(walk.feil)} av {len(lager.lenker)}: {some}"
    if not known:
        svar = "mangler"
    elif walk.hentet:
        svar = "hentet"
    else:
        svar = "uendret" if reason is None else "lager"
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
