"""A GeoJSON file read strictly, feature by feature: GDAL leaves out what it does not understand, without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from tasks.errors import SourceError
from tasks.sources.unntak import shorten

MAX_BYTES = 200_000_000
"""Read as one text; beyond, a GeoPackage is the better form."""
DEPTH = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""Geometry type → how many lists stand around a position."""

_BLANKS = re.compile(r"[ \t\r\n]*")


def require_features(path: Path) -> int:
    """Return how many features a file has, all of which can be read.

    Raises
    ------
    SourceError
        Naming the file, and the feature that is none.
    """
    if path.stat().st_size > MAX_BYTES:
        raise SourceError(
            f"{path}: {path.stat().st_size} bytes of GeoJSON, more than {MAX_BYTES}. Ask for GeoPackage or GML."
        )
    try:
        return _Text(path.read_bytes().decode("utf-8-sig")).features()
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path}: no GeoJSON that can be trusted ({shorten(str(error))}). Get the file anew."
        ) from None


class _Text:
    """A JSON text that is walked through; every error is a `ValueError`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.count = 0
        self.decoder = json.JSONDecoder(object_pairs_hook=_each_once, parse_constant=_refuse)

    def features(self) -> int:
        top: dict[str, Any] = {}
        self._walk("{", "}", lambda: self._member(top))
        if self._next():
            raise ValueError("more stands after its end")
        if top.get("type") == "Feature":
            _require_feature(top, 1)
            return 1
        if top.get("type") != "FeatureCollection" or "features" not in top:
            raise ValueError(f"a {str(top.get('type'))[:40]} where a FeatureCollection was expected")
        return self.count

    def _member(self, top: dict[str, Any]) -> None:
        name = self._value()
        self._take(":")
        if not isinstance(name, str) or name in top:
            raise ValueError(f"{str(name)[:40]!r} is said twice, or is no name")
        if name == "features":
            self._walk("[", "]", self._feature)
            top[name] = None
        else:
            top[name] = self._value()

    def _feature(self) -> None:
        self.count += 1
        _require_feature(self._value(), self.count)

    def _walk(self, start: str, end: str, each: Callable[[], None]) -> None:
        """Go through what stands between brackets, with commas between."""
        self._take(start)
        if self._next() == end:
            self._take(end)
            return
        while True:
            each()
            if self._next() == end:
                self._take(end)
                return
            self._take(",")

    def _next(self) -> str:
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(f"{sign!r} expected at character {self.at}")
        self.at += 1

    def _value(self) -> Any:
        self._next()
        value, self.at = self.decoder.raw_decode(self.text, self.at)
        return value


def _require_feature(value: Any, number: int) -> None:
    if not isinstance(value, dict) or value.get("type") != "Feature":
        raise ValueError(f"member {number} of its features is none")
    if not isinstance(value.get("properties"), dict | None):
        raise ValueError(f"the properties of feature {number} are none")
    if value.get("geometry") is not None and not _is_geometry(value["geometry"]):
        raise ValueError(f"the geometry of feature {number} is none")


def _is_geometry(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if value.get("type") == "GeometryCollection":
        inner = value.get("geometries")
        return isinstance(inner, list) and all(map(_is_geometry, inner))
    depth = DEPTH.get(str(value.get("type")))
    return depth is not None and _are_positions(value.get("coordinates"), depth)


def _are_positions(value: Any, depth: int) -> bool:
    if not isinstance(value, list):
        return False
    if depth:
        return all(_are_positions(inner, depth - 1) for inner in value)
    return len(value) >= 2 and all(type(number) in {int, float} for number in value[:2])


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is said twice in one object")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
