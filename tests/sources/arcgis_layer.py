"""An ArcGIS layer of three rows whose answers a test changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .conftest import Handler, square


class Layer:
    """A layer of three rows whose answers a test changes."""

    def __init__(self, **about: Any) -> None:
        self.about = {
            "type": "Feature Layer",
            "geometryType": "esriGeometryPolygon",
            "objectIdField": "FID",
            "fields": [
                {"name": "FID", "type": "esriFieldTypeOID"},
                {"name": "KOMM", "type": "esriFieldTypeString"},
            ],
            "maxRecordCount": 2,
            "supportedQueryFormats": "JSON, geoJSON",
            "advancedQueryCapabilities": {"supportsPagination": True},
        } | about
        self.rows = [self.row(n) for n in (1, 2, 3)]
        self.count: Callable[[int], int] = lambda _asked: len(self.rows)
        self.page: dict[str, Any] = {}
        self.error: Callable[[int], dict[str, Any] | None] = lambda _asked: None
        self.questions: list[dict[str, str]] = []
        self.counted = 0

    @staticmethod
    def row(number: int, geometry: Any = ..., **properties: Any) -> dict[str, Any]:
        shape = square(-120_000 + 200 * number) if geometry is ... else geometry
        return {
            "type": "Feature",
            "id": number,
            "geometry": shape,
            "properties": {"FID": number, "KOMM": "0099"} | properties,
        }

    def select(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        if "objectIds" in asked:
            return [r for r in self.rows if str(r["properties"]["FID"]) in asked["objectIds"].split(",")]
        start = int(asked.get("resultOffset", 0))
        return self.rows[start : start + int(asked.get("resultRecordCount", self.about["maxRecordCount"]))]

    def __call__(self, handler: Handler) -> None:
        asked = handler.server.asked[-1]
        query = {k: v[0] for k, v in parse_qs(asked.body.decode() or urlsplit(asked.path).query).items()}
        if not urlsplit(handler.path).path.endswith("/query"):
            return handler.json(self.about)
        self.questions.append(query)
        if error := self.error(len(self.questions)):
            return handler.json({"error": error})
        if "returnCountOnly" in query:
            self.counted += 1
            return handler.json({"count": self.count(self.counted)})
        if "returnIdsOnly" in query:
            return handler.json({"objectIdFieldName": "FID", "objectIds": [r["properties"]["FID"] for r in self.rows]})
        return handler.json({"type": "FeatureCollection", "features": self.select(query)} | self.page)
