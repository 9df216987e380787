"""The ArcGIS REST services of the sandbox: folders, services, layers and questions, down to errors with HTTP 200.

Only what a reader of plans needs is understood of a question; anything else is refused as ArcGIS refuses it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import shapely
from fastapi import APIRouter, Request, Response
from shapely.geometry.base import BaseGeometry
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.arcgis_lag import OBJECTID, OID, OMRADEID, TEXT, TJENESTER, Rad, Tjeneste, felter, rader
from tasks.sandbox.crs import SERVED, STORAGE, Crs, reproject, transformer
from tasks.sandbox.kommune import numre
from tasks.sandbox.utkast import fakta

PREFIX = "/arcgis/rest/services"
MAX_BODY = 1_000_000
CONDITION = re.compile(r"(\w+) (?:= ('[^']*'|\d+)|IN \(((?:'[^']*'|\d+)(?:,(?:'[^']*'|\d+))*)\))")


class EsriError(ValueError):
    """An error as ArcGIS writes it: in the body, with HTTP 200."""

    def __init__(self, code: int, message: str, *details: str) -> None:
        super().__init__(message)
        self.document = {"error": {"code": code, "message": message, "details": list(details)}}


def create_router(tjenester: Mapping[str, Tjeneste] = TJENESTER, *, prefix: str = PREFIX) -> APIRouter:
    """Return the routes of services by their paths below a prefix."""
    router = APIRouter(prefix=prefix)

    def respond(path: str, values: Mapping[str, str]) -> Response:
        try:
            return _json(_answer(tjenester, path.rstrip("/"), values))
        except EsriError as error:
            return _json(error.document)

    @router.get("")
    def root() -> Response:
        return _json(folder("", tjenester))

    @router.get("/{path:path}")
    async def get(path: str, request: Request) -> Response:
        return await run_in_threadpool(respond, path, dict(request.query_params))

    @router.post("/{path:path}")
    async def post(path: str, request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return _json({"error": {"code": 413, "message": "Request Entity Too Large", "details": []}})
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return await run_in_threadpool(respond, path, {**request.query_params, **form})

    return router


def _answer(tjenester: Mapping[str, Tjeneste], path: str, values: Mapping[str, str]) -> dict[str, Any]:
    tjeneste = next((t for sti, t in tjenester.items() if path == sti or path.startswith(f"{sti}/")), None)
    if tjeneste is None:
        return folder(path, tjenester)
    if tjeneste.lukket:
        raise EsriError(499, "Token Required")
    rest = path.removeprefix(tjeneste.sti).strip("/")
    if not rest:
        return service(tjeneste)
    if rest == "layers":
        return {"layers": [layer(tjeneste, lag) for lag in tjeneste.lag], "tables": []}
    number, _, operation = rest.partition("/")
    if not (number.isascii() and number.isdecimal() and len(number) < 6 and int(number) in tjeneste.lag):
        raise EsriError(404, f"Layer {number[:20]!r} not found")
    if not operation:
        return layer(tjeneste, int(number))
    if operation != "query":
        raise EsriError(400, "Invalid URL", f"Operation {operation[:40]!r}")
    return query(tjeneste, int(number), values)


# --- what is there ---


def folder(path: str, tjenester: Mapping[str, Tjeneste]) -> dict[str, Any]:
    """Return what a folder holds."""
    below = [
        sti.removeprefix(f"{path}/" if path else "") for sti in tjenester if not path or sti.startswith(f"{path}/")
    ]
    if not below:
        raise EsriError(404, f"Folder {path[:60]!r} not found")
    services = [sti.split("/") for sti in below]
    prefix = f"{path}/" if path else ""
    return {
        "currentVersion": 10.91,
        "folders": sorted({parts[0] for parts in services if len(parts) > 2}),
        "services": [{"name": prefix + parts[0], "type": parts[1]} for parts in services if len(parts) == 2],
    }


def service(tjeneste: Tjeneste) -> dict[str, Any]:
    """Return the description of a service."""
    return {
        "currentVersion": 10.91,
        "serviceDescription": "Oppdiktede data",
        "copyrightText": "Oppdiktede data",
        "layers": [{"id": lag, "name": slag, "subLayerIds": None} for lag, slag in tjeneste.lag.items()],
        "tables": [],
        "spatialReference": {"wkid": STORAGE, "latestWkid": STORAGE},
        "maxRecordCount": tjeneste.flest,
        "capabilities": "Map,Query,Data" if tjeneste.sti.endswith("MapServer") else "Query",
    }


def layer(tjeneste: Tjeneste, lag: int) -> dict[str, Any]:
    """Return the description of a layer."""
    fields = [{"name": n, "type": kind, "alias": n, "domain": None} for n, kind in felter(tjeneste, lag).items()]
    return {
        "currentVersion": 10.91,
        "id": lag,
        "name": tjeneste.lag[lag],
        "type": "Feature Layer",
        "description": "Oppdiktede data",
        "geometryType": "esriGeometryPolygon",
        "extent": {"xmin": -130_000, "ymin": 6_700_000, "xmax": 1_100_000, "ymax": 8_000_000}
        | {"spatialReference": {"wkid": STORAGE, "latestWkid": STORAGE}},
        "fields": fields,
        "objectIdField": OBJECTID,
        "maxRecordCount": tjeneste.flest,
        "supportedQueryFormats": "JSON, geoJSON, PBF" if tjeneste.gir_geojson else "JSON",
        "advancedQueryCapabilities": {"supportsPagination": tjeneste.har_sider, "supportsOrderBy": True},
        "capabilities": "Map,Query,Data" if tjeneste.sti.endswith("MapServer") else "Query",
    }


# --- questions ---


def query(tjeneste: Tjeneste, lag: int, values: Mapping[str, str]) -> dict[str, Any]:
    """Answer a question to a layer."""
    form = values.get("f", "html").lower()
    if form not in ({"json", "geojson"} if tjeneste.gir_geojson else {"json"}):
        raise EsriError(400, "Invalid or missing input parameters.", f"Output format {form[:20]!r} not supported.")
    found = _select(tjeneste, lag, values)
    if values.get("returnCountOnly") == "true":
        return {"count": len(found)}
    if values.get("returnIdsOnly") == "true":
        return {"objectIdFieldName": OBJECTID, "objectIds": [rad.oid for rad in found] or None}
    if ("resultOffset" in values or "resultRecordCount" in values) and not tjeneste.har_sider:
        raise EsriError(400, "Pagination is not supported.")
    start = _whole(values, "resultOffset", 0)
    most = min(_whole(values, "resultRecordCount", tjeneste.flest) or tjeneste.flest, tjeneste.flest)
    page = found[start : start + most]
    crs = _crs(values.get("outSR", str(STORAGE)))
    if form == "geojson":
        return _geojson(tjeneste, page, crs, more=start + most < len(found))
    return _esri(tjeneste, lag, page, crs, more=start + most < len(found))


def _select(tjeneste: Tjeneste, lag: int, values: Mapping[str, str]) -> list[Rad]:
    if not {"where", "objectIds", "geometry"} & set(values):
        raise EsriError(400, "Unable to complete operation.", "'where' clause is missing")
    column, wanted = _where(tjeneste, lag, values.get("where", "1=1"))
    kommuner = None
    if column == OMRADEID:
        kommuner = frozenset(n for n in numre() if n in wanted or str(int(n)) in wanted)
    ids = _ids(values["objectIds"]) if "objectIds" in values else None
    box = _box(values)
    if box is not None:
        near = frozenset(n for n, f in fakta().items() if shapely.dwithin(box, shapely.Point(f.origo), f.side_m))
        kommuner = near if kommuner is None else near & kommuner
    return [
        rad
        for rad in rader(tjeneste, lag, kommuner=kommuner)
        if (column is None or str(rad.attributter[column]) in wanted)
        and (ids is None or rad.oid in ids)
        and (box is None or (rad.geometri is not None and bool(shapely.intersects(box, rad.geometri))))
    ]


def _where(tjeneste: Tjeneste, lag: int, text: str) -> tuple[str | None, frozenset[str]]:
    """Return the column of a condition and the values that it allows; no column for the one that all rows meet.

    As in the databases behind, text in quotes is no number, and a number no text.
    """
    if text.replace(" ", "") == "1=1":
        return None, frozenset()
    kinds = felter(tjeneste, lag)
    match = CONDITION.fullmatch(text)
    if match is None or match[1] not in kinds:
        raise EsriError(400, "Unable to complete operation.", "Unable to perform query operation.")
    literals = [match[2]] if match[2] else match[3].split(",")
    if any(one.startswith("'") != (kinds[match[1]] == TEXT) for one in literals):
        raise EsriError(
            400, "Unable to complete operation.", "Unable to perform query operation.", "Data type mismatch"
        )
    return match[1], frozenset(one.strip("'") for one in literals)


def _ids(text: str) -> frozenset[int]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts):
        raise EsriError(400, "Invalid or missing input parameters.", "objectIds")
    return frozenset(map(int, parts))


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise EsriError(400, "Invalid or missing input parameters.", name)
    return int(text)


def _crs(text: str) -> Crs:
    if text not in {str(epsg) for epsg in SERVED}:
        raise EsriError(400, "Invalid or missing input parameters.", f"outSR {text[:20]!r}")
    return Crs(f"EPSG:{text}", int(text), nord_foerst=False)


def _box(values: Mapping[str, str]) -> BaseGeometry | None:
    """Return the envelope of a question in EPSG:25833."""
    if not values.get("geometry"):
        return None
    try:
        given = json.loads(values["geometry"])
        corners = [float(given[name]) for name in ("xmin", "ymin", "xmax", "ymax")]
    except (ValueError, TypeError, KeyError, RecursionError):
        corners = []
    if values.get("geometryType") != "esriGeometryEnvelope" or not corners or not np.isfinite(corners).all():
        raise EsriError(400, "Invalid or missing input parameters.", "'geometry' must be an envelope")
    crs = _crs(values.get("inSR", str(STORAGE)))
    west, south, east, north = corners
    return shapely.box(*transformer(crs.epsg).transform_bounds(west, south, east, north, direction="INVERSE"))


# --- answers ---


def _shapes(page: list[Rad], crs: Crs) -> list[BaseGeometry | None]:
    shapes = np.empty(len(page), dtype=object)
    shapes[:] = [rad.geometri for rad in page]
    return list(reproject(shapes, crs))


def _geojson(tjeneste: Tjeneste, page: list[Rad], crs: Crs, *, more: bool) -> dict[str, Any]:
    if tjeneste.alltid_grader:
        crs = _crs("4326")
    features = [
        {
            "type": "Feature",
            "id": rad.oid,
            "geometry": None if shape is None else json.loads(shapely.to_geojson(shape)),
            "properties": rad.attributter,
        }
        for rad, shape in zip(page, _shapes(page, crs), strict=True)
    ]
    body: dict[str, Any] = {"type": "FeatureCollection"}
    if not tjeneste.alltid_grader:
        body["crs"] = {"type": "name", "properties": {"name": crs.navn}}
    if more:
        mark = {"exceededTransferLimit": True}
        body |= {"properties": mark} if tjeneste.alltid_grader else mark
    return body | {"features": features}


def _esri(tjeneste: Tjeneste, lag: int, page: list[Rad], crs: Crs, *, more: bool) -> dict[str, Any]:
    features = []
    for rad, shape in zip(page, _shapes(page, crs), strict=True):
        feature: dict[str, Any] = {"attributes": rad.attributter}
        if shape is not None:
            feature["geometry"] = {"rings": rings(shape)}
        features.append(feature)
    body = {
        "displayFieldName": next(name for name, kind in felter(tjeneste, lag).items() if kind == TEXT),
        "geometryType": "esriGeometryPolygon",
        "spatialReference": {"wkid": crs.epsg, "latestWkid": crs.epsg},
        "fields": [{"name": n, "type": kind} for n, kind in felter(tjeneste, lag).items() if kind != OID],
        "features": features,
    }
    return body | ({"exceededTransferLimit": True} if more else {})


def rings(shape: BaseGeometry) -> list[list[list[float]]]:
    """Return a polygon, or several, as rings: outer ones clockwise, holes the other way."""
    made: list[list[list[float]]] = []
    for part in shapely.get_parts(shape):
        for ring, outer in ((part.exterior, True), *((hole, False) for hole in part.interiors)):
            turned = ring.reverse() if shapely.is_ccw(ring) == outer else ring
            made.append(shapely.get_coordinates(turned).tolist())
    return made


def _json(body: Mapping[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")
