"""The form of Airtable's answers: what each kind of request is answered with.

An object without `records` would be read as an empty table, and every lot made again; so an answer is checked before
anything is made of it. What is found wrong is told without the content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

Answer = Mapping[str, Any] | None
"""The object, or None for an empty body."""

NO_ID = "answers with something else than what was made, changed or asked for"


def fault(request: requests.PreparedRequest, answer: Answer, *, root: str = "") -> str | None:
    """Return what is wrong with the answer to a request that went well, or None.

    Parameters
    ----------
    root
        Path of the endpoint, before ``/v0``.

    Returns
    -------
    str or None
        The rest of a sentence that begins with the host. None also for requests of which nothing is known.
    """
    url = urlsplit(request.url or "")
    version, *kind = url.path.removeprefix(root).strip("/").split("/")
    if version != "v0" or not kind:
        return None
    if kind[0] == "meta":
        return _of_meta(request.method or "", kind[1:], answer)
    return _of_records(request, kind[1:], answer) if kind[0].startswith("app") else None


def _of_meta(method: str, kind: list[str], answer: Answer) -> str | None:
    lists = {("bases",): "bases", ("bases", "tables"): "tables"}
    name = lists.get((*kind[:1], *kind[2:])) if method == "GET" else None
    if name is not None:
        return None if _is_list(answer, name) else f"answers without its list of {name}"
    return None if _has_id(answer) else NO_ID


def _of_records(request: requests.PreparedRequest, kind: list[str], answer: Answer) -> str | None:
    """Return what is wrong; `kind` is the table and what follows it."""
    method = request.method or ""
    if (len(kind) == 1 and method == "GET") or (kind[1:] == ["listRecords"] and method == "POST"):
        return _listing(answer)
    if len(kind) == 1 and method == "DELETE":
        asked = parse_qs(urlsplit(request.url or "").query).get("records[]", [])
        return _records(answer, len(asked), whole=False)
    if len(kind) == 1:
        return _of_write(_sent(request), answer)
    if len(kind) == 2:
        return None if _is_record(answer, whole=method != "DELETE") else NO_ID
    return None if kind[-1] != "uploadAttachment" or _has_id(answer) else NO_ID


def _of_write(sent: Mapping[str, Any], answer: Answer) -> str | None:
    if "records" not in sent:
        return None if _is_record(answer) else NO_ID
    if "performUpsert" in sent and not all(_is_ids(answer, name) for name in ("createdRecords", "updatedRecords")):
        return "answers a write without telling what was made and what was changed"
    return _records(answer, len(sent["records"]))


def _listing(answer: Answer) -> str | None:
    if answer is None or not _is_list(answer, "records") or not all(map(_is_record, answer["records"])):
        return "answers with something else than a listing of records"
    offset = answer.get("offset", "-")
    return None if isinstance(offset, str) and offset else "answers with a listing whose next page cannot be asked for"


def _records(answer: Answer, sent: int, *, whole: bool = True) -> str | None:
    if answer is None or not _is_list(answer, "records"):
        return "answers a write without its records"
    records = answer["records"]
    if len(records) != sent or not all(_is_record(record, whole=whole) for record in records):
        return f"answers a write of {sent} records with other records than those"
    return None


def _sent(request: requests.PreparedRequest) -> Mapping[str, Any]:
    try:
        sent = json.loads(request.body or b"{}")
    except (ValueError, TypeError):
        return {}
    return sent if isinstance(sent, dict) and isinstance(sent.get("records", []), list) else {}


def _is_record(record: Any, *, whole: bool = True) -> bool:
    """Return True for a record; where it is not `whole`, its id is enough."""
    if not _has_id(record):
        return False
    return not whole or (isinstance(record.get("fields"), dict) and isinstance(record.get("createdTime"), str))


def _is_list(answer: Answer, name: str) -> bool:
    """Return True for a list of things with an id."""
    things = None if answer is None else answer.get(name)
    return isinstance(things, list) and all(map(_has_id, things))


def _is_ids(answer: Answer, name: str) -> bool:
    ids = None if answer is None else answer.get(name)
    return isinstance(ids, list) and all(isinstance(one, str) and one for one in ids)


def _has_id(thing: Any) -> bool:
    return isinstance(thing, dict) and isinstance(thing.get("id"), str) and bool(thing["id"])
