"""The routes: Airtable's Web API and the pages over the store, on 127.0.0.1's names alone."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tasks.sandbox.airtable.api import WHOAMI, Api
from tasks.sandbox.airtable.errors import (
    ApiError,
    bad_json,
    invalid,
    long_address,
    not_found,
    server_error,
    slow_body,
    too_large,
)
from tasks.sandbox.airtable.faults import Faults
from tasks.sandbox.airtable.hand import Hand
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.limit import PENALTY_S, PER_USER, RateLimit
from tasks.sandbox.airtable.listings import IDLE_S, MOST_OPEN, Listings
from tasks.sandbox.airtable.pages import add_pages
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base, Store

MAX_BODY = 8_000_000
MAX_ADDRESS = 16_000
"""Characters of a URL, its host and query included."""
BODY_S = 30.0
LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
JSON = dict[str, Any]


def create_app(
    data_dir: Path,
    *,
    token: str,
    rate_limit_per_s: float = 5.0,
    user_limit_per_s: float = PER_USER,
    penalty_s: float = PENALTY_S,
    monthly_calls: int | None = None,
    cursor_s: float = IDLE_S,
    open_cursors: int = MOST_OPEN,
    locked_fields: Collection[str] = (),
    faults: Faults | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Return the application over the bases in `data_dir`.

    Parameters
    ----------
    data_dir
        Where the bases lie.
    token
        What clients must send.
    rate_limit_per_s, user_limit_per_s, penalty_s, monthly_calls
        See `RateLimit`.
    cursor_s, open_cursors
        Seconds after which an offset that nobody used expires, and how many listings may be under way.
    locked_fields
        Fields that the token may not write, as ids or ``Table.Field``.
    faults
        Refusals to give instead of answers.
    clock
        Seconds that never go back, for limits and offsets.

    Raises
    ------
    BlockingIOError
        When another process uses the folder.
    """
    store = Store(data_dir)
    limit = RateLimit(
        rate_limit_per_s, per_user=user_limit_per_s, penalty_s=penalty_s, monthly_calls=monthly_calls, clock=clock
    )
    listings = Listings(most_open=open_cursors, idle_s=cursor_s, clock=clock)
    faults = faults or Faults()
    api = Api(store, token=token, limit=limit, listings=listings, faults=faults, locked_fields=locked_fields)
    app = FastAPI(title="Local Airtable", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.store, app.state.limit, app.state.faults, app.state.hand = store, limit, faults, Hand(store)
    _add_routes(app, api)
    return app


def _add_routes(app: FastAPI, api: Api) -> None:
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body, error.status, headers=error.headers)

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def nothing(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(not_found().body, 404)

    @app.exception_handler(500)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(server_error().body, 500)

    @app.get("/health")
    async def health() -> JSON:
        return {"status": "ok", "product": "tomtesourcing local Airtable"}

    add_pages(app, api.store)

    @app.api_route("/v0/{path:path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    async def web_api(request: Request, path: str) -> Response:
        api.authorize(request.headers.get("authorization", ""))
        admit(api, request.method, path_parts(request))
        refuse_long_address(request)
        has_body = request.method in {"POST", "PATCH", "PUT"}
        body = await read_body(request) if has_body else {}
        return await run_in_threadpool(answer, api, request, body)


def admit(api: Api, method: str, parts: list[str]) -> None:
    """Count a request the moment it arrives, whatever it then waits for.

    Raises
    ------
    ApiError
        For one beyond a limit, or what is planned.
    """
    of_schema = parts[:1] == ["meta"]
    base_id = (parts[2] if parts[1:2] == ["bases"] and len(parts) > 2 else "") if of_schema else parts[0]
    api.limit.check(base_id if base_id in api.store.bases else None, of_quota=not of_schema)
    if (fault := api.faults.take(method, "/".join(parts))) is not None:
        raise fault


def refuse_long_address(request: Request) -> None:
    """Raise 414 for a URL that is longer than Airtable takes."""
    asked = len(raw_path(request)) + len(b"?" + request.scope["query_string"])
    if len(_address(request)) + asked > MAX_ADDRESS:
        raise long_address(MAX_ADDRESS)


async def read_body(request: Request) -> JSON:
    """Return the JSON object of a request, bounded in size and time.

    Raises
    ------
    ApiError
        413 for a body too large, 408 for one too slow, 400 or 422 for one that cannot be read.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                data += part
                if len(data) > MAX_BODY:
                    raise too_large("Request body is too large.")
    except TimeoutError:
        raise slow_body() from None
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
        if LONE_SURROGATE.search(data):  # half a character can be escaped in JSON, but not stored or answered
            json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise bad_json() from None
    if not isinstance(body, dict):
        raise invalid()
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def query_options(request: Request) -> JSON:
    """Return the options of a GET listing; `fields[]` and `sort[0][field]` come as lists."""
    options: JSON = {}
    sort: dict[int, JSON] = {}
    for key, value in request.query_params.multi_items():
        if re.fullmatch(r"fields(\[\d*\])?", key):
            options.setdefault("fields", []).append(value)
        elif match := re.fullmatch(r"sort\[(\d{1,2})\]\[(field|direction)\]", key):
            sort.setdefault(int(match[1]), {})[match[2]] = value
        else:
            options[key] = value
    if sort:
        options["sort"] = [sort[n] for n in sorted(sort)]
    return options


def path_parts(request: Request) -> list[str]:
    """Return the parts of the path below /v0, each decoded on its own: a name may hold a slash."""
    try:
        return [unquote(part, errors="strict") for part in raw_path(request).decode("ascii").split("/")[2:]]
    except UnicodeDecodeError:
        raise not_found() from None


def raw_path(request: Request) -> bytes:
    """Return the path as it was sent."""
    raw: bytes = request.scope["raw_path"].partition(b"?")[0]
    return raw


def answer(api: Api, request: Request, body: JSON) -> Response:
    """Answer a request below /v0; rendered under the lock, since schemas are answered as they are kept."""
    with api.store.lock:
        return JSONResponse(_route(api, request, body))


def _route(api: Api, request: Request, body: JSON) -> Any:
    match path_parts(request):
        case ["meta", *rest]:
            return _meta(api, request, rest, body)
        case [base_id, rec, field, "uploadAttachment"] if request.method == "POST":
            base = api.base(base_id)
            return api.upload(base, rec, field, body, address=_address(request))
        case [base_id, table_key, *rest] if len(rest) <= 1:
            base = api.base(base_id)
            table = api.table(base, table_key)
            if rest in ([], ["listRecords"]):
                return _records(api, request, base, table=table, is_post_listing=bool(rest), body=body)
            return _record(api, request, base, table=table, rec=rest[0], body=body)
    raise not_found()


def _address(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _meta(api: Api, request: Request, rest: list[str], body: JSON) -> Any:
    match (request.method, rest):
        case ("GET", ["whoami"]):
            return WHOAMI
        case ("GET", ["bases"]):
            return api.bases(request.query_params.get("offset"))
        case ("POST", ["bases"]):
            return api.create_base(body)
        case (_, ["bases", base_id, "tables", *tail]):
            base = api.base(base_id)
            return _tables(api, request.method, base, tail=tail, body=body)
    raise not_found()


def _tables(api: Api, method: str, base: Base, *, tail: list[str], body: JSON) -> Any:
    match (method, tail):
        case ("GET", []):
            return {"tables": base.tables}
        case ("POST", []):
            return api.create_table(base, body)
        case ("PATCH", [table_key]):
            return api.rename(base, api.table(base, table_key), body, siblings=base.tables)
        case ("POST", [table_key, "fields"]):
            return api.create_field(base, api.table(base, table_key), body)
        case ("PATCH", [table_key, "fields", field_id]):
            fields = api.table(base, table_key)["fields"]
            field = next((f for f in fields if f["id"] == field_id), None)
            if field is not None:
                return api.rename(base, field, body, siblings=fields)
    raise not_found()


def _records(api: Api, request: Request, base: Base, *, table: Table, is_post_listing: bool, body: JSON) -> Any:
    address = _address(request)
    match (request.method, is_post_listing):
        case ("GET", False):
            return api.list_records(table, base, query_options(request), address=address)
        case ("POST", True):
            return api.list_records(table, base, body, address=address)
        case ("POST", False):
            return api.create(table, base, body, address=address)
        case ("PATCH" | "PUT" as method, False):
            return api.update(table, base, body, replace=method == "PUT", address=address)
        case ("DELETE", False):
            return {"records": api.delete(table, base, request.query_params.getlist("records[]"))}
    raise not_found()


def _record(api: Api, request: Request, base: Base, *, table: Table, rec: str, body: JSON) -> Any:
    if not is_id(rec, "rec"):
        raise not_found()
    address = _address(request)
    match request.method:
        case "GET":
            return api.get(table, base, rec, query_options(request), address=address)
        case "PATCH" | "PUT" as method:
            return api.update_one(table, base, rec, body, replace=method == "PUT", address=address)
        case "DELETE":
            return api.delete(table, base, [rec])[0]
    raise not_found()
