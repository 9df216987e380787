"""`python -m tests.bench`: measures this engine, the papers' algorithm, geopandas.overlay and the limit in one run.

PostGIS takes part when TOMT_BENCH_PG names a database (a libpq URL; it needs PostGIS and the right to make a schema).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import shapely

from tests.bench import norge, run, targets
from tests.bench.measure import METHODS, Measurement
from tests.bench.municipality import SIZES
from tests.bench.postgis import VARIABLE

ROUNDS = {"S": 5, "M": 5, "L": 3}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 1 when two methods found different land."""
    options = _parser().parse_args(arguments)
    folder = Path(options.folder or Path(tempfile.gettempdir()) / "tomt-bench")
    pg = os.environ.get(VARIABLE) or None
    methods = [m for m in options.method or METHODS if m != "postgis" or pg]
    names = options.size or ([] if options.norge else [*SIZES])
    if names and pg is None:
        print(f"{VARIABLE} is not set: without PostGIS", file=sys.stderr)
    sizes = [
        run.measure(name, methods, rounds=options.repeat or ROUNDS[name], seed=options.seed, folder=folder, pg=pg)
        for name in names
    ]
    best = {(size.name, method): taken for size in sizes for method, taken in size.best.items()}
    outcomes = targets.outcomes(best)
    land = None
    if options.norge:
        land = norge.norge(norge.KOMMUNER, folder=folder, seed=options.seed, per_sone=not options.dissolved)
        outcomes += land.outcomes()
    if options.json:
        print(json.dumps(_as_json(sizes, outcomes, land), ensure_ascii=False, indent=1))
    else:
        print("\n".join([_machine(), "", *_tables(sizes), *_norge(land), *_targets(outcomes)]))
    return 0 if all(size.equal for size in sizes) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").replace("`", ""))
    parser.add_argument("--size", nargs="+", choices=[*SIZES], help="municipalities to measure (all)")
    parser.add_argument("--method", nargs="+", choices=METHODS, help="what to measure beside ours (everything)")
    parser.add_argument("--repeat", type=int, metavar="N", help=f"rounds, the best counts ({_rounds()})")
    parser.add_argument("--norge", action="store_true", help="357 municipalities on two processes; alone unless --size")
    parser.add_argument("--dissolved", action="store_true", help="--norge in the product's reading, not the papers'")
    parser.add_argument("--seed", type=int, default=1, help="another one invents other municipalities (1)")
    parser.add_argument("--folder", help="where the invented files are kept (tomt-bench in the temporary folder)")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    return parser


def _rounds() -> str:
    return ", ".join(f"{size} {count}" for size, count in ROUNDS.items())


# --- what is printed ---


def _machine() -> str:
    """Return what was measured on, and how busy it was: wall clocks and threads mean little without free cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[1]:.1f}" if hasattr(os, "getloadavg") else ""
    software = f"Python {platform.python_version()}, Shapely {shapely.__version__}, GEOS {shapely.geos_version_string}"
    return f"{model}, {os.cpu_count()} cores{load} over five minutes; {software}"


def _tables(sizes: Sequence[run.Measured]) -> list[str]:
    lines = []
    for size in sizes:
        rows = SIZES[size.name]
        lines += [
            f"{size.name}: {rows.soner:,} zones, {rows.planer:,} plans, {rows.teiger:,} teiger; best of {size.rounds}",
            f"  {'method':<18}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'områder':>9}{'tomter':>9}"
            f"{'områder m²':>14}{'tomter m²':>14}",
            *(_row(taken) for taken in size.best.values()),
            *(_difference(size, method) for method in size.differences),
            "",
        ]
    return lines


def _row(taken: Measurement) -> str:
    figures = taken.figures
    cells = [
        f"{taken.method:<18}",
        f"{'–' if taken.cpu_s is None else format(taken.cpu_s, '.3f'):>9}",
        f"{'–' if taken.method == 'incremental' else format(taken.wall_s, '.3f'):>9}",
        f"{'–' if math.isnan(taken.peak_mb) else format(taken.peak_mb, '.0f'):>9}",
    ]
    widths = {"omraader": 9, "tomter": 9, "omraader_m2": 14, "tomter_m2": 14}
    cells += [f"{format(figures[k], ',.0f') if k in figures else '–':>{w}}" for k, w in widths.items()]
    notes = {
        "full_s": "from nothing",
        "hashed_s": "with hashing",
        "load_s": "loading (wall)",
        "read_s": "of it reading",
    }
    told = ", ".join(f"{words} {figures[key]:.3f}" for key, words in notes.items() if key in figures)
    return "  " + "".join(cells) + (f"  {told}" if told else "")


def _difference(size: run.Measured, method: str) -> str:
    by = size.differences[method]
    counts = "counts equal" if by.counts else "COUNTS DIFFER"
    return (
        f"  ours and {method}: {counts}; worst zone {by.omraader_m2:.1e} m², "
        f"worst teig in a zone {by.tomter_m2:.1e} m² of symmetric difference"
    )


def _norge(land: norge.Norge | None) -> list[str]:
    if land is None:
        return []
    return [
        f"Norway: {land.kommuner} municipalities, {land.teiger:,} teiger, {land.tomter:,} tomter on "
        f"{norge.PROCESSES} processes: {land.cpu_s:.1f} CPU s, {land.wall_s:.1f} s, {land.peak_mb:.0f} MB at most",
        "",
    ]


def _targets(outcomes: Sequence[targets.Outcome]) -> list[str]:
    return [f"{o.navn:<40}{o.value:>9.2f}  {o.sense} {o.bound:g}  {'ok' if o.met else 'MISSED'}" for o in outcomes]


def _as_json(
    sizes: Sequence[run.Measured], outcomes: Sequence[targets.Outcome], land: norge.Norge | None
) -> dict[str, Any]:
    return {
        "sizes": {
            size.name: {
                "rounds": size.rounds,
                "equal": size.equal,
                "measured": {method: _plain(taken) for method, taken in size.best.items()},
                "differences": {method: asdict(by) for method, by in size.differences.items()},
            }
            for size in sizes
        },
        "norge": None if land is None else asdict(land),
        "machine": _machine(),
        "targets": [asdict(outcome) for outcome in outcomes],
    }


def _plain(taken: Measurement) -> dict[str, Any]:
    """Return a measurement without the memory that is not to be known: JSON has no word for it."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(taken).items()}


if __name__ == "__main__":
    sys.exit(main())
