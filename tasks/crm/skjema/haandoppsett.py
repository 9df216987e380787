"""What is made by hand in Airtable, made in the local one: its own set-up calls declare computed fields and views.

Airtable's Web API has no such calls; nothing here ever speaks to another server than the local one on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lark import Token
from pyairtable import Api, Base

from config.base import BaseRegister
from config.formel import name_of, tree_of, walk
from config.haand import Betingelse, Filter, Formelfelt, Gruppe, Sortering, Visning
from config.settings import host_of, is_loopback
from tasks.crm.client import readable_errors
from tasks.crm.skjema.avvik import Located, options_of
from tasks.crm.skjema.ids import locate, read_schema
from tasks.errors import ConfigError

PRODUCT = "tomtesourcing local Airtable"
"""What the local Airtable's /health calls itself."""

JSON = dict[str, Any]


class _LacksError(LookupError):
    """The base lacks a field that a manual part names."""


@dataclass
class _There:
    """A table as the base has it.

    Attributes
    ----------
    primary
        Id of the primary field.
    fields
        Name → id: what the register calls a field, else what the base does; names without regard to case.
    links
        Id of a link field → id of the table it points to.
    views
        Names of the views, without regard to case.
    """

    id: str
    primary: str
    fields: dict[str, str]
    links: dict[str, str]
    views: set[str]

    def field(self, name: str) -> str:
        """Return the id of a field."""
        try:
            return self.fields[name.casefold()]
        except KeyError:
            raise _LacksError(name) from None


