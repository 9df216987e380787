"""Discovery: where a kommune's plans are published, by Geonorge's catalogues and the services that they name.

Asks the kartkatalog and the CSW for the kommune and for national services, looks at each candidate with a client of
its own and tight limits, and returns proposals and what was passed over, with why. Nothing is put into use.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import shapely

from config.kilder import Kilde, kilder_for
from config.kilder import kilder as kilder_of
from config.registers import Kommune, regler
from config.settings import Settings
from tasks.crs import STORAGE_EPSG
from tasks.errors import ConfigError, SourceError
from tasks.sources import csw, grense, kartkatalog, tjenester
from tasks.sources.address import CHECK_ADDRESS, plain_address, same_origin
from tasks.sources.forslag import Forslag, is_own
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.kandidat import Kandidat, Treff, candidate, require_public
from tasks.sources.koder import fold
from tasks.sources.limits import Limits
from tasks.sources.refusal import NoAccessError
from tasks.sources.tjeneste import Box, Tjeneste
from tasks.sources.vurdering import Sett, holds_plans, propose, recognised
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

HITS = 50
MAX_CANDIDATES = 25
MAX_SERVICES = 12
"""Services of one ArcGIS folder that are looked into."""
MAX_DEPTH = 2
MAX_PAGES = 8
"""Layers of one service of which a page is asked for."""
TOTAL_S = 300.0
NATIONAL = ("kommuneplan", "reguleringsplan")
PLAN_WORDS = ("plan", "regulering", "arealformal", "arealbruk", "kpa", "kdp")

Search = Callable[..., list[Treff]]


@dataclass(frozen=True)
class Spurt:
    """One question to a catalogue: which, what was asked, and how many addresses came, or why none."""

    katalog: str
    tekst: str
    treff: int
    feil: str = ""


@dataclass(frozen=True)
class Forbigaatt:
    """A service that gave no proposal, why, and whether it could be looked at at all."""

    adresse: str
    tittel: str
    grunn: str
    er_sett: bool = True


@dataclass(frozen=True)
class Oppdagelse:
    """What discovery found for a kommune: the proposals, the best first, and everything that was asked."""

    kommune: Kommune
    spurt: tuple[Spurt, ...]
    forslag: tuple[Forslag, ...]
    forbigaatt: tuple[Forbigaatt, ...]

    @property
    def er_besvart(self) -> bool:
        """Whether any question was answered."""
        return any(not one.feil for one in self.spurt)

    def is_unseen(self, adresse: str) -> bool:
        """Return whether a service may still be there: a catalogue, or the service itself, did not answer."""
        unseen = {one.adresse for one in self.forbigaatt if not one.er_sett}
        return any(one.feil for one in self.spurt) or plain_address(adresse) in unseen

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as JSON-ready values."""
        return {
            "kommunenummer": self.kommune.nummer,
            "spurt": [vars(s) for s in self.spurt],
            "forslag": [f.as_dict() for f in self.forslag],
            "forbigaatt": [vars(f) for f in self.forbigaatt],
        }


@dataclass
class _Search:
    """One search on its way."""

    kommune: Kommune
    settings: Settings
    kilder: Mapping[str, Kilde]
    omraade: shapely.Geometry | None
    limits: Limits
    spurt: list[Spurt] = field(default_factory=list)
    forslag: list[Forslag] = field(default_factory=list)
    forbigaatt: list[Forbigaatt] = field(default_factory=list)

    @property
    def boks(self) -> Box | None:
        if self.omraade is None:
            return None
        west, south, east, north = shapely.bounds(self.omraade)
        return float(west), float(south), float(east), float(north)

    def client(self, adresse: str, legitimasjon: str | None = None) -> Client:
        return Client(
            adresse,
            limits=self.limits,
            auth=self.settings.credentials(legitimasjon),
            legitimasjon=legitimasjon,
            contact=self.settings.contact,
        )

    def passed(self, kandidat: Kandidat, grunn: str | SourceError, *, er_sett: bool = True) -> None:
        er_sett = er_sett and not isinstance(grunn, SourceError)
        adresse = plain_address(kandidat.adresse)
        if isinstance(grunn, SourceError):
            # Of the advice in it, that on config/ does not fit: the service is not in there.
            said = str(grunn).removeprefix(f"{adresse}: ").removesuffix(CHECK_ADDRESS).strip()
            grunn = "Krever innlogging: be eieren om tilgang." if isinstance(grunn, NoAccessError) else said
        self.forbigaatt.append(Forbigaatt(adresse, kandidat.tittel, grunn, er_sett))


def limits_of_discovery() -> Limits:
    """Return what looking at one service may take: it is one of many, and nobody waits for it alone."""
    usual = Limits.of(regler().hent)
    return replace(
        usual,
        sekunder_tilkobling=5,
        sekunder_lesing=15,
        sekunder_kilde=30,
        forsoek=1,
        maks_bytes=20_000_000,
        tabell=None,
    )


