"""Conflict as properties: against counted cells, in any order, twice as well as once, some lots as all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.tomt import flater, snitt
from tasks.scoring.tomt.konflikt import maal_konflikt
from tasks.tomtekontrakter import ALVOR
from tests.bench import konfliktpeers as peers
from tests.bench.konfliktland import EPSG, Land, konfliktland
from tests.scoring.tomt.konfliktbase import REGISTER, box, dekning, kjerner, konflikter, maal, shares, tomter

CELLS, CELL_M = 12, 10
LAGENE = [("vern", "vern", "stopp"), ("vern_foreslaatt", "vern", "hard"), ("flom", "flom", "hard")]
LAGENE += [("flom_aktsomhet", "flom", "myk"), ("stoy", "stoy", "hard"), ("stoy", "stoy", "stopp")]


class Rute(NamedTuple):
    """A rectangle of whole cells."""

    west: int
    south: int
    east: int
    north: int

    @property
    def geometry(self):
        return box(*(CELL_M * side for side in self))

    @property
    def cells(self):
        grid = np.zeros((CELLS, CELLS), dtype=bool)
        grid[self.west : self.east, self.south : self.north] = True
        return grid


ALT = Rute(0, 0, CELLS, CELLS)


@st.composite
def ruter(draw, within=ALT):
    west, south = draw(st.integers(within.west, within.east - 1)), draw(st.integers(within.south, within.north - 1))
    return Rute(west, south, draw(st.integers(west + 1, within.east)), draw(st.integers(south + 1, within.north)))


@st.composite
def lots_with_cores(draw):
    lot = draw(ruter())
    return lot, draw(st.none() | ruter(within=lot))


lots = st.lists(lots_with_cores(), min_size=1, max_size=4)
features = st.lists(st.tuples(st.sampled_from(LAGENE), ruter()), max_size=14)


def measured(lots, features):
    ids = [f"T{i}" for i in range(len(lots))]
    cores = {i: (core.geometry, core.geometry.area) for i, (_, core) in zip(ids, lots, strict=True) if core}
    frame = tomter((i, lot.geometry, cores.get(i, (None, 0.0))[1]) for i, (lot, _) in zip(ids, lots, strict=True))
    rows = [(*lag, rute.geometry, f"{rute}") for lag, rute in features]
    return maal(frame, kjerner(cores), konflikter(rows))


def counted(lot, core, features):
    """Return shares of a lot and of its core by theme and alvor, and what is left and free of the core, by cells."""
    found = {}
    for tema in REGISTER.tema:
        rank = np.full((CELLS, CELLS), len(ALVOR))
        for (_, its, alvor), rute in features:
            if its == tema:
                rank[rute.cells] = np.minimum(rank[rute.cells], ALVOR.index(alvor))
        for k, alvor in enumerate(ALVOR):
            if here := (rank == k)[lot.cells].sum():
                of_core = (rank == k)[core.cells].mean() if core else np.nan
                found[tema, alvor] = (here / lot.cells.sum(), of_core)
    stopp, taken, bound = np.zeros((3, CELLS, CELLS), dtype=bool)
    for (lag, _, alvor), rute in features:
        stopp |= rute.cells & (alvor == "stopp")
        taken |= rute.cells & (alvor == "stopp" or (alvor == "hard" and REGISTER.lag[lag].tar_av_kjernen))
        bound |= rute.cells & (alvor != "myk")
    left, free = ((core.cells & ~under).sum() * CELL_M**2 if core else 0.0 for under in (taken, bound))
    is_stopped = stopp[lot.cells].mean() >= 0.5 or bool(core and taken[core.cells].all())
    return found, left, free, is_stopped


@settings(max_examples=40)
@given(lots, features)
def test_as_counted_cell_by_cell(lots, features):
    found = measured(lots, features)
    got = shares(found)
    for i, (lot, core) in enumerate(lots):
        wanted, left, free, is_stopped = counted(lot, core, features)
        assert {key[1:] for key in got if key[0] == f"T{i}"} == set(wanted)
        for key, pair in wanted.items():
            assert got[f"T{i}", *key] == pytest.approx(pair, abs=1e-9, nan_ok=True)
        row = found.tomter.iloc[i]
        assert row["byggbar_m2"] == pytest.approx(left, abs=1e-6)
        assert row["fri_m2"] == pytest.approx(free, abs=1e-6)
        assert row["fri_m2"] <= row["byggbar_m2"] + 1e-9
        assert row["er_stoppet"] == is_stopped
        assert (row["stopp_grunn"] is not None) == is_stopped


@settings(max_examples=12)
@given(lots, features, st.randoms(use_true_random=False))
def test_neither_the_order_of_the_features_nor_duplicates_change_anything(lots, features, random):
    before = measured(lots, features)
    mixed = [*features, *random.choices(features, k=3)] if features else []
    random.shuffle(mixed)
    after = measured(lots, mixed)
    pd.testing.assert_frame_equal(before.andeler, after.andeler, rtol=1e-9)
    pd.testing.assert_frame_equal(before.tomter, after.tomter, rtol=1e-9)


@settings(max_examples=12)
@given(lots, features)
def test_shares_of_a_theme_lie_between_0_and_1_together(lots, features):
    rows = measured(lots, features).andeler
    assert (rows["andel"] > 0).all()
    assert (rows[["andel", "andel_kjerne"]].fillna(0).to_numpy() >= 0).all()
    assert (rows.groupby(["tomt_id", "tema"])[["andel", "andel_kjerne"]].sum().to_numpy() <= 1 + 1e-12).all()


@settings(max_examples=12)
@given(lots, features, st.sampled_from(LAGENE), ruter())
def test_one_feature_more_never_makes_a_lot_better(lots, features, lag, rute):
    before, after = measured(lots, features), measured(lots, [*features, (lag, rute)])
    for column in ("byggbar_m2", "fri_m2"):
        assert (after.tomter[column] <= before.tomter[column] + 1e-6).all()
    assert (after.tomter["er_stoppet"] >= before.tomter["er_stoppet"]).all()


# --- curved land: what the cells do not show ---


@pytest.fixture(scope="module")
def land():
    return konfliktland(90, seed=3)


def run(land: Land, traader=1):
    return maal_konflikt(
        land.tomter,
        land.kjerner,
        land.konflikter,
        dekning=land.dekning,
        register=land.register,
        epsg=EPSG,
        traader=traader,
    )


def test_threads_change_nothing(land, monkeypatch):
    one = run(land)
    monkeypatch.setattr(flater, "WORTH_A_THREAD", 10)
    two = run(land, traader=2)
    pd.testing.assert_frame_equal(one.andeler, two.andeler)
    pd.testing.assert_frame_equal(one.tomter, two.tomter)


def test_geopandas_overlay_finds_the_same(land):
    other = peers.overlay(land.tomter, land.kjerner, land.konflikter, land.register)
    ours = peers.ours(run(land))
    assert len(ours.av_tomt) > 500
    assert peers.difference(ours, other) < 1e-9


def test_some_lots_are_measured_as_among_all(land):
    some = land.tomter.iloc[40:60]
    whole = run(land)
    part = run(Land(some, land.kjerner, land.konflikter, land.dekning, land.register))
    rows = whole.andeler[whole.andeler["tomt_id"].isin(some["tomt_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.andeler, rows, rtol=1e-9)
    pd.testing.assert_frame_equal(part.tomter, whole.tomter.iloc[40:60].reset_index(drop=True), rtol=1e-9)


def test_a_feature_of_very_many_vertices_is_cut_down_to_windows_and_gives_the_same(monkeypatch):
    x = np.linspace(-200, 6_200, 4_000)
    wave = 200 + 60 * np.sin(x / 90) + 7 * np.sin(x / 3)
    ring = np.concatenate([np.c_[x, wave], np.c_[x[::-1], wave[::-1] + 400 + 50 * np.cos(x / 11)]])
    coast = shapely.Polygon(ring + box(0, 0, 1, 1).bounds[:2])
    lot = [box(60 * i, 55 * k, 60 * i + 50, 55 * k + 40) for i in range(0, 100, 2) for k in range(13)]
    cut = []
    kept = snitt._windows
    monkeypatch.setattr(snitt, "_windows", lambda *a, **k: cut.append(kept(*a, **k)) or cut[-1])
    found = maal(
        tomter((f"T{i:04d}", g, 0.0) for i, g in enumerate(lot)),
        kjerner({}),
        konflikter([("stoy", "stoy", "hard", coast)]),
        dekning=dekning(),
    )
    area = shapely.area(shapely.intersection(np.array(lot), coast))
    share = found.andeler.set_index("tomt_id")["andel"].reindex(found.tomter["tomt_id"]).fillna(0)
    np.testing.assert_allclose(share, area / 2000, atol=1e-9)
    assert share.between(0.001, 0.999).sum() > 100
    assert shapely.get_num_coordinates(cut[0]).max() < 300  # of 8,000
