"""PostGIS as a peer: the same calculation as tuned SQL, in the database that TOMT_BENCH_PG names (a libpq URL).

Driven through `psql`, so that nothing has to be installed beside the database's own client. Everything lies in the
schema `tomt_bench`, which is dropped at the end. Loading, indexing and fetching the answer are not counted.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from tests.bench.funn import MINSTE_OMRAADE_M2, MINSTE_TOMT_M2, Funn, read_geometry
from tests.bench.municipality import EPSG, Files

VARIABLE = "TOMT_BENCH_PG"
DONE = "tomt-bench-done"

SETTINGS = """
set client_min_messages = warning; set search_path = tomt_bench, public;
set work_mem = '256MB'; set maintenance_work_mem = '256MB'; set jit = off;
set max_parallel_workers_per_gather = 0; set enable_seqscan = on;
"""

WORK = f"""
create unlogged table omraader as
select sone, g from (
    select s.nr as sone, (ST_Dump(case when u.g is null then s.g else ST_Difference(s.g, u.g) end)).geom as g
    from soner s cross join lateral (select ST_Union(p.g) as g from planer p where ST_Intersects(s.g, p.g)) u
) d where ST_Area(g) >= {MINSTE_OMRAADE_M2};
create unlogged table tomter as
select sone, teig, g from (
    select o.sone, t.nr as teig,
        (ST_Dump(case when ST_CoveredBy(t.g, o.g) then t.g else ST_Intersection(o.g, t.g) end)).geom as g
    from omraader o join teiger t on ST_Intersects(o.g, t.g)
) d where ST_Dimension(g) = 2 and ST_Area(g) >= {MINSTE_TOMT_M2};
"""


@dataclass(frozen=True)
class Answer:
    """What PostGIS found, and what it took.

    Attributes
    ----------
    cpu_s
        Of the server's process for this session; None when it runs on another machine.
    wall_s, load_s
        Of the calculation; of loading, indexing and analysing.
    """

    funn: Funn
    cpu_s: float | None
    wall_s: float
    load_s: float


class Psql:
    """One session of psql: SQL in, lines out."""

    def __init__(self, url: str) -> None:
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", url]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, sql: str, rows: Sequence[str] = ()) -> list[str]:
        """Run SQL, with rows for a COPY at its end, and return the lines of the answer.

        Raises
        ------
        RuntimeError
            With what psql said.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(sql + "\n")
            if rows:
                self._process.stdin.writelines(f"{row}\n" for row in rows)
                self._process.stdin.write("\\.\n")
            self._process.stdin.write(f"\\echo {DONE}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.rstrip("\n") == DONE:
                return lines
            lines.append(line.rstrip("\n"))
        self._fail()
        return lines

    def _fail(self) -> None:
        _, said = self._process.communicate()
        raise RuntimeError(f"{VARIABLE}: psql stopped: {said.strip()[:500]}")

    def close(self) -> None:
        """End the session."""
        if self._process.poll() is None:
            self._process.communicate("drop schema if exists tomt_bench cascade;\n")


@contextmanager
def session(url: str) -> Iterator[Psql]:
    """Open a session with an empty schema of its own, and drop both at the end."""
    psql = Psql(url)
    try:
        psql.run(
            "set client_min_messages = warning; drop schema if exists tomt_bench cascade; create schema tomt_bench;"
        )
        psql.run(SETTINGS)
        yield psql
    finally:
        psql.close()


def postgis(files: Files, url: str) -> Answer:
    """Return what PostGIS finds in the three files.

    Raises
    ------
    RuntimeError
        When the database cannot be reached or has no PostGIS.
    """
    with session(url) as psql:
        pid = int(psql.run("select pg_backend_pid();")[0])
        started = time.perf_counter()
        for name, path in zip(("soner", "planer", "teiger"), files, strict=True):
            _load(psql, name, path)
        loaded = time.perf_counter()
        before = _cpu_s(pid)
        psql.run(WORK)
        after, ended = _cpu_s(pid), time.perf_counter()
        cpu_s = None if before is None or after is None else after - before
        return Answer(_fetched(psql), cpu_s, wall_s=ended - loaded, load_s=loaded - started)


def _load(psql: Psql, name: str, path: Path) -> None:
    psql.run(f"create unlogged table {name} (nr int, g geometry(geometry, {EPSG}));")
    wkb = shapely.to_wkb(shapely.set_srid(read_geometry(path), EPSG), hex=True, include_srid=True)
    psql.run(f"copy {name} from stdin;", [f"{nr}\t{shape}" for nr, shape in enumerate(wkb)])
    psql.run(f"create index on {name} using gist (g); vacuum analyze {name};")


def _fetched(psql: Psql) -> Funn:
    omraader = [line.split("|") for line in psql.run("select sone, ST_AsHEXEWKB(g) from omraader;")]
    tomter = [line.split("|") for line in psql.run("select sone, teig, ST_AsHEXEWKB(g) from tomter;")]
    return Funn(
        shapely.set_srid(shapely.from_wkb([g for _, g in omraader]), 0),
        np.array([int(sone) for sone, _ in omraader], dtype=np.intp),
        shapely.set_srid(shapely.from_wkb([g for _, _, g in tomter]), 0),
        np.array([int(sone) for sone, _, _ in tomter], dtype=np.intp),
        np.array([int(teig) for _, teig, _ in tomter], dtype=np.intp),
    )


def _cpu_s(pid: int) -> float | None:
    """Return the CPU seconds of the server's process, or None when no such process runs here."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except OSError:
        return None
    if "postgres" not in name:
        return None
    user, system = rest.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
