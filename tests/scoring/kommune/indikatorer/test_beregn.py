"""Percentiles and trends by themselves, for any figures."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.indikatorer import Trend
from tasks.scoring.kommune import persentil
from tasks.scoring.kommune.indikatorer.beregn import trender
from tasks.scoring.kommune.persentil import persentiler

TALL = st.lists(st.integers(-5, 5), min_size=1, max_size=20).map(lambda xs: np.array(xs, dtype=float))


@settings(max_examples=5, deadline=None)
@given(TALL)
def test_percentiles_follow_the_values_and_are_fifty_on_average(verdi):
    alle = np.ones(len(verdi), dtype=bool)
    found = persentiler(verdi, er_ekte=alle)
    assert found.mean() == pytest.approx(50)
    assert ((found > 0) & (found < 100)).all()
    for a in range(len(verdi)):
        assert (found[verdi < verdi[a]] < found[a]).all()
    assert np.allclose(persentiler(verdi * 3 - 2, er_ekte=alle), found)


def test_without_a_real_kommune_there_is_no_percentile():
    assert np.isnan(persentiler(np.array([1.0]), er_ekte=np.array([False]))).all()


def test_exactly_the_threshold_is_flat_and_from_zero_nothing_relative_is_told():
    naa, foer = np.array([11.0, 11.1, 8.9, 5.0]), np.array([10.0, 10.0, 10.0, 0.0])
    assert trender(naa, foer, Trend(terskel=1)).tolist() == ["flat", "opp", "ned", "opp"]
    assert trender(naa, foer, Trend(terskel=10, relativ=True)).tolist() == ["flat", "opp", "ned", None]


def test_a_relative_trend_of_a_negative_figure_keeps_its_direction():
    assert trender(np.array([-1.0]), np.array([-2.0]), Trend(terskel=10, relativ=True)).tolist() == ["opp"]


def test_the_noise_of_arithmetic_is_a_tie():
    assert persentiler(np.array([1.1, 36.3 / 33]), er_ekte=np.array([True, True])).tolist() == [50.0, 50.0]


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(persentil).failed == 0
