"""OGC API Features as the sandbox serves it: collections of plan objects, and whatever else has their form.

10 features a page unless asked, never more than 500; filters by the properties that a service names, and by a box.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import quote, urlencode

import numpy as np
import shapely
from fastapi import APIRouter, HTTPException, Request, Response
from shapely import Polygon

from tasks.sandbox.crs import CRS84, SERVED, STORAGE, Crs, parse, reproject, transformer
from tasks.sandbox.kommune import PlanObjekt, numre
from tasks.sandbox.utkast import fakta

DEFAULT_LIMIT, MAX_LIMIT = 10, 500
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
)
CRS_LIST = (CRS84, *(f"http://www.opengis.net/def/crs/EPSG/0/{epsg}" for epsg in SERVED))


@dataclass(frozen=True, eq=False)
class Tjeneste:
    """One service.

    Attributes
    ----------
    sti
        Its path.
    navn
        For people.
    titler
        Its collections.
    filtre
        Properties that can be filtered on.
    objekter
        Gives the objects of a collection in a kommune.
    nestet
        Whether properties with dots are nested.
    kommune
        Property that names the kommune that an object is delivered for; None where none does.
    """

    sti: str
    navn: str
    titler: tuple[str, ...]
    filtre: frozenset[str]
    objekter: Callable[[str, str], Sequence[PlanObjekt]]
    nestet: bool = False
    kommune: str | None = None


class Refused(HTTPException):
    """An answer in the exception JSON of OGC API (code, description)."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(status, {"code": code, "description": description})


def collection_id(title: str) -> str:
    """Return the id of a feature type: lower case, ASCII."""
    return title.lower().replace("å", "a").replace("ø", "o").replace("æ", "ae")


def add_service(router: APIRouter, service: Tjeneste) -> None:
    """Add the routes of one service to a router without a prefix; each answers for that service alone."""
    base = service.sti

    @router.get(base)
    def landing(request: Request) -> Response:
        root = _here(request, service)
        links = [_link(root + tail, rel) for tail, rel in (("", "self"), ("/conformance", "conformance"))]
        links.append(_link(f"{root}/collections", "data"))
        return _json({"title": f"{service.navn} (oppdiktede data)", "links": links})

    @router.get(f"{base}/conformance")
    def conformance() -> Response:
        return _json({"conformsTo": CONFORMANCE})

    @router.get(f"{base}/collections")
    def collections(request: Request) -> Response:
        root = _here(request, service)
        found = [_describe(root, title) for title in service.titler]
        return _json({"collections": found, "links": [_link(f"{root}/collections", "self")]})

    @router.get(base + "/collections/{cid}")
    def collection(request: Request, cid: str) -> Response:
        return _json(_describe(_here(request, service), _title(service, cid)))

    @router.get(base + "/collections/{cid}/items")
    def items(request: Request, cid: str) -> Response:
        return _items(request, service, _title(service, cid))

    @router.get(base + "/collections/{cid}/items/{fid}")
    def item(request: Request, cid: str, fid: str) -> Response:
        title, crs = _title(service, cid), _crs(request, "crs")
        for nummer in numre():
            for k, objekt in enumerate(service.objekter(title, nummer)):
                if str(objekt["id"]) == fid:
                    return _geojson(features(service, title, nummer, crs)[k], crs)
        raise Refused(404, "NotFound", f"No feature {fid[:40]!r} in collection {cid}.")


def _title(service: Tjeneste, cid: str) -> str:
    """Return the feature type of a collection id or title."""
    for title in service.titler:
        if cid in {title, collection_id(title)}:
            return title
    known = ", ".join(collection_id(title) for title in service.titler)
    raise Refused(404, "NotFound", f"No collection {cid[:80]!r} in {service.navn}: it has {known}.")


def _here(request: Request, service: Tjeneste) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{service.sti}"


