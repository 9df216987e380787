"""What the lots of a kommune add up to."""

from __future__ import annotations

import doctest
import json

import pandas as pd

from tasks import totaler as module
from tasks.tomtekontrakter import SCORER
from tasks.totaler import Sum, totaler

NAN = float("nan")


def lots(*rows: tuple[str, bool, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["nivaa", "er_stoppet", "boliger_lav", "boliger", "boliger_hoy"])


def test_lots_and_dwellings_by_level_and_in_all():
    found = totaler(lots(("A", False, 8, 10, 14), ("A", False, 4, 5, 6), ("C", False, 1, 2, 3)))
    assert found.nivaa["A"] == Sum(2, 0, 12, 15, 20)
    assert found.nivaa["C"] == Sum(1, 0, 1, 2, 3)
    assert found.nivaa["B"] == found.nivaa["D"] == Sum()
    assert found.i_alt == Sum(3, 0, 13, 17, 23)


def test_stopped_lots_are_counted_apart_and_their_dwellings_are_not():
    found = totaler(lots(("D", True, 8, 10, 14), ("D", False, 1, 1, 1)))
    assert (found.stoppet, found.nivaa["D"], found.i_alt) == (1, Sum(1, 0, 1, 1, 1), Sum(1, 0, 1, 1, 1))


def test_a_lot_whose_dwellings_are_not_known_is_told_and_adds_none():
    assert totaler(lots(("B", False, NAN, NAN, NAN), ("B", False, 2, 3, 4))).i_alt == Sum(2, 1, 2, 3, 4)


def test_a_lot_that_nobody_has_scored_is_of_no_level():
    found = totaler(lots(("A", False, 1, 2, 3), (None, False, NAN, NAN, NAN)))
    assert (found.i_alt.tomter, sum(of.tomter for of in found.nivaa.values())) == (2, 1)


def test_no_lots_add_up_to_nothing_and_the_totals_are_json():
    found = totaler(SCORER.empty())
    assert (found.i_alt, found.stoppet) == (Sum(), 0)
    assert json.loads(json.dumps(found.as_dict()))["nivaa"]["A"]["tomter"] == 0


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
