"""The CSW of the sandbox: GetRecords over the same entries as its kartkatalog, in Dublin Core."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request, Response

from tasks.sandbox.fes import WfsError
from tasks.sandbox.kartkatalog import Oppforing, standard
from tasks.sandbox.wfs import MAX_BODY, exception_report, parse_xml

PATH = "/geonetwork/srv/nor/csw"
XML = "application/xml; charset=UTF-8"
NS = "http://www.opengis.net/cat/csw/2.0.2"
OGC_NS = "http://www.opengis.net/ogc"


def create_router(oppforinger: Sequence[Oppforing] | None = None) -> APIRouter:
    """Return the route of the catalogue; `kartkatalog.standard` unless entries are given."""
    router = APIRouter()
    held = tuple(oppforinger) if oppforinger is not None else standard()

    @router.post(PATH)
    async def records(request: Request) -> Response:
        body = await request.body()
        try:
            words, most = _question(body)
        except WfsError as error:
            return Response(exception_report(error), 400, media_type=XML)
        found = [o for o in held if o.holds(words)]
        root = f"{request.url.scheme}://{request.url.netloc}"
        return Response(_answer(found, found[:most], root), media_type=XML)

    return router


def _question(body: bytes) -> tuple[list[str], int]:
    """Return the words that a record must hold, and how many records are wanted."""
    if len(body) > MAX_BODY:
        raise WfsError("OperationProcessingFailed", "", f"The request is longer than {MAX_BODY} bytes.")
    root = parse_xml(body)
    if root.tag != f"{{{NS}}}GetRecords":
        raise WfsError("OperationNotSupported", "request", "Only GetRecords is supported.")
    most = root.get("maxRecords", "10")
    if not (most.isascii() and most.isdigit() and len(most) < 6):
        raise WfsError("InvalidParameterValue", "maxRecords", "maxRecords must be a whole number.")
    literals = [(e.text or "").strip("% ").lower() for e in root.iter(f"{{{OGC_NS}}}Literal")]
    return [word for word in literals if word], int(most)


def _answer(found: Sequence[Oppforing], page: Sequence[Oppforing], root: str) -> str:
    stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<csw:GetRecordsResponse xmlns:csw="{NS}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dct="http://purl.org/dc/terms/" xmlns:ows="http://www.opengis.net/ows">'
        f'<csw:SearchStatus timestamp="{stamp}"/><csw:SearchResults numberOfRecordsMatched="{len(found)}" '
        f'numberOfRecordsReturned="{len(page)}" elementSet="full" nextRecord="0">'
        + "".join(_record(number, one, root) for number, one in enumerate(page))
        + "</csw:SearchResults></csw:GetRecordsResponse>\n"
    )


def _record(number: int, one: Oppforing, root: str) -> str:
    return (
        f"<csw:Record><dc:identifier>oppdiktet-{number}</dc:identifier><dc:title>{escape(one.tittel)}</dc:title>"
        f"<dc:type>service</dc:type><dc:creator>{escape(one.eier)}</dc:creator>"
        f"<dct:abstract>{escape(one.omtale)}</dct:abstract>"
        f"<dc:rights>{'no restrictions' if one.er_aapen else 'otherRestrictions'}</dc:rights>"
        f"<dc:URI protocol={quoteattr(one.protokoll)}>{escape(one.adresse(root))}</dc:URI></csw:Record>"
    )
