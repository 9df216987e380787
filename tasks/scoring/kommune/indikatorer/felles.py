"""Arithmetic that several indicators share: shares, changes, rates per 1,000, ratios to the country."""

from __future__ import annotations

import pandas as pd


def prosent(del_: pd.Series, hele: pd.Series) -> pd.Series:
    """Return a part in per cent of the whole: part / whole × 100; missing where the whole is 0.

    Examples
    --------
    >>> prosent(pd.Series([25.0, 1.0]), pd.Series([100.0, 0.0])).tolist()
    [25.0, nan]
    """
    return del_ / hele.where(hele != 0) * 100


def endring_prosent(naa: pd.Series, foer: pd.Series) -> pd.Series:
    """Return a change in per cent of what was: (now − before) / before × 100; missing where it was 0.

    Examples
    --------
    >>> endring_prosent(pd.Series([980.0, 5.0]), pd.Series([1000.0, 0.0])).tolist()
    [-2.0, nan]
    """
    return prosent(naa - foer, foer)


def per_1000(antall: pd.Series, folkemengde: pd.Series) -> pd.Series:
    """Return a count per 1,000 inhabitants; missing where nobody lives.

    Examples
    --------
    >>> per_1000(pd.Series([12.0, 3.0]), pd.Series([4000.0, 0.0])).tolist()
    [3.0, nan]
    """
    return antall / folkemengde.where(folkemengde > 0) * 1000


def forhold(verdi: pd.Series, land: pd.Series) -> pd.Series:
    """Return a value in relation to the country's: value / country; 1 is as the country, missing where that is 0.

    Examples
    --------
    >>> forhold(pd.Series([450.0, 450.0]), pd.Series([500.0, 0.0])).tolist()
    [0.9, nan]
    """
    return verdi / land.where(land != 0)


def som_det_er(verdi: pd.Series) -> pd.Series:
    """Return a figure that the source gives as the indicator wants it.

    Examples
    --------
    >>> som_det_er(pd.Series([2.5])).tolist()
    [2.5]
    """
    return verdi
