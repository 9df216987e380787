"""A made-up base to compute by hand: rows of every table with what hurts, drawn at random, and made over HTTP.

Dates lie around today and on both sides of every limit that a formula or a view knows; names hold quotes, commas,
letters and signs of all kinds; numbers are missing, zero, or equal; every field of sales stands filled alone on some
lot. Moments lie between 06 and 20 UTC, where the day is the same in Oslo and in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from pyairtable import Base

from config.base import BaseRegister, reverse_links
from tests.crm.skjema.fasit_haand import ALVOR, FASER, KOMMUNAL, NIVAA, PRIORITET, SALGS_FELT, Rad

Innhold = dict[str, list[Rad]]
"""Table → its rows, in the order they are made."""
DAGER = (-400, -61, -60, -46, -45, -44, -31, -16, -15, -14, -13, -8, -2, -1, 0, 1, 2, 6, 7, 8, 30, 59, 60, 61, 400)
BUNDNE = len(DAGER) + len(SALGS_FELT)
"""Lots of a large base that are not drawn freely, and that no activity and no agreement is about."""
NAVN = (
    "Kari Nordmann", "Ola Nordmann", "Ødegård, Åse", 'Per "Pelle" Ås', "O'Neill & Sønner AS", "ola nordmann",
    "李 小龙 🏡", "{Navn}", "Ærlig\\Talt", "Dødsboet etter N.N.", "=1+1", "0", "FALSE()",
)  # fmt: skip
PERSONER = tuple(
    {"id": f"usr{fornavn:0<14}", "email": f"{fornavn.lower()}@eksempel.no", "name": fornavn}
    for fornavn in ("Ida", "Anders", "Berit")
)
TYPER = ("Telefon", "SMS", "E-post", "Brev", "Møte", "Befaring", "Faseskifte", "Påminnelse", "Svar", "Annet")
TALL = (0, 0, 1, 15, 39.9, 40, 62.5, 62.5, 80, 99.9, 100)


@dataclass
class Trekker:
    """Draws rows; the same `random` draws the same."""

    random: Random
    idag: date
    har_alle_dager: bool
    innhold: Innhold = field(default_factory=dict)

    def en(self, av: Sequence[Any], tom: float = 0.25) -> Any:
        """Return one of several, or None with the probability `tom`."""
        return None if self.random.random() < tom else self.random.choice(av)

    def hake(self, andel: float = 0.4) -> bool | None:
        """Return True, or None for an empty box."""
        return True if self.random.random() < andel else None

    def dag(self, tom: float = 0.25) -> date | None:
        """Return a day around today, or None."""
        days = self.en(DAGER, tom)
        return None if days is None else self.idag + timedelta(days=days)

    def grense(self, nr: int) -> date | None:
        """Return the day that the row of this number must lie on: in a large base the first rows take each in turn."""
        is_bound = self.har_alle_dager and nr < len(DAGER)
        return self.idag + timedelta(days=DAGER[nr]) if is_bound else None

    def tid(self, tom: float = 0.15) -> datetime | None:
        """Return a moment of a day's work, or None."""
        day, clock = self.dag(tom), time(self.random.randint(6, 19), self.random.randint(0, 59), tzinfo=UTC)
        return None if day is None else datetime.combine(day, clock)

    def noen(self, tabell: str, hoyst: int, *, fra: int = 0) -> list[Rad]:
        """Return some rows of a table, those from a number on, in any order."""
        there = self.innhold[tabell][fra:]
        return self.random.sample(there, self.random.randint(0, min(hoyst, len(there))))

    def lag(self, tabell: str, antall: int, celler: Callable[[int], dict[str, Any]]) -> None:
        """Draw rows of a table."""
        rows = [Rad(tabell, {n: v for n, v in celler(nr).items() if v not in (None, [], "")}) for nr in range(antall)]
        self.innhold[tabell] = rows


