"""WFS 2.0 and 1.1: the features of one kommune, type by type, with the count asked for apart.

The header of an answer lies (`numberReturned="0"` with members present), so the features are counted and held against
`resultType=hits` before and after. Nobody is asked for pages: the whole is asked for, and only where less comes than
the source says it has, the rest is asked for from there, as long as no feature comes twice. Some (MapServer) never say
more than they give in one answer: of those that have such a ceiling more is asked for until nothing comes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import bygning, lesere, medlemmer, teig, wfs_evner
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked, Take, read_by_number
from tasks.sources.geometri import GEOGRAPHIC, transformer
from tasks.sources.gjentak import Gjentak, Merke
from tasks.sources.unntak import shorten

CRS = "urn:ogc:def:crs:EPSG::{epsg}"
REGISTERS = {"app:Teig": teig.NAMESPACE, "app:Bygning": bygning.NAMESPACE}
"""The open registers of Kartverket have one known type each: they are not asked what they can."""

Bounds = tuple[float, float, float, float]


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
    boks
        In EPSG:`epsg`, west, south, east, north; None for no such filter.
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
    boks: Bounds | None = None
    format: str | None = None
    tak: int | None = None
    start: int | None = None
    antall: int | None = None


def read(asked: Asked, take: Take) -> int | None:
    """Hand over every feature of the kommune, type by type, and return how many the source says it has.

    Raises
    ------
    SourceError
        When the source refuses, does not say how many it has, or brings fewer or more than that.
    """
    asking = questions(asked)

    def under(nummer: str, take: Take) -> int:
        return sum(_read_type(asked, replace(q, verdi=nummer), objekttype, take) for objekttype, q in asking.items())

    # The registers of Kartverket know today's numbers alone.
    if asked.kilde.kommunefelt is None or all(name in REGISTERS for name in asked.kilde.lag.values()):
        return under(asked.kommune.nummer, take)
    return read_by_number(asked, take, under)


def questions(asked: Asked) -> dict[str, Question]:
    """Return what to ask for each object type, after the source's capabilities where it has to be asked for them."""
    kilde = asked.kilde
    felt = kilde.kommunefelt
    base = Question(typename="", versjon=kilde.versjon, epsg=kilde.epsg, felt=felt, verdi=asked.kommune.nummer)
    if all(name in REGISTERS for name in kilde.lag.values()):
        known = {o: (name, REGISTERS[name]) for o, name in kilde.lag.items()}
        return {
            o: replace(base, typename=n, namespace=ns, felt=felt or "kommunenummer") for o, (n, ns) in known.items()
        }
    where = plain_address(asked.adresse)
    evner = wfs_evner.read_capabilities(asked.client, asked.adresse, versjon=kilde.versjon)
    found = {}
    for objekttype, name in kilde.lag.items():
        type_ = wfs_evner.find_type(name, evner, where=where)
        found[objekttype] = replace(
            base,
            typename=type_.navn,
            namespace=type_.navnerom,
            epsg=(epsg := wfs_evner.epsg_of(type_, kilde.epsg)),
            boks=None if felt is not None else _box(asked, epsg),
            format=wfs_evner.output_format(type_, evner, where=where),
            tak=evner.tak,
        )
    return found


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
    """Return a GetFeature request as XML, filtered on an attribute."""
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
    equal = etree.SubElement(
        etree.SubElement(query, f"{{{dialect.filter}}}Filter"), f"{{{dialect.filter}}}PropertyIsEqualTo"
    )
    etree.SubElement(equal, f"{{{dialect.filter}}}{dialect.reference}").text = _qualified(question.felt or "", prefix)
    etree.SubElement(equal, f"{{{dialect.filter}}}Literal").text = question.verdi
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _bbox(question: Question) -> str | None:
    if question.boks is None:
        return None
    west, south, east, north = question.boks
    # the long name of a CRS in degrees has north first
    order = (south, west, north, east) if question.epsg in GEOGRAPHIC else (west, south, east, north)
    return ",".join([*(f"{v:.7f}" for v in order), CRS.format(epsg=question.epsg)])


