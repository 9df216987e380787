"""The pace of requests to one base, shared by every process and machine that writes to it.

Airtable takes five requests in any second and base, and then refuses everything for 30 s. A request leaves only while
fewer than `per_window` others are on their way or were answered within the last second. Whatever a network does to
them, no second at the server can then hold more: of `per_window` + 1 requests, the one that left last found another
answered, and so arrived, at least a second before.

Processes of one machine share a JSON file under a lock that is held for reading and writing alone. Machines share a
global concurrency limit of Prefect's server, where a run has one. Times are those of a clock that runs from the boot
on and that nobody sets; what stands in the file from another boot or machine is moved to it by the time of day.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from tasks.delt import boot, shared_line, since_boot
from tasks.errors import BusyError, StoreError

log = logging.getLogger("tomt.takt")

WINDOW_S = 1.02
"""The server's second, and what two clocks may run apart within it."""
GIVE_UP_S = 90.0
"""No request takes as long (`client.TIMEOUT_S`, `client.ANSWER_S`): whoever sent it is gone."""
AHEAD_S = 1.0
"""A time further ahead than this belongs to no process: the file is damaged, or of another boot with another time."""
MAX_PENALTY_S = 120.0
ASK_AGAIN_S = 0.05
SERVER_PATIENCE_S = 60.0
SERVER_AGAIN_S = 300.0
"""How long Prefect's server is left alone after it did not answer."""


class Slot(BaseModel):
    """A request that has left: who sent it, when, and when it was answered."""

    id: str = Field(max_length=32)
    host: str = Field(max_length=255)
    pid: int = Field(gt=0, lt=2**31)
    left: FiniteFloat
    answered: FiniteFloat | None = None


class State(BaseModel):
    """What the processes share; times are seconds since the boot.

    Attributes
    ----------
    boot
        The boot whose clock the times are of.
    ahead
        The time of day (seconds since 1970) less that clock, when it was written.
    last
        When the last request left.
    until
        Nothing leaves before.
    """

    boot: str = Field("", max_length=64)
    ahead: FiniteFloat = 0.0
    last: FiniteFloat = 0.0
    until: FiniteFloat = 0.0
    slots: list[Slot] = Field(default_factory=list)

    def move(self, boot: str, ahead: float) -> None:
        """Take the times for those of another clock; on the same one, setting the time of day moves nothing."""
        shift = 0.0 if self.boot in {"", boot} else self.ahead - ahead
        self.boot, self.ahead = boot, ahead
        self.last, self.until = self.last + shift, self.until + shift
        for slot in self.slots:
            slot.left += shift
            slot.answered = None if slot.answered is None else slot.answered + shift

    def forget(self, now: float) -> None:
        """Drop what no longer counts; a sender that is gone counts as answered now."""
        for slot in self.slots:
            if slot.answered is None and (now - slot.left > GIVE_UP_S or _is_dead(slot)):
                slot.answered = now
        self.slots = [s for s in self.slots if s.answered is None or s.answered > now - WINDOW_S]

    def is_ahead_of(self, now: float) -> bool:
        """Return True when a time lies where no process can have written it."""
        times = [self.last, *(s.left for s in self.slots), *(s.answered or 0.0 for s in self.slots)]
        return max(times) > now + AHEAD_S or self.until > now + MAX_PENALTY_S

    def wait_s(self, now: float, *, gap_s: float, per_window: int) -> float:
        """Return for how long nothing may leave; 0 or less is now."""
        earliest = max(self.until, self.last + gap_s)
        too_many = len(self.slots) - per_window + 1
        if too_many > 0:
            answered = sorted(s.answered for s in self.slots if s.answered is not None)
            known = len(answered) >= too_many
            earliest = max(earliest, answered[too_many - 1] + WINDOW_S if known else now + ASK_AGAIN_S)
        return earliest - now


