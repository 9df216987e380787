"""Avrunding: points as they are shown, with one decimal, so that what is read adds up. A row per lot.

Each number alone is rounded by less than 0.1; parts add up to their factor, factors to the score.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from config.kurver import Tall
from config.nivaa import NEAR, Nivaaer
from tasks.scoring.tomt.tavle import Tavle


class Vist(NamedTuple):
    """What is read of each lot's points, and of those that are not known.

    Attributes
    ----------
    score, hoyest
        Never rounded up over the limit of a level.
    poeng, ukjent
        Lots × parts, in the order of the tavle.
    """

    score: Tall
    hoyest: Tall
    poeng: Tall
    ukjent: Tall

    def per_faktor(self, tavle: Tavle, column: str) -> dict[str, Tall]:
        """Return the points (`poeng`, `ukjent`) of each factor: those of its parts together."""
        values = self.poeng if column == "poeng" else self.ukjent
        return {f: np.round(values[:, at].sum(axis=1), 1) for f, at in tavle.kolonner.items()}


def avrund(tavle: Tavle, score: Tall, hoyest: Tall, *, nivaaer: Nivaaer) -> Vist:
    """Return the points of each lot with one decimal.

    Parameters
    ----------
    score, hoyest
        Sums of each lot, not rounded.
    """
    shown, most = (np.array([nivaaer.vist(v) for v in of.tolist()]) for of in (score, hoyest))
    points = fordel(_heads(tavle, "poeng"), _tenths(shown))
    unknown = fordel(_heads(tavle, "ukjent"), _tenths(most) - _tenths(shown))
    room = _tenths(np.array([tavle.maks_av(f) for f in tavle.kolonner])) - points
    return Vist(
        shown, most, _per_part(tavle, "poeng", points), _per_part(tavle, "ukjent", _within(unknown, room))
    )  # fmt: skip


def _heads(tavle: Tavle, column: str) -> Tall:
    return np.column_stack(list(tavle.per_faktor(column).values())) * 10


def _within(values: Tall, room: Tall) -> Tall:
    """Return values of which none is more than there is room for: what is too much goes where most room is left."""
    kept = np.minimum(values, room)
    left = np.where(values > 0, room - kept, -1.0)
    rank = np.argsort(-left, axis=1, kind="stable").argsort(axis=1)
    return np.asarray(kept + (rank < (values - kept).sum(axis=1)[:, None]))


def _per_part(tavle: Tavle, column: str, heads: Tall) -> Tall:
    """Return one decimal of each part: those of each factor add up to its head, tenths."""
    result = np.zeros((len(heads), len(tavle.deler)))
    for k, at in enumerate(tavle.kolonner.values()):
        result[:, at] = fordel(tavle.tall(column)[:, at] * 10, heads[:, k]) / 10
    return result


def _tenths(values: Tall) -> Tall:
    return np.asarray(np.round(values * 10))


def fordel(values: Tall, total: Tall) -> Tall:
    """Return whole numbers in place of values: each row adds up to its total, by the largest remainders.

    Parameters
    ----------
    values : (rows, columns)
        Not negative.
    total : (rows,)
        Whole, and less than `columns` from the sum of the whole parts of the row's values.

    Examples
    --------
    >>> fordel(np.array([[1.4, 2.3, 0.0, 3.3]]), np.array([7.0])).tolist()
    [[2.0, 2.0, 0.0, 3.0]]
    """
    whole = np.floor(values + NEAR)
    left = np.maximum(values - whole, 0.0)
    more = (total - whole.sum(axis=1))[:, None]
    # Of two with the same remainder the larger: what is nothing stays nothing.
    up = np.lexsort((-values, -left), axis=1).argsort(axis=1)
    down = np.lexsort((left, whole <= 0), axis=1).argsort(axis=1)
    return np.asarray(whole + (up < more) - (down < -more))
