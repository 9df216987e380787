"""The pages: the bases as a person wants to see them. Server-rendered, everything escaped, nothing from outside."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from tasks.sandbox.airtable.attachments import PICTURES, find, path_of
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.query import field_map, plain, primary_text, select
from tasks.sandbox.airtable.rows import Record
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store
from tasks.sandbox.airtable.values import NUMBER_TYPES, Field

HERE = Path(__file__).parent
ROWS = 50
SHOWN_LINKS = 50
"""Of a cell; the rest is a count: a kommune may have 50,000."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_jinja = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
)
_jinja.filters["rows"] = lambda count: f"{count} rad" if count == 1 else f"{count} rader"


def add_pages(app: FastAPI, store: Store) -> None:
    """Add the pages to the application."""

    @app.get("/")
    def start() -> Response:
        with store.lock:
            return _page("start.html", title="Baser", bases=list(store.bases.values()))

    @app.get("/base/{base_id}/{table_id}")
    def grid(request: Request, base_id: str, table_id: str) -> Response:
        with store.lock:
            found = _find(store, base_id, table_id)
            if found is None:
                return _missing()
            return _grid(*found, request)

    @app.get("/base/{base_id}/{table_id}/{record_id}")
    def one(base_id: str, table_id: str, record_id: str) -> Response:
        with store.lock:
            found = _find(store, base_id, table_id)
            record = found[0].records[found[1]["id"]].get(record_id) if found else None
            if found is None or record is None:
                return _missing()
            base, table = found
            cells = [(f, cell(base, f, record)) for f in table["fields"]]
            return _page("record.html", title=primary_text(base, table, record), base=base, table=table, cells=cells)

    @app.get("/static/style.css")
    def style() -> Response:
        return FileResponse(HERE / "static" / "style.css", media_type="text/css", headers=HEADERS)

    @app.get("/attachments/{attachment_id}/{name:path}")
    def attachment(attachment_id: str, name: str) -> Response:
        found = find(store.folder, attachment_id)
        if found is None:
            return _missing()
        path, picture = found
        if picture:
            return FileResponse(path, media_type=picture, headers=HEADERS)
        return FileResponse(path, media_type="application/octet-stream", headers=HEADERS, filename=name)


def _find(store: Store, base_id: str, table_id: str) -> tuple[Base, Table] | None:
    base = store.bases.get(base_id)
    table = base.table(table_id) if base else None
    return (base, table) if base and table else None


def _page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    html = _jinja.get_template(template).render(context)
    return HTMLResponse(html, status, headers=HEADERS)


def _missing() -> HTMLResponse:
    return _page("missing.html", status=404, title="Finnes ikke")


def _grid(base: Base, table: Table, request: Request) -> Response:
    text = request.query_params.get("q", "")[:200].strip()
    known = field_map(table)
    sort = request.query_params.get("sort", "")
    descending = request.query_params.get("desc") == "1"
    order = [(sort, descending)] if sort in known else []
    rows = base.records[table["id"]]
    ids = select(base, table, sort=order)
    if text:
        ids = [i for i in ids if _holds(base, table, rows[i], text.casefold())]
    pages = max(1, math.ceil(len(ids) / ROWS))
    page = min(max(1, _whole(request.query_params.get("page"))), pages)

    def link(**changes: object) -> str:
        now: dict[str, object] = {"q": text, "sort": sort, "desc": int(descending), "page": page}
        return "?" + urlencode({k: v for k, v in {**now, **changes}.items() if v not in ("", 0)})

    shown = [rows[i] for i in ids[(page - 1) * ROWS : page * ROWS]]
    return _page(
        "grid.html",
        title=table["name"],
        base=base,
        table=table,
        text=text,
        sort=known[sort]["id"] if order else "",
        descending=descending,
        total=len(ids),
        everything=len(rows),
        page=page,
        pages=pages,
        link=link,
        rows=[(r.id, [(f, cell(base, f, r)) for f in table["fields"]]) for r in shown],
    )


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 1


def _holds(base: Base, table: Table, record: Record, text: str) -> bool:
    return any(text in plain(base, f, record).casefold() for f in table["fields"])


def cell(base: Base, field: Field, record: Record) -> dict[str, Any]:  # noqa: PLR0911  # one return per kind
    """Return a cell as the templates want it: kind, and text, links or files."""
    value = base.value(field, record)
    kind = field["type"]
    if value is None:
        return {"kind": "empty", "text": ""}
    if kind == LINK:
        other = base.table(field["options"]["linkedTableId"])
        return {"kind": "links", "links": _links(base, other, value[:SHOWN_LINKS]), "total": len(value)}
    if kind == "multipleAttachments":
        return {
            "kind": "files",
            "files": [{**a, "path": path_of(a), "is_picture": a["type"] in PICTURES} for a in value],
        }
    if kind == "url" and (host := web_host(value)):
        return {"kind": "url", "text": value, "short": host.removeprefix("www.")}
    if kind in NUMBER_TYPES or kind == "rating":
        return {"kind": "number", "text": number_text(value, field)}
    if kind == "dateTime":
        return {"kind": "text", "text": time_text(value, field["options"]["timeZone"])}
    if kind == "checkbox":
        return {"kind": "check"}
    if kind == "singleSelect":
        return {"kind": "pills", "pills": [value]}
    if kind == "multipleSelects":
        return {"kind": "pills", "pills": value}
    return {"kind": "text", "text": plain(base, field, record)}


def _links(base: Base, other: Table | None, ids: list[str]) -> list[tuple[str, str]]:
    if other is None:
        return []
    rows = base.records[other["id"]]
    return [
        (f"/base/{base.id}/{other['id']}/{r}", primary_text(base, other, rows[r]) or "uten navn")
        for r in ids
        if r in rows
    ]


def web_host(address: str) -> str:
    """Return the host of an http or https address, "" for anything else: nothing else becomes a link."""
    try:
        url = urlsplit(address)
    except ValueError:
        return ""
    return url.netloc if url.scheme in {"http", "https"} else ""


def number_text(value: float, field: Field) -> str:
    """Return a number as Norwegians write it: a narrow space between thousands, a decimal comma, the unit after."""
    options = field.get("options", {})
    if abs(value) >= 1e15:
        return repr(value).replace(".", ",")
    if field["type"] == "duration":
        minutes, seconds = divmod(round(abs(value)), 60)
        return f"{'-' if value < 0 else ''}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    number = value * 100 if field["type"] == "percent" else value
    text = f"{number:,.{options.get('precision', 0)}f}".replace(",", "\u202f").replace(".", ",")
    unit = {"percent": "%", "currency": options.get("symbol", "")}.get(field["type"], "")
    return f"{text}\u202f{unit}" if unit else text


def time_text(value: str, zone: str) -> str:
    """Return a moment as the clock shows it in the field's time zone."""
    moment = datetime.fromisoformat(value)
    try:
        moment = moment.astimezone(UTC if zone in {"utc", "client"} else ZoneInfo(zone))
    except (OverflowError, ZoneInfoNotFoundError):
        return value
    return moment.strftime("%Y-%m-%d %H:%M")
