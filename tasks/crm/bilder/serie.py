"""Serie: many pictures, drawn one after the other or by several processes; one that fails takes no other with it."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.pool import AsyncResult
from typing import TYPE_CHECKING

from config.bilder import BilderRegister
from tasks.crm.bilder.bakgrunn import Bakgrunn
from tasks.crm.bilder.motiv import Motiv
from tasks.crm.bilder.png import encode

if TYPE_CHECKING:
    from tasks.crm.bilder.tegner import Tegner

log = logging.getLogger("tomt.bilder")

AHEAD = 4
"""Pictures of each process that may wait to be fetched."""


@dataclass(frozen=True)
class Oppgave:
    """A picture to draw."""

    motiv: Motiv
    bakgrunn: Bakgrunn | None = None


@dataclass(frozen=True)
class Tegnet:
    """A picture that was drawn, or why it was not.

    Attributes
    ----------
    png
        None when it failed.
    feil
        What went wrong; None when nothing did.
    """

    oppgave: Oppgave
    png: bytes | None
    feil: str | None = None


def draw_all(oppgaver: Iterable[Oppgave], register: BilderRegister, *, antall: int) -> Iterator[Tegnet]:
    """Yield pictures in the order of their tasks, as they are drawn.

    Parameters
    ----------
    antall
        How many there will be: few are not worth the start of processes.
    """
    rules = register.tegning
    is_alone = multiprocessing.current_process().daemon  # such a process may have no children
    if antall < rules.parallelt_fra or rules.prosesser == 1 or is_alone:
        yield from _one_by_one(oppgaver, register)
    else:
        yield from _side_by_side(oppgaver, register)


def _one_by_one(oppgaver: Iterable[Oppgave], register: BilderRegister) -> Iterator[Tegnet]:
    tegner = _new_tegner(register)
    for oppgave in oppgaver:
        yield Tegnet(oppgave, *_tried(tegner, register, oppgave))


def _side_by_side(oppgaver: Iterable[Oppgave], register: BilderRegister) -> Iterator[Tegnet]:
    """Draw in processes that begin anew: a fork of one with threads may hang."""
    rules = register.tegning
    waiting: deque[tuple[Oppgave, AsyncResult[tuple[bytes | None, str | None]]]] = deque()
    left = iter(oppgaver)
    with multiprocessing.get_context("spawn").Pool(rules.prosesser, _begin, (register,)) as pool:
        while True:
            for oppgave in islice(left, rules.prosesser * AHEAD - len(waiting)):
                waiting.append((oppgave, pool.apply_async(_draw, (oppgave,))))
            if not waiting:
                return
            oppgave, result = waiting.popleft()
            try:
                yield Tegnet(oppgave, *result.get(rules.storste_ventetid_s))
            except multiprocessing.TimeoutError:  # it hangs, or its process was killed
                yield Tegnet(oppgave, None, f"not drawn within {rules.storste_ventetid_s:.0f} s")


_tegner: Tegner | None = None
_register: BilderRegister | None = None


def _begin(register: BilderRegister) -> None:
    """Make a process ready: it ends when its parent does, not by a Ctrl-C of its own."""
    global _tegner, _register  # of a process that does nothing else
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _tegner, _register = _new_tegner(register), register


def _new_tegner(register: BilderRegister) -> Tegner:
    """Return what draws; matplotlib takes a second to import, and most runs draw nothing."""
    from tasks.crm.bilder.tegner import Tegner

    return Tegner(register)


def _draw(oppgave: Oppgave) -> tuple[bytes | None, str | None]:
    assert _tegner is not None  # noqa: S101  # set by _begin
    assert _register is not None  # noqa: S101
    return _tried(_tegner, _register, oppgave)


def _tried(tegner: Tegner, register: BilderRegister, oppgave: Oppgave) -> tuple[bytes | None, str | None]:
    try:
        return encode(tegner.draw(oppgave.motiv, bakgrunn=oppgave.bakgrunn), register.bilde), None
    except Exception as error:  # one picture is no reason to lose the others
        log.debug("%s: not drawn", oppgave.motiv.tomt_id, exc_info=True)
        return None, f"{type(error).__name__}: {error}"[:200]
