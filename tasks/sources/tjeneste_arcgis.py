"""ArcGIS REST looked at from outside: the services of a folder, the layers of a service, and a page of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import geopandas as gpd

from config.kilder import Kilde
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import fold
from tasks.sources.tjeneste import MAX_LAYERS, SAMPLE, Box, Lag, Tjeneste, names, rows

SERVICES = ("MapServer", "FeatureServer")


def describe(client: Client, adresse: str, *, alle: bool = False) -> Tjeneste:
    """Return the layers with polygons of a service, or the services of a folder.

    Parameters
    ----------
    alle
        Whether the layers with points and lines are wanted too.

    Raises
    ------
    SourceError
        When the answer is neither.
    """
    about = read_json(client.get(_url(adresse), params={"f": "json"}, expected="json"))
    if not adresse.lower().endswith(tuple(name.lower() for name in SERVICES)):
        return _folder(adresse, about)
    detailed = read_json(client.get(_url(f"{adresse}/layers"), params={"f": "json"}, expected="json"))
    found = detailed.get("layers")
    if not isinstance(found, list):
        raise SourceError(f"{plain_address(adresse)}: no list of layers.")
    lag = [one for row in found[:MAX_LAYERS] if (one := _layer(row, alle=alle)) is not None]
    bruk = about.get("copyrightText")
    return Tjeneste(
        tittel=adresse.rpartition("/services/")[2].rpartition("/")[0],
        lag=tuple(lag),
        bruk=bruk if isinstance(bruk, str) else "",
    )


def _url(adresse: str) -> str:
    """Return an address whose letters beyond ASCII are written as a URL wants them; what is so already stays."""
    return quote(adresse, safe=":/?#[]@!$&'()*+,;=%~")


def _folder(adresse: str, about: Mapping[str, Any]) -> Tjeneste:
    services = about.get("services")
    if not isinstance(services, list):
        raise SourceError(f"{plain_address(adresse)}: neither a service nor a folder of ArcGIS.")
    root = adresse.partition("/rest/services")[0] + "/rest/services"
    under = [
        f"{root}/{s['name']}/{s['type']}"
        for s in services
        if isinstance(s, dict) and s.get("type") in SERVICES and names([s.get("name")])
    ]
    folders = about.get("folders")
    under += [f"{root}/{name}" for name in names(folders)] if isinstance(folders, list) and adresse == root else []
    return Tjeneste(tittel=adresse.rpartition("/")[2], lag=(), undertjenester=tuple(under[:MAX_LAYERS]))


def _layer(row: object, *, alle: bool) -> Lag | None:
    """Return a layer with areas, or with any geometry; tables and groups are none."""
    kind = row.get("geometryType") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(kind, str) or not (alle or kind == "esriGeometryPolygon"):
        return None
    number, title = row.get("id"), names([row.get("name")])
    if not isinstance(number, int) or not title:
        return None
    fields = row.get("fields")
    kolonner = names(f.get("name") for f in fields if isinstance(f, dict)) if isinstance(fields, list) else ()
    return Lag(navn=str(number), tittel=title[0], kolonner=kolonner)


def find(wanted: Kilde, offered: Tjeneste) -> dict[str, str]:
    """Return object type → layer number of those that a source is configured with, by number or name."""
    by_name = {fold(lag.tittel): lag.navn for lag in reversed(offered.lag)} | {
        lag.navn: lag.navn for lag in offered.lag
    }
    known = {objekttype: by_name.get(lag) or by_name.get(fold(lag)) for objekttype, lag in wanted.lag.items()}
    return {objekttype: navn for objekttype, navn in known.items() if navn is not None}


def sample(client: Client, adresse: str, lag: Lag, *, boks: Box | None) -> gpd.GeoDataFrame:
    """Return a page of a layer, EPSG:25833.

    Raises
    ------
    SourceError
        When it cannot be read.
    """
    url = f"{adresse}/{lag.navn}/query"
    about = read_json(client.get(_url(f"{adresse}/{lag.navn}"), params={"f": "json"}, expected="json"))
    params = _where(boks)
    capabilities = about.get("advancedQueryCapabilities")
    if isinstance(capabilities, dict) and capabilities.get("supportsPagination") is True:
        params |= {"resultRecordCount": str(SAMPLE)}
    else:  # the ids first: a server that cannot page would send everything
        asked = params | {"returnIdsOnly": "true", "f": "json"}
        ids = read_json(client.get(_url(url), params=asked, expected="json")).get("objectIds") or []
        params = {"objectIds": ",".join(str(i) for i in ids[:SAMPLE] if isinstance(i, int))}
        if not params["objectIds"]:
            return rows([], epsg=STORAGE_EPSG, where=plain_address(url))
    params |= {"outFields": "*", "returnGeometry": "true", "outSR": str(STORAGE_EPSG), "f": "json"}
    answer = read_json(client.get(_url(url), params=params, expected="json"))
    found = answer.get("features")
    if not isinstance(found, list) or not all(isinstance(f, dict) for f in found):
        raise SourceError(f"{plain_address(url)}: no features.")
    return rows([_feature(f) for f in found[:SAMPLE]], epsg=STORAGE_EPSG, where=plain_address(url))


def _where(boks: Box | None) -> dict[str, str]:
    """Return the parameters that choose the rows of a box, or all."""
    if boks is None:
        return {"where": "1=1"}
    corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), (round(v, 2) for v in boks), strict=True))
    return {
        "where": "1=1",
        "geometry": json.dumps(corners),
        "geometryType": "esriGeometryEnvelope",
        "inSR": str(STORAGE_EPSG),
        "spatialRel": "esriSpatialRelIntersects",
    }


def _feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    """Return an esri feature as GeoJSON; its rings as the lines that they are, which is enough to see where it lies."""
    geometry, attributes = feature.get("geometry"), feature.get("attributes")
    rings = geometry.get("rings") if isinstance(geometry, dict) else None
    return {
        "properties": attributes if isinstance(attributes, dict) else {},
        "geometry": {"type": "MultiLineString", "coordinates": _flat(rings)} if isinstance(rings, list) else None,
    }


def _flat(rings: Sequence[Any]) -> list[list[list[Any]]]:
    return [[point[:2] for point in ring if isinstance(point, list)] for ring in rings if isinstance(ring, list)]