def discover(
    kommune: Kommune,
    *,
    settings: Settings,
    kilder: Mapping[str, Kilde],
    omraade: shapely.Geometry | None = None,
    limits: Limits | None = None,
) -> Oppdagelse:
    """Look for the plan sources of a kommune.

    Parameters
    ----------
    settings
        With every address filled in, as from `environment.connected`.
    kilder
        The configured sources: they are not proposed again, and lend their logins to their own hosts alone.
    omraade
        The kommune's boundary, EPSG:25833; without it pages are not limited to the kommune and coverage is unknown.

    Returns
    -------
    Oppdagelse
        Also when a catalogue or a service does not answer: that is said in it.
    """
    search = _Search(kommune, settings, kilder, omraade, limits or limits_of_discovery())
    deadline = time.monotonic() + TOTAL_S
    found = _candidates(search)
    for kandidat in found[:MAX_CANDIDATES]:
        if time.monotonic() > deadline:
            search.passed(
                kandidat, f"Ikke spurt: de {TOTAL_S:.0f} sekundene var brukt. Kjør på nytt senere.", er_sett=False
            )
            continue
        _look_at(kandidat, search)
    for kandidat in found[MAX_CANDIDATES:]:
        search.passed(kandidat, f"Ikke spurt: de {MAX_CANDIDATES} likeste ble sett på.", er_sett=False)
    log.info("%s: %d proposals of %d services", kommune.nummer, len(search.forslag), len(found))
    return Oppdagelse(
        kommune,
        tuple(search.spurt),
        tuple(sorted(search.forslag, key=lambda f: f.rang)),
        tuple(search.forbigaatt),
    )


def boundary(kommune: Kommune, *, settings: Settings, geodata: Geodata) -> shapely.Geometry | None:
    """Return a kommune's boundary as last fetched, or asked for now, EPSG:25833; None when neither is to be had."""
    every = list(kilder_of(settings.kilder).values())
    if (found := grense.known(geodata, kommune, every)) is not None:
        return found
    for kilde in kilder_for("grense", kommune, among=every):
        address = kilde.address(settings.sources_url if settings.is_sandbox else None)
        if kilde.protokoll != "kommuneinfo" or address is None:
            continue
        url = f"{address}/kommuner/{kommune.nummer}/omrade"
        try:
            with Client(address, limits=limits_of_discovery(), contact=settings.contact) as client:
                answer = read_json(client.get(url, params={"utkoordsys": str(STORAGE_EPSG)}, expected="json"))
            return grense.boundary(answer, kommune, epsg=STORAGE_EPSG, where=plain_address(url)).geometry.iloc[0]
        except SourceError as error:
            log.warning("%s: the boundary could not be read: %s", kommune.label, error)
    return None


# --- the catalogues -------------------------------------------------------------------------------------------


def _catalogues(settings: Settings) -> list[tuple[str, str, Search]]:
    """Return name, address and search of the catalogues of this profile."""
    if not settings.is_sandbox:
        return [("kartkatalogen", kartkatalog.ADRESSE, kartkatalog.search), ("CSW", csw.ADRESSE, csw.search)]
    if settings.sources_url is None:
        raise ConfigError("No local sources are running for the sandbox. Set TOMT_SOURCES_URL, or run `tomt demo`.")
    root = settings.sources_url.rstrip("/")
    return [("kartkatalogen", root + kartkatalog.STI, kartkatalog.search), ("CSW", root + csw.STI, csw.search)]


def _questions(kommune: Kommune) -> list[str]:
    name = kommune.navn.partition(" (")[0].partition(" - ")[0]
    return [f"{name} kommuneplan", f"{name} reguleringsplan", f"{name} plan", kommune.nummer, *NATIONAL]


def _candidates(search: _Search) -> list[Kandidat]:
    """Return the services that the catalogues name, the likeliest first, each once."""
    found: dict[tuple[str, str], tuple[int, Kandidat]] = {}
    for katalog, base, ask in _catalogues(search.settings):
        with search.client(base) as client:
            for text in _questions(search.kommune):
                try:
                    hits = ask(client, base, text, limit=HITS)
                except SourceError as error:
                    search.spurt.append(Spurt(katalog, text, 0, str(error)))
                    continue
                search.spurt.append(Spurt(katalog, text, len(hits)))
                for treff in hits:
                    kandidat = candidate(treff, funnet=katalog)
                    if kandidat is not None and _about_plans(treff):
                        weight = 2 * is_own(search.kommune, kandidat) + _in_title(treff)
                        found.setdefault((kandidat.protokoll, kandidat.adresse.lower()), (weight, kandidat))
    return [kandidat for _, kandidat in sorted(found.values(), key=lambda pair: -pair[0])]


