"""Treff: lots that people have written themselves, on a property where a run has found lots too.

A record of Tomter without a Tomt-id is people's own: it is read here, and never written. What they fill in may be
anything; a match is only offered, so what cannot be read gives none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from config.registers import Kommune, earlier_numbers, kommuner
from tasks.crm.rader.matrikkel import read_number
from tasks.crm.rader.rad import Row, RowsByKey, line

LARGEST = 99_999
"""Of gårds-, bruks- and festenummer: five digits, as in matrikkelnummer."""
NAME_MAX = 100
ANSWERED = "Ikke aktuell"
"""The stage that a person gives an own lot which the program has found too."""


@dataclass(frozen=True)
class EgenTomt:
    """A lot that people have written; a number that is missing or cannot be read is None.

    Attributes
    ----------
    kommunenummer
        Of today; None where it cannot be told.
    fnr
        0 is "no festenummer", None is not given.
    """

    record_id: str
    navn: str
    kommunenummer: str | None
    gnr: int | None
    bnr: int | None
    fnr: int | None


@dataclass(frozen=True)
class Treff:
    """An own lot and the living lots of the program on the same property, sorted."""

    egen: EgenTomt
    tomt_ider: tuple[str, ...]


def egne_tomter(
    records: Iterable[tuple[str, Row]], *, kommune: Kommune, kommune_record_id: str | None
) -> list[EgenTomt]:
    """Return the lots that people have written, sorted by record id.

    Those with the stage «Ikke aktuell» are left out: that is how a person says that the program's lot is the same.

    Parameters
    ----------
    records
        Record id and fields by name, of Tomter; those with a Tomt-id are not looked at.
    kommune
        Of the run; other kommuner are told by number only.
    kommune_record_id
        Of its record in Kommuner, which own lots may link to.
    """
    own = [(i, f) for i, f in records if not str(f.get("Tomt-id") or "").strip() and f.get("Fase") != ANSWERED]
    names = _names(kommune)
    return sorted(
        (
            EgenTomt(
                record_id=record_id,
                navn=line(fields.get("Navn"), NAME_MAX) or line(fields.get("Adresse"), NAME_MAX) or "",
                kommunenummer=_kommunenummer(fields, kommune, names=names, kommune_record_id=kommune_record_id),
                gnr=whole_number(fields.get("Gnr (egen)")) or None,
                bnr=whole_number(fields.get("Bnr (egen)")),
                fnr=whole_number(fields.get("Fnr (egen)")),
            )
            for record_id, fields in own
        ),
        key=lambda egen: egen.record_id,
    )


def find_treff(egne: Iterable[EgenTomt], tomter: RowsByKey) -> list[Treff]:
    """Return the own lots that lie on a property with living lots, in the order given.

    Parameters
    ----------
    tomter
        Rows of Tomter, by Tomt-id. Kommune, gnr and bnr must be the same; fnr too where the own lot has one.
    """
    on: dict[tuple[str, int, int], set[tuple[int, str]]] = {}
    for tomt_id, row in tomter.items():
        for enhet in (row.get("Eiendommer") or ()) if row.get("Tilstand") == "Aktiv" else ():
            if number := read_number(enhet):
                on.setdefault(number[:3], set()).add((number.fnr, tomt_id))
    found: list[Treff] = []
    for egen in egne:
        if egen.kommunenummer is not None and egen.gnr is not None and egen.bnr is not None:
            there = on.get((egen.kommunenummer, egen.gnr, egen.bnr), set())
            ids = sorted({tomt_id for fnr, tomt_id in there if egen.fnr in (None, fnr)})
            if ids:
                found.append(Treff(egen, tuple(ids)))
    return found


def whole_number(value: object) -> int | None:
    """Return a number of a property, None for what is no whole number of at most five digits.

    Examples
    --------
    >>> [whole_number(v) for v in (46, 46.0, " 46 ", 0, -1, 4.6, 1e300, float("nan"), True, "46/1", None)]
    [46, 46, 46, 0, None, None, None, None, None, None, None]
    """
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,5}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST:
        return None
    return int(value) if value == int(value) else None


def _kommunenummer(
    fields: Row, kommune: Kommune, *, names: frozenset[str], kommune_record_id: str | None
) -> str | None:
    """Return the number of the kommune: from what people call it, the number beside it, the link – the first read."""
    for name in ("Kommune (egen)", "Kommunenummer"):
        if found := _read_kommune(fields.get(name), kommune, names):
            return found
    linked = fields.get("Kommune")
    is_linked = isinstance(linked, (list, tuple)) and kommune_record_id is not None and kommune_record_id in linked
    return kommune.nummer if is_linked else None


def _read_kommune(value: object, kommune: Kommune, names: frozenset[str]) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        whole = whole_number(value)
        value = "" if whole is None else str(whole)
    plain = (line(value, NAME_MAX) or "").casefold()
    if match := re.match(r"([0-9]{3,4})(?![0-9])", plain):
        number = match[1].zfill(4)
        today = earlier_numbers(sandbox=kommune.oppdiktet).get(number, (number,))
        return kommune.nummer if kommune.nummer in today else today[0]
    return kommune.nummer if plain.removesuffix("kommune").strip() in names else None


def _names(kommune: Kommune) -> frozenset[str]:
    """Return what the kommune is called, without names that another one has too (Herøy, Våler)."""
    others = {
        name for k in kommuner(sandbox=kommune.oppdiktet) if k.nummer != kommune.nummer for name in _parts(k.navn)
    }
    return frozenset(_parts(kommune.navn) - others)


def _parts(navn: str) -> set[str]:
    return {part.casefold() for part in (navn, *navn.split(" - "))}
