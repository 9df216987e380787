"""Lines for a terminal: no longer than it is wide, and without what would steer it."""

from __future__ import annotations

import textwrap

WIDTH = 120


def wrapped(text: str, *, indent: int) -> str:
    """Return text in lines of at most `WIDTH` letters, indented; a word that is longer stays whole."""
    margin = " " * indent
    return textwrap.fill(
        _plain(text),
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def cut(text: str) -> str:
    """Return a line of at most `WIDTH` letters."""
    plain = _plain(text)
    return plain if len(plain) <= WIDTH else plain[: WIDTH - 1] + "…"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
