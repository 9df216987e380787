"""GML of as many teiger as a test wants, as the register writes them: those of an invented kommune, again and again."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.sandbox.crs import parse
from tasks.sandbox.gml import members
from tasks.sources import teig

HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    '<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" '
    f'xmlns:app="{teig.NAMESPACE}" numberMatched="unknown" numberReturned="0">\n'
).encode()
FOOT = b"</wfs:FeatureCollection>\n"


def chunks(antall: int, nummer: str = "0099") -> Iterator[bytes]:
    """Yield a collection of `antall` teiger, 500 at a time."""
    crs = parse("EPSG:25833")
    assert crs is not None
    known = members(nummer, crs)
    yield HEAD
    for start in range(0, antall, 500):
        yield b"".join(known[n % len(known)] for n in range(start, min(start + 500, antall)))
    yield FOOT
