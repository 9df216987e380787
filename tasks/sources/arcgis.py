"""ArcGIS REST (MapServer, FeatureServer): the layer's description, the count, then its rows page by page.

Rows keep the columns of the layer. Whatever the server is able to – pages or object ids alone, GeoJSON or its own
JSON, metres or nothing but degrees – as many rows must come as it counts before and after, each object id once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd

from tasks.errors import SourceError
from tasks.sources import flat, geojson
from tasks.sources.address import CHECK_ADDRESS
from tasks.sources.arcgis_lag import Lag, ask, condition, find_layer, kommunefelt, undescribed
from tasks.sources.arcgis_ringer import geometry_of
from tasks.sources.asked import Asked, Take, numbers
from tasks.sources.geojson import GEOGRAPHIC
from tasks.sources.koder import code
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

METRIC = frozenset({25832, 25833, 25835})
Page = Mapping[str, Any]


def read(asked: Asked, take: Take) -> int:
    """Hand over the kommune's rows of every layer of the source; see `asked.Protocol`.

    Parameters
    ----------
    asked
        `adresse` is the service; `kilde.lag` the number or the name of each layer below it.

    Returns
    -------
    int
        How many rows the source counted.

    Raises
    ------
    SourceError
        When a layer is missing, closed or damaged, and when rows are missing or come twice.
    """
    total = 0
    for objekttype, name in asked.kilde.lag.items():
        said = _read_at_once(asked, name, objekttype, take) if asked.kilde.er_kontekst else None
        total += _read_layer(asked, find_layer(asked, name), objekttype, take) if said is None else said
    return total


def _read_at_once(asked: Asked, name: str, objekttype: str, take: Take) -> int | None:
    """Read a layer of context by its count and one page; None where it has to be asked what it can.

    Any server answers both in its own JSON. A kommune has some dozen such layers, most of them with next to nothing.
    """
    lag = undescribed(asked, name)
    if lag is None or asked.kilde.kommunefelt is not None or asked.kilde.filter:  # whose columns must be known
        return None
    question = condition(asked, lag)
    count = _count(asked, lag, question)
    if count > lag.flest:
        return None
    if count:
        page = ask(asked, f"{lag.url}/query", _whole(asked, lag, question))
        if _exceeded(page) or len(_features(lag, page)) != count:
            return None
        if isinstance(oid := page.get("objectIdFieldName"), str):
            _check_new(replace(lag, oid=oid), page, set())
        take(geojson.typed(_frame(asked, lag, page, flat.Kolonner(lag.where)), objekttype))
    log.info("%s %s: %d features received, %d said", asked.kommune.nummer, objekttype, count, count)
    return count


def _read_layer(asked: Asked, lag: Lag, objekttype: str, take: Take) -> int:
    question = condition(asked, lag)
    before = _count(asked, lag, question)
    seen: set[str] = set()
    columns = flat.Kolonner(lag.where)
    received = 0
    for page in _pages(asked, lag, question, before):
        frame = _frame(asked, lag, page, columns)
        _check_new(lag, page, seen)
        _check_kommune(asked, lag, frame)
        received += len(frame)
        if received > before:
            break  # more than there is: no use in reading on
        take(geojson.typed(frame, objekttype))
    after = _count(asked, lag, question) if received else before
    if after != before:
        raise SourceError(f"{lag.where}: the count changed from {before} to {after} while reading. Try again later.")
    if received != before:
        raise SourceError(
            f"{lag.where}: the source says {before} features, {received} came. An incomplete answer is not used; "
            "try again later."
        )
    log.info("%s %s: %d features received, %d said", asked.kommune.nummer, objekttype, received, before)
    return before


# --- questions ---


def _count(asked: Asked, lag: Lag, question: Mapping[str, str]) -> int:
    count = ask(asked, f"{lag.url}/query", {**question, "returnCountOnly": "true"}).get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise SourceError(
            f"{lag.where}: returnCountOnly gives {shorten(str(count))!r}, so that completeness cannot be checked. "
            "Try again later."
        )
    return count


def _pages(asked: Asked, lag: Lag, question: Mapping[str, str], count: int) -> Iterator[Page]:
    """Yield the pages with rows; none when there is nothing."""
    if not count:
        return
    whole = _whole(asked, lag, question)
    if lag.har_sider and lag.oid is not None:
        yield from _pages_by_offset(asked, lag, {**whole, "orderByFields": lag.oid}, count)
    elif count <= lag.flest:
        page = ask(asked, f"{lag.url}/query", whole)
        if _exceeded(page):
            raise SourceError(
                f"{lag.where}: the source says {count} features, and that these are not all of them. Try again later."
            )
        yield page
    else:
        yield from _pages_by_ids(asked, lag, whole, count)


def _whole(asked: Asked, lag: Lag, question: Mapping[str, str]) -> dict[str, str]:
    return {
        **question,
        "outFields": "*",
        "outSR": str(asked.kilde.epsg),
        "returnGeometry": "true",
        "returnZ": "false",
        "returnM": "false",
        "returnTrueCurves": "false",  # the server straightens arcs
        "f": "geojson" if lag.gir_geojson else "json",
    }


def _pages_by_offset(asked: Asked, lag: Lag, whole: Mapping[str, str], count: int) -> Iterator[Page]:
    received, more = 0, True
    # Some servers never say that there is more, and some say so of their last page: both the count and the mark are
    # followed, and what came in the end is counted.
    while more or received < count:
        at = {"resultOffset": str(received), "resultRecordCount": str(lag.flest)}
        page = ask(asked, f"{lag.url}/query", {**whole, **at})
        rows = len(_features(lag, page))
        if not rows:
            return
        yield page
        received += rows
        more = _exceeded(page)


def _pages_by_ids(asked: Asked, lag: Lag, whole: Mapping[str, str], count: int) -> Iterator[Page]:
    picked = {k: v for k, v in whole.items() if k in {"where", "geometry", "geometryType", "inSR", "spatialRel"}}
    answer = ask(asked, f"{lag.url}/query", {**picked, "returnIdsOnly": "true"})
    ids = answer.get("objectIds")
    if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids) or len(set(ids)) != count:
        many = len(ids) if isinstance(ids, list) else "no"
        raise SourceError(
            f"{lag.where}: the source says {count} features and gives {many} object ids, without which it cannot be "
            "read in full. Try again later."
        )
    rest = {k: v for k, v in whole.items() if k not in picked}
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), lag.flest):
        batch = ",".join(map(str, ordered[start : start + lag.flest]))
        yield ask(asked, f"{lag.url}/query", {**rest, "objectIds": batch})


def _exceeded(page: Page) -> bool:
    inner = page.get("properties")
    return page.get("exceededTransferLimit") is True or (
        isinstance(inner, dict) and inner.get("exceededTransferLimit") is True
    )


# --- answers ---


def _features(lag: Lag, page: Page) -> list[dict[str, Any]]:
    features = page.get("features")
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise SourceError(f"{lag.where}: no features (keys {shorten(str(sorted(page)[:6]))}). {CHECK_ADDRESS}")
    return features


def _attributes(lag: Lag, feature: Mapping[str, Any]) -> dict[str, Any]:
    found = feature.get("properties" if lag.gir_geojson else "attributes")
    return found if isinstance(found, dict) else {}


def _frame(asked: Asked, lag: Lag, page: Page, columns: flat.Kolonner) -> gpd.GeoDataFrame:
    """Return a page as rows in EPSG:25833."""
    features = _features(lag, page)
    if lag.gir_geojson:
        frame = flat.frame(features, epsg=asked.kilde.epsg, where=lag.where, columns=columns)
    else:
        rows = [{"properties": _attributes(lag, f)} for f in features]
        frame = flat.frame(rows, epsg=asked.kilde.epsg, where=lag.where, columns=columns)
        frame = frame.set_geometry(gpd.GeoSeries(_esri_shapes(asked, lag, features), crs=asked.kilde.epsg))
    return geojson.in_storage(frame, epsg=_epsg(asked, lag, page, frame), where=lag.where)


def _esri_shapes(asked: Asked, lag: Lag, features: list[dict[str, Any]]) -> list[Any]:
    try:
        return [geometry_of(f.get("geometry"), in_time=lambda: asked.client.in_time(lag.url)) for f in features]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise SourceError(
            f"{lag.where}: a geometry cannot be read ({type(error).__name__}: {shorten(str(error))}). The answer is "
            "damaged; try again later and tell whoever runs the source."
        ) from None


def _epsg(asked: Asked, lag: Lag, page: Page, frame: gpd.GeoDataFrame) -> int:
    """Return the CRS that a page is in: not always the one asked for, nor the one that it says.

    GeoJSON in degrees is what some servers give whatever `outSR` says, with a label or without.
    """
    said = _said_crs(page)
    if geojson.looks_like_degrees(frame, where=lag.where):
        if said in METRIC:
            log.warning("%s: says EPSG:%s, but its coordinates are degrees", lag.where, said)
        return said if said in GEOGRAPHIC else 4326
    if said is None or said == asked.kilde.epsg or frame.geometry.isna().all():
        return asked.kilde.epsg
    if said in METRIC:
        return said
    raise SourceError(
        f"{lag.where}: asked for EPSG:{asked.kilde.epsg}, the answer says EPSG:{said} and its coordinates are metres. "
        "Tell whoever runs the source."
    )


def _said_crs(page: Page) -> int | None:
    """Return the CRS that a page names, in GeoJSON or in ArcGIS's own way."""
    named, reference = page.get("crs"), page.get("spatialReference")
    if isinstance(named, dict) and isinstance(named.get("properties"), dict):
        return geojson.epsg_of(str(named["properties"].get("name", "")))
    if isinstance(reference, dict):
        number = reference.get("latestWkid") or reference.get("wkid")
        return number if isinstance(number, int) else None
    return None


