"""Saker: matters that the sync itself puts into Kontroll, and when they are closed.

What a person changed, deleted, copied or gave an id of their own in the program's records, and own lots that lie where
the program has found lots. Texts are Norwegian and say what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from config.base import Tabell, base_register
from tasks.crm.rader.kontrollrader import AAPEN, LUKKET
from tasks.crm.rader.rad import KEY_MAX, Row, RowsByKey, line, shortened, text
from tasks.crm.sync.treff import Treff
from tasks.crm.sync.verditekst import listed, shown, whole

Sak = tuple[str, Row]
"""Kontroll-id and row."""

EARLIER = "\n\nTidligere: "
"""Before what was told before, in the same text."""
MANGE = 20
"""Of more in one field or table, one matter tells: nobody reads thousands."""
OF_PEOPLE = frozenset({"Eiere", "Kontakter", "Meglere", "Utsendinger"})
"""Tables about people: what stands there is not repeated in a queue that outlives it."""
ANSWERS = frozenset({"Avklart", "Avvist"})
WAIT_FOR_ANSWER = ("endret", "slettet")
"""Told once: open until a person has answered. The others are open while they hold."""
WHILE_THEY_HOLD = ("treff", "dobbelt", "ukjent")
FIELDS = (
    "Kontroll-id",
    "Hva",
    "Hvor",
    "Kommunenummer",
    "Hvorfor",
    "Forslag",
    "Alvor",
    "Først sett",
    "Tilstand",
)


class Endring(NamedTuple):
    """A field of the program's that a person has written in."""

    key: str
    felt: str
    innskrevet: object
    programmets: object


def endret_saker(kommunenummer: str, tabell: Tabell, endringer: Iterable[Endring], *, dato: date) -> RowsByKey:
    """Return the matters of fields that people have written in: of many in one field, one matter that lists them."""
    by_field: dict[str, list[Endring]] = {}
    for endring in endringer:
        by_field.setdefault(endring.felt, []).append(endring)
    found: RowsByKey = {}
    for felt, some in by_field.items():
        if len(some) > MANGE:
            found |= [_mange_endret(kommunenummer, tabell, felt, some, dato=dato)]
            continue
        for one in some:
            values = {"innskrevet": one.innskrevet, "programmets": one.programmets}
            found |= [endret_sak(kommunenummer, tabell, one.key, felt=felt, dato=dato, **values)]
    return found


def _mange_endret(kommunenummer: str, tabell: Tabell, felt: str, some: Sequence[Endring], *, dato: date) -> Sak:
    lines = [f"{e.key}: {shown(e.innskrevet)} → {shown(e.programmets)}" for e in some]
    if tabell.navn in OF_PEOPLE:
        lines = ["Verdiene gjengis ikke her: feltet gjelder personer."]
    return _sak(
        f"{kommunenummer}-endret-{tabell.navn}-{felt}-mange-{dato}",
        kommunenummer,
        hva=f"Felt endret for hånd i {len(some)} rader: {felt}",
        hvor=f"{tabell.navn}, {some[0].key} og {len(some) - 1} til",
        hvorfor=f"Programmet fyller ut feltet «{felt}» og har satt sine egne verdier tilbake (innskrevet → "
        "programmets):\n" + "\n".join(lines),
        forslag="Er noe limt inn over en hel kolonne, er det rettet opp og ingenting å gjøre. Var det meningen, si fra "
        "til den som drifter. Sett så Status her til Avklart.",
        alvor="Middels",
        dato=dato,
    )


def slettet_saker(kommunenummer: str, tabell_navn: str, keys: Sequence[str], *, dato: date) -> RowsByKey:
    """Return the matters of records that people have deleted: of many, one matter that lists them."""
    if len(keys) <= MANGE:
        return dict(slettet_sak(kommunenummer, tabell_navn, key, dato=dato) for key in keys)
    return dict(
        [
            _sak(
                f"{kommunenummer}-slettet-{tabell_navn}-mange-{dato}",
                kommunenummer,
                hva=f"{len(keys)} rader slettet for hånd",
                hvor=f"{tabell_navn}, {keys[0]} og {len(keys) - 1} til",
                hvorfor="Radene er slettet i Airtable. Programmet sletter aldri, og lager dem på nytt uten det som "
                "salg hadde skrevet på dem:\n" + "\n".join(keys),
                forslag="Det som var skrevet, ligger i papirkurven i Airtable: kopier det derfra. Sett så Status her "
                "til Avklart.",
                alvor="Høy",
                dato=dato,
            )
        ]
    )


