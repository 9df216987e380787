"""The tettsteder of the invented municipalities as one GML file of the whole country, as a download delivers it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

import numpy as np

from tasks.sandbox.crs import Crs, reproject
from tasks.sandbox.kommune import numre
from tasks.sandbox.kontekst.sted import tettsteder
from tasks.sandbox.kontekst.wfs_lag import geometri_gml

GML_NS = "http://www.opengis.net/gml/3.2"
APP = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Tettsted/2024"


def fil(crs: Crs) -> Iterator[bytes]:
    """Yield the file."""
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<gml:FeatureCollection xmlns:gml="{GML_NS}" xmlns:app="{APP}" gml:id="tettsteder">\n'
    ).encode()
    objects = [objekt for nummer in numre() for objekt in tettsteder(nummer)]
    shapes = np.empty(len(objects), dtype=object)
    shapes[:] = [objekt.geometri for objekt in objects]
    for objekt, shape in zip(objects, reproject(shapes, crs), strict=True):
        gid = f"Tettsted.{objekt.nr}"
        body = "".join(f"<app:{name}>{escape(str(value))}</app:{name}>" for name, value in objekt.verdier.items())
        yield (
            f'<gml:featureMember><app:Tettsted gml:id="{gid}"><app:område>{geometri_gml(shape, gid, crs)}</app:område>'
            f"{body}</app:Tettsted></gml:featureMember>\n"
        ).encode()
    yield b"</gml:FeatureCollection>\n"
