"""A question to a WFS 2.0 or 1.1: what it says, and how each version writes it, by key and value or as XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from tasks.crs import STORAGE_EPSG
from tasks.sources.asked import Asked, Bounds
from tasks.sources.geometri import GEOGRAPHIC, transformer

CRS = "urn:ogc:def:crs:EPSG::{epsg}"
GML = "http://www.opengis.net/gml/3.2"


@dataclass(frozen=True)
class Dialect:
    """How a version of WFS writes a request."""

    wfs: str
    filter: str
    typer: str
    reference: str
    count: str
    hits: str


DIALECTS: Mapping[str, Dialect] = {
    "2.0.0": Dialect(
        wfs="http://www.opengis.net/wfs/2.0",
        filter="http://www.opengis.net/fes/2.0",
        typer="typeNames",
        reference="ValueReference",
        count="count",
        hits="numberMatched",
    ),
    "1.1.0": Dialect(
        wfs="http://www.opengis.net/wfs",
        filter="http://www.opengis.net/ogc",
        typer="typeName",
        reference="PropertyName",
        count="maxFeatures",
        hits="numberOfFeatures",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked for: the features of one type, in one kommune or box.

    Attributes
    ----------
    typename, namespace
        With its prefix, ``app:Teig``, and what the prefix stands for.
    epsg
        The CRS wanted.
    felt, verdi
        Attribute that must be equal to a value; None for no such filter.
    utvalg
        Attributes that must have one of some values.
    boks
        In EPSG:`epsg`, west, south, east, north; None for no such filter.
    post
        Whether it is asked as XML, and not by key and value.
    format
        Output format; None for the service's own choice.
    tak
        Most features that the source gives in one answer, None where it does not say.
    start, antall
        First feature and number of features of a page; None for the whole.
    """

    versjon: str = "2.0.0"
    typename: str
    namespace: str | None = None
    epsg: int = STORAGE_EPSG
    felt: str | None = None
    verdi: str = ""
    utvalg: tuple[tuple[str, tuple[str, ...]], ...] = ()
    boks: Bounds | None = None
    post: bool = False
    format: str | None = None
    tak: int | None = None
    start: int | None = None
    antall: int | None = None


def parameters(question: Question, *, only_hits: bool = False) -> dict[str, str]:
    """Return a GetFeature request in the form of key and value, for questions without an attribute filter."""
    dialect = DIALECTS[question.versjon]
    said: dict[str, object | None] = {
        "service": "WFS",
        "version": question.versjon,
        "request": "GetFeature",
        dialect.typer: question.typename,
        "srsName": CRS.format(epsg=question.epsg),
        "outputFormat": question.format,
        "resultType": "hits" if only_hits else None,
        "bbox": _bbox(question),
        "startIndex": question.start,
        dialect.count: question.antall,
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def request(question: Question, *, only_hits: bool = False) -> bytes:
    """Return a GetFeature request as XML, filtered by what the question says."""
    dialect = DIALECTS[question.versjon]
    prefix = question.typename.rpartition(":")[0]
    namespaces = {"wfs": dialect.wfs, "fes": dialect.filter}
    if prefix and question.namespace:
        namespaces[prefix] = question.namespace
    root = etree.Element(f"{{{dialect.wfs}}}GetFeature", service="WFS", version=question.versjon, nsmap=namespaces)
    said = {
        "resultType": "hits" if only_hits else None,
        "outputFormat": question.format,
        "startIndex": question.start,
        dialect.count: question.antall,
    }
    for name, value in said.items():
        if value is not None:
            root.set(name, str(value))
    srs = CRS.format(epsg=question.epsg)
    query = etree.SubElement(root, f"{{{dialect.wfs}}}Query", {dialect.typer: question.typename, "srsName": srs})
    wanted = _conditions(question, prefix)
    if wanted:
        element = etree.SubElement(query, f"{{{dialect.filter}}}Filter")
        if len(wanted) > 1:
            element = etree.SubElement(element, f"{{{dialect.filter}}}And")
        element.extend(wanted)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _conditions(question: Question, prefix: str) -> list[etree._Element]:
    """Return what the features must fulfil, all of it."""
    ns = DIALECTS[question.versjon].filter
    wanted = [] if question.felt is None else [_equal(question, question.felt, question.verdi, prefix)]
    for felt, values in question.utvalg:
        any_of = [_equal(question, felt, value, prefix) for value in values]
        if len(any_of) > 1:
            either = etree.Element(f"{{{ns}}}Or")
            either.extend(any_of)
            any_of = [either]
        wanted += any_of
    if question.boks is not None:
        inside = etree.Element(f"{{{ns}}}BBOX")
        envelope = etree.SubElement(
            inside, f"{{{GML}}}Envelope", nsmap={"gml": GML}, srsName=CRS.format(epsg=question.epsg)
        )
        first, second, third, fourth = _corners(question.boks, question.epsg)
        etree.SubElement(envelope, f"{{{GML}}}lowerCorner").text = f"{first} {second}"
        etree.SubElement(envelope, f"{{{GML}}}upperCorner").text = f"{third} {fourth}"
        wanted.append(inside)
    return wanted


def _equal(question: Question, felt: str, verdi: str, prefix: str) -> etree._Element:
    dialect = DIALECTS[question.versjon]
    equal = etree.Element(f"{{{dialect.filter}}}PropertyIsEqualTo")
    etree.SubElement(equal, f"{{{dialect.filter}}}{dialect.reference}").text = _qualified(felt, prefix)
    etree.SubElement(equal, f"{{{dialect.filter}}}Literal").text = verdi
    return equal


def _bbox(question: Question) -> str | None:
    if question.boks is None:
        return None
    return ",".join([*_corners(question.boks, question.epsg), CRS.format(epsg=question.epsg)])


def _corners(boks: Bounds, epsg: int) -> tuple[str, str, str, str]:
    west, south, east, north = (f"{v:.7f}" for v in boks)
    # the long name of a CRS in degrees has north first
    return (south, west, north, east) if epsg in GEOGRAPHIC else (west, south, east, north)


def box(asked: Asked, epsg: int) -> Bounds | None:
    """Return the box to ask by; None for everything, where the source holds this kommune alone."""
    if asked.boks is None:
        return None
    west, south, east, north = transformer(STORAGE_EPSG, epsg).transform_bounds(*asked.boks)
    return west, south, east, north


def _qualified(path: str, prefix: str) -> str:
    """Return ``app:kopidata/app:områdeId`` for ``kopidata/områdeId``: every step with the prefix of the type."""
    return "/".join(step if ":" in step or not prefix else f"{prefix}:{step}" for step in path.split("/"))
