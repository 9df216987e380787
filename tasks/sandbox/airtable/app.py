"""The routes: Airtable's Web API over the store. What pyairtable can call, behaves as Airtable does."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tasks.sandbox.airtable import query, records, schema
from tasks.sandbox.airtable.errors import ApiError, invalid, no_model, not_found, unauthorized
from tasks.sandbox.airtable.ids import is_id, new_id
from tasks.sandbox.airtable.pages import add_pages
from tasks.sandbox.airtable.store import Base, Record, Store

MAX_BODY = 8_000_000
MAX_ATTACHMENT = 5_000_000
PENALTY_S = 30.0
USER = "usrSandkasse00000"
JSON = dict[str, Any]


class RateLimit:
    """Airtable's limit: so many requests a second and base, and then 30 s of refusals."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._until: dict[str, float] = {}

    def check(self, base_id: str) -> None:
        """Count a request.

        Raises
        ------
        ApiError
            429 when it is one too many, and for 30 s after.
        """
        if not self._per_second:
            return
        now = self._clock()
        recent = self._recent[base_id]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        recent.append(now)
        if len(recent) > self._per_second and now >= self._until.get(base_id, 0):
            self._until[base_id] = now + PENALTY_S
        if now < self._until.get(base_id, 0):
            raise ApiError(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")


class Api:
    """One store behind one token."""

    def __init__(self, store: Store, *, token: str, rate_limit_per_s: float) -> None:
        self.store = store
        self.limit = RateLimit(rate_limit_per_s)
        self.listings = query.Listings()
        self._token = token.encode()

    def authorize(self, request: Request) -> None:
        """Raise 401 unless the request carries the token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise unauthorized()

    def base(self, base_id: str) -> Base:
        """Return a base, or raise 403."""
        base = self.store.bases.get(base_id)
        if base is None:
            raise no_model()
        return base

    def table(self, base: Base, id_or_name: str) -> schema.Table:
        """Return a table, or raise 403."""
        table = base.table(id_or_name)
        if table is None:
            raise no_model()
        return table

    # --- schema ---

    def bases(self) -> JSON:
        """List the bases."""
        return {"bases": [{"id": b.id, "name": b.name, "permissionLevel": "create"} for b in self.store.bases.values()]}

    def create_base(self, body: JSON) -> JSON:
        """Make a base with its tables."""
        specs = body.get("tables")
        if not isinstance(body.get("name"), str) or not isinstance(body.get("workspaceId"), str):
            raise invalid()
        if not isinstance(specs, list) or not specs:
            raise invalid()
        tables: list[schema.Table] = []
        for spec in specs:
            table, reciprocal = schema.make_table(spec, tables=tables)
            tables.append(table)
            for other, back in reciprocal:
                other["fields"].append(back)
        base = self.store.create_base(body["name"], tables)
        return {"id": base.id, "tables": base.tables}

    def create_table(self, base: Base, body: JSON) -> JSON:
        """Make a table."""
        with self.store.change(base):
            table, reciprocal = schema.make_table(body, tables=base.tables)
            self.store.add_table(base, table, reciprocal)
        return table

    def create_field(self, base: Base, table: schema.Table, body: JSON) -> JSON:
        """Make a field."""
        with self.store.change(base):
            field, reciprocal = schema.make_field(body, table=table, tables=base.tables)
            self.store.add_fields(base, [(table, field), *reciprocal])
        return field

    def rename(self, base: Base, thing: JSON, body: JSON, siblings: list[JSON]) -> JSON:
        """Change name or description of a table or field, and nothing else."""
        if not body or set(body) - {"name", "description"} or not all(isinstance(v, str) for v in body.values()):
            raise invalid()
        if str(body.get("name", thing["name"])).lower() in {s["name"].lower() for s in siblings if s is not thing}:
            raise ApiError(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", "That name is in use")
        with self.store.change(base):
            thing.update(body)
        return thing

    # --- records ---

    def list_records(self, base: Base, table: schema.Table, options: JSON) -> JSON:
        """List records, a page at a time."""
        size = query.page_size(options.get("pageSize"))
        by_id = options.get("returnFieldsByFieldId") in (True, "1", "true")
        view = options.get("view")
        if view and view not in {v[key] for v in table["views"] for key in ("id", "name")}:
            raise ApiError(422, "VIEW_NAME_NOT_FOUND", f"View {view} not found")
        fields = options.get("fields")
        with self.store.lock:
            if options.get("offset"):
                ids, offset = self.listings.next(table["id"], str(options["offset"]), size)
            else:
                found = query.select(
                    base,
                    table,
                    formula=options.get("filterByFormula") or None,
                    sort=_sort(options.get("sort")),
                    most=query.whole_number(options.get("maxRecords")),
                )
                ids, offset = self.listings.page(table["id"], found, size)
            rows = base.records[table["id"]]
            shown = [records.show(table, rows[i], by_id=by_id, fields=fields) for i in ids if i in rows]
            if fields:
                records.show(table, Record("", "", {}), by_id=by_id, fields=fields)  # refuses unknown names
        return {"records": shown, **({"offset": offset} if offset else {})}

    def create(self, base: Base, table: schema.Table, body: JSON) -> JSON:
        """Create one record, bare, or several."""
        by_id = records.flag(body, "returnFieldsByFieldId")
        many = "records" in body
        if not many and "fields" not in body:
            raise ApiError(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body')
        with self.store.change(base):
            request = body if many else {**body, "records": [{"fields": body["fields"]}]}
            made = records.create_many(base, self.store, table, request)
        shown = [records.show(table, r, by_id=by_id) for r in made]
        return {"records": shown} if many else shown[0]

    def update(self, base: Base, table: schema.Table, body: JSON, *, replace: bool) -> JSON:
        """Update, replace or upsert several records."""
        by_id = records.flag(body, "returnFieldsByFieldId")
        with self.store.change(base):
            if "performUpsert" in body:
                done, created, updated = records.upsert(base, self.store, table, body, replace=replace)
                extra: JSON = {"createdRecords": created, "updatedRecords": updated}
            else:
                done, extra = records.update_many(base, self.store, table, body, replace=replace), {}
        return {"records": [records.show(table, r, by_id=by_id) for r in done], **extra}

    def update_one(self, base: Base, table: schema.Table, rec: str, body: JSON, *, replace: bool) -> JSON:
        """Update or replace one record."""
        by_id = records.flag(body, "returnFieldsByFieldId")
        with self.store.change(base):
            done = records.write_one(base, self.store, table, records.find(base, table, rec), body, replace=replace)
        return records.show(table, done, by_id=by_id)

    def delete(self, base: Base, table: schema.Table, ids: list[str]) -> list[JSON]:
        """Delete up to ten records."""
        if not 1 <= len(ids) <= records.BATCH:
            raise invalid()
        with self.store.change(base):
            for rec in ids:
                if rec not in base.records[table["id"]]:
                    raise ApiError(404, "MODEL_ID_NOT_FOUND", "Record not found")
                self.store.delete(base, table, base.records[table["id"]][rec])
        return [{"id": rec, "deleted": True} for rec in ids]

    def upload(self, base: Base, rec: str, field_key: str, body: JSON, *, address: str) -> JSON:
        """Add a file to a record."""
        table = next((t for t in base.tables if rec in base.records[t["id"]]), None)
        if table is None:
            raise not_found()
        field = query.field_map(table).get(field_key)
        if field is None or field["type"] != "multipleAttachments":
            raise ApiError(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{field_key}"')
        kind, name, content = (body.get(k) for k in ("contentType", "filename", "file"))
        if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(content, str):
            raise invalid()
        try:
            data = base64.b64decode(re.sub(r"\s", "", content), validate=True)
        except (binascii.Error, ValueError):
            raise invalid() from None
        if len(data) > MAX_ATTACHMENT:
            raise ApiError(413, "REQUEST_TOO_LARGE", "An attachment has at most 5 MB.")
        attachment: JSON = {
            "id": new_id("att"),
            "filename": name[:255],
            "size": len(data),
            "type": kind[:100],
        }
        folder = self.store.folder / "attachments"
        folder.mkdir(exist_ok=True)
        (folder / attachment["id"]).write_bytes(data)  # the name sent is never a path
        attachment["url"] = f"{address}/attachments/{attachment['id']}/{quote(attachment['filename'], safe='')}"
        with self.store.change(base):
            record = base.records[table["id"]][rec]
            cells = {field["id"]: [*record.cells.get(field["id"], []), attachment]}
            record = self.store.update(base, table, record, cells)
        return {"id": rec, "createdTime": record.created, "fields": {field["id"]: record.cells[field["id"]]}}


def _sort(value: Any) -> list[tuple[str, bool]]:
    result = []
    for item in value or []:
        if not isinstance(item, dict) or not isinstance(item.get("field"), str):
            raise invalid()
        if item.get("direction", "asc") not in {"asc", "desc"}:
            raise invalid()
        result.append((item["field"], item.get("direction") == "desc"))
    return result


def query_options(request: Request) -> JSON:
    """Return the options of a GET listing; `fields[]` and `sort[0][field]` come as lists."""
    options: JSON = {}
    sort: dict[int, JSON] = {}
    for key, value in request.query_params.multi_items():
        if key in {"fields[]", "fields"}:
            options.setdefault("fields", []).append(value)
        elif match := re.fullmatch(r"sort\[(\d{1,2})\]\[(field|direction)\]", key):
            sort.setdefault(int(match[1]), {})[match[2]] = value
        else:
            options[key] = value
    if sort:
        options["sort"] = [sort[n] for n in sorted(sort)]
    return options


async def read_body(request: Request) -> JSON:
    """Return the JSON object of a request, bounded in size.

    Raises
    ------
    ApiError
        413 for a body too large, 400 or 422 for none that can be read.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise ApiError(413, "REQUEST_TOO_LARGE", "Request body is too large.")
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ApiError(400, "INVALID_JSON", "Could not parse request body as JSON") from None
    if not isinstance(body, dict):
        raise invalid()
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def create_app(data_dir: Path, *, token: str, rate_limit_per_s: float = 5.0) -> FastAPI:
    """Return the application over the bases in `data_dir`.

    Raises
    ------
    BlockingIOError
        When another process uses the folder.
    """
    store = Store(data_dir)
    api = Api(store, token=token, rate_limit_per_s=rate_limit_per_s)
    app = FastAPI(title="Local Airtable", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.store = store
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    @app.get("/health")
    async def health() -> JSON:
        return {"status": "ok", "product": "tomtesourcing local Airtable"}

    add_pages(app, store)

    @app.api_route("/v0/{path:path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    async def web_api(request: Request, path: str) -> Response:
        api.authorize(request)
        has_body = request.method in {"POST", "PATCH", "PUT"}
        body = await read_body(request) if has_body else {}
        parts = path.split("/")
        answer = await run_in_threadpool(route, api, request, parts, body)
        return JSONResponse(answer)

    @app.exception_handler(404)
    async def nothing(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(not_found().body, 404)

    return app


def route(api: Api, request: Request, parts: list[str], body: JSON) -> Any:
    """Answer a request below /v0."""
    method = request.method
    match parts:
        case ["meta", *rest]:
            return _meta(api, method, rest, body)
        case [base_id, rec, field, "uploadAttachment"] if method == "POST":
            base = api.base(base_id)
            api.limit.check(base_id)
            address = f"{request.url.scheme}://{request.url.netloc}"
            with api.store.lock:
                return api.upload(base, rec, field, body, address=address)
        case [base_id, table_key, *rest] if len(rest) <= 1:
            base = api.base(base_id)
            api.limit.check(base_id)
            with api.store.lock:
                return _records(api, request, base, table=api.table(base, table_key), rest=rest, body=body)
    raise not_found()


def _meta(api: Api, method: str, rest: list[str], body: JSON) -> Any:
    match (method, rest):
        case ("GET", ["whoami"]):
            return {
                "id": USER,
                "scopes": ["data.records:read", "data.records:write", "schema.bases:read", "schema.bases:write"],
            }
        case ("GET", ["bases"]):
            return api.bases()
        case ("POST", ["bases"]):
            with api.store.lock:
                return api.create_base(body)
        case (_, ["bases", base_id, "tables", *tail]):
            base = api.base(base_id)
            api.limit.check(base_id)
            with api.store.lock:
                return _tables(api, method, base, tail, body)
    raise not_found()


def _tables(api: Api, method: str, base: Base, tail: list[str], body: JSON) -> Any:
    match (method, tail):
        case ("GET", []):
            return {"tables": base.tables}
        case ("POST", []):
            return api.create_table(base, body)
        case ("PATCH", [table_key]):
            return api.rename(base, api.table(base, table_key), body, base.tables)
        case ("POST", [table_key, "fields"]):
            return api.create_field(base, api.table(base, table_key), body)
        case ("PATCH", [table_key, "fields", field_key]):
            table = api.table(base, table_key)
            field = next((f for f in table["fields"] if f["id"] == field_key), None)
            if field is None:
                raise not_found()
            return api.rename(base, field, body, table["fields"])
    raise not_found()


def _records(  # noqa: PLR0911  # one return per route
    api: Api, request: Request, base: Base, *, table: schema.Table, rest: list[str], body: JSON
) -> Any:
    method = request.method
    match (method, rest):
        case ("GET", []):
            return api.list_records(base, table, query_options(request))
        case ("POST", ["listRecords"]):
            return api.list_records(base, table, body)
        case ("POST", []):
            return api.create(base, table, body)
        case ("PATCH" | "PUT", []):
            return api.update(base, table, body, replace=method == "PUT")
        case ("DELETE", []):
            return {"records": api.delete(base, table, request.query_params.getlist("records[]"))}
        case (_, [rec]) if not is_id(rec, "rec"):
            raise not_found()
        case ("GET", [rec]):
            options = query_options(request)
            if "fields" in options:
                raise invalid()
            by_id = options.get("returnFieldsByFieldId") in {"1", "true"}
            return records.show(table, records.find(base, table, rec), by_id=by_id)
        case ("PATCH" | "PUT", [rec]):
            return api.update_one(base, table, rec, body, replace=method == "PUT")
        case ("DELETE", [rec]):
            return api.delete(base, table, [rec])[0]
    raise not_found()
