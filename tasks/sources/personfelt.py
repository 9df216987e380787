"""Columns that may hold a person: never kept, wherever they stand, since no plan needs them."""

from __future__ import annotations

import json
import re
from typing import Any

import geopandas as gpd
import pandas as pd

from tasks.sources.koder import fold

NAMES = frozenset(
    {
        "adressetilleggsnavn",  # a farm's name, or its owner's
        "ansvarlig",
        "behandletav",
        "bruker",
        "createdby",
        "createdus",
        "createduse",
        "createduser",
        "creator",
        "editor",
        "eier",
        "eieradresse",
        "eiere",
        "eiernavn",
        "endretav",
        "forslagsstiller",
        "forslagsstillernavn",
        "forslagstiller",
        "fester",
        "fnr",
        "fodselsdato",
        "fodselsnr",
        "hjemmel",
        "initialer",
        "innsender",
        "kontakt",
        "kontakter",
        "lastedite",
        "lastedited",
        "lasteditedu",
        "lastediteduser",
        "lasteditor",
        "leietaker",
        "mobil",
        "modifiedby",
        "oppdatertav",
        "opprettetav",
        "owner",
        "planforfat",
        "planforfatter",
        "postadresse",
        "registrertav",
        "rettighets",
        "saksansvarlig",
        "signatur",
        "soker",
        "tiltakshav",
        "tlf",
        "tlfnr",
        "username",
        "utarbeidetav",
    }
)
"""Folded parts of names, without a number at their end: owners, who wrote or changed a row, who
proposed a plan (its type of proposer stays)."""
PARTS = (
    "epost",
    "email",
    "fodselsnummer",
    "grunneier",
    "hjemmelshaver",
    "hjemmelsha",
    "kontaktnavn",
    "kontaktper",
    "lokalitetseier",
    "mobiltelefon",
    "mobilnr",
    "personnummer",
    "personnr",
    "rettighethaver",
    "rettighetshaver",
    "saksbeh",
    "telefon",
    "tiltakshaver",
)
"""Anywhere in a folded part; those of ten letters are what a shapefile leaves of a longer one."""


def is_personal(column: str) -> bool:
    """Return whether a column, by any part of its name, may hold a person.

    Examples
    --------
    >>> is_personal("EIER_1"), is_personal("saksbehandler.navn"), is_personal("forslagsstillerType")
    (True, True, False)
    """
    return any(_is_personal(fold(part)) for part in re.split(r"[.|/:]", column))


def _is_personal(part: str) -> bool:
    return part.rstrip("0123456789") in NAMES or any(word in part for word in PARTS)


def without_persons(piece: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return rows without the columns of persons, and without text of JSON that has such members."""
    kept = piece[[c for c in piece.columns if c == piece.geometry.name or not is_personal(str(c))]]
    changed: dict[str, pd.Series] = {}
    for column in kept.columns:
        if column == piece.geometry.name or pd.api.types.is_numeric_dtype(kept[column].dtype):
            continue
        hidden = [_tells_of_persons(v) if isinstance(v, str) else False for v in kept[column]]
        if any(hidden):
            cells = [None if hide else v for v, hide in zip(kept[column], hidden, strict=True)]
            changed[str(column)] = pd.Series(cells, index=kept.index, dtype=object)
    return kept.assign(**changed) if changed else kept


def _tells_of_persons(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return _has_personal_key(json.loads(text))
    except (ValueError, RecursionError):  # no JSON: a text that begins so
        return False


def _has_personal_key(value: Any) -> bool:
    if isinstance(value, dict):
        return any(is_personal(str(k)) or _has_personal_key(v) for k, v in value.items())
    return isinstance(value, list) and any(map(_has_personal_key, value))
