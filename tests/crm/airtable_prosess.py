"""A local Airtable as a process of its own; at its end it tells when requests arrived and how much memory it took."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tasks.sandbox.airtable import AirtableServer
from tests.crm.sync_prosess import TOKEN
from tests.memory import peak_mb
from tests.waiting import PATIENCE_S


@dataclass
class AirtableProsess:
    """The process, for as long as the block lasts.

    Attributes
    ----------
    ankomster
        When requests arrived, seconds in order, by base; known at the end, as are the figures below.
    cpu_s, rss_mb
        What the server took.
    """

    folder: Path
    per_sekund: float
    ankomster: dict[str, list[float]] = field(default_factory=dict)
    cpu_s: float = 0.0
    rss_mb: float = 0.0

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, str(self.folder), str(self.per_sekund)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        said = self._process.communicate(timeout=PATIENCE_S)[0]
        if self._process.returncode == 0:
            self.ankomster, self.cpu_s, self.rss_mb = json.loads(said)

    def most_in_a_second(self) -> int:
        """Return how many requests the fullest second of any base held, wherever it begins."""
        fullest = 0
        for times in self.ankomster.values():
            start = 0
            for end, now in enumerate(times):
                while times[start] <= now - 1:
                    start += 1
                fullest = max(fullest, end - start + 1)
        return fullest


def _serve(folder: str, per_sekund: str) -> None:
    with AirtableServer(Path(folder), token=TOKEN, rate_limit_per_s=float(per_sekund)) as server:
        print(server.url, flush=True)
        sys.stdin.read()
        print(json.dumps([server.arrivals, time.process_time(), peak_mb()]))


if __name__ == "__main__":
    _serve(*sys.argv[1:])
