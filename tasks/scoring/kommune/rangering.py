"""Rangering: the kommuner from best to last by the points of a profile, real and invented ones apart.

A row per kommune: score, tier, rank, what it rests on, how well it holds. `evaluate` computes everything of one
profile and writes nothing; `rank_profile` reads the indicators, writes the result, and keeps it as that of its month.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.profil import Profil, kommunenivaa
from config.rangering import Rangering, rangering
from config.registers import Kommune
from tasks.kommunekontrakter import INDIKATORER, KOMMUNEFAKTORER, KOMMUNESCORER, NORGE
from tasks.scoring.kommune.feil import RankingError
from tasks.scoring.kommune.folsomhet import Folsomhet, sensitivity
from tasks.scoring.kommune.historikk import Bevegelser, Forrige, kept, last_before, month_of, movements, write_month
from tasks.scoring.kommune.persentil import persentiler
from tasks.scoring.kommune.poeng import score_factors
from tasks.scoring.kommune.poengsum import add_up, earned_shares, rests_on_invented
from tasks.scoring.kommune.tallene import EXACT
from tasks.scoring.kommune.vakt import Dom, judge
from tasks.store import Geodata

Flags = npt.NDArray[np.bool_]

POPULATION = "folketall"
"""Of kommuner with the same score and high score, the larger one goes first."""


@dataclass(frozen=True, eq=False)
class Rangert:
    """Everything of one profile.

    Attributes
    ----------
    faktorer, scorer
        Contracts `kommunefaktorer` and `kommunescorer`; `scorer` from best to last, the invented kommuner after the
        real ones.
    dom
        Whether it rests on enough figures to be written.
    er_skrevet
        True when it has been.
    """

    profil: Profil
    faktorer: pd.DataFrame
    scorer: pd.DataFrame
    folsomhet: Folsomhet
    bevegelser: Bevegelser
    dom: Dom
    er_skrevet: bool = False


def rank(
    faktorer: pd.DataFrame,
    profil: Profil,
    *,
    indikatorer: pd.DataFrame,
    kommuner: Sequence[Kommune],
    regler: Rangering,
    dato: date,
    per_aar: int,
    sist: pd.DataFrame | None,
) -> tuple[pd.DataFrame, Folsomhet]:
    """Rank kommuner by what their factors add up to.

    Parameters
    ----------
    faktorer
        Contract `kommunefaktorer`, of this profile.
    indikatorer
        Contract `indikatorer`: population, and which kommuner have invented figures.
    sist
        The ranking of the last month; None for none.

    Returns
    -------
    DataFrame
        Contract `kommunescorer`.
    Folsomhet
        What moving the weights does.

    Raises
    ------
    RankingError
        When there are no kommuner, or the factors are not those of the profile.

    Notes
    -----
    Rank: by score, then score_hoy, then population, all falling, then number. persentil = (kommuner with a lower score
    + ½ × those with the same, itself too) / kommuner × 100. An invented kommune has its rank among the invented ones;
    its percentile, er_topp and robusthet say how it would stand among the real ones.
    """
    if not kommuner:
        raise RankingError(f"Profile {profil.merke}: there are no kommuner to rank.")
    frame = add_up(faktorer, profil, kommuner)
    frame = _in_order(_described(frame, kommuner, indikatorer), indikatorer)
    is_real = _is_compared(frame)
    folsomhet = sensitivity(earned_shares(faktorer, profil, frame.index), profil, regler, is_real=is_real)
    frame["robusthet"] = folsomhet.robusthet
    frame["rang"] = frame.groupby("er_oppdiktet_kommune").cumcount() + 1
    frame["er_topp"] = np.cumsum(is_real) + ~is_real <= regler.topp
    frame["persentil"] = persentiler(frame["score"].to_numpy(), er_ekte=is_real)
    frame["nivaa"] = [kommunenivaa().of(score) for score in frame["score"].round(EXACT)]
    frame["rang_sist"] = np.nan if sist is None else sist.set_index("kommunenummer")["rang"].reindex(frame.index)
    frame = frame.assign(profil=profil.merke, rangert_dato=dato.isoformat(), per_aar=per_aar).astype(
        {"rang_sist": float}
    )
    frame = frame.sort_values("er_oppdiktet_kommune", kind="stable").reset_index()
    return frame[list(KOMMUNESCORER.columns)], folsomhet


def _described(frame: pd.DataFrame, kommuner: Sequence[Kommune], indikatorer: pd.DataFrame) -> pd.DataFrame:
    """Return scores with what each kommune is called, and what of it is invented."""
    by_number = {k.nummer: k for k in kommuner}
    invented = set(indikatorer.loc[indikatorer["er_oppdiktet"], "kommunenummer"].unique())
    entries = [by_number[number] for number in frame.index]
    return frame.assign(
        navn=[k.navn for k in entries],
        fylke=[k.fylke for k in entries],
        er_oppdiktet_kommune=[k.oppdiktet for k in entries],
        har_oppdiktede_tall=[number in invented for number in frame.index],
    )


def _in_order(frame: pd.DataFrame, indikatorer: pd.DataFrame) -> pd.DataFrame:
    """Return kommuner from best to last, real and invented ones together; a population that is missing is the least."""
    people = indikatorer[indikatorer["indikator"] == POPULATION].set_index("kommunenummer")["verdi"]
    keys = pd.DataFrame(
        {
            "score": -frame["score"].round(EXACT),
            "hoy": -frame["score_hoy"].round(EXACT),
            "folketall": -people.reindex(frame.index).fillna(-1.0),
            "nummer": frame.index,
        },
        index=frame.index,
    )
    return frame.loc[keys.sort_values(list(keys.columns)).index]


def _is_compared(frame: pd.DataFrame) -> Flags:
    """Return True for the kommuner that the others are held against: the real ones, all where there are none."""
    is_real: Flags = ~frame["er_oppdiktet_kommune"].to_numpy(dtype=bool)
    return is_real if is_real.any() else ~is_real


def evaluate(
    indikatorer: pd.DataFrame,
    profil: Profil,
    *,
    kommuner: Sequence[Kommune],
    regler: Rangering,
    dato: date,
    per_aar: int,
    forrige: Forrige | None = None,
    tidligere: Sequence[pd.DataFrame] = (),
) -> Rangert:
    """Compute everything of one profile, and write nothing: what a ranking as of an earlier year is.

    Parameters
    ----------
    indikatorer
        Contract `indikatorer`, as of `per_aar`.
    forrige
        The last month, for what has moved.
    tidligere
        Rankings of the last months, for the verdict.

    Raises
    ------
    RankingError
        As `rank`.
    """
    faktorer = score_factors(indikatorer, profil)
    scorer, folsomhet = rank(
        faktorer,
        profil,
        indikatorer=indikatorer,
        kommuner=kommuner,
        regler=regler,
        dato=dato,
        per_aar=per_aar,
        sist=None if forrige is None else forrige.scorer,
    )
    faktorer = faktorer[faktorer["kommunenummer"].isin(scorer["kommunenummer"])].reset_index(drop=True)
    bevegelser = movements(scorer, forrige, topp=regler.topp, regler=regler.merke)
    return Rangert(profil, faktorer, scorer, folsomhet, bevegelser, judge(scorer, regler, tidligere=tidligere))


def rank_profile(
    geodata: Geodata,
    profil: Profil,
    *,
    kommuner: Sequence[Kommune],
    dato: date,
    per_aar: int,
    indikatorer: pd.DataFrame | None = None,
    regler: Rangering | None = None,
) -> Rangert:
    """Rank by one profile from out/indikatorer, and write factors, scores and the month, if there is enough behind it.

    Parameters
    ----------
    indikatorer
        Contract `indikatorer`; None reads out/indikatorer.
    regler
        None: config/rangering.toml.

    Raises
    ------
    RankingError
        When there are no indicators, for a ranking as of another year than that of `dato`, or as `rank`.
    """
    rules = regler or rangering()
    if per_aar != dato.year:
        raise RankingError(
            f"A ranking as of {per_aar} is looked at, not written: the one of {dato.year} would be lost."
        )
    figures = geodata.read(NORGE, layer="out", contract=INDIKATORER) if indikatorer is None else indikatorer
    if figures is None:
        raise RankingError(f"{geodata.path('out', INDIKATORER, NORGE)} is not there. Run `tomt rank`, which writes it.")
    month, count = month_of(dato), rules.minste_dekning_maaneder
    before = _kept(geodata, profil, month, indikatorer=figures, kommuner=kommuner, count=count)
    result = evaluate(
        figures,
        profil,
        kommuner=kommuner,
        regler=rules,
        dato=dato,
        per_aar=per_aar,
        forrige=last_before(before, month),
        tidligere=[one.scorer for one in before],
    )
    if not result.dom.er_godtatt:
        return result
    geodata.write(result.faktorer, profil.kode, layer="out", contract=KOMMUNEFAKTORER)
    geodata.write(result.scorer, profil.kode, layer="out", contract=KOMMUNESCORER)
    write_month(geodata, profil, month, result.scorer, regler=rules.merke)
    return replace(result, er_skrevet=True)


def _kept(
    geodata: Geodata, profil: Profil, maaned: str, *, indikatorer: pd.DataFrame, kommuner: Sequence[Kommune], count: int
) -> list[Forrige]:
    """Return the rankings of this month and the `count` before it that rest on figures of the same kind."""
    numbers = indikatorer["kommunenummer"]
    asked = numbers.isin([k.nummer for k in kommuner])
    is_real = numbers.isin([k.nummer for k in kommuner if not k.oppdiktet])
    invented = rests_on_invented(indikatorer.loc[asked, "er_oppdiktet"], is_real[asked])
    found = list(islice(kept(geodata, profil, maaned, er_oppdiktet=invented), count + 1))
    return found[: count + (bool(found) and found[0].maaned == maaned)]
