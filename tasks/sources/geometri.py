"""Geometry of GML: elements → shapely in EPSG:25833, 2D. GDAL (pyogrio) reads it, curves and all, and nothing else.

GDAL never sees a source's document: it gets the geometry elements alone, some thousand at a time, so that one that it
cannot read hides no other, and nothing is downloaded or written beside the source. Which CRS they are in, and in which
order their axes stand, is read here: GDAL believes every EPSG code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from lxml import etree
from pyproj import Transformer

from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import plassering
from tasks.sources.medlemmer import TELL, Head, gml_id, head, local_name, members
from tasks.sources.refusal import NotInFileError
from tasks.sources.unntak import shorten

SURFACES = frozenset({"Polygon", "MultiSurface", "Surface", "MultiPolygon", "CompositeSurface", "OrientableSurface"})
UNREADABLE = frozenset(
    {"TriangulatedSurface", "Tin", "PolyhedralSurface", "Solid", "MultiSolid", "CompositeSolid", "GeometricComplex"}
)
"""Kinds that GDAL or shapely do not have: terrain and bodies, never a zone. A row with one keeps its attributes."""
OTHERS = frozenset(
    {"Point", "MultiPoint", "LineString", "LinearRing", "Curve", "CompositeCurve", "OrientableCurve", "MultiCurve"}
    | {"MultiLineString", "MultiGeometry"}
)

GEOGRAPHIC = frozenset({4258, 4326})
# CRS with a height as well: the plane part is what counts.
COMPOUND = {5972: 25832, 5973: 25833, 5975: 25835, 5942: 4258, 4937: 4258, 4979: 4326}
KNOWN = frozenset({25832, 25833, 25835}) | GEOGRAPHIC
NORTH_FIRST = re.compile(r"urn:|https?://www\.opengis\.net/def/", re.IGNORECASE)
"""Long names of a CRS keep the order of axes of the register, lat before lon; short ones have lon before lat."""

READING_ERRORS = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeWarning)
NO_NUMBER = re.compile(rb"<(?:[\w.-]+:)?(?:pos|posList|coordinates)\b[^>]*>[-+0-9.eE,\s]*+[^-+0-9.eE,\s<]")
FARTHEST = 1e8
"""Metres or degrees: twice around the Earth and more."""
SRS_NAME = re.compile(rb' srsName="([^"]*)"')
XMLNS = re.compile(rb' xmlns(?::[\w.-]+)?="[^"]*"')

ROWS, BYTES = 2000, 16_000_000
"""Of one piece at most: features, and what they take: XML of geometry, and attributes."""
PER_ATTRIBUTE = 100
"""Bytes that an attribute takes beside its text."""

Shapes = npt.NDArray[np.object_]
Kind = Literal["surface", "other", "none"]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Crs:
    """A CRS as GML names it: EPSG code of its plane part, whether north stands first, and whether heights follow."""

    epsg: int
    nord_foerst: bool = False
    hoyde: bool = False


@dataclass(frozen=True, slots=True)
class Geometri:
    """A geometry on its way to GDAL.

    Attributes
    ----------
    xml, xmlns
        Its XML, and the declarations of its namespaces: said once for thousands, GDAL reads them in half the time.
    id
        Of its feature, for messages.
    """

    xml: bytes
    xmlns: frozenset[bytes]
    crs: Crs
    id: str | None


@dataclass
class Piece(Generic[R]):
    """Some features: what was made of each, and its geometry."""

    rows: list[R] = field(default_factory=list)
    geometries: list[Geometri | None] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to read the geometry."""
        return len(self.rows) >= ROWS or self.size >= BYTES

    def add(self, row: R, geometry: Geometri | None) -> None:
        """Add a feature."""
        self.rows.append(row)
        self.geometries.append(geometry)
        self.size += len(geometry.xml) if geometry is not None else 0
        if isinstance(row, Mapping):
            self.size += sum(PER_ATTRIBUTE + (len(v) if isinstance(v, str) else 0) for v in row.values())


@lru_cache(maxsize=4096)
def _kind(tag: str) -> Kind | None:
    namespace, _, name = tag.rpartition("}")
    if "/gml" not in namespace:
        return None
    return "surface" if name in SURFACES else "other" if name in OTHERS else "none" if name in UNREADABLE else None


def is_geometry(element: etree._Element) -> bool:
    """Say whether an element is a GML geometry of any kind."""
    return _kind(str(element.tag)) is not None


def find(feature: etree._Element) -> etree._Element | None:
    """Return the geometry of a feature that counts: its surface if it has one, else what comes first."""
    found: etree._Element | None = None
    for prop in feature.iterchildren(tag=etree.Element):
        geometry = next(prop.iterchildren(tag=etree.Element), None)
        kind = None if geometry is None else _kind(str(geometry.tag))
        if kind == "surface":
            return geometry
        if kind is not None and found is None:
            found = geometry
    return found


