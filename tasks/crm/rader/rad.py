"""Rad: what a row of the base is, and text from outside as a cell takes it.

A cell that begins with ``=`` or holds HTML is text in Airtable and stays as it is. Control characters, lone halves of a
pair of UTF-16 and marks that turn the reading direction are taken out: they hide what stands in a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pandas as pd

Row = dict[str, Any]
"""Fields by Norwegian name; links are keys of the linked table."""
RowsByKey = dict[str, Row]

LINE_MAX = 1_000
"""Characters of a single line: more is no name, and a cell that nobody reads."""
KEY_MAX = 250
TEXT_MAX = 100_000
"""Characters that Airtable takes in a long text, in units of UTF-16."""

_HIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
_NOT_IN_TEXT = re.compile(f"[{_HIDDEN}]")
_BREAK = re.compile("\r\n?|[\u2028\u2029\x85]")
_BREAKS = re.compile("[\t\n\r\x0b\x0c\x85\u2028\u2029]+")


def line(value: object, limit: int = LINE_MAX) -> str | None:
    r"""Return text as one line, None for none.

    Parameters
    ----------
    limit
        Characters; what is longer ends with ``…``.

    Examples
    --------
    >>> line(" Felt\tB\x07\r\nnord "), line("=HYPERLINK(1)"), line("abcdef", 4), line("\x00")
    ('Felt B nord', '=HYPERLINK(1)', 'abc…', None)
    """
    if not isinstance(value, str):
        return None
    plain = value.strip()
    if not plain.isprintable():
        plain = _NOT_IN_TEXT.sub("", _BREAKS.sub(" ", plain)).strip()
    return shortened(plain, limit) or None


def text(value: object, limit: int = TEXT_MAX) -> str | None:
    r"""Return text of several lines, None for none.

    Examples
    --------
    >>> text("a\r\nb\x00"), text("  "), text("linje\n" * 3, 8)
    ('a\nb', None, 'linje\nl…')
    """
    if not isinstance(value, str):
        return None
    if not value.isprintable():
        value = _NOT_IN_TEXT.sub("", _BREAK.sub("\n", value))
    return shortened(value.strip(), limit) or None


def lines(values: Iterable[object]) -> str | None:
    """Return values as one line each, None for none."""
    return text("\n".join(plain for value in values if (plain := line(value))))


def shortened(plain: str, limit: int) -> str:
    """Return text of at most `limit` units of UTF-16, the last one ``…`` when it was longer.

    Examples
    --------
    >>> shortened("abc", 3), shortened("a🏠🏠", 3)
    ('abc', 'a…')
    """
    if 2 * len(plain) <= limit:
        return plain
    units = plain.encode("utf-16-le", "ignore")
    if len(units) <= 2 * limit:
        return plain
    return units[: 2 * limit - 2].decode("utf-16-le", "ignore").rstrip() + "…"


def day(value: object) -> str | None:
    """Return the day of an ISO date or time, None for what is none: a wrong one would stop the rows beside it.

    Examples
    --------
    >>> day("2023-06-14T05:00:00+00:00"), day("2023-02-30"), day("20230614"), day(None)
    ('2023-06-14', None, None, None)
    """
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value[:10]):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def dicts(frame: pd.DataFrame) -> Iterator[Row]:
    """Yield the rows of a frame as column → value."""
    names = [str(name) for name in frame.columns]
    for values in frame.itertuples(index=False, name=None):
        yield dict(zip(names, values, strict=True))


class Felles:
    """Texts that many rows have in common, kept once.

    Examples
    --------
    >>> one = Felles()
    >>> one("".join(["a", "b"])) is one("".join(["a", "b"]))
    True
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, value: str | None) -> str | None:
        """Return the text that was first seen among equals."""
        return None if value is None else self._known.setdefault(value, value)
