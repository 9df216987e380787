"""Valglenker: the links of an answer of valgresultat.no; the service may write them whole, or relative to its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tasks.sources.address import same_origin

MOST_LINKS = 2_000
HREF = re.compile(r"[!-~]{1,300}")
"""A link: no control character, nothing beyond ASCII, and not without end."""


def linked(answer: Mapping[str, Any]) -> list[tuple[object, object]]:
    """Return the number and the link of everything that an answer links to, as they stand there."""
    links = answer.get("_links")
    rows = links.get("related") if isinstance(links, dict) else None
    its = rows[:MOST_LINKS] if isinstance(rows, list) else []
    return [(row.get("nr"), row.get("href")) if isinstance(row, dict) else (None, None) for row in its]


def whole_address(href: object, adresse: str) -> str | None:
    """Return the address of a link, None when it leads away from the service at `adresse`, or is none.

    Examples
    --------
    >>> whole_address("/2023/ko/32", "https://valgresultat.no/api")
    'https://valgresultat.no/api/2023/ko/32'
    >>> whole_address("https://elsewhere.example/2023/ko/32", "https://valgresultat.no/api") is None
    True
    """
    if not isinstance(href, str) or HREF.fullmatch(href) is None or ".." in href or "\\" in href:
        return None
    path = urlsplit(adresse).path
    if "://" not in href and not href.startswith("//"):
        inner = href.removeprefix(path) if path and href.startswith(f"{path}/") else href
        return f"{adresse}/{inner.lstrip('/')}"
    return href if same_origin(href, adresse) and urlsplit(href).path.startswith(f"{path}/") else None