def _check_new(lag: Lag, page: Page, seen: set[str]) -> None:
    """Refuse object ids that came before: the server does not honour paging, and would go on for ever."""
    features = _features(lag, page)
    ids = [_attributes(lag, f).get(lag.oid) if lag.oid else None for f in features]
    ids = [f.get("id") if i is None else i for i, f in zip(ids, features, strict=True)]
    if lag.oid is None and None in ids:
        return  # all in one answer
    missing = ids.count(None)
    found = {str(i) for i in ids}
    if missing or len(found) != len(ids) or found & seen:
        what = f"{missing} features without {lag.oid}" if missing else "the same object ids came twice"
        raise SourceError(f"{lag.where}: {what}; the source does not honour paging. Tell whoever runs it.")
    seen |= found


def _check_kommune(asked: Asked, lag: Lag, frame: gpd.GeoDataFrame) -> None:
    if asked.kilde.kommunefelt is None:
        return
    felt = kommunefelt(asked, lag)
    values = [code(v) for v in frame[felt]] if felt in frame else []
    others = {v for v in values if v is not None and v.zfill(4) not in numbers(asked)}
    if others:
        raise SourceError(
            f"{lag.where}: asked for {felt} {asked.kommune.nummer}, got features of "
            f"{shorten(', '.join(sorted(others)[:5]))}. The source does not honour the filter; tell whoever runs it."
        )
