"""Jsonsvar: a JSON answer read strictly: one whole object, no larger than memory holds, no member said twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS, plain_address
from tasks.sources.svar import Body
from tasks.sources.unntak import shorten

MAX_VALUES = 5_000_000
"""Of one JSON document at most, by its commas and brackets: an empty object of three bytes takes 72 in memory."""


def read_json(body: Body) -> dict[str, Any]:
    """Return a JSON object, read strictly.

    Raises
    ------
    SourceError
        When the body is no JSON object, is cut short, or holds NaN.
    """
    where = plain_address(body.url)
    values = sum(body.content.count(sign) for sign in (b",", b"[", b"{"))
    if values > MAX_VALUES:
        raise SourceError(
            f"{where}: about {values} values in one JSON answer ({len(body.content)} bytes), more than {MAX_VALUES}: "
            f"they would fill the memory. {CHECK_ADDRESS}"
        )
    try:
        data = json.loads(body.content, parse_constant=_refuse_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{where}: not valid JSON ({shorten(str(error))}; {len(body.content)} bytes). The answer is cut short or "
            "is something else; try again later."
        ) from None
    if not isinstance(data, dict):
        raise SourceError(f"{where}: a JSON {type(data).__name__} where an object was expected. {CHECK_ADDRESS}")
    return data


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is said twice: the last would win, and an empty list after a full one look like nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{name!r} is said twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
