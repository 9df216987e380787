"""Rader: what the follow-up writes, as rows by field name. Pure.

A row of Aktiviteter is made once, and is people's from then on; Påminnelse and the figures are the program's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time

from config.base import Tabell
from config.oppfolging import Pipeline
from tasks.crm.oppfolging import faser
from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.nokkeltall import UNKNOWN, Tall, kommune_fields
from tasks.crm.oppfolging.tomt import Tomt
from tasks.crm.oppfolging.varsler import Varsel, as_text
from tasks.crm.rader.rad import Row, line
from tasks.crm.sync.diff import Record
from tasks.crm.sync.verdi import canonical

TITLE_MAX = 250
NOON = time(12)


def skifterader(skifter: Iterable[Skifte], tomter: Mapping[str, Tomt], *, options: Collection[str]) -> dict[str, Row]:
    """Return the rows of Aktiviteter for changes of stage, by Aktivitets-id; of lots that are not read, none.

    Parameters
    ----------
    tomter
        Record → lot.
    options
        Stages that Aktiviteter has an option for: people may have made others on Tomter.
    """
    rows: dict[str, Row] = {}
    for skifte in skifter:
        tomt = tomter.get(skifte.record_id)
        if tomt is None or skifte.til is None:
            continue
        what = f"Fase: {skifte.fra} → {skifte.til}" if skifte.fra else f"Første gang sett i fasen {skifte.til}"
        rows[skifte.aktivitets_id] = {
            "Aktivitets-id": skifte.aktivitets_id,
            "Aktivitet": line(f"{what} – {tomt.tittel}", TITLE_MAX),
            "Aktivitetstype": faser.TYPE,
            "Tidspunkt": stamp(skifte.tidspunkt),
            "Fra fase": skifte.fra if skifte.fra in options else None,
            "Ny fase": skifte.til if skifte.til in options else None,
            "Tomter": [skifte.record_id],
            "Utført av": {"id": skifte.endret_av} if skifte.endret_av else None,
            "Innhold": None
            if skifte.er_noeyaktig
            else "Tidspunktet er da oppfølgingen så det; skiftet kan være eldre.",
        }
    return rows


def varselrader(varsler: Iterable[Varsel], tomter: Mapping[str, Tomt], *, naa: datetime) -> dict[str, Row]:
    """Return the rows of Aktiviteter for reminders and answers, by Aktivitets-id.

    Parameters
    ----------
    naa
        The time of the run, in the zone of those who read it; what has a day of its own stands at noon of that.
    """
    rows: dict[str, Row] = {}
    for varsel in varsler:
        titles = [tomter[i].tittel for i in varsel.tomter if i in tomter]
        where = f" – {', '.join(titles)}" if titles else ""
        rows[varsel.id] = {
            "Aktivitets-id": varsel.id,
            "Aktivitet": line(f"{varsel.linje}{where}", TITLE_MAX),
            "Aktivitetstype": varsel.aktivitetstype,
            "Tidspunkt": stamp(_noon(varsel.dato, naa)),
            "Retning": "Inn" if varsel.slag == "svar" else None,
            "Tomter": list(varsel.tomter) or None,
            "Eiere": list(varsel.eiere) or None,
        }
    return rows


def paaminnelser(tomter: Iterable[Tomt], varsler: Mapping[str, Sequence[Varsel]], *, most: int) -> dict[str, Row]:
    """Return record → Påminnelse, of the lots on which another stands."""
    changes: dict[str, Row] = {}
    for tomt in tomter:
        wanted = as_text(varsler.get(tomt.record_id, ()), most=most)
        if wanted != tomt.paaminnelse:
            changes[tomt.record_id] = {"Påminnelse": wanted}
    return changes


def kommuner(
    records: Sequence[Record],
    per_kommune: Mapping[str, Tall],
    *,
    tabell: Tabell,
    felt: Collection[str],
    pipeline: Pipeline,
) -> dict[str, Row]:
    """Return record → figures that differ from those that stand there.

    A kommune without a record gets none, and one with several neither: the sync tells of it.

    Parameters
    ----------
    felt
        Fields that the base has.
    """
    numbers = [str(record.fields.get("Kommunenummer") or UNKNOWN) for record in records]
    changes: dict[str, Row] = {}
    for record, nummer in zip(records, numbers, strict=True):
        if nummer == UNKNOWN or numbers.count(nummer) > 1:
            continue
        wanted = kommune_fields(per_kommune.get(nummer), pipeline)
        differs = {
            name: value
            for name, value in wanted.items()
            if name in felt
            and canonical(tabell.field(name), value) != canonical(tabell.field(name), record.fields.get(name))
        }
        if differs:
            changes[record.id] = differs
    return changes


def _noon(day: date | None, naa: datetime) -> datetime:
    return naa if day is None or day >= naa.date() else datetime.combine(day, NOON, naa.tzinfo)


def stamp(when: datetime) -> str:
    """Return a time as Airtable takes it."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
