"""The page of one record: pictures, a form of what a person may write, the other fields, comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from tasks.sandbox.airtable import comments
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.pages import form as forms
from tasks.sandbox.airtable.pages import talk
from tasks.sandbox.airtable.pages.cells import cell, linked_table, name_of
from tasks.sandbox.airtable.pages.changes import Changes, read_changes, write
from tasks.sandbox.airtable.pages.controls import Control
from tasks.sandbox.airtable.pages.guard import Form
from tasks.sandbox.airtable.pages.people import current
from tasks.sandbox.airtable.pages.render import HEADERS, Pages
from tasks.sandbox.airtable.pages.rights import may_create, open_fields
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import Field

MOST_COMMENTS = 100
"""On one page, the newest."""
SAVED = {"1": "Lagret.", "ny": "Raden er laget.", "kommentar": "Kommentaren er lagt til."}


@dataclass(frozen=True)
class Place:
    """Where a page is: a table of a base, and a record of it, or None for a new row."""

    base: Base
    table: Table
    record: Record | None

    @property
    def path(self) -> str:
        """The address of this page."""
        return f"/base/{self.base.id}/{self.table['id']}/{self.record.id if self.record is not None else 'ny'}"

    @property
    def fields(self) -> list[Field]:
        """Fields that a person may write."""
        return open_fields(self.table, self.record)


class RecordPages:
    """Showing and changing records of one store; called with `store.lock` held."""

    def __init__(self, store: Store, pages: Pages) -> None:
        self._store, self._pages = store, pages

    def show(self, request: Request, place: Place) -> Response:
        """Answer with a record, or the form of a new one."""
        controls = forms.opened(place.base, place.record, place.fields)
        if place.record is None:
            asked = request.query_params
            forms.with_link(place.base, controls, asked.get("felt", ""), asked.get("rad", ""))
        return self._page(request, place, controls, said=SAVED.get(request.query_params.get("lagret", ""), ""))

    def save(self, request: Request, place: Place, sent: Form) -> Response:
        """Write a form, or send it back with what is wrong."""
        fields = place.fields
        changes = read_changes(place.base, place.table, place.record, sent, fields=fields)
        why = f"Kan ikke skrives lenger: {', '.join(changes.lost)}. Ingenting er lagret." if changes.lost else ""
        is_search = sent.text("do") == "find"
        if changes.is_whole and not is_search:
            if place.record is None and not (changes.values or changes.files):
                why = "Fyll ut noe før raden lages."
            else:
                try:
                    rec = write(self._store, place.base, place.table, place.record, changes, by=current(request))
                    return self._written(place, rec)
                except ApiError as error:
                    why = f"Airtable tok ikke imot endringen ({error.status}). Ingenting er lagret."
        if is_search:
            changes.errors, why = _of_search(changes, place.base, fields), ""
        controls = forms.sent_back(place.base, place.record, fields, sent, changes=changes)
        status = 200 if is_search else 409 if changes.meanwhile or changes.lost else 422
        return self._page(request, place, controls, why=why, status=status)

    def comment(self, request: Request, place: Place, sent: Form) -> Response:
        """Add a comment to a record."""
        text = sent.text("text").strip()
        if place.record is None:
            return self._pages.missing(request)
        try:
            comments.add(self._store, place.base, place.table, place.record.id, talk.as_kept(text), by=current(request))
        except ApiError:
            return self._pages.refused(request, 422, f"En kommentar har fra 1 til {comments.MAX_TEXT:,} tegn.")
        return see(f"{place.path}?lagret=kommentar#kommentarer")

    def _written(self, place: Place, rec: str) -> Response:
        path = f"/base/{place.base.id}/{place.table['id']}/{rec}"
        return see(f"{path}?lagret={'ny' if place.record is None else '1'}")

    def _page(
        self,
        request: Request,
        place: Place,
        controls: Sequence[Control],
        *,
        said: str = "",
        why: str = "",
        status: int = 200,
    ) -> Response:
        base, table, record = place.base, place.table, place.record
        name = name_of(base, table, record) if record is not None else f"Ny rad i {table['name']}"
        return self._pages.page(
            request,
            "record.html",
            status=status,
            here=place.path,
            title=name,
            base=base,
            table=table,
            record=record,
            path=place.path,
            controls=controls,
            said=said,
            why=why or ("Rett det som er merket. Ingenting er lagret." if status in (409, 422) else ""),
            **self._around(place),
        )

    def _around(self, place: Place) -> dict[str, Any]:
        """Return what stands around the form of a record; nothing for a new row."""
        if place.record is None:
            return {"pictures": [], "closed": [], "related": [], "comments": [], "older": False}
        base, record = place.base, place.record
        said = comments.of_record(self._store, base, record.id, most=MOST_COMMENTS + 1)
        cells = {f["id"]: (f, cell(base, f, record)) for f in place.table["fields"]}
        open_ids = {f["id"] for f in place.fields}
        files = [(f, file) for f, shown in cells.values() if shown["kind"] == "files" for file in shown["files"]]
        return {
            "pictures": [(f["name"], file) for f, file in files if file["is_picture"]],
            "closed": [pair for field_id, pair in cells.items() if field_id not in open_ids],
            "related": _related(base, place.fields, record),
            "comments": [talk.as_seen(c) for c in said[:MOST_COMMENTS]],
            "older": len(said) > MOST_COMMENTS,
        }


def see(path: str) -> Response:
    """Send the browser to a page, so that loading it again changes nothing."""
    return RedirectResponse(path, 303, headers=HEADERS)


def _of_search(changes: Changes, base: Base, fields: list[Field]) -> dict[str, str]:
    """Return the errors of searches that found nothing: while looking, nothing else is wrong yet."""
    links = {f["id"] for f in fields if f["type"] == LINK}
    return {f: why for f, why in changes.errors.items() if f in links and not changes.hits.get(f)}


def _related(base: Base, fields: list[Field], record: Record) -> list[tuple[str, str]]:
    """Return address and name of the tables where a new row can be linked to this one at once."""
    found = []
    for field in fields:
        other = linked_table(base, field) if field["type"] == LINK else None
        inverse = (field.get("options") or {}).get("inverseLinkFieldId")
        if other is not None and may_create(other) and inverse in {f["id"] for f in open_fields(other, None)}:
            found.append((f"/base/{base.id}/{other['id']}/ny?felt={inverse}&rad={record.id}", other["name"]))
    return found
