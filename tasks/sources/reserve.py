"""What serves in place of a source's answer: its last good snapshot, while it is down or an answer is held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import shapely

from config.kilder import Kilde
from config.registers import HentRegler, Kommune
from config.settings import Settings
from tasks.answer import Answer, Failed, Holdt, Provenance, Rows
from tasks.sources.limits import Limits
from tasks.sources.sist import Last
from tasks.sources.spool import Spool
from tasks.sources.vakt import Vakt
from tasks.store import Geodata


@dataclass(frozen=True, kw_only=True)
class Henting:
    """What every source of one fetch shares; `omraade` is the kommune's land and water as last fetched."""

    kommune: Kommune
    settings: Settings
    geodata: Geodata
    limits: Limits
    rules: HentRegler
    now: datetime
    known: Mapping[str, Kilde]
    hittil: Mapping[str, Answer]
    omraade: shapely.Polygon | shapely.MultiPolygon | None
    paa_nytt: bool
    vakt: Vakt | None = None


def held_back(
    kilde: Kilde,
    spool: Spool,
    provenance: Provenance,
    before: Last,
    context: Henting,
    *,
    why: str,
    svar: type[Answer],
) -> Answer:
    """Keep an answer for a person to look at, and let what served until now serve."""
    number = context.kommune.nummer
    path = context.geodata.hold(spool, number, provenance)
    held = Holdt(
        kilde=kilde.navn,
        path=path,
        grunn=why,
        antall_foer=before.provenance.antall_mottatt,
        antall_naa=spool.antall,
        areal_foer_m2=before.provenance.areal_m2,
        areal_naa_m2=spool.areal_m2,
    )
    said = f"Et svar fra {kilde.navn} som en person har avvist: {why}."
    if path is not None:
        said = (
            f"Nytt svar fra {kilde.navn} holdt tilbake: {why}. Er det riktig, kjør `tomt sources {number} --godkjenn "
            f"{kilde.navn}`; er det galt, `--avvis {kilde.navn}`."
        )
    served = in_reserve(before, context, said, svar=svar)
    if served is None:
        return Failed(kilde.navn, said)
    return replace(served, holdt=held if path is not None else None)


def days_in_reserve(kilde: Kilde | None, rules: HentRegler) -> int:
    """Return how old an answer may be to serve while its source is down.

    What changes so slowly that it holds for longer than `reserve_dager` serves for as long again as it holds: else it
    would be gone on the very day on which it is asked for again.
    """
    return max(rules.reserve_dager, 2 * kilde.gyldig_dager if kilde is not None else 0)


def in_reserve(last: Last | None, context: Henting, why: str, *, svar: type[Answer]) -> Rows | None:
    """Return a last good snapshot, unless there is none or it is too old to say anything about today."""
    if last is None or not last.provenance.antall_mottatt:
        return None
    seen = context.geodata.seen(last.provenance.kilde, context.kommune.nummer)
    kilde = context.known.get(last.provenance.kilde)
    if context.now - seen.tid > timedelta(days=days_in_reserve(kilde, context.rules)):
        return None
    return Rows(
        last.provenance.kilde,
        last.path,
        last.provenance,
        sett_tid=seen.tid.isoformat(),
        kopidato=seen.kopidato,
        svar=svar.__name__,
        reserve=f"{why} Bruker det som {last.provenance.kilde} hadde {seen.tid:%Y-%m-%d}.",
    )
