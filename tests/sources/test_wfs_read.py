"""WFS of a kommune's plans against a server with the habits of real ones: counts, pages, filters, formats, versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import pytest
import shapely
from lxml import etree

from config.registers import Kommune
from tasks.sources import wfs
from tasks.sources.limits import Limits

from .asking import Asking
from .conftest import Handler, Upstream

PLAN = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Reguleringsplan/20190401"
FORMAT_32 = "application/gml+xml; version=3.2"


@dataclass
class Service:
    """A WFS of RpOmråde, and how it behaves.

    Attributes
    ----------
    antall
        Features that it has; `tak` of them in one answer, from startIndex on where `sider`.
    plass
        Whether ids tell where a feature stands: those of duplicates differ.
    rekke
        Which feature stands where; each in its turn by default.
    nummer
        The one kommunenummer that it has features of; any by default.
    teller
        What resultType=hits says; the truth by default.
    """

    antall: int = 5
    rekke: tuple[int, ...] | None = None
    nummer: str = ""
    tak: int | None = None
    sier_tak: bool = False
    sider: bool = True
    neste: bool = False
    ids: bool = True
    plass: bool = False
    teller: Callable[[int], object] = lambda n: n
    formater: tuple[str, ...] = ("application/json", "text/xml; subtype=gml/3.1.1", FORMAT_32)
    typer: tuple[str, ...] = ("plan:RpOmråde", "plan:RpGrense")
    epsg: tuple[int, ...] = (25832, 25833, 4258)
    versjon: str = "2.0.0"
    extra: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, h: Handler) -> None:
        values = {k.lower(): v[0] for k, v in parse_qs(urlsplit(h.path).query).items()}
        body = h.server.asked[-1].body
        if body:
            root = etree.fromstring(body)
            values |= {"request": etree.QName(root).localname, "body": body.decode()}
            values |= {str(k).lower(): str(v) for e in root.iter() for k, v in e.attrib.items()}
        self.asked.append(values)
        if values["request"] == "GetCapabilities":
            h.send(self.capabilities().encode(), "text/xml")
        elif values.get("resulttype") == "hits":
            count = self.teller(self.antall if self.nummer in values.get("body", "") else 0)
            h.send(self.collection([], f'numberMatched="{count}" numberOfFeatures="{count}"').encode(), "text/xml")
        else:
            start = int(values.get("startindex", 0)) if self.sider else 0
            most = min(int(values.get("count") or values.get("maxfeatures") or 10**9), self.tak or 10**9)
            numbers = list(self.rekke or range(self.antall))[start : start + most]
            more = 'next="http://x/"' if self.neste and numbers and numbers[-1] + 1 < self.antall else ""
            h.send(self.collection(numbers, f'numberMatched="unknown" numberReturned="0" {more}').encode(), "text/xml")

    def collection(self, numbers: list[int], head: str) -> str:
        ns = "http://www.opengis.net/wfs" + ("/2.0" if self.versjon == "2.0.0" else "")
        members = "".join(f"<wfs:member>{self.member(n, k)}</wfs:member>" for k, n in enumerate(numbers))
        return (
            f'<wfs:FeatureCollection xmlns:wfs="{ns}" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:p="{PLAN}" '
            f"{head}>{members}{self.extra}</wfs:FeatureCollection>"
        )

    def member(self, n: int, k: int) -> str:
        x, y = -120_000 + 200 * n, 6_740_000
        corners = f"{x} {y} {x + 100} {y} {x + 100} {y + 100} {x} {y + 100} {x} {y}"
        start = self.asked[-1].get("startindex", 0)
        own = f"plass.{start}.{k}" if self.plass else f"rp.{n}" if self.ids else f"ny.{len(self.asked)}.{n}"
        return (
            f'<p:RpOmråde gml:id="{own}"><p:område><gml:Polygon srsName="urn:ogc:def:crs:EPSG::25833"><gml:exterior>'
            f"<gml:LinearRing><gml:posList>{corners}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
            f"</p:område><p:planid>{n:03d}</p:planid></p:RpOmråde>"
        )

    def capabilities(self) -> str:
        two = self.versjon == "2.0.0"
        ns = "http://www.opengis.net/wfs" + ("/2.0" if two else "")
        ows = "http://www.opengis.net/ows" + ("/1.1" if two else "")
        crs = ["DefaultCRS", "OtherCRS"] if two else ["DefaultSRS", "OtherSRS"]
        listed = "".join(
            f"<FeatureType><Name>{name}</Name><Title>{name.title()}</Title>"
            + "".join(f"<{crs[i > 0]}>urn:ogc:def:crs:EPSG::{e}</{crs[i > 0]}>" for i, e in enumerate(self.epsg))
            + f'<ows:WGS84BoundingBox xmlns:ows="{ows}"><ows:LowerCorner>4 57</ows:LowerCorner>'
            "<ows:UpperCorner>31 71</ows:UpperCorner></ows:WGS84BoundingBox></FeatureType>"
            for name in self.typer
        )
        formats = "".join(f"<ows:Value>{f}</ows:Value>" for f in self.formater)
        formats = f"<ows:AllowedValues>{formats}</ows:AllowedValues>" if two else formats
        named = "CountDefault" if two else "DefaultMaxFeatures"
        ceiling = f'<ows:Constraint name="{named}"><ows:Value>{self.tak}</ows:Value></ows:Constraint>'
        return (
            f'<WFS_Capabilities version="{self.versjon}" xmlns="{ns}" xmlns:ows="{ows}" xmlns:plan="{PLAN}" '
            'xmlns:ogc="http://www.opengis.net/ogc"><ows:OperationsMetadata><ows:Operation name="GetFeature">'
            f'<ows:Parameter name="outputFormat">{formats}</ows:Parameter></ows:Operation>'
            f"{ceiling if self.sier_tak else ''}</ows:OperationsMetadata>"
            f"<FeatureTypeList>{listed}</FeatureTypeList><ogc:Filter_Capabilities/></WFS_Capabilities>"
        )


@dataclass
class Asks:
    """Asks a service, and holds what every test needs for that."""

    upstream: Upstream
    kommune: Kommune
    limits: Limits
    folder: Path

    def __call__(self, service: Service, **kilde: Any) -> gpd.GeoDataFrame:
        asking = self._asking(service)
        frame = asking(self.kommune, self.limits, self.folder, **kilde)
        assert asking.said == len(frame)
        assert not list(self.folder.iterdir())
        return frame

    def fails(self, service: Service, **kilde: Any) -> str:
        return self._asking(service).fails(self.kommune, self.limits, self.folder, **kilde)

    def _asking(self, service: Service) -> Asking:
        self.upstream.answer = service
        url = f"{self.upstream.url}/ows"
        return Asking(wfs.read, url, protokoll="wfs", lag=["RpOmråde"], versjon=service.versjon)


@pytest.fixture
def asks(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Asks:
    return Asks(upstream, kommune, limits, tmp_path)


# --- the question ---


@pytest.mark.parametrize("versjon", ["2.0.0", "1.1.0"])
def test_asked_by_kommune_with_a_filter_in_the_namespace_of_the_type(asks: Asks, versjon: str) -> None:
    service = Service(versjon=versjon)
    frame = asks(service, kommunefelt="kopidata/områdeId")
    assert frame["planid"].to_list() == ["000", "001", "002", "003", "004"]
    assert set(frame["objekttypenavn"]) == {"RpOmråde"}
    capabilities, *questions = service.asked
    assert capabilities["version"] == versjon
    assert [q.get("resulttype") for q in questions] == ["hits", None, "hits"]
    names = {"2.0.0": ("fes:ValueReference", "typenames"), "1.1.0": ("fes:PropertyName", "typename")}[versjon]
    for question in questions:
        assert f"<{names[0]}>plan:kopidata/plan:områdeId</{names[0]}><fes:Literal>0099<" in question["body"]
        assert f'xmlns:plan="{PLAN}"' in question["body"]
        assert question[names[1]] == "plan:RpOmråde"
        assert question["srsname"] == "urn:ogc:def:crs:EPSG::25833"
        assert question["outputformat"] == FORMAT_32
        assert question["version"] == versjon


def test_asked_by_the_box_of_the_kommune_with_the_axes_of_the_crs(asks: Asks) -> None:
    area = shapely.box(-121_300, 6_738_700, -118_700, 6_741_300)
    service = Service()
    asks(service)
    box = [float(v) for v in service.asked[1]["bbox"].split(",")[:4]]
    assert box == list(area.bounds)
    assert service.asked[1]["bbox"].endswith("urn:ogc:def:crs:EPSG::25833")
    service = Service()
    asks(service, epsg=4258)
    south, west, north, east = (float(v) for v in service.asked[1]["bbox"].split(",")[:4])
    assert (60 < south < north < 61, 3 < west < east < 4) == (True, True)


def test_a_source_of_one_kommune_alone_is_asked_for_everything(asks: Asks) -> None:
    service = Service()
    asks(service, kommuner=("0301",))
    assert all("bbox" not in question for question in service.asked)


def test_names_are_found_whatever_their_spelling_and_crs_among_those_offered(asks: Asks) -> None:
    service = Service(typer=("ms:RPOMRADE",), epsg=(25832, 3857), formater=())
    assert len(asks(service, lag={"RpOmråde": "RpOmraade"}, epsg=25833)) == 5
    assert service.asked[1]["typenames"] == "ms:RPOMRADE"
    assert service.asked[1]["srsname"].endswith("::25832")
    assert "outputformat" not in service.asked[1]


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (Service(typer=("plan:RpGrense", "plan:KpOmråde")), "has no type RpOmråde, but plan:KpOmråde, plan:RpGrense"),
        (Service(typer=("a:RpOmråde", "b:rpomrade")), "several types are called RpOmråde: a:RpOmråde, b:rpomrade"),
        (Service(typer=()), "but none at all"),
        (Service(formater=("application/json", "csv")), "comes as application/json, csv, and not as GML 3"),
    ],
)
def test_what_the_service_does_not_have_is_said(asks: Asks, service: Service, said: str) -> None:
    assert said in asks.fails(service)


@pytest.mark.parametrize(
    "body",
    [
        b"<WFS_Capabilities version='2.0.0'/>",
        b"<a/>",
        b"<a",
        b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/hostname'>]>" + Service().capabilities().encode(),
        Service(versjon="1.1.0").capabilities().encode(),
        Service().capabilities().replace("<Title>", "<Titel>").replace("</Title>", "</Titel>").encode(),
    ],
)
def test_capabilities_that_are_none_are_a_named_error(asks: Asks, body: bytes) -> None:
    service = Service()
    service.capabilities = body.decode  # type: ignore[method-assign]
    asks.fails(service)
    assert len(service.asked) == 1


# --- the count ---


@pytest.mark.parametrize("versjon", ["2.0.0", "1.1.0"])
def test_nothing_is_asked_for_when_there_is_nothing(asks: Asks, versjon: str) -> None:
    service = Service(antall=0, versjon=versjon)
    assert len(asks(service)) == 0
    assert len(service.asked) == 2


@pytest.mark.parametrize("says", ["unknown", "", "-1", "1e3", "9" * 20])
def test_a_count_that_is_none_is_not_believed(asks: Asks, says: str) -> None:
    assert "completeness cannot be checked" in asks.fails(Service(teller=lambda n: says))


def test_a_count_that_changes_or_is_too_small_is_refused(asks: Asks) -> None:
    counts = iter([5, 6])
    assert "changed from 5 to 6" in asks.fails(Service(teller=lambda n: next(counts)))
    assert "says 3 features, 5 came" in asks.fails(Service(teller=lambda n: 3))


def test_a_server_that_gives_up_is_refused(asks: Asks) -> None:
    assert "gave up" in asks.fails(Service(extra="<wfs:truncatedResponse/>"))


# --- pages ---


@pytest.mark.parametrize("versjon", ["2.0.0", "1.1.0"])
@pytest.mark.parametrize("antall", [3, 4, 6, 7])
def test_where_less_comes_the_rest_is_asked_for(asks: Asks, versjon: str, antall: int) -> None:
    service = Service(antall=antall, tak=3, versjon=versjon)
    frame = asks(service)
    assert frame["planid"].to_list() == [f"{n:03d}" for n in range(antall)]
    pages = [q.get("startindex", "0") for q in service.asked[2:-1]]
    assert pages == [str(n) for n in range(0, antall, 3)]


@pytest.mark.parametrize("how", [{"sier_tak": True}, {"neste": True}])
@pytest.mark.parametrize("antall", [2, 3, 6, 8])
def test_a_count_no_higher_than_the_ceiling_is_not_the_end(asks: Asks, how: dict[str, bool], antall: int) -> None:
    """MapServer counts no further than it gives in one answer."""
    service = Service(antall=antall, tak=3, teller=lambda n: min(n, 3), **how)
    assert len(asks(service)) == antall


@pytest.mark.parametrize("ids", [True, False])
def test_a_server_that_ignores_the_page_is_found_out(asks: Asks, ids: bool) -> None:
    """By the ids, and by the content where every answer has new ids."""
    message = asks.fails(Service(antall=5, tak=3, sider=False, ids=ids))
    assert "says 5 features, 3 came, and the page after that brings 3 features that have come already" in message


def test_a_page_without_features_ends_it(asks: Asks) -> None:
    service = Service(antall=3, tak=3, teller=lambda n: 5)
    assert "says 5 features, 3 came" in asks.fails(service)
    assert len([q for q in service.asked if "startindex" in q]) == 1


def test_several_types_are_asked_for_one_by_one(asks: Asks) -> None:
    service = Service(typer=("a:RpOmråde", "a:RpGrense"))
    member = Service.member

    def both(self: Service, n: int, k: int) -> str:
        name = self.asked[-1]["typenames"].partition(":")[2]
        return member(self, n, k).replace("RpOmråde", name)

    service.member = both.__get__(service)  # type: ignore[method-assign]
    frame = asks(service, lag={"RpOmråde": "RpOmråde", "Grense": "RpGrense"})
    assert frame["objekttypenavn"].value_counts().to_dict() == {"RpOmråde": 5, "Grense": 5}
    assert len(service.asked) == 1 + 3 + 3


@pytest.mark.parametrize("ids", [True, False])
def test_pages_that_overlap_are_found_out(asks: Asks, ids: bool) -> None:
    said = asks.fails(Service(antall=4, tak=2, rekke=(0, 1, 1, 2), ids=ids))
    assert "the page after that brings 1 features that have come already" in said


def test_more_than_counted_is_refused_after_paging_too(asks: Asks) -> None:
    said = asks.fails(Service(antall=6, tak=2, teller=lambda _n: 3))
    assert "the source says 3 features, 4 came" in said


@pytest.mark.parametrize(("nummer", "asked"), [("0099", ["0099"] * 3), ("0098", ["0099"] + ["0098"] * 3)])
def test_earlier_numbers_are_asked_for_where_todays_gives_nothing(
    asks: Asks, monkeypatch: pytest.MonkeyPatch, nummer: str, asked: list[str]
) -> None:
    monkeypatch.setattr("tasks.sources.asked.earlier_numbers", lambda *, sandbox: {"0098": ("0099",)})
    service = Service(nummer=nummer)
    assert len(asks(service, kommunefelt="kommunenummer")) == 5
    questions = [q["body"] for q in service.asked[1:]]
    assert [n for body in questions for n in ("0098", "0099") if f">{n}<" in body] == asked


def test_duplicates_of_the_source_with_ids_of_their_own_are_read(asks: Asks) -> None:
    service = Service(antall=4, tak=2, rekke=(0, 1, 1, 2), plass=True)
    assert asks(service)["planid"].to_list() == ["000", "001", "001", "002"]
    # asked for again: are the ids the same?
    assert [q["startindex"] for q in service.asked if "startindex" in q] == ["2", "2"]
