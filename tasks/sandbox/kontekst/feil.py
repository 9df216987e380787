"""What the local context services do wrong, on demand: switches by theme, for tests; all are off at first.

A theme is one of config/konflikter.toml or config/kontekst.toml. Switches may be turned while the server runs; they
hold for what serves the theme in the plan services, downloads and tables too. What says what a service has, goes wrong
where all its themes do.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from config.kilder import Kilde, kilder, kontekst_themes
from tasks.sandbox.ogc import collection_id

EGNE = "/kontekst/"
"""Below it lie the services that have nothing but context."""

STOR = 64 * 1024 * 1024


@dataclass
class Feil:
    """Switches; each holds the themes that it is on for.

    Attributes
    ----------
    nede, borte
        Answered with 503 or 404.
    html
        Answered with a page that asks for a login, status 200.
    avkortet
        Answers are cut off in the middle.
    for_stor
        Answers go on until `stor_bytes`.
    ukjent_verdi
        The attribute that tells how severe a row is has a value that nobody knows.
    feil_antall
        The count that the service says is one more than it has.
    sekunder
        Theme → how long each answer takes.
    """

    nede: set[str] = field(default_factory=set)
    borte: set[str] = field(default_factory=set)
    html: set[str] = field(default_factory=set)
    avkortet: set[str] = field(default_factory=set)
    for_stor: set[str] = field(default_factory=set)
    ukjent_verdi: set[str] = field(default_factory=set)
    feil_antall: set[str] = field(default_factory=set)
    sekunder: dict[str, float] = field(default_factory=dict)
    stor_bytes: int = STOR
    _antall: Counter[str] = field(default_factory=Counter, repr=False)
    _laas: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def se(self, tema: str) -> None:
        """Count a request."""
        with self._laas:
            self._antall[tema] += 1

    def spurt(self, tema: str | None = None) -> int:
        """Return how many requests came for a theme, or for all; one that serves several counts for the first."""
        with self._laas:
            return self._antall[tema] if tema is not None else self._antall.total()

    def glem(self) -> None:
        """Count from none again, and turn every switch off."""
        with self._laas:
            self._antall.clear()
        for switch in (self.nede, self.borte, self.html, self.avkortet, self.for_stor):
            switch.clear()
        self.ukjent_verdi.clear()
        self.feil_antall.clear()
        self.sekunder.clear()
        self.stor_bytes = STOR


def temaer_paa(sti: str) -> tuple[str, ...]:
    """Return the themes that a path serves: that of a layer, all of a service for what tells of it, or none."""
    layers = tuple(tema for tema, _, parts in _steder() if any(_below(sti, part) for part in parts))
    return layers or tuple(tema for tema, root, _ in _steder() if _below(sti, root))


def _below(sti: str, root: str | None) -> bool:
    return root is not None and (sti == root or sti.startswith(f"{root}/"))


@cache
def _steder() -> tuple[tuple[str, str | None, tuple[str, ...]], ...]:
    """Return theme, path of the service where that is the theme's own, and paths of the theme's layers."""
    around = set(kontekst_themes())
    return tuple(
        (kilde.tema, kilde.sandbox if kilde.sandbox.startswith(EGNE) else None, _lagstier(kilde, kilde.sandbox))
        for kilde in kilder().values()
        if kilde.tema in around and kilde.sandbox is not None
    )


def _lagstier(kilde: Kilde, root: str) -> tuple[str, ...]:
    if kilde.protokoll == "arcgis":
        return tuple(f"{root}/{lag}" for lag in kilde.lag.values())
    if kilde.protokoll == "ogc_features":
        return tuple(f"{root}/collections/{name}" for lag in kilde.lag.values() for name in (lag, collection_id(lag)))
    if kilde.protokoll == "pxweb":
        return (f"{root}/tables/{kilde.datasett}",)
    if kilde.protokoll == "nedlasting":
        return tuple(f"{root}/api/codelists/{name}/{kilde.datasett}" for name in ("area", "projection", "format"))
    return (root,)
