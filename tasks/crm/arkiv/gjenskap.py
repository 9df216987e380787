"""Making the tables and fields of a backup in another base, named as in the backup.

First tables with what is no link, then links one by one, each followed by the name of its other end. What is there
already is not made again, so that it goes on where it was broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyairtable import Base

from tasks.crm.arkiv.backup import schema_of
from tasks.crm.arkiv.felt import LINK, PRIMARY, is_creatable, options_sent
from tasks.crm.arkiv.parring import Parring, pair
from tasks.crm.client import readable_errors
from tasks.crm.skjema.merke import MARKER, marked, without
from tasks.errors import AirtableError, ConfigError

JSON = dict[str, Any]
Say = Callable[[str], None]
STAND_IN: JSON = {"name": "Midlertidig hovedfelt", "type": "singleLineText"}
"""Primary field of a table that has none which can be made."""


def fitting(backup: Sequence[JSON], base: Base) -> Parring:
    """Return how a backup fits into a base as it is now.

    Raises
    ------
    ConfigError
        When it does not, with the reasons.
    """
    found = pair(backup, schema_of(base))
    if found.refusals:
        more = f"; and {len(found.refusals) - 5} more" if len(found.refusals) > 5 else ""
        raise ConfigError(
            f"The backup does not fit into the base {base.id}, and nothing was written: "
            f"{'; '.join(found.refusals[:5])}{more}. Restore into a base without these tables, or mend them by hand."
        )
    return found


def make_schema(backup: Sequence[JSON], base: Base, *, profile: str | None, say: Say) -> Parring:
    """Make what the base lacks, and return how the backup fits into it then.

    Parameters
    ----------
    profile
        What the new tables are marked as where the backup's are marked; None leaves descriptions as they were.
    say
        Told of everything that is made.

    Raises
    ------
    ConfigError
        When the backup does not fit; nothing was written then.
    AirtableError
        When Airtable refuses; what was made stays, and the same again goes on.
    """
    found = fitting(backup, base)
    new = {t["id"] for t in found.new_tables}
    with readable_errors("making the tables"):
        for table in found.new_tables:
            found.tables[table["id"]] = base.api.post(base.urls.tables, json=_table_body(table, profile))["id"]
            say(f"made table {table['name']}")
        for table, field in found.new_fields:
            if table["id"] not in new and field["type"] != LINK:
                _make_field(base, found.tables[table["id"]], _field_body(field))
                say(f"made field {table['name']}.{field['name']}")
        _make_links(backup, base, found, say)
    whole = fitting(backup, base)
    if whole.new_tables or whole.new_fields or whole.renames:
        raise AirtableError("The base is not as it was just made: somebody changes it. Run again when they are done.")
    return whole


def _make_links(backup: Sequence[JSON], base: Base, found: Parring, say: Say) -> None:
    home = {f["id"]: (t, f) for t in backup for f in t["fields"]}
    for new_table, field_id, field in found.renames:
        _name(base, new_table, field_id, field)
    for table, field in found.new_fields:
        if field["type"] != LINK:
            continue
        linked = found.tables[field["options"]["linkedTableId"]]
        made = _make_field(
            base, found.tables[table["id"]], {**_field_body(field), "options": {"linkedTableId": linked}}
        )
        say(f"made link {table['name']}.{field['name']}")
        end = found.ends[field["id"]]
        if end is not None:
            _name(base, linked, _other_end(base, made), home[end][1])


def _other_end(base: Base, made: Mapping[str, Any]) -> str:
    """Return the field that Airtable has made for a link; its answer may leave it out."""
    end = (made.get("options") or {}).get("inverseLinkFieldId")
    if end is None:
        there = {f["id"]: f for t in schema_of(base) for f in t["fields"]}
        end = there[made["id"]]["options"]["inverseLinkFieldId"]
    return str(end)


def _name(base: Base, table_id: str, field_id: str, field: JSON) -> None:
    """Give the other end of a link its name and description."""
    base.api.patch(f"{base.urls.tables}/{table_id}/fields/{field_id}", json=_described({"name": field["name"]}, field))


def _make_field(base: Base, table_id: str, body: JSON) -> Mapping[str, Any]:
    made: Mapping[str, Any] = base.api.post(f"{base.urls.tables}/{table_id}/fields", json=body)
    return made


def _table_body(table: JSON, profile: str | None) -> JSON:
    fields = [f for f in table["fields"] if is_creatable(f) and f["type"] != LINK]
    own = [f for f in fields if f["id"] == table["primaryFieldId"]]
    first = next((f for f in [*own, *fields] if f["type"] in PRIMARY), None)
    rest = [_field_body(f) for f in fields if f is not first]
    body: JSON = {"name": table["name"], "fields": [_field_body(first) if first else STAND_IN, *rest]}
    text = described_as(table.get("description") or "", profile)
    return {**body, "description": text} if text else body


def described_as(text: str, profile: str | None) -> str:
    """Return a description with its marker, if it has one, changed to a profile; None leaves it."""
    return marked(without(text), profile) if profile is not None and MARKER.search(text) else text


def _field_body(field: JSON) -> JSON:
    body = _described({"name": field["name"], "type": field["type"]}, field)
    options = options_sent(field)
    return {**body, "options": options} if options else body


def _described(body: JSON, field: JSON) -> JSON:
    return {**body, "description": field["description"]} if field.get("description") else body
