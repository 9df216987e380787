"""The filters of the sandbox's WFS: FES 2.0 and 1.1, and the box of the key-value form.

A condition is an equality (`Lik`), a box (`Boks`), or several under And or Or (`Flere`). What a service cannot filter
on is refused, never ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import shapely
from lxml import etree
from shapely import Polygon

from tasks.sandbox.crs import parse, transformer

MAX_DEPTH = 8
KOMMUNE = "kommunenummer"


class WfsError(ValueError):
    """A request that is answered with an ExceptionReport."""

    def __init__(self, code: str, locator: str, text: str) -> None:
        super().__init__(text)
        self.code, self.locator = code, locator


@dataclass(frozen=True, slots=True)
class Lik:
    """An attribute is equal to a text."""

    felt: str
    verdi: str


@dataclass(frozen=True, slots=True)
class Boks:
    """A geometry touches a box, EPSG:25833."""

    boks: Polygon


@dataclass(frozen=True, slots=True)
class Flere:
    """All of some conditions, or at least one of them."""

    alle: bool
    deler: tuple[Vilkaar, ...]


Vilkaar = Lik | Boks | Flere


def kommuner_av(vilkaar: Vilkaar | None) -> frozenset[str] | None:
    """Return the kommunenumre that a condition on nothing else allows; None for every one."""
    if vilkaar is None:
        return None
    if isinstance(vilkaar, Lik):
        return frozenset({vilkaar.verdi})
    if isinstance(vilkaar, Boks):
        raise TypeError("a box names no kommune")
    sets = [kommuner_av(one) or frozenset() for one in vilkaar.deler]
    return frozenset.intersection(*sets) if vilkaar.alle else frozenset.union(*sets)


def read_filter(root: etree._Element, *, felter: frozenset[str], har_boks: bool) -> Vilkaar:
    """Return the condition of a parsed Filter.

    Parameters
    ----------
    felter
        Attributes that may be asked for.
    har_boks
        Whether boxes may.

    Raises
    ------
    WfsError
        For anything else.
    """
    children = _elements(root)
    if etree.QName(root).localname != "Filter" or len(children) != 1:
        raise WfsError("InvalidParameterValue", "filter", "A filter holds exactly one condition.")

    def condition(node: etree._Element, depth: int) -> Vilkaar:
        name, inner = etree.QName(node).localname, _elements(node)
        if name in {"And", "Or"} and inner and depth < MAX_DEPTH:
            return Flere(name == "And", tuple(condition(child, depth + 1) for child in inner))
        if name == "BBOX" and har_boks:
            return _envelope(inner[-1] if inner else node)
        return _equal(node, name, felter)

    return condition(children[0], 0)


def read_bbox(text: str, *, standard: str) -> Boks:
    """Return the box of ``bbox=west,south,east,north[,crs]``; latitude goes first under the full name of degrees."""
    parts = text.split(",")
    numbers = _numbers(parts[:4])
    if numbers is None or len(parts) > 5:
        raise WfsError("InvalidParameterValue", "bbox", f"bbox is four numbers and a CRS: {text[:80]!r}.")
    return _box(numbers, parts[4] if len(parts) == 5 else standard, "bbox")


def _elements(node: etree._Element) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str)]


def _equal(node: etree._Element, name: str, felter: frozenset[str]) -> Lik:
    parts = {etree.QName(child).localname: (child.text or "").strip() for child in _elements(node)}
    reference = parts.get("ValueReference", parts.get("PropertyName", "")).rpartition(":")[2]
    if name != "PropertyIsEqualTo" or reference not in felter or "Literal" not in parts:
        text = f"Only PropertyIsEqualTo on {', '.join(sorted(felter))} is supported, not {name} on {reference[:60]!r}."
        raise WfsError("OptionNotSupported", "filter", text)
    return Lik(reference, parts["Literal"])


def _envelope(node: etree._Element) -> Boks:
    if etree.QName(node).localname != "Envelope":
        raise WfsError("InvalidParameterValue", "filter", "A BBOX holds a gml:Envelope.")
    corners = {etree.QName(child).localname: (child.text or "").split() for child in _elements(node)}
    numbers = _numbers([*corners.get("lowerCorner", []), *corners.get("upperCorner", [])])
    if numbers is None:
        raise WfsError("InvalidParameterValue", "filter", "An Envelope has a lowerCorner and an upperCorner.")
    return _box(numbers, node.get("srsName") or "", "filter")


def _numbers(texts: list[str]) -> tuple[float, float, float, float] | None:
    try:
        a, b, c, d = (float(text) for text in texts)
    except ValueError:
        return None
    return (a, b, c, d) if all(map(math.isfinite, (a, b, c, d))) and a <= c and b <= d else None


def _box(numbers: tuple[float, float, float, float], srs: str, locator: str) -> Boks:
    crs = parse(srs)
    if crs is None:
        raise WfsError("InvalidParameterValue", locator, f"srsName {srs[:80]!r} is not served.")
    a, b, c, d = numbers
    if crs.nord_foerst:
        a, b, c, d = b, a, d, c
    return Boks(shapely.box(*transformer(crs.epsg).transform_bounds(a, b, c, d, direction="INVERSE")))


def holds(vilkaar: Vilkaar | None, *, verdi: Callable[[str], str | None], geometri: shapely.Geometry) -> bool:
    """Return whether a feature meets a condition."""
    if vilkaar is None:
        return True
    if isinstance(vilkaar, Lik):
        return verdi(vilkaar.felt) == vilkaar.verdi
    if isinstance(vilkaar, Boks):
        return bool(shapely.intersects(vilkaar.boks, geometri))
    met = (holds(one, verdi=verdi, geometri=geometri) for one in vilkaar.deler)
    return all(met) if vilkaar.alle else any(met)
