"""Ids as Airtable makes them: a prefix and fourteen letters and digits."""

from __future__ import annotations

import re
import secrets
import string

LETTERS = string.ascii_letters + string.digits
_LENGTH = 14
_NUMBERS = len(LETTERS) ** _LENGTH


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``recAb3…``."""
    number = secrets.randbelow(_NUMBERS)  # asked for once: the system's random numbers are not had for nothing
    letters = []
    for _ in range(_LENGTH):
        number, at = divmod(number, len(LETTERS))
        letters.append(LETTERS[at])
    return prefix + "".join(letters)


def is_id(text: object, prefix: str) -> bool:
    """Return True when `text` has the form of an id with this prefix."""
    return isinstance(text, str) and re.fullmatch(prefix + "[A-Za-z0-9]{14}", text) is not None
