"""The server's own set-up calls: what people make by hand in Airtable and its Web API refuses to.

They lie outside Airtable's paths, below /own, take the same token and count towards no limit: computed fields, views,
and which field is the primary one.
"""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable import computed, schema, views
from tasks.sandbox.airtable.errors import bad_primary, invalid, not_found, unknown_field
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import Field

JSON = dict[str, Any]


def answer(store: Store, method: str, base: Base, *, table: Table, tail: list[str], body: JSON) -> JSON:
    """Carry out one of the calls on a table, and return the field, view or table.

    Raises
    ------
    ApiError
        404 for a call that there is not, 422 for what Airtable would refuse.
    """
    match (method, tail):
        case ("POST", ["fields"]):
            return add_field(store, base, table, body)
        case ("POST", ["views"]):
            return add_view(store, base, table, body)
        case ("PATCH", []):
            return set_primary(store, base, table, body)
    raise not_found()


def add_field(store: Store, base: Base, table: Table, body: JSON) -> Field:
    """Add a computed field, and return it as a schema shows it."""
    return computed.declare(store, base, table, body)


def add_view(store: Store, base: Base, table: Table, body: JSON) -> JSON:
    """Add a view, and return it with what it was declared with."""
    view = views.make(body, base, table)
    with store.change(base):
        store.keep_schema(base)
        table["views"].append(view)
    return view


def set_primary(store: Store, base: Base, table: Table, body: JSON) -> JSON:
    """Make a field the primary one, and the first, as Airtable shows it."""
    if set(body) != {"primaryFieldId"}:
        raise invalid()
    field = next((f for f in table["fields"] if f["id"] == body["primaryFieldId"]), None)
    if field is None:
        raise unknown_field(str(body["primaryFieldId"])[:100])
    if field["type"] not in schema.PRIMARY | {"formula", "autoNumber"}:
        raise bad_primary(field["type"])
    with store.change(base):
        store.keep_schema(base)
        table["primaryFieldId"] = field["id"]
        table["fields"].remove(field)
        table["fields"].insert(0, field)
    return views.shown_table(table)
