"""Setting up: how a base differs from config/airtable.toml, and creating what it lacks.

Setting up never deletes and never changes a type. What the API cannot create is listed, not attempted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema

from config.base import BaseRegister, Felt, Tabell
from config.settings import Settings
from tasks.crm.client import readable_errors
from tasks.crm.skjema import merke
from tasks.crm.skjema.avvik import Avvik, Located, compare
from tasks.crm.skjema.haandverk import hand_differences
from tasks.crm.skjema.ids import SANDBOX_BASE_NAME, locate

SANDBOX_WORKSPACE = "wspSandkasse00000"

Memory = Mapping[str, Mapping[str, Any]]


def differences(schema: BaseSchema | None, register: BaseRegister, remembered: Memory) -> list[Avvik]:
    """Return how the base differs from the register; empty when it is as the code wants it.

    Parameters
    ----------
    schema
        As read from the base; None for a base that does not exist.
    remembered
        Ids known from before, as `BaseState.schema` keeps them.
    """
    found = locate(schema, register, remembered) if schema else {}
    return compare(register, found) + hand_differences(register, found)


def setup(
    api: Api,
    base: Base | None,
    register: BaseRegister,
    remembered: Memory,
    *,
    settings: Settings,
    mark_as: str | None = None,
) -> tuple[Base, list[str]]:
    """Create the tables and fields that are missing, in the register's order, and mark the base with its profile.

    One request reads the base, then one makes each table and one each field that an existing table lacks. What was
    made before a failure is there the next time, and is not made again.

    Parameters
    ----------
    base
        None creates one, which only the sandbox asks for.
    remembered
        Ids known from before: what a person has renamed is there, and is not made again.
    mark_as
        The profile that a person has said the base is; without it, only a new table gets the marker outside the
        sandbox.

    Returns
    -------
    base : Base
    lines : list of str
        What was created.

    Raises
    ------
    ConfigError
        When the base is marked for another profile; nothing is written then.
    BaseIncompleteError
        When the base is set up but not marked, and nobody has said whose it is; nothing is written then.
    """
    lines: list[str] = []
    with readable_errors("setting up the base"):
        if base is None:
            base = _create_base(api, register)
            first = register.tabell[0]
            lines += [f"base {base.id}", f"table {first.navn} with {len(first.felt)} fields"]
        schema = base.schema(force=True)
        found = locate(schema, register, remembered)
        is_new = merke.MARKED not in found
        shall_mark = merke.shall_mark(schema, settings, is_new=is_new, mark_as=mark_as)
        if shall_mark and not is_new:
            merke.mark(found[merke.MARKED].table, settings)
            lines.append(f"marker of the profile {settings.effective_profile}")
        lines += _create_missing(base, register, found, settings=settings, marks=shall_mark)
    merke.keep(settings)
    return base, lines


def _create_base(api: Api, register: BaseRegister) -> Base:
    """Create the sandbox's base with the first table, since a base has at least one."""
    first = register.tabell[0]
    body = {"workspaceId": SANDBOX_WORKSPACE, "name": SANDBOX_BASE_NAME, "tables": [_table_body(first, {})]}
    return api.base(api.post(api.urls.bases, json=body)["id"])


def _create_missing(
    base: Base, register: BaseRegister, found: Mapping[str, Located], *, settings: Settings, marks: bool
) -> list[str]:
    """Create tables and fields; a link to the table itself comes after it."""
    lines = []
    ids = {navn: located.table.id for navn, located in found.items()}
    missing = {a.hvor for a in compare(register, found) if a.tiltak == "setup"}
    for tabell in register.tabell:
        fields = [f for f in tabell.felt if f"{tabell.navn}.{f.navn}" in missing]
        if tabell.navn in missing:
            body = _table_body(tabell, ids)
            if marks and tabell.navn == merke.MARKED:
                body["description"] = merke.marked(body["description"], settings.effective_profile)
            ids[tabell.navn] = base.api.post(base.urls.tables, json=body)["id"]
            lines.append(f"table {tabell.navn} with {len(tabell.felt)} fields")
            fields = [f for f in tabell.felt if f.til == tabell.navn]
        for felt in fields:
            base.table(ids[tabell.navn]).create_field(
                felt.navn, felt.type, description=felt.betyr, options=field_options(felt, ids)
            )
            if tabell.navn not in missing:
                lines.append(f"field {tabell.navn}.{felt.navn}")
    return lines


def _table_body(tabell: Tabell, table_ids: Mapping[str, str]) -> dict[str, Any]:
    fields = []
    for felt in tabell.felt:
        if felt.til == tabell.navn:
            continue
        body: dict[str, Any] = {"name": felt.navn, "type": felt.type, "description": felt.betyr}
        options = field_options(felt, table_ids)
        fields.append({**body, "options": options} if options else body)
    return {"name": tabell.navn, "description": tabell.beskrivelse, "fields": fields}


def field_options(felt: Felt, table_ids: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the options that Airtable wants when a field of this type is created."""
    fixed: dict[str, dict[str, Any]] = {
        "checkbox": {"icon": "check", "color": "greenBright"},
        "date": {"dateFormat": {"name": "iso"}},
        "dateTime": {"dateFormat": {"name": "iso"}, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"},
    }
    if felt.symbol is not None:
        return {"precision": felt.desimaler, "symbol": felt.symbol}
    if felt.desimaler is not None:
        return {"precision": felt.desimaler}
    if felt.valg:
        return {"choices": [{"name": name} for name in felt.valg]}
    if felt.til is not None:
        return {"linkedTableId": table_ids[felt.til]}
    return fixed.get(felt.type)
