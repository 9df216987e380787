"""The routes of the pages: what is shown, and the three forms that change something."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.airtable.attachments import find
from tasks.sandbox.airtable.pages.guard import Form, Guard, RefusedError
from tasks.sandbox.airtable.pages.listing import Listing
from tasks.sandbox.airtable.pages.people import COOKIE, person
from tasks.sandbox.airtable.pages.record import Place, RecordPages, see
from tasks.sandbox.airtable.pages.render import HEADERS, STYLE, Pages
from tasks.sandbox.airtable.pages.rights import may_create
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store

COMEBACK = re.compile(r"/(base/[A-Za-z0-9]{17}/[A-Za-z0-9]{17}(/([A-Za-z0-9]{17}|ny))?(\?view=[A-Za-z0-9]{17})?)?")
"""Where a browser may be sent after the choice of a person: a page of these, and nothing else."""
Answer = Callable[[Request, Place, Form], Response]


def add_pages(app: FastAPI, store: Store) -> None:
    """Add the pages to the application."""
    guard = Guard()
    pages = Pages(guard)
    _add_tables(app, store, pages)
    _add_records(app, store, pages, guard=guard)
    _add_people(app, pages, guard)
    _add_files(app, store, pages)


def _add_tables(app: FastAPI, store: Store, pages: Pages) -> None:
    @app.get("/")
    def start(request: Request) -> Response:
        with store.lock:
            return pages.page(request, "start.html", title="Baser", bases=list(store.bases.values()))

    @app.get("/base/{base_id}/{table_id}")
    def table(request: Request, base_id: str, table_id: str) -> Response:
        with store.lock:
            found = _table(store, base_id, table_id)
            if found is None:
                return pages.missing(request)
            return _listed(request, pages, *found, store=store)


def _listed(request: Request, pages: Pages, base: Base, table: Table, *, store: Store) -> Response:
    # The day of UTC, as the API's views and TODAY() of formulas have it.
    listing = Listing(base, table, request.query_params, today=store.now().date())
    path = f"/base/{base.id}/{table['id']}"
    here = f"{path}?view={listing.view['id']}" if request.query_params.get("view") else path
    return pages.page(
        request,
        "table.html",
        here=here,
        title=table["name"],
        base=base,
        table=table,
        listing=listing,
        may_create=may_create(table),
    )


def _add_records(app: FastAPI, store: Store, pages: Pages, *, guard: Guard) -> None:
    records = RecordPages(store, pages)

    @app.get("/base/{base_id}/{table_id}/{record_id}")
    def show(request: Request, base_id: str, table_id: str, record_id: str) -> Response:
        with store.lock:
            place = _place(store, base_id, table_id, record_id)
            return pages.missing(request) if place is None else records.show(request, place)

    @app.post("/base/{base_id}/{table_id}/{record_id}")
    async def save(request: Request, base_id: str, table_id: str, record_id: str) -> Response:
        return await changed(request, records.save, base_id, table_id, record_id)

    @app.post("/base/{base_id}/{table_id}/{record_id}/kommentar")
    async def comment(request: Request, base_id: str, table_id: str, record_id: str) -> Response:
        return await changed(request, records.comment, base_id, table_id, record_id)

    async def changed(request: Request, answer: Answer, *ids: str) -> Response:
        try:
            form = await guard.form(request)
        except RefusedError as error:
            return pages.refused(request, error.status, error.why)
        return await run_in_threadpool(locked, request, answer, form, ids)

    def locked(request: Request, answer: Answer, form: Form, ids: tuple[str, ...]) -> Response:
        with store.lock:
            place = _place(store, *ids)
            if place is None:
                return pages.missing(request, "Raden er slettet mens du skrev. Ingenting er lagret.")
            return answer(request, place, form)


def _add_people(app: FastAPI, pages: Pages, guard: Guard) -> None:
    @app.post("/person")
    async def choose(request: Request) -> Response:
        try:
            form = await guard.form(request)
        except RefusedError as error:
            return pages.refused(request, error.status, error.why)
        chosen = person(form.text("person"))
        if chosen is None:
            return pages.refused(request, 422, "Det er ingen som kan velges.")
        back = form.text("next")
        answer = see(back if COMEBACK.fullmatch(back) else "/")
        answer.set_cookie(COOKIE, chosen.id, httponly=True, samesite="strict")
        return answer


def _add_files(app: FastAPI, store: Store, pages: Pages) -> None:
    @app.get("/static/style.css")
    def style() -> Response:
        return FileResponse(STYLE, media_type="text/css", headers=HEADERS)

    @app.get("/attachments/{attachment_id}/{name:path}")
    def attachment(request: Request, attachment_id: str, name: str) -> Response:
        found = find(store.folder, attachment_id)
        if found is None:
            return pages.missing(request)
        path, picture = found
        if picture:
            return FileResponse(path, media_type=picture, headers=HEADERS)
        return FileResponse(path, media_type="application/octet-stream", headers=HEADERS, filename=name)


def _table(store: Store, base_id: str, table_id: str) -> tuple[Base, Table] | None:
    base = store.bases.get(base_id)
    table = base.table(table_id) if base else None
    return (base, table) if base and table else None


def _place(store: Store, base_id: str, table_id: str, record_id: str) -> Place | None:
    """Return where an address points; None when nothing is there, or no row may be added."""
    found = _table(store, base_id, table_id)
    if found is None:
        return None
    base, table = found
    if record_id == "ny":
        return Place(base, table, None) if may_create(table) else None
    record = base.records[table["id"]].get(record_id)
    return Place(base, table, record) if record is not None else None
