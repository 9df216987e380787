"""Functions of text. Places count from 1; a place or a length is cut to a whole number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tasks.sandbox.airtable.formula.kinds import NUMBER, TEXT, Shape
from tasks.sandbox.airtable.formula.value import FaultyError, Value, as_text, as_whole, bounded, flat, joined, scalar

Function = tuple[Callable[[list[Value]], Value], Shape]
MOST_REPLACED = 10_000_000
"""Characters of a text times those of what stands in for a match: what REGEX_REPLACE may come to."""
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
"""What stands as it is in an address."""


def concatenate(values: list[Value]) -> str:
    """Join texts: CONCATENATE and &."""
    return joined([as_text(v) for v in values])


def _find(values: list[Value]) -> int:
    wanted, text = as_text(values[0]), as_text(values[1])
    start = as_whole(values[2]) if len(values) > 2 else 0
    return text.find(wanted, max(start - 1, 0)) + 1


def _search(values: list[Value]) -> int | None:
    return _find(values) or None


def _left(values: list[Value]) -> str:
    return as_text(values[0])[: max(as_whole(values[1]), 0)]


def _right(values: list[Value]) -> str:
    count = max(as_whole(values[1]), 0)
    return as_text(values[0])[-count:] if count else ""


def _mid(values: list[Value]) -> str:
    start = max(as_whole(values[1]) - 1, 0)
    return as_text(values[0])[start : start + max(as_whole(values[2]), 0)]


def _replace(values: list[Value]) -> str:
    text, start, count = as_text(values[0]), max(as_whole(values[1]) - 1, 0), max(as_whole(values[2]), 0)
    return joined([text[:start], as_text(values[3]), text[start + count :]])


def _substitute(values: list[Value]) -> str:
    text, old, new = (as_text(v) for v in values[:3])
    if not old:
        return text
    if len(values) == 3:
        bounded(len(text) + text.count(old) * len(new))
        return text.replace(old, new)
    at = -1
    for _ in range(max(min(as_whole(values[3]), len(text) + 1), 1)):
        at = text.find(old, at + 1 if at < 0 else at + len(old))
        if at < 0:
            return text
    return joined([text[:at], new, text[at + len(old) :]])


def _repeat(values: list[Value]) -> str:
    text, count = as_text(values[0]), max(as_whole(values[1]), 0)
    bounded(len(text) * count)
    return text * count


def _encode(values: list[Value]) -> str:
    text = as_text(values[0]).encode("utf-8", "replace")
    bounded(len(text) + 2 * len(text.translate(None, UNRESERVED)))
    return quote(text, safe="-_.~")


def _text(values: list[Value]) -> str | None:
    value = scalar(values[0])
    return value if isinstance(value, str) else None


def _value(values: list[Value]) -> float | None:
    """Return the number that the digits of a text make, as Airtable drops what is between them; a blank for none."""
    value = scalar(values[0])
    if value is None or isinstance(value, int | float):
        return value
    digits = re.sub(r"[^0-9.\-]", "", as_text(value))
    if not digits:
        return None
    return float(digits) if re.fullmatch(r"-?(\d+\.?\d*|\.\d+)", digits) else math.nan


def _run(name: str, text: str, **options: Any) -> Any:
    """Run a function of RE2, which takes time in proportion to the text whatever the pattern."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return getattr(pc, name)(pa.array([text], pa.string()), **options)[0].as_py()
    except (pa.ArrowException, UnicodeError):
        raise FaultyError from None


def _regex_match(values: list[Value]) -> bool:
    return bool(_run("match_substring_regex", as_text(values[0]), pattern=as_text(values[1])))


def _regex_extract(values: list[Value]) -> str:
    found = _run("extract_regex", as_text(values[0]), pattern=f"(?P<match>{as_text(values[1])})")
    if found is None:
        raise FaultyError
    return str(found["match"])


def _regex_replace(values: list[Value]) -> str:
    text, pattern, new = (as_text(v) for v in values)
    if (len(text) + 1) * (len(new) + 1) > MOST_REPLACED:
        raise FaultyError
    # A group is $1 in Airtable, \1 in RE2.
    written = re.sub(r"\$(\d)", r"\\\1", new.replace("\\", "\\\\"))
    made = str(_run("replace_substring_regex", text, pattern=pattern, replacement=written))
    bounded(len(made))
    return made


def within(functions: dict[str, Function]) -> dict[str, Function]:
    """Return functions of which none gives a text of more than `MOST_TEXT` characters: #ERROR! instead."""
    return {name: (_within(run), gives) if gives == TEXT else (run, gives) for name, (run, gives) in functions.items()}


def _within(run: Callable[[list[Value]], Value]) -> Callable[[list[Value]], Value]:
    def bound(values: list[Value]) -> Value:
        made = run(values)
        if isinstance(made, str):
            bounded(len(made))
        return made

    return bound


_FUNCTIONS: dict[str, Function] = {
    "CONCATENATE": (lambda v: joined([as_text(x) for x in flat(v)]), TEXT),
    "ENCODE_URL_COMPONENT": (_encode, TEXT),
    "EXACT": (lambda v: as_text(v[0]) == as_text(v[1]), NUMBER),
    "FIND": (_find, NUMBER),
    "LEFT": (_left, TEXT),
    "LEN": (lambda v: len(as_text(v[0])), NUMBER),
    "LOWER": (lambda v: as_text(v[0]).lower(), TEXT),
    "MID": (_mid, TEXT),
    "REGEX_EXTRACT": (_regex_extract, TEXT),
    "REGEX_MATCH": (_regex_match, NUMBER),
    "REGEX_REPLACE": (_regex_replace, TEXT),
    "REPLACE": (_replace, TEXT),
    "REPT": (_repeat, TEXT),
    "RIGHT": (_right, TEXT),
    "SEARCH": (_search, NUMBER),
    "SUBSTITUTE": (_substitute, TEXT),
    "T": (_text, TEXT),
    "TRIM": (lambda v: as_text(v[0]).strip(), TEXT),
    "UPPER": (lambda v: as_text(v[0]).upper(), TEXT),
    "VALUE": (_value, NUMBER),
}
FUNCTIONS = within(_FUNCTIONS)
