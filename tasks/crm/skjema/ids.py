"""The base: open it, and find its tables and fields by id.

People rename tables and columns; an id that was seen once is found again whatever it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema, FieldSchema, TableSchema

from config.base import BaseRegister, Tabell
from config.settings import BASE_ID, Settings
from tasks.crm.client import connect, readable_errors
from tasks.crm.skjema.avvik import Located, compare
from tasks.errors import BaseIncompleteError, ConfigError

SANDBOX_BASE_NAME = "Tomtesourcing (sandkasse)"
NAMED_IN_ERRORS = 5


@dataclass(frozen=True)
class TableIds:
    """Ids of one table of the base: its own, and field name → field id.

    Fields of sales may be absent from `fields`: they are sales' to delete, and no run stops for that.
    """

    tabell: Tabell
    id: str
    fields: dict[str, str]


def find_base(api: Api, settings: Settings) -> Base | None:
    """Return the configured base; in the sandbox the one made by us, or None before it is made.

    Raises
    ------
    ConfigError
        When no base is configured outside the sandbox, or what is configured is no id.
    """
    if settings.airtable_base:
        if not BASE_ID.fullmatch(settings.airtable_base):
            raise ConfigError(
                "TOMT_AIRTABLE_BASE (or the profile's own) is no id of a base: it begins with app, as in its address."
            )
        return api.base(settings.airtable_base)
    if not settings.is_sandbox:
        raise ConfigError(
            f"TOMT_AIRTABLE_BASE is not set, nor TOMT_{settings.effective_profile.upper()}_AIRTABLE_BASE: give the id "
            "of the base (app…), as in its address."
        )
    with readable_errors("listing bases"):
        return next((b for b in api.bases(force=True) if b.name == SANDBOX_BASE_NAME), None)


def open_base(settings: Settings) -> tuple[Api, Base | None]:
    """Return the API and the base, which is None for a sandbox without one."""
    api = connect(settings)
    return api, find_base(api, settings)


def read_schema(base: Base) -> BaseSchema:
    """Read the schema anew."""
    with readable_errors("reading the base"):
        return base.schema(force=True)


def locate(
    schema: BaseSchema, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> dict[str, Located]:
    """Find the register's tables and fields: by the id remembered, so that people may rename them, else by name.

    Parameters
    ----------
    remembered
        Ids known from before, as `BaseState.schema` keeps them.
    """
    ids = {t.navn: str(remembered.get(t.navn, {}).get("id")) for t in register.tabell}
    tables = _pick(schema.tables, ids)
    found = {}
    for tabell in register.tabell:
        table = tables.get(tabell.navn)
        if table is not None:
            memory = remembered.get(tabell.navn, {})
            known = memory.get("fields", {}) if table.id == memory.get("id") else {}
            fields = _pick(table.fields, {felt.navn: known.get(felt.navn) for felt in tabell.felt})
            found[tabell.navn] = Located(table, fields)
    return found


Named = TypeVar("Named", TableSchema, FieldSchema)


def _pick(things: Sequence[Named], wanted: Mapping[str, str | None]) -> dict[str, Named]:
    """Return name → thing, for name → id remembered.

    Ids go first, for all names: what is known by its id is never taken for another that it is now called as.
    """
    by_id = {t.id: t for t in things}
    found = {name: by_id[i] for name, i in wanted.items() if i in by_id}
    rest = [t for t in things if t.id not in {f.id for f in found.values()}]
    exact, loose = {t.name: t for t in rest}, {t.name.casefold(): t for t in rest}
    for name in wanted:
        thing = exact.get(name) or loose.get(name.casefold())
        if name not in found and thing is not None:
            found[name] = thing
    return found


def resolve(
    schema: BaseSchema, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]]
) -> dict[str, TableIds]:
    """Return the ids of every table and field that the code uses, as far as the base has them.

    Raises
    ------
    BaseIncompleteError
        When what the program writes is missing or of another kind: naming it, and what to run.
    """
    found = locate(schema, register, remembered)
    stops = [str(a) for a in compare(register, found) if a.stopper]
    if stops:
        more = f" and {len(stops) - NAMED_IN_ERRORS} more" if len(stops) > NAMED_IN_ERRORS else ""
        raise BaseIncompleteError(
            f"The base is not as expected: {'; '.join(stops[:NAMED_IN_ERRORS])}{more}. Run `tomt base setup`, then "
            "`tomt base check`."
        )
    return {
        t.navn: TableIds(t, found[t.navn].table.id, {n: f.id for n, f in found[t.navn].fields.items()})
        for t in register.tabell
        if t.navn in found
    }


def as_memory(ids: Mapping[str, TableIds]) -> dict[str, dict[str, Any]]:
    """Return ids as `BaseState.keep_schema` takes them."""
    return {navn: {"id": table.id, "fields": table.fields} for navn, table in ids.items()}
