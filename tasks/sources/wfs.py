"""WFS 2.0 GetFeature by POST, filtered on kommunenummer, with the count asked for apart.

The header of an answer lies (`numberReturned="0"` with members present), so the members are counted and held against
`resultType=hits` before and after. XML is read without document types, external entities or network.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Body, Client
from tasks.sources.unntak import shorten

WFS = "http://www.opengis.net/wfs/2.0"
FES = "http://www.opengis.net/fes/2.0"
CRS = "urn:ogc:def:crs:EPSG::{epsg}"


@dataclass(frozen=True)
class Answered:
    """A GML answer as bytes, and how many members the source says it has."""

    content: bytes
    ventet: int


@dataclass(frozen=True)
class Question:
    """What is asked for: the features of one type in one kommune.

    Attributes
    ----------
    typename
        With the prefix ``app``: ``app:Teig``.
    namespace
        What ``app`` stands for.
    kommunenummer, epsg
        Whose features, and the CRS wanted.
    """

    typename: str
    namespace: str
    kommunenummer: str
    epsg: int


def request(asked: Question, *, only_hits: bool) -> bytes:
    """Return a GetFeature request as XML."""
    namespaces = {"wfs": WFS, "fes": FES, "app": asked.namespace}
    root = etree.Element(f"{{{WFS}}}GetFeature", service="WFS", version="2.0.0", nsmap=namespaces)
    if only_hits:
        root.set("resultType", "hits")
    query = etree.SubElement(root, f"{{{WFS}}}Query", typeNames=asked.typename, srsName=CRS.format(epsg=asked.epsg))
    equal = etree.SubElement(etree.SubElement(query, f"{{{FES}}}Filter"), f"{{{FES}}}PropertyIsEqualTo")
    etree.SubElement(equal, f"{{{FES}}}ValueReference").text = "app:kommunenummer"
    etree.SubElement(equal, f"{{{FES}}}Literal").text = asked.kommunenummer
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def hits(client: Client, url: str, asked: Question) -> int:
    """Return how many features the source says it has.

    Raises
    ------
    SourceError
        When it does not tell: an answer whose completeness cannot be checked is not used.
    """
    body = client.post_xml(url, request(asked, only_hits=True))
    said = _root(body).get("numberMatched", "")
    if not (said.isascii() and said.isdecimal() and len(said) < 12):
        raise SourceError(
            f"{plain_address(url)}: resultType=hits gives numberMatched={shorten(said)!r}, so that completeness "
            "cannot be checked. Try again later."
        )
    return int(said)


def get_features(client: Client, url: str, asked: Question) -> Answered:
    """Return the GML of all features of one kommune; nothing is asked for when there are none.

    Raises
    ------
    SourceError
        When the source refuses, or its count changes while reading.
    """
    before = hits(client, url, asked)
    if before == 0:
        return Answered(b"", 0)
    body = client.post_xml(url, request(asked, only_hits=False))
    after = hits(client, url, asked)
    if after != before:
        raise SourceError(
            f"{plain_address(url)}: the count changed from {before} to {after} while reading. Try again later."
        )
    return Answered(body.content, before)


def check_count(url: str, *, ventet: int, mottatt: int) -> None:
    """Raise `SourceError` unless as many members came as the source says it has."""
    if mottatt != ventet:
        raise SourceError(
            f"{plain_address(url)}: the source says {ventet} features, {mottatt} came. An incomplete answer is not "
            "used; try again later."
        )


def members(content: bytes, *, where: str) -> Iterator[etree._Element]:
    """Yield the feature in each `wfs:member` in order; it is emptied when the next one is asked for.

    Raises
    ------
    SourceError
        When the XML is cut short or damaged, has a document type, or is no FeatureCollection.
    """
    events = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        tag=(f"{{{WFS}}}FeatureCollection", f"{{{WFS}}}member"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    first = True
    try:
        for event, element in events:
            if first:
                _refuse_doctype(element, where)
                first = False
            if event == "end" and element.tag == f"{{{WFS}}}member":
                yield from element.iterchildren(tag=etree.Element)
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]
    except etree.XMLSyntaxError as error:
        raise SourceError(
            f"{where}: the GML is cut short or damaged ({shorten(str(error))}; {len(content)} bytes). Try again later."
        ) from None
    root = events.root
    if root is None or root.tag != f"{{{WFS}}}FeatureCollection":
        name = shorten(str(root.tag)) if root is not None else "nothing"
        raise SourceError(f"{where}: no wfs:FeatureCollection but {name}. Check the address in config/plankilder.toml.")


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace, which changes with the edition of a specification."""
    return str(element.tag).rpartition("}")[2]


def _root(body: Body) -> etree._Element:
    where = plain_address(body.url)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body.content, parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{where}: not valid XML ({shorten(str(error))}). Try again later.") from None
    _refuse_doctype(root, where)
    return root


def _refuse_doctype(element: etree._Element, where: str) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise SourceError(
            f"{where}: the XML has a document type (DOCTYPE), which no such service sends; it is not read. "
            "Check the address in config/plankilder.toml."
        )