def take(feature: etree._Element, *, top: Head, where: str) -> Geometri | None:
    """Return the geometry of a feature, None where there is none that can be read.

    Raises
    ------
    SourceError
        When its CRS is not said, is none of those of Norway, or is another in one part than in the next.
    """
    geometry = find(feature)
    if geometry is None or _kind(str(geometry.tag)) == "none":
        return None
    xml = etree.tostring(geometry, with_tail=False)
    names = {name.decode() for name in SRS_NAME.findall(xml)}
    crs = _crs_of(names, feature, top, where)
    if NO_NUMBER.search(xml):  # which GDAL takes for 0
        raise SourceError(f"{where}: the geometry of {gml_id(feature)} has coordinates that are no numbers. {TELL}")
    dimension = "3" if crs.hoyde else None if names else top.dimensjon
    if dimension is not None and geometry.get("srsDimension") is None:
        geometry.set("srsDimension", dimension)
        xml = etree.tostring(geometry, with_tail=False)
    return Geometri(XMLNS.sub(b"", xml), frozenset(XMLNS.findall(xml)), crs, gml_id(feature))


def shapes(geometries: Sequence[Geometri | None], *, where: str) -> Shapes:
    """Return geometries in EPSG:25833, 2D, None where there is none.

    Parameters
    ----------
    geometries
        Some thousand; what is read at once lies in memory twice.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        Naming the feature whose geometry cannot be read, or what is wrong with the coordinates of most of them.
    """
    result = np.full(len(geometries), None, dtype=object)
    by_crs: dict[Crs, list[int]] = {}
    for i, geometry in enumerate(geometries):
        if geometry is not None:
            by_crs.setdefault(geometry.crs, []).append(i)
    for crs, rows in by_crs.items():
        some = [g for i in rows if (g := geometries[i]) is not None]
        read = _read(some, where)
        _check_finite(read, some, where)
        result[rows] = _to_storage(read, crs, where)
    return result


def pieces(path: Path, row: Callable[[etree._Element], R | None], *, where: str) -> Iterator[Piece[R]]:
    """Yield what `row` makes of each feature of a GML file, with its geometry, in pieces of bounded size.

    Parameters
    ----------
    row
        Called with each feature; None leaves the feature out.

    Raises
    ------
    NotInFileError
        When there are features and all of them are left out.
    SourceError
        As `medlemmer.members` and `take`.
    """
    top = head(path, where=where)
    piece, others, found = Piece[R](), set[str](), False
    for feature in members(path, where=where):
        made = row(feature)
        if made is None:
            others.add(local_name(feature))
            continue
        found = True
        piece.add(made, take(feature, top=top, where=where))
        if piece.is_full:
            yield piece
            piece = Piece[R]()
    if others and not found:
        raise NotInFileError(
            f"{where}: nothing of what was asked for; the GML has {shorten(', '.join(sorted(others)))}. Correct `lag` "
            "of the source in config/plankilder.toml."
        )
    if piece.rows:
        yield piece


@lru_cache(maxsize=256)
def crs_of(name: str) -> Crs | None:
    """Return the CRS of an srsName, None when it is none of those that Norway is mapped in.

    Examples
    --------
    >>> crs_of("urn:ogc:def:crs:EPSG::4258"), crs_of("EPSG:4258").nord_foerst
    (Crs(epsg=4258, nord_foerst=True, hoyde=False), False)
    """
    plain = name.strip().partition(",crs:EPSG::57")[0]  # a height system named beside it
    if plain.upper().endswith("CRS84"):
        return Crs(4326)
    code = re.search(r"(?:^|[^0-9])([0-9]{4,5})$", plain)
    if code is None:
        return None
    number = int(code[1])
    epsg = COMPOUND.get(number, number)
    if epsg not in KNOWN:
        return None
    return Crs(epsg, nord_foerst=epsg in GEOGRAPHIC and NORTH_FIRST.match(plain) is not None, hoyde=number in COMPOUND)


def _crs_of(names: set[str], feature: etree._Element, top: Head, where: str) -> Crs:
    if not names:
        own = feature.find("{*}boundedBy/{*}Envelope")
        said = (own.get("srsName") if own is not None else None) or top.srs
        if said is None:
            raise SourceError(f"{where}: the geometry of {gml_id(feature)} does not say its CRS (srsName). {TELL}")
        names = {said}
    found = {name: crs_of(name) for name in names}
    unknown = sorted(name for name, crs in found.items() if crs is None)
    if unknown:
        raise SourceError(
            f"{where}: the geometry of {gml_id(feature)} is in {shorten(unknown[0])}, which is none of "
            f"{', '.join(f'EPSG:{e}' for e in sorted(KNOWN))}. {TELL}"
        )
    several = {crs for crs in found.values() if crs is not None}
    if len({crs.epsg for crs in several}) > 1:
        raise SourceError(f"{where}: the geometry of {gml_id(feature)} names two CRS, {sorted(names)}. {TELL}")
    return several.pop()


