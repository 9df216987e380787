"""What a person may write: as the base's guide sets it, for the tables that it names.

In any other table everything that is not computed is open, and so is a field that people have added themselves.
"""

from __future__ import annotations

from config.base import BaseRegister, Tabell, base_register, reverse_links
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import COMPUTED, Table
from tasks.sandbox.airtable.values import Field


def open_fields(table: Table, record: Record | None) -> list[Field]:
    """Return the fields of a row that a person may write; of a new row when it is None."""
    register = base_register()
    known = _known(register, table)
    fields = [f for f in table["fields"] if f["type"] not in COMPUTED]
    if known is None:
        return fields
    ours = {f.navn for f in known.felt if f.eier == "pipeline"} | {
        other.navn for other in reverse_links(register.tabell).get(known.navn, []) if other.is_ours
    }
    if is_own_row(table, record):
        ours -= {name for right in register.rettighet if right.tabell == known.navn for name in right.unntatt}
    return [f for f in fields if f["name"] not in ours]


def is_own_row(table: Table, record: Record | None) -> bool:
    """Return True for a row of the program's tables that a person has made: the key is empty."""
    known = _known(base_register(), table)
    if known is None or not known.is_written:
        return False
    key = next((f["id"] for f in table["fields"] if f["name"] == known.noekkel), "")
    return record is None or not record.cells.get(key)


def may_create(table: Table) -> bool:
    """Return True when a person may add rows."""
    register = base_register()
    known = _known(register, table)
    return known is None or any(
        right.opprette == "Editors and up" for right in register.rettighet if right.tabell == known.navn
    )


def _known(register: BaseRegister, table: Table) -> Tabell | None:
    return next((t for t in register.tabell if t.navn == table["name"]), None)
