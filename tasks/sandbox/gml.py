"""The teiger of the sandbox in GML 3.2, element by element as the register's own WFS writes them."""

from __future__ import annotations

import uuid
from functools import lru_cache
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Point, Polygon

from tasks.sandbox.crs import Crs, reproject
from tasks.sandbox.kommune import Matrikkelenhet, Teig, invent

APP = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Matrikkelen-Eiendomskart-Teig/20211101"
NAVNEROM = "https://data.geonorge.no/sosi/matrikkel/eiendomskart_teig"
FALSE_FLAGS = (
    "avklartAndeler",
    "harAvtaleGrensePunktfeste",
    "harAvtaleStedbundenRettighet",
    "harGrunnforurensing",
    "harKulturminne",
    "harRegistrertGrunnerverv",
    "harRegistrertJordskifteKrevd",
)


@lru_cache(maxsize=8)  # about 35 MB for the largest kommune
def members(nummer: str, crs: Crs) -> tuple[bytes, ...]:
    """Return the teiger of a kommune as `wfs:member` elements, in the register's order.

    Parameters
    ----------
    nummer
        The kommune.
    crs
        The coordinate system of the geometries, named as it is to be written.
    """
    kommune = invent(nummer)
    shapes = np.empty(len(kommune.teiger), dtype=object)
    shapes[:] = [teig.geometri for teig in kommune.teiger]
    points = reproject(shapely.point_on_surface(shapes), crs)
    areas = _areas(shapes, kommune.epsg)
    moved = reproject(shapes, crs)
    navn = escape(kommune.navn.upper())
    return tuple(
        _member(teig, moved[k], points[k], crs=crs, knr=nummer, navn=navn, areal=float(areas[k])).encode()
        for k, teig in enumerate(kommune.teiger)
    )


def _areas(shapes: npt.NDArray[np.object_], epsg: int) -> npt.NDArray[np.float64]:
    """Return the areas (m²) in the kommune's own zone, as the register keeps them."""
    own = reproject(shapes, Crs(f"EPSG:{epsg}", epsg, nord_foerst=False))
    areas: npt.NDArray[np.float64] = np.round(shapely.area(own), 1)
    return areas


def _member(teig: Teig, shape: Polygon, point: Point, *, crs: Crs, knr: str, navn: str, areal: float) -> str:
    gid = f"teig.{teig.teig_id}"
    ident = (
        f"<app:identTeig><app:IdentTeig><app:teigId>{teig.teig_id}</app:teigId><app:navnerom>{NAVNEROM}</app:navnerom>"
        "<app:versjonId>1</app:versjonId></app:IdentTeig></app:identTeig>"
        "<app:datafangstdato>1995-02-26T23:00:00</app:datafangstdato>"
        "<app:oppdateringsdato>2020-06-16T05:03:54.904</app:oppdateringsdato>"
    )
    srs = f'srsName="{crs.navn}"'
    place = (
        f'<app:representasjonspunkt><gml:Point gml:id="{gid}_APP_REPRESENTASJONSPUNKT" {srs}>'
        f"<gml:pos>{positions(shapely.get_coordinates(point), crs)}</gml:pos></gml:Point></app:representasjonspunkt>"
    )
    avklart = "false" if len(teig.enheter) > 1 else "true"
    enheter = "".join(_enhet(enhet, knr, avklart) for enhet in teig.enheter)
    tekst = f"<app:matrikkelnummerTekst>{teig.tekst}</app:matrikkelnummerTekst>" if teig.tekst else ""
    flere = str(len(teig.enheter) > 1).lower()
    tail = (
        f"{tekst}<app:teigMedFlereMatrikkelenheter>{flere}</app:teigMedFlereMatrikkelenheter>"
        f"<app:tvist>{str(teig.tvist).lower()}</app:tvist>"
        f"<app:uregistrertJordsameie>{str(teig.uregistrert_jordsameie).lower()}</app:uregistrertJordsameie>"
        f"<app:avklartEiere>{avklart}</app:avklartEiere><app:teigareal><app:Areal>"
        f"<app:lagretBeregnetAreal>{areal:.1f}</app:lagretBeregnetAreal></app:Areal></app:teigareal>"
        "<app:noyaktighetsklasseTeig>Gult</app:noyaktighetsklasseTeig>"
        f"<app:uuidTeig>{_uuid('teig', teig.teig_id)}</app:uuidTeig>"
    )
    return (
        f'<wfs:member><app:Teig gml:id="{gid}">{ident}{place}'
        f"<app:område>{_surface(teig, shape, crs, gid)}</app:område>"
        f"<app:kommunenummer>{knr}</app:kommunenummer><app:kommunenavn>{navn}</app:kommunenavn>"
        f"{enheter}{tail}</app:Teig></wfs:member>\n"
    )


