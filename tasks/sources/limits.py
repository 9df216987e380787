"""What one fetch may take, and the turns in which hosts are asked."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from config.registers import HentRegler


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one fetch may take: seconds, tries, requests a second, bytes, features per page.

    Attributes
    ----------
    tabell
        Where in config/regler.toml they stand, for messages; None where they do not.
    """

    sekunder_tilkobling: float
    sekunder_lesing: float
    sekunder_kilde: float
    forsoek: int
    per_sekund: float
    maks_bytes: int
    side: int
    pause_foerst: float = 1.0
    pause_lengst: float = 30.0
    tabell: str | None = "hent"

    @classmethod
    def of(cls, rules: HentRegler) -> Limits:
        """Return the limits of config/regler.toml."""
        return cls(**{name: value for name, value in rules.model_dump().items() if name in cls.__dataclass_fields__})

    def raad(self, name: str) -> str:
        """Return the end of an advice, to raise one of them where that is possible."""
        return "" if self.tabell is None else f", or raise {self.tabell}.{name} in config/regler.toml"


class Pacer:
    """Hands out turns per host, shared by all clients of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def turn(self, host: str, per_second: float) -> float:
        """Reserve the next turn and return how many seconds to wait for it."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next.get(host, now))
            self._next[host] = start + 1 / per_second
        return start - now


PACER = Pacer()
