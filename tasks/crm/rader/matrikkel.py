"""Matrikkelnummer: the number of a property, ``3207-46/1/0/0``, as a key of Eiendommer writes it."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(r"([0-9]{4})-([0-9]{1,5})/([0-9]{1,5})(?:/([0-9]{1,5})(?:/([0-9]{1,5}))?)?")


class Matrikkelnummer(NamedTuple):
    """Kommune, gårdsnummer, bruksnummer, festenummer and seksjonsnummer; the last two are 0 where there is none."""

    kommunenummer: str
    gnr: int
    bnr: int
    fnr: int = 0
    snr: int = 0


def read_number(enhet: str) -> Matrikkelnummer | None:
    """Return the parts of a matrikkelnummer, None for what has another form.

    Examples
    --------
    >>> read_number("3207-46/1/0/0")
    Matrikkelnummer(kommunenummer='3207', gnr=46, bnr=1, fnr=0, snr=0)
    >>> read_number("3207-46"), read_number("3207-0/1/0/0"), read_number("3207-46/1/0/0/../x")
    (None, None, None)
    """
    match = _FORM.fullmatch(enhet)
    if match is None or int(match[2]) == 0:
        return None
    return Matrikkelnummer(match[1], *(int(part or 0) for part in match.groups()[1:]))
