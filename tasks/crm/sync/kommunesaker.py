"""Kommunesaker: matters of many kommuner at once, for what is written to all of them in one go.

A matter is its kommune's, by the same key as a run of that kommune would give it, so that either of them closes it;
what concerns more than `saker.MANGE` of them is one matter of no kommune.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from datetime import date

from tasks.contracts import FELLES
from tasks.crm.rader.rad import Row, RowsByKey
from tasks.crm.skjema.ids import TableIds
from tasks.crm.sync import listing, saker
from tasks.crm.sync.diff import TableDiff

TABLE = "Kommuner"


def formula(kontroll: TableIds) -> str:
    """Return the formula of the matters about Kommuner, of all kommuner."""
    return f"FIND('-{TABLE}-', {listing.EQ_FIELD.format(kontroll.fields[kontroll.tabell.noekkel])})"


def of_diff(diff: TableDiff, *, dato: date, owner: Callable[[str], str] = str) -> RowsByKey:
    """Return the matters of a comparison: what people have written, deleted and copied.

    Parameters
    ----------
    owner
        Returns the kommunenummer that a key of the table belongs to.
    """
    by_field: dict[str, list[saker.Endring]] = defaultdict(list)
    for key, fields in diff.by_hand.items():
        for felt, value in fields.items():
            by_field[felt].append(saker.Endring(key, felt, value, diff.whole[key].get(felt)))
    found: RowsByKey = {}
    for some in by_field.values():
        if len(some) > saker.MANGE:
            found |= _of_none(saker.endret_saker(FELLES, diff.tabell, some, dato=dato))
            continue
        for one in some:
            found |= saker.endret_saker(owner(one.key), diff.tabell, [one], dato=dato)
    if len(diff.deleted) > saker.MANGE:
        found |= _of_none(saker.slettet_saker(FELLES, diff.tabell.navn, diff.deleted, dato=dato))
    else:
        found |= [saker.slettet_sak(owner(key), diff.tabell.navn, key, dato=dato) for key in diff.deleted]
    return found | {
        key: row
        for double, records in diff.twice.items()
        for key, row in [saker.dobbel_sak(owner(double), diff.tabell.navn, double, dato=dato, records=records)]
    }


def with_answers(existing: Sequence[Row], wanted: RowsByKey) -> RowsByKey:
    """Return matters as they go to the base: as `saker.with_answers`, of many kommuner."""
    of: dict[str, RowsByKey] = defaultdict(dict)
    for key, row in wanted.items():
        of[_nummer(key)][key] = row
    rows: RowsByKey = {}
    for nummer, some in of.items():
        rows |= saker.with_answers(existing, some, kommunenummer=nummer)
    return rows


def afterlife(existing: Sequence[Row], wanted: RowsByKey) -> RowsByKey:
    """Return the matters that are to be closed: as `saker.afterlife`, of many kommuner.

    Parameters
    ----------
    existing
        Those of the kommuner that were looked at, and of none.
    """
    numbers = dict.fromkeys(_nummer(str(row.get("Kontroll-id") or "")) for row in existing)
    rows: RowsByKey = {}
    for nummer in numbers:
        rows |= saker.afterlife(existing, wanted, kommunenummer=nummer)
    return rows


def is_of(row: Row, kommuner: Container[str]) -> bool:
    """Return True for a matter of one of these kommuner, or of none."""
    nummer = _nummer(str(row.get("Kontroll-id") or ""))
    return nummer == FELLES or nummer in kommuner


def _nummer(kontroll_id: str) -> str:
    return kontroll_id.partition("-")[0]


def _of_none(found: RowsByKey) -> RowsByKey:
    return {key: row | {"Kommunenummer": None} for key, row in found.items()}
