"""Differences: one way in which a base is not as config/airtable.toml wants it, and what closes the gap.

Only what the program itself writes can stop a run. What is sales' is theirs to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pyairtable.models.schema import FieldSchema, TableSchema

from config.base import BaseRegister, Felt, Tabell
from tasks.crm.skjema.merke import without

Tiltak = Literal["setup", "hand", "info"]


@dataclass(frozen=True)
class Avvik:
    """One difference.

    Attributes
    ----------
    hvor
        The table, or table and field: ``Tomter.Score``.
    hva
        What is the matter, as the rest of a sentence that begins with `hvor`.
    tiltak
        What closes it: `tomt base setup`, a person in Airtable, or nothing (for information).
    stopper
        True when no run may write to the base as it is.
    """

    hvor: str
    hva: str
    tiltak: Tiltak
    stopper: bool = False

    def __str__(self) -> str:
        """Return it as one sentence."""
        return f"{self.hvor} {self.hva}"


@dataclass(frozen=True)
class Located:
    """A table of the register in the base: its schema, and field name in the register → field schema."""

    table: TableSchema
    fields: dict[str, FieldSchema]


def compare(register: BaseRegister, found: Mapping[str, Located]) -> list[Avvik]:
    """Return how tables and fields differ from the register; empty when they are as it wants them.

    Parameters
    ----------
    found
        Table in the register → what the base has of it.
    """
    ids = {navn: located.table.id for navn, located in found.items()}
    lines: list[Avvik] = []
    for tabell in register.tabell:
        if tabell.navn not in found:
            lines.append(Avvik(tabell.navn, "is missing as a table", "setup", tabell.is_written))
            continue
        located = found[tabell.navn]
        for felt in tabell.felt:
            lines += _of_field(tabell, felt, located, ids)
        lines += _of_table(tabell, located, register.primary(tabell.navn))
    return lines


def _of_table(tabell: Tabell, located: Located, wanted: str) -> Iterator[Avvik]:
    """Yield what is otherwise about a table; it is written by the ids of its fields, whichever is the primary one."""
    key, primary = located.fields.get(tabell.noekkel), located.table.primary_field_id
    name = next((f.name for f in located.table.fields if f.id == primary), wanted)
    if key is not None and primary != key.id and name.casefold() != wanted.casefold():
        yield Avvik(tabell.navn, f"has {name} as its primary field, not {wanted}", "info")
    if without(located.table.description or "") != tabell.beskrivelse:
        yield Avvik(tabell.navn, "has another description than config/airtable.toml", "info")


def _of_field(tabell: Tabell, felt: Felt, located: Located, ids: Mapping[str, str]) -> Iterator[Avvik]:
    field, hvor = located.fields.get(felt.navn), f"{tabell.navn}.{felt.navn}"
    is_ours = felt.eier != "sales"
    # The program reads what sales writes in the tables they share; in sales' own tables they change what they want.
    tiltak: Tiltak = "hand" if tabell.is_written else "info"
    if field is None:
        yield _missing(hvor, felt, located)
        return
    if field.type != felt.type:
        yield Avvik(hvor, f"is {type_of(field)}, wanted is {felt.type}: change the type by hand", tiltak, is_ours)
        return
    options = options_of(field)
    if felt.til is not None and options.get("linkedTableId") != ids.get(felt.til):
        hva = f"links to another table than {felt.til}: delete the field by hand, then run `tomt base setup`"
        yield Avvik(hvor, hva, tiltak, is_ours)
    have = {c["name"] for c in options.get("choices", ())}
    for valg in felt.valg:
        if valg not in have:
            stops = felt.eier == "pipeline" or valg == felt.start
            yield Avvik(hvor, f"lacks the option {valg!r}: add it by hand, spelt exactly so", tiltak, stops)
    yield from _of_looks(felt, field, options, hvor)


def _missing(hvor: str, felt: Felt, located: Located) -> Avvik:
    """Return a missing field; one whose name another field has taken cannot be made."""
    taken = {f.name.casefold() for f in located.table.fields}
    stops = felt.eier != "sales"
    if felt.navn.casefold() in taken:
        hva = "is missing, and another field is called so: rename that one by hand, then run `tomt base setup`"
        return Avvik(hvor, hva, "hand", stops)
    return Avvik(hvor, "is missing", "setup", stops)


def _of_looks(felt: Felt, field: FieldSchema, options: Mapping[str, Any], hvor: str) -> Iterator[Avvik]:
    """Yield what changes nothing but how a value is shown."""
    if felt.desimaler is not None and options.get("precision") != felt.desimaler:
        yield Avvik(hvor, f"shows {options.get('precision')} decimals, wanted are {felt.desimaler}", "info")
    if felt.symbol is not None and options.get("symbol") != felt.symbol:
        yield Avvik(hvor, f"shows {options.get('symbol')!r}, wanted is {felt.symbol!r}", "info")
    if felt.type in {"date", "dateTime"} and (options.get("dateFormat") or {}).get("name") != "iso":
        yield Avvik(hvor, "shows dates otherwise than 2026-11-21", "info")
    if (field.description or "") != felt.betyr:
        yield Avvik(hvor, "has another description than config/airtable.toml", "info")


def options_of(field: FieldSchema) -> dict[str, Any]:
    """Return the options of a field as the Web API names them."""
    options = getattr(field, "options", None)
    return {} if options is None else options.model_dump(by_alias=True)


def type_of(field: FieldSchema) -> str:
    """Return the type of a field as the Web API names it; pyairtable has an enum for those it knows."""
    return str(getattr(field.type, "value", field.type))
