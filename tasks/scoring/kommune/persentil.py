"""Persentil: where a kommune stands among the others, 0–100."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tasks.scoring.kommune.tallene import EXACT, Values


def persentiler(verdi: Values, *, er_ekte: npt.NDArray[np.bool_]) -> Values:
    """Return the share of the real kommuner with a lower value, per cent; ties, and the kommune itself, count half.

    (number lower + number equal / 2) / number × 100, among real kommuner with a value, each rounded to `EXACT`
    decimals. An invented one is set against the real ones; without any real one there is no percentile.

    Examples
    --------
    >>> persentiler(np.array([1.0, 2.0, 2.0, 5.0, np.nan]), er_ekte=np.array([True, True, True, True, True])).tolist()
    [12.5, 50.0, 50.0, 87.5, nan]
    """
    verdi = np.round(verdi, EXACT)
    rekke = np.sort(verdi[er_ekte & np.isfinite(verdi)])
    if not len(rekke):
        return np.full(len(verdi), np.nan)
    midt = (np.searchsorted(rekke, verdi, side="left") + np.searchsorted(rekke, verdi, side="right")) / 2
    return np.where(np.isfinite(verdi), 100 * midt / len(rekke), np.nan)
