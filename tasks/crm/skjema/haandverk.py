"""What is made by hand, as far as a base's schema shows it: computed fields and views.

Automations, interfaces, permissions and sharing do not stand in a schema; nothing here speaks of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyairtable.models.schema import FieldSchema, TableSchema, ViewSchema

from config.base import BaseRegister
from config.formel import parse
from config.haand import Formelfelt, Visning
from tasks.crm.skjema.avvik import Avvik, Located, options_of, type_of
from tasks.crm.skjema.veiledning import Steg, steps

FIELD_ID = re.compile(r"\{(fld[A-Za-z0-9]+)\}")


def hand_differences(register: BaseRegister, found: Mapping[str, Located]) -> list[Avvik]:
    """Return the manual parts that a base lacks or has otherwise, as far as it shows.

    Parameters
    ----------
    found
        Table in the register → what the base has of it; of tables that are missing nothing is said.
    """
    lines: list[Avvik] = []
    for step in steps(register):
        part = step.del_
        if not isinstance(part, Formelfelt | Visning) or part.tabell not in found:
            continue
        hvor = f"{part.tabell}.{part.navn}" if isinstance(part, Formelfelt) else f"{part.tabell}/{part.navn}"
        if isinstance(part, Formelfelt):
            said = _of_field(part, found, register)
        else:
            said = _of_view(part, found[part.tabell].table)
        lines += [Avvik(hvor, f"{hva}: {_see(step)}", "hand") for hva in said]
    return lines


def _see(step: Steg) -> str:
    return f"step {step.nummer} of the guide"


def _of_view(view: Visning, table: TableSchema) -> Iterator[str]:
    there = _by_name(table.views, view.navn)
    if there is None:
        yield f"is missing as a {view.type} view"
    elif there.type != view.type:
        yield f"is a {there.type} view, wanted is {view.type}"


def _of_field(felt: Formelfelt, found: Mapping[str, Located], register: BaseRegister) -> Iterator[str]:
    located = found[felt.tabell]
    field = _by_name(located.table.fields, felt.navn)
    if field is None:
        yield f"is missing as a {felt.type} field"
        return
    if field.type != felt.type:
        yield f"is {type_of(field)}, wanted is {felt.type}"
        return
    options = options_of(field)
    if options.get("isValid") is False:
        yield "is not valid in Airtable"
    if felt.type == "formula" and not _is_same(
        str(options.get("formula", "")), str(felt.formel), _names(located, register, felt.tabell)
    ):
        yield "has another formula"
    if felt.hovedfelt and located.table.primary_field_id != field.id:
        yield "is not the primary field"
    if felt.lenke is not None:
        yield from _of_link(felt, options, found)
    # Of lastModifiedBy the schema does not show what it watches.
    for name in felt.ser if felt.type == "lastModifiedTime" else ():
        watched = _named(located, name)
        if watched is None or watched.id not in (options.get("referencedFieldIds") or ()):
            yield f"does not tell of {name}"


def _of_link(felt: Formelfelt, options: Mapping[str, Any], found: Mapping[str, Located]) -> Iterator[str]:
    """Yield when a rollup, lookup or count follows another link, or reads another field, than the guide says."""
    link = _named(found[felt.tabell], str(felt.lenke))
    if link is None or options.get("recordLinkFieldId") != link.id:
        yield f"does not follow {felt.lenke}"
        return
    if felt.felt is None:
        return
    target = next((t for t in found.values() if t.table.id == options_of(link).get("linkedTableId")), None)
    read = _named(target, felt.felt) if target is not None else None
    if read is None or options.get("fieldIdInLinkedTable") != read.id:
        yield f"does not read {felt.felt}"


def _names(located: Located, register: BaseRegister, tabell: str) -> dict[str, str]:
    """Return field id → the name that formulas of the register use; people rename fields."""
    by_hand = [f.navn for f in register.formel if f.tabell == tabell]
    made = {name: _by_name(located.table.fields, name) for name in by_hand}
    return (
        {f.id: f.name for f in located.table.fields}
        | {f.id: name for name, f in made.items() if f is not None}
        | {f.id: name for name, f in located.fields.items()}
    )


def _is_same(there: str, wanted: str, names: Mapping[str, str]) -> bool:
    """Return True for formulas that say the same; a base names fields by id."""
    text = FIELD_ID.sub(lambda m: f"{{{names.get(m[1], m[1])}}}", there)
    try:
        return bool(parse(text) == parse(wanted))
    except ValueError:
        return False


def _named(located: Located, name: str) -> FieldSchema | None:
    """Return a field by its name in the register, or else by what it is called in the base."""
    return located.fields.get(name) or _by_name(located.table.fields, name)


def _by_name(things: Sequence[Any], name: str) -> Any:
    exact: FieldSchema | ViewSchema | None = next((t for t in things if t.name == name), None)
    return exact or next((t for t in things if t.name.casefold() == name.casefold()), None)
