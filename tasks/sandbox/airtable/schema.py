"""Tables and fields: what can be created, under which names, and the links between tables."""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable.errors import (
    bad_options,
    bad_primary,
    computed_type,
    field_name_taken,
    invalid,
    missing_fields,
    no_type,
    table_name_taken,
)
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.options import check_options
from tasks.sandbox.airtable.values import DAY, Field

Table = dict[str, Any]
Reciprocal = list[tuple[Table, Field]]
"""Fields that other tables get for a link: the table, and the field to add to it."""

MAX_NAME = 255
MAX_DESCRIPTION = 20_000
COMPUTED = frozenset(
    {
        "formula", "rollup", "multipleLookupValues", "lookup", "count", "autoNumber", "createdTime",
        "lastModifiedTime", "createdBy", "lastModifiedBy", "button", "aiText", "externalSyncSource", "manualSort",
    }
)  # fmt: skip
PRIMARY = frozenset(
    {"singleLineText", "multilineText", "email", "url", "phoneNumber", "number", "percent", "currency", "date",
     "dateTime", "duration", "barcode", "richText"}
)  # fmt: skip


def make_table(body: Any, *, tables: list[Table]) -> tuple[Table, Reciprocal]:
    """Return a new table from the body of a create request, and the fields to add to other tables for its links.

    Raises
    ------
    ApiError
        422 for what Airtable refuses.
    """
    if not isinstance(body, dict) or set(body) - {"name", "description", "fields"} or not is_name(body.get("name")):
        raise invalid()
    if body["name"].lower() in {t["name"].lower() for t in tables}:
        raise table_name_taken(body["name"])
    fields = body.get("fields")
    if not isinstance(fields, list) or not fields:
        raise missing_fields()
    table: Table = {"id": new_id("tbl"), "name": body["name"], **_description(body), "fields": []}
    reciprocal: Reciprocal = []
    for spec in fields:
        field, others = make_field(spec, table=table, tables=tables, pending=reciprocal)
        if not table["fields"] and field["type"] not in PRIMARY:
            raise bad_primary(field["type"])
        table["fields"].append(field)
        reciprocal += others
    table["primaryFieldId"] = table["fields"][0]["id"]
    table["views"] = [{"id": new_id("viw"), "name": "Grid view", "type": "grid"}]
    return table, reciprocal


def make_field(
    spec: Any, *, table: Table, tables: list[Table], pending: Reciprocal | None = None
) -> tuple[Field, Reciprocal]:
    """Return a new field, and for a link the field that the linked table gets.

    Parameters
    ----------
    table
        The table it is for.
    tables
        Those that a link may point to.
    pending
        Fields that other tables will get in the same request.

    Raises
    ------
    ApiError
        422 for an unknown type, a computed one, wrong options or a name in use.
    """
    if not isinstance(spec, dict) or not isinstance(spec.get("type"), str):
        raise invalid()
    if set(spec) - {"name", "type", "description", "options"}:
        raise invalid()
    name, kind = spec.get("name"), spec["type"]
    free_name(name, table["fields"])
    where = f"{table['name']}.{name}"
    if kind in COMPUTED:
        raise computed_type(where, kind)
    field: Field = {"id": new_id("fld"), "name": name, "type": kind, **_description(spec)}
    try:
        if kind == "multipleRecordLinks":
            return _make_link(field, spec.get("options"), table=table, tables=tables, pending=pending or [])
        options = check_options(kind, spec.get("options"))
    except KeyError:
        raise no_type(where, kind) from None
    except ValueError:
        raise bad_options(where) from None
    if options is not None:
        field["options"] = options
    return field, []


def _make_link(
    field: Field, options: Any, *, table: Table, tables: list[Table], pending: Reciprocal
) -> tuple[Field, Reciprocal]:
    if not isinstance(options, dict) or set(options) - {"linkedTableId", "viewIdForRecordSelection"}:
        raise ValueError(options)
    other = next((t for t in tables if t["id"] == options.get("linkedTableId")), None)
    if other is None:
        raise ValueError(options)
    if options.get("viewIdForRecordSelection") not in [None, *(v["id"] for v in other["views"])]:
        raise ValueError(options)
    field["options"] = {**options, "isReversed": False, "prefersSingleRecordLink": False}
    if other is table:
        return field, []
    taken = {f["name"].lower() for f in other["fields"]} | {f["name"].lower() for t, f in pending if t is other}
    name, n = table["name"], 2
    while name.lower() in taken:
        name, n = f"{table['name']} {n}", n + 1
    back: Field = {
        "id": new_id("fld"),
        "name": name,
        "type": "multipleRecordLinks",
        "options": {
            "linkedTableId": table["id"],
            "isReversed": False,
            "prefersSingleRecordLink": False,
            "inverseLinkFieldId": field["id"],
        },
    }
    field["options"]["inverseLinkFieldId"] = back["id"]
    return field, [(other, back)]


def date_dependency(given: Any, table: Table) -> dict[str, Any]:
    """Return settings that let dates of a table depend on each other, as they are kept; nothing here acts on them.

    Raises
    ------
    ApiError
        422 for what Airtable's model does not have (Web API, “Date dependency settings”).
    """
    names = ("durationFieldId", "startDateFieldId", "endDateFieldId")
    more = ("isEnabled", "predecessorFieldId", "reschedulingMode", "shouldSkipWeekendsAndHolidays", "holidays")
    if not isinstance(given, dict) or set(given) - {*names, *more, "isForwardOnly"}:
        raise invalid()
    types = {f["id"]: f["type"] for f in table["fields"]}
    wanted = {names[0]: {"duration", "number"}, names[1]: {"date", "dateTime"}, names[2]: {"date", "dateTime"}}
    if any(not isinstance(given.get(n), str) or types.get(given[n]) not in kinds for n, kinds in wanted.items()):
        raise invalid()
    before = given.get("predecessorFieldId")
    if before is not None and (not isinstance(before, str) or types.get(before) != "multipleRecordLinks"):
        raise invalid()
    flags = (given.get("isEnabled"), given.get("shouldSkipWeekendsAndHolidays"))
    if not all(isinstance(one, bool) for one in flags) or not isinstance(given.get("isForwardOnly"), bool | None):
        raise invalid()
    days = given.get("holidays", [])
    if given.get("reschedulingMode") not in ("flexible", "fixed", "none") or not isinstance(days, list):
        raise invalid()
    if len(days) > 1000 or not all(isinstance(d, str) and DAY.fullmatch(d) for d in days):
        raise invalid()
    return {**given, "holidays": days}


def is_name(value: object) -> bool:
    """Return True for a text that something can be called."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_NAME


def free_name(name: Any, siblings: list[dict[str, Any]]) -> None:
    """Refuse a name that is none or, whatever its case, in use.

    Raises
    ------
    ApiError
        422.
    """
    if not is_name(name):
        raise invalid()
    if name.lower() in {s["name"].lower() for s in siblings}:
        raise field_name_taken(name)


def _description(body: dict[str, Any]) -> dict[str, str]:
    text = body.get("description") or ""
    if not isinstance(text, str) or len(text) > MAX_DESCRIPTION:
        raise invalid()
    return {"description": text} if text else {}
