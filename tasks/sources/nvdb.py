"""Road links from NVDB (vegnett v4, segmented): one row a segment, a 2D line in EPSG:25833.

The service answers page by page and says where the next one begins. All pages must be there: what came is held
against the number that it says it has. What is no road for cars is left out (`utelat` of the source).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from tasks.crs import STORAGE_CRS
from tasks.errors import SourceError
from tasks.sources import flat, geojson
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.asked import Asked, Take
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import fold
from tasks.sources.presentert import Presentert, client_name
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

PER_SIDE = 10_000
"""Asked for; the service may give fewer a page."""
MAX_PAGES = 40
SRID = 5973
"""EUREF89 UTM 33 with heights in NN2000: the plane is that of EPSG:25833."""
SAME_PLANE = frozenset({"5973", "25833", "utm33"})
BAD_REQUEST = "HTTP 400"

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "veglenkesekvensid": ("veglenkesekvensid",),
    "veglenkenummer": ("veglenkenummer",),
    "segmentnummer": ("segmentnummer",),
    "startposisjon": ("startposisjon",),
    "sluttposisjon": ("sluttposisjon",),
    "startnode": ("startnode",),
    "sluttnode": ("sluttnode",),
    "typeVeg": ("typeVeg",),
    "typeVeg_sosi": ("typeVeg_sosi",),
    "lengde": ("lengde",),
    "vegkategori": ("vegsystemreferanse", "vegsystem", "vegkategori"),
    "fase": ("vegsystemreferanse", "vegsystem", "fase"),
}
"""Column → where it stands in a segment."""


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the road links of the kommune; see `asked.Protocol`.

    Parameters
    ----------
    asked
        `kilde.lag` names the path, `kilde.kommunefelt` the parameter, `kilde.utelat` the types of road left out.

    Returns
    -------
    int
        How many road links there are for cars.

    Raises
    ------
    SourceError
        When pages repeat, are too many, or do not add up, or lines are not in the CRS asked for.
    """
    objekttype, path = next(iter(asked.kilde.lag.items()))
    url = f"{asked.adresse.rstrip('/')}/{path}"
    with Presentert(asked, headers={"X-Client": client_name(asked)}) as client:
        return _Sider(asked, client, url, objekttype).read(take)


class _Sider:
    """The pages of one answer."""

    def __init__(self, asked: Asked, client: Presentert, url: str, objekttype: str) -> None:
        self._asked, self._client, self._url, self._objekttype = asked, client, url, objekttype
        self._where = plain_address(url)
        self._antall = str(PER_SIDE)
        self._utelat = {fold(one) for one in asked.kilde.utelat}

    def read(self, take: Take) -> int:
        came = kept = 0
        said: int | None = None
        start: str | None = None
        seen: set[str] = set()
        for page in range(1, MAX_PAGES + 2):
            if page > MAX_PAGES:
                raise SourceError(self._too_many(said, came))
            objects, meta = self._page(start)
            came += len(objects)
            said = _number(meta.get("antall")) or said
            if page == 1 and said is not None and objects and said > MAX_PAGES * len(objects):
                raise SourceError(self._too_many(said, len(objects)))
            kept += self._hand_over(objects, take)
            start = _next(meta)
            if not objects or start is None or (said is not None and came >= said):
                break
            if start in seen:
                raise SourceError(f"{self._where}: page {page} leads to one that was read before. Try again later.")
            seen.add(start)
        if said is not None and came != said:
            raise SourceError(f"{self._where}: {came} road links came of {said}. Try again later.")
        log.info("%s %s: %d road links, %d of them for cars", self._asked.kommune.nummer, self._where, came, kept)
        return kept

    def _too_many(self, said: int | None, came: int) -> str:
        has = f"{said} road links" if said is not None else f"more than {came} road links"
        return (
            f"{self._where}: {has} for {self._asked.kommune.label}, more than {MAX_PAGES} pages. Distances are then "
            "straight lines. Tell whoever keeps the program."
        )

    def _page(self, start: str | None) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
        felt = self._asked.kilde.kommunefelt or "kommune"
        params = {felt: str(int(self._asked.kommune.nummer)), "srid": str(SRID), "inkluderAntall": "true"}
        params |= {"start": start} if start is not None else {}
        answer = self._ask(params)
        objects, meta = answer.get("objekter"), answer.get("metadata")
        if not isinstance(objects, list) or not isinstance(meta, dict):
            keys = shorten(str(sorted(answer)[:6]))
            raise SourceError(f"{self._where}: no list of road links (keys {keys}). {CHECK_ADDRESS}")
        if not all(isinstance(one, dict) for one in objects):
            raise SourceError(f"{self._where}: a road link that is no object. Tell Statens vegvesen.")
        told = _number(meta.get("returnert"))
        if told is not None and told != len(objects):
            raise SourceError(f"{self._where}: {len(objects)} road links on a page of {told}. Try again later.")
        return objects, meta

    def _ask(self, params: Mapping[str, str]) -> dict[str, Any]:
        sized = {**params, "antall": self._antall} if self._antall else params
        try:
            return read_json(self._client.get(self._url, params=sized, expected="json"))
        except SourceError as error:
            if BAD_REQUEST not in str(error) or not self._antall or "start" in params:
                raise
        self._antall = ""  # perhaps more a page than it gives: then as many as it will
        return self._ask(params)

    def _hand_over(self, objects: Sequence[Mapping[str, Any]], take: Take) -> int:
        """Hand over the road links for cars, and return how many they were."""
        roads = [one for one in objects if not {fold(str(one.get(c))) for c in _TYPES} & self._utelat]
        if not roads:
            return 0
        frame = geojson.in_storage(self._frame(roads), epsg=25833, where=self._where)
        bare = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy(dtype=bool)
        if bare.any():
            log.warning("%s: %d road links without a line are left out", self._where, int(bare.sum()))
        take(frame[~bare].reset_index(drop=True))
        return int((~bare).sum())

    def _frame(self, roads: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
        shapes = [_mapping(one.get("geometri")) for one in roads]
        strange = {str(s["srid"]).lower() for s in shapes if s.get("srid") is not None} - SAME_PLANE
        if strange:
            raise SourceError(f"{self._where}: asked for EPSG:{SRID}, got {shorten(min(strange))}. {CHECK_ADDRESS}")
        try:
            texts = np.array([s["wkt"] if isinstance(s.get("wkt"), str) else None for s in shapes], dtype=object)
            lines = shapely.force_2d(shapely.from_wkt(texts))
            data = {c: [flat.text(_at(one, path)) for one in roads] for c, path in COLUMNS.items()}
        except (ValueError, shapely.errors.ShapelyError) as error:
            raise SourceError(
                f"{self._where}: a road link cannot be read ({shorten(str(error))}). Try again later."
            ) from None
        data["objekttypenavn"] = [self._objekttype] * len(roads)
        columns = {c: pd.Series(v, dtype=object) for c, v in data.items()}
        return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(lines, crs=STORAGE_CRS), crs=STORAGE_CRS)


_TYPES = ("typeVeg", "typeVeg_sosi")


def _next(meta: Mapping[str, Any]) -> str | None:
    """Return where the next page begins, None on the last; only that is taken from the address that it gives."""
    told = _mapping(meta.get("neste"))
    start = told.get("start")
    if start is None and isinstance(told.get("href"), str):
        start = next(iter(parse_qs(urlsplit(told["href"]).query).get("start", ())), None)
    return str(start) if isinstance(start, str | int) and str(start) else None


def _at(one: Mapping[str, Any], path: Sequence[str]) -> object:
    value: object = one
    for part in path:
        value = _mapping(value).get(part)
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
