"""The base as code: what config/airtable.toml wants, what the base has, and how to close the gap.

Setting up never deletes and never changes the type of a field. What the API cannot create is listed, not attempted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema, TableSchema

from config.registers import BaseRegister, Felt, Tabell
from config.settings import Settings
from tasks.crm.client import connect, readable_errors
from tasks.errors import BaseIncompleteError, ConfigError

SANDBOX_BASE_NAME = "Tomtesourcing (sandkasse)"
SANDBOX_WORKSPACE = "wspSandkasse00000"


@dataclass(frozen=True)
class TableIds:
    """Ids of one table of the base: its own, and field name → field id."""

    tabell: Tabell
    id: str
    fields: dict[str, str]


def find_base(api: Api, settings: Settings) -> Base | None:
    """Return the configured base; in the sandbox the one made by us, or None before it is made.

    Raises
    ------
    ConfigError
        When no base is configured outside the sandbox.
    """
    if settings.airtable_base:
        return api.base(settings.airtable_base)
    if not settings.is_sandbox:
        raise ConfigError("TOMT_AIRTABLE_BASE is not set: give the id of the base (app…), as in its address.")
    with readable_errors("listing bases"):
        return next((b for b in api.bases(force=True) if b.name == SANDBOX_BASE_NAME), None)


def open_base(settings: Settings) -> tuple[Api, Base | None]:
    """Return the API and the base, which is None for a sandbox without one."""
    api = connect(settings)
    return api, find_base(api, settings)


def differences(schema: BaseSchema | None, register: BaseRegister) -> list[str]:
    """Return what the base lacks or has otherwise, a line each; empty when it is as the code wants it.

    Parameters
    ----------
    schema
        As read from the base; None for a base that does not exist.
    """
    lines: list[str] = []
    tables = {t.name: t for t in schema.tables} if schema else {}
    for tabell in register.tabell:
        table = tables.get(tabell.navn)
        if table is None:
            lines.append(f"table {tabell.navn} is missing")
            continue
        lines += _table_differences(tabell, table, {t.name: t.id for t in tables.values()})
    return lines


def _table_differences(tabell: Tabell, table: TableSchema, table_ids: dict[str, str]) -> list[str]:
    lines = []
    fields = {f.name: f for f in table.fields}
    for felt in tabell.felt:
        found = fields.get(felt.navn)
        where = f"{tabell.navn}.{felt.navn}"
        if found is None:
            lines.append(f"field {where} is missing")
        elif found.type != felt.type:
            lines.append(f"field {where} is {found.type}, wanted is {felt.type}: change it by hand")
        elif felt.type == "singleSelect":
            have = {c.name for c in found.options.choices}  # type: ignore[union-attr]
            lines += [f"option {v!r} of {where} is missing: add it by hand" for v in felt.valg if v not in have]
        elif felt.til and found.options.linked_table_id != table_ids.get(felt.til):  # type: ignore[union-attr]
            lines.append(f"field {where} links to another table than {felt.til}: change it by hand")
    if fields and table.primary_field_id != getattr(fields.get(tabell.noekkel), "id", None):
        lines.append(f"the primary field of {tabell.navn} is not {tabell.noekkel}: change it by hand")
    return lines


def resolve(schema: BaseSchema, register: BaseRegister) -> dict[str, TableIds]:
    """Return the ids of every table and field that the code uses.

    Raises
    ------
    BaseIncompleteError
        Naming what is missing, and what to run.
    """
    lines = differences(schema, register)
    if lines:
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        raise BaseIncompleteError(
            f"The base is not as expected: {'; '.join(lines[:5])}{more}. Run `tomt base setup`, then `tomt base check`."
        )
    tables = {t.name: t for t in schema.tables}
    return {
        tabell.navn: TableIds(
            tabell,
            tables[tabell.navn].id,
            {f.name: f.id for f in tables[tabell.navn].fields if f.name in {felt.navn for felt in tabell.felt}},
        )
        for tabell in register.tabell
    }


def setup(api: Api, base: Base | None, register: BaseRegister) -> tuple[Base, list[str]]:
    """Create the tables and fields that are missing, in the register's order.

    Parameters
    ----------
    base
        None creates one, which only the sandbox asks for.

    Returns
    -------
    base : Base
    lines : list of str
        What was created.
    """
    lines: list[str] = []
    with readable_errors("setting up the base"):
        if base is None:
            first = register.tabell[0]
            base = api.create_base(SANDBOX_WORKSPACE, SANDBOX_BASE_NAME, [_table_body(first, {})])
            lines.append(f"base {base.id}")
        for tabell in register.tabell:
            schema = base.schema(force=True)
            ids = {t.name: t.id for t in schema.tables}
            if tabell.navn not in ids:
                body = _table_body(tabell, ids)
                base.create_table(body["name"], body["fields"], description=body["description"])
                lines.append(f"table {tabell.navn} with {len(tabell.felt)} fields")
                continue
            have = {f.name for f in schema.table(tabell.navn).fields}
            for felt in tabell.felt:
                if felt.navn not in have:
                    base.table(ids[tabell.navn]).create_field(
                        felt.navn, felt.type, description=felt.betyr, options=field_options(felt, ids)
                    )
                    lines.append(f"field {tabell.navn}.{felt.navn}")
    return base, lines


def _table_body(tabell: Tabell, table_ids: dict[str, str]) -> dict[str, Any]:
    fields = []
    for felt in tabell.felt:
        body: dict[str, Any] = {"name": felt.navn, "type": felt.type, "description": felt.betyr}
        options = field_options(felt, table_ids)
        fields.append({**body, "options": options} if options else body)
    return {"name": tabell.navn, "description": tabell.beskrivelse, "fields": fields}


def field_options(felt: Felt, table_ids: dict[str, str]) -> dict[str, Any] | None:
    """Return the options that Airtable wants when a field of this type is created."""
    if felt.type == "number":
        return {"precision": felt.desimaler}
    if felt.type == "checkbox":
        return {"icon": "check", "color": "greenBright"}
    if felt.type == "singleSelect":
        return {"choices": [{"name": name} for name in felt.valg]}
    if felt.type == "dateTime":
        return {"dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"}
    if felt.til is not None:
        return {"linkedTableId": table_ids[felt.til]}
    return None


def read_schema(base: Base) -> BaseSchema:
    """Read the schema anew."""
    with readable_errors("reading the base"):
        return base.schema(force=True)