def trekk(random: Random, register: BaseRegister, *, idag: date, tomter: int = 60) -> Innhold:
    """Return rows of every table, the other ends of links filled in.

    Parameters
    ----------
    tomter
        How many lots; the other tables go by it. From 60 on every day of `DAGER` is met.
    """
    t = Trekker(random, idag, tomter >= 60)
    t.lag("Kommuner", 5, lambda nr: _kommune(t, nr))
    t.lag("Områder", 6, lambda nr: {"Område-id": f"3207-O{nr:05d}", "Kommune": t.noen("Kommuner", 1)})
    t.lag("Eiendommer", tomter // 2, lambda nr: _eiendom(t, nr))
    t.lag("Tomter", tomter, lambda nr: _tomt(t, nr))
    t.lag("Sammenslåinger", tomter // 8, lambda nr: _sammenslaaing(t, nr))
    t.lag("Eiere", tomter // 3, lambda nr: _eier(t, nr))
    t.lag("Kontakter", tomter // 4, lambda nr: _kontakt(t))
    t.lag("Meglere", 6, lambda nr: {"Navn": t.en(NAVN), "Ikke kontakt": t.hake(), "Kommuner": t.noen("Kommuner", 2)})
    t.lag("Mandater", tomter // 2, lambda nr: _mandat(t, nr))
    t.lag("Aktiviteter", tomter * 3 // 4, lambda nr: _aktivitet(t, nr))
    t.lag("Utsendinger", 12, lambda nr: _utsending(t, nr))
    t.lag("Kontroll", tomter // 2, lambda nr: _sak(t, nr))
    t.lag("Kjøringer", 6, lambda nr: {"Kjøring": f"kjøring {nr}", "Start": t.tid(tom=0.1), "Resultat": "Fullført"})
    for kommune in t.innhold["Kommuner"]:
        kommune.celler |= {name: value for name, value in _rangering(t).items() if value is not None}
    _fill_other_ends(t.innhold, register)
    return t.innhold


def _fill_other_ends(innhold: Innhold, register: BaseRegister) -> None:
    """Give the rows that links point to the rows that point to them, in the order they are made."""
    for til, ends in reverse_links(register.tabell).items():
        for end in ends:
            link = next(f.navn for f in register.table(end.navn).felt if f.til == til)
            for row in innhold[end.navn]:
                for other in row.rader(link):
                    other.celler.setdefault(end.navn, []).append(row)


def _kommune(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Kommunenummer": f"32{nr:02d}",
        "Navn": ("Ås", "Bø", "Vågå", "Kåfjord – Gáivuotna", "Tomtevik, søndre")[nr],
        "Prioritet": t.en(PRIORITET),
        "Score": t.en(TALL),
        "Datakvalitet": t.en(NIVAA),
        "Tomter i pipeline": t.en((0, 3, 7), 0.3),
        "Boliger i pipeline (vektet)": t.en(TALL, 0.2),
    }


def _rangering(t: Trekker) -> dict[str, Any]:
    return {
        "Oppdiktet": t.hake(0.2),
        "Rang": t.en((1, 2, 3, 4, 4, 357), 0.2),
        "Blant de beste": t.hake(0.7),
        "Følg alltid": t.hake(),
        "Relasjon": t.en(("Ingen kontakt", "Ingen kontakt", "I dialog", "Sagt nei"), 0.3),
    }


def _eiendom(t: Trekker, nr: int) -> dict[str, Any]:
    return {"Matrikkelnummer": f"3207-{nr}/1/0/0", "Kommune": t.noen("Kommuner", 1), "Eier kontaktet": t.hake()}


def _tomt(t: Trekker, nr: int) -> dict[str, Any]:
    """Draw a lot: in work, touched by nobody, with one field of sales filled, or sales' own.

    In a large base the first lie on a day each, the next have each one field of sales filled, numbers with 0.
    """
    slag, day = t.random.choices(("urørt", "ett felt", "i arbeid", "egen"), (7, 5, 8, 3))[0], t.grense(nr)
    if day is not None:
        on_day = dict.fromkeys(("Sist kontaktet", "Neste steg dato", "Kilde endret"), day)
        return {**_fra_kildene(t, nr), "Tilstand": "Aktiv", "Fase": t.en(FASER[1:5], 0), **on_day}
    sales = _salg(t)
    if t.har_alle_dager and nr < BUNDNE:
        alone = SALGS_FELT[nr - len(DAGER)]
        filled = {alone: 0 if isinstance(sales[alone], int) and sales[alone] is not True else sales[alone]}
        return {**_fra_kildene(t, nr), "Tilstand": "Aktiv", "Fase": "Identifisert", **filled}
    which = {"urørt": 0, "ett felt": 1}.get(slag, t.random.randint(3, 9))
    fase = t.en(FASER, 0.1) if slag in {"i arbeid", "egen"} else "Identifisert"
    return {
        **({"Importnøkkel": t.en(("rad 1",), 0.7)} if slag == "egen" else _fra_kildene(t, nr)),
        "Fase": fase,
        "Til vurdering": t.hake(),
        "Kommune": t.noen("Kommuner", 1),
        **{navn: sales[navn] for navn in t.random.sample(SALGS_FELT, which)},
    }


def _fra_kildene(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Tomt-id": f"3207-{nr:06d}",
        "Score": t.en(TALL, 0.1),
        "Høyest": t.en(TALL, 0.1),
        "Nivå": t.en(NIVAA, 0.1),
        "Stoppet": t.hake(0.3),
        "Kommunal grunn": t.en(KOMMUNAL, 0.1),
        "Areal m²": t.en((0, 1000, 1000, 25_000), 0.1),
        "Adresse": t.en(("Storgata 1", 'Ved "broa", 120 m', "Ås terrasse 7")),
        "Tilstand": "Aktiv" if t.random.random() < 0.75 else "Borte",
        "Under terskel": t.hake(0.2),
        "Kilde endret": t.dag(0.3),
        "Påminnelse": t.en(("Neste steg er forfalt", "Ingen kontakt på 14 dager\nTomten er borte"), 0.6),
        "Område": t.noen("Områder", 1),
        "Eiendommer": t.noen("Eiendommer", 3),
    }


def _sammenslaaing(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Sammenslåing": f"3207-S{nr:06d}",
        "Score": t.en(TALL, 0.1),
        "Areal m²": t.en((0, 1000, 1000, 25_000), 0.1),
        "Tomter": t.noen("Tomter", 3, fra=BUNDNE if t.har_alle_dager else 0),
        "Tilstand": t.en(("Aktiv", "Aktiv", "Borte"), 0.1),
        "Aktuell?": t.en(("Ja", "Kanskje", "Nei")),
    }


def _salg(t: Trekker) -> dict[str, Any]:
    """Draw every field of sales."""
    return {
        "Navn": t.en(NAVN, 0),
        "Ansvarlig": t.en(PERSONER, 0),
        "Neste steg": t.en(("Ring eier", "Skriv brev, be om møte"), 0),
        "Neste steg dato": t.dag(0),
        "Sist kontaktet": t.dag(0),
        "Parkert til": t.dag(0),
        "Ikke aktuell fordi": t.en(("For dyr", "Vern, flom eller støy"), 0),
        "Behold": True,
        "Notat": t.en(("Ja", "0", "linje 1\nlinje 2"), 0),
        "Vedlegg": "tegning.txt",
        "Kommune (egen)": "3207",
        "Gnr (egen)": t.en((0, 46), 0),
        "Bnr (egen)": t.en((0, 1), 0),
        "Fnr (egen)": t.en((0, 2), 0),
        "Areal (egen) m²": t.en((0, 1500), 0),
    }


def _eier(t: Trekker, nr: int) -> dict[str, Any]:
    own = t.random.random() < 0.2
    return {
        "Eier-id": None if own else f"E{nr:05d}",
        "Navn": t.en(NAVN, 0.2),
        "Eiendommer": t.noen("Eiendommer", 4),
        "Tilstand": None if own else t.en(("Aktiv", "Aktiv", "Borte"), 0),
        "Ikke kontakt": t.hake(0.3),
        "Sist kontaktet": t.dag(0.5),
    }


def _kontakt(t: Trekker) -> dict[str, Any]:
    return {"Navn": t.en(NAVN), "Eiere": t.noen("Eiere", 3), "Ikke kontakt": t.hake()}


def _mandat(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Mandat": f"avtale {nr}",
        "Status": "Sendt" if t.grense(nr) else t.en(("Utkast", "Sendt", "Signert", "Utløpt", "Avsluttet"), 0.1),
        "Tomter": t.noen("Tomter", 2, fra=BUNDNE if t.har_alle_dager else 0),
        "Eiere": t.noen("Eiere", 2),
        "Til": t.grense(nr) or t.dag(0.15),
    }


def _aktivitet(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Aktivitet": f"aktivitet {nr}",
        "Aktivitetstype": t.en(TYPER, 0.1),
        "Tidspunkt": t.tid(),
        "Minutter": t.en((0, 5, 45)),
        "Tomter": t.noen("Tomter", 2, fra=BUNDNE if t.har_alle_dager else 0),
        "Eiere": t.noen("Eiere", 2),
    }


def _utsending(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Utsending": f"U{nr}",
        "Status": t.en(("Utkast", "Godkjent", "Sendt"), 0.1),
        "Tilstand": t.en(("Aktiv", "Trukket"), 0.1),
        "Opprettet": t.dag(),
    }


def _sak(t: Trekker, nr: int) -> dict[str, Any]:
    return {
        "Kontroll-id": f"K{nr}",
        "Alvor": t.en(ALVOR, 0.1),
        "Tilstand": t.en(("Åpen", "Åpen", "Lukket"), 0.1),
        "Status": t.en(("Ny", "Arbeides med", "Avklart", "Avvist"), 0.1),
        "Først sett": t.dag(0.1),
    }


def post(base: Base, innhold: Innhold, register: BaseRegister) -> None:
    """Make the rows in a base, ten a request, table after table, and keep their ids.

    `base` answers fields by name.
    """
    ours = {t.navn: {f.navn for f in t.felt} for t in register.tabell}
    for navn in (t.navn for t in register.tabell):
        table = base.table(navn)
        rows = innhold[navn]
        sent = [{n: as_sent(v) for n, v in r.celler.items() if n in ours[navn] and n != "Vedlegg"} for r in rows]
        for row, made in zip(rows, table.batch_create(sent), strict=True):
            row.id = made["id"]
        for row in rows:
            if row["Vedlegg"]:
                table.upload_attachment(row.id, "Vedlegg", row["Vedlegg"], b"tekst", "text/plain")


def as_sent(value: Any) -> Any:
    """Return a cell as the Web API takes it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    if isinstance(value, date):
        return value.isoformat()
    return [row.id for row in value] if isinstance(value, list) else value


def ids(rader: Iterable[Rad]) -> list[str]:
    """Return the ids of rows."""
    return [r.id for r in rader]


def hold_stages(random: Random, innhold: Innhold, *, first: datetime, then: datetime) -> list[tuple[Rad, str]]:
    """Let some lots stand as `Identifisert` until they are moved, and note when the stage of each was last changed.

    Parameters
    ----------
    first, then
        When the lots are made, and when some are moved.

    Returns
    -------
    list of (Rad, str)
        The lots that `move` moves, and the stage they end in.
    """
    held: list[tuple[Rad, str]] = []
    for tomt in innhold["Tomter"]:
        tomt.fase_endret = None if tomt["Fase"] is None else first
        if tomt["Fase"] not in (None, "Identifisert") and random.random() < 0.5:
            held.append((tomt, tomt["Fase"]))
            tomt.fase_endret = then
            tomt.celler["Fase"] = "Identifisert"
    return held


def move(base: Base, held: list[tuple[Rad, str]]) -> None:
    """Move lots to the stage they end in."""
    base.table("Tomter").batch_update([{"id": tomt.id, "fields": {"Fase": fase}} for tomt, fase in held])
    for tomt, fase in held:
        tomt.celler["Fase"] = fase
