"""OGC API Features as the national plan services speak it: collections, then items page by page.

What was asked for is checked against what came: the layer, the CRS, the kommune, and the number of features before
and after. An answer that cannot be trusted is a `SourceError`, never a short frame.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import geopandas as gpd
import shapely

from tasks.errors import SourceError
from tasks.sources import flat
from tasks.sources.address import plain_address, same_origin
from tasks.sources.http import Body, Client
from tasks.sources.koder import fold, kommunenummer_of
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

CRS = "http://www.opengis.net/def/crs/EPSG/0/{epsg}"
AREA = "kopidata.områdeId"
# EPSG:25833, metres: Norway with its sea areas and Svalbard, generously. Degrees and swapped axes fall outside.
PLAUSIBLE = (-1_000_000.0, 6_000_000.0, 2_000_000.0, 9_500_000.0)


@dataclass(frozen=True)
class Layer:
    """The features of one collection: flat frame, how many the source said, how many came."""

    frame: gpd.GeoDataFrame
    ventet: int | None
    mottatt: int


def read_json(body: Body) -> dict[str, Any]:
    """Return a JSON object, read strictly.

    Raises
    ------
    SourceError
        When the body is no JSON object, is cut short, or holds NaN.
    """
    where = plain_address(body.url)
    try:
        data = json.loads(body.content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{where}: not valid JSON ({shorten(str(error))}; {len(body.content)} bytes). The answer is cut short or "
            "is something else; try again later."
        ) from None
    if not isinstance(data, dict):
        raise SourceError(f"{where}: a JSON {type(data).__name__} where an object was expected. {CHECK}")
    return data


CHECK = "Check the address in config/plankilder.toml."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def collections(client: Client, base: str) -> dict[str, str]:
    """Return id → title of the collections that a service lists."""
    url = f"{base}/collections"
    listed = read_json(client.get(url, expected="json")).get("collections")
    if not isinstance(listed, list) or not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in listed):
        raise SourceError(f"{plain_address(url)}: no list of collections. {CHECK}")
    return {c["id"]: str(c.get("title") or "") for c in listed}


def find_layers(wanted: Iterable[str], found: Mapping[str, str]) -> dict[str, str]:
    """Return wanted layer → collection id, by id or title, whatever the case and with æøå or without.

    Examples
    --------
    >>> find_layers(["KpOmråde"], {"kpomrade": "Kommuneplanområde"})
    {'KpOmråde': 'kpomrade'}
    """
    by_name: dict[str, str] = {}
    for collection, title in found.items():
        by_name.setdefault(fold(title), collection)
    by_name.update({fold(collection): collection for collection in found})
    return {layer: by_name[fold(layer)] for layer in wanted if fold(layer) in by_name}


def layer(client: Client, base: str, collection: str, *, kommunenummer: str, epsg: int, side: int) -> Layer:
    """Return all features of a collection in one kommune.

    Parameters
    ----------
    kommunenummer
        Of the kommune that the copy was delivered for.
    epsg
        CRS asked for; 2D coordinates come back in it.
    side
        Features asked for per page; a server that gives fewer is followed.

    Raises
    ------
    SourceError
        When pages repeat, counts differ, or CRS or kommune are not those asked for.
    """
    url = f"{base}/collections/{collection}/items"
    query = {AREA: kommunenummer, "crs": CRS.format(epsg=epsg), "limit": str(side)}
    frames: list[gpd.GeoDataFrame] = []
    counts: list[int] = []
    seen: set[bytes] = set()
    received, following = 0, None
    while True:
        if following is None:
            body = client.get(url, params={**query, "offset": str(received)}, expected="json")
        else:
            body = client.get(following, expected="json")
        page = read_json(body)
        features = _features(page, url)
        _check_crs(body, page, epsg, url)
        _check_new(features, seen, url)
        frames.append(flat.frame(features, epsg=epsg, where=plain_address(url)))
        _check_kommune(frames[-1], kommunenummer, url)
        received += len(features)
        counts += [page["numberMatched"]] if _is_count(page.get("numberMatched")) else []
        if not features or (counts and received >= counts[-1]):
            break
        following = _next(page, url)
    _check_counts(counts, received, url)
    whole = flat.concat(frames, epsg=epsg)
    _check_plausible(whole, epsg, url)
    return Layer(whole, counts[-1] if counts else None, received)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _features(page: Mapping[str, Any], url: str) -> list[dict[str, Any]]:
    features = page.get("features")
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        kind = shorten(str(page.get("type", "no type")))
        raise SourceError(f"{plain_address(url)}: no FeatureCollection ({kind}, keys {sorted(page)[:6]}). {CHECK}")
    return features


def _check_crs(body: Body, page: Mapping[str, Any], epsg: int, url: str) -> None:
    said = body.headers.get("content-crs", "").strip(" <>")
    if not said and isinstance(page.get("crs"), dict):
        said = str((page["crs"].get("properties") or {}).get("name", ""))
    if said and said.replace(":", "/").rstrip("/").rpartition("/")[2] != str(epsg):
        raise SourceError(
            f"{plain_address(url)}: asked for EPSG:{epsg}, the answer is in {shorten(said)}. The source does not "
            f"honour `crs`; {CHECK[0].lower()}{CHECK[1:]}"
        )


def _check_new(features: Sequence[Mapping[str, Any]], seen: set[bytes], url: str) -> None:
    """Refuse a page that came before: the server does not honour offset, and would go on for ever."""
    if not features:
        return
    content = [[f.get("properties"), f.get("geometry")] for f in features]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    if digest in seen:
        raise SourceError(
            f"{plain_address(url)}: the same page came twice; the source does not honour paging. Tell whoever runs it."
        )
    seen.add(digest)


def _check_kommune(page: gpd.GeoDataFrame, kommunenummer: str, url: str) -> None:
    if AREA not in page:
        return
    others = {kommunenummer_of(v) for v in page[AREA] if v is not None} - {kommunenummer, None}
    if others:
        raise SourceError(
            f"{plain_address(url)}: asked for {AREA}={kommunenummer}, got features of {sorted(map(str, others))[:5]}. "
            "The source does not honour the filter; tell whoever runs it."
        )


def _next(page: Mapping[str, Any], url: str) -> str | None:
    """Return the next page's address when it is the same resource on the same host, else None."""
    links = page.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "next" and isinstance(link.get("href"), str):
            target = str(urljoin(url, link["href"]))
            if same_origin(target, url) and urlsplit(target).path == urlsplit(url).path:
                return target
    return None


