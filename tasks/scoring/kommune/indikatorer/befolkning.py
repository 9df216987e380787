"""Indicators of the population: how many, how the number moves, how old they are, whether the young leave."""

from __future__ import annotations

import pandas as pd

from tasks.scoring.kommune.indikatorer.felles import endring_prosent, prosent, som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav


def folketall(folkemengde: pd.Series) -> pd.Series:
    """Return the number of inhabitants, persons, on 1 January of the year (SSB 06913).

    Examples
    --------
    >>> folketall(pd.Series([4210.0])).tolist()
    [4210.0]
    """
    return som_det_er(folkemengde)


def befolkningsendring_prosent(naa: pd.Series, foer: pd.Series) -> pd.Series:
    """Return the change of the number of inhabitants, per cent of what it was (SSB 06913).

    (folkemengde of year t − folkemengde of year t−n) / folkemengde of year t−n × 100, both on 1 January, with n = 1, 5
    or 10. Missing where either year is missing (a split that cannot be carried back) or nobody lived there.

    Examples
    --------
    >>> befolkningsendring_prosent(pd.Series([4850.0]), pd.Series([5000.0])).tolist()
    [-3.0]
    """
    return endring_prosent(naa, foer)


def andel_over_65_prosent(over_65: pd.Series, i_alt: pd.Series) -> pd.Series:
    """Return the share of inhabitants who are 65 or older, per cent, 1 January of the year (SSB 07459).

    folkemengde 65+ / folkemengde of all ages × 100, both of the same table.

    Examples
    --------
    >>> andel_over_65_prosent(pd.Series([1250.0]), pd.Series([5000.0])).tolist()
    [25.0]
    """
    return prosent(over_65, i_alt)


def ungdomsflytting_prosent(unge_naa: pd.Series, unge_foer: pd.Series) -> pd.Series:
    """Return how the cohort of young people has changed in five years, per cent of its size (SSB 07459).

    (aged 20–29 in year t − aged 15–24 in year t−5) / aged 15–24 in year t−5 × 100. The people are the same cohort, so
    the difference is those who moved in less those who moved out, and the few who died.

    Examples
    --------
    >>> ungdomsflytting_prosent(pd.Series([480.0]), pd.Series([600.0])).tolist()
    [-20.0]
    """
    return endring_prosent(unge_naa, unge_foer)


def framskriving_prosent(framskrevet: pd.Series, start: pd.Series) -> pd.Series:
    """Return the projected change of the number of inhabitants, per cent (SSB 14746, main alternative).

    (projected for 2035 or 2050 − the projection's first year) / the projection's first year × 100.

    Examples
    --------
    >>> framskriving_prosent(pd.Series([5500.0]), pd.Series([5000.0])).tolist()
    [10.0]
    """
    return endring_prosent(framskrevet, start)


_INGEN = "folkemengden var 0"
_FOLKEMENGDE = Krav("folkemengde")


def _endring(aar: int) -> Indikator:
    return Indikator(
        f"befolkningsendring_{aar}aar_prosent",
        befolkningsendring_prosent,
        krav=(_FOLKEMENGDE, Krav("folkemengde", tilbake=aar)),
        tomt=_INGEN,
    )


def _framskriving(aar: int) -> Indikator:
    return Indikator(
        f"framskriving_{aar}_prosent",
        framskriving_prosent,
        krav=(Krav("framskriving", str(aar)), Krav("framskriving", "start")),
        tomt=_INGEN,
    )


INDIKATORER = (
    Indikator("folketall", folketall, krav=(_FOLKEMENGDE,)),
    _endring(1),
    _endring(5),
    _endring(10),
    Indikator(
        "andel_over_65_prosent",
        andel_over_65_prosent,
        krav=(Krav("folkemengde_alder", "65+"), Krav("folkemengde_alder", "i alt")),
        tomt=_INGEN,
    ),
    Indikator(
        "ungdomsflytting_prosent",
        ungdomsflytting_prosent,
        krav=(Krav("folkemengde_alder", "20-29"), Krav("folkemengde_alder", "15-24", tilbake=5)),
        tomt="ingen var 15–24 år fem år før",
    ),
    _framskriving(2035),
    _framskriving(2050),
)
