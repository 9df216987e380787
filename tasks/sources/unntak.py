"""Refusals that come as a body, whatever the status says: OGC exceptions in XML or JSON, ArcGIS errors, HTML pages."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lxml import etree

HEAD = 4096
MAX_TEXT = 200
MAX_EXCEPTION = 1 << 20

# Codes of OWS Common 1.1, WFS 2.0 and WMS 1.3 that asking again does not heal; all others may be a busy server.
PERMANENT = frozenset(
    {
        "duplicatestoredqueryidvalue",
        "duplicatestoredqueryparametername",
        "invalidcrs",
        "invalidformat",
        "invalidparametervalue",
        "invalidvalue",
        "layernotdefined",
        "missingparametervalue",
        "notfound",
        "operationnotsupported",
        "operationparsingfailed",
        "optionnotsupported",
        "responsecachexpired",
        "versionnegotiationfailed",
    }
)


ESRI_MAY_PASS = frozenset({429, 500, 502, 503, 504})
"""Codes of ArcGIS, which refuses with HTTP 200, that asking again may heal."""


@dataclass(frozen=True)
class Unntak:
    """A refusal found in a body: what kind, its text (shortened), whether it may pass, and ArcGIS's code."""

    slag: str
    tekst: str
    kan_gaa_over: bool = False
    kode: int | None = None


def shorten(text: str) -> str:
    """Return a foreign text fit for a message: one line, no control characters, at most `MAX_TEXT` characters."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_TEXT]).split())
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 1] + "…"


def recognise(content: bytes) -> Unntak | None:
    """Return the refusal that a body is, or None when it is an answer."""
    head = content[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] == b"<":
        return _xml(content, head)
    if head[:1] == b"{" and len(content) <= MAX_EXCEPTION:
        return _json(content)
    return None


def _xml(content: bytes, head: bytes) -> Unntak | None:
    low = head.lower()
    if low.startswith((b"<!doctype html", b"<html")) or (low.startswith(b"<?xml") and b"<html" in low):
        return Unntak("an HTML page", shorten(_title(content)))
    if len(content) > MAX_EXCEPTION or b"exception" not in low:
        return None
    # Entities are not resolved and nothing is loaded: the body may be hostile.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    root = etree.fromstring(content, parser)
    name = etree.QName(root).localname if root is not None else ""
    if name not in {"ExceptionReport", "ServiceExceptionReport", "ServiceException"}:
        return None
    codes = [v for e in root.iter() for k, v in e.attrib.items() if k in {"exceptionCode", "code"}]
    text = shorten(" ".join([*codes, *(t.strip() for t in root.itertext() if t.strip())]))
    permanent = any(str(c).lower() in PERMANENT for c in codes)
    return Unntak(f"an {name}" if name[0] == "E" else f"a {name}", text, kan_gaa_over=not permanent)


def _title(content: bytes) -> str:
    low = content[: 4 * HEAD].decode("utf-8", "replace")
    start = low.lower().find("<title>")
    return low[start + 7 : start + 7 + MAX_TEXT].partition("<")[0] if start >= 0 else ""


def _json(content: bytes) -> Unntak | None:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return None  # the reader of the answer says what is wrong with it
    if not isinstance(data, dict) or "features" in data:
        return None
    error = data.get("error")
    if isinstance(error, dict):
        text = shorten(f"{error.get('code', '')} {error.get('message', '')}")
        code = error.get("code") if isinstance(error.get("code"), int) else None
        return Unntak("an error document", text, kan_gaa_over=code in ESRI_MAY_PASS, kode=code)
    if ("code" in data and "description" in data) or ("title" in data and "status" in data):
        parts = [data.get(k) for k in ("code", "title", "description", "detail")]
        return Unntak("an exception document", shorten(" ".join(str(p) for p in parts if p)))
    return None
