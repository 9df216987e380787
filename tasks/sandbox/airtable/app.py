"""The routes: Airtable's Web API, the server's own set-up calls and the pages over the store.

Only the host names that it is bound to are answered, 127.0.0.1's alone unless it is told otherwise.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tasks.sandbox.airtable import attachments, comments
from tasks.sandbox.airtable.api import Api
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
from tasks.sandbox.airtable.limit import PENALTY_S, PER_USER, RateLimit
from tasks.sandbox.airtable.listings import IDLE_S, MOST_OPEN, Listings
from tasks.sandbox.airtable.pages import add_pages
from tasks.sandbox.airtable.routes import address_of, answer, answer_own, path_parts, raw_path
from tasks.sandbox.airtable.sidefile import let_go
from tasks.sandbox.airtable.store import RecordChange, Store
from tasks.sandbox.serve import EVERYWHERE, LOOPBACK

MAX_BODY = 8_000_000
MOST_READ = 4 * MAX_BODY
"""Bytes of a body that is refused, and read all the same."""
MAX_ADDRESS = 16_000
"""Characters of a URL, its host and query included."""
BODY_S = 30.0
LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
JSON = dict[str, Any]
log = logging.getLogger("tomt.airtable")


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
    now: Callable[[], datetime] | None = None,
    host: str = LOOPBACK,
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
    now
        The moment that records, comments and webhooks are dated with, and that TODAY() is taken from.
    host
        The address that it will be bound to, which decides the host names that it answers.

    Raises
    ------
    BlockingIOError
        When another process uses the folder.
    """
    store = Store(data_dir)
    if now is not None:
        store.lock.clock = now
    limit = RateLimit(
        rate_limit_per_s, per_user=user_limit_per_s, penalty_s=penalty_s, monthly_calls=monthly_calls, clock=clock
    )
    listings = Listings(most_open=open_cursors, idle_s=cursor_s, clock=clock)
    faults = faults or Faults()
    api = Api(store, token=token, limit=limit, listings=listings, faults=faults, locked_fields=locked_fields)
    app = FastAPI(title="Local Airtable", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.store, app.state.limit, app.state.faults, app.state.hand = store, limit, faults, Hand(store)
    app.state.api = api
    comments.forget_strays(store)
    attachments.watch(store)
    store.listeners.append(lambda base, by, changes: _forget_comments(store, changes))
    store.listeners.append(api.webhooks.heard)
    store.wants_links = api.webhooks.has_hooks
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=host_names(host))
    _add_routes(app, api)
    return app


def _forget_comments(store: Store, changes: Sequence[RecordChange]) -> None:
    if any(c.after is None for c in changes):
        store.settle()  # a power cut may not bring a record back without what was said of it
        comments.forget_deleted(store, changes)


def close_app(app: FastAPI) -> None:
    """Close what `create_app` opened."""
    app.state.api.webhooks.close()
    let_go(app.state.store)
    app.state.store.close()


def host_names(host: str) -> list[str]:
    """Return the names that a server bound to an address goes by; loopback's are always among them."""
    names = [LOOPBACK, "localhost"]
    if host == EVERYWHERE:
        own_name = socket.gethostname()
        names.append(own_name)
        try:
            names += {str(there[4][0]) for there in socket.getaddrinfo(own_name, None, socket.AF_INET)}
        except OSError:
            log.warning("This machine's own addresses are not known: ask for the local Airtable by its name.")
    elif host not in names:
        names.append(host)
    return names


def _add_routes(app: FastAPI, api: Api) -> None:

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
        parts = path_parts(request)
        admit(api, request.method, parts)
        refuse_long_address(request)
        has_body = request.method in {"POST", "PATCH", "PUT"} and parts[-1] != "refresh"
        body = await read_body(request) if has_body else {}
        return await run_in_threadpool(answer, api, request, body)

    @app.api_route("/own/{path:path}", methods=["POST", "PATCH"])
    async def set_up(request: Request, path: str) -> Response:
        api.authorize(request.headers.get("authorization", ""))
        refuse_long_address(request)
        body = await read_body(request)
        return await run_in_threadpool(answer_own, api, request, body)


def admit(api: Api, method: str, parts: list[str]) -> None:
    """Count a request the moment it arrives, whatever it then waits for.

    Raises
    ------
    ApiError
        For one beyond a limit, or what is planned.
    """
    of_schema = parts[:1] == ["meta"]
    below = parts[1:] if of_schema else parts
    base_id = below[1] if below[:1] == ["bases"] and len(below) > 1 else "" if of_schema else parts[0]
    api.limit.check(base_id if base_id in api.store.bases else None, of_quota=not of_schema)
    if (fault := api.faults.take(method, "/".join(parts))) is not None:
        raise fault


def refuse_long_address(request: Request) -> None:
    """Raise 414 for a URL that is longer than Airtable takes."""
    asked = len(raw_path(request)) + len(b"?" + request.scope["query_string"])
    if len(address_of(request)) + asked > MAX_ADDRESS:
        raise long_address(MAX_ADDRESS)


async def read_body(request: Request) -> JSON:
    """Return the JSON object of a request, bounded in size and time.

    Raises
    ------
    ApiError
        413 for a body too large, 408 for one too slow, 400 or 422 for one that cannot be read.
    """
    data, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size <= MAX_BODY:
                    data += part
                elif size > MOST_READ:
                    break
        if size > MAX_BODY:  # read on for a while: a connection that is closed on unread bytes takes the answer along
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
