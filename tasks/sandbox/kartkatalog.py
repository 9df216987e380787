"""The kartkatalog of the sandbox: the search of Geonorge's catalogue over the sandbox's own services.

Among them are some that plans cannot be read from (a WMS, an address on another host), as in life.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from tasks.sandbox import arcgis
from tasks.sandbox.utkast import fakta

PATH = "/kartkatalog/api/search"
MAX_LIMIT = 1000


@dataclass(frozen=True)
class Oppforing:
    """One service in the catalogue.

    Attributes
    ----------
    sti
        Below the address of the local sources; an address of its own when it has a scheme.
    protokoll
        As Geonorge writes it: OGC:WFS, OGC:WMS, OGC:API-Features, W3C:REST.
    """

    tittel: str
    eier: str
    protokoll: str
    sti: str
    er_aapen: bool
    omtale: str = ""

    def adresse(self, root: str) -> str:
        """Return the address on a server at `root`."""
        return self.sti if "://" in self.sti else root + self.sti

    def holds(self, words: Sequence[str]) -> bool:
        """Return whether every word stands in the entry."""
        text = f"{self.tittel} {self.eier} {self.omtale}".lower()
        return all(word in text for word in words)


def standard() -> tuple[Oppforing, ...]:
    """Return the entries: the national copy, and services of each invented kommune that are read and that are not."""
    entries = [
        Oppforing(
            "Kommuneplaner", "Direktoratet for byggkvalitet", "OGC:API-Features", f"/nap/services/rest/{s}", False
        )
        for s in ("kommuneplaner", "kommunedelplaner", "reguleringsplaner/vn2")
    ]
    entries.append(
        Oppforing("Teig WFS", "Kartverket", "OGC:WFS", "/skwms1/wfs.matrikkelen-eiendomskart-teig?request=x", True)
    )
    for facts in fakta().values():
        eier = f"{facts.navn} kommune"
        entries += [
            Oppforing(
                f"{facts.navn} kommuneplan", eier, "W3C:REST", f"{arcgis.PREFIX}/Plan/Kommuneplan/MapServer", True
            ),
            Oppforing(
                f"{facts.navn} reguleringsplaner på grunnen",
                eier,
                "W3C:REST",
                f"{arcgis.PREFIX}/Plan/Reguleringsplaner_på_grunnen/MapServer",
                True,
            ),
            Oppforing(f"{facts.navn} kommuneplan WMS", eier, "OGC:WMS", f"/wms/{facts.nummer}?service=WMS", True),
            Oppforing(f"{facts.navn} plankart", eier, "OGC:WFS", "https://plankart.invalid/wfs?service=WFS", True),
        ]
    return tuple(entries)


def create_router(oppforinger: Sequence[Oppforing] | None = None) -> APIRouter:
    """Return the route of the search.

    Parameters
    ----------
    oppforinger
        What the catalogue holds; `standard` unless given.
    """
    router = APIRouter()
    held = tuple(oppforinger) if oppforinger is not None else standard()

    @router.get(PATH)
    def search(request: Request, text: str = "", limit: int = 10, offset: int = 1) -> Response:
        root = f"{request.url.scheme}://{request.url.netloc}"
        found = [o for o in held if o.holds(text.lower().split())]
        start = max(offset, 1) - 1
        page = found[start : start + max(0, min(limit, MAX_LIMIT))]
        body = {"NumFound": len(found), "Limit": limit, "Offset": offset, "Results": [_row(o, root) for o in page]}
        return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")

    return router


def _row(one: Oppforing, root: str) -> dict[str, object]:
    return {
        "Uuid": "",
        "Title": one.tittel,
        "Abstract": one.omtale,
        "Type": "service",
        "Organization": one.eier,
        "DistributionUrl": one.adresse(root),
        "DistributionProtocol": one.protokoll,
        "GetCapabilitiesUrl": one.adresse(root),
        "IsOpenData": one.er_aapen,
        "AccessIsOpendata": one.er_aapen,
        "AccessIsRestricted": not one.er_aapen,
        "DataAccess": "Åpne data" if one.er_aapen else "Norge digitalt-begrenset",
    }
