"""What the local statistics services do wrong, on demand: switches for tests and demonstrations; all are off at first.

Switches may be turned while the server runs. Those that count (`svar_429` …) go down with every answer that they spoil.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

VINDU = timedelta(seconds=60)
HUSKER = 10_000
"""Requests whose addresses are remembered."""

Tellende = Literal["svar_429", "tomme_500", "html", "svar_503"]


@dataclass
class Feil:
    """Switches.

    Attributes
    ----------
    per_minutt
        Requests of one client in any 60 seconds before SSB answers 429; None: no limit.
    vent_s
        What Retry-After says with `svar_429`; None: nothing.
    svar_429, tomme_500, html, svar_503
        How many of SSB's next answers are such: 429, 500 with an empty body, a page of HTML with status 200, 503.
    sekunder
        How long every answer of all services takes.
    ukjente_tabeller
        Ids that do not exist (any more).
    endrede_etiketter
        (table, code) → another label; the code of a value, of a variable, or the table's id for its title.
    manglende_koder
        (table, code) of values and measures that do not exist.
    sist_periode
        Table → the newest period that it has: what was published since is not there.
    flytt_oppdatert
        Table → how long after its usual stamp it was updated.
    klass_er_nede, valg_er_nede
        The whole service answers 503.
    doede_kommuner
        Numbers whose election result answers 500.
    sett
        Path and query of the last requests, newest last.
    """

    per_minutt: int | None = None
    vent_s: int | None = 1
    svar_429: int = 0
    tomme_500: int = 0
    html: int = 0
    svar_503: int = 0
    sekunder: float = 0.0
    ukjente_tabeller: set[str] = field(default_factory=set)
    endrede_etiketter: dict[tuple[str, str], str] = field(default_factory=dict)
    manglende_koder: set[tuple[str, str]] = field(default_factory=set)
    sist_periode: dict[str, str] = field(default_factory=dict)
    flytt_oppdatert: dict[str, timedelta] = field(default_factory=dict)
    klass_er_nede: bool = False
    valg_er_nede: bool = False
    doede_kommuner: set[str] = field(default_factory=set)
    sett: deque[str] = field(default_factory=lambda: deque(maxlen=HUSKER))
    _laas: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def bruk(self, teller: Tellende) -> bool:
        """Return whether this answer is to be spoiled so, and count it."""
        with self._laas:
            left: int = getattr(self, teller)
            setattr(self, teller, max(left - 1, 0))
            return left > 0

    def se(self, adresse: str) -> None:
        """Remember a request."""
        self.sett.append(adresse)

    def antall(self, del_av: str) -> int:
        """Return how many of the remembered addresses hold a text."""
        return sum(del_av in adresse for adresse in tuple(self.sett))


@dataclass(frozen=True)
class Takt:
    """Where a client stands: the limit, what is left, and how many seconds until the next request is answered."""

    grense: int
    igjen: int
    vent_s: int


class Taktmaaler:
    """Counts the requests of every client that were answered in the last 60 seconds."""

    def __init__(self, naa: Callable[[], datetime]) -> None:
        self._naa = naa
        self._laas = threading.Lock()
        self._sett: dict[str, deque[datetime]] = {}

    def meld(self, klient: str, grense: int) -> Takt:
        """Count one request and return where the client stands; `vent_s` is 0 where it may be answered."""
        now = self._naa()
        with self._laas:
            seen = self._sett.setdefault(klient, deque())
            while seen and now - seen[0] >= VINDU:
                seen.popleft()
            if len(seen) < grense:
                seen.append(now)
                return Takt(grense, grense - len(seen), 0)
            return Takt(grense, 0, max(int((seen[0] + VINDU - now).total_seconds() + 0.999), 1))
