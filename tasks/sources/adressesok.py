"""One question to Kartverket's address API: the addresses in a circle, page by page, sorted by distance; EPSG:25833.

Of an address its text, postnummer and poststed are kept. The name of a farm or a house (adressetilleggsnavn) may be a
person's: neither it nor the dwellings of the address are asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import blank_is_none

# Limits of the API (its specification): hits on a page, and hits that can be reached at all.
PER_SIDE, MOST = 1_000, 10_000
FIELDS = ("adressetekstutenadressetilleggsnavn", "postnummer", "poststed", "representasjonspunkt")
FILTER = ",".join(["metadata", *(f"adresser.{name}" for name in FIELDS)])
LONGEST_TEXT = 200

# The API measures on a sphere, we in the plane of UTM33: up to 0.4 % each, and never more than this together.
FAULT = 0.01


@dataclass(frozen=True)
class Circle:
    """One circle to ask about: its middle and radius (EPSG:25833, m), and the rows of the lots that it is for."""

    ost: float
    nord: float
    radius_m: float
    tomter: tuple[int, ...]

    @property
    def asked_radius_m(self) -> int:
        """Whole metres, on the API's sphere, that hold the circle."""
        return math.ceil(self.radius_m / (1 - FAULT)) + 1


@dataclass(frozen=True)
class Svar:
    """One page of the addresses in a circle.

    Attributes
    ----------
    adresser
        Addresses with a text: adresse, postnummer, poststed and a point.
    antall
        Hits on the page, also those without a text.
    innerst_m, ytterst_m
        Distance from the middle of the first and the last hit.
    totalt
        Hits in the circle as the API counts them, at most `MOST`.
    """

    adresser: gpd.GeoDataFrame
    antall: int
    innerst_m: float
    ytterst_m: float
    totalt: int


Ask = Callable[[Circle, int], Svar]
"""Asks for a page (0, 1, …) of the addresses in a circle; raises `SourceError`."""


def ask_with(client: Client, base: str) -> Ask:
    """Return what asks the API at `base` (`…/adresser/v1`)."""
    url = f"{base}/punktsok"

    def ask(circle: Circle, page: int) -> Svar:
        params = {
            "lat": f"{circle.nord:.2f}",
            "lon": f"{circle.ost:.2f}",
            "radius": str(circle.asked_radius_m),
            "koordsys": str(STORAGE_EPSG),
            "utkoordsys": str(STORAGE_EPSG),
            "treffPerSide": str(PER_SIDE),
            "side": str(page),
            "filtrer": FILTER,
        }
        return read_page(read_json(client.get(url, params=params, expected="json")), circle, where=plain_address(url))

    return ask


def read_page(answer: Mapping[str, Any], circle: Circle, *, where: str) -> Svar:
    """Return one page of an answer to `punktsok`, EPSG:25833.

    Raises
    ------
    SourceError
        When it is not the answer to this question: counts, coordinates, order or place are wrong.
    """
    rows, metadata = answer.get("adresser"), answer.get("metadata")
    total = metadata.get("totaltAntallTreff") if isinstance(metadata, dict) else None
    if not isinstance(rows, list) or not isinstance(total, int) or not 0 <= total < 1e9:
        raise SourceError(f"{where}: no `adresser` with a `metadata.totaltAntallTreff`. {CHECK_ADDRESS}")
    if len(rows) > PER_SIDE:
        raise SourceError(f"{where}: {len(rows)} hits on a page of {PER_SIDE}. {CHECK_ADDRESS}")
    xy = np.array([_point(row, where) for row in rows], dtype=np.float64).reshape(-1, 2)
    distance = np.hypot(xy[:, 0] - circle.ost, xy[:, 1] - circle.nord)
    outermost = circle.asked_radius_m * (1 + FAULT) + 1
    if len(rows) and distance.max() > outermost:
        raise SourceError(
            f"{where}: asked within {circle.asked_radius_m} m, got an address {distance.max():.0f} m away. Does the "
            f"service still know koordsys {STORAGE_EPSG}? Tell Kartverket."
        )
    if (np.diff(distance) < -2 * FAULT * distance[1:] - 1).any():
        raise SourceError(f"{where}: not sorted by distance, so nothing tells what is nearest. Tell Kartverket.")
    texts = [_text(row.get(FIELDS[0])) for row in rows]
    frame = gpd.GeoDataFrame(
        {
            "adresse": pd.Series(texts, dtype=object),
            "postnummer": pd.Series([_postnummer(row.get("postnummer")) for row in rows], dtype=object),
            "poststed": pd.Series([_text(row.get("poststed")) for row in rows], dtype=object),
        },
        geometry=shapely.points(xy),
        crs=STORAGE_CRS,
    )
    usable = frame[np.array([text is not None for text in texts], dtype=bool)].reset_index(drop=True)
    first, last = (float(distance[0]), float(distance[-1])) if len(rows) else (0.0, 0.0)
    return Svar(usable, len(rows), first, last, min(total, MOST))


def _point(row: object, where: str) -> tuple[float, float]:
    point = row.get("representasjonspunkt") if isinstance(row, dict) else None
    found = (point.get("lon"), point.get("lat")) if isinstance(point, dict) else (None, None)
    epsg = str(point.get("epsg", STORAGE_EPSG)) if isinstance(point, dict) else ""
    # Compared before it is converted: an integer may be too large for a float.
    if not all(isinstance(v, int | float) and abs(v) < 1e8 for v in found) or not epsg.endswith(str(STORAGE_EPSG)):
        raise SourceError(f"{where}: an address without a point in EPSG:{STORAGE_EPSG}. {CHECK_ADDRESS}")
    east, north = found
    return float(east), float(north)  # type: ignore[arg-type]  # numbers, as just checked


def _text(value: object) -> str | None:
    plain = blank_is_none(value)
    return plain if plain is None or len(plain) <= LONGEST_TEXT else None


def _postnummer(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[0-9]{4}", value) else None
