"""Varsler: what somebody should do something about now. Pure.

A reminder has an id that says which occurrence it is of: the same next step with the same date is told once, whatever
day it is asked. The text holds dates, not days since, so that it stays as it is until something happens. No names of
owners, and nothing that people have written but the stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import NamedTuple

from config.oppfolging import Oppfolging
from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.tomt import Svar, Tomt, as_date

RESTING = ("Ikke aktuell", "Parkert")
"""Stages in which no next step is due."""
PARKED = "Parkert"
ANSWER_ID = re.compile(r"svar:([^:]+):([0-9]{4}-[0-9]{2}-[0-9]{2}):(.+)")
REMINDER, ANSWER = "Påminnelse", "Svar"
"""Types of Aktiviteter."""


@dataclass(frozen=True)
class Varsel:
    """A reminder.

    Attributes
    ----------
    id
        Of the occurrence; the Aktivitets-id of its row.
    slag
        ``borte``, ``stoppet``, ``svar``, ``steg``, ``parkert``, ``stille`` or ``endret``: the order that they stand in.
    linje
        What a salesperson reads.
    tomter, eiere
        Record ids of what it concerns.
    dato
        Its own day, where it has another than that on which it is told.
    ogsaa
        Ids under which it may have been told, while another row carried the same key or did not yet.
    """

    id: str
    slag: str
    linje: str
    tomter: tuple[str, ...]
    eiere: tuple[str, ...] = ()
    dato: date | None = None
    ogsaa: tuple[str, ...] = ()

    @property
    def aktivitetstype(self) -> str:
        """The type of its row."""
        return ANSWER if self.slag == "svar" else REMINDER


class Inntatt(NamedTuple):
    """Since when a lot has been worked with, and in its stage, None where that is not known; when it was seen there."""

    arbeid: date | None
    fase: date | None
    sett: date | None


def of_tomt(tomt: Tomt, *, i_dag: date, kontakt: date | None, inntatt: Inntatt, regler: Oppfolging) -> list[Varsel]:
    """Return what is due of a lot.

    Parameters
    ----------
    kontakt
        The last contact that activities tell of.
    inntatt
        As the ledger of stages tells.
    """
    is_worked = regler.pipeline.rank(tomt.fase) > 0
    found = [_steg(tomt, i_dag), _parkert(tomt, i_dag)]
    if is_worked:
        found.append(_stille(tomt, i_dag, kontakt=kontakt, inntatt=inntatt, regler=regler))
        changed = _endret(tomt, i_dag, since=inntatt.arbeid, days=regler.varsel.endret_dager)
        found.append(_borte(tomt) or _stoppet(tomt) or changed)
    return [varsel for varsel in found if varsel is not None]


def _steg(tomt: Tomt, i_dag: date) -> Varsel | None:
    due = tomt.neste_steg_dato
    if due is None or due > i_dag or tomt.fase in RESTING:
        return None
    return _of(tomt, "steg", due.isoformat(), f"Neste steg har frist {norsk(due)}")


def _parkert(tomt: Tomt, i_dag: date) -> Varsel | None:
    due = tomt.parkert_til
    if tomt.fase != PARKED or due is None or due > i_dag:
        return None
    return _of(tomt, "parkert", due.isoformat(), f"Parkert til {norsk(due)}: tas opp igjen")


def _stille(tomt: Tomt, i_dag: date, *, kontakt: date | None, inntatt: Inntatt, regler: Oppfolging) -> Varsel | None:
    """Return the reminder of a silence: after so many days, and again after as many.

    A silence begins with the last contact or with the stage, what comes later: who moves a lot has been in touch.
    """
    limit = regler.paaminnelse.dager_uten_kontakt.get(tomt.fase)
    contacts = [d for d in (tomt.sist_kontaktet, kontakt) if d is not None and d <= i_dag]
    since = max([*contacts, *([inntatt.fase] if inntatt.fase is not None else [])], default=inntatt.sett)
    if limit is None or since is None or (i_dag - since).days < limit:
        return None
    times = (i_dag - since).days // limit
    what = f"Ingen kontakt siden {norsk(since)}" if since in contacts else f"Ingen kontakt ført siden {norsk(since)}"
    return _of(tomt, "stille", f"{since.isoformat()}:{times}", f"{what} (grense i {tomt.fase}: {limit} dager)")


def _borte(tomt: Tomt) -> Varsel | None:
    if not tomt.er_borte:
        return None
    when = tomt.oppdatert or tomt.kilde_endret
    why = f": {tomt.aarsak}" if tomt.aarsak else ""
    return _of(tomt, "borte", when.isoformat() if when else "-", f"Borte fra dataene{why}")


def _stoppet(tomt: Tomt) -> Varsel | None:
    if not tomt.er_stoppet:
        return None
    when, why = tomt.kilde_endret, f": {tomt.stoppet_fordi}" if tomt.stoppet_fordi else ""
    return _of(tomt, "stoppet", when.isoformat() if when else "-", f"Stoppet{why}")


def _endret(tomt: Tomt, i_dag: date, *, since: date | None, days: int) -> Varsel | None:
    changed = tomt.kilde_endret
    if changed is None or changed < i_dag - timedelta(days=days) or (since is not None and changed < since):
        return None
    what = f": {tomt.hva_er_endret}" if tomt.hva_er_endret else ""
    return _of(tomt, "endret", changed.isoformat(), f"Kildene endret {norsk(changed)}{what}")


def _of(tomt: Tomt, slag: str, occurrence: str, linje: str) -> Varsel:
    return Varsel(f"{slag}:{tomt.ident}:{occurrence}", slag, linje, (tomt.record_id,))


# --- answers ---


class Sett(NamedTuple):
    """An answer as it was last seen, and the day it was first seen; None for one older than the follow-up."""

    verdi: str
    dato: date | None


def seen_answers(
    svar: Iterable[Svar], known: Mapping[str, Sett], *, i_dag: date, er_foerste: bool, dager: int
) -> dict[str, Sett]:
    """Return record → what is now remembered of its answer.

    Parameters
    ----------
    known
        The same from before.
    er_foerste
        True when nothing is remembered: then only answers of the last `dager` days are new.
    """
    found: dict[str, Sett] = {}
    for one in svar:
        before = known.get(one.record_id)
        if before is not None and before.verdi == one.verdi:
            found[one.record_id] = before
            continue
        is_new = not er_foerste or (one.dato is not None and one.dato >= i_dag - timedelta(days=dager))
        found[one.record_id] = Sett(one.verdi, i_dag if is_new else None)
    return found


def told_answers(svar: Iterable[Svar], told: Iterable[str]) -> dict[str, Sett]:
    """Return record → answer as last seen, as far as the rows that were made of them tell.

    Parameters
    ----------
    told
        Aktivitets-ids.
    """
    seen: dict[str, Sett] = {}
    for match in filter(None, map(ANSWER_ID.fullmatch, told)):
        ident, day, verdi = match.groups()
        first = as_date(day)
        if first is not None and (ident not in seen or (seen[ident].dato or first) <= first):
            seen[ident] = Sett(verdi, first)
    return {one.record_id: seen[one.ident] for one in svar if one.ident in seen}


def of_svar(svar: Iterable[Svar], sett: Mapping[str, Sett]) -> list[tuple[Varsel, date]]:
    """Return a reminder for each answer that is told of, with the day it came."""
    found = []
    for one in svar:
        first = sett[one.record_id].dato
        if first is not None:
            when = one.dato or first
            what = "Svar på brev" if one.er_brev else "Eierens svar"
            linje = f"{what} {norsk(when)}: {one.verdi}"
            ids = (f"{prefix}{first.isoformat()}:{one.verdi}" for prefix in answer_prefixes(one))
            own, *others = ids
            found.append((Varsel(own, "svar", linje, one.tomter, one.eiere, when, tuple(others)), when))
    return found


def answer_prefixes(svar: Svar) -> list[str]:
    """Return how the ids of an answer's rows begin: the one that they are made with, then what they may have had."""
    names = dict.fromkeys((svar.ident, svar.noekkel, svar.record_id))
    return [f"svar:{name}:" for name in names if name is not None]


