"""The benchmark of the measure of conflict: one world for one seed, equal results, the targets."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from tasks.scoring.tomt import stopp
from tests.bench.konflikt import Maaling, Sammenligning, outcomes
from tests.bench.konfliktland import PER_LOT, TEMAER, konfliktland
from tests.bench.konfliktpeers import Andeler, difference

ROOT = Path(__file__).parents[3]


def test_the_example_of_a_reason_is_true():
    assert doctest.testmod(stopp).failed == 0


def test_a_seed_invents_the_same_kommune_again():
    one, again, other = (konfliktland(80, seed=seed) for seed in (1, 1, 2))
    wkb = [shapely.to_wkb(land.konflikter.geometry.to_numpy()).tolist() for land in (one, again, other)]
    assert wkb[0] == wkb[1] != wkb[2]
    assert len(one.konflikter) == 80 * PER_LOT
    assert one.konflikter["tema"].nunique() == TEMAER


def test_a_difference_shows():
    one = Andeler({("A", "t", "hard"): 0.5}, {}, {"A": 1000.0})
    assert difference(one, one) == 0
    assert difference(one, one._replace(av_tomt={})) == 0.5
    assert difference(one, one._replace(byggbar_m2={"A": 990.0})) == pytest.approx(0.01)


def test_targets_are_met_or_missed():
    few = Maaling(10_000, 50_000, traader=2, cpu_s=8.0, wall_s=10.1, rader=1)
    met = {o.navn: o.met for o in outcomes([few, replace(few, tomter=40_000, cpu_s=34.0)], [])}
    assert met == {"10,000 lots, wall s": False, "growth 10,000 → 40,000, log-log": True}
    slow = Sammenligning("overlay", cpu_s=1.4, vaare_cpu_s=1.0, avvik=2e-6)
    assert [o.met for o in outcomes([few], [slow])] == [False, False, False]


@pytest.mark.long
def test_the_benchmark():
    command = [sys.executable, "-m", "tests.bench.konflikt", "--json", "--compare", "500"]
    done = subprocess.run(
        [*command, "--tomter", "10000", "40000"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-800:]
    found = json.loads(done.stdout)
    assert found["maalinger"][0]["flater"] == 50_000
    missed = {o["navn"] for o in found["targets"] if not o["met"]}
    # time and growth are the benchmark's to tell, and a busy machine's to spoil: here only what would be another order
    assert missed <= {"10,000 lots, wall s", "growth 10,000 → 40,000, log-log"}
    small, large = (one["cpu_s"] for one in found["maalinger"])
    assert small < 20
    assert large < 4**1.3 * small
