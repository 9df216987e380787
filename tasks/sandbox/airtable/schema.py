"""Tables and fields: which types can be created, with which options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.sandbox.airtable.errors import ApiError, invalid
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.values import Field

Table = dict[str, Any]

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
PLAIN = frozenset(
    {"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber", "barcode", "singleCollaborator",
     "multipleCollaborators"}
)  # fmt: skip
COLORS = ("blueLight2", "cyanLight2", "tealLight2", "greenLight2", "yellowLight2", "orangeLight2", "redLight2")


def make_table(body: Any, *, tables: list[Table]) -> tuple[Table, list[tuple[Table, Field]]]:
    """Return a new table from the body of a create request, and the fields to add to other tables for its links.

    Raises
    ------
    ApiError
        422 for what Airtable refuses.
    """
    if not isinstance(body, dict) or not _is_name(body.get("name")):
        raise invalid()
    if body["name"].lower() in {t["name"].lower() for t in tables}:
        raise ApiError(422, "DUPLICATE_TABLE_NAME", f"A table named {body['name']!r} already exists")
    fields = body.get("fields")
    if not isinstance(fields, list) or not fields:
        raise ApiError(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body')
    table: Table = {"id": new_id("tbl"), "name": body["name"], "fields": [], "views": []}
    if isinstance(body.get("description"), str) and body["description"]:
        table["description"] = body["description"]
    reciprocal = []
    for spec in fields:
        field, others = make_field(spec, table=table, tables=[*tables, table])
        if not table["fields"] and field["type"] not in PRIMARY:
            raise ApiError(422, "INVALID_PRIMARY_FIELD_TYPE", f"A {field['type']} field cannot be the primary field")
        table["fields"].append(field)
        reciprocal += others
    table["primaryFieldId"] = table["fields"][0]["id"]
    table["views"] = [{"id": new_id("viw"), "name": "Grid view", "type": "grid"}]
    return table, reciprocal


def make_field(spec: Any, *, table: Table, tables: list[Table]) -> tuple[Field, list[tuple[Table, Field]]]:
    """Return a new field, and for a link the field that the linked table gets.

    Raises
    ------
    ApiError
        422 for an unknown type, a computed one, wrong options or a name in use.
    """
    if not isinstance(spec, dict) or not _is_name(spec.get("name")) or not isinstance(spec.get("type"), str):
        raise invalid()
    unknown = set(spec) - {"name", "type", "description", "options"}
    if unknown:
        raise invalid(f"Invalid request: unknown {', '.join(sorted(unknown))}.")
    name, kind = spec["name"], spec["type"]
    if name.lower() in {f["name"].lower() for f in table["fields"]}:
        raise ApiError(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", f"A field named {name!r} already exists")
    where = f"{table['name']}.{name}"
    if kind in COMPUTED:
        raise ApiError(
            422,
            "UNSUPPORTED_FIELD_TYPE_FOR_CREATE",
            f"Invalid options for {where}: Creating {kind} fields is not supported at this time",
        )
    field: Field = {"id": new_id("fld"), "name": name, "type": kind}
    if isinstance(spec.get("description"), str) and spec["description"]:
        field["description"] = spec["description"]
    options = spec.get("options")
    if kind == "multipleRecordLinks":
        return _make_link(field, options, table=table, tables=tables, where=where)
    if kind in PLAIN:
        if options:
            raise _bad_options(where)
    elif kind in _OPTIONS:
        field["options"] = _OPTIONS[kind](options if isinstance(options, dict) else {}, where)
    else:
        raise ApiError(422, "INVALID_FIELD_TYPE", f"{where}: no field type {kind!r}")
    return field, []


def _make_link(
    field: Field, options: Any, *, table: Table, tables: list[Table], where: str
) -> tuple[Field, list[tuple[Table, Field]]]:
    if not isinstance(options, dict) or set(options) - {"linkedTableId", "viewIdForRecordSelection"}:
        raise _bad_options(where)
    other = next((t for t in tables if t["id"] == options.get("linkedTableId")), None)
    if other is None:
        raise _bad_options(where)
    field["options"] = {"linkedTableId": other["id"], "isReversed": False, "prefersSingleRecordLink": False}
    if other is table:
        return field, []
    taken = {f["name"].lower() for f in other["fields"]}
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


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 255


def _bad_options(where: str) -> ApiError:
    return ApiError(
        422, "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE", f"Invalid options for {where}: Failed schema validation"
    )


def _only(options: dict[str, Any], where: str, **checks: Callable[[Any], bool]) -> dict[str, Any]:
    if set(options) != set(checks) or not all(check(options[name]) for name, check in checks.items()):
        raise _bad_options(where)
    return dict(options)


def _precision(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, precision=lambda p: type(p) is int and 0 <= p <= 8)


def _currency(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(
        options, where, precision=lambda p: type(p) is int and 0 <= p <= 7, symbol=lambda s: isinstance(s, str)
    )


def _checkbox(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, icon=_is_name, color=_is_name)


def _choices(options: dict[str, Any], where: str) -> dict[str, Any]:
    given = options.get("choices")
    if set(options) != {"choices"} or not isinstance(given, list):
        raise _bad_options(where)
    choices: list[dict[str, str]] = []
    for n, choice in enumerate(given):
        if not isinstance(choice, dict) or not _is_name(choice.get("name")) or set(choice) - {"name", "color"}:
            raise _bad_options(where)
        if choice["name"] in {c["name"] for c in choices}:
            raise _bad_options(where)
        choices.append(
            {"id": new_id("sel"), "name": choice["name"], "color": choice.get("color", COLORS[n % len(COLORS)])}
        )
    return {"choices": choices}


def _date_format(value: Any) -> bool:
    return isinstance(value, dict) and value.get("name") in {"local", "friendly", "us", "european", "iso"}


def _time_format(value: Any) -> bool:
    return isinstance(value, dict) and value.get("name") in {"12hour", "24hour"}


def _date(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, dateFormat=_date_format)


def _date_time(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, dateFormat=_date_format, timeFormat=_time_format, timeZone=_is_name)


def _duration(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, durationFormat=_is_name)


def _rating(options: dict[str, Any], where: str) -> dict[str, Any]:
    return _only(options, where, icon=_is_name, color=_is_name, max=lambda m: type(m) is int and 1 <= m <= 10)


def _attachments(options: dict[str, Any], where: str) -> dict[str, Any]:
    if set(options) - {"isReversed"}:
        raise _bad_options(where)
    return {"isReversed": False}


_OPTIONS: Mapping[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "number": _precision,
    "percent": _precision,
    "currency": _currency,
    "checkbox": _checkbox,
    "singleSelect": _choices,
    "multipleSelects": _choices,
    "date": _date,
    "dateTime": _date_time,
    "duration": _duration,
    "rating": _rating,
    "multipleAttachments": _attachments,
}
