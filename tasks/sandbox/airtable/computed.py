"""Computed fields declared: what people make by hand in Airtable, from its own JSON form, checked as it checks it.

Kept and answered are the options of Airtable's schema: the fields that a formula names by id, whether it is valid,
what it gives. The formula of a rollup and the filter of linked records are kept, and not answered, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.formel import name_of, tree_of, walk
from tasks.sandbox.airtable import schema
from tasks.sandbox.airtable.errors import ApiError, bad_options, invalid, no_type
from tasks.sandbox.airtable.formula import FILTERING, MAX_CHARACTERS, Shape
from tasks.sandbox.airtable.ids import new_id
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.options import check_options
from tasks.sandbox.airtable.planning import Plan
from tasks.sandbox.airtable.reading import field_map
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import COMPUTED, NUMBER_TYPES, Field

JSON = dict[str, Any]
OPTIONS = {
    "formula": {"formula", "result"},
    "rollup": {"recordLinkFieldId", "fieldIdInLinkedTable", "formula", "filter", "result"},
    "multipleLookupValues": {"recordLinkFieldId", "fieldIdInLinkedTable", "filter"},
    "count": {"recordLinkFieldId", "filter"},
    "lastModifiedTime": {"referencedFieldIds", "result"},
    "lastModifiedBy": {"referencedFieldIds"},
    "createdTime": {"result"},
    "createdBy": set(),
    "autoNumber": set(),
}
DATE = {"dateFormat": {"name": "iso", "format": "YYYY-MM-DD"}}
TIME = {**DATE, "timeFormat": {"name": "24hour", "format": "HH:mm"}, "timeZone": "Europe/Oslo"}
RESULTS: Mapping[str, JSON] = {
    "text": {"type": "singleLineText"},
    "number": {"type": "number", "options": {"precision": 0}},
    "date": {"type": "date", "options": DATE},
    "dateTime": {"type": "dateTime", "options": TIME},
}
"""What Airtable shows a value as unless people choose otherwise; text for lists and for what is never filled."""
FITTING = {
    "number": NUMBER_TYPES | {"rating"},
    "date": frozenset({"date", "dateTime"}),
    "dateTime": frozenset({"date", "dateTime"}),
}
WATCHABLE = "a field whose changes are told is one that people write"


def declare(store: Store, base: Base, table: Table, spec: Any) -> Field:
    """Add a computed field to a table.

    Parameters
    ----------
    spec
        ``name``, ``type``, ``description`` and ``options`` as Airtable's schema has them: ``formula`` with fields in
        braces by id or name; ``recordLinkFieldId``, ``fieldIdInLinkedTable`` (not for counts), of a rollup a
        ``formula`` over `values`, and a ``filter`` of the linked records; ``referencedFieldIds``; ``result`` to show
        a number with decimals or a date otherwise.

    Raises
    ------
    ApiError
        422 for what is no computed field, names what is not there, or stands on itself.
    """
    if not isinstance(spec, dict) or set(spec) - {"name", "type", "description", "options"}:
        raise invalid()
    kind, options = spec.get("type"), spec.get("options") or {}
    schema.free_name(spec.get("name"), table["fields"])
    where = f"{table['name']}.{spec['name']}"
    if kind not in COMPUTED:
        raise no_type(where, kind)
    if not isinstance(options, dict) or set(options) - OPTIONS[kind]:
        raise bad_options(where)
    about = spec.get("description") or ""
    if not isinstance(about, str) or len(about) > schema.MAX_DESCRIPTION:
        raise invalid()
    own: Field = {"id": new_id("fld"), "name": spec["name"], "type": kind, **({"description": about} if about else {})}
    with store.change(base):
        try:
            kept, hidden = _options(base, table, own, options)
            own |= {"options": kept} if kept is not None else {}
            store.add_fields(base, [(table, own)])
            if hidden:
                base.specs[own["id"]] = hidden
            _settle(own, options, base.computed.check(own["id"]), base)
        except KeyError as error:
            raise _because(where, f"no field {error}") from None
        except ValueError as error:
            raise _because(where, str(error)) from None
        except ApiError as error:
            raise _because(where, error.body["error"]["message"].removeprefix(FILTERING)) from None
        base.computed.reset()
    return own


def _because(where: str, why: str) -> ApiError:
    return bad_options.saying(f"Invalid options for {where}: {why}")


def _options(base: Base, table: Table, own: Field, given: JSON) -> tuple[JSON | None, JSON]:
    """Return the options that are answered, and those that are not."""
    kind, known = own["type"], field_map(table) | {own["name"]: own}
    if kind in {"createdBy", "autoNumber"}:
        return None, {}
    if kind == "formula":
        text = _text(given.get("formula"))
        return {"isValid": True, "formula": _by_id(text, known), "referencedFieldIds": _named(text, known)}, {}
    if kind in {"lastModifiedTime", "lastModifiedBy"}:
        named = given.get("referencedFieldIds", [])
        if not isinstance(named, list) or len(set(named)) < len(named):
            raise ValueError("referencedFieldIds is a list of fields")
        ids = [known[name]["id"] for name in named]
        if any(known[i]["type"] in COMPUTED for i in ids):
            raise ValueError(WATCHABLE)
        return {"isValid": True, "referencedFieldIds": ids}, {}
    if kind == "createdTime":
        return {}, {}
    return _over_links(base, known, kind, given)


def _over_links(base: Base, known: Mapping[str, Field], kind: str, given: JSON) -> tuple[JSON, JSON]:
    link = known[str(given.get("recordLinkFieldId"))]
    other = base.table(link["options"]["linkedTableId"]) if link["type"] == LINK else None
    if other is None:
        raise ValueError(f"{link['name']} is no link")
    kept: JSON = {"isValid": True, "recordLinkFieldId": link["id"]}
    hidden: JSON = {}
    if kind != "count":
        kept["fieldIdInLinkedTable"] = field_map(other)[str(given.get("fieldIdInLinkedTable"))]["id"]
    if kind == "rollup":
        kept["referencedFieldIds"] = []
        hidden["formula"] = _text(given.get("formula", "ARRAYJOIN(values)"))
    if given.get("filter") is not None:
        from tasks.sandbox.airtable import filters  # it reads computed fields in its turn

        filters.check(given["filter"], base, other)
        hidden["filter"] = given["filter"]
    return kept, hidden


def _text(formula: Any) -> str:
    if not isinstance(formula, str) or not 0 < len(formula) <= MAX_CHARACTERS:
        raise ValueError(f"a formula has 1 to {MAX_CHARACTERS} characters")
    return formula


def _named(formula: str, known: Mapping[str, Field]) -> list[str]:
    """Return the ids of the fields that a formula names, each once."""
    nodes = [n for n in walk(tree_of(formula)) if n.data in {"field", "bare"}]
    return list(dict.fromkeys(known[name_of(n)]["id"] for n in nodes))


def _by_id(formula: str, known: Mapping[str, Field]) -> str:
    """Return a formula with its fields named by id, as the schema shows it."""
    out, at = [], 0
    for node in walk(tree_of(formula)):
        if node.data in {"field", "bare"}:
            token: Any = node.children[0]
            out += [formula[at : token.start_pos], f"{{{known[name_of(node)]['id']}}}"]
            at = token.end_pos
    return "".join([*out, formula[at:]])


def _settle(own: Field, given: JSON, plan: Plan, base: Base) -> None:
    """Complete the options with what the field gives."""
    if own["type"] == "multipleLookupValues":
        target = base.computed.field(own["options"]["fieldIdInLinkedTable"])
        result = target.get("options", {}).get("result") if target["type"] in COMPUTED else None
        own["options"]["result"] = result or {k: target[k] for k in ("type", "options") if k in target}
    elif own["type"] in {"formula", "rollup", "lastModifiedTime", "createdTime"}:
        own["options"]["result"] = _result(given.get("result"), plan.shape)


def _result(given: Any, shape: Shape) -> JSON:
    """Return how a value is shown: as asked for when that fits."""
    kind = shape.element if shape.kind == "list" else shape.kind
    usual = RESULTS.get(kind, RESULTS["text"])
    if given is None:
        return usual
    if not isinstance(given, dict) or given.get("type") not in FITTING.get(kind, frozenset()):
        raise ValueError(f"the result is shown as {usual['type']}")
    try:
        options = check_options(given["type"], given.get("options") or {})
    except (KeyError, ValueError):
        raise ValueError("the options of the result do not fit its type") from None
    return {"type": given["type"], **({"options": options} if options else {})}