def _box(asked: Asked, epsg: int) -> Bounds | None:
    """Return the box to ask by; None for everything, where the source holds this kommune alone."""
    alone = asked.kilde.kommuner is not None and len(asked.kilde.kommuner) == 1
    if asked.omraade is None or alone:
        return None
    west, south, east, north = transformer(STORAGE_EPSG, epsg).transform_bounds(*asked.omraade.bounds)
    return west, south, east, north


def _qualified(path: str, prefix: str) -> str:
    """Return ``app:kopidata/app:områdeId`` for ``kopidata/områdeId``: every step with the prefix of the type."""
    return "/".join(step if ":" in step or not prefix else f"{prefix}:{step}" for step in path.split("/"))


# --- one type ---


def _read_type(asked: Asked, question: Question, objekttype: str, take: Take) -> int:
    where = plain_address(asked.adresse)
    before = _hits(asked, question)
    if before == 0:
        return 0
    kilde = asked.kilde.model_copy(update={"lag": {objekttype: question.typename}})
    file, seen = asked.mappe / "wfs.gml", Gjentak()
    page, received, ceiling = question, 0, False
    while True:
        _download(asked, page, file)
        if page.start is not None:
            _check_new(asked, page, file, seen, f"the source says {before} features, {received} came")
        came = lesere.read_gml(file, kilde, where=where, take=take)
        received += came
        capped = medlemmer.head(file, where=where).flere or (question.tak is not None and came >= question.tak)
        # Only a count that the first answer reached, and that may be the ceiling itself, may be surpassed.
        ceiling = ceiling or (page.start is None and capped and came == before)
        if came == 0 or (received >= before and not capped) or (received > before and not ceiling):
            break
        seen.remember(_marks(file, where))
        page = replace(question, start=received, antall=page.antall or came)
    file.unlink()
    after = _hits(asked, question)
    if after != before:
        raise SourceError(f"{where}: the count changed from {before} to {after} while reading. Try again later.")
    if received < before or (received > before and not ceiling):
        raise SourceError(
            f"{where}: the source says {before} features, {received} came. An incomplete answer is not used; try again "
            "later."
        )
    return received


def _download(asked: Asked, question: Question, to: Path) -> None:
    if question.felt is not None:
        asked.client.download(asked.adresse, to=to, post=request(question), expected="xml")
    else:
        asked.client.download(asked.adresse, to=to, params=parameters(question), expected="xml")


def _hits(asked: Asked, question: Question) -> int:
    """Return how many features the source says it has.

    Raises
    ------
    SourceError
        When it does not tell: an answer whose completeness cannot be checked is not used.
    """
    if question.felt is not None:
        body = asked.client.post_xml(asked.adresse, request(question, only_hits=True))
    else:
        body = asked.client.get(asked.adresse, params=parameters(question, only_hits=True), expected="xml")
    name = DIALECTS[question.versjon].hits
    said = wfs_evner.read_xml(body).get(name, "")
    if not (said.isascii() and said.isdecimal() and len(said) < 12):
        raise SourceError(
            f"{plain_address(asked.adresse)}: resultType=hits gives {name}={shorten(said)!r}, so that completeness "
            "cannot be checked. Try again later."
        )
    return int(said)


def _marks(file: Path, where: str) -> list[Merke]:
    marks = []
    for feature in medlemmer.members(file, where=where):
        xml = IDS.sub(b"", etree.tostring(feature, with_tail=False))
        marks.append(Merke(medlemmer.gml_id(feature), hashlib.blake2b(xml, digest_size=16).digest()))
    return marks


def _check_new(asked: Asked, page: Question, file: Path, seen: Gjentak, so_far: str) -> None:
    """Raise `SourceError` when a page brings features that have come already, before any of it is used.

    Content that came under another id may be the source's own duplicate. Whether it is, is known only when a page that
    is asked for again has the same ids again.
    """
    where = plain_address(asked.adresse)
    marks = _marks(file, where)
    again = seen.again(marks)
    if not again and seen.known_content(marks):
        _download(asked, page, file)
        if _marks(file, where) != marks:
            again = len({one.innhold for one in marks} & seen.innhold)
    if again:
        raise SourceError(
            f"{where}: {so_far}, and the page after that brings {again} features that have come already. The "
            "answer is cut short and the source does not page, or in no fixed order: try again later, or read it "
            "as a file."
        )


IDS = re.compile(rb' (?:[A-Za-z0-9_.-]+:)?f?id="[^"]*"')
