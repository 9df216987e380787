"""The back-test: figures worked by hand, and what chance gives beside them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.kommune.tilbakeblikk import look_back

# ten kommuner; the third and the fourth have the same score
SCORES = [90, 80, 70, 70, 60, 50, 40, 30, 20, 10]


def ranking(scores=SCORES):
    count = len(scores)
    table = pd.Series(scores, dtype=float)
    return pd.DataFrame(
        {
            "kommunenummer": [f"{k + 1:04d}" for k in range(count)],
            "score": table,
            "rang": range(1, count + 1),
            "persentil": (table.rank() - 0.5) * 100 / count,
            "er_oppdiktet_kommune": False,
        }
    )


def test_worked_by_hand():
    found = look_back(ranking(), ["0001", "0003", "0009"], topp=4)
    assert (found.antall, found.av, found.i_toppen) == (3, 10, 2)
    assert found.ventet_i_toppen == pytest.approx(3 * 4 / 10)
    # at least two of three among four of ten: (C(4,2) C(6,1) + C(4,3)) / C(10,3) = (36 + 4) / 120
    assert found.sjanse == pytest.approx(40 / 120)
    # percentiles 95, 70 (7 lower or half of the tie), 15
    assert found.persentil_snitt == pytest.approx(60)
    assert found.persentil_median == pytest.approx(70)
    # of 3 × 7 pairs: 0001 lies above all 7; 0003 above 5 and beside one; 0009 above one: 7 + 5.5 + 1
    assert found.auc == pytest.approx(13.5 / 21)


def test_it_is_said_with_chance_beside_it():
    (said,) = look_back(ranking(), ["0001", "0003", "0009"], topp=4).sentences()
    assert said == (
        "2 av 3 vellykkede kommuner er blant de 4 beste av 10 (ved tilfeldighet 1,2; så mange eller flere ved ren "
        "tilfeldighet: 33,3 %); persentil 60 i snitt, 70 i median (ved tilfeldighet 50), AUC 0,64 (ved tilfeldighet "
        "0,50)."
    )


def test_without_successes_it_says_so():
    found = look_back(ranking(), [], topp=4)
    assert (found.antall, found.auc, found.persentil_snitt) == (0, None, None)
    assert "Ingen vellykkede kommuner er kjent" in found.sentences()[0]


def test_successes_that_are_not_ranked_are_named_and_left_out():
    found = look_back(ranking(), ["9999", "0001", "0300"], topp=4)
    assert (found.antall, found.ukjente) == (1, ("0300", "9999"))
    assert found.sentences()[-1] == "Ikke rangert, og holdt utenfor: 0300, 9999."


def test_invented_kommuner_are_no_successes():
    frame = ranking().assign(er_oppdiktet_kommune=[True] + [False] * 9)
    found = look_back(frame, ["0001", "0002"], topp=4)
    assert (found.antall, found.av, found.ukjente) == (1, 9, ("0001",))


def test_where_all_are_successes_there_is_nothing_to_lie_above():
    found = look_back(ranking([3, 2]), ["0001", "0002"], topp=5)
    assert found.auc is None
    assert (found.ventet_i_toppen, found.sjanse) == (2, 1)
    assert "AUC" not in found.sentences()[0]


@settings(max_examples=5)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=12).map(lambda s: sorted(s, reverse=True)), st.data())
def test_turning_successes_and_others_about_turns_the_auc(scores, data):
    frame = ranking(scores)
    names = list(frame["kommunenummer"])
    chosen = data.draw(st.sets(st.sampled_from(names), min_size=1, max_size=len(names) - 1))
    ours = look_back(frame, chosen, topp=3)
    others = look_back(frame, set(names) - chosen, topp=3)
    assert ours.auc + others.auc == pytest.approx(1)
    assert ours.i_toppen + others.i_toppen == min(3, len(names))
    assert 0 < ours.sjanse <= 1
