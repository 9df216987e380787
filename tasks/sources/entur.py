"""Stops in use from Entur's journey planner (GraphQL): one row a stop place, a point in EPSG:25833.

A box is asked for in degrees; where the service refuses one as too much, its quarters are asked for instead. GraphQL
says what is wrong in a body with status 200.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from pyproj import Transformer

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.asked import Asked, Bounds, Take
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import blank_is_none
from tasks.sources.presentert import Presentert, client_name
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

QUERY = (
    "query($s: Float!, $w: Float!, $n: Float!, $e: Float!) { stopPlacesByBbox(minimumLatitude: $s, "
    "minimumLongitude: $w, maximumLatitude: $n, maximumLongitude: $e, filterByInUse: true) "
    "{ id name latitude longitude transportMode } }"
)
MAX_DEPTH = 2
"""How often a box is quartered: 21 requests at most."""
MAX_STOPS = 50_000
"""Of one kommune; the whole country has about 60,000."""
MAX_TEXT = 200
OURS = frozenset({"ValidationError", "InvalidSyntax"})
"""What GraphQL calls a question that it does not understand: a smaller box does not mend it."""


class _TooMuchError(SourceError):
    """The service refused a box."""


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the stops in use in the kommune's box, each once; see `asked.Protocol`.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    SourceError
        When the kommune's boundary is not known, or the answer is an error or no list of stops.
    """
    box = asked.boks
    if box is None:
        raise SourceError(f"{asked.kilde.navn}: the boundary of {asked.kommune.label} is not known. Run again.")
    degrees = Transformer.from_crs(STORAGE_EPSG, 4326, always_xy=True).transform_bounds(*box, densify_pts=21)
    stops: dict[str, Mapping[str, Any]] = {}
    with Presentert(asked, headers={"ET-Client-Name": client_name(asked)}) as client:
        for stop in _stops(client, asked, degrees):
            if isinstance(name := stop.get("id"), str) and 0 < len(name) <= MAX_TEXT and name.isprintable():
                stops.setdefault(name, stop)
            if len(stops) > MAX_STOPS:
                raise SourceError(
                    f"{plain_address(asked.adresse)}: more than {MAX_STOPS} stops for {asked.kommune.label}. Something "
                    "is wrong with the answer; tell Entur."
                )
    piece = _rows(stops, next(iter(asked.kilde.lag)), where=plain_address(asked.adresse))
    take(piece)
    return len(piece)


def _stops(client: Presentert, asked: Asked, box: Bounds, depth: int = 0) -> list[Mapping[str, Any]]:
    """Return the stops of a box in degrees; one that is too much is quartered."""
    try:
        return _ask(client, asked.adresse, box)
    except _TooMuchError as error:
        if depth == MAX_DEPTH:
            raise
        log.info("%s Asked again for quarters of the box.", error)
    west, south, east, north = box
    x, y = (west + east) / 2, (south + north) / 2
    quarters = ((west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north))
    return [stop for quarter in quarters for stop in _stops(client, asked, quarter, depth + 1)]


def _ask(client: Presentert, url: str, box: Bounds) -> list[Mapping[str, Any]]:
    where = plain_address(url)
    west, south, east, north = (round(float(v), 6) for v in box)
    variables = {"s": south, "w": west, "n": north, "e": east}
    answer = read_json(client.post_json(url, {"query": QUERY, "variables": variables}))
    if answer.get("errors"):
        raise _refusal(answer["errors"], where)
    data = answer.get("data")
    found = data.get("stopPlacesByBbox") if isinstance(data, dict) else None
    if not isinstance(found, list):
        keys = shorten(str(sorted(answer)[:6]))
        raise SourceError(f"{where}: no list of stops (keys {keys}). {CHECK_ADDRESS}")
    return [stop for stop in found if isinstance(stop, dict)]


def _refusal(errors: object, where: str) -> SourceError:
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    said = shorten(str(first.get("message") or errors))
    extensions = first.get("extensions")
    kind = extensions.get("classification") if isinstance(extensions, dict) else None
    if kind in OURS or said.lower().startswith("validation error"):
        return SourceError(f"{where}: the question is not understood: {said}. {CHECK_ADDRESS}")
    return _TooMuchError(f"{where}: HTTP 200 with an error: {said}.")


def _rows(stops: Mapping[str, Mapping[str, Any]], objekttype: str, *, where: str) -> gpd.GeoDataFrame:
    placed = {name: (stop, *_place(stop)) for name, stop in stops.items()}
    known = {name: row for name, row in placed.items() if math.isfinite(row[1]) and math.isfinite(row[2])}
    if len(known) * 2 < len(placed):
        raise SourceError(f"{where}: {len(placed) - len(known)} of {len(placed)} stops have no place. Tell Entur.")
    if lost := len(placed) - len(known):
        log.warning("%s: %d of %d stops have no place, and are left out", where, lost, len(placed))
    data = {
        "objekttypenavn": [objekttype] * len(known),
        "stopp_id": list(known),
        "navn": [_name(stop.get("name")) for stop, _, _ in known.values()],
        "transport": [",".join(_modes(stop.get("transportMode"))) or None for stop, _, _ in known.values()],
    }
    points = shapely.points([east for _, east, _ in known.values()], [north for _, _, north in known.values()])
    shapes = gpd.GeoSeries(points, crs=4326).to_crs(STORAGE_CRS)
    return gpd.GeoDataFrame({c: pd.Series(v, dtype=object) for c, v in data.items()}, geometry=shapes, crs=STORAGE_CRS)


def _place(stop: Mapping[str, Any]) -> tuple[float, float]:
    """Return longitude and latitude, NaN where they are no place on earth."""
    east, north = _degrees(stop.get("longitude")), _degrees(stop.get("latitude"))
    return (east, north) if abs(north) <= 90 else (math.nan, math.nan)


def _degrees(value: object) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) <= 180 else math.nan


def _name(value: object) -> str | None:
    text = blank_is_none(value)
    return None if text is None else text[:MAX_TEXT]


def _modes(value: object) -> list[str]:
    """Return what stops there; one kind comes as a text, or in a list."""
    words: Sequence[object] = value if isinstance(value, list) else [value]
    return sorted({w for w in words[:20] if isinstance(w, str) and w.isascii() and w.isalpha() and len(w) < 30})