def _link(href: str, rel: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": "application/json"}


def _describe(root: str, title: str) -> dict[str, object]:
    cid = collection_id(title)
    items = _link(f"{root}/collections/{cid}/items", "items") | {"type": "application/geo+json"}
    return {
        "id": cid,
        "title": title,
        "description": f"{title} – oppdiktede data",
        "extent": {"spatial": {"bbox": [[-2.0, 57.0, 36.0, 73.0]], "crs": CRS84}},
        "itemType": "feature",
        "crs": CRS_LIST,
        "storageCrs": f"http://www.opengis.net/def/crs/EPSG/0/{STORAGE}",
        "links": [_link(f"{root}/collections/{cid}", "self"), items],
    }


def _items(request: Request, service: Tjeneste, title: str) -> Response:
    """Answer one page of a collection."""
    query = dict(request.query_params)
    unknown = set(query) - service.filtre - {"crs", "limit", "offset", "bbox", "bbox-crs", "f"}
    if unknown:
        name = sorted(unknown)[0][:80]
        raise Refused(400, "InvalidParameterValue", f"Unknown query parameter {name!r}.")
    crs = _crs(request, "crs")
    limit = min(_integer(query, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    offset = _integer(query, "offset", 0, least=0)
    found = _select(request, service, title, {k: v for k, v in query.items() if k in service.filtre})
    page = found[offset : offset + limit]
    texts = ",".join(features(service, title, nummer, crs)[k] for nummer, k in page)
    root = f"{_here(request, service)}/collections/{collection_id(title)}/items"
    links = [_page_link(root, query, offset, "self")]
    if offset + limit < len(found):
        links.append(_page_link(root, query, offset + limit, "next"))
    head = {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": len(page),
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "links": links,
    }
    return _geojson(json.dumps(head, ensure_ascii=False)[:-1] + f',"features":[{texts}]}}', crs)


def _page_link(root: str, query: dict[str, str], offset: int, rel: str) -> dict[str, str]:
    asked = query | {"offset": str(offset)} if offset else query
    text = urlencode(asked, quote_via=quote)
    return {"href": f"{root}?{text}" if text else root, "rel": rel, "type": "application/geo+json"}


def _select(request: Request, service: Tjeneste, title: str, filters: dict[str, str]) -> list[tuple[str, int]]:
    """Return (kommunenummer, place) of the objects that answer the filters and the box."""
    box = _box(request)
    asked = filters.get(service.kommune or "")
    chosen = []
    for nummer in numre():
        if (asked is not None and asked != nummer) or not _near(nummer, box):
            continue
        for k, objekt in enumerate(service.objekter(title, nummer)):
            if all(_text(objekt, name) == value for name, value in filters.items()) and _hits(objekt, box):
                chosen.append((nummer, k))
    return chosen


def _text(objekt: PlanObjekt, name: str) -> str | None:
    value = objekt["properties"].get(name)
    return None if value is None else str(value)


def _near(nummer: str, box: Polygon | None) -> bool:
    """Say whether a kommune lies near the box: others need not be drawn."""
    f = fakta()[nummer]
    return box is None or bool(shapely.dwithin(box, shapely.Point(f.origo), 2.0 * f.side_m))


def _hits(objekt: PlanObjekt, box: Polygon | None) -> bool:
    return box is None or (objekt["geometry"] is not None and bool(shapely.intersects(box, objekt["geometry"])))


def _box(request: Request) -> Polygon | None:
    """Return the bbox of the query in EPSG:25833."""
    text = request.query_params.get("bbox")
    if text is None:
        return None
    try:
        a, b, c, d = (float(part) for part in text.split(","))
    except ValueError:
        a = b = c = d = float("nan")
    if not (np.isfinite([a, b, c, d]).all() and a <= c and b <= d):
        raise Refused(400, "InvalidParameterValue", f"bbox must be four numbers, lower left first: {text[:80]!r}.")
    crs = _crs(request, "bbox-crs")
    if crs.nord_foerst:
        a, b, c, d = b, a, d, c
    return shapely.box(*transformer(crs.epsg).transform_bounds(a, b, c, d, direction="INVERSE"))


def _crs(request: Request, name: str) -> Crs:
    text = request.query_params.get(name, CRS84)
    crs = parse(text) if text in CRS_LIST else None
    if crs is None:
        raise Refused(400, "InvalidParameterValue", f"{name} {text[:80]!r} is not served: {', '.join(CRS_LIST)}.")
    return crs


def _integer(query: dict[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= least):
        raise Refused(400, "InvalidParameterValue", f"{name} must be a whole number from {least}: {text[:40]!r}.")
    return int(text)


@cache
def features(service: Tjeneste, title: str, nummer: str, crs: Crs) -> tuple[str, ...]:
    """Return the objects of one collection and kommune as GeoJSON features, in their order."""
    objects = service.objekter(title, nummer)
    shapes = np.empty(len(objects), dtype=object)
    shapes[:] = [objekt["geometry"] for objekt in objects]
    texts = shapely.to_geojson(reproject(shapes, crs))
    made = []
    for objekt, text in zip(objects, texts, strict=True):
        properties = {k: v for k, v in objekt["properties"].items() if v is not None}
        body = json.dumps(nest(properties) if service.nestet else properties, ensure_ascii=False)
        made.append(f'{{"type":"Feature","id":{objekt["id"]},"geometry":{text or "null"},"properties":{body}}}')
    return tuple(made)


def nest(flat: Mapping[str, object]) -> dict[str, object]:
    """Return properties with `a.b` as objects: {"a": {"b": …}}."""
    out: dict[str, object] = {key: value for key, value in flat.items() if "." not in key}
    groups: dict[str, dict[str, object]] = {}
    for key, value in flat.items():
        first, dot, rest = key.partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = value
    return out | groups


def _json(body: dict[str, object]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")


def _geojson(text: str, crs: Crs) -> Response:
    return Response(text, media_type="application/geo+json", headers={"Content-Crs": f"<{crs.navn}>"})
