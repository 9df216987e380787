"""`python -m tests.bench.konflikt`: measures the measure of conflict, what others offer for it, and how it grows.

Ratios are of one run on one thread each, so that machines can differ; the wall clock is with two.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from tasks.scoring.tomt.konflikt import Konfliktmaal, maal_konflikt
from tests.bench import konfliktpeers as peers
from tests.bench.konfliktland import EPSG, TEMAER, Land, konfliktland
from tests.bench.targets import Outcome

T = TypeVar("T")

TOMTER = (10_000, 20_000, 40_000)
COMPARED = 2_000
WALL_S, GROWTH, SAME = 10.0, 1.1, 1e-6
TIMES = {"overlay": 1.5, "loop": 8.0}


@dataclass(frozen=True)
class Maaling:
    """What was measured on one kommune.

    Attributes
    ----------
    cpu_s, wall_s
        CPU seconds of all threads, and by the clock.
    rader
        Of the contract `konfliktandeler`.
    """

    tomter: int
    flater: int
    traader: int
    cpu_s: float
    wall_s: float
    rader: int


@dataclass(frozen=True)
class Sammenligning:
    """Ours against another method on the same kommune: CPU seconds, and the largest difference of a share."""

    metode: str
    cpu_s: float
    vaare_cpu_s: float
    avvik: float

    @property
    def ganger(self) -> float:
        """How many times as long the other one takes."""
        return self.cpu_s / self.vaare_cpu_s


def run(land: Land, *, traader: int) -> Konfliktmaal:
    """Return what the product measures of a kommune."""
    return maal_konflikt(
        land.tomter,
        land.kjerner,
        land.konflikter,
        dekning=land.dekning,
        register=land.register,
        epsg=EPSG,
        traader=traader,
    )


def measure(tomter: int, *, seed: int, traader: int, repeat: int) -> Maaling:
    """Return the least of so many rounds."""
    land = konfliktland(tomter, seed=seed)
    taken = [_timed(lambda: run(land, traader=traader)) for _ in range(repeat)]
    return Maaling(
        tomter,
        len(land.konflikter),
        traader,
        min(cpu for cpu, _, _ in taken),
        min(wall for _, wall, _ in taken),
        len(taken[0][2].andeler),
    )


def compare(tomter: int, *, seed: int, repeat: int) -> list[Sammenligning]:
    """Return how a loop and geopandas.overlay do on the same kommune, and by how much they differ."""
    land = konfliktland(tomter, seed=seed)
    taken = [_timed(lambda: run(land, traader=1)) for _ in range(repeat)]
    ours, ours_s = peers.ours(taken[0][2]), min(cpu for cpu, _, _ in taken)
    result = []
    for name, method in (("overlay", peers.overlay), ("loop", peers.loop)):
        seconds, _, found = _timed(partial(method, land.tomter, land.kjerner, land.konflikter, land.register))
        result.append(Sammenligning(name, seconds, ours_s, peers.difference(ours, found)))
    return result


def _timed(work: Callable[[], T]) -> tuple[float, float, T]:
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    return time.process_time() - cpu, time.perf_counter() - wall, found


def outcomes(maalinger: Sequence[Maaling], sammenligninger: Sequence[Sammenligning]) -> list[Outcome]:
    """Return the targets whose figures were measured."""
    found = [
        Outcome("10,000 lots, wall s", "≤", WALL_S, m.wall_s, m.wall_s <= WALL_S)
        for m in maalinger
        if m.tomter == TOMTER[0]
    ]
    if len(maalinger) > 1:
        few, many = maalinger[0], maalinger[-1]
        growth = math.log(many.cpu_s / few.cpu_s) / math.log(many.tomter / few.tomter)
        found.append(
            Outcome(f"growth {few.tomter:,} → {many.tomter:,}, log-log", "≤", GROWTH, growth, growth <= GROWTH)
        )
    for s in sammenligninger:
        found.append(Outcome(f"{s.metode} / ours", "≥", TIMES[s.metode], s.ganger, s.ganger >= TIMES[s.metode]))
        found.append(Outcome(f"{s.metode}: largest difference", "≤", SAME, s.avvik, s.avvik <= SAME))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 when two methods found different shares."""
    options = _parser().parse_args(arguments)
    run(konfliktland(200), traader=options.traader)  # what is imported at the first use is not counted
    maalinger = []
    for tomter in sorted(options.tomter):
        maalinger.append(measure(tomter, seed=options.seed, traader=options.traader, repeat=options.repeat))
        print(_line(maalinger[-1]), file=sys.stderr, flush=True)
    compared = compare(options.compare, seed=options.seed, repeat=options.repeat) if options.compare else []
    found = outcomes(maalinger, compared)
    if options.json:
        whole: dict[str, list[Any]] = {"maalinger": maalinger, "sammenligninger": compared, "targets": found}
        print(json.dumps({k: [asdict(row) for row in rows] for k, rows in whole.items()}, ensure_ascii=False, indent=1))
    else:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {TEMAER} themes")
        print("\n".join(map(_line, maalinger)))
        for s in compared:
            print(f"{s.metode} on {options.compare:,} lots: {s.cpu_s:.2f} CPU s, ours {s.vaare_cpu_s:.2f}")
        for o in found:
            print(f"{o.navn:<40}{o.value:>10.3g}  {o.sense} {o.bound:g}  {'ok' if o.met else 'MISSED'}")
    return 0 if all(s.avvik <= SAME for s in compared) else 1


def _line(m: Maaling) -> str:
    return (
        f"{m.tomter:>7,} lots, {m.flater:>8,} polygons, {m.traader} threads: {m.wall_s:7.2f} s, "
        f"{m.cpu_s:7.2f} CPU s, {m.rader:,} shares"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.konflikt", description=(__doc__ or "").replace("`", "")
    )
    parser.add_argument(
        "--tomter", nargs="+", type=int, default=list(TOMTER), metavar="N", help="lots (10, 20, 40,000)"
    )
    parser.add_argument(
        "--compare", type=int, default=COMPARED, metavar="N", help="lots to compare on, 0: none (2,000)"
    )
    parser.add_argument("--traader", type=int, default=2, metavar="N", help="threads (2)")
    parser.add_argument("--repeat", type=int, default=2, metavar="N", help="rounds, the best counts (2)")
    parser.add_argument("--seed", type=int, default=1, help="another one invents another kommune (1)")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
