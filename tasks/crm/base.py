"""The base as code: what config/airtable.toml wants, what the base has, and how to close the gap.

Setting up never deletes and never changes the type of a field. What the API cannot create is listed, not attempted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema, FieldSchema, TableSchema

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


@dataclass(frozen=True)
class Located:
    """A table of the register in the base: its schema, and field name in the register → field schema."""

    table: TableSchema
    fields: dict[str, FieldSchema]


def locate(
    schema: BaseSchema, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> dict[str, Located]:
    """Find the register's tables and fields: by the id remembered, so that people may rename them, else by name."""
    found = {}
    for tabell in register.tabell:
        memory = remembered.get(tabell.navn, {})
        table = _pick(schema.tables, memory.get("id"), tabell.navn)
        if table is not None:
            ids = memory.get("fields", {}) if table.id == memory.get("id") else {}
            fields = {felt.navn: _pick(table.fields, ids.get(felt.navn), felt.navn) for felt in tabell.felt}
            found[tabell.navn] = Located(table, {n: f for n, f in fields.items() if f is not None})
    return found


Named = TypeVar("Named", TableSchema, FieldSchema)


def _pick(things: Sequence[Named], wanted_id: str | None, name: str) -> Named | None:
    by_id = next((t for t in things if t.id == wanted_id), None)
    return by_id or next((t for t in things if t.name == name), None)


def differences(
    schema: BaseSchema | None, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return what the base lacks or has otherwise, a line each; empty when it is as the code wants it.

    Parameters
    ----------
    schema
        As read from the base; None for a base that does not exist.
    remembered
        Ids known from before, as `BaseState.schema` keeps them.
    """
    found = locate(schema, register, remembered) if schema else {}
    lines: list[str] = []
    for tabell in register.tabell:
        if tabell.navn not in found:
            lines.append(f"table {tabell.navn} is missing")
            continue
        lines += _table_differences(tabell, found[tabell.navn], {n: t.table.id for n, t in found.items()})
    return lines


def _table_differences(tabell: Tabell, located: Located, table_ids: dict[str, str]) -> list[str]:
    lines = []
    for felt in tabell.felt:
        found = located.fields.get(felt.navn)
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
    key = located.fields.get(tabell.noekkel)
    if key is not None and located.table.primary_field_id != key.id:
        lines.append(f"the primary field of {tabell.navn} is not {tabell.noekkel}: change it by hand")
    return lines


def resolve(
    schema: BaseSchema, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> dict[str, TableIds]:
    """Return the ids of every table and field that the code uses.

    Raises
    ------
    BaseIncompleteError
        Naming what is missing, and what to run.
    """
    lines = differences(schema, register, remembered)
    if lines:
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        raise BaseIncompleteError(
            f"The base is not as expected: {'; '.join(lines[:5])}{more}. Run `tomt base setup`, then `tomt base check`."
        )
    found = locate(schema, register, remembered)
    return {
        t.navn: TableIds(t, found[t.navn].table.id, {n: f.id for n, f in found[t.navn].fields.items()})
        for t in register.tabell
    }


def as_memory(ids: Mapping[str, TableIds]) -> dict[str, dict[str, Any]]:
    """Return ids as `BaseState.keep_schema` takes them."""
    return {navn: {"id": table.id, "fields": table.fields} for navn, table in ids.items()}


def setup(
    api: Api, base: Base | None, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> tuple[Base, list[str]]:
    """Create the tables and fields that are missing, in the register's order.

    Parameters
    ----------
    base
        None creates one, which only the sandbox asks for.
    remembered
        Ids known from before: what a person has renamed is there, and is not made again.

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
            found = locate(base.schema(force=True), register, remembered)
            ids = {navn: located.table.id for navn, located in found.items()}
            if tabell.navn not in found:
                body = _table_body(tabell, ids)
                base.create_table(body["name"], body["fields"], description=body["description"])
                lines.append(f"table {tabell.navn} with {len(tabell.felt)} fields")
                continue
            for felt in tabell.felt:
                if felt.navn not in found[tabell.navn].fields:
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
    fixed: dict[str, dict[str, Any]] = {
        "checkbox": {"icon": "check", "color": "greenBright"},
        "date": {"dateFormat": {"name": "iso"}},
        "dateTime": {"dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"},
    }
    if felt.type == "number":
        return {"precision": felt.desimaler}
    if felt.type == "singleSelect":
        return {"choices": [{"name": name} for name in felt.valg]}
    if felt.til is not None:
        return {"linkedTableId": table_ids[felt.til]}
    return fixed.get(felt.type)


def read_schema(base: Base) -> BaseSchema:
    """Read the schema anew."""
    with readable_errors("reading the base"):
        return base.schema(force=True)
