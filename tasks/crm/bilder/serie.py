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
from tasks.crm.bilder.bakgrunn import Bakgrunn, background
from tasks.crm.bilder.motiv import Motiv
from tasks.crm.bilder.png import encode
from tasks.errors import TomtError

if TYPE_CHECKING:
    from tasks.crm.bilder.tegner import Tegner

log = logging.getLogger("tomt.bilder")

AHEAD = 4
"""Pictures of each process that may wait to be fetched."""
MOST_TIMEOUTS = 3
"""In a row, before no more is waited for: each costs its whole time."""


class TegneError(TomtError, RuntimeError):
    """The processes that draw give no answer."""


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
    har_bakgrunn
        Whether it lies on tiles: those on disk may have become unreadable since they were asked for.
    """

    oppgave: Oppgave
    png: bytes | None
    feil: str | None = None
    har_bakgrunn: bool = False


_Answer = tuple[bytes | None, str | None, bool]
"""Bytes, what went wrong, and whether tiles were used."""


def draw_all(oppgaver: Iterable[Oppgave], register: BilderRegister, *, antall: int) -> Iterator[Tegnet]:
    """Yield pictures in the order of their tasks, as they are drawn.

    Parameters
    ----------
    antall
        How many there will be: few are not worth the start of processes.

    Raises
    ------
    TegneError
        When several in a row are not drawn in time.
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
    waiting: deque[tuple[Oppgave, AsyncResult[_Answer]]] = deque()
    left, in_a_row = iter(oppgaver), 0
    with multiprocessing.get_context("spawn").Pool(rules.prosesser, _begin, (register,)) as pool:
        while True:
            for oppgave in islice(left, rules.prosesser * AHEAD - len(waiting)):
                waiting.append((oppgave, pool.apply_async(_draw, (oppgave,))))
            if not waiting:
                return
            oppgave, result = waiting.popleft()
            try:
                tegnet = Tegnet(oppgave, *result.get(rules.storste_ventetid_s))
                in_a_row = 0
            except multiprocessing.TimeoutError:  # it hangs, or its process was killed
                tegnet = Tegnet(oppgave, None, f"not drawn within {rules.storste_ventetid_s:.0f} s")
                in_a_row += 1
            yield tegnet
            if in_a_row == MOST_TIMEOUTS:
                raise TegneError(
                    f"{in_a_row} pictures in a row were not drawn within {rules.storste_ventetid_s:.0f} s: the "
                    "processes that draw do not start, or hang. Look at the memory of the machine, or set "
                    "prosesser = 1 in config/bilder.toml."
                )


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


def _draw(oppgave: Oppgave) -> _Answer:
    assert _tegner is not None  # noqa: S101  # set by _begin
    assert _register is not None  # noqa: S101
    return _tried(_tegner, _register, oppgave)


def _tried(tegner: Tegner, register: BilderRegister, oppgave: Oppgave) -> _Answer:
    tiles = oppgave.bakgrunn
    try:
        under = background(tiles, oppgave.motiv.utsnitt) if tiles is not None else None
        image = tegner.draw(oppgave.motiv, under=under, kilde=tiles.kilde if tiles is not None else "")
        return encode(image, register.bilde), None, under is not None
    except Exception as error:  # one picture is no reason to lose the others
        log.debug("%s: not drawn", oppgave.motiv.tomt_id, exc_info=True)
        return None, f"{type(error).__name__}: {error}"[:200], False