def _enhet(enhet: Matrikkelenhet, knr: str, avklart: str) -> str:
    feste = f"<app:festenummer>{enhet.festenummer}</app:festenummer>" if enhet.festenummer else ""
    seksjon = f"<app:seksjonsnummer>{enhet.seksjonsnummer}</app:seksjonsnummer>" if enhet.seksjonsnummer else ""
    slag = "Festegrunn" if feste else "Eierseksjon" if seksjon else "Grunneiendom"
    flagg = "".join(f"<app:{name}>false</app:{name}>" for name in FALSE_FLAGS)
    return (
        f"<app:matrikkelenhet><app:Matrikkelenhet><app:kommunenummer>{knr}</app:kommunenummer>"
        f"<app:gardsnummer>{enhet.gardsnummer}</app:gardsnummer><app:bruksnummer>{enhet.bruksnummer}</app:bruksnummer>"
        f"{feste}{seksjon}<app:bruksnavn>{escape(enhet.bruksnavn)}</app:bruksnavn>"
        f"<app:matrikkelenhetstype>{slag}</app:matrikkelenhetstype><app:punktfeste>false</app:punktfeste>"
        f"<app:avklartEiere>{avklart}</app:avklartEiere>{flagg}"
        f"<app:matrikkelenhetId>{enhet.matrikkelenhet_id}</app:matrikkelenhetId>"
        f"<app:uuidMatrikkelenhet>{_uuid('enhet', enhet.matrikkelenhet_id)}</app:uuidMatrikkelenhet>"
        "</app:Matrikkelenhet></app:matrikkelenhet>"
    )


def _uuid(slag: str, nummer: int) -> uuid.UUID:
    """Return an id that looks like the register's and follows from the number."""
    return uuid.UUID(int=(0x5EED if slag == "teig" else 0xE17E) << 112 | 0x5000_8000 << 48 | nummer, version=5)


def _surface(teig: Teig, shape: Polygon, crs: Crs, gid: str) -> str:
    """Return the geometry: a Polygon, or a MultiSurface with one member."""
    outer = (
        _ring(shapely.get_coordinates(shape.exterior), crs)
        if teig.bue is None
        else _arc_ring(shape, teig.bue, crs=crs, gid=gid)
    )
    inner = "".join(
        f"<gml:interior>{_ring(shapely.get_coordinates(ring), crs)}</gml:interior>" for ring in shape.interiors
    )
    body = f"<gml:exterior>{outer}</gml:exterior>{inner}</gml:Polygon>"
    srs = f'srsName="{crs.navn}"'
    if not teig.multisurface:
        return f'<gml:Polygon gml:id="{gid}_APP_OMRÅDE" {srs}>{body}'
    return (
        f'<gml:MultiSurface gml:id="{gid}_APP_OMRÅDE" {srs}><gml:surfaceMember>'
        f'<gml:Polygon gml:id="{gid}_APP_OMRÅDE_0">{body}</gml:surfaceMember></gml:MultiSurface>'
    )


def _ring(xy: npt.NDArray[np.float64], crs: Crs) -> str:
    return f"<gml:LinearRing><gml:posList>{positions(xy, crs)}</gml:posList></gml:LinearRing>"


def _arc_ring(shape: Polygon, first: int, *, crs: Crs, gid: str) -> str:
    """Return the exterior as a Ring of one Curve: line, arc through three points from `first`, line."""
    xy = shapely.get_coordinates(shape.exterior)
    line = "<gml:LineStringSegment><gml:posList>{}</gml:posList></gml:LineStringSegment>"
    before = line.format(positions(xy[: first + 1], crs)) if first else ""
    arc = f"<gml:Arc><gml:posList>{positions(xy[first : first + 3], crs)}</gml:posList></gml:Arc>"
    after = line.format(positions(xy[first + 2 :], crs))
    return (
        f'<gml:Ring><gml:curveMember><gml:Curve gml:id="{gid}_BUE"><gml:segments>'
        f"{before}{arc}{after}</gml:segments></gml:Curve></gml:curveMember></gml:Ring>"
    )


def positions(xy: npt.NDArray[np.float64], crs: Crs) -> str:
    """Return coordinates as the text of a gml:pos or gml:posList."""
    numbers = xy.ravel().tolist()
    return " ".join([f"%.{crs.desimaler}f"] * len(numbers)) % tuple(numbers)