def _check_counts(counts: Sequence[int], received: int, url: str) -> None:
    where = plain_address(url)
    if len(set(counts)) > 1:
        raise SourceError(
            f"{where}: numberMatched changed from {counts[0]} to {counts[-1]} while reading. Try again later."
        )
    if counts and counts[0] != received:
        raise SourceError(
            f"{where}: the source says {counts[0]} features, {received} came. An incomplete answer is not used; "
            "try again later."
        )


def _check_plausible(frame: gpd.GeoDataFrame, epsg: int, url: str) -> None:
    if epsg != 25833 or not len(frame):
        return
    shapes = frame.geometry[~(frame.geometry.isna() | frame.geometry.is_empty)]
    west, south, east, north = shapely.bounds(shapes.to_numpy()).T
    outside = (west < PLAUSIBLE[0]) | (south < PLAUSIBLE[1]) | (east > PLAUSIBLE[2]) | (north > PLAUSIBLE[3])
    if outside.sum() * 2 > len(shapes):
        first = f"{west[outside][0]:.1f}, {south[outside][0]:.1f}"
        raise SourceError(
            f"{plain_address(url)}: {int(outside.sum())} of {len(shapes)} features lie outside Norway in EPSG:{epsg} "
            f"(first at {first}): wrong CRS or swapped axes. Tell whoever runs the source."
        )
