"""Tomt, Svar, Mandat: what the follow-up reads of a base, as plain values. Pure: cells are read here, and judged.

People may have given a field another type, or typed anything: what cannot be read is None, and stops nothing.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from tasks.crm.rader.rad import Row, day, line, text
from tasks.crm.sync.diff import Record

USER = re.compile(r"usr[A-Za-z0-9]{1,30}")
LOT_ID = re.compile(r"[0-9]{4}-[0-9]{6,9}")
ROW_ID = re.compile(r"[A-Za-z]{1,2}[0-9]{1,9}")
"""Forms of ids that the program makes; what people have typed in their place never becomes part of another id."""
KOMMUNE = re.compile(r"[0-9]{4}")
TITLE_MAX = 80
ANSWER_MAX = 60
ALTERED, ALTERED_BY = "Fase endret", "Fase endret av"
"""Computed fields that are made by hand: when the stage was changed, and by whom."""


@dataclass(frozen=True)
class Tomt:
    """A lot of the base, as sales has it.

    Attributes
    ----------
    ident
        What its reminders are known by: its Tomt-id where it is the only lot that carries it, else the record id.
    tomt_id
        None for people's own, and for what is no id of a lot.
    tittel
        Its name, address or id.
    fase
        The stage; an empty one is that of a lot that nobody has moved.
    fase_endret, fase_endret_av
        When Airtable says that the stage was changed last, and the id of who did it; None where it does not say.
    ansvarlig
        Airtable's id of the user.
    paaminnelse
        What stands there as a reminder.
    """

    record_id: str
    ident: str
    tomt_id: str | None
    kommunenummer: str | None
    tittel: str
    fase: str
    fase_endret: datetime | None = None
    fase_endret_av: str | None = None
    neste_steg_dato: date | None = None
    parkert_til: date | None = None
    sist_kontaktet: date | None = None
    kilde_endret: date | None = None
    hva_er_endret: str | None = None
    tilstand: str | None = None
    aarsak: str | None = None
    oppdatert: date | None = None
    er_stoppet: bool = False
    stoppet_fordi: str | None = None
    boliger: float | None = None
    ansvarlig: str | None = None
    paaminnelse: str | None = None

    @property
    def er_borte(self) -> bool:
        """True for a lot that the sources no longer have."""
        return self.tilstand == "Borte"


@dataclass(frozen=True)
class Svar:
    """An answer of an owner: to a letter (Utsendinger), or as sales has noted it (Eiere).

    Attributes
    ----------
    ident
        Its row's own id where it is the program's and no other answer carries it, else the record id.
    noekkel
        The same, also where another answer carries it.
    dato
        When it came; None where nobody has written it.
    tomter, eiere, eiendommer
        Record ids of what it concerns; the lots of an owner are those of their eiendommer, found when they are needed.
    """

    record_id: str
    ident: str
    verdi: str
    noekkel: str | None = None
    dato: date | None = None
    tomter: tuple[str, ...] = ()
    eiere: tuple[str, ...] = ()
    eiendommer: tuple[str, ...] = ()
    er_brev: bool = False


@dataclass(frozen=True)
class Mandat:
    """An agreement: its amount in kroner and the lots that it concerns, as record ids."""

    record_id: str
    beloep: float
    tomter: tuple[str, ...]


def read_tomter(
    records: Iterable[Record], *, start: str, post_of: Mapping[str, str], kommuner: Kommunekart
) -> list[Tomt]:
    """Return the lots, sorted by record id.

    Parameters
    ----------
    start
        The stage of a lot that nobody has moved.
    post_of
        Tomt-id → the record that carried it when it was last sent: a copy that a person made is another lot.
    """
    known = {record.id: record for record in records}
    carriers: dict[str, list[str]] = {}
    for record_id in sorted(known):
        if key := _own_id(known[record_id].fields.get("Tomt-id"), LOT_ID):
            carriers.setdefault(key, []).append(record_id)
    first = {key: post_of[key] if post_of.get(key) in ids else ids[0] for key, ids in carriers.items()}
    return [_tomt(known[i], start=start, first=first, kommuner=kommuner) for i in sorted(known)]


def _tomt(record: Record, *, start: str, first: Mapping[str, str], kommuner: Kommunekart) -> Tomt:
    fields = record.fields
    tomt_id = _own_id(fields.get("Tomt-id"), LOT_ID)
    name = next((t for n in ("Navn", "Adresse") if (t := line(fields.get(n), TITLE_MAX))), None)
    boliger = number(fields.get("Boliger (anslag)"))
    return Tomt(
        record_id=record.id,
        ident=tomt_id if tomt_id is not None and first[tomt_id] == record.id else record.id,
        tomt_id=tomt_id,
        kommunenummer=kommuner.of(fields),
        tittel=name or tomt_id or "Egen tomt",
        fase=line(fields.get("Fase"), TITLE_MAX) or start,
        fase_endret=moment(fields.get(ALTERED)),
        fase_endret_av=user(fields.get(ALTERED_BY)),
        neste_steg_dato=as_date(fields.get("Neste steg dato")),
        parkert_til=as_date(fields.get("Parkert til")),
        sist_kontaktet=as_date(fields.get("Sist kontaktet")),
        kilde_endret=as_date(fields.get("Kilde endret")),
        hva_er_endret=line(fields.get("Hva er endret"), 200),
        tilstand=line(fields.get("Tilstand")),
        aarsak=line(fields.get("Årsak"), 200),
        oppdatert=as_date(fields.get("Oppdatert")),
        er_stoppet=fields.get("Stoppet") is True,
        stoppet_fordi=line(fields.get("Stoppet fordi"), 200),
        boliger=boliger if boliger is not None and boliger >= 0 else None,
        ansvarlig=user(fields.get("Ansvarlig")),
        paaminnelse=text(fields.get("Påminnelse")),
    )


def _own_id(value: object, form: re.Pattern[str]) -> str | None:
    """Return an id that the program has made, None for anything else."""
    return value if isinstance(value, str) and form.fullmatch(value) else None


def read_svar(records: Iterable[Record], felt: str, noekkel: str, *, ikke_svar: Collection[str]) -> list[Svar]:
    """Return the answers of Utsendinger or Eiere.

    Parameters
    ----------
    felt
        The field that holds the answer: ``Svar`` or ``Svarstatus``.
    noekkel
        The field that holds the id of the row.
    ikke_svar
        Options that mean that none has come.
    """
    er_brev = felt == "Svar"
    found = []
    for record in records:
        verdi = line(record.fields.get(felt), ANSWER_MAX)
        if verdi is not None and verdi not in ikke_svar:
            found.append(
                Svar(
                    record.id,
                    record.id,
                    verdi,
                    _own_id(record.fields.get(noekkel), ROW_ID),
                    dato=as_date(record.fields.get("Svardato")),
                    tomter=links(record.fields.get("Tomter")) if er_brev else (),
                    eiere=links(record.fields.get("Eiere")) if er_brev else (record.id,),
                    eiendommer=() if er_brev else links(record.fields.get("Eiendommer")),
                    er_brev=er_brev,
                )
            )
    carried = Counter(one.noekkel for one in found)
    return [
        replace(one, ident=one.noekkel) if one.noekkel is not None and carried[one.noekkel] == 1 else one
        for one in found
    ]


def read_mandater(records: Iterable[Record], *, teller: Collection[str]) -> list[Mandat]:
    """Return the agreements with an amount whose status counts."""
    found = []
    for record in records:
        beloep = number(record.fields.get("Beløp"))
        if beloep is not None and beloep > 0 and record.fields.get("Status") in teller:
            found.append(Mandat(record.id, beloep, links(record.fields.get("Tomter"))))
    return found


@dataclass(frozen=True)
class Kommunekart:
    """The kommuner of the base, by record id and by what people call them; a name that two share tells nothing."""

    nummer_of: Mapping[str, str]
    navn: Mapping[str, str]

    @classmethod
    def read(cls, records: Iterable[Record]) -> Kommunekart:
        """Return the map of the records of Kommuner."""
        numbers: dict[str, str] = {}
        names: dict[str, set[str]] = {}
        for record in records:
            if nummer := _own_id(record.fields.get("Kommunenummer"), KOMMUNE):
                numbers[record.id] = nummer
                names.setdefault((line(record.fields.get("Navn")) or "").casefold(), set()).add(nummer)
        return cls(numbers, {name: min(of) for name, of in names.items() if name and len(of) == 1})

    def of(self, fields: Row) -> str | None:
        """Return the kommune of a lot: as the program wrote it, the link, or what people have typed on their own."""
        if plain := _own_id(fields.get("Kommunenummer"), KOMMUNE):
            return plain
        linked = next((self.nummer_of[i] for i in links(fields.get("Kommune")) if i in self.nummer_of), None)
        typed = (line(fields.get("Kommune (egen)"), TITLE_MAX) or "").casefold()
        if linked is not None or not typed:
            return linked
        number = re.match(r"[0-9]{4}(?![0-9])", typed)
        if number and number[0] in self.nummer_of.values():
            return number[0]
        return self.navn.get(typed.removesuffix("kommune").strip())


# --- cells ---


def as_date(value: object) -> date | None:
    """Return the day of a cell."""
    found = day(value)
    return None if found is None else date.fromisoformat(found)


def moment(value: object) -> datetime | None:
    """Return the time of a cell in UTC; a day alone is none.

    Examples
    --------
    >>> moment("2026-05-12T08:00:00.000Z"), moment("2026-05-12"), moment(["x"])
    (datetime.datetime(2026, 5, 12, 8, 0, tzinfo=datetime.timezone.utc), None, None)
    """
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def user(value: Any) -> str | None:
    """Return the id of a collaborator; a name or an address is never kept."""
    found = value.get("id") if isinstance(value, Mapping) else None
    return found if isinstance(found, str) and USER.fullmatch(found) else None


def links(value: object) -> tuple[str, ...]:
    """Return the record ids of a cell."""
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def number(value: object) -> float | None:
    """Return a number that can be counted with."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