def make_by_hand(
    base: Base, register: BaseRegister, remembered: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Declare every computed field and view of the register that a base of the local Airtable lacks, in its order.

    What is there by name is left as it is: `tomt base check` tells of differences. A part that names a field which
    people have deleted is left out.

    Parameters
    ----------
    remembered
        Ids known from before, as `BaseState.schema` keeps them: what people have renamed is found by them.

    Returns
    -------
    list of str
        What was made and what was left out, a line each; empty when nothing was missing.

    Raises
    ------
    ConfigError
        When the server is not the local Airtable; nothing but its name has been asked for then.
    AirtableError
        When it refuses a part.
    """
    _require_local(base.api)
    found = locate(read_schema(base), register, remembered or {})
    tables = {navn: _there(located) for navn, located in found.items()}
    lines: list[str] = []
    with readable_errors("making computed fields and views"):
        for felt in register.formel:
            if felt.tabell in tables:
                lines += _make_field(base, felt, register, tables)
        for view in register.visning:
            if view.tabell in tables:
                lines += _make_view(base, view, tables[view.tabell])
    return lines


def _require_local(api: Api) -> None:
    """Raise unless the API is that of the local Airtable, on this machine; another host is not even asked."""
    url = str(api.endpoint_url).rstrip("/")
    if is_loopback(url):
        with readable_errors("asking whether this is the local Airtable"):
            answer = api.session.get(f"{url}/health", timeout=api.timeout)
            if answer.ok and answer.json().get("product") == PRODUCT:
                return
    raise ConfigError(
        f"{host_of(url)} is not the local Airtable: computed fields and views are made by hand there, by the guide "
        "that `tomt base guide` writes."
    )


def _there(located: Located) -> _There:
    table = located.table
    known = {f.name.casefold(): f.id for f in table.fields}
    links = {f.id: options_of(f).get("linkedTableId") for f in table.fields}
    return _There(
        id=table.id,
        primary=table.primary_field_id,
        fields=known | {name.casefold(): f.id for name, f in located.fields.items()},
        links={field_id: str(other) for field_id, other in links.items() if other is not None},
        views={v.name.casefold() for v in table.views},
    )


def _make_field(base: Base, felt: Formelfelt, register: BaseRegister, tables: Mapping[str, _There]) -> list[str]:
    table, hvor = tables[felt.tabell], f"{felt.tabell}.{felt.navn}"
    lines = []
    if felt.navn.casefold() not in table.fields:
        try:
            body = _field_body(felt, tables)
        except _LacksError as lack:
            return [f"left out: field {hvor}, for want of {lack}"]
        table.fields[felt.navn.casefold()] = base.api.post(_url(base, table, "fields"), json=body)["id"]
        lines.append(f"field {hvor}")
    field_id, key = table.field(felt.navn), table.fields.get(register.table(felt.tabell).felt[0].navn.casefold())
    # Whatever else people have made the primary field is theirs to choose.
    if felt.hovedfelt and table.primary == key:
        base.api.patch(_url(base, table), json={"primaryFieldId": field_id})
        table.primary = field_id
        lines.append(f"primary field {hvor}")
    return lines


def _field_body(felt: Formelfelt, tables: Mapping[str, _There]) -> JSON:
    """Return a computed field as the server's own call takes it: Airtable's form, fields by id."""
    own = tables[felt.tabell]
    options: JSON = {}
    if felt.type == "formula":
        options["formula"] = with_ids(str(felt.formel), own.field)
    if felt.ser:
        options["referencedFieldIds"] = [own.field(name) for name in felt.ser]
    if felt.lenke is not None:
        link = own.field(felt.lenke)
        linked = next((t for t in tables.values() if t.id == own.links.get(link)), None)
        if linked is None:
            raise _LacksError(felt.lenke)
        options["recordLinkFieldId"] = link
        if felt.felt is not None:
            options["fieldIdInLinkedTable"] = linked.field(felt.felt)
        if felt.type == "rollup":
            options["formula"] = felt.formel
        if felt.filter:
            options["filter"] = _filter(felt.filter, linked)
    if felt.desimaler is not None:
        options["result"] = {"type": "number", "options": {"precision": felt.desimaler}}
    return {"name": felt.navn, "type": felt.type, "description": felt.betyr, "options": options}


def with_ids(formula: str, field: Callable[[str], str]) -> str:
    """Return a formula whose fields stand by id; texts are left as they are.

    Parameters
    ----------
    field
        Name → id.

    Examples
    --------
    >>> with_ids('IF({Navn}, "{Navn}", {Eier-id})', {"Navn": "fldA", "Eier-id": "fldB"}.__getitem__)
    'IF({fldA}, "{Navn}", {fldB})'
    """
    out, at = "", 0
    for node in walk(tree_of(formula)):
        if node.data == "field" and isinstance(braced := node.children[0], Token):
            out += f"{formula[at : braced.start_pos]}{{{field(name_of(node))}}}"
            at = braced.end_pos or at
    return out + formula[at:]


def _make_view(base: Base, view: Visning, table: _There) -> list[str]:
    hvor = f"{view.tabell}/{view.navn}"
    if view.navn.casefold() in table.views:
        return []
    try:
        body = _view_body(view, table)
    except _LacksError as lack:
        return [f"left out: view {hvor}, for want of {lack}"]
    base.api.post(_url(base, table, "views"), json=body)
    table.views.add(view.navn.casefold())
    return [f"view {hvor}"]


def _view_body(view: Visning, table: _There) -> JSON:
    """Return a view as the server's own call takes it."""
    body: JSON = {"name": view.navn, "type": view.type, "visibleFieldIds": [table.field(name) for name in view.felt]}
    if view.filter:
        body["filter"] = _filter(view.filter, table)
    if view.sortering:
        body["sorts"] = _sorts(view.sortering, table)
    if view.gruppering:
        body["groups"] = _sorts(view.gruppering, table)
    if view.stabel is not None:
        body["stackFieldId"] = table.field(view.stabel)
    if view.dato is not None:
        body["dateFieldId"] = table.field(view.dato)
    return body


def _sorts(sorts: Sequence[Sortering], table: _There) -> list[JSON]:
    words = {"stigende": "asc", "synkende": "desc"}
    return [{"fieldId": table.field(s.felt), "direction": words[s.retning]} for s in sorts]


def _filter(conditions: Filter, table: _There) -> JSON:
    """Return a filter of which every condition must hold, fields by id; operators as Airtable's screens spell them."""
    return {"conjunction": "and", "filterSet": [_condition(one, table) for one in conditions]}


def _condition(one: Betingelse | Gruppe, table: _There) -> JSON:
    if isinstance(one, Gruppe):
        return {"conjunction": "or", "filterSet": [_condition(each, table) for each in one.eller]}
    condition: JSON = {"fieldId": table.field(one.felt), "operator": one.er}
    if one.verdi is not None:
        condition["value"] = list(one.verdi) if isinstance(one.verdi, tuple) else one.verdi
    return condition


def _url(base: Base, table: _There, *part: str) -> str:
    return "/".join([str(base.api.endpoint_url).rstrip("/"), "own/bases", base.id, "tables", table.id, *part])
