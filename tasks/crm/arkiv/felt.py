"""Fields of a base by their type: which the Web API can make, with which options, and how their values go both ways.

A field here is Airtable's own JSON of it, as it stands in the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

JSON = dict[str, Any]
LINK, FILES = "multipleRecordLinks", "multipleAttachments"
PEOPLE = frozenset({"singleCollaborator", "multipleCollaborators"})

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "singleLineText": (),
    "multilineText": (),
    "richText": (),
    "email": (),
    "url": (),
    "phoneNumber": (),
    "barcode": (),
    "singleCollaborator": (),
    "multipleCollaborators": (),
    "number": ("precision",),
    "percent": ("precision",),
    "currency": ("precision", "symbol"),
    "checkbox": ("icon", "color"),
    "rating": ("icon", "color", "max"),
    "duration": ("durationFormat",),
    "singleSelect": ("choices",),
    "multipleSelects": ("choices",),
    "date": ("dateFormat",),
    "dateTime": ("dateFormat", "timeFormat", "timeZone"),
    FILES: ("isReversed",),
    LINK: ("linkedTableId",),
}
"""Types that can be made and written, and those of their options that a create request takes; of all others Airtable
computes the value, or lets only a person make the field."""
PRIMARY = frozenset(
    {"singleLineText", "multilineText", "email", "url", "phoneNumber", "number", "percent", "currency", "date",
     "dateTime", "duration", "barcode"}
)  # fmt: skip
"""Types that a primary field may have when its table is made."""


def is_creatable(field: JSON) -> bool:
    """Return True for a field that the Web API can make."""
    return field.get("type") in OPTIONS


def is_plain(field: JSON) -> bool:
    """Return True for a field whose values are written when the record is made: neither links nor files."""
    return is_creatable(field) and field["type"] not in {LINK, FILES}


def options_sent(field: JSON) -> JSON | None:
    """Return the options to make such a field with; None for none. The ids in them are those of the backup's base."""
    given = field.get("options") or {}
    sent = {name: given[name] for name in OPTIONS[field["type"]] if name in given}
    if "choices" in sent:
        sent["choices"] = [{k: c[k] for k in ("name", "color") if c.get(k)} for c in sent["choices"]]
    for name in ("dateFormat", "timeFormat"):
        if name in sent:
            sent[name] = {"name": sent[name]["name"]}
    return sent or None


def same_kind(field: JSON, other: JSON) -> str | None:
    """Return why values of a field do not fit into another one, as the rest of a sentence; None when they do."""
    if field["type"] != other["type"]:
        return f"is {other['type']} in the base and {field['type']} in the backup"
    lacking = choices(field) - choices(other)
    if lacking and field["type"] != LINK:
        return f"lacks {len(lacking)} of the backup's options in the base"
    precision = [(f.get("options") or {}).get("precision") for f in (field, other)]
    return (
        f"shows {precision[1]} decimals in the base and {precision[0]} in the backup"
        if len(set(precision)) > 1
        else None
    )


def looks(field: JSON) -> JSON:
    """Return what of a field changes nothing of its values."""
    options = {
        name: v for name, v in (options_sent(field) or {}).items() if name not in {"linkedTableId", "isReversed"}
    }
    return {**options, "description": field.get("description") or ""}


def choices(field: JSON) -> set[str]:
    """Return the names of a select's options."""
    return {c["name"] for c in (field.get("options") or {}).get("choices") or ()}


def as_written(field: JSON, value: Any) -> Any:
    """Return a value of a plain field as it is sent: people by their id, the rest as it was read."""
    if field["type"] == "singleCollaborator":
        return {"id": value["id"]}
    if field["type"] == "multipleCollaborators":
        return [{"id": one["id"]} for one in value]
    return value


def canonical(field: JSON, value: Any) -> Any:
    """Return a value as two bases have it in common; None for an empty cell.

    Airtable ends a formatted text with a line break, whether it was sent or not.
    """
    if field["type"] == "richText" and isinstance(value, str):
        value = value.rstrip("\n")
    if value is None or value is False or value in ("", []):  # a 0 is a value, and equals False
        return None
    if field["type"] == "singleCollaborator":
        return value["id"]
    if field["type"] == "multipleCollaborators":
        return sorted(one["id"] for one in value)
    return value


def people_in(fields: Mapping[str, JSON], cells: Mapping[str, Any]) -> int:
    """Return how many people the cells of a record name.

    Parameters
    ----------
    fields
        By id.
    """
    return sum(
        len(v) if isinstance(v, list) else 1 for i, v in cells.items() if i in fields and fields[i]["type"] in PEOPLE
    )


def files_in(fields: Mapping[str, JSON], cells: Mapping[str, Any]) -> Iterator[tuple[str, list[JSON]]]:
    """Yield field id and attachments of the cells that hold some."""
    for i, cell in cells.items():
        if i in fields and fields[i]["type"] == FILES and isinstance(cell, list):
            yield i, [a for a in cell if isinstance(a, dict)]


def links_in(fields: Mapping[str, JSON], cells: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield field id and record ids of the cells that hold links."""
    for i, cell in cells.items():
        if i in fields and fields[i]["type"] == LINK and isinstance(cell, list):
            yield i, [r for r in cell if isinstance(r, str)]


def fields_of(table: JSON) -> dict[str, JSON]:
    """Return the fields of a table by id."""
    return {f["id"]: f for f in table["fields"]}
