"""All of Norway: 357 municipalities, one after the other on two processes, the largest first."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import peak_mb
from tests.bench.municipality import SIZES, Files, municipality
from tests.bench.targets import Outcome

KOMMUNER: Mapping[str, int] = {"L": 12, "M": 45, "S": 300}
VARIANTS: Mapping[str, int] = {"L": 2, "M": 3, "S": 6}
"""How many different ones are invented; each is read and computed as often as it stands for a municipality."""
PROCESSES = 2
TASKS_PER_PROCESS = 40
"""A process is replaced before what it has kept of earlier municipalities adds up."""
CPU_S, PEAK_MB = 150.0, 500.0


@dataclass(frozen=True)
class Norge:
    """What all municipalities took together.

    Attributes
    ----------
    cpu_s
        Of all processes from their start to their end, imports and all.
    peak_mb
        Of the process that had the most.
    """

    kommuner: int
    teiger: int
    tomter: int
    cpu_s: float
    wall_s: float
    peak_mb: float

    def outcomes(self) -> list[Outcome]:
        """Return the two targets and what was measured."""
        rows = (("Norway, CPU s", CPU_S, self.cpu_s), ("Norway, peak of a process, MB", PEAK_MB, self.peak_mb))
        return [Outcome(navn, "≤", bound, value, value <= bound) for navn, bound, value in rows]


def norge(kommuner: Mapping[str, int], *, folder: Path, seed: int, per_sone: bool) -> Norge:
    """Compute so many municipalities of each size.

    Parameters
    ----------
    per_sone
        The reading: the papers', or the product's own.
    """
    orders = [
        municipality(size, seed=seed + i % VARIANTS[size], folder=folder)
        for size, count in kommuner.items()
        for i in range(count)
    ]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    tomter, peak = _computed(orders, per_sone=per_sone)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Norge(
        kommuner=len(orders),
        teiger=sum(SIZES[size].teiger * count for size, count in kommuner.items()),
        tomter=tomter,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        wall_s=time.perf_counter() - started,
        peak_mb=peak,
    )


def _computed(orders: Sequence[Files], *, per_sone: bool) -> tuple[int, float]:
    """Return the number of lots, and the highest peak of a process, MB."""
    tomter, peak = 0, 0.0
    # Started afresh: a forked process would begin with the memory of this one.
    context = multiprocessing.get_context("spawn")
    # `concurrent.futures` would stand still: in Python 3.11 its pools may stop when a process has done its share.
    with context.Pool(PROCESSES, maxtasksperchild=TASKS_PER_PROCESS) as pool:
        work = pool.imap_unordered(_one, [(files, per_sone) for files in orders])
        for done, (found, mb) in enumerate(work, start=1):
            tomter, peak = tomter + found, max(peak, mb)
            if done % 25 == 0 or done == len(orders):
                print(f"  {done} of {len(orders)} municipalities", file=sys.stderr, flush=True)
        pool.close()
        pool.join()  # what a process took is known when it has ended
    return tomter, peak


def _one(task: tuple[Files, bool]) -> tuple[int, float]:
    """Return the number of lots of a municipality, and the most memory that this process has had, MB."""
    import pyarrow as pa

    from tests.bench import ours

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    files, per_sone = task
    return len(ours.find(files, per_sone=per_sone).tomter), peak_mb()
