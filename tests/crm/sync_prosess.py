"""One sync of one kommune as a process of its own: one that can be killed, and one that can be measured.

`start` forks it from a process that has imported what a sync needs and does nothing else, so that it begins at once.
Run as a module it is a fresh process: ``python -m tests.crm.sync_prosess '{"geodata": …}'`` prints a `Utfall` as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pyarrow.parquet  # noqa: F401  # and what a sync imports when it comes to it, before the fork instead of after
from pydantic import SecretStr

from config.base import base_register
from config.registers import find_kommune
from config.settings import Profile, Settings
from tasks.answer import Answer, Failed
from tasks.crm.client import AirtableAdapter
from tasks.crm.sync import connection, writing
from tasks.crm.sync.publish import Published, open_connection, publish
from tasks.errors import TomtError
from tasks.store import Geodata
from tests.memory import peak_mb
from tests.waiting import PATIENCE_S

TOKEN = "pat-for-tests"
TOMTEVIK, PROEVEDAL = (find_kommune(nummer, sandbox=True) for nummer in ("0099", "7001"))
base_register()
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Oppdrag:
    """What to sync, from where to where.

    Attributes
    ----------
    pauser
        False takes no pause after a refusal.
    uten_grenser
        True takes no heed of what Airtable's plan allows: half a million records, any number of calls.
    """

    geodata: str
    url: str
    kommune: str = "0099"
    per_sekund: float = 0.0
    pauser: bool = False
    uten_grenser: bool = False
    profil: str = "sandbox"
    base: str | None = None

    def settings(self) -> Settings:
        """Return the settings of such a sync."""
        return Settings(
            profile=Profile(self.profil),
            geodata=Path(self.geodata),
            airtable_url=self.url,
            airtable_token=SecretStr(TOKEN),
            airtable_base=self.base,
            airtable_rate_per_s=self.per_sekund,
        )


@dataclass(frozen=True)
class Utfall:
    """How a sync ended.

    Attributes
    ----------
    stoppet
        What it raised or says that it failed with; None when all went well.
    sendt
        Table → created, updated, unchanged, refused, as sent.
    rss_mb
        The most memory that the process ever held.
    """

    stoppet: str | None
    sendt: dict[str, dict[str, int]] = field(default_factory=dict)
    kall: int = 0
    sekunder: float = 0.0
    rss_mb: float = 0.0


def sync(oppdrag: Oppdrag, answers: dict[str, Answer] | None = None) -> tuple[Published, int]:
    """Open the base, publish, and return what was done and how many calls it took.

    Raises
    ------
    TomtError
        As `open_connection` and `publish`.
    """
    kommune = find_kommune(oppdrag.kommune, sandbox=True)
    geodata = Geodata(Path(oppdrag.geodata))
    given = answers if answers is not None else {"vei": Failed("vei", "ikke spurt")}
    opened = open_connection(geodata, oppdrag.settings(), dry_run=False)
    try:
        with geodata.lock(kommune.nummer):  # as `flows.run` does
            return publish(kommune, geodata, opened, answers=given, dry_run=False), opened.calls
    finally:
        opened.api.session.close()


def carry_out(oppdrag: Oppdrag) -> Utfall:
    """Sync, and tell how it ended."""
    if not oppdrag.pauser:
        take_no_pauses()
    if oppdrag.uten_grenser:
        take_no_heed_of_limits()
    began = time.monotonic()
    try:
        published, calls = sync(oppdrag)
    except TomtError as error:
        return Utfall(f"{type(error).__name__}: {error}")
    return Utfall(
        published.failure,
        {d.tabell.navn: d.sent_counts() for d in published.diffs},
        calls,
        time.monotonic() - began,
        peak_mb(),
    )


def take_no_heed_of_limits() -> None:
    """Let this process write more than the plan in config/airtable.toml allows."""
    most = {"poster_per_base": 500_000, "kall_per_maaned": 10_000_000, "kall_per_kjoring": 1_000_000}
    register = base_register()
    wide = register.model_copy(update={"grenser": register.grenser.model_copy(update=most)})
    setattr(connection, "base_register", lambda: wide)  # noqa: B010


def take_no_pauses(replace: Callable[[object, str, object], None] = setattr) -> list[float]:
    """Let this process go on at once where a client waits, and return the list that it notes the seconds in."""
    pauses: list[float] = []
    real = AirtableAdapter.__init__

    def quick(self: AirtableAdapter, **options: Any) -> None:
        real(self, **{**options, "sleep": pauses.append})

    replace(AirtableAdapter, "__init__", quick)
    replace(writing, "SETTLE_S", 0.0)
    return pauses


@dataclass
class Prosess:
    """A sync that runs."""

    process: ForkServerProcess
    _pipe: Pipe

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self.process.kill()

    def wait(self) -> Utfall | None:
        """Return how it ended, or None when it was killed."""
        try:
            utfall: Utfall | None = self._pipe.recv() if self._pipe.poll(PATIENCE_S) else None
        except EOFError:
            utfall = None
        self.process.join()
        self._pipe.close()
        self.process.close()
        return utfall


def start(oppdrag: Oppdrag) -> Prosess:
    """Begin a sync in a process of its own."""
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=_report, args=(oppdrag, theirs), daemon=True)
    # A child imports the main module anew, which is pytest's and takes as long as the sync: this one has none.
    with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
        process.start()
    theirs.close()
    return Prosess(process, ours)


def _report(oppdrag: Oppdrag, pipe: Pipe) -> None:
    pipe.send(carry_out(oppdrag))


if __name__ == "__main__":
    print(json.dumps(asdict(carry_out(Oppdrag(**json.loads(sys.argv[1]))))))
