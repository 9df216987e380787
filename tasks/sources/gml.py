"""GML of any plan object: a file → flat frames of text, piece by piece; EPSG:25833, None where there is no geometry.

Attributes are read with lxml: GDAL guesses types, loses leading zeros and the names that values are nested under. The
names of properties are joined with dots, those of the objects between them left out: `arealplanId.planidentifikasjon`.
What stands more than once is kept as JSON. In Plan 5.0 files planstatus, plantype and dates stand on an `Arealplan`
without geometry; they are added to the rows that refer to it.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from lxml import etree

from tasks.crs import STORAGE_CRS
from tasks.sources import flat, geometri, medlemmer
from tasks.sources.koder import blank_is_none, fold
from tasks.sources.medlemmer import gml_id, layers, local_name
from tasks.sources.unntak import shorten

__all__ = ["layers", "parts", "properties"]

log = logging.getLogger("tomt.sources")

MAX_DEPTH = 12
HREF = "{http://www.w3.org/1999/xlink}href"
OBJEKTTYPE = "objekttypenavn"
PLAN = "Arealplan"
OF_THE_OBJECT = ("identifikasjon.", "kvalitet.", "førsteDigitaliseringsdato", "oppdateringsdato", "gml_id")
"""Attributes that tell of an Arealplan as an object, never of the plan."""

Flat = dict[str, str | None]


def parts(path: Path, lag: Mapping[str, str], *, where: str) -> Iterator[gpd.GeoDataFrame]:
    """Yield the features of some layers in pieces, in the order of the file.

    Parameters
    ----------
    path
        GML file.
    lag
        Object type → layer, found whatever its prefix, case and spelling of æøå.
    where
        Address, for messages.

    Raises
    ------
    SourceError
        When the file cannot be read in full, has features but none of these layers, or too many columns.
    """
    wanted = {fold(layer.rpartition(":")[2]): objekttype for objekttype, layer in lag.items()}
    columns = flat.Kolonner(where)
    plans, turned = _plans(path, where, columns), _Turned()

    def row(feature: etree._Element) -> Flat | None:
        objekttype = wanted.get(_folded(local_name(feature)))
        if objekttype is None:
            return None
        made = _row(feature, objekttype, plans)
        columns.add(made)
        return made

    for piece in geometri.pieces(path, row, where=where):
        shapes = geometri.shapes(piece.geometries, where=where)
        turned.look(shapes, piece.geometries)
        yield _frame(piece.rows, shapes)
    turned.tell(where)


def properties(element: etree._Element, *, depth: int = 0) -> dict[str, Any]:
    """Return the properties of a GML object by name, without geometry; what stands more than once is a list."""
    found: dict[str, Any] = {}
    for prop in element.iterchildren(tag=etree.Element):
        name = local_name(prop)
        first = next(prop.iterchildren(tag=etree.Element), None)
        if name == "boundedBy" or (first is not None and geometri.is_geometry(first)):
            continue
        value = _value(prop, first, depth)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _value(prop: etree._Element, first: etree._Element | None, depth: int) -> Any:
    if first is None:
        text = (prop.text or "").strip() or None
        href = prop.get(HREF) if text is None else None
        return text if href is None else {"href": href}
    if depth >= MAX_DEPTH:
        return " ".join(str(t).strip() for t in prop.itertext())
    objects = [c for c in prop.iterchildren(tag=etree.Element) if local_name(c)[:1].isupper()]
    if not objects:
        return properties(prop, depth=depth + 1)
    inner = [properties(c, depth=depth + 1) for c in objects]
    return inner[0] if len(inner) == 1 else inner


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return fold(name)


# --- rows ---


def _row(feature: etree._Element, objekttype: str, plans: _Plans) -> Flat:
    row = flat.flatten(properties(feature))
    for name, value in plans.of(feature).items():
        if row.get(name) is None:
            row[name] = value
    row[OBJEKTTYPE] = blank_is_none(row.get(OBJEKTTYPE)) or objekttype
    return row


def _frame(rows: Sequence[Flat], shapes: geometri.Shapes) -> gpd.GeoDataFrame:
    columns = dict.fromkeys(name for row in rows for name in row if name != "geometry")
    data = {c: pd.Series([row.get(c) for row in rows], dtype=object) for c in columns}
    return gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(shapes, crs=STORAGE_CRS), crs=STORAGE_CRS)


@dataclass
class _Turned:
    """Counts the surfaces whose rings run the wrong way round: the specification is broken, the area is the same."""

    antall: int = 0
    first: str | None = None

    def look(self, shapes: geometri.Shapes, geometries: list[geometri.Geometri | None]) -> None:
        polygons, rows = shapely.get_parts(shapes, return_index=True)
        areal = shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON
        polygons, rows = polygons[areal], rows[areal]
        rings, of_polygon = shapely.get_rings(polygons, return_index=True)
        inner = np.concatenate([[False], of_polygon[1:] == of_polygon[:-1]]) if len(rings) else np.array([], dtype=bool)
        wrong = np.unique(rows[of_polygon[shapely.is_ccw(rings) == inner]])
        if len(wrong) and self.first is None:
            first = geometries[int(wrong[0])]
            self.first = first.id if first is not None else None
        self.antall += len(wrong)

    def tell(self, where: str) -> None:
        if self.antall:
            log.info(
                "%s: %d surfaces with rings the wrong way round, first %s",
                where,
                self.antall,
                shorten(self.first or ""),
            )


# --- the Arealplan that rows refer to ---


@dataclass
class _Plans:
    """Attributes of each Arealplan by gml:id, and what every other feature refers to."""

    plans: dict[str, Flat] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)

    def of(self, feature: etree._Element) -> Flat:
        """Return the attributes of the one plan that a feature refers to, itself or over one other feature."""
        if not self.plans:
            return {}
        near = _references(feature)
        far = [target for link in near for target in self.links.get(link, ())]
        for targets in (near, far):
            found = {target for target in targets if target in self.plans}
            if len(found) == 1:
                return self.plans[found.pop()]
        return {}


def _plans(path: Path, where: str, columns: flat.Kolonner) -> _Plans:
    """Read every Arealplan of a file; files of the other generation, which have none, are not read twice."""
    known = _Plans()
    if not _mentions(path, f"{PLAN}>".encode()):
        return known
    for feature in medlemmer.members(path, where=where):
        own = gml_id(feature)
        if own is None:
            continue
        if local_name(feature) == PLAN:
            row = flat.flatten(properties(feature))
            columns.add(row)
            known.plans[own] = {k: v for k, v in row.items() if not k.startswith(OF_THE_OBJECT) and k[-5:] != ".href"}
        elif links := _references(feature):
            known.links[own] = links
    return known


def _references(feature: etree._Element) -> list[str]:
    hrefs = (prop.get(HREF) for prop in feature.iterchildren(tag=etree.Element))
    return [href.rpartition("#")[2] for href in hrefs if href]


def _mentions(path: Path, word: bytes) -> bool:
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(word) >= 0
        except ValueError:  # an empty file cannot be mapped; the reader says what is wrong with it
            return False
