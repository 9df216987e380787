"""Plans and zones of the kommuneplan in words: status, date and link of a plan, purpose of a zone.

A plan may have several rows, and a source gives them in any order: what is said of it does not depend on that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from config.kodeord import kodeord
from config.registers import Kommune, housing_classes, regler
from tasks.crm.rader.links import arealplaner, own_link
from tasks.crm.rader.rad import day, line

GONE = "ikke lenger i kilden"


@dataclass(frozen=True)
class Plan:
    """What is said of a plan; None is not known."""

    status: str | None
    vedtatt: str | None
    lenke: str | None


INGEN_PLAN = Plan(None, None, None)


@dataclass(frozen=True)
class Sone:
    """What is said of a zone.

    Attributes
    ----------
    tekst
        ``sone-7 (B3, formål 1110 Boligbebyggelse, framtidig)``.
    sonetype
        ``1110 Boligbebyggelse``.
    klasse
        Housing class of its purpose.
    arealstatus
        Code.
    """

    tekst: str
    sonetype: str | None = None
    klasse: str | None = None
    arealstatus: str | None = None
    plan_id: str | None = None


def read_plans(kommune: Kommune, planomraader: pd.DataFrame) -> dict[str, Plan]:
    """Return plan_id → what is said of it: of its adopted rows where it has any.

    The link is the plan's own, or the one at arealplaner.no; a neighbour's plan has a page that is not guessed at.

    Parameters
    ----------
    planomraader
        Contract planomraader.
    """
    rows: dict[str, list[tuple[str | None, str | None]]] = {}
    links: dict[str, list[str]] = {}
    columns = (planomraader[c] for c in ("plan_id", "planstatus", "vedtatt_dato", "lenke"))
    for plan_id, status, vedtatt, lenke in zip(*columns, strict=True):
        rows.setdefault(plan_id, []).append((line(status), day(vedtatt)))
        links.setdefault(plan_id, []).extend(own for own in (own_link(lenke),) if own)
    return {p: _plan(said, min(links[p], default=None) or _register(kommune, p)) for p, said in rows.items()}


def plan_links(kommune: Kommune, planomraader: pd.DataFrame) -> dict[str, str]:
    """Return plan_id → link: the plan's own, or the one at arealplaner.no."""
    return {p: plan.lenke for p, plan in read_plans(kommune, planomraader).items() if plan.lenke is not None}


def _plan(said: Iterable[tuple[str | None, str | None]], lenke: str | None) -> Plan:
    adopted = regler().plan.vedtatt_status
    by_status: dict[str, list[str]] = {}
    for status, vedtatt in said:
        by_status.setdefault(status or "", []).extend(d for d in (vedtatt,) if d)
    best = min(by_status, key=lambda status: (status != adopted, not status, status))
    return Plan(kodeord().planstatus.get(best, best) or None, max(by_status[best], default=None), lenke)


def _register(kommune: Kommune, plan_id: str) -> str | None:
    number, _, ident = plan_id.partition("_")
    if number != kommune.nummer:
        return None
    return arealplaner(kommunenummer=kommune.nummer, kommunenavn=kommune.navn, planidentifikasjon=ident)


def read_zones(soner: pd.DataFrame, wanted: Collection[str]) -> dict[str, Sone]:
    """Return sone_id → what is said of it, of those wanted; one that is no longer in the source has only its id.

    Parameters
    ----------
    soner
        Contract soner.
    """
    found = soner[soner["sone_id"].isin(list(wanted))]
    columns = (found[c] for c in ("sone_id", "objekttype", "kode", "arealstatus", "plan_id", "navn"))
    zones = {row[0]: _zone(row) for row in zip(*columns, strict=True)}
    return {z: zones.get(z) or Sone(f"{line(z)} ({GONE})") for z in wanted}


def _zone(row: tuple[str, ...]) -> Sone:
    sone_id, objekttype, kode, arealstatus, plan_id, navn = row
    names = kodeord().formaal.get(objekttype, {})
    purpose = line(kode)
    sonetype = f"{purpose} {names[purpose]}" if purpose in names else purpose
    status = kodeord().arealstatus.get(arealstatus, "ukjent status").lower()
    words = [*(w for w in (line(navn),) if w), f"formål {sonetype or 'ikke oppgitt'}", status]
    klasse = housing_classes().get((objekttype, purpose or ""))
    return Sone(f"{line(sone_id)} ({', '.join(words)})", sonetype, klasse, arealstatus, plan_id)


def main_plan(sone: Sone | None, plan_ider: Iterable[str], plans: Mapping[str, Plan]) -> Plan:
    """Return the plan of the zone, otherwise the first known of `plan_ider`; its link may be another's."""
    of_zone = [sone.plan_id] if sone is not None and sone.plan_id is not None else []
    known = [plans[p] for p in (*of_zone, *plan_ider) if p in plans]
    if not known:
        return INGEN_PLAN
    lenke = next((plan.lenke for plan in known if plan.lenke), None)
    return Plan(known[0].status, known[0].vedtatt, lenke)
