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


def wrapped_after(head: str, text: str) -> list[str]:
    """Return text behind a head, or wrapped beneath it where there is no room for it."""
    line = f"{_plain(head)}{_plain(text)}".rstrip()
    return [line] if len(line) <= WIDTH else [_plain(head).rstrip(), wrapped(text, indent=4)]


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
