"""The download API of the sandbox: what can be ordered, orders that take a moment, and zips of GML.

As Geonorge's: code lists per dataset, an order with a receipt, and a file that is ready when it has been asked for
once or twice. Orders live as long as the server does.
"""

from __future__ import annotations

import io
import json
import secrets
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Body, HTTPException, Request, Response

from tasks.sandbox import gml, plan_gml
from tasks.sandbox.crs import SERVED, Crs
from tasks.sandbox.kommune import invent, numre
from tasks.sandbox.kontekst import tettsted_gml
from tasks.sandbox.nap import KP_TYPES, RP_TYPES

PREFIX = "/nedlasting"
WAITS = 1
"""How many times the file of an order is not ready yet."""

MAX_ORDERS = 100
LICENCE = b"Oppdiktede data. Kommunene, planene og teigene finnes ikke.\r\n"


@dataclass(frozen=True)
class Datasett:
    """One dataset.

    Attributes
    ----------
    navn, tema
        In file names.
    samlinger
        Collections of plan objects that it holds; none means teiger, or tettsteder where it is of the whole country.
    """

    navn: str
    samlinger: tuple[str, ...] = ()
    tema: str = "Basisdata"


DATASETT: Mapping[str, Datasett] = {
    "74340c24-1c8a-4454-b813-bfe498e80f16": Datasett("MatrikkelenEiendomskartTeig"),
    "00000000-0000-4000-8000-000000000020": Datasett(
        "Kommuneplan",
        tuple(f"{service}/{slag}" for service in ("kommuneplaner", "kommunedelplaner") for slag in KP_TYPES),
    ),
    "00000000-0000-4000-8000-000000000030": Datasett(
        "Reguleringsplan", tuple(f"reguleringsplaner/vn2/{slag}" for slag in RP_TYPES)
    ),
}
"""What is had by kommune, by uuid; the one of the teiger is the register's own."""

LANDSDEKKENDE: Mapping[str, Datasett] = {
    "173f4a15-dead-4f82-b92e-f37396b72cea": Datasett("Tettsteder2024", tema="Befolkning")
}
"""What is had for the whole country alone, by its real uuid."""
ALLE: Mapping[str, Datasett] = {**DATASETT, **LANDSDEKKENDE}
LANDET = "0000"


@dataclass
class _Order:
    uuid: str
    nummer: str
    epsg: int
    asked: int = 0


class _Orders:
    """The orders of one server, the latest `MAX_ORDERS` of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, _Order] = OrderedDict()

    def add(self, order: _Order) -> str:
        """Keep an order and return its reference."""
        with self._lock:
            reference = secrets.token_hex(16)
            self._orders[reference] = order
            while len(self._orders) > MAX_ORDERS:
                self._orders.popitem(last=False)
            return reference

    def find(self, reference: str) -> _Order:
        """Return an order."""
        with self._lock:
            if reference not in self._orders:
                raise HTTPException(404, {"message": "Ingen bestilling med denne referansen."})
            return self._orders[reference]


def create_router() -> APIRouter:
    """Return the routes of the download API."""
    router = APIRouter(prefix=f"{PREFIX}/api")
    orders = _Orders()

    @router.get("/capabilities/{uuid}")
    def capabilities(uuid: str) -> Response:
        _dataset(uuid)
        return _json(
            {"supportsAreaSelection": True, "supportsProjectionSelection": True, "supportsFormatSelection": True}
        )

    @router.get("/codelists/{name}/{uuid}")
    def codelist(name: str, uuid: str) -> Response:
        _dataset(uuid)
        if name not in CODELISTS:
            raise HTTPException(404, {"message": f"Ingen kodeliste {name[:20]!r}."})
        return _json(CODELISTS[name](uuid))

    @router.post("/order")
    def order(request: Request, body: dict[str, Any] = Body(...)) -> Response:  # noqa: B008
        made = _read_order(body)
        return _json(_receipt(request, orders.add(made), made))

    @router.get("/order/{reference}")
    def receipt(request: Request, reference: str) -> Response:
        found = orders.find(reference)
        found.asked += 1
        return _json(_receipt(request, reference, found))

    @router.get("/download/order/{reference}/{fid}")
    def download(reference: str, fid: str) -> Response:
        found = orders.find(reference)
        if fid != "1" or found.asked < WAITS:
            raise HTTPException(404, {"message": "Filen finnes ikke."})
        return Response(archive(found.uuid, found.nummer, found.epsg), media_type="application/zip")

    return router


def archive(uuid: str, nummer: str, epsg: int) -> bytes:
    """Return the zip of a dataset for one kommune, or `LANDET`: its GML and a licence."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open(f"{filnavn(uuid, nummer, epsg)}.gml", "w", force_zip64=True) as file:
            for part in _gml(uuid, nummer, epsg):
                file.write(part)
        packed.writestr("lisens.txt", LICENCE)
    return made.getvalue()


