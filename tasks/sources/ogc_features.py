"""OGC API Features as the plan services speak it: collections, then items page by page.

What was asked for is checked against what came: the layer, the CRS, the kommune, and the number of features before
and after. An answer that cannot be trusted is a `SourceError`, never a short frame.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urljoin, urlsplit

import geopandas as gpd
from pyproj import Transformer

from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import flat, geojson
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.asked import Asked, Take, numbers, read_by_number
from tasks.sources.geojson import GEOGRAPHIC
from tasks.sources.gjentak import Gjentak, Merke
from tasks.sources.http import Body, Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.koder import fold, kommunenummer_of
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

CRS = "http://www.opengis.net/def/crs/EPSG/0/{epsg}"


def _described(client: Client, base: str) -> dict[str, dict[str, Any]]:
    """Return id → description of the collections that a service lists; CRSs of all of them are filled in."""
    url = f"{base}/collections"
    answer = read_json(client.get(url, expected="json"))
    listed = answer.get("collections")
    if not isinstance(listed, list) or not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in listed):
        raise SourceError(f"{plain_address(url)}: no list of collections. {CHECK_ADDRESS}")
    listed_crs = answer.get("crs")
    common = listed_crs if isinstance(listed_crs, list) else []
    found = {}
    for c in listed:
        own = c["crs"] if isinstance(c.get("crs"), list) else []
        inherited = common if "#/crs" in own or not own else []
        found[c["id"]] = c | {"crs": [v for v in own if v != "#/crs"] + inherited}
    return found


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


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the kommune's features of every layer of the source; see `asked.Protocol`.

    Parameters
    ----------
    asked
        Asked by `kilde.kommunefelt`; without one by the kommune's box, unless the source is its own.

    Returns
    -------
    int or None
        How many features the source says it has; None when it does not tell for every layer.

    Raises
    ------
    SourceError
        When a layer is missing, pages repeat, counts differ, or CRS or kommune are not those asked for.
    """
    base = asked.adresse.rstrip("/")
    described = _described(asked.client, base)
    layers = find_layers(asked.kilde.lag.values(), {k: str(c.get("title") or "") for k, c in described.items()})
    absent = [name for name in asked.kilde.lag.values() if name not in layers]
    if absent:
        seen = ", ".join(sorted(described)[:20]) or "none"
        raise SourceError(
            f"{plain_address(base)}/collections: the layers {', '.join(absent)} are missing; it has: {shorten(seen)}. "
            f"Correct `lag` of {asked.kilde.navn} in config/plankilder.toml."
        )

    def under(nummer: str, take: Take) -> int | None:
        read = [
            _Collection(asked, base, described[layers[name]], nummer).read(objekttype, take)
            for objekttype, name in asked.kilde.lag.items()
        ]
        counts = [count for count in read if count is not None]
        return sum(counts) if len(counts) == len(read) else None

    if asked.kilde.kommunefelt is None:
        return under(asked.kommune.nummer, take)
    return read_by_number(asked, take, under)


