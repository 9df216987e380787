"""Ids as Airtable makes them: a prefix and fourteen letters and digits."""

from __future__ import annotations

import re
import secrets
import string

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``recAb3…``."""
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(14))


def is_id(text: object, prefix: str) -> bool:
    """Return True when `text` has the form of an id with this prefix."""
    return isinstance(text, str) and re.fullmatch(prefix + "[A-Za-z0-9]{14}", text) is not None
