"""Ordlegging: columns of numbers as Norwegian words, each different number written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from config.kurver import Tall
from tasks.tekst import tall

Tekster = npt.NDArray[np.object_]

UKJENT = "ikke kjent"


def skriv(values: Tall, write: Callable[[float], str], *, steg: float = 1.0) -> Tekster:
    """Return each value in words; NaN is not known.

    Parameters
    ----------
    write
        Number → words; asked once for each value that differs after rounding.
    steg
        Values are rounded to this.
    """
    rounded = np.where(np.isfinite(values), np.round(values / steg) * steg, values)
    unique, where = np.unique(rounded, return_inverse=True)
    words = np.array([UKJENT if np.isnan(v) else write(float(v)) for v in unique], dtype=object)
    return words[where.reshape(values.shape)] if len(unique) else np.empty(values.shape, dtype=object)


def meter(value: float) -> str:
    """Return a distance, m, in words.

    Examples
    --------
    >>> meter(350.0), meter(1440.0), meter(float("inf"))
    ('350 m', '1,4 km', 'ingen innen rekkevidde')
    """
    if np.isinf(value):
        return "ingen innen rekkevidde"
    return f"{tall(value)} m" if value < 1000 else f"{tall(value / 1000, 1)} km"


def meter_fra(values: Tall) -> Tekster:
    """Return distances, m, in words, rounded to 10 m."""
    return skriv(values, meter, steg=10.0)


def antall(values: Tall) -> Tekster:
    """Return whole numbers in words."""
    return skriv(values, tall)


def norsk_dato(iso: str | None) -> str:
    """Return an ISO date as it is written in prose, "" where there is none.

    Examples
    --------
    >>> norsk_dato("2026-11-02"), norsk_dato(None)
    ('02.11.2026', '')
    """
    return ".".join(reversed(iso[:10].split("-"))) if iso else ""


def prosent(share: float) -> str:
    """Return a share, 0–1, in percent; what is there is never 0.

    Examples
    --------
    >>> prosent(0.4), prosent(0.002)
    ('40 %', 'under 1 %')
    """
    return "under 1 %" if 0 < share < 0.01 else f"{tall(share * 100)} %"


def poeng(value: float) -> str:
    """Return points with the one decimal that they are shown with, none where it is 0.

    Examples
    --------
    >>> poeng(15.0), poeng(12.34)
    ('15', '12,3')
    """
    text = tall(value, 1)
    return text.removesuffix(",0")


def tekster(values: Any) -> Tekster:
    """Return a column of texts; whatever is missing in it is None."""
    return np.array([v if isinstance(v, str) else None for v in np.asarray(values, dtype=object)], dtype=object)


def kolonne(words: str | None, n: int) -> Tekster:
    """Return a column that says the same everywhere."""
    column = np.empty(n, dtype=object)
    column[:] = words
    return column


def med(template: str, *columns: Tekster) -> Tekster:
    """Return a column of texts: the template with a word of each column in it."""
    if not columns or not len(columns[0]):
        return np.empty(0, dtype=object)
    return np.array([template.format(*row) for row in zip(*columns, strict=True)], dtype=object)
