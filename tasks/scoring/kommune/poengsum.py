"""Poengsum: what the factors of each kommune add up to, as score, score by area, high score and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.profil import OMRAADER, Profil
from config.registers import Kommune
from tasks.scoring.kommune.feil import RankingError
from tasks.scoring.kommune.poeng import MANGLER

NAMED = 3
"""So many of those that are wrong are named in an error."""


def add_up(faktorer: pd.DataFrame, profil: Profil, kommuner: Sequence[Kommune]) -> pd.DataFrame:
    """Add up the points of each kommune.

    Parameters
    ----------
    faktorer
        Contract `kommunefaktorer`; rows of other kommuner are left out.

    Returns
    -------
    DataFrame
        By kommunenummer: score, score_hoy, dekning, score_<area>.

    Raises
    ------
    RankingError
        When a kommune lacks factors of the profile, or they weigh otherwise.

    Notes
    -----
    score = Σ points / Σ maks × 100. score_hoy = (Σ points + Σ maks of the missing) / Σ maks × 100. dekning = Σ maks of
    those that are not missing / Σ maks. By area the same as score, within the area; NaN where the profile has none.
    Never renormalised: what is missing earns nothing and counts in full below the line.
    """
    numbers = pd.Index(sorted(k.nummer for k in kommuner), name="kommunenummer")
    poeng, maks, gone = (_table(faktorer, c, profil, numbers) for c in ("poeng", "maks", "status"))
    _require_all(maks, profil, numbers)
    lost, possible = np.where(gone == MANGLER, maks, 0.0).sum(axis=1), maks.sum(axis=1)
    # times 100 first, so that whole points stay exact
    score: dict[str, Any] = {
        "score": 100 * poeng.sum(axis=1) / possible,
        "score_hoy": 100 * (poeng.sum(axis=1) + lost) / possible,
        "dekning": 1 - lost / possible,
    }
    for omraade in OMRAADER:
        of = np.array([f.omraade == omraade for f in profil.faktor.values()])
        score[f"score_{omraade}"] = 100 * poeng[:, of].sum(axis=1) / maks[:, of].sum(axis=1) if of.any() else np.nan
    return pd.DataFrame(score, index=numbers)


def earned_shares(faktorer: pd.DataFrame, profil: Profil, kommuner: pd.Index) -> pd.DataFrame:
    """Return the share of its maks that each kommune has earned of each factor: kommuner × factors, 0–1."""
    shares = _table(faktorer, "poeng", profil, kommuner) / _table(faktorer, "maks", profil, kommuner)
    return pd.DataFrame(shares, index=kommuner, columns=list(profil.faktor))


def _table(faktorer: pd.DataFrame, column: str, profil: Profil, kommuner: pd.Index) -> npt.NDArray[Any]:
    """Return one column as kommuner × factors; NaN or None where there is no row."""
    values = faktorer[column].to_numpy(dtype=object if column == "status" else float)
    rows = kommuner.get_indexer(pd.Index(faktorer["kommunenummer"]))
    columns = pd.Index(list(profil.faktor)).get_indexer(pd.Index(faktorer["faktor"]))
    ours = (rows >= 0) & (columns >= 0)
    table = np.full((len(kommuner), len(profil.faktor)), None if values.dtype == object else np.nan)
    table[rows[ours], columns[ours]] = values[ours]
    return table


def _require_all(maks: npt.NDArray[np.float64], profil: Profil, kommuner: pd.Index) -> None:
    wanted = np.array([f.maks for f in profil.faktor.values()])
    wrong = kommuner[~np.isclose(maks, wanted).all(axis=1)]
    if len(wrong):
        raise RankingError(
            f"Profile {profil.merke}: the factors of {len(wrong)} kommuner are not those of the profile, first "
            f"{', '.join(wrong[:NAMED])}. Run `tomt rank` again, which scores all of them anew."
        )


def rests_on_invented(flags: pd.Series, is_real: pd.Series) -> bool:
    """Return whether one of the real rows is flagged as invented; one of all where none is real."""
    return bool((flags[is_real] if is_real.any() else flags).any())


def has_invented_figures(scorer: pd.DataFrame) -> bool:
    """Return whether a ranking rests on invented figures."""
    return rests_on_invented(scorer["har_oppdiktede_tall"], ~scorer["er_oppdiktet_kommune"])


def of_interest(scorer: pd.DataFrame) -> pd.DataFrame:
    """Return the real kommuner of a ranking; all where there are none."""
    real = scorer[~scorer["er_oppdiktet_kommune"]]
    return real if len(real) else scorer