class _Collection:
    """One collection being read for one kommune.

    Parameters
    ----------
    described
        As the service describes it.
    nummer
        Today's number of the kommune or an earlier one.
    """

    def __init__(self, asked: Asked, base: str, described: Mapping[str, Any], nummer: str) -> None:
        self._asked, self._nummer = asked, nummer
        self._url = f"{base}/collections/{quote(described['id'], safe='')}/items"
        self._where = unquote(plain_address(self._url))
        self._epsg = _crs_to_ask_for(asked.kilde.epsg, described["crs"])
        self._described = described
        self._query = self._question(described)
        self._seen, self._columns = Gjentak(), flat.Kolonner(self._where)
        self._received = 0

    def read(self, objekttype: str, take: Take) -> int | None:
        """Hand over every feature and return how many the source says.

        A box in a CRS that the service never listed may be read as degrees, in which there is nothing: that there is
        nothing is believed of a box in degrees, which every service reads.
        """
        said = self._read_all(objekttype, take)
        if self._received or "bbox-crs" not in self._query or _lists(self._described["crs"], self._epsg):
            return said
        self._epsg = 4326
        self._query = self._question(self._described)
        return self._read_all(objekttype, take)

    def _read_all(self, objekttype: str, take: Take) -> int | None:
        counts: list[int] = []
        received, following = 0, None
        while True:
            at = {"offset": str(received)} if following is None else following
            body = self._asked.client.get(
                self._url, params=self._query | at if following is None else at, expected="json"
            )
            page = read_json(body)
            features = _features(page, self._where)
            _check_crs(body, page, self._epsg, self._where)
            received += len(features)
            counts += [page["numberMatched"]] if _is_count(page.get("numberMatched")) else []
            self._check_new(features)
            # Before the page is used: a count that is that of the page alone is surpassed on the second one.
            _check_counts(counts, received, self._where, whole=False)
            take(self._frame(features, objekttype))
            following = _next(page, self._url)
            if not features or (not _says_more(page) and (received >= counts[-1] if counts else _has_links(page))):
                break
        _check_counts(counts, received, self._where, whole=True)
        self._received = received
        said = counts[-1] if counts else None
        log.info("%s %s: %d features received, %s said", self._asked.kommune.nummer, objekttype, received, said)
        return said

    def _question(self, described: Mapping[str, Any]) -> dict[str, str]:
        kilde, box = self._asked.kilde, self._asked.boks
        question = _format_wanted(described, self._url)
        if self._epsg not in GEOGRAPHIC:
            question["crs"] = CRS.format(epsg=self._epsg)
        if kilde.kommunefelt is not None:
            question[kilde.kommunefelt] = self._nummer
        elif box is not None:
            question |= _box(box, self._epsg)
        return question | {"limit": str(kilde.side or self._asked.limits.side)}

    def _frame(self, features: Sequence[Mapping[str, Any]], objekttype: str) -> gpd.GeoDataFrame:
        frame = flat.frame(features, epsg=self._epsg, where=self._where, columns=self._columns)
        self._check_kommune(frame)
        return geojson.typed(geojson.in_storage(frame, epsg=self._epsg, where=self._where), objekttype)

    def _check_new(self, features: Sequence[Mapping[str, Any]]) -> None:
        """Refuse features that came before: the source pages in no fixed order, or would go on for ever."""
        page = [_mark(feature) for feature in features]
        again = self._seen.again(page)
        if again:
            what = "the same page came twice" if again == len(page) else f"{again} features came on two pages"
            raise SourceError(
                f"{self._where}: {what}; the source does not honour paging, or has no fixed order. Tell whoever runs "
                "it."
            )
        self._seen.remember(page)

    def _check_kommune(self, page: gpd.GeoDataFrame) -> None:
        felt = self._asked.kilde.kommunefelt
        if felt is None or felt not in page:
            return
        others = {kommunenummer_of(v) for v in page[felt] if v is not None} - {*numbers(self._asked), None}
        if others:
            raise SourceError(
                f"{self._where}: asked for {felt}={self._nummer}, got features of {sorted(map(str, others))[:5]}. "
                "The source does not honour the filter; tell whoever runs it."
            )


# --- questions ---


def _crs_to_ask_for(epsg: int, listed: Sequence[object]) -> int:
    """Return the CRS to ask for: degrees with longitude first where the service lists others than the wanted one.

    One that lists none is asked for the wanted one all the same: what it answers is checked.
    """
    if epsg in GEOGRAPHIC:
        return 4326
    return epsg if not listed or _lists(listed, epsg) else 4326


def _lists(listed: Sequence[object], epsg: int) -> bool:
    return any(geojson.epsg_of(str(name)) == epsg for name in listed)


