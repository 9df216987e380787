"""Which request of the Web API, and of the server's own set-up calls, is answered by what."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from tasks.sandbox.airtable import own
from tasks.sandbox.airtable.api import WHOAMI, Api
from tasks.sandbox.airtable.errors import not_found
from tasks.sandbox.airtable.ids import is_id
from tasks.sandbox.airtable.schema import Table
from tasks.sandbox.airtable.store import Base

JSON = dict[str, Any]


def answer(api: Api, request: Request, body: JSON) -> Response:
    """Answer a request below /v0; rendered under the lock, since schemas are answered as they are kept."""
    parts = path_parts(request)
    with api.fetched(request.method, parts, body) as arrived, api.store.lock:
        said = _route(api, request, body, arrived)
        return Response(status_code=200) if said is None else JSONResponse(said)


def answer_own(api: Api, request: Request, body: JSON) -> Response:
    """Answer a set-up call below /own."""
    with api.store.lock:
        match path_parts(request):
            case ["bases", base_id, "tables", table_key, *tail]:
                base = api.base(base_id)
                table = api.table(base, table_key)
                said = own.answer(api.store, request.method, base, table=table, tail=tail, body=body)
                return JSONResponse(said)
    raise not_found()


def _route(api: Api, request: Request, body: JSON, arrived: JSON) -> Any:  # noqa: PLR0911  # one return per path
    match path_parts(request):
        case ["meta", *rest]:
            return _meta(api, request, rest, body)
        case ["bases", base_id, "webhooks", *rest]:
            return _webhooks(api, request, api.base(base_id), tail=rest, body=body)
        case [base_id, rec, field, "uploadAttachment"] if request.method == "POST":
            base = api.base(base_id)
            return api.upload(base, rec, field, body, address=address_of(request))
        case [base_id, table_key, *rest] if len(rest) <= 1:
            base = api.base(base_id)
            table = api.table(base, table_key)
            if rest in ([], ["listRecords"]):
                if rest:
                    return _listing_by_post(api, request, base, table=table, body=body)
                return _records(api, request, base, table=table, body=body, arrived=arrived)
            return _record(api, request, base, table=table, rec=rest[0], body=body, arrived=arrived)
        case [base_id, table_key, rec, "comments", *rest] if len(rest) <= 1:
            base = api.base(base_id)
            return _comments(api, request, base, table=api.table(base, table_key), rec=rec, tail=rest, body=body)
    raise not_found()


def address_of(request: Request) -> str:
    """Return the address that a request was sent to, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def _meta(api: Api, request: Request, rest: list[str], body: JSON) -> Any:  # noqa: PLR0911  # one return per path
    match (request.method, rest):
        case ("GET", ["whoami"]):
            return WHOAMI
        case ("GET", ["bases"]):
            return api.schemas.bases(request.query_params.get("offset"))
        case ("POST", ["bases"]):
            return api.schemas.create_base(body)
        case ("GET", ["bases", base_id]):
            return api.schemas.collaborators(api.base(base_id))
        case ("DELETE", ["bases", base_id]):
            return api.schemas.delete_base(api.base(base_id))
        case ("GET", ["bases", base_id, "views"]):
            return api.schemas.views(api.base(base_id))
        case ("GET" | "DELETE" as method, ["bases", base_id, "views", view_id]):
            base = api.base(base_id)
            return api.schemas.view(base, view_id) if method == "GET" else api.schemas.delete_view(base, view_id)
        case (_, ["bases", base_id, "tables", *tail]):
            return _tables(api, request, api.base(base_id), tail=tail, body=body)
    raise not_found()