def endret_sak(
    kommunenummer: str,
    tabell: Tabell,
    key: str,
    *,
    felt: str,
    dato: date,
    innskrevet: object,
    programmets: object,
) -> Sak:
    """Return the matter of a field of the program's that a person has written in; it is put back.

    Parameters
    ----------
    key
        Of the row.
    dato
        Today; that of a matter which stands in the base already is kept by `with_answers`.
    innskrevet, programmets
        What stood there, and what is put back.
    """
    has_notes = any(f.navn == "Notat" and f.eier == "sales" for f in tabell.felt)
    notes = "skriv det i feltet Notat, som programmet aldri rører" if has_notes else "meld fra til den som drifter"
    both = f"Innskrevet: {whole(innskrevet)}\nProgrammets: {whole(programmets)}"
    if tabell.navn in OF_PEOPLE:
        both = "Verdiene gjengis ikke her: feltet gjelder personer."
    return _sak(
        f"{kommunenummer}-endret-{tabell.navn}-{key}-{felt}",
        kommunenummer,
        hva=f"Felt endret for hånd: {felt}",
        hvor=f"{tabell.navn}, {key}",
        hvorfor=f"Programmet fyller ut feltet «{felt}» og har satt sin egen verdi tilbake.\n{both}",
        forslag=f"Er det innskrevne riktig, {notes}. Sett så Status her til Avklart, eller til Avvist når det ikke er "
        "noe å gjøre.",
        alvor="Lav",
        dato=dato,
    )


def slettet_sak(kommunenummer: str, tabell_navn: str, key: str, *, dato: date) -> Sak:
    """Return the matter of a record of the program's that a person has deleted; it is made again."""
    instead = " Skal den ikke følges opp, sett Fase til «Ikke aktuell» i stedet." if tabell_navn == "Tomter" else ""
    return _sak(
        f"{kommunenummer}-slettet-{tabell_navn}-{key}",
        kommunenummer,
        hva="Rad slettet for hånd",
        hvor=f"{tabell_navn}, {key}",
        hvorfor="Raden er slettet i Airtable. Programmet sletter aldri, og lager den på nytt uten det som salg hadde "
        "skrevet på den.",
        forslag="Det som var skrevet, ligger i papirkurven i Airtable: gjenopprett raden, kopier det over til den nye, "
        f"og slett den gjenopprettede igjen – ellers står {key} to ganger.{instead} Sett så Status her til Avklart.",
        alvor="Middels",
        dato=dato,
    )


def dobbel_sak(kommunenummer: str, tabell_navn: str, key: str, *, dato: date, records: Sequence[str]) -> Sak:
    """Return the matter of a key that stands in several records.

    Parameters
    ----------
    records
        Their record ids.
    """
    noekkel = base_register().table(tabell_navn).noekkel
    return _sak(
        f"{kommunenummer}-dobbelt-{tabell_navn}-{key}",
        kommunenummer,
        hva=f"Samme {noekkel} i flere rader",
        hvor=f"{tabell_navn}, {key}",
        hvorfor=f"{key} står i {len(records)} rader: {listed(records)}. Programmet kan ikke vite hvilken som er den "
        f"riktige, og skriver ikke i {tabell_navn} for denne kommunen før det er rettet.",
        forslag=f"Behold den ene raden, den med notater og historikk. Slett kopien, eller tøm feltet {noekkel} på den: "
        "da er den deres egen rad. Saken lukkes av seg selv ved neste kjøring.",
        alvor="Høy",
        dato=dato,
    )


def ukjent_sak(kommunenummer: str, key: str, *, dato: date) -> Sak:
    """Return the matter of a record of Tomter with an id that the program never gave: somebody has typed it."""
    return _sak(
        f"{kommunenummer}-ukjent-{key}",
        kommunenummer,
        hva="Tomt-id som programmet ikke har gitt",
        hvor=f"Tomter, {key}",
        hvorfor=f"En rad i Tomter har Tomt-id {key}. Programmet har ikke gitt den til noen tomt: noen må ha skrevet "
        "den inn. Raden blir ikke oppdatert, og får en ny tomt den id-en senere, stopper oppdateringen av kommunen.",
        forslag="Tøm feltet Tomt-id på raden: da er den deres egen tomt, som programmet aldri rører. Saken lukkes av "
        "seg selv ved neste kjøring.",
        alvor="Middels",
        dato=dato,
    )


def treff_sak(kommunenummer: str, treff: Treff, *, dato: date) -> Sak:
    """Return the matter of an own lot on a property where the program has found lots."""
    egen, first = treff.egen, treff.tomt_ider[0]
    number = f"{egen.gnr}/{egen.bnr}" + (f"/{egen.fnr}" if egen.fnr else "")
    called = f"«{egen.navn}»" if egen.navn else "uten navn"
    several = "en av dem" if len(treff.tomt_ider) > 1 else first
    return _sak(
        f"{kommunenummer}-treff-{egen.record_id}",
        kommunenummer,
        hva="Egen tomt på samme eiendom som en funnet tomt",
        hvor=f"Tomter, egen tomt {called} ({egen.record_id}), {number}",
        hvorfor=f"Den egne tomten {called} har gnr/bnr {number} i kommune {egen.kommunenummer}. Der har programmet "
        f"funnet {listed(treff.tomt_ider)}.",
        forslag=f"Er den det samme som {several}: flytt notater og fase dit, og sett Fase på den egne til «Ikke "
        "aktuell»; da lukkes saken av seg selv. Er de ikke det samme: behold begge, og sett Status her til Avklart. "
        "Programmet rører ikke den egne raden.",
        alvor="Lav",
        dato=dato,
    )


