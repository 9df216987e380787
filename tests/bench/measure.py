"""One measurement in a fresh process: CPU seconds, wall seconds and the peak of its memory.

`python -m tests.bench.measure ORDER` (an order as JSON) prints the measurement as JSON. Importing is not counted;
reading the files is. Memory is that of the whole process, imports and all.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.bench.funn import Funn
from tests.bench.municipality import Files

ROOT = Path(__file__).parents[2]
SINGLE = {"OMP_NUM_THREADS": "1", "GDAL_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}


@dataclass(frozen=True)
class Order:
    """What to measure.

    Attributes
    ----------
    method
        A key of `METHODS`.
    files
        The municipality: paths of soner, planer and teiger.
    seed
        For the changes of `incremental`.
    given
        Where another method left what it found: the områder of `limit`.
    keep
        Where to leave what this one finds.
    pg
        The database of `postgis`.
    """

    method: str
    files: tuple[str, str, str]
    seed: int = 1
    given: str | None = None
    keep: str | None = None
    pg: str | None = None


@dataclass(frozen=True)
class Measurement:
    """What a method took.

    Attributes
    ----------
    cpu_s
        User and system time of the process; None when it is not to be known.
    figures
        Counts and areas, and what else the method tells.
    """

    method: str
    cpu_s: float | None
    wall_s: float
    peak_mb: float
    figures: dict[str, float] = field(default_factory=dict)


def in_fresh_process(order: Order) -> Measurement:
    """Return the measurement of a process of its own.

    Raises
    ------
    RuntimeError
        With what the process said, when it failed.
    """
    command = [sys.executable, "-m", "tests.bench.measure", json.dumps(asdict(order))]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **SINGLE}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{order.method}: {done.stderr.strip()[-800:]}")
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def peak_mb() -> float:
    """Return the most memory that this process has had, MB of a million bytes."""
    try:
        # ru_maxrss would carry over what the parent had when it started this process.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


# --- in that process ---


def _taken(order: Order, since: tuple[float, float], figures: dict[str, float]) -> Measurement:
    """Return the measurement of what began at `since` (CPU and wall clock)."""
    cpu, wall = time.process_time() - since[0], time.perf_counter() - since[1]
    return Measurement(order.method, cpu, wall, peak_mb(), figures)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _whole(function: Callable[[Files], Funn]) -> Callable[[Order], tuple[Measurement, Funn | None]]:
    """Return how a function is measured that reads the files itself."""

    def measured(order: Order) -> tuple[Measurement, Funn]:
        began = _now()
        funn = function(_files(order))
        return replace(_taken(order, began, {}), figures=funn.figures()), funn

    return measured


def _ours(*, per_sone: bool = True, traader: int = 1) -> Callable[[Order], tuple[Measurement, Funn | None]]:
    """Return how this engine is measured, and apart how long it reads: PostGIS has read before."""
    from tests.bench import ours

    def measured(order: Order) -> tuple[Measurement, Funn]:
        began = _now()
        inndata = ours.read(_files(order), traader=traader)
        read_s = time.process_time() - began[0]
        funn = ours.found(inndata, per_sone=per_sone, traader=traader)
        taken = _taken(order, began, {"read_s": read_s})
        return replace(taken, figures=funn.figures() | taken.figures), funn

    return measured


def _files(order: Order) -> Files:
    return Files(*map(Path, order.files))


def _limit(order: Order) -> tuple[Measurement, None]:
    from tests.bench import peers

    omraader = Funn.load(Path(order.given or "")).omraader
    began = _now()
    met = peers.limit(_files(order), omraader)
    return _taken(order, began, {"par": met}), None


def _postgis(order: Order) -> tuple[Measurement, Funn]:
    from tests.bench.postgis import postgis

    answer = postgis(_files(order), order.pg or "")
    figures = answer.funn.figures() | {"load_s": answer.load_s}
    return Measurement(order.method, answer.cpu_s, answer.wall_s, float("nan"), figures), answer.funn


def _incremental(order: Order) -> tuple[Measurement, Funn]:
    from tests.bench import ours

    wall = time.perf_counter()
    took, funn = ours.incremental(_files(order), seed=order.seed, repeat=3)
    figures = funn.figures() | {"full_s": took.full_s, "hashed_s": took.hashed_s, "same": float(took.same)}
    return Measurement(order.method, took.known_s, time.perf_counter() - wall, peak_mb(), figures), funn


def _method(name: str) -> Callable[[Order], tuple[Measurement, Funn | None]]:
    """Return how a method is measured; what it needs is imported here, before the clock runs."""
    if name.startswith("ours") or name == "dissolved":
        return _ours(per_sone=name != "dissolved", traader=2 if name == "ours-2-threads" else 1)
    if name in {"limit", "postgis", "incremental"}:
        return {"limit": _limit, "postgis": _postgis, "incremental": _incremental}[name]
    from tests.bench import ours, peers

    return _whole({"papers": peers.papers, "overlay": peers.overlay, "described": ours.described}[name])


METHODS = (
    "ours",
    "papers",
    "overlay",
    "postgis",
    "limit",
    "ours-2-threads",
    "dissolved",
    "described",
    "incremental",
)


def _warm_up(order: Order) -> None:
    """Read the smallest file in both ways, so that what the libraries import at their first use is not counted."""
    import geopandas as gpd
    import pyarrow as pa

    from tests.bench.funn import read_geometry

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    read_geometry(Path(order.files[0]))
    gpd.read_parquet(order.files[0])


def main(argument: str) -> None:
    """Measure what is ordered and print it."""
    order = Order(**json.loads(argument))
    method = _method(order.method)
    _warm_up(order)
    measurement, funn = method(order)
    if funn is not None and order.keep:
        funn.save(Path(order.keep))
    print(json.dumps(asdict(measurement)))


if __name__ == "__main__":
    main(sys.argv[1])
