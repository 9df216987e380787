"""XML from outside, parsed without document types, entities or network: what OWSLib is then handed."""

from __future__ import annotations

from lxml import etree

from tasks.errors import SourceError
from tasks.sources.unntak import shorten


def parse_xml(content: bytes, *, where: str) -> etree._Element:
    """Return the root of a document.

    Raises
    ------
    SourceError
        When it is not well-formed, or brings a document type, which could name files or hosts to read.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{where}: not well-formed XML ({shorten(str(error))}). Try again later.") from None
    if root.getroottree().docinfo.doctype:
        raise SourceError(f"{where}: the XML brings a document type, which is refused. Tell whoever runs the source.")
    return root
