"""The guard: what may take the place of the ranking that stands."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.scoring.kommune.vakt import judge
from tests.scoring.kommune.haandregnet import rules


def scorer(dekning, *, invented=False, oppdiktet=None, profil="boligsosial 1"):
    return pd.DataFrame(
        {
            "dekning": dekning,
            "er_oppdiktet_kommune": oppdiktet or [False] * len(dekning),
            "har_oppdiktede_tall": invented,
            "profil": profil,
            "rangert_dato": "2026-02-03",
        }
    )


RULES = rules(minste_dekning=0.6, minste_dekning_av_sist=0.8)


@pytest.mark.parametrize(
    ("now", "before", "reasons"),
    [
        ([1.0, 0.2], None, 0),  # 0.6 in the mean: enough
        ([1.0, 0.18], None, 1),
        ([0.8, 0.8], [1.0, 1.0], 0),
        ([0.79, 0.79], [1.0, 1.0], 1),
        ([0.5, 0.5], [1.0, 1.0], 2),
        ([0.7, 0.7], [0.6, 0.6], 0),
    ],
)
def test_coverage_decides(now, before, reasons):
    verdict = judge(scorer(now), RULES, tidligere=[] if before is None else [scorer(before)])
    assert len(verdict.grunner) == reasons
    assert verdict.er_godtatt == (reasons == 0)
    assert verdict.dekning == pytest.approx(sum(now) / 2)


def test_the_reasons_carry_the_figures_and_say_what_to_do():
    first, second = judge(scorer([0.5]), RULES, tidligere=[scorer([0.9])]).grunner
    assert "50%" in first
    assert "60%" in first
    assert "minste_dekning)" in first
    assert "the ranking of 2026-02-03 had 90%" in second
    assert "minste_dekning_av_sist" in second


def test_real_figures_are_not_held_against_invented_ones():
    verdict = judge(scorer([0.7]), RULES, tidligere=[scorer([1.0], invented=True)])
    assert verdict.er_godtatt
    assert verdict.dekning_sist is None


def test_the_invented_kommuner_do_not_count():
    assert judge(scorer([0.5, 1.0], oppdiktet=[False, True]), RULES, tidligere=[]).dekning == 0.5
    assert judge(scorer([0.9], oppdiktet=[True]), RULES, tidligere=[]).dekning == 0.9


def test_the_best_of_the_earlier_ones_counts():
    earlier = [scorer([0.7]), scorer([0.95]), scorer([0.8])]
    verdict = judge(scorer([0.7]), RULES, tidligere=earlier)
    assert verdict.dekning_sist == 0.95
    assert len(verdict.grunner) == 1


def test_a_ranking_of_another_version_is_not_compared_with():
    assert judge(scorer([0.7]), RULES, tidligere=[scorer([1.0], profil="boligsosial 0")]).dekning_sist is None
