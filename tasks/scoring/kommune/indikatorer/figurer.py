"""The figures of all kommuner as of a year, laid out once: a block per measure, group × kommune × year.

The last row of a block is the country. What was not known at the end of the year is not in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.indikatorer import indikatorer as katalog
from config.statistikk import Statistikk
from tasks.kommunekontrakter import LANDET
from tasks.scoring.kommune.indikatorer.indikator import Krav
from tasks.scoring.kommune.indikatorer.rader import Heltall, Rader, Tall, rader

Noekkel = tuple[str, str | None, str, int]

SUMMERES = ("boliger_fullfoert", "boliger_igangsatt", "boligomsetninger")
"""Measures of what happens in a period: a year is the sum of its periods, when all are there. Others: their mean."""

VALGMAAL = ("mandater", "stemmer_prosent", "valgdeltakelse_prosent")
"""Measures of elections."""


class Blokk(NamedTuple):
    """One measure.

    Attributes
    ----------
    grupper
        Names of its groups.
    verdi
        Group × kommune (the country last) × year.
    kilde
        Kommune × year → place in `Figurer.kilder`; -1 for none.
    """

    grupper: tuple[str, ...]
    verdi: Tall
    kilde: Heltall


@dataclass(frozen=True)
class Figurer:
    """Figures as of a year.

    Attributes
    ----------
    kommuner
        Numbers, each once.
    er_ekte
        One per kommune: False for the invented ones, which count in nothing of the country.
    aar
        Years of the blocks, without gaps, up to the year that it is as of.
    blokker
        By name of the measure.
    kilder
        (tabell, kode) that `Blokk.kilde` points at.
    uten
        Measure, group, number and year → status, for figures that the source does not give; with None as the group
        what is said of any of them.
    hentede
        Measures that there are figures of, also such as were not known yet.
    oppdiktede
        Measures with invented figures.
    eldste_valg
        Year of the oldest election that there are results of, also when it was held later; None without any.
    regler
        Lags and ages of the tables.
    """

    kommuner: tuple[str, ...]
    er_ekte: npt.NDArray[np.bool_]
    aar: Heltall
    blokker: dict[str, Blokk]
    kilder: tuple[tuple[str, str], ...]
    uten: dict[Noekkel, str]
    hentede: frozenset[str]
    oppdiktede: frozenset[str]
    eldste_valg: int | None
    regler: Statistikk

    @property
    def form(self) -> tuple[int, int]:
        """Kommuner and the country × years."""
        return len(self.kommuner) + 1, len(self.aar)

    @property
    def per_aar(self) -> int:
        """The year that the figures are as of."""
        return int(self.aar[-1])

    @property
    def valgaar(self) -> int:
        """The year of the newest election that there are results of; 0 when there are none."""
        har = [np.isfinite(b.verdi).any(axis=(0, 1)) for m, b in self.blokker.items() if m in VALGMAAL]
        return int(self.aar[np.any(har, axis=0)].max(initial=0)) if har else 0

    def med(self, navn: str, blokk: Blokk) -> Figurer:
        """Return the figures with one block more."""
        return replace(self, blokker={**self.blokker, navn: blokk})

    def grunnlag(self, maal: str) -> tuple[str, ...]:
        """Return the measures of STATISTIKK behind a measure."""
        return AVLEDET_AV.get(maal, (maal,))

    def eldste_aar(self, maal: str, *, er_valg: bool) -> int:
        """Return the earliest year whose figures of a measure still count."""
        tabeller = [self.regler.table_of(m) for m in self.grunnlag(maal)]
        aldre = [t.maks_alder_aar for t in tabeller if t is not None and not er_valg]
        return self.per_aar - min(aldre, default=katalog().regning.valgperiode_aar)

    def er_additiv(self, maal: str) -> bool:
        """Return whether a measure is a count, which adds up over kommuner."""
        table = self.regler.table_of(maal)
        return table is not None and next(m.er_additiv for m in table.maal if m.navn == maal)

    def tall(self, krav: Krav) -> Tall:
        """Return what is needed, group × kommune × year; missing where nothing is known."""
        blokk = self.blokker.get(krav.maal)
        if blokk is None or (krav.gruppe is not None and krav.gruppe not in blokk.grupper):
            return np.full((1, *self.form), np.nan)
        verdi = blokk.verdi if krav.gruppe is None else blokk.verdi[[blokk.grupper.index(krav.gruppe)]]
        tall: Tall = skjoevet(verdi, krav.tilbake, np.nan)
        return tall

    def serie(self, krav: Krav, aarene: npt.NDArray[np.bool_] | None = None) -> pd.Series | pd.DataFrame:
        """Return what is needed for every kommune and year, as one Series or, for all groups, a frame.

        Parameters
        ----------
        aarene
            Which years; all when not given.
        """
        verdi = self.tall(krav)
        verdi = verdi if aarene is None else verdi[:, :, aarene]
        if krav.gruppe is not None:
            return pd.Series(verdi[0].ravel())
        blokk = self.blokker.get(krav.maal)
        grupper = ("",) if blokk is None else blokk.grupper
        return pd.DataFrame(verdi.reshape(len(verdi), -1).T, columns=list(grupper))

    def kilde(self, krav: Krav) -> Heltall:
        """Return where each figure comes from, kommune × year."""
        blokk = self.blokker.get(krav.maal)
        kilde: Heltall = skjoevet(np.full(self.form, -1) if blokk is None else blokk.kilde, krav.tilbake, -1)
        return kilde


AVLEDET_AV = {
    "snittpris_kr": ("kvadratmeterpris_kr", "boligomsetninger"),
    "mandatandel": ("mandater",),
    "stemmeandel": ("stemmer_prosent",),
}
"""Derived measure → the measures of STATISTIKK that it is made of (avledet.py)."""


def skjoevet(verdi: Any, tilbake: int, tom: float) -> Any:
    """Return an array whose last axis is years, each year holding what stood `tilbake` years before.

    Examples
    --------
    >>> skjoevet(np.array([1.0, 2.0, 3.0]), 2, np.nan).tolist()
    [nan, nan, 1.0]
    """
    if tilbake == 0:
        return verdi
    ut = np.full_like(verdi, tom)
    ut[..., tilbake:] = verdi[..., :-tilbake]
    return ut


def figurer(
    statistikk: pd.DataFrame,
    kommuner: Sequence[str],
    *,
    per_aar: int,
    regler: Statistikk,
    oppdiktede: Collection[str] = (),
) -> Figurer:
    """Lay the figures out as they were known at the end of a year.

    Parameters
    ----------
    statistikk
        Contract STATISTIKK; rows of other kommuner are left out.
    kommuner
        Numbers of the rows that are wanted.
    per_aar
        Of what was known at its end (rader.py).
    regler
        Lags and ages of the tables.
    oppdiktede
        Numbers of kommuner that are invented.
    """
    numre = tuple(dict.fromkeys(kommuner))
    alle = rader(statistikk, numre, per_aar=per_aar, regler=regler)
    aar = np.arange(int(alle.aar.min(initial=per_aar)), per_aar + 1)
    har_verdi = np.isfinite(alle.verdi)
    oppdiktet = alle.maal[statistikk["er_oppdiktet"].to_numpy(dtype=bool)[alle.linje]]
    return Figurer(
        kommuner=numre,
        er_ekte=np.array([n not in oppdiktede for n in numre], dtype=bool),
        aar=aar,
        blokker=_blokker(alle[har_verdi], form=(len(numre) + 1, len(aar)), foerste=int(aar[0])),
        kilder=alle.kilder,
        uten=_uten(alle[~har_verdi], numre, statistikk["status"]),
        hentede=frozenset(alle.maalnavn),
        oppdiktede=frozenset(alle.maalnavn[i] for i in np.unique(oppdiktet)),
        eldste_valg=_eldste_valg(statistikk),
        regler=regler,
    )


def _eldste_valg(statistikk: pd.DataFrame) -> int | None:
    aar = statistikk.loc[statistikk["maal"].isin(VALGMAAL) & statistikk["verdi"].notna(), "aar"]
    return int(aar.min()) if len(aar) else None


def _uten(r: Rader, kommuner: Sequence[str], status: pd.Series) -> dict[Noekkel, str]:
    """Return what the source says of figures that it does not give."""
    numre = [*kommuner, LANDET]
    sagt = status.iloc[r.linje].tolist()
    rekker = zip(r.maal.tolist(), r.gruppe.tolist(), r.kommune.tolist(), r.aar.tolist(), sagt, strict=True)
    ut: dict[Noekkel, str] = {}
    for maal, gruppe, kommune, aar, s in rekker:
        if isinstance(s, str):
            ut[r.maalnavn[maal], r.gruppenavn[gruppe], numre[kommune], aar] = s
            ut.setdefault((r.maalnavn[maal], None, numre[kommune], aar), s)
    return ut


def _blokker(r: Rader, *, form: tuple[int, int], foerste: int) -> dict[str, Blokk]:
    """Return the blocks of rows that have a value."""
    serie, serier = pd.factorize(r.maal * max(len(r.gruppenavn), 1) + r.gruppe, sort=True)
    celle = (serie * form[0] + r.kommune) * form[1] + (r.aar - foerste)
    antall = len(serier) * form[0] * form[1]
    hvor_mange = np.bincount(celle, minlength=antall).reshape(len(serier), *form)
    total = np.bincount(celle, weights=r.verdi, minlength=antall).reshape(len(serier), *form)
    flat = np.full(antall, -1)
    flat[celle] = r.kilde
    kilde = flat.reshape(len(serier), *form)
    blokker = {}
    maal, gruppe = np.divmod(serier, max(len(r.gruppenavn), 1))
    for i in np.unique(maal):
        med, summeres = slice(*np.searchsorted(maal, [i, i + 1])), r.maalnavn[i] in SUMMERES
        n = hvor_mange[med]
        hel = n == n.max() if summeres else n > 0
        verdi = np.where(hel, total[med] if summeres else total[med] / np.maximum(n, 1), np.nan)
        grupper = tuple(r.gruppenavn[g] for g in gruppe[med])
        blokker[r.maalnavn[i]] = Blokk(grupper, verdi, kilde[med].max(axis=0))
    return blokker
