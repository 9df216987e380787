"""The search of Geonorge's kartkatalog: JSON with the services of the country, one hit a row.

Field names and the offset that counts from 1 as in Kartverket's Geonorge.Kartkatalog (its API model and index).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.kandidat import Treff

ADRESSE = "https://kartkatalog.geonorge.no/api/search"
STI = "/kartkatalog/api/search"
"""Where the sandbox serves it."""


def search(client: Client, base: str, text: str, *, limit: int) -> list[Treff]:
    """Return the services that the catalogue finds for a text, the best first.

    Parameters
    ----------
    limit
        Hits at most; what follows is not asked for, since the catalogue ranks.

    Raises
    ------
    SourceError
        When the answer is no list of hits.
    """
    params = {
        "text": text,
        "limit": str(limit),
        "offset": "1",
        "facets[1]name": "type",
        "facets[1]value": "service",
    }
    found = read_json(client.get(base, params=params, expected="json")).get("Results")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise SourceError(f"{plain_address(base)}: no list of results. The API may have changed; tell us.")
    return [treff for row in found[:limit] for treff in _hits(row)]


def _hits(row: Mapping[str, Any]) -> list[Treff]:
    """Return the addresses of one hit: its own, and those that it says are its WFS or capabilities."""
    own = (_text(row.get("DistributionProtocol")), _text(row.get("DistributionUrl") or row.get("GetCapabilitiesUrl")))
    wfs = ("OGC:WFS", _text(row.get("ServiceWfsDistributionUrlForDataset")))
    open_data = row.get("AccessIsOpendata", row.get("IsOpenData"))
    return [
        Treff(
            tittel=_text(row.get("Title")),
            eier=_text(row.get("Organization")),
            protokoll=protokoll,
            adresse=adresse,
            lisens=_text(row.get("DataAccess")),
            er_aapen=open_data if isinstance(open_data, bool) else None,
            omtale=_text(row.get("Abstract")),
        )
        for protokoll, adresse in dict.fromkeys((own, wfs))
        if adresse
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
