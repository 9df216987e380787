"""OGC API Features looked at from outside: the collections, their queryables, and a page of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import geopandas as gpd

from config.kilder import Kilde
from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.ogc_features import find_layers
from tasks.sources.tjeneste import MAX_LAYERS, SAMPLE, Box, Lag, Tjeneste, best_epsg, degrees, names, rows


def describe(client: Client, adresse: str) -> Tjeneste:
    """Return the collections of a service; its queryables are asked for layer by layer, see `columns`.

    Raises
    ------
    SourceError
        When there is no list of collections.
    """
    url = f"{adresse}/collections"
    answer = read_json(client.get(url, expected="json"))
    found = answer.get("collections")
    if not isinstance(found, list):
        raise SourceError(f"{plain_address(url)}: no list of collections.")
    listed = [c for c in found if isinstance(c, dict) and names([c.get("id")])][:MAX_LAYERS]
    lag = tuple(Lag(navn=c["id"], tittel=next(iter(names([c.get("title")])), c["id"])) for c in listed)
    offered = [str(crs) for c in [answer, *listed] for crs in _list(c.get("crs"))]
    # CRS84 alone: degrees, longitude first.
    return Tjeneste(tittel="", lag=lag, epsg=best_epsg(offered) if offered else 4326)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def find(wanted: Kilde, offered: Tjeneste) -> dict[str, str]:
    """Return object type → collection id of those that a source is configured with and that are there."""
    found = find_layers(wanted.lag.values(), {lag.navn: lag.tittel for lag in offered.lag})
    return {objekttype: found[lag] for objekttype, lag in wanted.lag.items() if lag in found}


def columns(client: Client, adresse: str, navn: str) -> tuple[str, ...]:
    """Return the columns of a collection by its queryables; empty when it does not tell."""
    try:
        answer = read_json(client.get(f"{adresse}/collections/{quote(navn, safe='')}/queryables", expected="json"))
    except SourceError:  # an optional part of the standard, that servers lack in many ways
        return ()
    properties = answer.get("properties")
    return names(properties) if isinstance(properties, dict) else ()


def sample(client: Client, adresse: str, lag: Lag, *, boks: Box | None, felt: Mapping[str, str]) -> gpd.GeoDataFrame:
    """Return a page of a collection, EPSG:25833.

    Raises
    ------
    SourceError
        When it cannot be read.
    """
    url = f"{adresse}/collections/{quote(lag.navn, safe='')}/items"
    params = {**felt, "limit": str(SAMPLE)}
    if boks is not None:
        params["bbox"] = ",".join(f"{v:.6f}" for v in degrees(boks))
    found = read_json(client.get(url, params=params, expected="json")).get("features")
    if not isinstance(found, list):
        raise SourceError(f"{plain_address(url)}: no FeatureCollection.")
    return rows(found[:SAMPLE], epsg=4326, where=plain_address(url))