def _box(bounds: tuple[float, float, float, float], epsg: int) -> dict[str, str]:
    """Return the parameters that ask for a box, given in EPSG:25833."""
    if epsg not in GEOGRAPHIC:
        moved = Transformer.from_crs(STORAGE_EPSG, epsg, always_xy=True).transform_bounds(*bounds)
        return {"bbox": ",".join(f"{v:.3f}" for v in moved), "bbox-crs": CRS.format(epsg=epsg)}
    moved = Transformer.from_crs(STORAGE_EPSG, 4326, always_xy=True).transform_bounds(*bounds)
    return {"bbox": ",".join(f"{v:.8f}" for v in moved)}


def _format_wanted(described: Mapping[str, Any], url: str) -> dict[str, str]:
    """Return `f` as the service's own link to the items has it, for services that answer in HTML without."""
    links = described.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "items" and "json" in str(link.get("type", "")).lower():
            query = dict(parse_qsl(urlsplit(urljoin(url, str(link.get("href", "")))).query))
            return {"f": query["f"]} if "f" in query else {}
    return {}


def _next(page: Mapping[str, Any], url: str) -> dict[str, str] | None:
    """Return the query of the next page when it is the same resource on the same host, else None.

    The query alone is taken: services behind a proxy write links with another scheme and port.
    """
    links = page.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "next" and isinstance(link.get("href"), str):
            try:
                target, own = urlsplit(str(urljoin(url, link["href"]))), urlsplit(url)
                same = target.hostname == own.hostname and unquote(target.path) == unquote(own.path)
            except ValueError:  # no address at all
                continue
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            if same and query:
                return query
    return None


def _has_links(page: Mapping[str, Any]) -> bool:
    """Say whether a page tells what follows it; that it has no next one then means that it is the last."""
    return isinstance(page.get("links"), list)


def _says_more(page: Mapping[str, Any]) -> bool:
    """Say whether a page has a link to a next one, be it one that is not followed."""
    links = page.get("links")
    return isinstance(links, list) and any(isinstance(one, dict) and one.get("rel") == "next" for one in links)


# --- answers ---


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _features(page: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    features = page.get("features")
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        kind = shorten(str(page.get("type", "no type")))
        raise SourceError(
            f"{where}: no FeatureCollection ({kind}, keys {shorten(str(sorted(page)[:6]))}). {CHECK_ADDRESS}"
        )
    return features


def _check_crs(body: Body, page: Mapping[str, Any], epsg: int, where: str) -> None:
    said = body.headers.get("content-crs", "").strip(" <>")
    named = page.get("crs")
    if not said and isinstance(named, dict) and isinstance(named.get("properties"), dict):
        said = str(named["properties"].get("name", ""))
    if said and geojson.epsg_of(said) != epsg:
        raise SourceError(
            f"{where}: asked for EPSG:{epsg}, the answer is in {shorten(said)}. The source does not honour `crs`; "
            f"{CHECK_ADDRESS[0].lower()}{CHECK_ADDRESS[1:]}"
        )


def _mark(feature: Mapping[str, Any]) -> Merke:
    own = feature.get("id")
    content = json.dumps([feature.get("properties"), feature.get("geometry")], sort_keys=True).encode()
    return Merke(
        str(own) if isinstance(own, str | int) and own != "" else None,
        hashlib.blake2b(content, digest_size=16).digest(),
    )


def _check_counts(counts: Sequence[int], received: int, where: str, *, whole: bool) -> None:
    """Refuse a count that changes, is surpassed or, of the `whole`, not reached."""
    if len(set(counts)) > 1:
        raise SourceError(
            f"{where}: numberMatched changed from {counts[0]} to {counts[-1]} while reading. Try again later."
        )
    if counts and (received > counts[0] or (whole and received != counts[0])):
        raise SourceError(
            f"{where}: the source says {counts[0]} features, {received} came. An incomplete answer is not used; "
            "try again later."
        )
