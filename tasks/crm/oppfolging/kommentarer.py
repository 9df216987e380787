"""Kommentarer: a comment that mentions the one responsible, so that Airtable itself sends them a notice.

One per lot and run, of the reminders that have not been commented before; each reminder once. A comment that was on its
way when a run ended, or whose answer was lost, is looked for among the lot's comments before it is sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import requests
from pyairtable import Table

from tasks.crm.client import is_uncertain, readable_errors
from tasks.crm.oppfolging.minne import Minne
from tasks.crm.oppfolging.tomt import Tomt
from tasks.crm.oppfolging.varsler import Varsel, as_text
from tasks.crm.sync import writing

log = logging.getLogger("tomt.crm")

NO_ACCESS = frozenset({401, 403})
OF_ONE = frozenset({404, 422})
"""Statuses of a comment that cannot be made: the lot is gone, or who is mentioned has no access to the base."""


class Kommentar(NamedTuple):
    """A comment to be made: on which lot, the reminders that it tells of, the text."""

    record_id: str
    varsler: tuple[str, ...]
    tekst: str


def plan(
    tomter: Iterable[Tomt], varsler: Mapping[str, Sequence[Varsel]], told: Mapping[str, str | None], *, most: int
) -> list[Kommentar]:
    """Return the comments of a run, `most` at most.

    Parameters
    ----------
    varsler
        Record → what is due of it.
    told
        As `Minne.kommentert` says.
    """
    found: list[Kommentar] = []
    for tomt in tomter:
        fresh = [v for v in varsler.get(tomt.record_id, ()) if v.id not in told or told[v.id] is not None]
        text = as_text(fresh, most=len(fresh) + 1)
        if tomt.ansvarlig is not None and text is not None and len(found) < most:
            ids = tuple(sorted(v.id for v in fresh))
            found.append(Kommentar(tomt.record_id, ids, f"@[{tomt.ansvarlig}] {text}"))
    return found


@dataclass
class Kommentator:
    """Makes comments on the lots of one base.

    Attributes
    ----------
    sendt, avvist
        How many were made, and refused one by one.
    """

    table: Table
    minne: Minne
    sleep: Callable[[float], None] = time.sleep
    sendt: int = 0
    avvist: int = 0

    def send(self, planned: Sequence[Kommentar]) -> None:
        """Make the comments; without access to comments, say so and go on: nothing else depends on them.

        Raises
        ------
        AirtableError
            When Airtable cannot be reached, or refuses for another reason than the comment itself.
        """
        told = self.minne.kommentert()
        for one in planned:
            try:
                with readable_errors("commenting"):
                    self._send(one, {i: told[i] for i in one.varsler if told.get(i) is not None})
            except _NoAccessError:
                log.warning(
                    "Comments are not made: the token lacks the scope data.recordComments:write or :read, or its user "
                    "has no right to comment. Give it, or set paa = false in config/oppfolging.toml."
                )
                return

    def _send(self, one: Kommentar, flying: Mapping[str, str | None]) -> None:
        digest = _digest(one.tekst)
        try:
            if flying and (arrived := self._arrived(one.record_id) & set(flying.values())):
                # What is new beside it follows in the next run, alone.
                self.minne.keep_kommentar([i for i, d in flying.items() if d in arrived], underveis=None)
            else:
                self.minne.keep_kommentar(one.varsler, underveis=digest)
                self._add(one, digest)
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            if status in NO_ACCESS:
                raise _NoAccessError from None
            if status not in OF_ONE:
                raise
            self.avvist += 1
            self.minne.keep_kommentar(one.varsler, underveis=None)

    def _add(self, one: Kommentar, digest: str) -> None:
        try:
            self.table.add_comment(one.record_id, one.tekst)
        except requests.RequestException as error:
            if not is_uncertain(error):
                raise
            self.sleep(writing.SETTLE_S)
            if digest not in self._arrived(one.record_id):
                return  # looked for once more by the next run, and sent then
        self.minne.keep_kommentar(one.varsler, underveis=None)
        self.sendt += 1

    def _arrived(self, record_id: str) -> set[str | None]:
        """Return the digests of the comments that a lot has."""
        return {_digest(comment.text) for comment in self.table.comments(record_id)}


class _NoAccessError(Exception):
    """The token may not comment."""


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()
