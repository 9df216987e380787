"""Sensitivity: who stays among the best when weights move."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.scoring.kommune.folsomhet import sensitivity
from tests.scoring.kommune.haandregnet import SOCIAL, rules


def shares(*rows: dict[str, float]) -> pd.DataFrame:
    """Return kommuner × factors, in the order given; what is not said is 0."""
    frame = pd.DataFrame(rows, index=[f"{k:04d}" for k in range(len(rows))])
    return frame.reindex(columns=list(SOCIAL.faktor)).fillna(0.0)


def tried(frame, *, real=None, **changes):
    is_real = np.ones(len(frame), dtype=bool) if real is None else np.array(real)
    return sensitivity(frame, SOCIAL, rules(trekninger=400, **changes), is_real=is_real)


# boligstress weighs 20, inntekt 15: 16–24 against 12–18 with ± 20 %. A is ahead at 20 u > 15 v.
A, B, C = {"boligstress": 1.0}, {"inntekt": 1.0}, {"stabilitet": 0.1}


def test_a_lead_that_some_weights_turn_is_counted():
    found = tried(shares(A, B, C), topp=1)
    # P(20 u < 15 v), u and v uniform on 0.8–1.2: v > 4/3 u, so u < 0.9: ∫ (1.2 − 4/3 u) du / 0.16 = 0.0416
    assert found.robusthet["0001"] == pytest.approx(0.0417, abs=0.03)
    assert found.robusthet["0001"] > 0
    assert found.robusthet["0000"] == pytest.approx(1 - found.robusthet["0001"])
    assert found.robusthet["0002"] == 0
    assert found.overlapp == pytest.approx(found.robusthet["0000"])
    assert found.skiftet == pytest.approx(found.robusthet["0001"])
    assert (found.alltid, found.noen_gang) == (0, 1)


def test_weights_that_stay_change_nothing():
    found = tried(shares(A, B, C), topp=2, utslag=0.0)
    assert found.robusthet.tolist() == [1, 1, 0]
    assert (found.overlapp, found.skiftet, found.alltid, found.noen_gang) == (1, 0, 2, 0)


def test_of_the_same_the_better_one_today_goes_before():
    assert tried(shares(A, A, A), topp=1).robusthet.tolist() == [1, 0, 0]


def test_the_seed_decides_and_another_one_differs():
    frame = shares(A, B, C)
    one, again = (tried(frame, topp=1).robusthet for _ in range(2))
    pd.testing.assert_series_equal(one, again)
    assert tried(frame, topp=1, fro=1).robusthet.tolist() != one.tolist()


def test_the_order_of_the_factors_in_the_file_does_not_matter():
    turned = SOCIAL.model_copy(update={"faktor": dict(reversed(SOCIAL.faktor.items()))})
    frame, is_real = shares(A, B, C), np.ones(3, dtype=bool)
    one = sensitivity(frame, SOCIAL, rules(topp=1), is_real=is_real)
    other = sensitivity(frame, turned, rules(topp=1), is_real=is_real)
    pd.testing.assert_series_equal(one.robusthet, other.robusthet)


def test_an_invented_kommune_takes_nobody_s_place():
    frame = shares(A, A, B, C)
    found = tried(frame, topp=1, real=[False, True, True, True])
    alone = tried(frame.iloc[1:], topp=1)
    assert found.robusthet.iloc[1:].tolist() == alone.robusthet.tolist()
    told = [(f.overlapp, f.skiftet, f.alltid, f.noen_gang) for f in (found, alone)]
    assert told[0] == told[1]
    assert found.robusthet["0000"] == alone.robusthet["0001"]
    assert tried(frame, topp=1, real=[False, True, True, True], utslag=0.0).alltid == 1


def test_where_all_are_among_the_best_they_stay_so():
    found = tried(shares(A, B), topp=50)
    assert found.robusthet.tolist() == [1, 1]
    assert (found.overlapp, found.alltid) == (1, 2)
