"""A small server of context: one WFS, one ArcGIS layer, one OGC API collection, and their bad habits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lxml import etree

from .conftest import CONTENT_CRS, Handler

APP = "http://skjema.example/flomsoner"
POLYGON = (
    '<gml:Polygon srsName="urn:ogc:def:crs:EPSG::25833"><gml:exterior><gml:LinearRing><gml:posList>{0}</gml:posList>'
    "</gml:LinearRing></gml:exterior></gml:Polygon>"
)
CORNERS = "{0} 6740000 {1} 6740000 {1} 6740100 {0} 6740100 {0} 6740000"
REFUSED = (
    '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="2.0.0"><ows:Exception '
    'exceptionCode="InvalidParameterValue"><ows:ExceptionText>Unknown feature type</ows:ExceptionText></ows:Exception>'
    "</ows:ExceptionReport>"
)


@dataclass
class Flom:
    """A WFS of FlomAreal; rows are intervals, and lie 200 m apart.

    Attributes
    ----------
    navn
        What the type is called; a name that it refuses is asked for with its prefix alone.
    svar
        Answered to every question in place of what it has.
    mangler
        Features that the data lack of what was counted.
    sier
        Whether the data say how many there are, too.
    """

    intervaller: tuple[str, ...] = ("20", "200", "1000")
    navn: str = "app:FlomAreal"
    krever_prefiks: bool = False
    tak: int | None = None
    mangler: int = 0
    sier: bool = False
    geometri: str = POLYGON.format(CORNERS)
    svar: tuple[bytes, str, int] | None = None
    asked: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def __call__(self, h: Handler) -> None:
        body = h.server.asked[-1].body
        query = {k.lower(): v[0] for k, v in parse_qs(urlsplit(h.path).query).items()}
        self.bodies.append(body.decode())
        capabilities = query.get("request") == "GetCapabilities"
        hits = b'resultType="hits"' in body
        self.asked.append("evner" if capabilities else "antall" if hits else "data")
        if self.svar is not None:
            h.send(self.svar[0], self.svar[1], status=self.svar[2])
        elif capabilities:
            h.send(self.capabilities().encode(), "text/xml")
        elif self.refuses(body):
            h.send(REFUSED.encode(), "text/xml", status=400)
        else:
            h.send(self.collection(body, hits=hits).encode(), "text/xml")

    def refuses(self, body: bytes) -> bool:
        name = etree.fromstring(body).find("{*}Query").get("typeNames")
        local = name.rpartition(":")[2]
        return local != self.navn.rpartition(":")[2] or (self.krever_prefiks and ":" not in name)

    def collection(self, body: bytes, *, hits: bool) -> str:
        wanted = re.findall(r"Literal>([^<]*)<", body.decode())
        rows = [(k, v) for k, v in enumerate(self.intervaller) if not wanted or v in wanted]
        start = int(etree.fromstring(body).get("startIndex") or 0)
        there = rows[: len(rows) - self.mangler]
        shown = [] if hits else there[start : start + (self.tak or len(rows))]
        members = "".join(
            f'<wfs:member><app:FlomAreal gml:id="f.{k}"><app:område>'
            f"{self.geometri.format(-120_000 + 200 * k, -119_900 + 200 * k)}</app:område>"
            f"<app:gjentaksintervall>{v}</app:gjentaksintervall></app:FlomAreal></wfs:member>"
            for k, v in shown
        )
        said = f'numberMatched="{len(rows) if hits or self.sier else "unknown"}" numberReturned="0"'
        return (
            f'<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:app="{APP}" '
            f'xmlns:gml="http://www.opengis.net/gml/3.2" {said}>{members}</wfs:FeatureCollection>'
        )

    def capabilities(self) -> str:
        ceiling = (
            ""
            if self.tak is None
            else (
                f'<ows:Constraint name="CountDefault"><ows:NoValues/><ows:DefaultValue>{self.tak}</ows:DefaultValue>'
                "</ows:Constraint>"
            )
        )
        return (
            '<wfs:WFS_Capabilities version="2.0.0" xmlns:wfs="http://www.opengis.net/wfs/2.0" '
            f'xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:app="{APP}"><ows:OperationsMetadata>{ceiling}'
            "</ows:OperationsMetadata>"
            f"<wfs:FeatureTypeList><wfs:FeatureType><wfs:Name>{self.navn}</wfs:Name><wfs:Title>Flom</wfs:Title>"
            "<wfs:DefaultCRS>urn:ogc:def:crs:EPSG::25833</wfs:DefaultCRS></wfs:FeatureType></wfs:FeatureTypeList>"
            "</wfs:WFS_Capabilities>"
        )


@dataclass
class Vern:
    """An ArcGIS layer 0 with object ids, in its own JSON; `flest` rows in one answer."""

    rader: list[dict[str, Any]]
    flest: int = 1000
    teller: int | None = None
    dobbelt: bool = False
    asked: list[str] = field(default_factory=list)
    questions: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, h: Handler) -> None:
        form = {k: v[0] for k, v in parse_qs(h.server.asked[-1].body.decode()).items()}
        self.questions.append(form)
        if not h.path.startswith("/vern/MapServer/0"):
            h.json({"error": {"code": 400, "message": "Invalid URL", "details": []}})
        elif "/query" not in h.path:
            self.asked.append("lag")
            h.json(self.described())
        elif form.get("returnCountOnly"):
            self.asked.append("antall")
            h.json({"count": len(self.picked(form)) if self.teller is None else self.teller})
        else:
            self.asked.append("data")
            h.json(self.page(form))

    def picked(self, form: dict[str, str]) -> list[dict[str, Any]]:
        values = re.findall(r"'([^']*)'", form.get("where", ""))
        return [r for r in self.rader if not values or r["attributes"]["verneform"] in values]

    def page(self, form: dict[str, str]) -> dict[str, Any]:
        rows = self.picked(form)
        start = int(form.get("resultOffset", 0))
        shown = rows[start : start + self.flest]
        if self.dobbelt:
            shown = [shown[0]] * len(shown)
        return {
            "objectIdFieldName": "OBJECTID",
            "spatialReference": {"wkid": 25833},
            "features": shown,
            "exceededTransferLimit": start + len(shown) < len(rows),
        }

    def described(self) -> dict[str, Any]:
        fields = [
            {"name": "OBJECTID", "type": "esriFieldTypeOID"},
            {"name": "verneform", "type": "esriFieldTypeString"},
        ]
        return {
            "type": "Feature Layer",
            "fields": fields,
            "capabilities": "Map,Query",
            "maxRecordCount": self.flest,
            "advancedQueryCapabilities": {"supportsPagination": True},
        }


def vern_row(number: int, geometry: dict[str, Any] | None = None, verneform: str = "Naturreservat") -> dict[str, Any]:
    x, y = -120_000 + 200 * number, 6_740_000
    ring = [[x, y], [x, y + 100], [x + 100, y + 100], [x + 100, y], [x, y]]
    return {"attributes": {"OBJECTID": number, "verneform": verneform}, "geometry": geometry or {"rings": [ring]}}


def minne(number: int, geometry: dict[str, Any], kategori: str = "E-ARK") -> dict[str, Any]:
    properties = {"vernetype": "AUT", "enkeltminnekategori": kategori}
    return {"type": "Feature", "id": f"minne.{number}", "geometry": geometry, "properties": properties}


def minner(features: list[dict[str, Any]], **page: Any) -> Any:
    """Answer as an OGC API with the collection `enkeltminner`."""

    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            h.json({"collections": [{"id": "enkeltminner", "title": "Enkeltminner"}]})
        else:
            content = {"type": "FeatureCollection", "features": features, "numberMatched": len(features)} | page
            h.send(json.dumps(content).encode(), "application/geo+json", **CONTENT_CRS)

    return answer
