"""What computed fields and views should show: plain functions written from what they mean, not from their formulas.

A row is a `Rad`; links are rows, the other ends of links too. Values are Python's: dates are dates, moments are
`datetime` in UTC, an empty cell is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
FASER = ("Identifisert", "Kontaktet", "Dialog", "LOI", "Opsjon", "Ikke aktuell", "Parkert")
NIVAA = ("A", "B", "C", "D")
KOMMUNAL = ("Ja", "Tegn", "Nei", "Ukjent")
ALVOR = ("Høy", "Middels", "Lav")
PRIORITET = ("1", "2", "3")
I_ARBEID = {"Kontaktet", "Dialog", "LOI", "Opsjon"}
SALGS_FELT = (
    "Navn", "Ansvarlig", "Neste steg", "Neste steg dato", "Sist kontaktet", "Parkert til", "Ikke aktuell fordi",
    "Behold", "Notat", "Vedlegg", "Kommune (egen)", "Gnr (egen)", "Bnr (egen)", "Fnr (egen)", "Areal (egen) m²",
)  # fmt: skip


@dataclass(eq=False, repr=False)
class Rad:
    """One row: its cells by name, and what the base has called it once it is made.

    Attributes
    ----------
    fase_endret
        When its stage was last changed; only of Tomter.
    """

    tabell: str
    celler: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    fase_endret: datetime | None = None

    def __getitem__(self, felt: str) -> Any:
        """Return a cell, None when it is empty."""
        return self.celler.get(felt)

    def rader(self, felt: str) -> list[Rad]:
        """Return the rows that a link names, in order."""
        found: list[Rad] = self.celler.get(felt, [])
        return found


Regn = Callable[[Rad, date], Any]
"""A row and today → what its field shows."""
FELT: dict[tuple[str, str], Regn] = {}
"""Table and computed field → its function."""


def fasit(tabell: str, navn: str) -> Callable[[Regn], Regn]:
    """Make a function the answer for a computed field."""

    def keep(regn: Regn) -> Regn:
        FELT[tabell, navn] = regn
        return regn

    return keep


def verdi(rad: Rad, felt: str, idag: date) -> Any:
    """Return what a field of a row shows, computed or not."""
    regn = FELT.get((rad.tabell, felt))
    return rad[felt] if regn is None else regn(rad, idag)


# --- Eiere -----------------------------------------------------------------------------------------------------


@fasit("Eiere", "Tittel")
def eier_tittel(eier: Rad, idag: date) -> str | None:
    return eier["Navn"] or eier["Eier-id"]


@fasit("Eiere", "Kontakter som ikke vil kontaktes")
def eier_nei_kontakter(eier: Rad, idag: date) -> int:
    return sum(1 for k in eier.rader("Kontakter") if k["Ikke kontakt"])


@fasit("Eiere", "Vil ikke kontaktes")
def eier_nei(eier: Rad, idag: date) -> int:
    return eier_nei_kontakter(eier, idag) + (1 if eier["Ikke kontakt"] else 0)


@fasit("Eiere", "Antall eiendommer")
def eier_antall_eiendommer(eier: Rad, idag: date) -> int:
    return len(eier.rader("Eiendommer"))


@fasit("Eiere", "Tomter")
def eier_tomter(eier: Rad, idag: date) -> list[Rad]:
    return _hver([t for e in eier.rader("Eiendommer") for t in e.rader("Tomter")])


@fasit("Eiere", "Antall tomter")
def eier_antall_tomter(eier: Rad, idag: date) -> int:
    return len(_aktive(eier_tomter(eier, idag)))


@fasit("Eiere", "Beste score")
def eier_beste(eier: Rad, idag: date) -> float | None:
    return _beste(eier_tomter(eier, idag))


@fasit("Eiere", "Tomter med fase")
def eier_tomter_med_fase(eier: Rad, idag: date) -> str:
    return ", ".join(_hver(tomt_tittel_og_fase(t, idag) for t in eier_tomter(eier, idag)))


@fasit("Eiere", "Antall aktiviteter")
@fasit("Tomter", "Antall aktiviteter")
def antall_aktiviteter(rad: Rad, idag: date) -> int:
    return len(_skjedd(rad))


@fasit("Eiere", "Siste aktivitet")
@fasit("Tomter", "Siste aktivitet")
def siste_aktivitet(rad: Rad, idag: date) -> datetime | None:
    return max((a["Tidspunkt"] for a in _skjedd(rad) if a["Tidspunkt"]), default=None)


@fasit("Tomter", "Siste kontakt")
def siste_kontakt(rad: Rad, idag: date) -> datetime | None:
    moments = [_moment(rad["Sist kontaktet"]), siste_aktivitet(rad, idag)]
    return max((m for m in moments if m), default=None)


@fasit("Eiere", "Dager siden kontakt")
@fasit("Tomter", "Dager siden kontakt")
def dager_siden_kontakt(rad: Rad, idag: date) -> int | None:
    sist = siste_kontakt(rad, idag)
    return None if sist is None else (idag - sist.astimezone(OSLO).date()).days


# --- Eiendommer ------------------------------------------------------------------------------------------------


@fasit("Eiendommer", "Eiernavn")
def eiendom_eiernavn(eiendom: Rad, idag: date) -> list[str]:
    return [eier["Navn"] for eier in eiendom.rader("Eiere") if eier["Navn"]]


@fasit("Eiendommer", "Vil ikke kontaktes")
def eiendom_nei(eiendom: Rad, idag: date) -> int:
    return sum(eier_nei(eier, idag) for eier in eiendom.rader("Eiere"))


@fasit("Eiendommer", "Antall tomter")
def eiendom_antall_tomter(eiendom: Rad, idag: date) -> int:
    return len(_aktive(eiendom.rader("Tomter")))


@fasit("Eiendommer", "Aktive tomter")
def eiendom_aktive_tomter(eiendom: Rad, idag: date) -> list[str]:
    return [t["Tomt-id"] for t in _aktive(eiendom.rader("Tomter"))]


@fasit("Eiendommer", "Beste score")
def eiendom_beste(eiendom: Rad, idag: date) -> float | None:
    return _beste(eiendom.rader("Tomter"))


@fasit("Eiendommer", "Tomter med fase")
def eiendom_tomter_med_fase(eiendom: Rad, idag: date) -> list[str]:
    return [tomt_tittel_og_fase(t, idag) for t in eiendom.rader("Tomter")]


# --- Tomter ----------------------------------------------------------------------------------------------------


@fasit("Tomter", "Tittel")
def tomt_tittel(tomt: Rad, idag: date) -> str | None:
    return tomt["Navn"] or tomt["Adresse"] or tomt["Tomt-id"]


@fasit("Tomter", "Tittel og fase")
def tomt_tittel_og_fase(tomt: Rad, idag: date) -> str:
    text = tomt_tittel(tomt, idag) or ""
    text += f": {tomt['Fase']}" if tomt["Fase"] else ""
    return text + (" (borte)" if tomt["Tilstand"] == "Borte" else "")


@fasit("Tomter", "Kommunenavn")
def tomt_kommunenavn(tomt: Rad, idag: date) -> str:
    return ", ".join(k["Navn"] for k in tomt.rader("Kommune"))


@fasit("Tomter", "Kommunens datakvalitet")
def tomt_datakvalitet(tomt: Rad, idag: date) -> list[str]:
    return [k["Datakvalitet"] for k in tomt.rader("Kommune") if k["Datakvalitet"]]


@fasit("Tomter", "Eiernavn")
def tomt_eiernavn(tomt: Rad, idag: date) -> str:
    return ", ".join(_hver(navn for e in tomt.rader("Eiendommer") for navn in eiendom_eiernavn(e, idag)))


@fasit("Tomter", "Vil ikke kontaktes")
def tomt_nei(tomt: Rad, idag: date) -> int:
    return sum(eiendom_nei(e, idag) for e in tomt.rader("Eiendommer"))


@fasit("Tomter", "Antall mandater")
def tomt_antall_mandater(tomt: Rad, idag: date) -> int:
    return len(tomt.rader("Mandater"))


@fasit("Tomter", "Minutter brukt")
def tomt_minutter(tomt: Rad, idag: date) -> float:
    return sum(a["Minutter"] or 0 for a in tomt.rader("Aktiviteter"))


@fasit("Tomter", "Temperatur")
def tomt_temperatur(tomt: Rad, idag: date) -> str:
    if tomt["Tilstand"] == "Borte":
        return "Borte"
    if tomt["Fase"] in {"Ikke aktuell", "Parkert"}:
        return "Hviler"
    dager = dager_siden_kontakt(tomt, idag)
    if dager is None:
        return "Urørt" if tomt["Fase"] in {None, "Identifisert"} else "Ikke registrert"
    return "Varm" if dager <= 14 else "Lunken" if dager <= 45 else "Kald"


@fasit("Tomter", "Frist")
def tomt_frist(tomt: Rad, idag: date) -> str | None:
    naar = tomt["Neste steg dato"]
    if naar is None:
        return None
    if naar < idag:
        return "Forfalt"
    return "I dag" if naar == idag else "Innen en uke" if (naar - idag).days <= 7 else "Senere"


@fasit("Tomter", "Ingen har rørt den")
def tomt_uroert(tomt: Rad, idag: date) -> int:
    is_ours = bool(tomt["Tomt-id"]) and tomt["Tilstand"] == "Aktiv" and tomt["Fase"] == "Identifisert"
    is_filled = any(tomt[felt] is not None for felt in SALGS_FELT)
    return int(is_ours and not is_filled and not _skjedd(tomt) and not tomt.rader("Mandater"))


@fasit("Tomter", "Fase endret")
def tomt_fase_endret(tomt: Rad, idag: date) -> datetime | None:
    return tomt.fase_endret


@fasit("Tomter", "Fase endret av")
def tomt_fase_endret_av(tomt: Rad, idag: date) -> str | None:
    return None if tomt.fase_endret is None else "usrSandkasse00000"


# --- the other tables ------------------------------------------------------------------------------------------


@fasit("Kommuner", "Tomter i dialog")
def kommune_i_dialog(kommune: Rad, idag: date) -> int:
    return sum(1 for t in kommune.rader("Tomter") if t["Fase"] in {"Dialog", "LOI", "Opsjon"})


@fasit("Kommuner", "Beste tomtescore")
def kommune_beste(kommune: Rad, idag: date) -> float | None:
    return _beste(kommune.rader("Tomter"))


@fasit("Mandater", "Dager til utløp")
def mandat_dager(mandat: Rad, idag: date) -> int | None:
    return (mandat["Til"] - idag).days if mandat["Til"] else None


@fasit("Kontroll", "Dager åpen")
def kontroll_dager(sak: Rad, idag: date) -> int | None:
    is_open = sak["Tilstand"] == "Åpen" and sak["Først sett"]
    return (idag - sak["Først sett"]).days if is_open else None


def _skjedd(rad: Rad) -> list[Rad]:
    """Return what people have done: neither changes of stage nor reminders."""
    return [a for a in rad.rader("Aktiviteter") if a["Aktivitetstype"] not in {"Faseskifte", "Påminnelse"}]


def _aktive(tomter: Iterable[Rad]) -> list[Rad]:
    return [t for t in tomter if t["Tilstand"] == "Aktiv"]


def _beste(tomter: Iterable[Rad]) -> float | None:
    return max((t["Score"] for t in _aktive(tomter) if t["Score"] is not None), default=None)


def _moment(day: date | None) -> datetime | None:
    """Return a day as formulas hold it: its midnight in UTC."""
    return None if day is None else datetime.combine(day, time(), UTC)


def _hver(things: Iterable[Any]) -> list[Any]:
    """Return things in order, each once."""
    return list(dict.fromkeys(things))


# --- views -----------------------------------------------------------------------------------------------------

Krav = Callable[[Rad, date], Any]


@dataclass(frozen=True)
class Ventet:
    """A view: which rows, and their order: each key after the one before, descending when True."""

    krav: Krav
    orden: tuple[tuple[Krav, bool], ...] = ()

    def rader(self, rader: Iterable[Rad], idag: date) -> list[Rad]:
        """Return the rows that it shows; empty cells stand first, descending last; equals as they were made."""
        shown = [r for r in rader if self.krav(r, idag)]
        for key, is_descending in reversed(self.orden):
            shown.sort(key=lambda r, key=key: _place(key(r, idag)), reverse=is_descending)  # type: ignore[misc]
        return shown


def _place(value: Any) -> tuple[bool, Any]:
    return (False, 0) if value in (None, "") else (True, value)


def _alle(rad: Rad, idag: date) -> bool:
    return True


def opp(felt: str, valg: tuple[str, ...] = ()) -> tuple[Krav, bool]:
    """Order by a field, the smallest first; of a select by its options."""

    def key(rad: Rad, idag: date) -> Any:
        value = verdi(rad, felt, idag)
        if valg:
            return None if value is None else 1 + valg.index(value)
        if isinstance(value, dict):
            value = value["name"]
        return value.casefold() if isinstance(value, str) else value

    return key, False


def ned(felt: str, valg: tuple[str, ...] = ()) -> tuple[Krav, bool]:
    """Order by a field, the largest first."""
    return opp(felt, valg)[0], True


def _rangert(kommune: Rad, idag: date) -> bool:
    return kommune["Rang"] is not None and not kommune["Oppdiktet"]


def _arbeides_med(t: Rad) -> bool:
    return t["Fase"] != "Identifisert" or t["Ansvarlig"] is not None or bool(t["Behold"])


VISNING: dict[tuple[str, str], Ventet] = {
    ("Tomter", "Innboks"): Ventet(
        lambda t, idag: tomt_uroert(t, idag) and not t["Under terskel"], (ned("Score"), ned("Areal m²"))
    ),
    ("Tomter", "Til vurdering"): Ventet(
        lambda t, idag: t["Til vurdering"] and t["Tilstand"] == "Aktiv", (ned("Score"),)
    ),
    ("Tomter", "Må følges opp"): Ventet(
        lambda t, idag: t["Påminnelse"], (opp("Ansvarlig"), opp("Neste steg dato"), ned("Score"))
    ),
    ("Tomter", "Pipeline"): Ventet(lambda t, idag: _arbeides_med(t), (opp("Neste steg dato"),)),
    ("Tomter", "Mine neste steg"): Ventet(
        lambda t, idag: t["Neste steg dato"] and t["Fase"] != "Ikke aktuell",
        (opp("Ansvarlig"), opp("Neste steg dato")),
    ),
    ("Tomter", "Kalender"): Ventet(lambda t, idag: t["Fase"] != "Ikke aktuell"),
    ("Tomter", "Kalde leads"): Ventet(
        lambda t, idag: t["Fase"] in I_ARBEID and tomt_temperatur(t, idag) == "Kald",
        (opp("Ansvarlig"), ned("Dager siden kontakt")),
    ),
    ("Tomter", "Kilde endret"): Ventet(
        lambda t, idag: (
            t["Kilde endret"] and idag - timedelta(days=14) <= t["Kilde endret"] <= idag and _arbeides_med(t)
        ),
        (ned("Kilde endret"),),
    ),
    ("Tomter", "Per kommune"): Ventet(
        lambda t, idag: t["Tilstand"] == "Aktiv", (opp("Kommunenavn"), opp("Nivå", NIVAA), ned("Score"))
    ),
    ("Tomter", "Kommunal grunn"): Ventet(
        lambda t, idag: t["Kommunal grunn"] in {"Ja", "Tegn"} and t["Tilstand"] == "Aktiv" and not t["Stoppet"],
        (opp("Kommunenavn"), opp("Kommunal grunn", KOMMUNAL), ned("Score")),
    ),
    ("Tomter", "Kan bli nivå A"): Ventet(
        lambda t, idag: t["Høyest"] is not None and t["Høyest"] >= 80 and t["Nivå"] != "A" and t["Tilstand"] == "Aktiv",
        (ned("Score"), ned("Høyest")),
    ),
    ("Tomter", "Stoppet"): Ventet(
        lambda t, idag: t["Stoppet"] and t["Tilstand"] == "Aktiv" and t["Fase"] != "Ikke aktuell",
        (opp("Kommunenavn"), ned("Areal m²")),
    ),
    ("Sammenslåinger", "Å slå sammen"): Ventet(
        lambda s, idag: s["Tilstand"] == "Aktiv" and s["Aktuell?"] != "Nei", (ned("Score"), ned("Areal m²"))
    ),
    ("Tomter", "Parkerte"): Ventet(lambda t, idag: t["Fase"] == "Parkert", (opp("Parkert til"),)),
    ("Tomter", "Egne tomter"): Ventet(lambda t, idag: not t["Tomt-id"], (opp("Navn"),)),
    ("Eiere", "Eier 360"): Ventet(lambda e, idag: e["Tilstand"] != "Borte", (ned("Beste score"),)),
    ("Eiere", "Skal ikke kontaktes"): Ventet(lambda e, idag: e["Ikke kontakt"], (opp("Tittel"),)),
    ("Kontakter", "Skal ikke kontaktes"): Ventet(lambda k, idag: k["Ikke kontakt"], (opp("Navn"),)),
    ("Meglere", "Skal ikke kontaktes"): Ventet(lambda m, idag: m["Ikke kontakt"], (opp("Navn"),)),
    ("Kontroll", "Kontroll"): Ventet(
        lambda s, idag: s["Tilstand"] == "Åpen" and s["Status"] not in {"Avklart", "Avvist"},
        (opp("Alvor", ALVOR), ned("Dager åpen")),
    ),
    ("Kommuner", "Rangering"): Ventet(_rangert, (opp("Rang"),)),
    ("Kommuner", "Nøkkeltall"): Ventet(_rangert, (opp("Rang"),)),
    ("Kommuner", "Må møtes"): Ventet(
        lambda k, idag: k["Blant de beste"] and k["Relasjon"] in {None, "Ingen kontakt"}, (opp("Rang"),)
    ),
    ("Kommuner", "Følges alltid"): Ventet(lambda k, idag: k["Følg alltid"], (opp("Navn"),)),
    ("Kommuner", "Prioriterte kommuner"): Ventet(
        lambda k, idag: k["Datakvalitet"], (opp("Prioritet", PRIORITET), ned("Score"))
    ),
    ("Kommuner", "Pipeline per kommune"): Ventet(
        lambda k, idag: k["Tomter i pipeline"] is not None, (ned("Boliger i pipeline (vektet)"),)
    ),
    ("Aktiviteter", "Siste aktiviteter"): Ventet(
        lambda a, idag: a["Aktivitetstype"] != "Påminnelse", (ned("Tidspunkt"),)
    ),
    ("Mandater", "Utløper snart"): Ventet(
        lambda m, idag: m["Til"] and m["Til"] <= idag + timedelta(days=60) and m["Status"] in {"Sendt", "Signert"},
        (opp("Til"),),
    ),
    ("Utsendinger", "Til godkjenning"): Ventet(
        lambda u, idag: u["Status"] == "Utkast" and u["Tilstand"] == "Aktiv", (opp("Opprettet"),)
    ),
    ("Kjøringer", "Siste kjøringer"): Ventet(_alle, (ned("Start"),)),
}
"""Table and view → the rows it shows."""
