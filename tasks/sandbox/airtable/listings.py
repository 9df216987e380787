"""Listings under way: what an offset leads on to, until it expires."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.sandbox.airtable.errors import no_cursor

MOST_OPEN = 200
"""Listings kept for their next page; the one longest unused expires first."""
IDLE_S = 600.0
"""How long an offset is good when nobody asks for the next page; Airtable does not say how long its own are."""


@dataclass
class _Listing:
    of: str
    ids: list[str]
    length: int
    used: float
    starts: dict[str, int] = field(default_factory=dict)


class Listings:
    """Listings as they were when they began; a page is asked for by an opaque offset.

    Parameters
    ----------
    most_open
        How many are kept.
    idle_s
        Seconds after which an offset expires.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, *, most_open: int = MOST_OPEN, idle_s: float = IDLE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_open, self._idle_s, self._clock = most_open, idle_s, clock
        self._open: OrderedDict[str, _Listing] = OrderedDict()

    def begin(self, of: str, ids: list[str], size: int) -> tuple[list[str], str | None]:
        """Return the first page of a listing, and the offset of the next if there is one.

        Parameters
        ----------
        of
            What is listed, such as a table id: an offset is good for nothing else.
        ids
            What is added to this list afterwards is not of the listing.
        """
        if len(ids) <= size:
            return ids, None
        key = "itr" + secrets.token_hex(7)
        self._open[key] = _Listing(of, ids, len(ids), self._clock())
        while len(self._open) > self._most_open:
            self._open.popitem(last=False)
        return ids[:size], self._offset(key, size)

    def page(self, of: str, offset: str, size: int) -> tuple[list[str], str | None]:
        """Return the page at an offset, and the next offset.

        Raises
        ------
        ApiError
            422 when the offset is unknown or has expired: the listing starts over.
        """
        key, _, first = offset.partition("/")
        listing, now = self._open.get(key), self._clock()
        if listing is None or listing.of != of or first not in listing.starts:
            raise no_cursor()
        if now - listing.used >= self._idle_s:
            del self._open[key]
            raise no_cursor()
        listing.used = now
        self._open.move_to_end(key)
        start = listing.starts[first]
        return listing.ids[start : min(start + size, listing.length)], self._offset(key, start + size)

    def _offset(self, key: str, start: int) -> str | None:
        listing = self._open[key]
        if start >= listing.length:
            return None
        listing.starts[listing.ids[start]] = start
        return f"{key}/{listing.ids[start]}"