def _about_plans(treff: Treff) -> bool:
    words = fold(f"{treff.tittel} {treff.omtale} {treff.adresse}")
    return any(word in words for word in PLAN_WORDS)


def _in_title(treff: Treff) -> bool:
    return any(word in fold(treff.tittel) for word in PLAN_WORDS)


# --- one service ----------------------------------------------------------------------------------------------


def _look_at(kandidat: Kandidat, search: _Search) -> None:
    """Look at one candidate and add what it gives: a proposal, or why there is none."""
    own = _configured(kandidat, search.kilder.values(), search.settings)
    if own:
        search.passed(kandidat, f"Står alt i registeret: {', '.join(own)}.")
        return
    try:
        require_public(kandidat.adresse, sandbox=search.settings.is_sandbox)
        login = _login(kandidat, search)
        with search.client(kandidat.adresse, login) as client:
            _open(client, kandidat, search=search, login=login)
    except SourceError as error:
        search.passed(kandidat, error)


def _open(client: Client, kandidat: Kandidat, *, search: _Search, login: str | None, depth: int = 0) -> None:
    """Judge a service, or those of a folder that are called after plans."""
    offered = tjenester.describe(client, kandidat.adresse, kandidat.protokoll)
    if not offered.undertjenester:
        _judge(client, kandidat, offered, search=search, login=login)
        return
    for adresse in _worth_a_look(offered.undertjenester) if depth < MAX_DEPTH else ():
        under = replace(kandidat, adresse=adresse)
        if _configured(under, search.kilder.values(), search.settings):
            continue
        try:
            _open(client, under, search=search, login=login, depth=depth + 1)
        except SourceError as error:
            search.passed(under, error)


def _configured(kandidat: Kandidat, kilder: Iterable[Kilde], settings: Settings) -> list[str]:
    local = settings.sources_url if settings.is_sandbox else None
    return [k.navn for k in kilder if (k.address(local) or "").rstrip("/").lower() == kandidat.adresse.lower()]


def _login(kandidat: Kandidat, search: _Search) -> str | None:
    """Return the login of a configured source of the same host: it is sent nowhere else."""
    local = search.settings.sources_url if search.settings.is_sandbox else None
    for kilde in search.kilder.values():
        address = kilde.address(local)
        if kilde.legitimasjon and address and same_origin(address, kandidat.adresse) and not search.settings.is_sandbox:
            return kilde.legitimasjon
    return None


def _worth_a_look(services: Sequence[str]) -> list[str]:
    named = [s for s in services if any(w in fold(s.partition("/rest/services/")[2]) for w in PLAN_WORDS)]
    return named[:MAX_SERVICES]


def _judge(client: Client, kandidat: Kandidat, offered: Tjeneste, *, search: _Search, login: str | None) -> None:
    """Add what the layers of one service give: proposals, or why there are none."""
    seen, refused = _seen(client, kandidat, offered, search.boks)
    for grunn in refused:
        search.passed(kandidat, grunn)
    if not seen:
        names = ", ".join(lag.tittel for lag in offered.lag[:8]) or "ingen"
        if not refused:
            search.passed(kandidat, f"Ingen lag kjent igjen som plandata. Lag: {names}.")
        return
    found, passed = propose(kandidat, offered, seen, kommune=search.kommune, omraade=search.omraade, legitimasjon=login)
    search.forslag += found
    for grunn in passed:
        search.passed(kandidat, grunn)


def _seen(client: Client, kandidat: Kandidat, offered: Tjeneste, boks: Box | None) -> tuple[list[Sett], list[str]]:
    """Return the layers that hold plans, each with a page, and why layers that look so are left out."""
    seen: list[Sett] = []
    refused: list[str] = []
    for lag in offered.lag:
        described = tjenester.with_columns(client, kandidat.adresse, kandidat.protokoll, lag)
        hva = recognised(offered, described)
        if hva is None or not holds_plans(hva):
            refused += [hva.grunn] if hva is not None and not hva.objekttyper else []
            continue
        if len(seen) == MAX_PAGES:
            refused.append(f"{lag.tittel}: ikke sett på, {MAX_PAGES} lag er sett på alt.")
            continue
        try:
            side = tjenester.sample(
                client, kandidat.adresse, kandidat.protokoll, lag=described, boks=boks, offered=offered
            )
        except SourceError as error:
            refused.append(f"{lag.tittel}: {error}")
            continue
        hva = recognised(offered, described, side) if len(side) else hva
        if hva is not None and holds_plans(hva):
            seen.append(Sett(described, hva, side))
        elif hva is not None:
            refused.append(hva.grunn)
    return seen, refused
