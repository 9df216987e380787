"""The rows of STATISTIKK as numbers: which measure, group, kommune, year and source, each once, for quick layout.

Groups are made to serve: a projection becomes a figure of its first year, with the year that it is for as its group,
and the local lists of a council are numbered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.statistikk import Statistikk
from tasks.kommunekontrakter import LANDET

Tall = npt.NDArray[np.float64]
Heltall = npt.NDArray[np.int64]

MAKS_AAR = 60
"""Years that are looked back at."""
FRAMSKRIVING, START = "framskriving", "start"
LOKAL = "LOKAL:"
"""What the group of a list that is no party of the country begins with."""
LISTETALL = ("mandater", "stemmer_prosent")
"""Measures whose groups are lists."""


@dataclass(frozen=True)
class Rader:
    """Figures row by row.

    Attributes
    ----------
    maal, gruppe, kilde
        Places in `maalnavn`, `gruppenavn` and `kilder`.
    kommune
        Place among the kommuner asked for, the country last.
    aar, verdi
        As in STATISTIKK.
    linje
        Which row of STATISTIKK it is.
    maalnavn, gruppenavn
        Names.
    kilder
        (tabell, kode).
    """

    maal: Heltall
    gruppe: Heltall
    kilde: Heltall
    kommune: Heltall
    aar: Heltall
    verdi: Tall
    linje: Heltall
    maalnavn: tuple[str, ...]
    gruppenavn: tuple[str, ...]
    kilder: tuple[tuple[str, str], ...]

    def __getitem__(self, hvilke: npt.NDArray[np.bool_]) -> Self:
        """Return some of the rows."""
        kolonner = ("maal", "gruppe", "kilde", "kommune", "aar", "verdi", "linje")
        return replace(self, **{k: getattr(self, k)[hvilke] for k in kolonner})

    def er(self, *maal: str) -> npt.NDArray[np.bool_]:
        """Return which rows are of some measures."""
        return np.isin(self.maal, [i for i, navn in enumerate(self.maalnavn) if navn in maal])


def rader(statistikk: pd.DataFrame, kommuner: Sequence[str], *, per_aar: int, regler: Statistikk) -> Rader:
    """Return the rows of some kommuner and the country that were known at the end of a year.

    Parameters
    ----------
    statistikk
        Contract STATISTIKK.
    kommuner
        Numbers, each once.
    per_aar
        Figures count that are of `forsinkelse_aar` of their table before it or earlier; elections of the year itself.
    """
    maal, maalnavn = pd.factorize(statistikk["maal"], sort=True)
    gruppe, gruppenavn = pd.factorize(statistikk["gruppe"], sort=True)
    kilde, kilder = _kilder(statistikk)
    alle = Rader(
        maal=maal,
        gruppe=gruppe,
        kilde=kilde,
        kommune=pd.Index([*kommuner, LANDET]).get_indexer(pd.Index(statistikk["kommunenummer"])),
        aar=statistikk["aar"].to_numpy(dtype=np.int64),
        verdi=statistikk["verdi"].to_numpy(dtype=float),
        linje=np.arange(len(statistikk)),
        maalnavn=tuple(maalnavn),
        gruppenavn=tuple(gruppenavn),
        kilder=kilder,
    )
    alle = _lokale_lister(_framskriving(alle[alle.kommune >= 0]))
    tabeller = [regler.table_of(m) for m in alle.maalnavn]
    grense = np.array([per_aar - (t.forsinkelse_aar if t else 0) for t in tabeller], dtype=np.int64)
    return alle[(alle.aar <= grense[alle.maal]) & (alle.aar > per_aar - MAKS_AAR)]


def _kilder(statistikk: pd.DataFrame) -> tuple[Heltall, tuple[tuple[str, str], ...]]:
    """Return the place of each row's source, and the sources, sorted."""
    tabell, tabeller = pd.factorize(statistikk["tabell"], sort=True)
    kode, koder = pd.factorize(statistikk["kode"], sort=True)
    nr, par = pd.factorize(tabell * max(len(koder), 1) + kode, sort=True)
    return nr, tuple((str(tabeller[p // len(koder)]), str(koder[p % len(koder)])) for p in par.tolist())


def _framskriving(r: Rader) -> Rader:
    """Return projections as figures of their first year, in groups "start", "2035", "2050"."""
    fram = r.er(FRAMSKRIVING)
    if not fram.any():
        return r
    start = int(r.aar[fram].min())
    nr, aarene = pd.factorize(r.aar[fram], sort=True)
    nye = tuple(START if a == start else str(a) for a in aarene.tolist())
    gruppe, aar = r.gruppe.copy(), r.aar.copy()
    gruppe[fram] = len(r.gruppenavn) + nr
    aar[fram] = start
    return replace(r, gruppe=gruppe, aar=aar, gruppenavn=r.gruppenavn + nye)


def _lokale_lister(r: Rader) -> Rader:
    """Return the rows with the local lists of each council numbered: hundreds of names would make as many groups."""
    lokale = [i for i, navn in enumerate(r.gruppenavn) if navn.startswith(LOKAL)]
    if not lokale:
        return r
    hvor = np.flatnonzero(np.isin(r.gruppe, lokale) & r.er(*LISTETALL))
    raad = pd.DataFrame(
        {"maal": r.maal[hvor], "kommune": r.kommune[hvor], "aar": r.aar[hvor], "gruppe": r.gruppe[hvor]}
    )
    nr = raad.sort_values("gruppe").groupby(["maal", "kommune", "aar"]).cumcount().sort_index().to_numpy()
    gruppe = r.gruppe.copy()
    gruppe[hvor] = len(r.gruppenavn) + nr
    nye = tuple(f"{LOKAL}{i}" for i in range(int(nr.max(initial=-1)) + 1))
    return replace(r, gruppe=gruppe, gruppenavn=r.gruppenavn + nye)
