"""What became of the rows of a source: in, out, and dropped by reason with the first ids."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger("tomt.sources")

FIRST_IDS = 5


@dataclass(frozen=True)
class Dropped:
    """How many rows went for one reason, and the ids of the first."""

    antall: int
    ider: tuple[str, ...]


@dataclass
class Account:
    """The account of one frame.

    Attributes
    ----------
    navn
        Name of the contract.
    inn, ut
        Rows before and after.
    utelatt
        Reason → what was dropped; `inn` less these is `ut`.
    merknader
        Reason → how many rows were kept with a value filled in.
    """

    navn: str
    inn: int
    ut: int = 0
    utelatt: dict[str, Dropped] = field(default_factory=dict)
    merknader: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, ids: Iterable[object]) -> None:
        """Count rows that went."""
        gone = [str(i) for i in ids]
        if gone:
            before = self.utelatt.get(reason, Dropped(0, ()))
            self.utelatt[reason] = Dropped(before.antall + len(gone), (*before.ider, *gone)[:FIRST_IDS])

    def note(self, reason: str, count: int) -> None:
        """Count rows in which something was filled in."""
        if count:
            self.merknader[reason] = self.merknader.get(reason, 0) + int(count)

    def close(self, rows: int) -> None:
        """Set the rows that are left and write the log line."""
        self.ut = rows
        gone = ", ".join(f"{r} {d.antall} ({', '.join(d.ider)})" for r, d in self.utelatt.items()) or "none"
        noted = "; " + ", ".join(f"{r} {n}" for r, n in self.merknader.items()) if self.merknader else ""
        log.info("%s: %d in, %d out, dropped: %s%s", self.navn, self.inn, self.ut, gone, noted)

    def plus(self, other: Account) -> Account:
        """Return the account of two frames put together."""
        both = Account(self.navn, self.inn + other.inn, self.ut + other.ut, dict(self.utelatt), dict(self.merknader))
        for reason, gone in other.utelatt.items():
            before = both.utelatt.get(reason, Dropped(0, ()))
            both.utelatt[reason] = Dropped(before.antall + gone.antall, (*before.ider, *gone.ider)[:FIRST_IDS])
        for reason, count in other.merknader.items():
            both.note(reason, count)
        return both

    def as_dict(self) -> dict[str, Any]:
        """Return the account as JSON-ready values."""
        utelatt = {r: {"antall": d.antall, "ider": list(d.ider)} for r, d in self.utelatt.items()}
        return {
            "navn": self.navn,
            "inn": self.inn,
            "ut": self.ut,
            "utelatt": utelatt,
            "merknader": dict(self.merknader),
        }
