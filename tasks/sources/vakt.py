"""Vakt: what the sources that are asked together know of one another: which hosts do not answer, and when all must end.

A host that did not answer is asked once more, with little patience, by whoever is next; after that by nobody.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Protocol

from tasks.errors import SourceError

GIVEN_UP = 2
"""Failures, one after the other, after which a host is asked no more."""


class Cuttable(Protocol):
    """What has connections that can be cut."""

    def cut(self) -> None:
        """Cut them: whoever reads from one sees an error."""


class Vakt:
    """What the clients of one fetch of many layers share.

    Parameters
    ----------
    sekunder
        Seconds that all of it may take.
    """

    def __init__(self, *, sekunder: float) -> None:
        self._sekunder = sekunder
        self._frist = time.monotonic() + sekunder
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._failures: dict[str, int] = {}
        self._clients: weakref.WeakSet[Cuttable] = weakref.WeakSet()

    def follow(self, client: Cuttable) -> None:
        """Cut the connections of a client when all ends."""
        with self._lock:
            self._clients.add(client)

    def end(self) -> None:
        """End everything that is under way: a person wants it."""
        self._ended.set()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.cut()

    def wait(self, seconds: float) -> None:
        """Wait, but not when all has ended."""
        self._ended.wait(seconds)

    def left(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self._frist - time.monotonic())

    @property
    def is_ended(self) -> bool:
        """Whether nothing more may be asked."""
        return self._ended.is_set() or time.monotonic() >= self._frist

    def check(self, where: str) -> None:
        """Raise `SourceError` when all has ended."""
        if self._ended.is_set():
            raise SourceError(f"{where}: ended while it was asked. Run again.")
        if time.monotonic() >= self._frist:
            raise SourceError(
                f"{where}: all context of a kommune was not fetched within {self._sekunder:g} s. Run again, or raise "
                "hent.sekunder_kontekst in config/regler.toml."
            )

    def check_host(self, vert: str, where: str) -> None:
        """Raise `SourceError` when a host is asked no more."""
        if self._failures.get(vert, 0) >= GIVEN_UP:
            raise SourceError(
                f"{where}: the host did not answer a moment ago, and is not asked again. Run again later."
            )

    def is_suspect(self, vert: str) -> bool:
        """Whether a host has failed: it is asked once, with little patience."""
        return self._failures.get(vert, 0) > 0

    def failed(self, vert: str, *, taus: bool) -> None:
        """Remember that a host failed, after all tries.

        Parameters
        ----------
        taus
            It said nothing at all: no connection, or no answer in time. One that says that it cannot is asked on.
        """
        with self._lock:
            before = self._failures.get(vert, 0)
            self._failures[vert] = before + 1 if taus else max(before, 1)

    def answered(self, vert: str) -> None:
        """Remember that a host answers: others on it may be asked, with little patience where one has failed."""
        with self._lock:
            if self._failures.get(vert, 0) > 1:
                self._failures[vert] = 1
