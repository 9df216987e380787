"""The local Airtable as a server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI

from tasks.sandbox.airtable.app import close_app, create_app
from tasks.sandbox.airtable.faults import Faults
from tasks.sandbox.airtable.hand import Hand
from tasks.sandbox.airtable.limit import PENALTY_S, PER_USER
from tasks.sandbox.airtable.listings import IDLE_S, MOST_OPEN
from tasks.sandbox.serve import LOOPBACK, Server

log = logging.getLogger("tomt.airtable")


class AirtableServer(Server):
    """A local Airtable for as long as the block lasts; `url` is pyairtable's `endpoint_url`.

    Parameters
    ----------
    data_dir
        Where the bases lie.
    token
        What clients must send.
    port
        0 takes a free one.
    rate_limit_per_s
        Requests a second and base before a penalty; 0 = off.
    user_limit_per_s
        The same over all bases.
    penalty_s
        How long all requests are refused after one too many; 0 = that one alone.
    monthly_calls
        Requests for records before the month's quota is spent; None = no quota.
    cursor_s
        Seconds after which an offset that nobody used expires.
    open_cursors
        How many listings may be under way; one more ends the one longest unused.
    locked_fields
        Fields that the token may not write, as ids or ``Table.Field``.
    faults
        Refusals to give instead of answers; more can be planned while it runs.
    clock
        Seconds that never go back, for limits and offsets.
    now
        The moment that records, comments and webhooks are dated with, and that TODAY() is taken from.
    host
        The IPv4 address to bind; any but the loopback one lets others on the network in, and is warned of.

    Raises
    ------
    OSError
        At start, when the port is in use.
    BlockingIOError
        At start, when another process uses the folder.
    """

    name = "local Airtable"

    def __init__(
        self,
        data_dir: Path,
        *,
        token: str,
        port: int = 0,
        rate_limit_per_s: float = 5.0,
        user_limit_per_s: float = PER_USER,
        penalty_s: float = PENALTY_S,
        monthly_calls: int | None = None,
        cursor_s: float = IDLE_S,
        open_cursors: int = MOST_OPEN,
        locked_fields: Collection[str] = (),
        faults: Faults | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
        host: str = LOOPBACK,
    ) -> None:
        super().__init__(port=port, host=host)
        self.faults = faults or Faults()
        self._make: Callable[[], FastAPI] = lambda: create_app(
            Path(data_dir),
            token=token,
            rate_limit_per_s=rate_limit_per_s,
            user_limit_per_s=user_limit_per_s,
            penalty_s=penalty_s,
            monthly_calls=monthly_calls,
            cursor_s=cursor_s,
            open_cursors=open_cursors,
            locked_fields=locked_fields,
            faults=self.faults,
            clock=clock,
            now=now,
            host=host,
        )
        self._app: FastAPI | None = None

    @property
    def arrivals(self) -> dict[str, list[float]]:
        """When requests arrived since the start, refused ones too: seconds of the clock, in order, by base id."""
        return {} if self._app is None else dict(self._app.state.limit.arrivals)

    @property
    def hand(self) -> Hand:
        """What a person does in Airtable itself; while the server runs."""
        if self._app is None:
            raise RuntimeError(f"{self.name} does not run: start it first")
        hand: Hand = self._app.state.hand
        return hand

    def make_app(self) -> FastAPI:
        """Open the store; said aloud when others than this machine can reach it."""
        if self.host != LOOPBACK:
            log.warning(
                "The local Airtable listens on %s:%d: whoever reaches this machine there can read and change its bases "
                "by its pages, which ask for no token. Bind %s unless that is meant.",
                *(self.host, self.port, LOOPBACK),
            )
        self._app = self._make()
        return self._app

    def release(self) -> None:
        """Close the store."""
        if self._app is not None:
            close_app(self._app)