def _sak(
    kontroll_id: str,
    kommunenummer: str,
    *,
    hva: str,
    hvor: str,
    hvorfor: str,
    forslag: str,
    alvor: str,
    dato: date,
) -> Sak:
    key = line(kontroll_id, KEY_MAX) or kommunenummer
    values = (key, line(hva), line(hvor), kommunenummer, text(hvorfor), text(forslag), alvor, dato.isoformat(), AAPEN)
    return key, dict(zip(FIELDS, values, strict=True))


def afterlife(existing: Sequence[Row], wanted: RowsByKey, *, kommunenummer: str) -> RowsByKey:
    """Return the sync's own matters that are to be closed: those in the base that it does not tell of now.

    A changed field and a deleted record stay open until a person has answered; a match, a duplicate and an unknown id
    are over as soon as they no longer hold.

    Parameters
    ----------
    existing
        Fields by name, of records of Kontroll, with the Status that people set.
    wanted
        Matters of this run, by Kontroll-id, as `with_answers` gives them.

    Returns
    -------
    dict
        Kontroll-id → all of the program's fields as they stand, with the new Tilstand; only those that change.
    """
    closed: RowsByKey = {}
    for row in existing:
        key = str(row.get("Kontroll-id") or "")
        if key in wanted or row.get("Tilstand") == LUKKET:
            continue
        is_over = _is_of(key, WHILE_THEY_HOLD, kommunenummer)
        is_answered = _is_of(key, WAIT_FOR_ANSWER, kommunenummer) and row.get("Status") in ANSWERS
        if is_over or is_answered:
            closed[key] = {name: row.get(name) for name in FIELDS} | {"Tilstand": LUKKET}
    return closed


def with_answers(existing: Sequence[Row], wanted: RowsByKey, *, kommunenummer: str) -> RowsByKey:
    """Return the matters of this run as they go to the base: first seen as it says, matches closed that were answered.

    A person who has set a match to Avklart keeps both lots: it still holds, and is nothing to look at any more. A
    change or a deletion that comes after the answer to the last one is a matter of its own (``…-2``, ``…-3``); one that
    comes before it is told of above what stands there.

    Parameters
    ----------
    existing
        As for `afterlife`.
    wanted
        Matters of this run, by Kontroll-id.
    """
    stored = {str(row.get("Kontroll-id") or ""): row for row in existing}
    rows: RowsByKey = {}
    for first_key, new in wanted.items():
        key, row, before = first_key, new, stored.get(first_key, {})
        if _is_of(key, WAIT_FOR_ANSWER, kommunenummer):
            key = _waiting(key, stored)
            before = stored.get(key, {})
            row = row | {"Kontroll-id": key, "Hvorfor": _told_on(row["Hvorfor"], before.get("Hvorfor"))}
        is_answered = _is_of(key, ("treff",), kommunenummer) and before.get("Status") in ANSWERS
        first = before.get("Først sett") or row["Først sett"]
        rows[key] = row | {"Først sett": first, "Tilstand": LUKKET if is_answered else row["Tilstand"]}
    return rows


def _waiting(key: str, stored: Mapping[str, Row]) -> str:
    """Return the last of the keys ``…``, ``…-2``, ``…-3`` that are stored, or the next where that has its answer."""
    last, following, number = key, _numbered(key, 2), 2
    while following in stored:
        number += 1
        last, following = following, _numbered(key, number)
    row = stored.get(last)
    is_over = row is not None and (row.get("Tilstand") != AAPEN or row.get("Status") in ANSWERS)
    return following if is_over else last


def _numbered(key: str, number: int) -> str:
    ending = f"-{number}"
    return shortened(key, KEY_MAX - len(ending)) + ending


def _told_on(new: str | None, before: object) -> str | None:
    """Return a text with what was told before beneath it; one that was told already changes nothing."""
    told = text(before)
    if new is None or told is None:
        return new
    is_told = f"{EARLIER}{new}{EARLIER}" in f"{EARLIER}{told}{EARLIER}"
    return told if is_told else text(f"{new}{EARLIER}{told}")


def _is_of(key: str, kinds: Sequence[str], kommunenummer: str) -> bool:
    return key.startswith(tuple(f"{kommunenummer}-{kind}-" for kind in kinds))