class SharedPace:
    """At most so many requests in any second, over all processes that name the same file.

    Parameters
    ----------
    path
        The file that they share; made with its folders when it is missing.
    rate_per_s
        Requests leave at least 1 / `rate_per_s` apart, and no second holds more than `rate_per_s` rounded up; 0 = no
        pacing, and no file.
    across
        The limit that machines share, taken before.
    """

    def __init__(
        self,
        path: Path,
        rate_per_s: float,
        *,
        across: GlobalLimit | None = None,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._across = path, across
        self._clock, self._sleep = clock or since_boot, sleep
        self._gap_s = 1 / rate_per_s if rate_per_s else 0.0
        self.per_window = math.ceil(rate_per_s)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a request may leave, and count it until it is answered.

        Raises
        ------
        StoreError
            When the file cannot be written.
        BusyError
            When another process holds its lock and does not let go.
        """
        if not self._gap_s:
            yield
            return
        if self._across is not None:
            self._across.wait()
        while isinstance(taken := self.take(), float):
            self._sleep(taken)
        try:
            yield
        finally:
            self.give_back(taken)

    def take(self) -> str | float:
        """Return the id of a slot, or the seconds to wait before asking again."""
        with self._locked() as (state, now):
            wait = state.wait_s(now, gap_s=self._gap_s, per_window=self.per_window)
            if wait > 0:
                return wait
            slot = Slot(id=uuid4().hex, host=socket.gethostname(), pid=os.getpid(), left=now)
            state.slots.append(slot)
            state.last = now
            return slot.id

    def give_back(self, slot_id: str) -> None:
        """Count the request as answered now; that the disk refuses costs time later, never the answer."""
        try:
            with self._locked() as (state, now):
                slot = next((s for s in state.slots if s.id == slot_id), None)
                if slot is None:  # the file was begun anew meanwhile
                    slot = Slot(id=slot_id, host=socket.gethostname(), pid=os.getpid(), left=now)
                    state.slots.append(slot)
                slot.answered = now
        except (StoreError, BusyError) as error:
            log.warning("%s", error)

    def penalize(self, seconds: float) -> None:
        """Let nothing leave for some seconds, in any process: Airtable has refused."""
        if self._gap_s:
            with self._locked() as (state, now):
                state.until = max(state.until, now + min(seconds, MAX_PENALTY_S))

    @contextmanager
    def _locked(self) -> Iterator[tuple[State, float]]:
        """Yield the state and the time while no other process may, and write what became of it."""
        with shared_line(self._path) as line:
            now = self._clock()
            state = _read(line.text, now)
            state.forget(now)
            yield state, now
            line.text = state.model_dump_json().encode()


def _read(text: bytes, now: float) -> State:
    """Return the state of a file by the clock of this boot.

    A new one that waits out a second, where the file says nothing of use.
    """
    name, ahead = boot(), time.time() - now
    if not text:
        return State(boot=name, ahead=ahead)
    anew = State(boot=name, ahead=ahead, until=now + WINDOW_S)
    try:
        state = State.model_validate_json(text)
    except ValidationError:
        return anew
    state.move(name, ahead)
    return anew if state.is_ahead_of(now) else state


def _is_dead(slot: Slot) -> bool:
    """Return True for a sender of this machine that has ended."""
    if slot.host != socket.gethostname():
        return False
    try:
        os.kill(slot.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, and is another user's
        return False
    return False


class GlobalLimit:
    """The global concurrency limit on Prefect's server: taken within a flow or task run that has a server.

    A server that fails never stops a run: it is left alone for `SERVER_AGAIN_S`, which is logged once.
    """

    def __init__(
        self,
        name: str,
        rate_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name, self._rate_per_s = name, rate_per_s
        self._clock, self._sleep = clock, sleep
        self._next_at = -math.inf
        self._again_at = -math.inf
        self._is_said = False

    def wait(self) -> None:
        """Return when the server grants a slot, or at once where there is no server to ask."""
        if self._clock() < self._again_at or not (url := _run_server()):
            return
        try:
            from prefect.concurrency.sync import rate_limit

            _make_limit(self._name, self._rate_per_s, url)
            # asked too early, the server answers with a wait that is drawn at random and grows with every refusal
            self._sleep(max(0.0, self._next_at - self._clock()))
            rate_limit(self._name, strict=True, timeout_seconds=SERVER_PATIENCE_S)
            self._next_at = self._clock() + 1 / self._rate_per_s
        except Exception as error:  # whatever it is, the file still paces this machine
            _make_limit.cache_clear()
            self._again_at = self._clock() + SERVER_AGAIN_S
            if not self._is_said:
                self._is_said = True
                log.warning(
                    "Prefect's limit %s could not be taken (%s): only this machine's requests are paced together.",
                    self._name,
                    type(error).__name__,
                )


def _run_server() -> str | None:
    """Return the address of Prefect's server within a flow or task run; importing Prefect takes a second."""
    context = sys.modules.get("prefect.context")
    if context is None or (context.FlowRunContext.get() is None and context.TaskRunContext.get() is None):
        return None
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() or None


@cache
def _make_limit(name: str, rate_per_s: float, url: str) -> None:  # once per process and server
    """Create the limit, or set its rate; another process may do the same meanwhile."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client:
        try:
            client.upsert_global_concurrency_limit_by_name(name, limit=1, slot_decay_per_second=rate_per_s)
        except ObjectAlreadyExists:
            log.debug("%s was created by another process", name)
