"""The score `grov`, against the papers' formulas worked by hand."""

from __future__ import annotations

import doctest

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import grov_profil
from tasks.contracts import SCORER
from tasks.scoring import grov


def score(areal_m2: float) -> pd.Series:
    return grov.grov_score(pd.DataFrame({"tomt_id": ["t"], "areal_m2": [areal_m2]}), grov_profil()).iloc[0]


@pytest.mark.parametrize(
    ("areal_m2", "kapasitet", "storrelse", "total"),
    [
        (400.0, 12.5, 1.2, 34.25),  # 5 dwellings of 10; 0.4 daa of 5
        (800.0, 25.0, 2.4, 68.5),  # 10 dwellings: full
        (1000.0, 25.0, 3.0, 70.0),  # the floor: every lot has at least this
        (2500.0, 25.0, 7.5, 81.25),
        (5000.0, 25.0, 15.0, 100.0),
        (300_000.0, 25.0, 15.0, 100.0),
    ],
)
def test_points_and_score(areal_m2, kapasitet, storrelse, total):
    row = score(areal_m2)
    assert (row["poeng_kapasitet"], row["poeng_storrelse"], row["score"]) == pytest.approx(
        (kapasitet, storrelse, total)
    )


def test_the_reasons_say_the_points_and_what_was_not_looked_at():
    text = score(2500.0)["begrunnelse"]
    assert "Kapasitet 25,0 av 25,0 poeng: omtrent 31 boliger (80 m² per bolig)" in text
    assert "Størrelse 7,5 av 15,0 poeng: 2,5 daa" in text
    assert "bare disse to er vurdert" in text


@given(st.floats(1000, 1e7), st.floats(0, 1e6))
def test_a_larger_lot_never_scores_less(areal_m2, more):
    assert 0 <= score(areal_m2)["score"] <= score(areal_m2 + more)["score"] <= 100


def test_the_frame_keeps_its_contract():
    SCORER.check(grov.grov_score(pd.DataFrame({"tomt_id": ["a", "b"], "areal_m2": [1000.0, 2000.0]}), grov_profil()))
    SCORER.check(grov.grov_score(pd.DataFrame({"tomt_id": pd.Series(dtype=object), "areal_m2": []}), grov_profil()))


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(grov).failed == 0
