"""What a form changes: each field read, compared with what it showed and with what is there now, and written.

All of it is written or nothing: one wrong field, and the form comes back with what was typed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from tasks.sandbox.airtable import attachments
from tasks.sandbox.airtable.actor import Actor
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.pages.cells import linked_table
from tasks.sandbox.airtable.pages.controls import TypedError, kind_of, refused, shown, typed, was_ticked, with_ticks
from tasks.sandbox.airtable.pages.guard import Form, Upload
from tasks.sandbox.airtable.pages.search import Hit, exact, find_records
from tasks.sandbox.airtable.records import Writer
from tasks.sandbox.airtable.rows import Record, Rows
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import Field, clean

MEANWHILE = "Noen andre har endret feltet mens du skrev. Nå står det: {}. Lagre igjen for å sette inn ditt."


@dataclass
class Changes:
    """What a form wants.

    Attributes
    ----------
    values
        Field id → value as the Web API takes it; of changed fields alone.
    files
        Field id → files to add.
    errors
        Field id → what is wrong.
    meanwhile
        Ids of fields that somebody else has changed since the form was opened.
    hits
        Link field id → records that its search found.
    picked
        Link field id → the one record that what was typed means.
    lost
        Fields that are gone or closed, with what was typed in them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[Upload]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    meanwhile: set[str] = field(default_factory=set)
    hits: dict[str, list[Hit]] = field(default_factory=dict)
    picked: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """True when all of it can be written."""
        return not (self.errors or self.lost)


def read_changes(base: Base, table: Table, record: Record | None, form: Form, *, fields: list[Field]) -> Changes:
    """Return what a form changes in a record, or fills in a new one.

    Parameters
    ----------
    fields
        Those that may be written.
    """
    changes = Changes()
    known = {f["id"]: f for f in fields}
    names = {f["id"]: f["name"] for f in table["fields"]}
    for field_id in dict.fromkeys(form.many("has")):
        if field_id not in known:
            if (text := form.text(f"f:{field_id}")) != form.text(f"was:{field_id}"):
                changes.lost.append(f"{names.get(field_id, 'et felt som er slettet')} («{text[:200]}»)")
            continue
        there = base.value(known[field_id], record) if record is not None else None
        try:
            _read(changes, base, known[field_id], there=there, form=form)
        except TypedError as error:
            changes.errors[field_id] = str(error)
        except ApiError:
            changes.errors[field_id] = refused(known[field_id])
    return changes


def _read(changes: Changes, base: Base, field: Field, *, there: Any, form: Form) -> None:
    field_id = field["id"]
    match kind_of(field):
        case "files":
            _read_files(changes, field, there=there, form=form)
            return
        case "links":
            value = _linked(changes, base, field, there=there, form=form)
            is_changed = value != (there or [])
        case "choices":
            now, was = form.many(f"f:{field_id}"), was_ticked(form.text(f"was:{field_id}"))
            added, removed = [v for v in now if v not in was], [v for v in was if v not in now]
            value = with_ticks(field, there, added=added, removed=removed)
            is_changed = bool(added or removed)
        case _:
            value, is_changed = _one_value(changes, field, there=there, form=form)
    if is_changed:
        clean(field, value, typecast=False)
        changes.values[field_id] = value


def _one_value(changes: Changes, field: Field, *, there: Any, form: Form) -> tuple[Any, bool]:
    """Return the value of a control that has one, and whether somebody changed it here."""
    field_id = field["id"]
    text, was, now = form.text(f"f:{field_id}"), form.text(f"was:{field_id}"), _as_sent(shown(field, there))
    if text in (was, now):
        return None, False
    value = typed(field, text, there=there)
    if was != now:
        changes.meanwhile.add(field_id)
        raise TypedError(MEANWHILE.format(f"«{now[:200]}»" if now else "ingenting"))
    return value, True


def _as_sent(text: str) -> str:
    """Return a text as a browser sends it back: it has no null character."""
    return text.replace("\x00", "\ufffd").replace("\r", "\n")


def _linked(changes: Changes, base: Base, field: Field, *, there: Any, form: Form) -> list[str]:
    """Return the ids that a link shall hold; what is searched for is added when one record alone is called so."""
    field_id = field["id"]
    other = linked_table(base, field)
    rows = base.records[other["id"]] if other is not None else Rows()
    removed = set(form.many(f"x:{field_id}"))
    chosen = [r for r in dict.fromkeys(form.many(f"add:{field_id}")) if r in rows]
    text = form.text(f"q:{field_id}").strip()
    if text and other is not None:
        found = changes.hits[field_id] = find_records(base, other, text)
        one = exact(found, text)
        if one is not None:
            chosen.append(one)
            changes.picked[field_id] = one
        elif not {hit.id for hit in found} & set(chosen):
            raise TypedError(f"Flere passer til «{text[:60]}». Velg." if found else f"Ingen passer til «{text[:60]}».")
    kept = [r for r in there or [] if r not in removed]
    return list(dict.fromkeys([*kept, *chosen]))


def _read_files(changes: Changes, field: Field, *, there: Any, form: Form) -> None:
    removed = set(form.many(f"x:{field['id']}"))
    kept = [{"id": a["id"]} for a in there or [] if a["id"] not in removed]
    if len(kept) < len(there or []):
        changes.values[field["id"]] = kept
    uploads = form.uploads(f"file:{field['id']}")
    if any(len(u.data) > attachments.MAX_BYTES for u in uploads):
        raise TypedError("En fil kan være på høyst 5 MB.")
    if uploads:
        changes.files[field["id"]] = uploads


def write(store: Store, base: Base, table: Table, record: Record | None, changes: Changes, *, by: Actor) -> str:
    """Write what a form changes, as one change of this person, and return the record's id.

    Raises
    ------
    ApiError
        When the Web API would refuse it.
    """
    kept: list[str] = []
    try:
        return _write(store, base, table, record, changes, by=by, kept=kept)
    except BaseException:
        for attachment_id in kept:
            attachments.drop(store.folder, attachment_id)
        raise


def _write(
    store: Store, base: Base, table: Table, record: Record | None, changes: Changes, *, by: Actor, kept: list[str]
) -> str:
    with store.change(base, by=by):
        writer = Writer(store, base, table, typecast=False)
        if record is None:
            rec = writer.create({k: v for k, v in changes.values.items() if v is not None})
        else:
            rec = writer.update(record.id, changes.values, replace=False)
        for field_id, uploads in changes.files.items():
            for upload in uploads:
                content = base64.b64encode(upload.data).decode("ascii")
                body = {"contentType": upload.kind, "filename": upload.name, "file": content}
                attachment = attachments.keep(store.folder, body)
                kept.append(attachment["id"])
                there = base.records[table["id"]][rec].cells.get(field_id, [])
                store.update(base, table, rec, {field_id: [*there, attachment]})
    return rec
