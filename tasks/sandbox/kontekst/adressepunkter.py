"""The points of the invented addresses (`tasks.sandbox.adresser`) as the address register writes them.

Only those named by a street: what has a matrikkeladresse is another feature type. Each comes under the kommune that it
is registered in.
"""

from __future__ import annotations

import uuid
from functools import cache

import shapely

from tasks.sandbox.adresser import adresser_i
from tasks.sandbox.kontekst.skjelett import Objekt, Verdi

ELEMENTER = (
    "oppdateringsdato",
    "adresseId",
    "uuidAdresse",
    "kommunenummer",
    "kommunenavn",
    "adressekode",
    "adressenavn",
    "nummer",
    "bokstav",
    "adressetekst",
    "postnummer",
    "poststed",
)


@cache
def vegadresser(nummer: str) -> tuple[Objekt, ...]:
    """Return the addresses around an invented kommune; `kommunenummer` is that of the register."""
    found = adresser_i(nummer)
    points = shapely.points(found.xy) if len(found.xy) else []
    made = []
    for k, (row, point) in enumerate(zip(found.rader, points, strict=True)):
        if row["objtype"] != "Vegadresse":
            continue
        number = int(nummer) * 100_000 + k + 1
        known: dict[str, Verdi] = {
            "adresseId": number,
            "uuidAdresse": str(uuid.UUID(int=0xAD2E << 112 | 0x5000_8000 << 48 | number, version=5)),
        }
        values: dict[str, Verdi] = {name: known.get(name, row.get(name)) for name in ELEMENTER}
        made.append(Objekt(number, point, {**values, "bokstav": row["bokstav"] or None}))
    return tuple(made)