def filnavn(uuid: str, nummer: str, epsg: int) -> str:
    """Return the name of a file without its suffix, as Geonorge builds it."""
    navn = "Norge" if nummer == LANDET else invent(nummer).navn.split()[0]
    return f"{ALLE[uuid].tema}_{nummer}_{navn}_{epsg}_{ALLE[uuid].navn}_GML"


def _gml(uuid: str, nummer: str, epsg: int) -> Iterator[bytes]:
    crs = Crs(f"urn:ogc:def:crs:EPSG::{epsg}", epsg, nord_foerst=epsg in {4258, 4326})
    if uuid in LANDSDEKKENDE:
        yield from tettsted_gml.fil(crs)
        return
    datasett = DATASETT[uuid]
    if datasett.samlinger:
        yield from plan_gml.fil(datasett.navn, datasett.samlinger, nummer, crs)
        return
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gml:FeatureCollection xmlns:gml="{plan_gml.GML_NS}" xmlns:app="{gml.APP}" gml:id="teig_{nummer}">\n'
    ).encode()
    for member in gml.members(nummer, crs):
        yield member.replace(b"wfs:member>", b"gml:featureMember>")
    yield b"</gml:FeatureCollection>\n"


# --- orders ---


def _read_order(body: Mapping[str, Any]) -> _Order:
    """Return what is ordered: one line, one kommune, one CRS, GML."""
    try:
        (line,) = body["orderLines"]
        (area,), (projection,), (form,) = line["areas"], line["projections"], line["formats"]
        uuid, kind, nummer = str(line["metadataUuid"]), str(area["type"]), str(area["code"])
        epsg, form_name = int(projection["code"]), str(form["name"])
    except (KeyError, TypeError, ValueError):
        raise HTTPException(400, {"message": "Bestillingen kan ikke leses."}) from None
    _dataset(uuid)
    offered = {(area["type"], area["code"]) for area in _areas(uuid)}
    if (kind, nummer) not in offered or epsg not in SERVED or form_name != "GML":
        raise HTTPException(400, {"message": "Område, projeksjon eller format kan ikke bestilles."})
    return _Order(uuid, nummer, epsg)


def _receipt(request: Request, reference: str, order: _Order) -> dict[str, Any]:
    root = f"{request.url.scheme}://{request.url.netloc}{PREFIX}/api"
    ready = order.asked >= WAITS
    file = {
        "name": f"{filnavn(order.uuid, order.nummer, order.epsg)}.zip",
        "downloadUrl": f"{root}/download/order/{reference}/1" if ready else None,
        "metadataUuid": order.uuid,
        "area": order.nummer,
        "projection": str(order.epsg),
        "format": "GML",
        "status": "ReadyForDownload" if ready else "WaitingForProcessing",
    }
    return {"referenceNumber": reference, "files": [file], "email": "", "downloadBundleUrl": None}


def _dataset(uuid: str) -> None:
    """Refuse a dataset that is not there."""
    if uuid not in ALLE:
        raise HTTPException(404, {"message": f"Ingen datasett {uuid[:40]!r}."})


def _areas(uuid: str) -> list[dict[str, Any]]:
    if uuid in LANDSDEKKENDE:
        return [{"type": "landsdekkende", "name": "Hele landet", "code": LANDET}]
    return [{"type": "kommune", "name": invent(n).navn, "code": n} for n in numre()]


def _projections(_uuid: str) -> list[dict[str, Any]]:
    space = "http://www.opengis.net/def/crs/EPSG/0/"
    return [{"code": str(e), "name": f"EPSG {e}", "codespace": f"{space}{e}"} for e in SERVED]


def _formats(_uuid: str) -> list[dict[str, Any]]:
    return [{"name": "FGDB", "version": "10.0"}, {"name": "GML", "version": "3.2.1"}]


CODELISTS = {"area": _areas, "projection": _projections, "format": _formats}


def _json(body: object) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")
