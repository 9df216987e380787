"""A form as the template draws it: a control for each field that a person may write, first opened or sent back."""

from __future__ import annotations

from typing import Any

from tasks.sandbox.airtable.attachments import path_of
from tasks.sandbox.airtable.pages.cells import SHOWN_LINKS, linked_table, links_to, name_of
from tasks.sandbox.airtable.pages.changes import Changes
from tasks.sandbox.airtable.pages.controls import Control, as_was, kind_of, options_of, shown, ticked
from tasks.sandbox.airtable.pages.guard import Form
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.store import Base
from tasks.sandbox.airtable.values import Field

ONE_LINE = frozenset({"text", "email", "url", "tel"})


def opened(base: Base, record: Record | None, fields: list[Field]) -> list[Control]:
    """Return the controls of a form as it is first opened; for a new row when there is no record."""
    return [_of_cell(base, f, base.value(f, record) if record is not None else None) for f in fields]


def sent_back(base: Base, record: Record | None, fields: list[Field], form: Form, *, changes: Changes) -> list[Control]:
    """Return the controls of a form with what was typed, and what is wrong with it."""
    controls = opened(base, record, fields)
    carried = set(form.many("has"))
    for control in controls:
        field_id = control.field["id"]
        if field_id not in carried:
            continue
        control.error = changes.errors.get(field_id, "")
        if control.kind == "links":
            _search_again(base, control, form, changes)
        elif control.kind == "files":
            control.gone = form.many(f"x:{field_id}")
            if not control.error and form.uploads(f"file:{field_id}"):
                control.error = "Velg filen på nytt: den er ikke lagret ennå."
        elif control.kind == "choices":
            control.chosen, control.was = form.many(f"f:{field_id}"), form.text(f"was:{field_id}")
        else:
            control.text = form.text(f"f:{field_id}")
            if field_id not in changes.meanwhile:
                control.was = form.text(f"was:{field_id}")
            _fit(control)
    return controls


def with_link(base: Base, controls: list[Control], field_id: str, rec: str) -> None:
    """Tick a record in a link of a new row."""
    for control in controls:
        other = linked_table(base, control.field)
        if control.field["id"] == field_id and other is not None and rec in base.records[other["id"]]:
            control.options = [(rec, name_of(base, other, base.records[other["id"]][rec]))]
            control.chosen = [rec]


def _of_cell(base: Base, field: Field, value: Any) -> Control:
    control = Control(field, kind_of(field), options=options_of(field, value))
    if control.kind == "links":
        control.there = links_to(base, field, (value or [])[:SHOWN_LINKS])
        control.more = max(0, len(value or []) - SHOWN_LINKS)
    elif control.kind == "files":
        control.there = [(path_of(a), a["filename"], a["id"]) for a in value or []]
    elif control.kind == "choices":
        control.chosen = ticked(field, value)
        control.was = as_was(control.chosen)
    else:
        control.text = control.was = shown(field, value)
        _fit(control)
    return control


def _fit(control: Control) -> None:
    """Give a text of several lines the room that one line has not: a browser would take its line ends away."""
    if control.kind in ONE_LINE and {"\n", "\r"} & {*control.text, *control.was}:
        control.kind = "long"
    if control.kind == "choice" and control.text and control.text not in dict(control.options):
        control.options = [*control.options, (control.text, control.text)]


def _search_again(base: Base, control: Control, form: Form, changes: Changes) -> None:
    field_id = control.field["id"]
    hits = [hit.id for hit in changes.hits.get(field_id, [])]
    # Once it is answered by a choice of records, the text is not looked for again.
    control.text = "" if hits else form.text(f"q:{field_id}")
    control.gone = form.many(f"x:{field_id}")
    other = linked_table(base, control.field)
    if other is None:
        return
    rows = base.records[other["id"]]
    control.chosen = [r for r in form.many(f"add:{field_id}") if r in rows]
    if field_id in changes.picked and (len(hits) == 1 or form.text("do") != "find"):
        control.chosen.append(changes.picked[field_id])
    have = {rec for _, _, rec in control.there}
    found = dict.fromkeys([*control.chosen, *hits])
    control.options = [(r, name_of(base, other, rows[r])) for r in found if r not in have]
