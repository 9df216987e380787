"""Konfliktfri: what each theme of conflict leaves a lot of its points. A column a theme, a row a lot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.konflikt import Alvor, Konflikter
from config.kurver import Andeler, Tall
from config.tomtprofil import Tomtefaktor
from tasks.scoring.tomt.deler import Del
from tasks.scoring.tomt.opphav import Kilde, Opphav
from tasks.scoring.tomt.ordlegging import UKJENT, Tekster, kolonne, prosent
from tasks.scoring.tomt.regler import VERSTE
from tasks.tekst import navn as ett_navn
from tasks.tomtekontrakter import ALVOR

ALVORORD: Mapping[str, str] = {"stopp": "forbudt å bygge", "hard": "frarådes", "myk": "må undersøkes"}
INGEN = "ingen"


class Konflikt(NamedTuple):
    """Overlaps as arrays.

    Attributes
    ----------
    andel
        Share of the lot, lots × themes × severity (ALVOR).
    kostnad
        How much of the theme's points it costs, 0–1, lots × themes.
    er_kjent
        Lots × themes.
    tekst
        In words, lots × themes.
    """

    andel: Tall
    kostnad: Tall
    er_kjent: npt.NDArray[np.bool_]
    tekst: Tekster


def konflikt(fakta: pd.DataFrame, andeler: pd.DataFrame, register: Konflikter) -> Konflikt:
    """Return the overlaps of each lot with each theme.

    Parameters
    ----------
    fakta
        Contract tomtefakta: tomt_id, ukjente_tema.
    andeler
        Contract konfliktandeler; rows of other lots and of themes that are no more are left out.

    Notes
    -----
    cost = min(1, Σ over severity of straff × share)
    """
    themes = list(register.tema)
    row = pd.Index(fakta["tomt_id"]).get_indexer(pd.Index(andeler["tomt_id"]))
    column = pd.Index(themes).get_indexer(pd.Index(andeler["tema"]))
    depth = pd.Index(ALVOR).get_indexer(pd.Index(andeler["alvor"]))
    used = (row >= 0) & (column >= 0) & (depth >= 0)
    share = np.zeros((len(fakta), len(themes), len(ALVOR)))
    place = (row[used], column[used], depth[used])
    share[place] = np.clip(andeler["andel"].to_numpy(dtype=float)[used], 0.0, 1.0)
    straff = np.array([register.regler.straff[a] for a in get_args(Alvor)])
    kjent = _er_kjent(fakta["ukjente_tema"], themes)
    words = np.where(kjent, INGEN, UKJENT).astype(object)
    for (i, j), said in _ord(andeler[used], place).items():
        words[i, j] = said if kjent[i, j] else f"{said}; resten er {UKJENT}"
    return Konflikt(share, np.minimum(share @ straff, 1.0), kjent, words)


def _er_kjent(ukjente: pd.Series, themes: list[str]) -> npt.NDArray[np.bool_]:
    """Return which themes are known of each lot; nearly all lots of a kommune have the same that are not."""
    rows: dict[tuple[str, ...], npt.NDArray[np.bool_]] = {}
    result = np.ones((len(ukjente), len(themes)), dtype=bool)
    for i, of in enumerate(ukjente):
        key = tuple(of) if of is not None else ()
        if key not in rows:
            rows[key] = np.array([t not in key for t in themes])
        result[i] = rows[key]
    return result


def _ord(andeler: pd.DataFrame, place: tuple[npt.NDArray[np.intp], ...]) -> dict[tuple[int, int], str]:
    """Return lot and theme → its overlaps in words, the worst first, with the name of the place."""
    parts: dict[tuple[int, int], list[tuple[int, str]]] = {}
    columns = zip(*(p.tolist() for p in place), andeler["andel"].tolist(), andeler["navn"], strict=True)
    for i, j, k, share, navn in columns:
        where = f", {said}" if isinstance(navn, str) and (said := ett_navn(navn)) else ""
        parts.setdefault((i, j), []).append((k, f"{prosent(share)} av tomten, {ALVORORD[ALVOR[k]]}{where}"))
    return {of: "; ".join(text for _, text in sorted(said)) for of, said in parts.items()}


def konfliktfri(av: Konflikt, faktor: Tomtefaktor, *, register: Konflikter, opphav: Opphav) -> list[Del]:
    """Return the points of being free of conflict, theme by theme, and those that hang on the worst of them.

    Notes
    -----
    Theme: maks × (1 − verste_andel) × vekt / Σ vekt × (1 − cost). One that is not known gives none, and what it would
    give by what is known against it is not known.
    Worst: maks × verste_andel × (1 − largest cost), in the share that the known themes have of Σ vekt.
    """
    worst_part = faktor.maks * faktor.tall["verste_andel"]
    left, total = faktor.maks - worst_part, register.vektsum
    result = []
    for j, (tema, of) in enumerate(register.tema.items()):
        open_ = 1.0 - av.kostnad[:, j]
        share = Andeler(np.where(av.er_kjent[:, j], open_, 0.0), open_)
        lag = register.lag_av(tema)
        result.append(
            Del("konflikt", tema, left * of.vekt / total, share, av.andel[:, j].sum(axis=1), av.tekst[:, j], "andel",
                opphav.kilde(*lag), _hvorfor_ukjent(av.er_kjent[:, j], opphav.hvorfor_ukjent(of.trengs)))
        )  # fmt: skip
    return [_verste(av, worst_part, register), *result] if worst_part else result


def _hvorfor_ukjent(er_kjent: npt.NDArray[np.bool_], hvorfor: str) -> Tekster:
    return np.where(er_kjent, "", hvorfor).astype(object)


def _verste(av: Konflikt, maks: float, register: Konflikter) -> Del:
    names = np.array([t.navn for t in register.tema.values()], dtype=object)
    weights = np.array([t.vekt for t in register.tema.values()]) / register.vektsum
    at = av.kostnad.argmax(axis=1)
    cost = av.kostnad.max(axis=1)
    words = np.where(cost > 0, names[at], INGEN)
    open_ = 1.0 - cost
    share = Andeler(open_ * (av.er_kjent @ weights), open_)
    note = np.where(av.er_kjent.all(axis=1), "", "tema som ikke er kjent kan være verre").astype(object)
    return Del("konflikt", VERSTE, maks, share, cost, words, "andel", Kilde(), note, kolonne(None, len(cost)))


def bundet_av(av: Konflikt, register: Konflikter) -> Tekster:
    """Return the themes that bind each lot by stopp or hard, without those that take all such ground off the core."""
    taken = dict.fromkeys(register.tema, True)
    for lag in register.lag.values():
        taken[lag.tema] &= lag.tar_av_kjernen or "hard" not in (lag.annet, *lag.alvor.values())
    at = [j for j, tema in enumerate(register.tema) if not taken[tema]]
    names = [of.navn[:1].lower() + of.navn[1:] for of in register.tema.values()]
    bound = av.andel[:, at, : ALVOR.index("myk")].sum(axis=2) > 0
    return np.array([", ".join(names[at[k]] for k in np.flatnonzero(row)) for row in bound], dtype=object)


def verste_tema(av: Konflikt, register: Konflikter) -> tuple[Tekster, Tall]:
    """Return the theme that costs most of each lot, and its share of the lot; None and NaN where there is none."""
    names = np.array(list(register.tema), dtype=object)
    at = av.kostnad.argmax(axis=1)
    there = av.kostnad.max(axis=1) > 0
    share = av.andel.sum(axis=2)[np.arange(len(at)), at]
    themes = np.array([t if known else None for t, known in zip(names[at], there, strict=True)], dtype=object)
    return themes, np.where(there, share, np.nan)
