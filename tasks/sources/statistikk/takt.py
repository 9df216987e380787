"""Takt: the pace of requests to SSB, shared through one file by the processes of one TOMT_GEODATA on one machine.

SSB counts requests per address in a minute. A request leaves only while fewer than `per_minute` others are on their
way or were answered within the last minute. However long each takes on its way, no minute at the server can then hold
more: of `per_minute` + 1 requests, the one that left last found another answered, and so arrived, a minute before.
Whoever waits stands in a queue, so that the one who has waited longest is next.

Times are those of a clock that runs from the boot on and that nobody sets.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from tasks.delt import boot, shared_line, since_boot
from tasks.errors import BusyError, StoreError

log = logging.getLogger("tomt.takt")

WINDOW_S = 60.5
"""The server's minute, and what two clocks may run apart within it."""
ASK_AGAIN_S = 5.0
"""Who waits asks again at least this often, and so shows that it still waits."""
GONE_S = 4 * ASK_AGAIN_S
"""Who stands in the queue and has not asked for so long is gone."""
MAX_REST_S = 180.0
"""No Retry-After is heeded beyond this; SSB's minute is over by then."""
AHEAD_S = 1.0


class Slot(BaseModel):
    """A request that has left, when it was answered, and when it counts as answered by then at the latest."""

    id: str = Field(max_length=32)
    gone: FiniteFloat
    answered: FiniteFloat | None = None


class Waiting(BaseModel):
    """A request that stands in the queue, and when it last asked."""

    id: str = Field(max_length=32)
    seen: FiniteFloat


class State(BaseModel):
    """What the processes share; times are seconds of `boot`'s clock.

    Attributes
    ----------
    written
        When, seconds since 1970.
    until
        Nothing leaves before.
    """

    boot: str = Field("", max_length=64)
    written: FiniteFloat = 0.0
    until: FiniteFloat = 0.0
    slots: list[Slot] = Field(default_factory=list, max_length=1_000)
    queue: list[Waiting] = Field(default_factory=list, max_length=1_000)

    def forget(self, now: float) -> None:
        """Drop what no longer counts; a request whose sender is gone counts as answered when it could be at last."""
        for slot in self.slots:
            if slot.answered is None and now >= slot.gone:
                slot.answered = slot.gone
        self.slots = [s for s in self.slots if s.answered is None or s.answered > now - WINDOW_S]
        self.queue = [w for w in self.queue if now - w.seen <= GONE_S]

    def is_ahead_of(self, now: float) -> bool:
        """Return True when a time lies where no process can have written it."""
        times = [s.answered or 0.0 for s in self.slots] + [w.seen for w in self.queue]
        return max(times, default=0.0) > now + AHEAD_S or self.until > now + MAX_REST_S + AHEAD_S

    def wait_s(self, now: float, asker: str, per_minute: int) -> float:
        """Return for how long `asker` may not leave, at most until it should ask again; 0 is now."""
        ahead = next((n for n, w in enumerate(self.queue) if w.id == asker), len(self.queue))
        too_many = len(self.slots) + ahead - per_minute + 1
        earliest = self.until
        if too_many > 0:
            answered = sorted(s.answered for s in self.slots if s.answered is not None)
            known = too_many <= len(answered)
            earliest = max(earliest, answered[too_many - 1] + WINDOW_S if known else now + ASK_AGAIN_S)
        return min(max(earliest - now, 0.0), ASK_AGAIN_S)


class Takt:
    """At most so many requests in any minute, over all processes that name the same file.

    Parameters
    ----------
    path
        The file; made with its folders when it is missing.
    longest_s
        No request takes longer, from leaving to its answer.
    """

    def __init__(
        self,
        path: Path,
        per_minute: int,
        *,
        longest_s: float,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._per_minute, self._longest_s = path, per_minute, longest_s
        self._clock, self._sleep = clock or since_boot, sleep

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
        asker = uuid4().hex
        try:
            while (wait := self.take(asker)) > 0:
                self._sleep(wait)
        except BaseException:  # whoever stands behind it need not wait until it counts as gone
            with suppress(StoreError, BusyError), self._locked() as (state, _):
                state.queue = [w for w in state.queue if w.id != asker]
            raise
        try:
            yield
        finally:
            self.give_back(asker)

    def take(self, asker: str) -> float:
        """Return 0 when a request may leave now, and count it; else the seconds to wait before asking again."""
        with self._locked() as (state, now):
            wait = state.wait_s(now, asker, self._per_minute)
            waiting = next((w for w in state.queue if w.id == asker), None)
            if wait <= 0:
                state.queue = [w for w in state.queue if w.id != asker]
                state.slots.append(Slot(id=asker, gone=now + self._longest_s))
            elif waiting is None:
                state.queue.append(Waiting(id=asker, seen=now))
            else:
                waiting.seen = now
            return wait

    def give_back(self, asker: str) -> None:
        """Count the request as answered now; that the disk refuses costs time later, never the answer."""
        try:
            with self._locked() as (state, now):
                slot = next((s for s in state.slots if s.id == asker), None)
                if slot is None:  # the file was begun anew meanwhile
                    slot = Slot(id=asker, gone=now)
                    state.slots.append(slot)
                slot.answered = now
        except (StoreError, BusyError) as error:
            log.warning("%s", error)

    def rest(self, seconds: float) -> None:
        """Let nothing leave for some seconds, in any process: SSB has refused."""
        with self._locked() as (state, now):
            state.until = max(state.until, now + min(seconds, MAX_REST_S))

    @contextmanager
    def _locked(self) -> Iterator[tuple[State, float]]:
        """Yield the state and the time while no other process may, and write what became of it."""
        with shared_line(self._path) as line:
            now = self._clock()
            state = _read(line.text, now)
            state.forget(now)
            yield state, now
            state.written = time.time()
            line.text = state.model_dump_json().encode()


def _read(text: bytes, now: float) -> State:
    """Return the state of a file; a new one where it says nothing of use.

    What was sent before is then not known: it waits out a minute, unless the file is older than one.
    """
    if not text:
        return State(boot=boot())
    try:
        state = State.model_validate_json(text)
    except ValidationError:
        return State(boot=boot(), until=now + WINDOW_S)
    if state.boot != boot():
        passed = time.time() - state.written
        rest = WINDOW_S - passed if 0 <= passed < WINDOW_S else 0.0 if passed >= WINDOW_S else WINDOW_S
        return State(boot=boot(), until=now + rest)
    return State(boot=boot(), until=now + WINDOW_S) if state.is_ahead_of(now) else state
