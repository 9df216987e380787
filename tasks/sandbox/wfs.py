"""The open services of the sandbox: WFS 2.0 of one feature type each, with the habits of the real ones.

GML alone, GET and POST. The header of an answer lies (numberMatched="unknown" numberReturned="0"); resultType=hits
tells the truth. The register's services filter on kommunenummer alone, others by a box too; anything else is refused,
never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from lxml import etree
from starlette.concurrency import run_in_threadpool

from tasks.sandbox.crs import SERVED, Crs, parse
from tasks.sandbox.fes import KOMMUNE, Vilkaar, WfsError, read_bbox, read_filter

MAX_BODY = 64 * 1024
CHUNK = 500
XML = "text/xml; charset=UTF-8"
WFS_NS, GML_NS, OWS_NS = (
    "http://www.opengis.net/wfs/2.0",
    "http://www.opengis.net/gml/3.2",
    "http://www.opengis.net/ows/1.1",
)
DEFAULT_SRS = "urn:ogc:def:crs:EPSG::25833"


@dataclass(frozen=True, slots=True)
class Tjeneste:
    """One service.

    Attributes
    ----------
    sti
        Path below the local sources' address.
    tittel, sammendrag
        As the capabilities say.
    objekttype, navnerom
        The feature type without prefix, and the namespace of its elements.
    elementer
        Element → kind, for the description of the type.
    medlemmer
        Gives the `wfs:member` elements that meet a condition (None: every one) in a CRS.
    flere
        Elements that may stand more than once.
    prefiks
        Of the namespace.
    felter
        Attributes that can be filtered on.
    har_boks
        Whether features can be asked for by a box.
    """

    sti: str
    tittel: str
    sammendrag: str
    objekttype: str
    navnerom: str
    elementer: Mapping[str, str]
    medlemmer: Callable[[Vilkaar | None, Crs], list[bytes]]
    flere: frozenset[str] = frozenset()
    prefiks: str = "app"
    felter: frozenset[str] = frozenset({KOMMUNE})
    har_boks: bool = False


@dataclass(frozen=True, slots=True)
class Quirks:
    """How the services behave where real servers differ.

    Attributes
    ----------
    paging
        Whether startIndex and count are honoured; otherwise every answer is whole.
    exception_status
        HTTP status of an ExceptionReport: 400, or 200 as some servers answer.
    """

    paging: bool = True
    exception_status: int = 400


@dataclass(frozen=True, slots=True)
class GetFeature:
    """What a client asks for; `vilkaar` None means everything."""

    vilkaar: Vilkaar | None
    crs: Crs
    hits: bool
    start: int
    count: int | None


def create_router(tjeneste: Tjeneste, quirks: Quirks) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter()

    def url_of(request: Request) -> str:
        return f"{request.url.scheme}://{request.url.netloc}{tjeneste.sti}"

    def answer(values: Mapping[str, str], url: str) -> Response:
        try:
            return _answer(tjeneste, values, url, quirks)
        except WfsError as error:
            return Response(exception_report(error), quirks.exception_status, media_type=XML)

    @router.get(tjeneste.sti)
    def get(request: Request) -> Response:
        return answer({k.lower(): v for k, v in request.query_params.items()}, url_of(request))

    @router.post(tjeneste.sti)
    async def post(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                error = WfsError("OperationProcessingFailed", "", f"The request is longer than {MAX_BODY} bytes.")
                return Response(exception_report(error), 413, media_type=XML)
        try:
            values = from_xml(bytes(body))
        except WfsError as error:
            return Response(exception_report(error), quirks.exception_status, media_type=XML)
        return await run_in_threadpool(answer, values, url_of(request))

    return router


def exception_report(error: WfsError) -> str:
    """Return the ExceptionReport of an error."""
    locator = f" locator={quoteattr(error.locator)}" if error.locator else ""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<ows:ExceptionReport xmlns:ows="{OWS_NS}" version="2.0.0">\n'
        f"  <ows:Exception exceptionCode={quoteattr(error.code)}{locator}>\n"
        f"    <ows:ExceptionText>{escape(str(error))}</ows:ExceptionText>\n"
        "  </ows:Exception>\n</ows:ExceptionReport>\n"
    )


def parse_xml(text: bytes) -> etree._Element:
    """Parse XML of a client: no external entities, no DTD, no network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise WfsError("OperationParsingFailed", "", f"The request is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise WfsError("OperationParsingFailed", "", "A document type is not allowed in a request.")
    return root


def from_xml(body: bytes) -> dict[str, str]:
    """Return a posted request under the names of the key-value form."""
    root = parse_xml(body)
    values = {"request": etree.QName(root).localname}
    values |= {str(etree.QName(str(k)).localname).lower(): str(v) for k, v in root.attrib.items()}
    queries = [child for child in root if isinstance(child.tag, str) and etree.QName(child).localname == "Query"]
    if len(queries) > 1:
        raise WfsError("OptionNotSupported", "Query", "One query at a time.")
    for query in queries:
        values |= {str(k).lower(): str(v) for k, v in query.attrib.items()}
        for child in query:
            if isinstance(child.tag, str) and etree.QName(child).localname == "Filter":
                values["filter"] = etree.tostring(child, encoding="unicode", with_tail=False)
    return values


def _answer(tjeneste: Tjeneste, values: Mapping[str, str], url: str, quirks: Quirks) -> Response:
    operation = values.get("request", "")
    if operation == "GetCapabilities":
        return Response(capabilities(tjeneste, url), media_type=XML)
    if operation == "DescribeFeatureType":
        return Response(schema(tjeneste), media_type=XML)
    if operation != "GetFeature":
        code = "OperationNotSupported" if operation else "MissingParameterValue"
        raise WfsError(code, "request", f"Operation {operation[:60]!r} is not supported.")
    return _features(tjeneste, read(tjeneste, values), quirks)


def read(tjeneste: Tjeneste, values: Mapping[str, str]) -> GetFeature:
    """Return the request of the parameters; refuse what the service would otherwise have to ignore."""
    name = values.get("typenames") or values.get("typename")
    if not name:
        raise WfsError("MissingParameterValue", "typeNames", "typeNames is missing.")
    local = name.rpartition(":")[2].rpartition("}")[2]
    if local != tjeneste.objekttype:
        text = f"Feature type with name '{local[:80]}' is not served by this WFS."
        raise WfsError("InvalidParameterValue", "typeName", text)
    for unsupported in ("resourceid", "storedquery_id", "sortby", *(() if tjeneste.har_boks else ("bbox",))):
        if values.get(unsupported):
            raise WfsError("OptionNotSupported", unsupported, f"{unsupported} is not supported by the local service.")
    srs = values.get("srsname") or DEFAULT_SRS
    crs = parse(srs)
    if crs is None:
        raise WfsError("InvalidParameterValue", "srsName", f"{srs[:80]!r} is not served.")
    count = values.get("count") or values.get("maxfeatures")
    return GetFeature(
        vilkaar=_condition(tjeneste, values),
        crs=crs,
        hits=values.get("resulttype") == "hits",
        start=_whole("startIndex", values.get("startindex") or "0"),
        count=None if not count else _whole("count", count),
    )


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise WfsError("InvalidParameterValue", name, f"{name} must be a whole number: {text[:40]!r}.")
    return int(text)


def _condition(tjeneste: Tjeneste, values: Mapping[str, str]) -> Vilkaar | None:
    """Return what features have to meet, by a FES filter or by `bbox`."""
    text, box = values.get("filter"), values.get("bbox")
    if text and box:
        raise WfsError("InvalidParameterValue", "bbox", "bbox and filter exclude each other.")
    if box:
        return read_bbox(box, standard=values.get("srsname") or DEFAULT_SRS)
    if not text:
        return None
    if len(text.encode()) > MAX_BODY:
        raise WfsError("OperationProcessingFailed", "filter", f"The filter is longer than {MAX_BODY} bytes.")
    return read_filter(parse_xml(text.encode()), felter=tjeneste.felter, har_boks=tjeneste.har_boks)


def _features(tjeneste: Tjeneste, asked: GetFeature, quirks: Quirks) -> Response:
    found = tjeneste.medlemmer(asked.vilkaar, asked.crs)
    if asked.hits:
        return Response(_head(tjeneste, str(len(found))) + "</wfs:FeatureCollection>\n", media_type=XML)
    if quirks.paging:
        found = found[asked.start : None if asked.count is None else asked.start + asked.count]

    def stream() -> Iterator[bytes]:
        yield _head(tjeneste, "unknown").encode()
        for k in range(0, len(found), CHUNK):
            yield b"".join(found[k : k + CHUNK])
        yield b"</wfs:FeatureCollection>\n"

    return StreamingResponse(stream(), media_type=XML)


def _head(tjeneste: Tjeneste, matched: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<wfs:FeatureCollection xmlns:wfs="{WFS_NS}" xmlns:gml="{GML_NS}" '
        f'xmlns:{tjeneste.prefiks}="{tjeneste.navnerom}" '
        f'timeStamp="{stamp}" numberMatched="{matched}" numberReturned="0">\n'
    )


def capabilities(tjeneste: Tjeneste, url: str) -> str:
    """Return the capabilities document."""
    href = quoteattr(url)

    def operation(name: str) -> str:
        return (
            f'<ows:Operation name="{name}"><ows:DCP><ows:HTTP><ows:Get xlink:href={href}/><ows:Post xlink:href={href}/>'
            "</ows:HTTP></ows:DCP></ows:Operation>"
        )

    operations = "".join(operation(name) for name in ("GetCapabilities", "DescribeFeatureType", "GetFeature"))
    others = "".join(
        f"<wfs:OtherCRS>urn:ogc:def:crs:EPSG::{epsg}</wfs:OtherCRS>" for epsg in SERVED if epsg != SERVED[0]
    )
    navn = tjeneste.objekttype
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<wfs:WFS_Capabilities version="2.0.0" xmlns:wfs="{WFS_NS}" xmlns:ows="{OWS_NS}" xmlns:gml="{GML_NS}" '
        'xmlns:fes="http://www.opengis.net/fes/2.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'xmlns:{tjeneste.prefiks}="{tjeneste.navnerom}">'
        f"<ows:ServiceIdentification><ows:Title>{escape(tjeneste.tittel)} (oppdiktede data)</ows:Title>"
        f"<ows:Abstract>{escape(tjeneste.sammendrag)}</ows:Abstract><ows:ServiceType>WFS</ows:ServiceType>"
        "<ows:ServiceTypeVersion>2.0.0</ows:ServiceTypeVersion><ows:Fees>none</ows:Fees>"
        "<ows:AccessConstraints>none</ows:AccessConstraints></ows:ServiceIdentification>"
        "<ows:ServiceProvider><ows:ProviderName>tomtesourcing (oppdiktede data)</ows:ProviderName>"
        "<ows:ServiceContact/></ows:ServiceProvider>"
        f"<ows:OperationsMetadata>{operations}</ows:OperationsMetadata>"
        f"<wfs:FeatureTypeList><wfs:FeatureType><wfs:Name>{tjeneste.prefiks}:{navn}</wfs:Name><wfs:Title>{navn}</wfs:Title>"
        f"<wfs:DefaultCRS>{DEFAULT_SRS}</wfs:DefaultCRS>{others}"
        "<wfs:OutputFormats><wfs:Format>application/gml+xml; version=3.2</wfs:Format></wfs:OutputFormats>"
        "<ows:WGS84BoundingBox><ows:LowerCorner>-2 57</ows:LowerCorner><ows:UpperCorner>36 73</ows:UpperCorner>"
        "</ows:WGS84BoundingBox></wfs:FeatureType></wfs:FeatureTypeList>"
        "<fes:Filter_Capabilities><fes:Scalar_Capabilities><fes:ComparisonOperators><fes:ComparisonOperator "
        'name="PropertyIsEqualTo"/></fes:ComparisonOperators></fes:Scalar_Capabilities></fes:Filter_Capabilities>'
        "</wfs:WFS_Capabilities>\n"
    )


def schema(tjeneste: Tjeneste) -> str:
    """Return the description of the feature type: names and kinds of its elements."""
    xs = "http://www.w3.org/2001/XMLSchema"
    rows = "".join(
        f'<xs:element name="{name}" type="{kind}" minOccurs="0"'
        + (' maxOccurs="unbounded"/>' if name in tjeneste.flere else "/>")
        for name, kind in tjeneste.elementer.items()
    )
    navn, p, space = tjeneste.objekttype, tjeneste.prefiks, tjeneste.navnerom
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<xs:schema xmlns:xs="{xs}" xmlns:gml="{GML_NS}" xmlns:{p}="{space}" targetNamespace="{space}" '
        f'elementFormDefault="qualified"><xs:import namespace="{GML_NS}"/>'
        f'<xs:element name="{navn}" type="{p}:{navn}Type" substitutionGroup="gml:AbstractFeature"/>'
        f'<xs:complexType name="{navn}Type"><xs:complexContent><xs:extension base="gml:AbstractFeatureType">'
        f"<xs:sequence>{rows}</xs:sequence></xs:extension></xs:complexContent></xs:complexType></xs:schema>\n"
    )