# --- the ledger and the cell ---


def inntatt(rows: Sequence[Skifte], *, stiger: Iterable[str], sone: tzinfo) -> Inntatt:
    """Return since when a lot has been worked with without a break, and in its stage.

    Parameters
    ----------
    rows
        Of one lot, in order.
    sone
        Where those who read it are: what day a change was.
    """
    worked = set(stiger)
    if not rows or rows[-1].til not in worked:
        return Inntatt(None, None, None)
    first = len(rows) - 1
    while first > 0 and rows[first - 1].til in worked:
        first -= 1
    seen = rows[-1].tidspunkt.astimezone(sone).date()
    return Inntatt(_day_of(rows[first], sone), _day_of(rows[-1], sone), seen)


def _day_of(row: Skifte, sone: tzinfo) -> date | None:
    """Return the day of a change; None for a lot that was first seen in its stage."""
    return None if row.er_aapning and not row.er_noeyaktig else row.tidspunkt.astimezone(sone).date()


ORDER = ("borte", "stoppet", "svar", "steg", "parkert", "stille", "endret")


def as_text(varsler: Iterable[Varsel], *, most: int) -> str | None:
    """Return reminders as a cell: one line each, the most important first; None for none."""
    lines = [v.linje for v in sorted(set(varsler), key=lambda v: (ORDER.index(v.slag), v.id))]
    if len(lines) > most:
        lines[most - 1 :] = [f"… og {len(lines) - most + 1} til"]
    return "\n".join(lines) or None


def norsk(day: date) -> str:
    """Return a day as Norwegians write it.

    Examples
    --------
    >>> norsk(date(2026, 5, 2))
    '02.05.2026'
    """
    return f"{day:%d.%m.%Y}"
