"""The members of a GML file, one feature at a time: read by lxml as a stream, each emptied when the next is asked for.

wfs:member, gml:featureMember and gml:featureMembers, of any version, alone or nested in the collections of a WFS that
was asked for several types. XML is read without document types, entities, schemas or network.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from lxml import etree

from tasks.errors import SourceError
from tasks.sources.unntak import shorten

ONE_EACH = frozenset({"member", "featureMember"})
ALL_IN_ONE = "featureMembers"
COLLECTIONS = frozenset({"FeatureCollection", "Tuple"})
CUT = frozenset({"truncatedResponse", "ExceptionReport", "ServiceExceptionReport"})
"""Elements that stand inside a collection when the server gave up on the way."""
MAX_HEAD = 1000
"""Elements before the first member at most."""
MAX_MARKS = 2_000_000
"""Of one member at most, `<` and `=` in its XML: about a million elements. A zone of a kommune has some hundred; each
of them takes fifty times as much memory as `<a/>` in a file."""
ENCODINGS = re.compile(rb"(?i)utf-?8|utf-?16(le|be)?|us-ascii|iso-8859-\d+|windows-125\d")
"""In which `<` is what it is. There are others, in which elements could not be counted."""
GML_ID = "{http://www.opengis.net/gml/3.2}id"
GML_IDS = (GML_ID, "{http://www.opengis.net/gml}id", "fid")
TELL = "Tell whoever runs the source."
SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False}


@dataclass(frozen=True)
class Head:
    """What stands before the first member.

    Attributes
    ----------
    srs, dimensjon
        srsName and srsDimension of the collection's own envelope, for geometries that name none.
    samlet
        True where all features stand in one gml:featureMembers.
    flere
        True where the source says that there is a next page.
    sagt
        How many features the source says it has; None where it does not.
    """

    srs: str | None
    dimensjon: str | None
    samlet: bool
    flere: bool
    sagt: int | None = None


@lru_cache(maxsize=4096)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its namespace, which changes with the edition of a specification."""
    return _local(element.tag)  # type: ignore[arg-type]  # comments are never asked


def gml_id(feature: etree._Element) -> str | None:
    """Return the id of a feature, which may change from one request to the next."""
    return next((value for name in GML_IDS if (value := feature.get(name))), None)


def members(path: Path, *, where: str) -> Iterator[etree._Element]:
    """Yield every feature in the order of the file; it is emptied when the next one is asked for.

    Parameters
    ----------
    path
        GML file.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the XML is cut short or damaged, has a document type, is no FeatureCollection, or says itself that the
        answer is not complete.
    """
    top = head(path, where=where)
    try:
        with path.open("rb") as file:
            counted = _Counted(file, where)
            yield from _in_one(counted, where) if top.samlet else _one_each(counted, where)
    except etree.XMLSyntaxError as error:
        raise _damaged(path, where, error) from None


def head(path: Path, *, where: str) -> Head:
    """Return what stands before the first member. Raises as `members`."""
    srs = dimension = matched = None
    more = False
    try:
        with path.open("rb") as file:
            source = cast(BinaryIO, _Counted(file, where))
            for count, (_, element) in enumerate(etree.iterparse(source, events=("start",), **SAFE)):
                name = local_name(element)
                if count == 0:
                    _check_root(element, where)
                    more = bool(element.get("next"))
                    matched = _number(element.get("numberMatched"))
                elif name in ONE_EACH or name == ALL_IN_ONE:
                    return Head(srs, dimension, samlet=name == ALL_IN_ONE, flere=more, sagt=matched)
                elif name == "Envelope":
                    srs, dimension = element.get("srsName"), element.get("srsDimension")
                elif name in CUT:
                    raise _cut_short(where, "")
                elif count > MAX_HEAD:
                    raise SourceError(f"{where}: no features in the first {MAX_HEAD} elements of the GML. {TELL}")
    except etree.XMLSyntaxError as error:
        raise _damaged(path, where, error) from None
    return Head(srs, dimension, samlet=False, flere=more, sagt=matched)


