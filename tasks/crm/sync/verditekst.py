"""Verditekst: what stood in a cell, in words, as the text of a matter repeats it."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.crm.rader.rad import line, text

WHOLE_MAX = 20_000
"""Characters of a value in a matter of its own: what a person wrote stands nowhere else once it is put right."""
VALUE_MAX = 200
"""Of a value in a list of many."""
SHOWN = 20
"""Ids that are written out; of more the number is told."""


def shown(value: object) -> str:
    """Return a value as it is read in a text, on one line.

    Examples
    --------
    >>> shown(None), shown(12.5), shown(True), shown(["a", "b"]), shown("x")
    ('(tomt)', '12,5', 'ja', 'a, b', '«x»')
    >>> shown(1234567.0)
    '1234567'
    """
    return _in_words(value, line(_as_text(value), VALUE_MAX))


def whole(value: object) -> str:
    r"""Return a value as it is read in a text, with its line breaks.

    Examples
    --------
    >>> whole("a\r\nb"), whole(12.5), whole(None)
    ('«a\nb»', '12,5', '(tomt)')
    """
    return _in_words(value, text(_as_text(value), WHOLE_MAX))


def _in_words(value: object, plain: str | None) -> str:
    if plain is None:
        return "(tomt)"
    return f"«{plain}»" if isinstance(value, str) else plain


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nei"
    if isinstance(value, float):
        return f"{value:.12g}".replace(".", ",")
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def listed(ids: Sequence[str]) -> str:
    """Return ids as they are read in a text: the first of them, and how many more.

    Examples
    --------
    >>> listed(["rec1", "rec2"])
    'rec1, rec2'
    """
    more = f" og {len(ids) - SHOWN} til" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more
