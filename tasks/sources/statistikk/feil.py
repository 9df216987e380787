"""Feil: why a table of SSB gave no figures; each names the table, the variable, SSB's own title and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import ClassVar

from tasks.errors import SourceError
from tasks.sources.unntak import shorten

CONFIG = "config/statistikk.toml"
NEAREST = 3
"""How many of the table's own codes an error shows."""
LOOKED_AT = 2_000
"""Among how many codes the nearest are looked for; it takes time with their number."""


class StatistikkError(SourceError):
    """A table gave no figures.

    Attributes
    ----------
    tabell, variabel
        What it is about; `variabel` is None where it is about the table.
    tittel
        What SSB says, None where it said nothing.
    aarsak
        What it is, Norwegian.
    """

    aarsak: ClassVar[str] = "svarte med en feil"

    # positional, all of them: an error that crosses processes is made anew from its arguments
    def __init__(self, message: str, tabell: str, variabel: str | None = None, tittel: str | None = None) -> None:
        super().__init__(message, tabell, variabel, tittel)
        self.tabell, self.variabel, self.tittel = tabell, variabel, tittel

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])

    @property
    def grunn(self) -> str:
        """Say for whoever reads the figures why there are none, Norwegian, one line."""
        variable = f" {self.variabel}" if self.variabel else ""
        title = f" ({self.tittel})" if self.tittel else ""
        return f"SSB {self.tabell}{variable}: {self.aarsak}{title}"


class UnknownTableError(StatistikkError):
    """SSB has no such table: `Non-existent table`."""

    aarsak = "tabellen finnes ikke"


class AddressError(StatistikkError):
    """HTTP 404 without a word: the address is wrong, or too long for SSB."""

    aarsak = "adressen finnes ikke"


class UnknownVariableError(StatistikkError):
    """The table has no such variable, wants one that was not asked for, or has no such code list."""

    aarsak = "variabelen eller kodelisten passer ikke"


class UnknownCodeError(StatistikkError):
    """A variable has no such code."""

    aarsak = "koden finnes ikke"


class ChangedLabelError(StatistikkError):
    """A table, variable or code has another name than config/statistikk.toml says: it may mean something else now."""

    aarsak = "har fått et annet navn"


class TooManyCellsError(StatistikkError):
    """SSB says `Too many cells selected`, or no split makes a query small enough."""

    aarsak = "for mange celler"


class BadAnswerError(StatistikkError):
    """What came is no json-stat2, or not what was asked for."""

    aarsak = "ubrukelig svar"


class NoAnswerError(StatistikkError):
    """SSB did not answer, or with HTTP 5xx, as often as it was asked. May pass."""

    aarsak = "svarte ikke"


class RateLimitError(NoAnswerError):
    """SSB goes on answering HTTP 429."""

    aarsak = "for mange forespørsler"


class QuietHoursError(NoAnswerError):
    """SSB is not asked now: its tables are being updated.

    Attributes
    ----------
    til
        When it may be asked again, with time zone.
    """

    def __init__(self, message: str, tabell: str, til: datetime) -> None:
        super().__init__(message, tabell)
        self.args = (message, tabell, til)
        self.til = til

    @property
    def grunn(self) -> str:
        """Say until when, Norwegian."""
        return f"SSB {self.tabell}: stille tid til kl. {self.til:%H:%M}"


LASTING = (UnknownTableError, UnknownVariableError, UnknownCodeError, ChangedLabelError)
"""What does not pass by itself: config/statistikk.toml and the table no longer agree."""


def nearest(wanted: str, known: Iterable[str]) -> str:
    """Return the end of a message: what there is instead of `wanted`, the nearest first, a few.

    Examples
    --------
    >>> nearest("Folkemengd", ["Fodte2", "Folkemengde"])
    "It has 'Folkemengde', 'Fodte2'."
    """
    codes = list(known)
    close = get_close_matches(wanted, codes[:LOOKED_AT], n=NEAREST, cutoff=0.4)
    shown = (close + [c for c in codes[: 2 * NEAREST] if c not in close])[:NEAREST]
    if not shown:
        return "It has none."
    more = f" and {len(codes) - len(shown)} more" if len(codes) > len(shown) else ""
    return f"It has {', '.join(repr(shorten(c)) for c in shown)}{more}."
