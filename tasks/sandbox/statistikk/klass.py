"""Klass of the local SSB: the kommuner at a date, and what became of numbers; facts, and the invented kommuner.

The real service writes json with and without ``.json`` in the address; so does this one.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from tasks.sandbox.statistikk.feil import Feil
from tasks.sandbox.statistikk.inndeling import UOPPGITT, endringer, inndeling
from tasks.sandbox.statistikk.visning import MERKET

PREFIX = "/ssb/api/klass/v1"
KLASSIFIKASJON = "131"
FOERSTE = date(2000, 1, 1)
"""The facts that are held here go no further back."""


class _BadRequestError(Exception):
    """What is wrong with a question."""


def create_router(feil: Feil) -> APIRouter:
    """Return the routes of classification 131."""
    router = APIRouter(prefix=f"{PREFIX}/classifications")
    kinds = {"codesAt": _codes_at, "changes": _changes}

    @router.get("/{number}/{what}")
    def answer(request: Request, number: str, what: str) -> Response:
        kind = what.removesuffix(".json")
        if feil.klass_er_nede:
            return Response("Service Unavailable", 503, MERKET, "text/plain")
        if number != KLASSIFIKASJON or kind not in kinds:
            return _error(404, "Not Found", f"Classification not found with id = {number[:20]}", request)
        try:
            return _json(200, kinds[kind](request))
        except _BadRequestError as error:
            return _error(400, "Bad Request", str(error), request)

    return router


def _codes_at(request: Request) -> dict[str, Any]:
    day = _date(request, "date")
    year = min(day.year, endringer()[-1].dato.year)  # nothing changed since
    found = [*inndeling(year).items(), UOPPGITT]
    return {
        "codes": [
            {
                "code": number,
                "parentCode": None,
                "level": "1",
                "name": name,
                "shortName": "",
                "presentationName": "",
                "validFrom": None,
                "validTo": None,
                "notes": "",
            }
            for number, name in found
        ]
    }


def _changes(request: Request) -> dict[str, Any]:
    first = _date(request, "from")
    last = _date(request, "to") if "to" in request.query_params else date.max
    if first >= last:
        raise _BadRequestError("'from' must be before 'to'")
    return {
        "codeChanges": [
            {
                "oldCode": change.gammel,
                "oldName": change.gammelt_navn,
                "oldShortName": "",
                "newCode": change.ny,
                "newName": change.nytt_navn,
                "newShortName": "",
                "changeOccurred": change.dato.isoformat(),
            }
            for change in endringer()
            if first <= change.dato < last
        ]
    }


def _date(request: Request, name: str) -> date:
    text = request.query_params.get(name)
    if text is None:
        raise _BadRequestError(f"Required request parameter '{name}' is not present")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _BadRequestError(f"'{name}' must be yyyy-MM-dd, not {text[:20]!r}") from None
    if day < FOERSTE:
        raise _BadRequestError(f"The sandbox knows the kommuner from {FOERSTE} on")
    return day


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, MERKET, "application/json;charset=UTF-8")


def _error(status: int, error: str, message: str, request: Request) -> Response:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    body = {"timestamp": now, "status": status, "error": error, "message": message, "path": request.url.path}
    return _json(status, body)
