"""Percentiles and trends by themselves, for any figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.kommune.indikatorer.beregn import persentiler, trender
from tasks.scoring.kommune.indikatorer.indikator import Trend

TALL = st.lists(st.integers(-5, 5), min_size=1, max_size=20).map(lambda xs: np.array(xs, dtype=float))


@settings(max_examples=25, deadline=None)
@given(TALL)
def test_percentiles_follow_the_values_and_are_fifty_on_average(verdi):
    alle = np.ones(len(verdi), dtype=bool)
    persentil = persentiler(verdi, er_ekte=alle)
    assert persentil.mean() == pytest.approx(50)
    assert ((persentil > 0) & (persentil < 100)).all()
    for a in range(len(verdi)):
        assert (persentil[verdi < verdi[a]] < persentil[a]).all()
    assert np.allclose(persentiler(verdi * 3 - 2, er_ekte=alle), persentil)


def test_without_a_real_kommune_there_is_no_percentile():
    assert np.isnan(persentiler(np.array([1.0]), er_ekte=np.array([False]))).all()


def test_exactly_the_threshold_is_flat_and_from_zero_nothing_relative_is_told():
    naa, foer = np.array([11.0, 11.1, 8.9, 5.0]), np.array([10.0, 10.0, 10.0, 0.0])
    assert trender(naa, foer, Trend(1.0)).tolist() == ["flat", "opp", "ned", "opp"]
    assert trender(naa, foer, Trend(10.0, er_relativ=True)).tolist() == ["flat", "opp", "ned", None]


def test_a_relative_trend_of_a_negative_figure_keeps_its_direction():
    assert trender(np.array([-1.0]), np.array([-2.0]), Trend(10.0, er_relativ=True)).tolist() == ["opp"]
