"""The CSW 2.0.2 of Geonorge: catalogue records in Dublin Core, asked by a full-text filter, read by OWSLib."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from owslib.catalogue.csw2 import CswRecord

from tasks.errors import SourceError
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.kandidat import Treff
from tasks.sources.trygg_xml import parse_xml

ADRESSE = "https://www.geonorge.no/geonetwork/srv/nor/csw"
STI = "/geonetwork/srv/nor/csw"
"""Where the sandbox serves it."""

NS = "http://www.opengis.net/cat/csw/2.0.2"
OGC_NS = "http://www.opengis.net/ogc"


def search(client: Client, base: str, text: str, *, limit: int) -> list[Treff]:
    """Return the addresses of the records that hold every word of a text.

    Raises
    ------
    SourceError
        When the answer is no GetRecordsResponse.
    """
    body = client.post_xml(base, _request(text, limit).encode())
    return read_records(body.content, where=plain_address(base), limit=limit)


def _request(text: str, limit: int) -> str:
    likes = "".join(
        '<ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\">'
        f"<ogc:PropertyName>AnyText</ogc:PropertyName><ogc:Literal>%{escape(word)}%</ogc:Literal>"
        "</ogc:PropertyIsLike>"
        for word in text.split()
    )
    both = f"<ogc:And>{likes}</ogc:And>" if len(text.split()) > 1 else likes
    return (
        f'<csw:GetRecords xmlns:csw="{NS}" xmlns:ogc="{OGC_NS}" service="CSW" version="2.0.2" resultType="results" '
        f'startPosition="1" maxRecords="{limit}" outputSchema="{NS}"><csw:Query typeNames="csw:Record">'
        "<csw:ElementSetName>full</csw:ElementSetName>"
        f'<csw:Constraint version="1.1.0"><ogc:Filter>{both}</ogc:Filter></csw:Constraint>'
        "</csw:Query></csw:GetRecords>"
    )


def read_records(content: bytes, *, where: str, limit: int) -> list[Treff]:
    """Return a row for every address of every record of an answer.

    Raises
    ------
    SourceError
        When the answer is no GetRecordsResponse.
    """
    root = parse_xml(content, where=where)
    if root.tag != f"{{{NS}}}GetRecordsResponse":
        raise SourceError(f"{where}: no GetRecordsResponse. The catalogue may have moved; tell us.")
    try:
        records = [CswRecord(element) for element in list(root.iter(f"{{{NS}}}Record"))[:limit]]
    except (AttributeError, TypeError, ValueError, LookupError) as error:  # a box without corners, say
        raise SourceError(f"{where}: a record cannot be read ({type(error).__name__}). Try again later.") from None
    return [
        Treff(
            tittel=record.title or "",
            eier=record.creator or record.publisher or "",
            protokoll=protokoll or "",
            adresse=url or "",
            lisens=", ".join(dict.fromkeys(r for r in record.rights if r)),
            er_aapen=None,
            omtale=record.abstract or "",
        )
        for record in records
        for protokoll, url in _addresses(record)
    ]


def _addresses(record: Any) -> list[tuple[str | None, str | None]]:
    pairs = [(uri["protocol"], uri["url"]) for uri in record.uris]
    pairs += [(reference["scheme"], reference["url"]) for reference in record.references]
    return [(protokoll, url) for protokoll, url in pairs if url]
