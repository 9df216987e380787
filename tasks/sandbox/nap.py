"""The plan services of the sandbox: OGC API Features as the national copy (NAP) serves it.

Three services (`SERVICES`), behind HTTP Basic. Properties are nested in kommuneplaner and kommunedelplaner and flat
with dots in reguleringsplaner, since both occur. A kommune that the copy does not hold answers HTTP 200 with nothing.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Depends, HTTPException, Request

from tasks.sandbox import ogc
from tasks.sandbox.crs import Crs
from tasks.sandbox.kommune import PlanObjekt, invent
from tasks.sandbox.kontekst import hensyn
from tasks.sandbox.ogc import Tjeneste, add_service

PREFIX = "/nap/services/rest"
KP_TYPES = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde", "KpDetaljeringSone")
RP_TYPES = ("RpOmråde", "RpArealformålOmråde", "RbFormålOmråde")
SERVICES = {"kommuneplaner": (*KP_TYPES, *hensyn.TYPER), "kommunedelplaner": KP_TYPES} | {
    f"reguleringsplaner/vn{nivaa}": RP_TYPES for nivaa in range(1, 6)
}
DELIVERED_FOR = "kopidata.områdeId"
FILTERS = frozenset(
    {
        DELIVERED_FOR,
        "arealplanId.kommunenummer",
        "arealplanId.planidentifikasjon",
        "identifikasjon.lokalId",
        "planstatus",
        "plantype",
    }
)


def basic_guard(username: str, password: str) -> object:
    """Return the dependency that lets nobody in without these credentials."""
    wanted = f"{username}:{password}".encode()

    def guard(request: Request) -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            given = b""
        if not secrets.compare_digest(given, wanted):
            headers = {"WWW-Authenticate": 'Basic realm="NAP (oppdiktede data)", charset="UTF-8"'}
            detail = {"code": "Unauthorized", "description": "Brukernavn og passord kreves (HTTP Basic)."}
            raise HTTPException(401, detail, headers)

    return Depends(guard)


def create_router(*, username: str, password: str) -> APIRouter:
    """Return the routes of the three services behind HTTP Basic."""
    router = APIRouter(dependencies=[basic_guard(username, password)])  # type: ignore[list-item]
    for service in TJENESTER.values():
        add_service(router, service)
    return router


def features(samling: str, nummer: str, crs: Crs) -> tuple[str, ...]:
    """Return the objects of one collection (``kommuneplaner/KpOmråde``) and kommune as GeoJSON features."""
    service, _, title = samling.rpartition("/")
    return ogc.features(TJENESTER[service], title, nummer, crs)


def _objekter(service: str, title: str, nummer: str) -> Sequence[PlanObjekt]:
    """Return the objects of a collection in a kommune."""
    samling = f"{service}/{title}"
    if title in hensyn.TYPER:
        return hensyn.hensynssoner(nummer)[samling]
    return invent(nummer).plan.get(samling, ())


TJENESTER = {
    navn: Tjeneste(
        sti=f"{PREFIX}/{navn}",
        navn=navn,
        titler=titler,
        filtre=FILTERS,
        objekter=partial(_objekter, navn),
        nestet=not navn.startswith("reguleringsplaner"),
        kommune=DELIVERED_FOR,
    )
    for navn, titler in SERVICES.items()
}
