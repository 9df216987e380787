"""Markdown: foreign text in what a run leaves on its Artifacts tab in Prefect."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Return text that Markdown and HTML take literally, on one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for letter in "\\`*_{}[]|":
        escaped = escaped.replace(letter, f"&#{ord(letter)};")
    return re.sub(r"[ \t\r\n]+", " ", escaped).strip()
