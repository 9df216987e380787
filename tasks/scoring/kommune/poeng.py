"""Poeng: what each factor of a profile gives a kommune, and why. A row per kommune and factor.

A factor whose figure is missing earns nothing and is told to be missing; nothing is put in its place but a stand-in
that the profile names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.profil import Faktor, Profil, Regel
from tasks.contracts import NUMBER
from tasks.kommunekontrakter import KOMMUNEFAKTORER
from tasks.scoring.kommune import hvorfor
from tasks.scoring.kommune.tallene import Tall, Values, by_indicator

BEREGNET, STEDFORTREDER, MANGLER = "beregnet", "stedfortreder", "mangler"

NONE_HELD = -1

Row = tuple[Any, ...]

NUMBERS = {column: float for column, kind in KOMMUNEFAKTORER.columns.items() if kind == NUMBER}


class Decided(NamedTuple):
    """What a rule makes of each kommune.

    Attributes
    ----------
    poeng
        0 where it is missing.
    trinn
        Position of the step that held, or at which it could not be told; `NONE_HELD`.
    mangler
        True where it could not be told.
    """

    poeng: Values
    trinn: npt.NDArray[np.int64]
    mangler: npt.NDArray[np.bool_]


def decide(regel: Regel, maks: float, verdier: Mapping[str, Values]) -> Decided:
    """Return the points of one rule: of the first step whose strict bounds hold the value, or on a straight line.

    Parameters
    ----------
    maks
        Points at the end of a straight line.
    verdier
        Indicator → a value per kommune, NaN where it is missing.

    Notes
    -----
    Steps: points of the first with over < value < under, else 0. A step that is reached and whose value is missing
    leaves the factor missing, since an earlier step would have gone before a later one.
    Straight line: min(max((value − fra) / (til − fra), 0), 1) × maks.

    Examples
    --------
    >>> from config.profil import profil
    >>> rule = profil("boligsosial").faktor["inntekt"]
    >>> decide(rule, 15, {"medianinntekt_forhold": np.array([0.89, 0.90, 0.95, np.nan])}).poeng.tolist()
    [15.0, 10.0, 0.0, 0.0]
    """
    own = verdier[regel.indikator]
    poeng, step = np.zeros(len(own)), np.full(len(own), NONE_HELD)
    if regel.lineaer is not None:
        fra, til = regel.lineaer.fra, regel.lineaer.til
        share = np.clip((own - fra) / (til - fra), 0.0, 1.0)
        return Decided(np.nan_to_num(share * maks), step, np.isnan(own))
    mangler, is_open = np.zeros(len(own), dtype=bool), np.ones(len(own), dtype=bool)
    for k, trinn in enumerate(regel.trinn):
        value = verdier[regel.indicator_of(trinn)]
        unknown = is_open & np.isnan(value)
        holds = is_open & (value > trinn.low) & (value < trinn.high)
        poeng[holds] = trinn.poeng
        step[holds | unknown] = k
        mangler |= unknown
        is_open &= ~(holds | unknown)
    return Decided(poeng, step, mangler)


def score_factors(indikatorer: pd.DataFrame, profil: Profil) -> pd.DataFrame:
    """Give every kommune its points for every factor of a profile.

    Parameters
    ----------
    indikatorer
        Contract `indikatorer`; the kommuner are those that it holds. The order of its rows does not matter.

    Returns
    -------
    DataFrame
        Contract `kommunefaktorer`: by kommune, and in the order of the profile.
    """
    kommuner = sorted(indikatorer["kommunenummer"].unique())
    if not kommuner:
        return KOMMUNEFAKTORER.empty()
    figures = by_indicator(indikatorer, profil.indicators, kommuner)
    columns = [_rows(kode, faktor, figures) for kode, faktor in profil.faktor.items()]
    rows = [(nummer, *of[k]) for k, nummer in enumerate(kommuner) for of in columns]
    return pd.DataFrame(rows, columns=list(KOMMUNEFAKTORER.columns)).astype(NUMBERS)


def _rows(kode: str, faktor: Faktor, figures: Mapping[str, Tall]) -> list[Row]:
    """Return a row of one factor for each kommune, in the order of the figures."""
    asked = [_Asked(faktor, faktor, figures)]
    if faktor.stedfortreder is not None:
        asked.append(_Asked(faktor, faktor.stedfortreder, figures))
    rows = []
    for k in range(len(asked[0].mangler)):
        answered = next((a for a in asked if not a.mangler[k]), None)
        of = asked[0].stuck_at(k) if answered is None else answered.looked_at(k)[0]
        if answered is None:
            status, said = MANGLER, hvorfor.not_told(faktor, [a.stuck_at(k) for a in asked], k)
        elif answered is asked[0]:
            status, said = BEREGNET, answered.line(k)
        else:
            status, said = STEDFORTREDER, hvorfor.stands_in(answered.line(k), asked[0].stuck_at(k), k)
        poeng = 0.0 if answered is None else answered.poeng[k]
        head = (kode, faktor.navn, faktor.omraade, poeng, faktor.maks)
        measured = (of.navn, of.verdi[k], of.oppslag.enhet, of.aar[k], of.kilde[k])
        seen = [a.stuck_at(k) for a in asked] if answered is None else answered.looked_at(k)
        rows.append((*head, *measured, status, said, of.trend[k], any(one.er_oppdiktet[k] for one in seen)))
    return rows


class _Asked:
    """A rule of a factor, its own or its stand-in's, asked of every kommune."""

    def __init__(self, faktor: Faktor, regel: Regel, figures: Mapping[str, Tall]) -> None:
        decided = decide(regel, faktor.maks, {name: of.verdi for name, of in figures.items()})
        self.poeng: list[float] = decided.poeng.tolist()
        self.mangler: list[bool] = decided.mangler.tolist()
        self._at: list[int] = decided.trinn.tolist()
        self._faktor = faktor
        self._ord = hvorfor.Regelord(regel, figures, maks=faktor.maks)
        steps = [figures[regel.indicator_of(t)] for t in regel.trinn]
        # What was looked at when step k decided, that which decided first; last, when none did.
        self._looked_at = [list(dict.fromkeys([of, *steps[:k]])) for k, of in enumerate(steps)]
        self._looked_at.append([figures[name] for name in regel.indicators])

    def looked_at(self, k: int) -> list[Tall]:
        """Return the figures that were looked at for kommune `k`, that which decided first."""
        return self._looked_at[self._at[k]]

    def stuck_at(self, k: int) -> Tall:
        """Return the figure that the rule could not go on without."""
        return self.looked_at(k)[0]

    def line(self, k: int) -> str:
        """Return the line of the why-card."""
        utfall = self._ord.utfall[self._at[k]]
        return hvorfor.told(self._faktor, self.looked_at(k), self._ord, k, poeng=self.poeng[k], utfall=utfall)
