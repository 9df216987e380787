"""Features that come again on a later page: the source pages in no fixed order, and others are missing in their place.

A feature is known by its id as long as ids tell features of a page apart, else by its content. With ids of their own,
exact duplicates are the source's; without, they cannot be told from a page that overlaps the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Merke:
    """What one feature is known by: its id, None where it has none, and a digest of all but its id."""

    id: str | None
    innhold: bytes


@dataclass
class Gjentak:
    """The features of the pages so far."""

    ids: set[str] = field(default_factory=set)
    innhold: set[bytes] = field(default_factory=set)
    har_ids: bool = True

    def again(self, page: Sequence[Merke]) -> int:
        """Return how many features of a page came on one before."""
        own, content = _ids(page), {one.innhold for one in page}
        if own is None or not self.har_ids:
            return len(content & self.innhold)
        if len(page) > 1 and content <= self.innhold:  # under other ids: they are made up anew for every answer
            return len(page)
        return len(own & self.ids)

    def known_content(self, page: Sequence[Merke]) -> bool:
        """Say whether a page brings content that came before, under whatever id."""
        return not self.innhold.isdisjoint(one.innhold for one in page)

    def remember(self, page: Sequence[Merke]) -> None:
        """Take note of a page."""
        own = _ids(page)
        self.har_ids = self.har_ids and own is not None
        self.ids |= own or set()
        self.innhold |= {one.innhold for one in page}


def _ids(page: Sequence[Merke]) -> set[str] | None:
    """Return the ids of a page, None when they do not tell its features apart."""
    found = {one.id for one in page if one.id is not None}
    return found if len(found) == len(page) else None
