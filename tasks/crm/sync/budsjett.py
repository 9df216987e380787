"""Does what a run plans fit in Airtable's plan: records of the base, calls of the month, calls of the run.

Pure: what is there and what is planned are counted elsewhere, before the first write.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.base import Grenser
from tasks.errors import BudgetError


@dataclass(frozen=True)
class Plan:
    """What a run wants: new records, and calls still to be made."""

    nye_poster: int
    kall: int


@dataclass(frozen=True)
class Brukt:
    """What is spent: records in the base, all tables together, and calls, of this month and of this run."""

    poster: int
    kall_i_maaneden: int
    kall_i_kjoringen: int = 0


@dataclass(frozen=True)
class Line:
    """One limit beside what is planned and spent of it."""

    planned: int
    used: int
    limit: int
    is_of: str
    spent_on: str
    remedy: str

    @property
    def total(self) -> int:
        """What would be spent when the run is done."""
        return self.planned + self.used

    def __str__(self) -> str:
        """Return the figures as a person reads them."""
        spent = f" and {self.used:,} {self.spent_on} make {self.total:,}" if self.used else ""
        return f"{self.planned:,} planned{spent} of {self.limit:,} {self.is_of}"


def check(plan: Plan, brukt: Brukt, grenser: Grenser) -> list[str]:
    """Return a warning for each limit that comes near; nothing planned bursts nothing, however much is spent.

    Raises
    ------
    BudgetError
        When a limit would burst: what is planned, spent and allowed, and what to do.
    """
    lines = _lines(plan, brukt, grenser)
    burst = [line for line in lines if line.planned > 0 and line.total > line.limit]
    if burst:
        remedies = dict.fromkeys(line.remedy for line in burst)
        raise BudgetError(
            f"The run does not fit Airtable's limits, and nothing is written: {'; '.join(map(str, burst))}. "
            f"{' '.join(remedies)} With a larger plan at Airtable, raise [grenser] in config/airtable.toml."
        )
    return [
        f"Near Airtable's limit: {line} ({line.total / line.limit:.0%}). {line.remedy}"
        for line in lines
        if line.total >= grenser.varsle_fra * line.limit
    ]


def _lines(plan: Plan, brukt: Brukt, grenser: Grenser) -> list[Line]:
    return [
        Line(
            plan.nye_poster,
            brukt.poster,
            grenser.poster_per_base,
            "records per base",
            "in the base",
            "Publish fewer lots: raise minste_score ([publisering] in config/airtable.toml), or run fewer kommuner.",
        ),
        Line(
            plan.kall,
            brukt.kall_i_maaneden,
            grenser.kall_per_maaned,
            "calls a month",
            "made this month",
            "Run fewer kommuner, or wait for next month.",
        ),
        Line(
            plan.kall,
            brukt.kall_i_kjoringen,
            grenser.kall_per_kjoring,
            "calls a run",
            "made by this run",
            "Run fewer kommuner at a time, or raise kall_per_kjoring.",
        ),
    ]
