"""The invented stops as Entur's journey planner (GraphQL) serves them: one question, `stopPlacesByBbox`.

What is no such question, or asks for a field that is not there, is answered as GraphQL answers it: HTTP 200 and a list
of errors. A client says who it is in ET-Client-Name; how one that does not is turned away is guessed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.crs import transformer
from tasks.sandbox.kommune import numre
from tasks.sandbox.kontekst import sted
from tasks.sandbox.kontekst.skjelett import Objekt
from tasks.sandbox.utkast import fakta

PATH = "/kontekst/entur/journey-planner/v3/graphql"
MAX_BODY = 64 * 1024
QUESTION = re.compile(r"stopPlacesByBbox\s*\(([^()]*)\)\s*\{([^{}]*)\}")
ARGUMENT = re.compile(r"(\w+)\s*:\s*(\$\w+|-?[0-9.]+(?:[eE][-+]?\d+)?|true|false|\"[^\"]*\"|\w+)")
CORNERS = ("minimumLongitude", "minimumLatitude", "maximumLongitude", "maximumLatitude")
FIELDS = frozenset({"id", "name", "latitude", "longitude", "transportMode", "__typename"})


class GraphqlError(ValueError):
    """A question that GraphQL answers with errors."""


def create_router() -> APIRouter:
    """Return the route of the planner."""
    router = APIRouter()

    @router.post(PATH)
    async def graphql(request: Request) -> Response:
        if not request.headers.get("et-client-name", "").strip():
            return _json({"message": "ET-Client-Name is missing"}, 403)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return _json({"message": "Payload Too Large"}, 413)
        try:
            found = await run_in_threadpool(_answer, bytes(body))
        except GraphqlError as error:
            return _json({"errors": [{"message": str(error)}]}, 200)
        return _json({"data": {"stopPlacesByBbox": found}}, 200)

    return router


def _json(body: Mapping[str, Any], status: int) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")


def _answer(body: bytes) -> list[dict[str, Any]]:
    try:
        asked = json.loads(body)
        text, variables = str(asked["query"]), dict(asked.get("variables") or {})
    except (ValueError, TypeError, KeyError, RecursionError):
        raise GraphqlError("Invalid request: a JSON object with query and variables is wanted") from None
    match = QUESTION.search(text)
    if match is None:
        raise GraphqlError("Validation error: only stopPlacesByBbox is served here")
    fields = match[2].replace(",", " ").split()
    if strange := [name for name in fields if name not in FIELDS]:
        raise GraphqlError(f"Validation error: Field '{strange[0][:40]}' in type 'StopPlace' is undefined")
    given = {name: variables.get(value[1:]) if value[0] == "$" else value for name, value in ARGUMENT.findall(match[1])}
    in_use = str(given.get("filterByInUse", "false")).lower() == "true"
    return [{name: stop[name] for name in fields} for stop in _stops(_box(given), in_use=in_use)]


def _box(given: Mapping[str, Any]) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(given[name]) for name in CORNERS)
    except (KeyError, TypeError, ValueError):
        raise GraphqlError(f"Validation error: {', '.join(CORNERS)} are wanted") from None
    if not all(map(math.isfinite, (west, south, east, north))):
        raise GraphqlError("Validation error: not a number")
    return west, south, east, north


def _stops(box: tuple[float, float, float, float], *, in_use: bool) -> list[dict[str, Any]]:
    west, south, east, north = box
    plane = shapely.box(*transformer(4326).transform_bounds(west, south, east, north, direction="INVERSE"))
    found = []
    for nummer in numre():
        f = fakta()[nummer]
        if not shapely.dwithin(plane, shapely.Point(f.origo), 1.5 * f.side_m):
            continue
        stops = [stop for stop in sted.holdeplasser(nummer) if stop.verdier["iBruk"] or not in_use]
        xy = shapely.get_coordinates([stop.geometri for stop in stops])
        lon, lat = transformer(4326).transform(xy[:, 0], xy[:, 1])
        inside = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        found += [_stop(stops[k], float(lon[k]), float(lat[k])) for k in np.flatnonzero(inside).tolist()]
    return found


def _stop(stop: Objekt, lon: float, lat: float) -> dict[str, Any]:
    return {
        "__typename": "StopPlace",
        "id": stop.verdier["id"],
        "name": stop.verdier["name"],
        "latitude": round(lat, 6),
        "longitude": round(lon, 6),
        "transportMode": [stop.verdier["transportMode"]],
    }
