"""PxWebApi v2 of the local SSB: addresses, refusals and limits as the real one has them, the figures invented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.statistikk import svar
from tasks.sandbox.statistikk.feil import Feil, Takt, Taktmaaler
from tasks.sandbox.statistikk.regioner import KODELISTER
from tasks.sandbox.statistikk.tabeller import tabeller
from tasks.sandbox.statistikk.utvalg import AvslagError, av_adresse, av_kropp, velg
from tasks.sandbox.statistikk.visning import MERKET, Visning

PREFIX = "/ssb/api/pxwebapi/v2"
MAKS_ADRESSE_TEGN = 2_100
"""A longer address is not found, and nothing says why."""
MAKS_KROPP = 2_000_000
PER_MINUTT = 30
"""What the headers say where no limit holds."""
PER_SIDE, STOERSTE_SIDE = 20, 10_000
VEDLIKEHOLD = "<!doctype html><title>Vedlikehold</title><p>Statistikkbanken er nede for vedlikehold (oppdiktet side)."

Svarer = Callable[[Request, bytes], dict[str, Any]]


def create_router(feil: Feil, maaler: Taktmaaler) -> APIRouter:
    """Return the routes of the tables."""
    router = APIRouter(prefix=PREFIX)

    def add(path: str, answer: Svarer, *methods: str) -> None:
        async def handle(request: Request) -> Response:
            return await _guarded(request, answer, feil, maaler)

        router.add_api_route(path, handle, methods=list(methods or ("GET",)), include_in_schema=False)

    def visning(request: Request) -> Visning:
        number = request.path_params["number"]
        if number not in tabeller() or number in feil.ukjente_tabeller:
            raise AvslagError("Non-existent table", status=404)
        return Visning(tabeller()[number], feil)

    def data(request: Request, body: bytes) -> dict[str, Any]:
        shown = visning(request)
        _check_format(request)
        asked = av_kropp(body) if request.method == "POST" else av_adresse(request.query_params.multi_items())
        return svar.datasett(shown, velg(shown, asked))

    add("/config", lambda _request, _body: svar.konfigurasjon())
    for path in ("/tables", "/tables/"):
        add(path, lambda request, _body: _tables(request, feil))
    add("/tables/{number}", lambda request, _body: svar.omtale(visning(request), _root(request)))
    add("/tables/{number}/metadata", lambda request, _body: _metadata(request, visning(request)))
    add("/tables/{number}/data", data, "GET", "POST")
    for path in ("/codelists/{name}", "/codeLists/{name}"):
        add(path, lambda request, _body: _codelist(request))
    return router


async def _guarded(request: Request, answer: Svarer, feil: Feil, maaler: Taktmaaler) -> Response:
    """Answer as a server that has limits and bad days."""
    client = request.client.host if request.client else ""
    limit = maaler.meld(client, feil.per_minutt) if feil.per_minutt else Takt(PER_MINUTT, PER_MINUTT - 1, 0)
    headers = _limit_headers(limit) | MERKET
    spoiled = _spoiled(feil, limit, headers)
    if spoiled is not None:
        return spoiled
    if len(str(request.url)) > MAKS_ADRESSE_TEGN:
        return Response(None, 404, headers)
    body = await _body(request)
    if body is None:
        return Response(None, 413, headers)
    try:
        text = await run_in_threadpool(lambda: json.dumps(answer(request, body), ensure_ascii=False))
    except AvslagError as refused:
        if not refused.title:
            return Response(None, refused.status, headers)
        return _problem(refused.status, refused.title, refused.kind, headers)
    return Response(text, 200, headers, "application/json; charset=utf-8")


def _spoiled(feil: Feil, limit: Takt, headers: dict[str, str]) -> Response | None:
    """Return the answer that a switched fault, or the limit where it holds, puts in the place of the right one."""
    if limit.vent_s:
        return _problem(429, "Too Many Requests", "Rate limit", headers | {"Retry-After": str(limit.vent_s)})
    if feil.bruk("svar_429"):
        waits = {} if feil.vent_s is None else {"Retry-After": str(feil.vent_s)}
        return _problem(429, "Too Many Requests", "Rate limit", headers | waits)
    if feil.bruk("tomme_500"):
        return Response(None, 500, headers)
    if feil.bruk("svar_503"):
        return Response("Service Unavailable", 503, headers, "text/plain")
    if feil.bruk("html"):
        return Response(VEDLIKEHOLD, 200, headers, "text/html; charset=utf-8")
    return None


def _limit_headers(limit: Takt) -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit.grense),
        "x-ratelimit-policy": f"{limit.grense};w=60s",
        "x-ratelimit-remaining": str(limit.igjen),
        "x-ratelimit-resource": "SB_API_1MIN",
    }


def _problem(status: int, title: str, kind: str, headers: dict[str, str]) -> Response:
    body = {"type": kind, "title": title, "status": status}
    return Response(json.dumps(body), status, headers, "application/problem+json; charset=utf-8")


async def _body(request: Request) -> bytes | None:
    """Return the body, None where it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAKS_KROPP:
            return None
        parts.append(part)
    return b"".join(parts)


def _root(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PREFIX}"


def _check_format(request: Request) -> None:
    wanted = {k.lower(): v for k, v in request.query_params.items()}.get("outputformat", svar.FORMATER[0])
    if wanted.lower() not in svar.FORMATER:
        raise AvslagError("Unsupported output format")


def _tables(request: Request, feil: Feil) -> dict[str, Any]:
    """Return the tables whose label holds every word of `query`."""
    query = {k.lower(): v for k, v in request.query_params.items()}
    words = query.get("query", "").lower().split()
    shown = [Visning(table, feil) for table in tabeller().values() if table.id not in feil.ukjente_tabeller]
    hits = [one for one in shown if all(word in one.tittel.lower() for word in words)]
    page, size = (_number(query, "pagenumber", 1), _number(query, "pagesize", PER_SIDE))
    return svar.liste(hits, _root(request), side=page, per_side=min(size, STOERSTE_SIDE))


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise AvslagError("Parameter error")
    return int(text)


def _metadata(request: Request, visning: Visning) -> dict[str, Any]:
    asked = av_adresse(request.query_params.multi_items())
    lists = {name: one.kodeliste for name, one in asked.items() if one.kodeliste}
    for name, one in lists.items():
        if name not in visning.tabell.dimensjoner:
            raise AvslagError("Non-existent variable")
        if one not in visning.kodelister(name):
            raise AvslagError("Non-existent codelist")
    return svar.metadata(visning, _root(request), kodelister=lists)


def _codelist(request: Request) -> dict[str, Any]:
    name = request.path_params["name"]
    if name not in KODELISTER:
        raise AvslagError("Non-existent codelist", status=404)
    return svar.kodeliste(name)
