"""The plan objects of the sandbox as a GML file: the product specifications of 2019, as a download delivers them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

import numpy as np
import shapely
from shapely import LinearRing, Polygon
from shapely.geometry.base import BaseGeometry

from tasks.sandbox.crs import Crs, reproject
from tasks.sandbox.gml import positions
from tasks.sandbox.kommune import invent
from tasks.sandbox.ogc import nest
from tasks.sandbox.utkast import PlanObjekt

GML_NS = "http://www.opengis.net/gml/3.2"
NAVNEROM = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/{navn}/20190401"
TYPES = {
    "arealplanId": "NasjonalArealplanId",
    "identifikasjon": "Identifikasjon",
    "kopidata": "Kopidata",
    "utnytting": "Utnytting",
}
"""Attribute → the element in which its parts stand."""

NOT_WRITTEN = frozenset({"objid", "objekttypenavn"})


def fil(navn: str, samlinger: tuple[str, ...], nummer: str, crs: Crs) -> Iterator[bytes]:
    """Yield the GML file of the plan objects of some collections in one kommune.

    Parameters
    ----------
    navn
        Of the product: Kommuneplan, Reguleringsplan.
    samlinger
        Service and type, such as ``kommuneplaner/KpOmråde``.
    """
    namespace = NAVNEROM.format(navn=navn)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gml:FeatureCollection xmlns:gml="{GML_NS}" xmlns:app="{namespace}" gml:id="samling_{nummer}">\n'
    ).encode()
    for samling in samlinger:
        objects = invent(nummer).plan.get(samling, ())
        shapes = np.empty(len(objects), dtype=object)
        shapes[:] = [objekt["geometry"] for objekt in objects]
        for objekt, shape in zip(objects, reproject(shapely.force_2d(shapes), crs), strict=True):
            yield _member(objekt, samling.rpartition("/")[2], shape, crs).encode()
    yield b"</gml:FeatureCollection>\n"


def _member(objekt: PlanObjekt, slag: str, shape: BaseGeometry | None, crs: Crs) -> str:
    gid = f"{slag}.{objekt['id']}"
    body = "".join(
        _element(name, value) for name, value in nest(objekt["properties"]).items() if name not in NOT_WRITTEN
    )
    place = "" if shape is None else f"<app:område>{_surface(shape, gid, crs)}</app:område>"
    return f'<gml:featureMember><app:{slag} gml:id="{gid}">{body}{place}</app:{slag}></gml:featureMember>\n'


def _element(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        parts = {str(k): v for k, v in value.items()}
        return "".join(
            f"<app:{name}><app:{TYPES[name]}>{''.join(_element(k, v) for k, v in one.items())}</app:{TYPES[name]}>"
            f"</app:{name}>"
            for one in _apart(parts)
        )
    return f"<app:{name}>{escape(str(value))}</app:{name}>"


def _apart(parts: Mapping[str, object]) -> list[dict[str, object]]:
    """Return one object for each place in the lists among its parts."""
    many = max((len(v) for v in parts.values() if isinstance(v, list)), default=1)
    return [{k: v[n] if isinstance(v, list) else v for k, v in parts.items()} for n in range(many)]


def _surface(shape: BaseGeometry, gid: str, crs: Crs) -> str:
    members = "".join(
        f'<gml:surfaceMember><gml:Polygon gml:id="{gid}_{n}">{_polygon(part, crs)}</gml:Polygon></gml:surfaceMember>'
        for n, part in enumerate(shapely.get_parts(shape))
    )
    return f'<gml:MultiSurface gml:id="{gid}_flate" srsName="{crs.navn}">{members}</gml:MultiSurface>'


def _polygon(part: Polygon, crs: Crs) -> str:
    def ring(line: LinearRing, *, outer: bool = False) -> str:
        turned = line if shapely.is_ccw(line) == outer else line.reverse()  # seen from above, as GML wants them
        numbers = positions(shapely.get_coordinates(turned), crs)
        return f"<gml:LinearRing><gml:posList>{numbers}</gml:posList></gml:LinearRing>"

    inner = "".join(f"<gml:interior>{ring(hole)}</gml:interior>" for hole in part.interiors)
    return f"<gml:exterior>{ring(part.exterior, outer=True)}</gml:exterior>{inner}"
