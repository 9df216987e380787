"""WFS looked at from outside: feature types by OWSLib, their elements by DescribeFeatureType, and a page of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import geopandas as gpd
import shapely
from lxml import etree
from owslib.wfs import WebFeatureService

from config.kilder import Kilde
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.geojson import GEOGRAPHIC
from tasks.sources.http import Client
from tasks.sources.koder import fold
from tasks.sources.tjeneste import MAX_LAYERS, SAMPLE, Box, Lag, Tjeneste, best_epsg, box_in, in_storage, names
from tasks.sources.trygg_xml import parse_xml

XS = "{http://www.w3.org/2001/XMLSchema}"
GML = ("http://www.opengis.net/gml/3.2", "http://www.opengis.net/gml")
MEMBERS = frozenset({"member", "featureMember", "featureMembers"})
URN = "urn:ogc:def:crs:EPSG::{epsg}"
MAX_DEPTH = 12


def describe(client: Client, adresse: str) -> Tjeneste:
    """Return the feature types of a service, with their elements when it describes them.

    Raises
    ------
    SourceError
        When there are no capabilities that OWSLib can read.
    """
    where = plain_address(adresse)
    body = client.get(_url(adresse, request="GetCapabilities", version="2.0.0"), expected="xml")
    root = parse_xml(body.content, where=where)
    version = "1.1.0" if str(root.get("version", "2.0.0")).startswith("1.1") else "2.0.0"
    try:
        # From bytes that are here already, so that OWSLib asks nobody; its metadata links stay unread.
        service = WebFeatureService(adresse, version=version, xml=body.content, parse_remote_metadata=False)
        contents = list(service.contents.items())[:MAX_LAYERS]
        found = [
            (str(name), str(about.title or name), [c.getcode() for c in about.crsOptions]) for name, about in contents
        ]
        bruk = str(getattr(getattr(service, "identification", None), "accessconstraints", None) or "")
    except Exception as error:  # OWSLib meets a document without an expected part with any error
        raise SourceError(f"{where}: no capabilities that can be read ({type(error).__name__}).") from None
    columns = _columns(client, adresse, version)
    lag = tuple(
        Lag(navn=name, tittel=title, kolonner=columns.get(_local(name), ()))
        for name, title, _ in found
        if names([name, title])
    )
    return Tjeneste(
        tittel="", lag=lag, epsg=best_epsg(c for *_, codes in found for c in codes), versjon=version, bruk=bruk
    )


def find(wanted: Kilde, offered: Tjeneste) -> dict[str, str]:
    """Return object type → type name of those that a source is configured with, whatever prefix and case."""
    by_name = {fold(_local(lag.navn)): lag.navn for lag in offered.lag}
    return {o: by_name[fold(_local(lag))] for o, lag in wanted.lag.items() if fold(_local(lag)) in by_name}


def _local(name: str) -> str:
    return name.rpartition(":")[2].rpartition("}")[2]


def _url(adresse: str, **params: str) -> str:
    """Return an address with the parameters of a request beside its own."""
    bare, _, query = adresse.partition("?")
    return f"{bare}?{urlencode([*parse_qsl(query), ('service', 'WFS'), *params.items()])}"


def _columns(client: Client, adresse: str, version: str) -> dict[str, tuple[str, ...]]:
    """Return feature type → its elements, by the schema of the service; nothing when it has none that can be read."""
    try:
        url = _url(adresse, request="DescribeFeatureType", version=version)
        root = parse_xml(client.get(url, expected="xml").content, where=plain_address(adresse))
    except SourceError:
        return {}
    types = {
        str(t.get("name")): names(e.get("name") or _local(str(e.get("ref") or "")) for e in t.iter(f"{XS}element"))
        for t in root.iterchildren(f"{XS}complexType")
    }
    elements = ((str(e.get("name")), _local(str(e.get("type") or ""))) for e in root.iterchildren(f"{XS}element"))
    return {name: types[kind] for name, kind in elements if kind in types}


def sample(
    client: Client,
    adresse: str,
    lag: Lag,
    *,
    boks: Box | None,
    versjon: str = "2.0.0",
    epsg: int = STORAGE_EPSG,
) -> gpd.GeoDataFrame:
    """Return a page of a feature type, EPSG:25833; its geometries as the points that they go through.

    Parameters
    ----------
    epsg
        A CRS that the service offers, in which it is asked.

    Raises
    ------
    SourceError
        When it cannot be read.
    """
    where = f"{plain_address(adresse)} {lag.navn}"
    new, urn = versjon == "2.0.0", URN.format(epsg=epsg)
    latitude_first = epsg in GEOGRAPHIC  # as the authority has it, which a URN stands for
    params = {"typeNames" if new else "typeName": lag.navn, "count" if new else "maxFeatures": str(SAMPLE)}
    if boks is not None:
        west, south, east, north = box_in(boks, epsg)
        corners = (south, west, north, east) if latitude_first else (west, south, east, north)
        params["bbox"] = ",".join([*(f"{v:.6f}" for v in corners), urn])
    url = _url(adresse, request="GetFeature", version=versjon, srsName=urn, **params)
    root = parse_xml(client.get(url, expected="xml").content, where=where)
    features = [f for m in root if _name(m) in MEMBERS for f in m if isinstance(f.tag, str)][:SAMPLE]
    read = [(dict(_leaves(f)), _points(f, swapped=latitude_first)) for f in features]
    columns = list(dict.fromkeys(name for row, _ in read for name in row))
    data = {name: [row.get(name) for row, _ in read] for name in columns}
    frame = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([points for _, points in read], crs=epsg), crs=epsg)
    return in_storage(frame, epsg=epsg, where=where)


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _is_gml(element: Any) -> bool:
    return isinstance(element.tag, str) and etree.QName(element).namespace in GML


def _leaves(feature: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield column and text of what stands in a feature, without the data types between and without geometry."""
    for child in feature:
        if not isinstance(child.tag, str) or _is_gml(child):
            continue
        inner = [c for c in child if isinstance(c.tag, str)]
        name = prefix + _name(child)
        if not inner:
            yield name, (child.text or "").strip()
        elif depth < MAX_DEPTH:
            for data_type in inner:
                yield from _leaves(data_type, f"{name}.", depth + 1)


def _points(feature: Any, *, swapped: bool) -> shapely.MultiPoint | None:
    """Return the corners of a feature, or None."""
    numbers: list[float] = []
    try:
        for element in feature.iter():
            if _is_gml(element) and _name(element) in {"posList", "pos"}:
                size = int(element.get("srsDimension") or 2)
                read = [float(t) for t in (element.text or "").split()]
                for k in range(0, len(read) - 1, size):
                    numbers += read[k : k + 2]
    except ValueError:
        return None
    first, second = (numbers[1::2], numbers[::2]) if swapped else (numbers[::2], numbers[1::2])
    return shapely.MultiPoint(list(zip(first, second, strict=False))) if numbers else None