def _tables(api: Api, request: Request, base: Base, *, tail: list[str], body: JSON) -> Any:
    match (request.method, tail):
        case ("GET", []):
            return api.schemas.tables(base, query_options(request))
        case ("POST", []):
            return api.schemas.create_table(base, body)
        case ("PATCH", [table_key]):
            return api.schemas.change_table(base, api.table(base, table_key), body)
        case ("POST", [table_key, "fields"]):
            return api.schemas.create_field(base, api.table(base, table_key), body)
        case ("PATCH", [table_key, "fields", field_id]):
            return api.schemas.change_field(base, api.table(base, table_key), field_id, body)
    raise not_found()


def _webhooks(api: Api, request: Request, base: Base, *, tail: list[str], body: JSON) -> Any:
    match (request.method, tail):
        case ("GET", []):
            return api.webhooks.listed(base)
        case ("POST", []):
            return api.webhooks.create(base, body)
        case ("DELETE", [hook_id]):
            api.webhooks.delete(base, hook_id)
            return None
        case ("POST", [hook_id, "enableNotifications"]):
            api.webhooks.enable(base, hook_id, body)
            return None
        case ("POST", [hook_id, "refresh"]):
            return api.webhooks.refresh(base, hook_id)
        case ("GET", [hook_id, "payloads"]):
            return api.webhooks.payloads(base, hook_id, query_options(request), address=address_of(request))
    raise not_found()


def _comments(api: Api, request: Request, base: Base, *, table: Table, rec: str, tail: list[str], body: JSON) -> Any:
    match (request.method, tail):
        case ("GET", []):
            return api.list_comments(base, table, rec, query_options(request))
        case ("POST", []):
            return api.add_comment(base, table, rec, body)
        case ("PATCH", [comment_id]):
            return api.edit_comment(base, table, rec, comment_id, body)
        case ("DELETE", [comment_id]):
            return api.remove_comment(base, table, rec, comment_id)
    raise not_found()


def _listing_by_post(api: Api, request: Request, base: Base, *, table: Table, body: JSON) -> Any:
    if request.method != "POST":
        raise not_found()
    zone = {k: v for k, v in query_options(request).items() if k in ("timeZone", "userLocale")}
    return api.list_records(table, base, {**zone, **body}, address=address_of(request))


def _records(api: Api, request: Request, base: Base, *, table: Table, body: JSON, arrived: JSON) -> Any:
    address = address_of(request)
    match request.method:
        case "GET":
            return api.list_records(table, base, query_options(request), address=address)
        case "POST":
            return api.create(table, base, body, address=address, arrived=arrived)
        case "PATCH" | "PUT" as method:
            return api.update(table, base, body, replace=method == "PUT", address=address, arrived=arrived)
        case "DELETE":
            return {"records": api.delete(table, base, request.query_params.getlist("records[]"))}
    raise not_found()


def _record(api: Api, request: Request, base: Base, *, table: Table, rec: str, body: JSON, arrived: JSON) -> Any:
    if not is_id(rec, "rec"):
        raise not_found()
    address = address_of(request)
    match request.method:
        case "GET":
            return api.get(table, base, rec, query_options(request), address=address)
        case "PATCH" | "PUT" as method:
            return api.update_one(table, base, rec, body, replace=method == "PUT", address=address, arrived=arrived)
        case "DELETE":
            return api.delete(table, base, [rec])[0]
    raise not_found()


def query_options(request: Request) -> JSON:
    """Return the options of a GET listing; `fields[]` and `sort[0][field]` come as lists, the rest as it is."""
    options: JSON = {}
    lists: JSON = {}
    sort: dict[int, JSON] = {}
    for key, value in request.query_params.multi_items():
        if match := re.fullmatch(r"(fields(?=\[)|recordMetadata|include)(\[\d*\])?", key):
            lists.setdefault(match[1], []).append(value)
        elif match := re.fullmatch(r"sort\[(\d{1,2})\]\[(field|direction)\]", key):
            sort.setdefault(int(match[1]), {})[match[2]] = value
        else:
            options[key] = value
    if sort:
        lists["sort"] = [sort[n] for n in sorted(sort)]
    return lists | options


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
