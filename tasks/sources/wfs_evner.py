"""What a WFS can do, from its capabilities: which feature types it has, in which CRS, and which GML it writes.

OWSLib reads the document, which our own client fetched: it never asks anything itself. A document type is refused
before it sees the bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lxml import etree

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.geometri import KNOWN
from tasks.sources.http import Body, Client
from tasks.sources.koder import fold
from tasks.sources.medlemmer import SAFE, TELL, refuse_doctype
from tasks.sources.unntak import shorten

# The first that a service offers is asked for; GeoJSON never, whose axes nobody says.
GML_FORMATS = (re.compile(r"gml.*3\.2|gml32", re.I), re.compile(r"gml.*3\.1|gml3", re.I))
CEILINGS = frozenset({"CountDefault", "DefaultMaxFeatures"})
MAX_LISTED = 12
SECONDS_KNOWN = 86_400.0
"""What a service can changes with its next edition, and a night asks it about a hundred kommuner."""


@dataclass(frozen=True)
class Type:
    """A feature type of a service.

    Attributes
    ----------
    navn
        With its prefix, as the service writes it.
    navnerom
        What the prefix stands for; None without a prefix or where the document does not say.
    tittel
        For people.
    epsg
        Codes of the CRS that it is offered in.
    formater
        Output formats of this type; empty where the service has one list for all.
    """

    navn: str
    navnerom: str | None
    tittel: str
    epsg: tuple[int, ...]
    formater: tuple[str, ...]


@dataclass(frozen=True)
class Evner:
    """What a service has and can.

    Attributes
    ----------
    typer, formater
        Its feature types, and the output formats that it offers for all of them.
    tak
        Most features in one answer, None where it does not say.
    """

    typer: tuple[Type, ...]
    formater: tuple[str, ...]
    tak: int | None


_READ: dict[tuple[str, str], tuple[float, Evner]] = {}
"""Address and version → when its capabilities were read, and what they say."""


def read_capabilities(client: Client, url: str, *, versjon: str) -> Evner:
    """Ask for the capabilities of a WFS.

    Raises
    ------
    SourceError
        When there is no answer, or it is no capabilities document.
    """
    params = {"service": "WFS", "request": "GetCapabilities", "version": versjon}
    return evner(client.get(url, params=params, expected="xml"), versjon=versjon)


def type_of(client: Client, url: str, wanted: str, *, versjon: str) -> tuple[Type, Evner]:
    """Return a type and what its service can, from capabilities that this process has read within a day.

    Raises
    ------
    SourceError
        As `read_capabilities` and `find_type`; a type that was not there before is looked for anew.
    """
    key, where = (url, versjon), plain_address(url)
    at, known = _READ.get(key, (0.0, None))
    if known is not None and time.monotonic() - at < SECONDS_KNOWN:
        with suppress(SourceError):
            return find_type(wanted, known, where=where), known
    known = read_capabilities(client, url, versjon=versjon)
    _READ[key] = (time.monotonic(), known)
    return find_type(wanted, known, where=where), known


def evner(body: Body, *, versjon: str) -> Evner:
    """Return what a capabilities document says.

    Raises
    ------
    SourceError
        When it is none of this version.
    """
    where = plain_address(body.url)
    root = read_xml(body)
    said = root.get("version", "")
    if etree.QName(root).localname != "WFS_Capabilities" or said[:3] != versjon[:3]:
        raise SourceError(
            f"{where}: asked for the capabilities of WFS {versjon}, got {shorten(str(root.tag))} "
            f"{shorten(said)}. {CHECK_ADDRESS} `versjon` there may be 2.0.0 or 1.1.0."
        )
    service = _owslib(body, versjon, where)
    namespaces = _namespaces(root)
    types = tuple(_type(content, namespaces) for content in service.contents.values())
    operation = next((op for op in service.operations if op.name == "GetFeature"), None)
    values = (operation.parameters.get("outputFormat") or {}).get("values", []) if operation is not None else []
    return Evner(types, tuple(v for v in values if v), _ceiling(root))


def find_type(wanted: str, evner: Evner, *, where: str) -> Type:
    """Return the type of this name, whatever its prefix, case and spelling of æøå; or of this title.

    Raises
    ------
    SourceError
        When there is none, or several that fit equally well.
    """
    name = fold(wanted)
    local = fold(wanted.rpartition(":")[2])
    for fits in (
        [t for t in evner.typer if fold(t.navn) == name],
        [t for t in evner.typer if fold(t.navn.rpartition(":")[2]) == local],
        [t for t in evner.typer if fold(t.tittel) == name],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise SourceError(
                f"{where}: several types are called {wanted}: {_listed(fits)}. Write `lag` in "
                "config/plankilder.toml with the prefix."
            )
    raise SourceError(
        f"{where}: has no type {wanted}, but {_listed(evner.typer) or 'none at all'}. Correct `lag` in "
        "config/plankilder.toml."
    )


def output_format(type_: Type, evner: Evner, *, where: str) -> str | None:
    """Return the newest GML that is offered, None where the service names no formats and its default is taken.

    Raises
    ------
    SourceError
        When there are formats, and no GML 3 among them.
    """
    offered = type_.formater or evner.formater
    for pattern in GML_FORMATS:
        found = next((f for f in offered if pattern.search(f) and "zip" not in f.lower()), None)
        if found is not None:
            return found
    if offered:
        raise SourceError(f"{where}: {type_.navn} comes as {shorten(', '.join(offered))}, and not as GML 3. {TELL}")
    return None


def epsg_of(type_: Type, wanted: int) -> int:
    """Return the CRS to ask for: the one wanted, or where that is not offered another that can be reprojected."""
    offered = [e for e in type_.epsg if e in KNOWN]
    return wanted if wanted in offered or not offered else offered[0]


def read_xml(body: Body) -> etree._Element:
    """Return the root of a small XML answer, read without document types, entities or network.

    Raises
    ------
    SourceError
        When it is no XML, or has a document type.
    """
    where = plain_address(body.url)
    try:
        root: etree._Element = etree.fromstring(body.content, etree.XMLParser(**SAFE))
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{where}: not valid XML ({shorten(str(error))}). Try again later.") from None
    refuse_doctype(root, where)
    return root


def _owslib(body: Body, versjon: str, where: str) -> Any:
    from owslib.wfs import WebFeatureService

    try:
        return WebFeatureService(body.url, version=versjon, xml=body.content)
    # what OWSLib does not expect it stumbles over in one of these ways
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, etree.LxmlError) as error:
        reason = f"{type(error).__name__}: {shorten(str(error))}"
        raise SourceError(f"{where}: the capabilities cannot be read ({reason}). {TELL}") from None


def _type(content: Any, namespaces: dict[str, dict[str | None, str]]) -> Type:
    name = str(content.id or "").strip()
    epsg = tuple(dict.fromkeys(int(crs.code) for crs in content.crsOptions if str(crs.code).isdecimal()))
    formats = tuple(str(f).strip() for f in getattr(content, "outputFormats", ()) or () if f)
    prefix = name.rpartition(":")[0] or None
    return Type(name, namespaces.get(name, {}).get(prefix), str(content.title or ""), epsg, formats)


def _namespaces(root: etree._Element) -> dict[str, dict[str | None, str]]:
    """Return the namespaces in force where each type is named: OWSLib forgets them, and a filter needs them."""
    return {(e.text or "").strip(): dict(e.nsmap) for e in root.iterfind("{*}FeatureTypeList/{*}FeatureType/{*}Name")}


def _ceiling(root: etree._Element) -> int | None:
    for constraint in root.iter("{*}Constraint"):
        if constraint.get("name") in CEILINGS:
            said = " ".join(str(t) for t in constraint.itertext()).split()
            numbers = [int(t) for t in said if t.isascii() and t.isdecimal() and len(t) < 12]
            return min((n for n in numbers if n > 0), default=None)
    return None


def _listed(types: Iterable[Type] | Sequence[Type]) -> str:
    names = sorted(t.navn for t in types)
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return shorten(", ".join(names[:MAX_LISTED])) + more
