"""The invented road network as NVDB's segmented network (v4) serves it.

A client says who it is in X-Client. Pages go on at ``metadata.neste.start`` (``<sequence>:<segment>``); the last has no
`neste`. Kommuner are numbers: 0099 is 99. Geometry is WKT with heights, EPSG:5973.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import shapely
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.kommune import numre
from tasks.sandbox.kontekst.vegnett import Lenke, lenker

PATH = "/kontekst/nvdb/vegnett/api/v4/veglenkesekvenser/segmentert"
SRID = 5973
PER_SIDE = 1_000
PARAMETERS = frozenset({"kommune", "antall", "start", "inkluderAntall", "srid", "trafikantgruppe", "historisk"})
TYPEVEG = "Enkel bilveg", "enkelBilveg"
GANGVEG = "Gang- og sykkelveg", "gangOgSykkelveg"
DETALJ = "Vegtrase og kjørebane"


class RefusedError(ValueError):
    """A question that is not answered."""


def create_router() -> APIRouter:
    """Return the route of the network."""
    router = APIRouter()

    @router.get(PATH)
    async def segmentert(request: Request) -> Response:
        if not request.headers.get("x-client", "").strip():
            return _problem("X-Client mangler: si hvem du er.")
        try:
            return await run_in_threadpool(_answer, dict(request.query_params), _root(request))
        except RefusedError as error:
            return _problem(str(error))

    return router


def _answer(query: dict[str, str], root: str) -> Response:
    if unknown := sorted(set(query) - PARAMETERS):
        raise RefusedError(f"Ukjent parameter: {unknown[0][:40]}")
    if query.get("srid", str(SRID)) not in {str(SRID), "utm33"}:
        raise RefusedError(f"srid: bare {SRID} er støttet her")
    if query.get("historisk", "false") != "false":
        raise RefusedError("historisk: bare veger som finnes nå, er støttet her")
    rows = [row for nummer in _kommuner(query) for row in _rader(nummer) if _wanted(row, query)]
    first = _first(rows, query.get("start", ""))
    most = min(_whole("antall", query.get("antall", str(PER_SIDE))), PER_SIDE)
    page = rows[first : first + most]
    metadata: dict[str, Any] = {"returnert": len(page), "sidestørrelse": most}
    if query.get("inkluderAntall", "true") == "true":
        metadata["antall"] = len(rows)
    if first + most < len(rows):
        start = _place(page[-1])
        tail = "&".join(f"{k}={v}" for k, v in {**query, "start": start}.items())
        metadata["neste"] = {"start": start, "href": f"{root}?{tail}"}
    body = {"objekter": page, "metadata": metadata}
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")


def _kommuner(query: dict[str, str]) -> list[str]:
    """Return the kommuner asked for; a number that is none of ours has no roads."""
    text = query.get("kommune")
    if text is None:
        return list(numre())
    asked = {f"{_whole('kommune', part):04}" for part in text.split(",")}
    return [nummer for nummer in numre() if nummer in asked]


def _wanted(row: dict[str, Any], query: dict[str, str]) -> bool:
    group = query.get("trafikantgruppe")
    return group is None or row["vegsystemreferanse"]["strekning"]["trafikantgruppe"] == group


def _place(row: dict[str, Any]) -> str:
    return f"{row['veglenkesekvensid']}:{row['segmentnummer']}"


def _first(rows: list[dict[str, Any]], start: str) -> int:
    if not start:
        return 0
    places = [_place(row) for row in rows]
    if start not in places:
        raise RefusedError("start: ukjent sted")
    return places.index(start) + 1


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 8 and int(text) > 0):
        raise RefusedError(f"{name}: et helt tall er ønsket")
    return int(text)


@cache
def _rader(nummer: str) -> tuple[dict[str, Any], ...]:
    texts = shapely.to_wkt([link.geometri for link in lenker(nummer)], rounding_precision=3, output_dimension=3)
    return tuple(_rad(nummer, link, text) for link, text in zip(lenker(nummer), texts.tolist(), strict=True))


def _rad(nummer: str, link: Lenke, wkt: str) -> dict[str, Any]:
    sequence = int(nummer) * 100_000 + link.nr
    length = round(shapely.length(link.geometri), 3)
    typeveg, sosi = GANGVEG if link.er_gangveg else TYPEVEG
    group = "G" if link.er_gangveg else "K"
    short = f"{link.kategori}V{link.vegnummer} S1D1 m0-{round(length)}"
    return {
        "veglenkesekvensid": sequence,
        "veglenkenummer": 1,
        "segmentnummer": 1,
        "startposisjon": 0.0,
        "sluttposisjon": 1.0,
        "kortform": f"0.0-1.0@{sequence}",
        "type": "HOVED",
        "detaljnivå": DETALJ,
        "typeVeg": typeveg,
        "typeVeg_sosi": sosi,
        "startnode": _node(nummer, link, link.fra),
        "sluttnode": _node(nummer, link, link.til),
        "startdato": "2009-07-02",
        "målemetode": "Metrert",
        "geometri": {"wkt": wkt, "srid": SRID, "lengde": length},
        "lengde": length,
        "fylke": int(nummer[:2]),
        "kommune": int(nummer),
        "vegsystemreferanse": {
            "vegsystem": {
                "id": sequence,
                "versjon": 1,
                "vegkategori": link.kategori,
                "fase": "V",
                "nummer": link.vegnummer,
            },
            "strekning": {
                "strekning": 1,
                "delstrekning": 1,
                "arm": False,
                "adskilte_løp": "Nei",
                "trafikantgruppe": group,
                "retning": "MED",
                "fra_meter": 0.0,
                "til_meter": length,
            },
            "kortform": short,
        },
    }


def _node(nummer: str, link: Lenke, node: tuple[int, int]) -> str:
    """Return the id of a node; a path for walking has nodes of its own."""
    own = 500_000_000 if link.er_gangveg else 0
    return str(int(nummer) * 10_000_000 + (node[0] + 200) * 2_000 + node[1] + 200 + own)


def _root(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{PATH}"


def _problem(text: str) -> Response:
    body = [{"code": 4001, "message": text}]
    return Response(json.dumps(body, ensure_ascii=False), 400, media_type="application/json")
