"""Tallene: the indicators of the kommuner by name, side by side in one order of kommuner; see `Tall`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.indikatorer import Enhet, Indikator
from config.indikatorer import indikatorer as catalogue

Values = npt.NDArray[np.float64]

EXACT = 9
"""Decimals that count when numbers are compared: what is less is the noise of computing them."""
UNKNOWN_REASON = "tallet er ikke regnet ut"


@dataclass(frozen=True, eq=False)
class Tall:
    """One indicator of every kommune; position k of each list is kommune k.

    Attributes
    ----------
    navn
        Of the indicator.
    verdi, aar, landstall
        NaN where there is none; `verdi` with `EXACT` decimals.
    kilde, trend
        None where it is not known.
    mangler
        Why there is no value, one line; "" where there is one.
    er_oppdiktet
        Whether an invented figure is behind it.
    """

    navn: str
    verdi: Values
    aar: Values
    landstall: Values
    kilde: list[str | None]
    mangler: list[str]
    trend: list[str | None]
    er_oppdiktet: list[bool]

    @property
    def oppslag(self) -> Indikator:
        """Its entry in the catalogue."""
        return catalogue().indikator[self.navn]

    @property
    def enhet(self) -> Enhet:
        """Its unit."""
        return catalogue().enhet[self.oppslag.enhet]


def by_indicator(indikatorer: pd.DataFrame, names: Iterable[str], kommuner: list[str]) -> dict[str, Tall]:
    """Return indicators by name, each in the order of `kommuner`.

    Parameters
    ----------
    indikatorer
        Contract `indikatorer`. A row that is not there is a value that is missing.
    """
    wanted = sorted(set(names))
    rows = indikatorer[indikatorer["indikator"].isin(wanted) & indikatorer["kommunenummer"].isin(kommuner)]
    at = (
        pd.Index(wanted).get_indexer(pd.Index(rows["indikator"])),
        pd.Index(kommuner).get_indexer(pd.Index(rows["kommunenummer"])),
    )
    shape = len(wanted), len(kommuner)
    numbers = {column: np.full(shape, np.nan) for column in ("verdi", "aar", "landstall")}
    texts = {column: np.full(shape, None, dtype=object) for column in ("kilde", "mangler", "trend")}
    for column, grid in {**numbers, **texts}.items():
        grid[at] = rows[column].to_numpy(dtype=grid.dtype)
    invented = np.zeros(shape, dtype=bool)
    invented[at] = rows["er_oppdiktet"].to_numpy(dtype=bool)
    return {
        name: Tall(
            name,
            verdi=np.round(numbers["verdi"][k], EXACT),
            aar=numbers["aar"][k],
            landstall=numbers["landstall"][k],
            kilde=_on_one_line(texts["kilde"][k]),
            mangler=_reasons(numbers["verdi"][k], texts["mangler"][k]),
            trend=_on_one_line(texts["trend"][k]),
            er_oppdiktet=invented[k].tolist(),
        )
        for k, name in enumerate(wanted)
    }


def _reasons(verdi: Values, said: Iterable[object]) -> list[str]:
    reasons = zip(np.isnan(verdi).tolist(), _on_one_line(said), strict=True)
    return [(reason or UNKNOWN_REASON) if gone else "" for gone, reason in reasons]


def _on_one_line(texts: Iterable[object]) -> list[str | None]:
    """Return texts on one line each: what a source said may hold more."""
    return [" ".join(v.split()) if isinstance(v, str) else None for v in texts]
