"""Fetching: ask the sources of a theme in turn → raw snapshot with provenance → one of the four answers.

Of the sources that may hold a kommune the one that goes first is asked first, and the first with an answer serves. A
source that is down, or brings much less than last time, is served by its own last good snapshot: nothing is concluded
from silence. The sources differ between the sandbox and the real services in address and credentials alone.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import shapely
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import Kilde, Tema, kilder, kilder_for
from config.registers import HentRegler, Kommune, regler
from config.settings import Settings
from tasks.answer import Answer, Empty, Failed, Forsoek, Holdt, NotCovered, Provenance, Rows
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import arcgis, grense, innboks, nedlasting, ogc_features, wfs
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Protocol
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.refusal import NotHereError
from tasks.sources.skjema import columns_in_use, lost
from tasks.sources.sosi import objekttype
from tasks.sources.spool import Spool
from tasks.sources.svar import NotModifiedError, Validators
from tasks.sources.unntak import shorten
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")


PROTOCOLS: dict[str, Protocol] = {
    "ogc_features": ogc_features.read,
    "wfs": wfs.read,
    "arcgis": arcgis.read,
    "nedlasting": nedlasting.read,
    "innboks": innboks.read,
    "kommuneinfo": grense.read,
}


@dataclass(frozen=True)
class _Context:
    """What every source of one fetch shares."""

    kommune: Kommune
    settings: Settings
    geodata: Geodata
    limits: Limits
    rules: HentRegler
    now: datetime


def fetch(
    kommune: Kommune,
    tema: Tema,
    *,
    settings: Settings,
    geodata: Geodata,
    limits: Limits | None = None,
    hittil: Mapping[str, Answer] | None = None,
) -> Answer:
    """Fetch one theme for one kommune and keep it as a raw snapshot.

    Parameters
    ----------
    kommune
        Of the run.
    tema
        Theme of the sources in config/plankilder.toml.
    settings
        Addresses and credentials.
    geodata
        Where the snapshot is kept.
    limits
        Time, tries and bytes of each source; by default those of config/regler.toml.
    hittil
        Answers of this run's earlier themes: one of them may hold this theme too.

    Returns
    -------
    Answer
        `Rows`, `Empty`, `NotCovered` or `Failed`; a source that fails does not raise.

    Raises
    ------
    StoreError
        When the snapshot cannot be written.
    """
    rules = regler().hent
    known = kilder(settings.kilder)
    context = _Context(kommune, settings, geodata, limits or Limits.of(rules), rules, datetime.now(UTC))
    for answer in (hittil or {}).values():
        if isinstance(answer, Rows) and answer.kilde in known and tema in known[answer.kilde].omfatter:
            return Empty(answer.kilde, f"Inngår i det som {answer.kilde} ga.")
    answer = _first_that_serves(kilder_for(tema, kommune, among=known.values()), tema, context)
    _log(answer, tema, kommune)
    return answer


def _first_that_serves(sources: tuple[Kilde, ...], tema: Tema, context: _Context) -> Answer:
    """Ask in order until a source serves; when none does, the first that failed says why, else the last one asked."""
    refused: list[NotCovered | Failed] = []
    has_inbox = context.geodata.inbox(context.kommune.nummer).is_dir()
    for kilde in sources:
        if kilde.protokoll == "innboks" and not has_inbox and len(sources) > 1:  # most kommuner have none: no news
            continue
        address = kilde.address(context.settings.sources_url if context.settings.is_sandbox else None)
        if context.settings.is_sandbox and context.settings.sources_url is None and kilde.protokoll != "innboks":
            answer: Answer = Failed(kilde.navn, _no_local_sources(kilde))
        elif address is None:  # a service of the real world, in the sandbox
            continue
        else:
            answer = _ask(kilde, address, context)
        if isinstance(answer, Rows | Empty):
            return replace(answer, forsoek=_tried(refused))
        refused.append(answer)
    if not refused:
        return NotCovered("", f"Ingen kilde til {tema} for {context.kommune.label} i config/plankilder.toml.")
    chosen = next((a for a in refused if isinstance(a, Failed)), refused[-1])
    return replace(chosen, forsoek=_tried([a for a in refused if a is not chosen]))


def _tried(refused: list[NotCovered | Failed]) -> Forsoek:
    return tuple((answer.kilde, answer.grunn) for answer in refused)


def _no_local_sources(kilde: Kilde) -> str:
    return (
        f"{kilde.navn}: no local sources are running for the sandbox. Set TOMT_SOURCES_URL, or TOMT_PROFILE to "
        "staging or production for the real services."
    )


# --- one source ---


@dataclass(frozen=True)
class _Last:
    """The newest good snapshot of a source."""

    path: Path
    provenance: Provenance

    @property
    def validators(self) -> Validators:
        return Validators(self.provenance.etag, self.provenance.sist_endret)


def _ask(kilde: Kilde, address: str, context: _Context) -> Answer:
    """Ask one source; its answer becomes a snapshot, or its last good one serves in its place."""
    path = context.geodata.latest(kilde.navn, context.kommune.nummer)
    last = _Last(path, context.geodata.provenance(path)) if path is not None else None
    said: list[Validators] = [Validators()]
    with tempfile.TemporaryDirectory(prefix="tomt-") as folder:
        spool = Spool(Path(folder))
        try:
            ventet = _read(kilde, address, context, spool, Path(folder), last=last, husk=said.append)
        except NotHereError as error:
            return NotCovered(kilde.navn, str(error))
        except SourceError as error:
            if isinstance(error, NotModifiedError) and last is not None:
                return _unchanged(kilde, context, last, last.provenance.kopidato)
            why = f"Kilden kunne ikke leses: {error}"
            return _in_reserve(kilde, context, why, svar=Failed) or Failed(kilde.navn, str(error))
        nothing = _nothing(kilde, spool, context.kommune)
        if nothing is not None:
            return _emptied(nothing, kilde, spool, context)
        provenance = Provenance(
            kilde=kilde.navn,
            adresse=plain_address(address) if address else f"innboks/{context.kommune.nummer}",
            hentet_tid=context.now.isoformat(),
            antall_ventet=ventet,
            antall_mottatt=spool.antall,
            sha256=spool.sha256(),
            crs=f"EPSG:{STORAGE_EPSG}",
            lisens=kilde.lisens,
            areal_m2=spool.areal_m2,
            kopidato=spool.kopidato,
            etag=said[-1].etag,
            sist_endret=said[-1].last_modified,
        )
        return _kept(kilde, spool, provenance, last, context)


def _kept(kilde: Kilde, spool: Spool, provenance: Provenance, last: _Last | None, context: _Context) -> Answer:
    """Keep what came, unless it is what was there, or much less than that."""
    geodata, number, rules = context.geodata, context.kommune.nummer, context.rules
    if last is not None and last.provenance.sha256 == provenance.sha256:
        return _unchanged(kilde, context, last, spool.kopidato)
    if last is not None and (why := _fall(last.provenance, provenance, rules.storste_fall)):
        path = geodata.hold(spool, number, provenance)
        held = _held(kilde, last.provenance, why, path=path, antall=spool.antall, areal_m2=spool.areal_m2)
        return _served_while_held(kilde, context, held, svar=Rows)
    path = geodata.keep(spool, number, provenance)
    geodata.prune(kilde.navn, number, antall=rules.behold_antall, dager=rules.behold_dager)
    return Rows(kilde.navn, path, provenance, sett_tid=context.now.isoformat(), kopidato=spool.kopidato)


def _unchanged(kilde: Kilde, context: _Context, last: _Last, kopidato: str | None) -> Rows:
    """Return the last good snapshot: the source has just said that this is what it has."""
    context.geodata.confirm(kilde.navn, context.kommune.nummer, context.now, kopidato=kopidato)
    return Rows(kilde.navn, last.path, last.provenance, sett_tid=context.now.isoformat(), kopidato=kopidato)


def _read(
    kilde: Kilde,
    address: str,
    context: _Context,
    spool: Spool,
    folder: Path,
    *,
    last: _Last | None,
    husk: Callable[[Validators], None],
) -> int | None:
    settings, kommune = context.settings, context.kommune
    auth = settings.credentials(kilde.legitimasjon)
    omraade = grense.known(context.geodata, kommune, kilder(settings.kilder).values())
    with Client(
        address, limits=context.limits, auth=auth, legitimasjon=kilde.legitimasjon, contact=settings.contact
    ) as client:
        asked = Asked(
            kilde=kilde,
            kommune=kommune,
            adresse=address,
            client=client,
            limits=context.limits,
            omraade=omraade,
            mappe=folder,
            innboks=context.geodata.inbox(kommune.nummer),
            kjent=last.validators if last is not None else None,
            husk=husk,
        )
        ventet = PROTOCOLS[kilde.protokoll](asked, spool.take)
    seen = {objekttype(name) or name for name in spool.objekttyper}
    missing = [name for name in kilde.paakrevd if spool.antall and name not in seen]
    if missing:
        raise SourceError(
            f"{plain_address(address) or kilde.navn}: features for {kommune.label}, but none of {', '.join(missing)}, "
            "without which they mean nothing. Try again later; tell whoever runs the source."
        )
    if last is not None and spool.antall and (gone := lost(columns_in_use(last.path), spool.kolonner, kilde)):
        raise SourceError(
            f"{plain_address(address) or kilde.navn}: {', '.join(gone)} had values last time and has none in any of "
            f"{spool.antall} rows now; the columns are {shorten(', '.join(sorted(spool.kolonner)))}. The source has "
            f"changed: correct `kolonner` of {kilde.navn} in config/plankilder.toml."
        )
    if omraade is not None and spool.bounds is not None and not shapely.box(*spool.bounds).intersects(omraade):
        raise SourceError(
            f"{plain_address(address) or kilde.navn}: none of {spool.antall} features touches {kommune.label}, bounds "
            f"{[round(v) for v in spool.bounds]}. Wrong kommune or CRS; tell whoever runs the source."
        )
    return ventet


def _nothing(kilde: Kilde, spool: Spool, kommune: Kommune) -> Empty | NotCovered | None:
    """Return what an answer without features, or without any that matters, means."""
    if not spool.antall:
        if kilde.tom_betyr == "tom":
            return Empty(kilde.navn, f"Kilden har ingenting av {kilde.tema} i {kommune.label}.")
        return NotCovered(
            kilde.navn,
            f"Kilden ga ingenting av {kilde.tema} for {kommune.label}, og sier ikke hvilke kommuner den dekker: "
            "ukjent, ikke tomt.",
        )
    seen = {objekttype(name) or name for name in spool.objekttyper}
    if kilde.innhold and not seen & set(kilde.innhold):
        return NotCovered(
            kilde.navn,
            f"Kilden har planområder for {kommune.label}, men ikke et eneste arealformål: ukjent, ikke tomt.",
        )
    return None


# --- held back, in reserve ---


def _fall(before: Provenance, now: Provenance, largest: float) -> str | None:
    """Return how much less came than last time, in words, when that is more than may be believed."""
    said = []
    if now.antall_mottatt < (1 - largest) * before.antall_mottatt:
        said.append(f"antall objekter falt fra {before.antall_mottatt} til {now.antall_mottatt}")
    if before.areal_m2 and (now.areal_m2 or 0.0) < (1 - largest) * before.areal_m2:
        said.append(f"arealet falt fra {before.areal_m2 / 1e6:.2f} til {(now.areal_m2 or 0.0) / 1e6:.2f} km²")
    return " og ".join(said) or None


def _emptied(nothing: Empty | NotCovered, kilde: Kilde, spool: Spool, context: _Context) -> Answer:
    """Return the answer for a source that has nothing; when it had something, that is held back for a person.

    A copy that is being filled again looks the same as one whose plans are gone, and only a person can tell which.
    """
    last = context.geodata.latest(kilde.navn, context.kommune.nummer)
    before = context.geodata.provenance(last) if last is not None else None
    if before is None or not before.antall_mottatt:
        return nothing
    provenance = replace(
        before,
        hentet_tid=context.now.isoformat(),
        antall_ventet=None,
        antall_mottatt=spool.antall,
        areal_m2=spool.areal_m2,
        sha256=spool.sha256(),
    )
    path = context.geodata.hold(spool, context.kommune.nummer, provenance)
    why = f"kilden hadde {before.antall_mottatt} objekter sist, og har nå ingenting som kan brukes"
    held = _held(kilde, before, why, path=path, antall=spool.antall, areal_m2=spool.areal_m2)
    return _served_while_held(kilde, context, held, svar=type(nothing))


def _held(kilde: Kilde, before: Provenance, why: str, *, path: Path | None, antall: int, areal_m2: float) -> Holdt:
    return Holdt(
        kilde=kilde.navn,
        path=path,
        grunn=why,
        antall_foer=before.antall_mottatt,
        antall_naa=antall,
        areal_foer_m2=before.areal_m2,
        areal_naa_m2=areal_m2,
    )


def _served_while_held(kilde: Kilde, context: _Context, held: Holdt, *, svar: type[Answer]) -> Answer:
    number = context.kommune.nummer
    if held.path is None:
        why = f"Et svar som en person har avvist: {held.grunn}."
    else:
        why = (
            f"Nytt svar holdt tilbake: {held.grunn}. Er det riktig, kjør `tomt sources {number} --godkjenn "
            f"{kilde.navn}`; er det galt, `--avvis {kilde.navn}`."
        )
    served = _in_reserve(kilde, context, why, svar=svar)
    if isinstance(served, Rows):
        return replace(served, holdt=held if held.path is not None else None)
    return Failed(kilde.navn, why)


def _in_reserve(kilde: Kilde, context: _Context, why: str, *, svar: type[Answer]) -> Rows | None:
    """Return the source's last good snapshot, unless it has none or it is too old to say anything about today."""
    geodata, number = context.geodata, context.kommune.nummer
    last = geodata.latest(kilde.navn, number)
    if last is None:
        return None
    provenance, seen = geodata.provenance(last), geodata.seen(kilde.navn, number)
    if not provenance.antall_mottatt or context.now - seen.tid > timedelta(days=context.rules.reserve_dager):
        return None
    reserve = f"{why} Bruker det som kilden hadde {seen.tid:%Y-%m-%d}."
    return Rows(
        kilde.navn,
        last,
        provenance,
        sett_tid=seen.tid.isoformat(),
        kopidato=seen.kopidato,
        svar=svar.__name__,
        reserve=reserve,
    )


def _log(answer: Answer, tema: Tema, kommune: Kommune) -> None:
    for kilde, why in answer.forsoek:
        log.info("%s %s: %s does not serve: %s", kommune.nummer, tema, kilde, why)
    if isinstance(answer, Rows) and answer.reserve is None:
        log.info("%s %s: %d features in %s", kommune.nummer, answer.kilde, answer.antall, answer.path.name)
    elif isinstance(answer, Rows):
        log.warning("%s %s: %s", kommune.nummer, answer.kilde, answer.reserve)
    else:
        log.warning("%s %s: %s, %s", kommune.nummer, answer.kilde or tema, type(answer).__name__, answer.grunn)


# --- tasks ---

# No retries here: what may pass is retried below, in http.
# The names stand in a graph whose letters lack ø, so they hold numbers instead of names.
fetch_task = task(name="hent fra kilde", task_run_name="hent {tema} {kommune.nummer}", cache_policy=NO_CACHE)(fetch)
