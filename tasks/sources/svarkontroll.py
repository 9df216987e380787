"""Whether an answer that was read in full can be what was asked for: its object types, and where it lies."""

from __future__ import annotations

import shapely

from tasks.errors import SourceError
from tasks.sources.asked import Asked
from tasks.sources.sosi import objekttype
from tasks.sources.spool import Spool


def check_askable(asked: Asked) -> None:
    """Refuse to ask for context of the whole country, where the kommune's boundary is not known.

    Raises
    ------
    SourceError
        Saying what to do.
    """
    kilde = asked.kilde
    by_itself = kilde.kommunefelt is not None or kilde.protokoll == "pxweb" or kilde.kommuner == (asked.kommune.nummer,)
    if kilde.er_kontekst and asked.omraade is None and not by_itself:
        raise SourceError(
            f"{kilde.navn}: the boundary of {asked.kommune.label} is not known, by whose box it is asked. Fetch the "
            "boundary first: run again."
        )


def check_rows(spool: Spool, asked: Asked, *, where: str) -> None:
    """Refuse rows without the object types that they mean nothing without, and rows that lie somewhere else.

    Raises
    ------
    SourceError
        Naming the address, what is wrong and what to do.
    """
    label = asked.kommune.label
    seen = {objekttype(name) or name for name in spool.objekttyper}
    missing = [name for name in asked.kilde.paakrevd if spool.antall and name not in seen]
    if missing:
        raise SourceError(
            f"{where}: features for {label}, but none of {', '.join(missing)}, without which they mean nothing. Try "
            "again later; tell whoever runs the source."
        )
    area = _asked_for(asked)
    if area is not None and spool.bounds is not None and not shapely.box(*spool.bounds).intersects(area):
        raise SourceError(
            f"{where}: none of {spool.antall} features touches {label}, bounds {[round(v) for v in spool.bounds]}. "
            "Wrong kommune or CRS; tell whoever runs the source."
        )


def _asked_for(asked: Asked) -> shapely.Geometry | None:
    """Return what rows must touch: the kommune; of context the box asked by, in a corner of which all may lie."""
    if asked.kilde.er_kontekst and asked.kilde.kommunefelt is None and asked.boks is not None:
        return shapely.box(*asked.boks)
    return asked.omraade
