"""One run of the benchmark: every method on every size, each in its own process, taking turns; the best of each."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.funn import Difference, Funn, difference
from tests.bench.measure import METHODS, Measurement, Order, in_fresh_process
from tests.bench.municipality import municipality

SAME_M2 = 1e-5
"""Most by which two methods may differ in a zone: far below a square millimetre of rounding a vertex."""
COMPARED = ("papers", "overlay", "postgis", "ours-2-threads")


@dataclass(frozen=True)
class Measured:
    """What was measured on one size.

    Attributes
    ----------
    best
        Method → its measurement: the least CPU and wall of all rounds, the most memory.
    differences
        Method → by how much it differs from ours, zone by zone.
    """

    name: str
    rounds: int
    best: dict[str, Measurement]
    differences: dict[str, Difference]

    @property
    def equal(self) -> bool:
        """Whether all methods that were compared found the same land."""
        same = all(d.counts and d.omraader_m2 <= SAME_M2 and d.tomter_m2 <= SAME_M2 for d in self.differences.values())
        return same and bool(self.best["incremental"].figures["same"] if "incremental" in self.best else True)


def measure(
    name: str, methods: Sequence[str], *, rounds: int, seed: int, folder: Path, pg: str | None = None
) -> Measured:
    """Measure methods on one size.

    Parameters
    ----------
    methods
        Of `METHODS`; ours is measured whatever they are.
    rounds
        Every method is measured so often, in turns, so that a busy machine is hard on all alike.
    """
    files = municipality(name, seed=seed, folder=folder)
    chosen = [m for m in METHODS if m == "ours" or m in methods]
    paths = (str(files.soner), str(files.planer), str(files.teiger))
    found: dict[str, list[Measurement]] = {method: [] for method in chosen}
    with tempfile.TemporaryDirectory(prefix="tomt-bench-") as scratch:
        kept = {method: Path(scratch) / f"{i}.npz" for i, method in enumerate(chosen)}
        for number in range(1, rounds + 1):
            for method in chosen:
                keep = str(kept[method]) if number == 1 else None
                order = Order(method, paths, seed=seed, given=str(kept["ours"]), keep=keep, pg=pg)
                taken = in_fresh_process(order)
                found[method].append(taken)
                _tell(f"{name} {number}/{rounds} {method}: {_seconds(taken)}")
        ours = Funn.load(kept["ours"])
        differences = {m: difference(ours, Funn.load(kept[m])) for m in chosen if m in COMPARED}
    return Measured(name, rounds, {method: _best(taken) for method, taken in found.items()}, differences)


def _best(taken: Sequence[Measurement]) -> Measurement:
    seconds = [t.cpu_s for t in taken if t.cpu_s is not None]
    figures = dict(taken[0].figures)
    figures |= {key: min(t.figures[key] for t in taken) for key in figures if key.endswith("_s") or key == "same"}
    return replace(
        taken[0],
        cpu_s=min(seconds) if seconds else None,
        wall_s=min(t.wall_s for t in taken),
        peak_mb=max(t.peak_mb for t in taken),
        figures=figures,
    )


def _seconds(taken: Measurement) -> str:
    cpu = "CPU not known" if taken.cpu_s is None else f"{taken.cpu_s:.3f} CPU s"
    memory = "" if math.isnan(taken.peak_mb) else f", {taken.peak_mb:.0f} MB"
    return f"{cpu}, {taken.wall_s:.3f} s{memory}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
