"""Kildesvar: what one source answers for a kommune: asked, kept as a raw snapshot with provenance, one of the four.

A source that is down, or brings much less than last time, is served by its own last good snapshot: nothing is concluded
from silence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from config.kilder import Kilde
from tasks.answer import Answer, Empty, Failed, NotCovered, Provenance, Rows
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import (
    arcgis,
    entur,
    grense,
    grunnkretstall,
    innboks,
    kontekstfelt,
    nedlasting,
    nvdb,
    ogc_features,
    sist,
    wfs,
)
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Protocol
from tasks.sources.gyldig import Husk
from tasks.sources.http import Client
from tasks.sources.refusal import NotHereError
from tasks.sources.reserve import Henting, days_in_reserve, held_back, in_reserve
from tasks.sources.siling import Siling
from tasks.sources.sist import Last
from tasks.sources.skjema import columns_in_use, lost
from tasks.sources.sosi import objekttype
from tasks.sources.spool import Spool
from tasks.sources.svar import NotModifiedError, Validators
from tasks.sources.svarkontroll import check_askable, check_rows
from tasks.sources.unntak import shorten

PROTOCOLS: dict[str, Protocol] = {
    "ogc_features": ogc_features.read,
    "wfs": wfs.read,
    "arcgis": arcgis.read,
    "nedlasting": nedlasting.read,
    "innboks": innboks.read,
    "kommuneinfo": grense.read,
    "pxweb": grunnkretstall.read,
    "entur": entur.read,
    "nvdb": nvdb.read,
}


class Eldre(NamedTuple):
    """When a source said what serves, before now, and why it was not asked now; None where it need not be."""

    tid: datetime
    hvorfor: str | None


def ask(kilde: Kilde, address: str, context: Henting) -> Answer:
    """Ask one source, unless what it said last is young enough.

    Parameters
    ----------
    address
        Of the source; empty for the inbox.

    Returns
    -------
    Answer
        `Rows`, `Empty`, `NotCovered` or `Failed`; a source that fails does not raise.

    Raises
    ------
    StoreError
        When the snapshot cannot be written.
    """
    last = sist.last_of(kilde, context.geodata, context.kommune.nummer)
    if not kilde.gyldig_dager:
        return _ask_now(kilde, address, context, last)
    husk = Husk(
        kilde=kilde,
        geodata=context.geodata,
        kommunenummer=context.kommune.nummer,
        omraade=context.omraade,
        now=context.now,
        mer=grunnkretstall.reach(context.geodata, context.kommune) if kilde.protokoll == "pxweb" else "",
    )
    last = husk.of_this(last)
    if not context.paa_nytt and (valid := husk.valid(last)) is not None:
        return valid
    eldre: list[Eldre] = []
    answer = _ask_now(kilde, address, context, last, eldre=eldre)
    if not eldre:
        husk.remember(answer)
    elif eldre[-1].hvorfor is None:
        husk.remember(answer, tid=eldre[-1].tid)
    if isinstance(answer, Failed):
        return husk.in_reserve(answer, dager=days_in_reserve(kilde, context.rules)) or answer
    return answer


def _ask_now(
    kilde: Kilde, address: str, context: Henting, last: Last | None, *, eldre: list[Eldre] | None = None
) -> Answer:
    """Ask one source; its answer becomes a snapshot, or its last good one serves in its place.

    Parameters
    ----------
    eldre
        Filled with when the source said so, where that was not now.
    """
    older: list[Eldre] = [] if eldre is None else eldre
    said: list[Validators] = [Validators()]
    with tempfile.TemporaryDirectory(prefix="tomt-") as folder:
        spool = Spool(Path(folder), kolonner=kontekstfelt.tillatt(kilde))
        try:
            ventet = _read(kilde, address, context, spool, Path(folder), last=last, husk=said.append, eldre=older)
        except NotHereError as error:
            return NotCovered(kilde.navn, _corrected_in(kilde, error))
        except SourceError as error:
            if isinstance(error, NotModifiedError) and last is not None:
                return _unchanged(last, context, last.provenance.kopidato)
            return _unread(kilde, last, context, _corrected_in(kilde, error))
        if older:
            context = replace(context, now=older[-1].tid)
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
        nothing = _nothing(kilde, spool, context)
        if nothing is None:
            return _aged(_kept(kilde, spool, provenance, last, context), older)
        if last is None or not last.provenance.antall_mottatt:
            return _aged(nothing, older)
        # A copy that is being filled again looks the same as one whose plans are gone: only a person can tell which.
        why = f"kilden hadde {last.provenance.antall_mottatt} objekter sist, og har nå ingenting som kan brukes"
        emptied = replace(provenance, etag=None, sist_endret=None)
        return held_back(kilde, spool, emptied, last, context, why=why, svar=type(nothing))


def _aged(answer: Answer, eldre: list[Eldre]) -> Answer:
    """Return an answer that says why the source was not asked for it now, where it should have been."""
    if not eldre or eldre[-1].hvorfor is None:
        return answer
    tid, why = eldre[-1].tid, f"Kilden kunne ikke leses: {eldre[-1].hvorfor}"
    if isinstance(answer, Rows) and answer.reserve is None:
        why = f"{why} Bruker det som {answer.kilde} hadde {tid:%Y-%m-%d}."
        return replace(answer, reserve=why, svar=Failed.__name__)
    if isinstance(answer, Empty):
        return replace(answer, grunn=f"{why} Den hadde ingenting {tid:%Y-%m-%d}.")
    return answer


def _corrected_in(kilde: Kilde, error: SourceError) -> str:
    """Return what is wrong, with the file in which the source stands where the advice is to correct one."""
    return str(error).replace("config/plankilder.toml", kilde.fil)


def _unread(kilde: Kilde, last: Last | None, context: Henting, error: str) -> Answer:
    """Return what serves in place of a source that could not be read.

    Of the inbox nothing does: a file is there because a person put it there, and what it was before is withdrawn.
    """
    if kilde.protokoll != "innboks":
        served = in_reserve(last, context, f"Kilden kunne ikke leses: {error}", svar=Failed)
        if served is not None:
            return served
    return Failed(kilde.navn, error)


def _kept(kilde: Kilde, spool: Spool, provenance: Provenance, last: Last | None, context: Henting) -> Answer:
    """Keep what came, unless it is what was there, or much less than what served until now."""
    geodata, number, rules = context.geodata, context.kommune.nummer, context.rules
    if last is not None and last.provenance.sha256 == provenance.sha256:
        return _unchanged(last, context, spool.kopidato)
    if last is not None and (gone := lost(columns_in_use(last.path), spool.kolonner, kilde)):
        why = (
            f"{', '.join(gone)} hadde verdier sist og har ingen nå; kolonnene er "
            f"{shorten(', '.join(sorted(spool.kolonner)))}. Rett `kolonner` eller `faste` for {kilde.navn}"
        )
        return held_back(kilde, spool, provenance, last, context, why=why, svar=Rows)
    # Not against the inbox: what is no longer there, a person has taken away. Nor against what is not its own.
    alike = [k for k in context.known.values() if k.tema == kilde.tema]
    others = [k for k in alike if (last is not None if k == kilde else k.protokoll != "innboks")]
    for before in dict.fromkeys(filter(None, (last, sist.newest(others, geodata, number)))):
        if less := sist.fall(before.provenance, provenance, rules.storste_fall):
            return held_back(kilde, spool, provenance, before, context, why=less, svar=Rows)
    path = geodata.keep(spool, number, provenance)
    geodata.prune(kilde.navn, number, antall=rules.behold_antall, dager=rules.behold_dager)
    return Rows(kilde.navn, path, provenance, sett_tid=context.now.isoformat(), kopidato=spool.kopidato)


def _unchanged(last: Last, context: Henting, kopidato: str | None) -> Rows:
    """Return the last good snapshot: the source has just said that this is what it has."""
    kilde = last.provenance.kilde
    context.geodata.drop_held(kilde, context.kommune.nummer)
    context.geodata.confirm(kilde, context.kommune.nummer, context.now, kopidato=kopidato)
    return Rows(kilde, last.path, last.provenance, sett_tid=context.now.isoformat(), kopidato=kopidato)


def _read(
    kilde: Kilde,
    address: str,
    context: Henting,
    spool: Spool,
    folder: Path,
    *,
    last: Last | None,
    husk: Callable[[Validators], None],
    eldre: list[Eldre],
) -> int | None:
    settings, kommune = context.settings, context.kommune
    auth = settings.credentials(kilde.legitimasjon)
    with Client(
        address,
        limits=context.limits,
        auth=auth,
        legitimasjon=kilde.legitimasjon,
        contact=settings.contact,
        vakt=context.vakt,
    ) as client:
        asked = Asked(
            kilde=kilde,
            kommune=kommune,
            adresse=address,
            client=client,
            limits=context.limits,
            omraade=context.omraade,
            mappe=folder,
            innboks=context.geodata.inbox(kommune.nummer),
            kjent=last.validators if last is not None and last.provenance.antall_mottatt else None,
            husk=husk,
            paa_nytt=context.paa_nytt,
            eldre=lambda tid, why: eldre.append(Eldre(tid, why)),
        )
        check_askable(asked)
        sil = Siling(kilde, spool.take)
        ventet = PROTOCOLS[kilde.protokoll](asked, sil)
    where = plain_address(address) or kilde.navn
    sil.check(where)
    check_rows(spool, asked, where=where)
    return None if ventet is None else ventet - sil.utelatt


def _nothing(kilde: Kilde, spool: Spool, context: Henting) -> Empty | NotCovered | None:
    """Return what an answer without features, or without any that matters, means."""
    label = context.kommune.label
    if not spool.antall:
        if kilde.tom_betyr == "tom" and _holds_the_kommune(kilde, context):
            return Empty(kilde.navn, f"Kilden har ingenting av {kilde.tema} i {label}.")
        return NotCovered(
            kilde.navn,
            f"Kilden ga ingenting av {kilde.tema} for {label}, og sier ikke hvilke kommuner den dekker: "
            "ukjent, ikke tomt.",
        )
    seen = {objekttype(name) or name for name in spool.objekttyper}
    if kilde.innhold and not seen & set(kilde.innhold):
        return NotCovered(
            kilde.navn, f"Kilden har planområder for {label}, men ikke et eneste arealformål: ukjent, ikke tomt."
        )
    return None


def _holds_the_kommune(kilde: Kilde, context: Henting) -> bool:
    """Return whether silence tells: the sister source that shows which kommuner it holds has just brought this one."""
    if kilde.tom_naar is None:
        return True
    return any(isinstance(a, Rows) and a.kilde == kilde.tom_naar for a in context.hittil.values())
