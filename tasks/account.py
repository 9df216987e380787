"""The account of a step: what went in, what came out, and what was dropped, with its reason and the first ids."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("tomt")

FIRST_IDS = 5


@dataclass(frozen=True)
class Dropped:
    """How many rows went for one reason, and the ids of the first."""

    antall: int
    ider: tuple[str, ...]

    def plus(self, other: Dropped) -> Dropped:
        """Return the two put together."""
        return Dropped(self.antall + other.antall, (*self.ider, *other.ider)[:FIRST_IDS])


@dataclass
class Account:
    """The account of one step.

    Attributes
    ----------
    navn
        Name of the step or of the frame.
    inn, ut
        Rows before and after.
    utelatt
        Reason → what was dropped. Where rows are only left out, `inn` less these is `ut`.
    merknader
        What → a figure: rows kept with something filled in or repaired, areas in m².
    ider
        What of `merknader` → the ids of the first rows concerned.
    """

    navn: str
    inn: int = 0
    ut: int = 0
    utelatt: dict[str, Dropped] = field(default_factory=dict)
    merknader: dict[str, float] = field(default_factory=dict)
    ider: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def drop(self, reason: str, ids: Iterable[object]) -> None:
        """Count rows that went; nothing for none."""
        gone = tuple(str(i) for i in ids)
        if gone:
            self.utelatt[reason] = self.utelatt.get(reason, Dropped(0, ())).plus(Dropped(len(gone), gone))

    def note(self, what: str, figure: float, ids: Iterable[object] = ()) -> None:
        """Add to a figure; nothing for zero."""
        if figure:
            self.merknader[what] = round(self.merknader.get(what, 0) + figure, 1)
            if first := (*self.ider.get(what, ()), *(str(i) for i in ids))[:FIRST_IDS]:
                self.ider[what] = first

    def close(self, rows: int) -> None:
        """Set the rows that are left and write the log line."""
        self.ut = rows
        gone = ", ".join(f"{r} {d.antall} ({', '.join(d.ider)})" for r, d in self.utelatt.items()) or "none"
        noted = "; " + ", ".join(f"{w} {n:.10g}" for w, n in self.merknader.items()) if self.merknader else ""
        log.info("%s: %d in, %d out, dropped: %s%s", self.navn, self.inn, self.ut, gone, noted)

    def plus(self, other: Account) -> Account:
        """Return the account of two frames put together."""
        both = Account(self.navn, self.inn + other.inn, self.ut + other.ut, dict(self.utelatt))
        for reason, gone in other.utelatt.items():
            both.utelatt[reason] = both.utelatt.get(reason, Dropped(0, ())).plus(gone)
        for account in (self, other):
            for what, figure in account.merknader.items():
                both.note(what, figure, account.ider.get(what, ()))
        return both

    def as_dict(self) -> dict[str, Any]:
        """Return the account as JSON-ready values."""
        return {
            "inn": self.inn,
            "ut": self.ut,
            "utelatt": {r: {"antall": d.antall, "ider": list(d.ider)} for r, d in self.utelatt.items()},
            "merknader": dict(self.merknader),
            "ider": {what: list(ids) for what, ids in self.ider.items()},
        }


@dataclass
class Accounts:
    """The accounts of several steps, in the order in which they were first named.

    Attributes
    ----------
    sekunder
        What the steps took together, reading and writing files not counted.
    """

    steps: dict[str, Account] = field(default_factory=dict)
    sekunder: float = 0.0

    def step(self, navn: str) -> Account:
        """Return the account of a step, new when it is named for the first time."""
        return self.steps.setdefault(navn, Account(navn))

    def as_dict(self) -> dict[str, Any]:
        """Return the accounts as JSON-ready values, by step."""
        return {navn: account.as_dict() for navn, account in self.steps.items()}
