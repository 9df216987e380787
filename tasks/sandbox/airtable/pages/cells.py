"""A cell as the templates want it: a kind, and its text, links, pills or files. Nothing here is HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tasks.sandbox.airtable.attachments import PICTURES, path_of
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.pages.norsk import day_text, number_text, time_text
from tasks.sandbox.airtable.query import primary_text
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import NUMBER_TYPES, Field

SHOWN_LINKS = 50
"""Of a cell; the rest is a count: a kommune may have 50,000."""
RIGHT_ALIGNED = NUMBER_TYPES | {"rating", "count", "autoNumber"}
SPECIAL = {"NaN": "ikke et tall", "Infinity": "∞", "-Infinity": "−∞"}
Cell = dict[str, Any]


def cell(base: Base, field: Field, record: Record) -> Cell:
    """Return a cell of any type, computed ones too."""
    value = base.value(field, record)
    if value is None or value == []:
        return {"kind": "empty", "text": ""}
    return _shown(base, shape(field), value)


def text_of(base: Base, field: Field, record: Record) -> str:
    """Return a cell as one text: what a search looks in, what a group is called."""
    shown = cell(base, field, record)
    match shown["kind"]:
        case "links":
            return ", ".join(text for _, text in shown["links"])
        case "files":
            return ", ".join(f["filename"] for f in shown["files"])
        case "pills":
            return ", ".join(shown["pills"])
        case "check":
            return "ja"
    return str(shown["text"])


def shape(field: Field) -> Field:
    """Return a field as its values are: of a computed one, what it results in."""
    options = field.get("options") or {}
    result = options.get("result")
    if isinstance(result, dict) and "type" in result:
        return {**field, "type": result["type"], "options": result.get("options") or {}}
    if field["type"] in {"createdTime", "lastModifiedTime"}:
        return {**field, "type": "dateTime", "options": {"timeZone": "client"}}
    if field["type"] in {"count", "autoNumber"}:
        return {**field, "type": "number", "options": {"precision": 0}}
    if field["type"] in {"createdBy", "lastModifiedBy"}:
        return {**field, "type": "singleCollaborator"}
    return field


def _shown(base: Base, field: Field, value: Any) -> Cell:
    kind = field["type"]
    if isinstance(value, dict) and ("error" in value or "specialValue" in value):
        text = value.get("error") or SPECIAL.get(value["specialValue"], value["specialValue"])
        return {"kind": "error", "text": str(text)}
    if isinstance(value, list) and kind not in LISTS:
        return _several(base, field, value)
    return _SHOWN.get(kind, _text)(base, field, value)


LISTS = frozenset({LINK, "multipleAttachments", "multipleSelects", "multipleCollaborators"})
"""Types whose cell is a list by itself; of any other type, a list is what a lookup found."""


def _several(base: Base, field: Field, values: list[Any]) -> Cell:
    """Return what a lookup found, one after the other."""
    if field["type"] == "singleSelect":
        return {"kind": "pills", "pills": [str(v) for v in values]}
    shown = [_shown(base, field, v) for v in values[:SHOWN_LINKS] if v is not None]
    more = f" og {len(values) - SHOWN_LINKS} til" if len(values) > SHOWN_LINKS else ""
    texts = ["ja" if c["kind"] == "check" else c.get("text", "") for c in shown]
    return {"kind": "text", "text": ", ".join(texts) + more}


def _links(base: Base, field: Field, value: Any) -> Cell:
    found = links_to(base, field, value[:SHOWN_LINKS])
    return {"kind": "links", "links": [(href, text) for href, text, _ in found], "total": len(value)}


def links_to(base: Base, field: Field, ids: list[str]) -> list[tuple[str, str, str]]:
    """Return address, name and id of the records that a link names."""
    other = linked_table(base, field)
    if other is None:
        # What a lookup of links results in does not say which table they are of.
        homes = ((t, r) for r in ids for t in base.tables if r in base.records[t["id"]])
    else:
        homes = ((other, r) for r in ids if r in base.records[other["id"]])
    return [(f"/base/{base.id}/{t['id']}/{r}", name_of(base, t, base.records[t["id"]][r]), r) for t, r in homes]


def linked_table(base: Base, field: Field) -> Table | None:
    """Return the table that a link field points to."""
    return base.table((field.get("options") or {}).get("linkedTableId", ""))


def name_of(base: Base, table: Table, record: Record) -> str:
    """Return what a record is called."""
    return primary_text(base, table, record) or "uten navn"


def _files(base: Base, field: Field, value: Any) -> Cell:
    files = [{**a, "path": path_of(a), "is_picture": a["type"] in PICTURES} for a in value]
    return {"kind": "files", "files": files}


def _url(base: Base, field: Field, value: Any) -> Cell:
    host = web_host(value)
    if not host:
        return {"kind": "text", "text": value}
    return {"kind": "url", "text": value, "short": host.removeprefix("www.")}


def _number(base: Base, field: Field, value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _text(base, field, value)
    return {"kind": "number", "text": number_text(value, field)}


def _moment(base: Base, field: Field, value: Any) -> Cell:
    return {"kind": "text", "text": time_text(str(value), (field.get("options") or {}).get("timeZone", "client"))}


def _day(base: Base, field: Field, value: Any) -> Cell:
    return {"kind": "text", "text": day_text(str(value)[:10])}


def _text(base: Base, field: Field, value: Any) -> Cell:
    if value is True:
        return {"kind": "check", "text": "ja"}
    if isinstance(value, dict):
        return {"kind": "text", "text": label(value)}
    if isinstance(value, int | float):
        return {"kind": "number", "text": number_text(value, {"type": "number", "options": {"precision": 0}})}
    return {"kind": "text", "text": str(value)}


def label(value: Mapping[str, Any]) -> str:
    """Return what a person or another composite value is called."""
    return next((str(value[key]) for key in ("filename", "text", "name", "email", "id") if value.get(key)), "")


_SHOWN: Mapping[str, Callable[[Base, Field, Any], Cell]] = {
    **dict.fromkeys(RIGHT_ALIGNED, _number),
    LINK: _links,
    "multipleAttachments": _files,
    "url": _url,
    "date": _day,
    "dateTime": _moment,
    "singleSelect": lambda base, field, value: {"kind": "pills", "pills": [str(value)]},
    "multipleSelects": lambda base, field, value: {"kind": "pills", "pills": [str(v) for v in value]},
    "multipleCollaborators": lambda base, field, value: {"kind": "text", "text": ", ".join(label(v) for v in value)},
}


def web_host(address: str) -> str:
    """Return the host of an http or https address, "" for anything else: nothing else becomes a link."""
    try:
        url = urlsplit(address)
    except ValueError:
        return ""
    return url.netloc if url.scheme in {"http", "https"} else ""