def _read(geometries: Sequence[Geometri], where: str) -> Shapes:
    """Return what GDAL makes of geometries; on an error the one to blame is looked for by halves."""
    try:
        return _gdal(geometries)
    except READING_ERRORS as error:
        if len(geometries) == 1:
            said = str(error).rpartition("cannot be parsed: ")[2].partition(" You may set")[0]
            raise SourceError(
                f"{where}: the geometry of {geometries[0].id} cannot be read ({shorten(said)}). {TELL}"
            ) from None
    half = len(geometries) // 2
    return np.concatenate([_read(geometries[:half], where), _read(geometries[half:], where)])


def _gdal(geometries: Sequence[Geometri]) -> Shapes:
    # One degree a step: arcs come out 0.005 % too small instead of 0.08 %.
    pyogrio.set_gdal_config_options({"OGR_ARC_STEPSIZE": "1", "OGR_GEOMETRY_ACCEPT_UNCLOSED_RING": "NO"})
    named = {xmlns.partition(b"=")[0]: xmlns for geometry in geometries for xmlns in geometry.xmlns}
    head = HEAD % b"".join(named.values())
    content = b"".join([head, *(MEMBER % geometry.xml for geometry in geometries), FOOT])
    _, _, wkb, _ = pyogrio.raw.read(
        content, layer="F", columns=[], force_2d=True, DOWNLOAD_SCHEMA="NO", WRITE_GFS="NO", EXPOSE_GML_ID="NO",
        INVERT_AXIS_ORDER_IF_LAT_LONG="NO", CONSIDER_EPSG_AS_URN="NO",
    )  # fmt: skip
    came = 0 if wkb is None else sum(one is not None for one in wkb)
    if came != len(geometries):
        raise pyogrio.errors.DataLayerError(f"{len(geometries)} geometries became {came}")
    try:
        read: Shapes = shapely.from_wkb(wkb)
    except shapely.errors.ShapelyError as error:
        raise pyogrio.errors.GeometryError(str(error)) from None
    return read


# The prefixes are none that a source would think of: its own are declared beside them.
HEAD = (
    b'<tomt_w:FeatureCollection xmlns:tomt_w="http://www.opengis.net/wfs/2.0" '
    b'xmlns:tomt_g="http://www.opengis.net/gml/3.2" xmlns:tomt_f="https://tomtesourcing.invalid/f"%b>'
)
MEMBER = b"<tomt_w:member><tomt_f:F><tomt_f:g>%b</tomt_f:g></tomt_f:F></tomt_w:member>"
FOOT = b"</tomt_w:FeatureCollection>"


def _check_finite(shapes: Shapes, geometries: Sequence[Geometri], where: str) -> None:
    coordinates, rows = shapely.get_coordinates(shapes, return_index=True)
    far = ~(np.abs(coordinates) < FARTHEST).all(axis=1)
    if far.any():
        first = int(np.argmax(far))
        x, y = coordinates[first]
        raise SourceError(
            f"{where}: the geometry of {geometries[rows[first]].id} has a point at ({x:.6g}, {y:.6g}), which is "
            f"nowhere. {TELL}"
        )


def _to_storage(shapes: Shapes, crs: Crs, where: str) -> Shapes:
    if crs.nord_foerst:
        shapes = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    _check_place(shapes, crs, where)
    if crs.epsg == STORAGE_EPSG:
        return shapes
    moved: Shapes = shapely.transform(shapes, transformer(crs.epsg, STORAGE_EPSG).transform, interleaved=False)
    return moved


def _check_place(shapes: Shapes, crs: Crs, where: str) -> None:
    """Refuse coordinates that are not those of the CRS; that they lie in the kommune is checked where it is known.

    One row whose coordinates are in Norway when they are read otherwise is enough: no other is to be trusted then.
    """
    geographic = crs.epsg in GEOGRAPHIC
    placed = plassering.place(shapes, geographic=geographic)
    strays = plassering.strays(shapes, geographic=geographic)
    wrong = WRONG.get(placed.funn) or (WRONG[strays.funn] if strays is not None else None)
    if wrong is not None:
        some = f" of {strays.antall} of {len(shapes)} rows" if strays is not None and placed.funn == "i orden" else ""
        bounds = strays.tekst if strays is not None else placed.tekst
        raise SourceError(f"{where}: coordinates{some} in EPSG:{crs.epsg} are {wrong}: bounds {bounds}. {TELL}")


WRONG = {
    "byttet": "in the wrong order of axes (swapped)",
    "grader": "degrees where metres belong",
    "meter": "metres where degrees belong",
}


@lru_cache(maxsize=8)
def transformer(source: int, target: int) -> Transformer:
    """Return what takes coordinates from one EPSG code to another, east before north in both."""
    return Transformer.from_crs(source, target, always_xy=True)