def _number(said: str | None) -> int | None:
    return int(said) if said is not None and said.isascii() and said.isdecimal() and len(said) < 12 else None


def layers(path: Path, *, where: str) -> dict[str, int]:
    """Return the feature types of a file by their local names, and how many there are of each. Raises as `members`."""
    return dict(Counter(local_name(feature) for feature in members(path, where=where)))


class _Counted:
    """A file whose elements are counted as they are read: one that has no end would be kept in full."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file, self._where = file, where
        self._marks: int | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises `SourceError` when too much has come since the last member."""
        part = self._file.read(size)
        if self._marks is None:
            self._check_encoding(part)
            self._marks = 0
        self._marks += part.count(b"<") + part.count(b"=")
        if self._marks > MAX_MARKS:
            raise SourceError(
                f"{self._where}: more than {MAX_MARKS // 2} elements in one feature of the GML, or outside any, which "
                f"would fill the memory. {TELL}"
            )
        return part

    def member(self) -> None:
        """Begin to count anew."""
        self._marks = 0

    def _check_encoding(self, first: bytes) -> None:
        said = re.match(rb"(?s)[^>]{0,200}?encoding\s*=\s*[\"']([^\"']{0,40})", first.replace(b"\0", b""))
        if first.startswith(b"\x4c\x6f\xa7\x94") or (said is not None and not ENCODINGS.fullmatch(said[1])):
            name = shorten(said[1].decode("ascii", "replace")) if said is not None else "EBCDIC"
            raise SourceError(f"{self._where}: the GML is in {name}, which no such service writes. {TELL}")


def _one_each(file: _Counted, where: str) -> Iterator[etree._Element]:
    tags = tuple(f"{{*}}{name}" for name in (*ONE_EACH, *CUT))
    for _, element in etree.iterparse(cast(BinaryIO, file), events=("end",), tag=tags, **SAFE):
        if local_name(element) in CUT:
            raise _cut_short(where, " ".join(str(t) for t in element.itertext()))
        file.member()
        for child in element.iterchildren(tag=etree.Element):
            if local_name(child) not in COLLECTIONS:  # whose members have come already
                yield child
        _forget(element)


def _in_one(file: _Counted, where: str) -> Iterator[etree._Element]:
    for _, element in etree.iterparse(cast(BinaryIO, file), events=("end",), **SAFE):
        parent = element.getparent()
        if parent is not None and local_name(parent) == ALL_IN_ONE:
            file.member()
            yield element
            _forget(element)
        elif local_name(element) in CUT:
            raise _cut_short(where, " ".join(str(t) for t in element.itertext()))


def _forget(element: etree._Element) -> None:
    """Give the memory of an element, and of all that stands before it, back."""
    element.clear()
    node: etree._Element | None = element
    while node is not None:
        parent = node.getparent()
        # What stands beside a collection in a member has its turn when that member ends.
        while parent is not None and local_name(parent) not in ONE_EACH and node.getprevious() is not None:
            del parent[0]
        node = parent


def _check_root(root: etree._Element, where: str) -> None:
    refuse_doctype(root, where)
    if local_name(root) != "FeatureCollection":
        raise SourceError(
            f"{where}: no FeatureCollection but {shorten(str(root.tag))}. Check the address in "
            "config/plankilder.toml, or the file."
        )


def refuse_doctype(element: etree._Element, where: str) -> None:
    """Raise `SourceError` when the document of an element has a document type."""
    if element.getroottree().docinfo.internalDTD is not None:
        raise SourceError(
            f"{where}: the XML has a document type (DOCTYPE), which no such service sends; it is not read. "
            "Check the address in config/plankilder.toml."
        )


def _damaged(path: Path, where: str, error: etree.XMLSyntaxError) -> SourceError:
    return SourceError(
        f"{where}: the GML is cut short or damaged ({shorten(str(error))}; {path.stat().st_size} bytes). "
        "Try again later."
    )


def _cut_short(where: str, said: str) -> SourceError:
    detail = f" It says: {shorten(said)}." if said.strip() else ""
    return SourceError(f"{where}: the source gave up before the end of its answer.{detail} Try again later.")
