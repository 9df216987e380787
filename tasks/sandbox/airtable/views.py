"""Views: which records of a table, in which order, and which fields of them a person sees.

A view lies among its table's: id, name and type as the Web API shows them, and beside these what it was declared with:
`filter`, `sorts`, `groups`, `visibleFieldIds`, `stackFieldId`, `dateFieldId`. The API can neither make a view nor see
what it filters by; the server's own set-up call can make one.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tasks.sandbox.airtable import filters, query
from tasks.sandbox.airtable.errors import invalid, no_view, unknown_field, view_name_taken
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.schema import Table, is_name
from tasks.sandbox.airtable.store import Base

JSON = dict[str, Any]
View = dict[str, Any]
TYPES = ("grid", "kanban", "calendar", "gallery")
OWN = ("filter", "sorts", "groups", "visibleFieldIds", "stackFieldId", "dateFieldId")
"""What a view was declared with, and the Web API does not show."""
MOST_GROUPS = 3


def make(body: JSON, base: Base, table: Table) -> View:
    """Return a new view from the body of a set-up call; it is not added.

    Raises
    ------
    ApiError
        422 for what Airtable could not make.
    """
    if set(body) - {"name", "type", *OWN} or not is_name(body.get("name")) or body.get("type", "grid") not in TYPES:
        raise invalid()
    if body["name"].casefold() in {v["name"].casefold() for v in table["views"]}:
        raise view_name_taken(body["name"])
    known = {f["id"]: f for f in table["fields"]}
    view: View = {"id": new_id("viw"), "name": body["name"], "type": body.get("type", "grid")}
    if body.get("filter") is not None:
        filters.check(body["filter"], base, table)
        view["filter"] = body["filter"]
    for name, most in (("sorts", query.MOST_SORTS), ("groups", MOST_GROUPS)):
        if body.get(name):
            view[name] = _sorts(body[name], known, most)
    if body.get("visibleFieldIds") is not None:
        view["visibleFieldIds"] = _visible(body["visibleFieldIds"], known)
    wants = {"kanban": ("stackFieldId", {"select", "person"}), "calendar": ("dateFieldId", {"date"})}
    for kind, (name, kinds) in wants.items():
        if (name in body) != (view["type"] == kind):
            raise invalid.saying(f"A {kind} view has a {name}, and no other has.")
        if name in body:
            if filters.kind_of(_field(body[name], known)) not in kinds:
                raise invalid.saying(f"{name} names no field that a {kind} view can have.")
            view[name] = body[name]
    return view


def find(table: Table, id_or_name: str) -> View:
    """Return a view of a table.

    Raises
    ------
    ApiError
        422 when there is none.
    """
    for view in table["views"]:
        if id_or_name in (view["id"], view["name"]):
            return dict(view)
    raise no_view(id_or_name)


def record_ids(base: Base, table: Table, view: View, *, today: date) -> list[str]:
    """Return the records of a view in its order: by groups, then sorts, then the order of making."""
    there = {f["id"] for f in table["fields"]}
    order = [*view.get("groups", ()), *view.get("sorts", ())]
    sort = [(s["fieldId"], s.get("direction") == "desc") for s in order if s["fieldId"] in there]
    rows = list(base.records[table["id"]])
    if view.get("filter"):
        passes = filters.compile(view["filter"], base, table, today=today)
        rows = [record for record in rows if passes(record)]
    return [record.id for record in query.in_order(base, table, rows, sort)]


def visible_ids(table: Table, view: View) -> list[str]:
    """Return the fields that a view shows, the primary one first; all of them when it does not say."""
    there = [f["id"] for f in table["fields"]]
    named = view.get("visibleFieldIds")
    if named is None:
        return there
    primary = table["primaryFieldId"]
    return [primary, *(f for f in named if f in there and f != primary)]


def shown(view: View, table: Table, *, with_fields: bool = False) -> JSON:
    """Return a view as the Web API shows it; fields of grids alone, as Airtable does."""
    bare = {key: view[key] for key in ("id", "name", "type")}
    return bare | ({"visibleFieldIds": visible_ids(table, view)} if with_fields and view["type"] == "grid" else {})


def shown_table(table: Table, *, with_fields: bool = False) -> JSON:
    """Return a table as the Web API shows it."""
    return {**table, "views": [shown(v, table, with_fields=with_fields) for v in table["views"]]}


def _field(field_id: Any, known: dict[str, JSON]) -> JSON:
    if not isinstance(field_id, str) or field_id not in known:
        raise unknown_field(str(field_id)[:100])
    return known[field_id]


def _sorts(given: Any, known: dict[str, JSON], most: int) -> list[JSON]:
    if not isinstance(given, list) or len(given) > most:
        raise invalid()
    for one in given:
        if not isinstance(one, dict) or set(one) - {"fieldId", "direction"}:
            raise invalid()
        if one.get("direction", "asc") not in ("asc", "desc"):
            raise invalid()
        _field(one.get("fieldId"), known)
    return given


def _visible(given: Any, known: dict[str, JSON]) -> list[str]:
    if not isinstance(given, list) or not given:
        raise invalid()
    ids = [_field(one, known)["id"] for one in given]
    if len(set(ids)) < len(ids):
        raise invalid()
    return ids
