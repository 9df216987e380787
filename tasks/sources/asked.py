"""What a protocol is asked for, and how it hands over what it reads: the seam between `fetch` and the protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import shapely

from config.kilder import Kilde
from config.registers import Kommune, earlier_numbers
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.svar import Validators

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One source asked for one kommune.

    Attributes
    ----------
    adresse
        Address of the source, as the profile has it; "" for the inbox.
    client
        Bound to that address; its deadline and its byte budget are those of the whole fetch.
    omraade
        The kommune's land and water, EPSG:25833; None while its boundary is not known.
    mappe
        Folder for what is too large for the memory; empty, and gone when the fetch is done.
    innboks
        Folder of the inbox of this kommune; it may be absent.
    kjent
        What the source called its last good answer, where that was a single one: a protocol that asks once sends it
        along, and lets `NotModifiedError` pass when that is still what the source has.
    husk
        Takes what the source calls this answer.
    paa_nytt
        A person wants it asked for though what is here is young.
    eldre
        Takes when the source said what is handed over, where that was not now; and why it was not asked now, where it
        should have been.
    """

    kilde: Kilde
    kommune: Kommune
    adresse: str
    client: Client
    limits: Limits
    omraade: shapely.Polygon | shapely.MultiPolygon | None
    mappe: Path
    innboks: Path
    kjent: Validators | None = None
    husk: Callable[[Validators], None] = lambda _: None
    paa_nytt: bool = False
    eldre: Callable[[datetime, str | None], None] = lambda _, __: None

    @property
    def boks(self) -> Bounds | None:
        """West, south, east, north to ask by, EPSG:25833: the kommune's box and `rundt_m` more on every side.

        None where there is nothing to ask by: a source of this kommune alone, or a boundary that is not known.
        """
        alone = self.kilde.kommuner is not None and len(self.kilde.kommuner) == 1
        if self.omraade is None or alone:
            return None
        west, south, east, north = self.omraade.bounds
        more = self.kilde.rundt_m
        return west - more, south - more, east + more, north + more


Take = Callable[[gpd.GeoDataFrame], None]
"""Takes the next rows of an answer, in pieces of any size: columns of text (None where there is nothing), named as in
the source with the parts of nested ones joined by dots, among them `objekttypenavn`; 2D geometry in EPSG:25833."""

Protocol = Callable[[Asked, Take], int | None]
"""Reads an answer, hands every row to `Take`, and returns how many the source said it has (None: it does not tell).

Raises `SourceError`, also after some rows: `fetch` then throws away what it took."""


def numbers(asked: Asked) -> tuple[str, ...]:
    """Return the numbers under which the kommune's rows may stand: today's, then the earlier ones."""
    nummer = asked.kommune.nummer
    earlier = earlier_numbers(sandbox=asked.kommune.oppdiktet)
    return (nummer, *sorted(old for old, new in earlier.items() if nummer in new))


def read_by_number(asked: Asked, take: Take, read: Callable[[str, Take], int | None]) -> int | None:
    """Read under today's number and, where that gives no row at all, under each earlier one; context under today's.

    Context is known well enough without: a kommune of five earlier ones would take five times as many requests.

    Parameters
    ----------
    read
        Hands over the rows under one number and returns how many the source said, as a `Protocol`.

    Returns
    -------
    int or None
        Said in all; None when the source does not tell. Rows of an earlier kommune that was split may be those of a
        neighbour: `core` decides by where they lie.
    """
    came = 0

    def counting(piece: gpd.GeoDataFrame) -> None:
        nonlocal came
        came += len(piece)
        take(piece)

    today, *earlier = numbers(asked)
    said = [read(today, counting)]
    if not came and not asked.kilde.er_kontekst:
        said += [read(number, take) for number in earlier]
    known = [count for count in said if count is not None]
    return sum(known) if len(known) == len(said) else None
