"""How long 500 pictures take and what they weigh: ``pytest -n 0 -m long -s tests/crm/bilder/test_maaling.py``."""

from __future__ import annotations

import os
import resource
import time
from statistics import median

import numpy as np
import pytest
import shapely

from tasks.crm.bilder.motiv import digest
from tasks.crm.bilder.serie import Oppgave, draw_all
from tests.crm.bilder.kart import EAST, NORTH, hinder, land, plan, rules, sone, teig, tomt
from tests.memory import peak_mb

ACROSS, SIDE_M = 50, 34.0
"""Parcels in each direction and their side: about as close as in a town."""
PICTURES = 500
MOST_S = 60.0
"""On two cores that do nothing else; what a run may take."""


def town():
    """Return a town of 2,500 parcels with a building on each, zones and plans, and 500 lots of 1 to 300 daa."""
    random = np.random.default_rng(6)
    corners = [(x * SIDE_M, y * SIDE_M) for x in range(ACROSS) for y in range(ACROSS)]

    def at(x, y, width, height=None):
        return shapely.box(EAST + x, NORTH + y, EAST + x + width, NORTH + y + (height or width))

    sides = np.exp(random.uniform(np.log(32), np.log(550), PICTURES))
    places = random.uniform(0, ACROSS * SIDE_M - 550, (PICTURES, 2))
    lots = [tomt(f"7001-{n:06d}", at(*places[n], sides[n])) for n in range(PICTURES)]
    return land(
        tomter=lots,
        teiger=[teig(f"t{n:05d}", f"{n // 90 + 1}/{n % 90 + 1}", at(x, y, SIDE_M)) for n, (x, y) in enumerate(corners)],
        hindre=[hinder(f"b{n}", "bygning", at(x + 9, y + 9, 10, 12)) for n, (x, y) in enumerate(corners)],
        soner=[sone(f"s{n}", "1110" if n % 3 else "3001", at(x, y, 170)) for n, (x, y) in enumerate(corners[::25])],
        reguleringsplaner=[plan(f"7001_{n}", f"Felt {n}", at(x, y, 120)) for n, (x, y) in enumerate(corners[::40])],
        scorer=[],
        adresser=[],
    )


@pytest.mark.long
def test_500_pictures_in_time_and_small_enough():
    register = rules(tegning={"prosesser": 2})
    began = time.monotonic()
    grunnlag = town()
    read = time.monotonic()
    motifs = [grunnlag.motiv(tomt_id) for tomt_id in grunnlag.best()[:PICTURES]]
    cut = time.monotonic()
    assert len({digest(m, register) for m in motifs}) == PICTURES
    named, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = list(draw_all([Oppgave(m) for m in motifs], register, antall=PICTURES))
    seconds = time.monotonic() - named
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # of all this process ever started: less what was before
    sizes = sorted(len(f.png) / 1000 for f in found if f.png is not None)
    cpu = children.ru_utime - before.ru_utime + children.ru_stime - before.ru_stime
    whole = time.monotonic() - began
    print(
        f"\n{len(sizes)} pictures in {whole:.1f} s, of these {seconds:.1f} s drawing ({cpu:.1f} s of processors, "
        f"load {os.getloadavg()[0]:.1f}); "
        f"read {read - began:.1f} s, motifs {cut - read:.1f} s, digests {named - cut:.1f} s\n"
        f"kB: min {sizes[0]:.0f}, median {median(sizes):.0f}, max {sizes[-1]:.0f}; "
        f"MB of the process that hands them out: {peak_mb():.0f}"
    )
    assert len(sizes) == PICTURES
    assert sizes[-1] <= 200
    assert cpu < 2 * MOST_S  # of two cores; the wall clock is printed, for others may be at work
