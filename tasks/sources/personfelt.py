"""Columns that may hold a person: never read, wherever they stand, since no plan needs them."""

from __future__ import annotations

import re

from tasks.sources.koder import fold

NAMES = frozenset(
    {
        "bruker",
        "createdby",
        "createduser",
        "creator",
        "editor",
        "eier",
        "eieradresse",
        "eiernavn",
        "endretav",
        "forslagsstiller",
        "forslagsstillernavn",
        "forslagstiller",
        "fester",
        "fnr",
        "fodselsdato",
        "fodselsnr",
        "grunneier",
        "hjemmel",
        "initialer",
        "innsender",
        "lasteditedu",
        "lastediteduser",
        "lasteditor",
        "leietaker",
        "modifiedby",
        "oppdatertav",
        "opprettetav",
        "owner",
        "planforfatter",
        "postadresse",
        "registrertav",
        "rettighetshaver",
        "signatur",
        "soker",
        "tiltakshaver",
        "tlf",
        "tlfnr",
        "username",
    }
)
"""Folded last parts of names: owners, who wrote or changed a row, who proposed a plan (its type of proposer stays)."""
PARTS = (
    "epost",
    "email",
    "fodselsnummer",
    "hjemmelshaver",
    "hjemmelsha",
    "kontaktperson",
    "mobiltelefon",
    "mobilnr",
    "personnummer",
    "personnr",
    "saksbehandler",
    "saksbehand",
    "telefon",
)
"""Anywhere in a folded last part; those of ten letters are what a shapefile leaves of a longer one."""


def is_personal(column: str) -> bool:
    """Return whether a column, by its name, may hold a person.

    Examples
    --------
    >>> is_personal("matrikkel.EIER_NAVN"), is_personal("forslagsstillerType"), is_personal("eierform")
    (True, False, False)
    """
    last = fold(re.split(r"[.|/:]", column)[-1])
    return last in NAMES or any(part in last for part in PARTS)
