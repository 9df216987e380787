"""Specifications of webhooks: which changes one wants to be told of, and what it wants to be told.

Source: Airtable's Web API, “Webhooks specification” (airtable.com/developers/web/api/model/webhooks-specification).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from tasks.sandbox.airtable.errors import bad_hook
from tasks.sandbox.airtable.store import Base

MAX_URL = 2000
HOST = re.compile(r"(?![.-])[\w.-]+(?<!-)|\[[0-9a-fA-F:.]+\]")
"""A name, an IPv4 address, or an IPv6 address in brackets."""
DATA_TYPES = frozenset({"tableData", "tableFields", "tableMetadata"})
CHANGE_TYPES = frozenset({"add", "remove", "update"})
SOURCES = frozenset(
    {"client", "publicApi", "formSubmission", "formPageSubmission", "automation", "system", "sync", "anonymousUser",
     "unknown"}
)  # fmt: skip
LISTS = ("watchDataInFieldIds", "watchSchemasOfFieldIds")
INCLUDES = ("includeCellValuesInFieldIds", "includePreviousCellValues", "includePreviousFieldDefinitions")


def check_specification(spec: Any, base: Base) -> dict[str, Any]:
    """Return the specification of a webhook of the base, or raise.

    Raises
    ------
    ApiError
        422 naming what is wrong.
    """
    if not isinstance(spec, dict) or set(spec) != {"options"}:
        raise bad_hook("options")
    options = spec["options"]
    if not isinstance(options, dict) or set(options) - {"filters", "includes"}:
        raise bad_hook("options")
    filters, includes = options.get("filters"), options.get("includes")
    if not isinstance(filters, dict):
        raise bad_hook("filters")
    known = {"dataTypes", "changeTypes", "fromSources", "recordChangeScope", "sourceOptions", *LISTS}
    if set(filters) - known:
        raise bad_hook("filters")
    for name, allowed in (("dataTypes", DATA_TYPES), ("changeTypes", CHANGE_TYPES), ("fromSources", SOURCES)):
        if name in filters and not _all_of(filters[name], allowed):
            raise bad_hook(name)
    if not filters.get("dataTypes"):
        raise bad_hook("dataTypes")
    if not isinstance(filters.get("sourceOptions"), dict | None):
        raise bad_hook("sourceOptions")
    fields = frozenset(f["id"] for t in base.tables for f in t["fields"])
    for name in LISTS:
        if filters.get(name) is not None and not _all_of(filters[name], fields):
            raise bad_hook(name)
    places = {None} | {t["id"] for t in base.tables} | {v["id"] for t in base.tables for v in t["views"]}
    scope = filters.get("recordChangeScope")
    if not isinstance(scope, str | None) or scope not in places:
        raise bad_hook("recordChangeScope")
    _check_includes(includes, fields)
    return spec


def _check_includes(includes: Any, fields: frozenset[str]) -> None:
    if includes is None:
        return
    if not isinstance(includes, dict) or set(includes) - set(INCLUDES):
        raise bad_hook("includes")
    cells = includes.get(INCLUDES[0])
    if cells not in (None, "all") and not _all_of(cells, fields):
        raise bad_hook(INCLUDES[0])
    if not all(isinstance(includes.get(name), bool | None) for name in INCLUDES[1:]):
        raise bad_hook("includes")


def _all_of(given: Any, allowed: frozenset[str]) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) and one in allowed for one in given)


def is_address(url: Any) -> bool:
    """Return True for a web address that a webhook may be told at: http or https, a host, and nobody's password."""
    if not isinstance(url, str) or len(url) > MAX_URL or not url.isprintable() or any(map(str.isspace, url)):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    return parts.scheme in ("http", "https") and port != 0 and HOST.fullmatch(host) is not None
