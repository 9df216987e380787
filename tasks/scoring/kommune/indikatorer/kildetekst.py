"""Where an indicator comes from, as a line to read: "SSB 06913 Folkemengde 2020 og 2025"."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tasks.scoring.kommune.indikatorer.figurer import Figurer
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav
from tasks.scoring.kommune.indikatorer.rader import FRAMSKRIVING, START, Heltall


def kildenavn(tabell: str, kode: str = "") -> str:
    """Return a source by name: "SSB 06913 Folkemengde"; a source that is no table of SSB goes by its own name.

    Examples
    --------
    >>> kildenavn("06913", "Folkemengde"), kildenavn("valgresultat.no 2023", "mandater")
    ('SSB 06913 Folkemengde', 'valgresultat.no 2023')
    """
    if not tabell.isdigit():
        return tabell
    return f"SSB {tabell} {kode}".rstrip()


def aarstall(aar: Iterable[int]) -> str:
    """Return years to read.

    Examples
    --------
    >>> aarstall([2025]), aarstall([2025, 2020]), aarstall([2023, 2025, 2024]), aarstall([2015, 2019, 2025])
    ('2025', '2020 og 2025', '2023–2025', '2015, 2019 og 2025')
    """
    rekke = sorted(set(aar))
    if len(rekke) > 2 and rekke[-1] - rekke[0] == len(rekke) - 1:
        return f"{rekke[0]}–{rekke[-1]}"
    tekst = [str(a) for a in rekke]
    return " og ".join([", ".join(tekst[:-1]), tekst[-1]] if len(tekst) > 1 else tekst)


def kildetekster(figurer: Figurer, indikator: Indikator, valgt: Heltall) -> npt.NDArray[np.object_]:
    """Return the sources of an indicator's value, one text per kommune.

    Parameters
    ----------
    valgt
        Place of the value's year, one per kommune; -1 where it has none, and then the text names tables alone.
    """
    alle_krav = indikator.alle_krav
    rad = np.arange(len(valgt))
    plasser = [np.where(valgt >= 0, figurer.kilde(k)[rad, valgt], -1) for k in alle_krav]
    nokkel = valgt.copy()
    for plass in plasser:
        nokkel = nokkel * (len(figurer.kilder) + 1) + plass + 1
    _, foerste, hvilken = np.unique(nokkel, return_index=True, return_inverse=True)
    tabeller = tabelltekst(figurer, indikator)
    tekster = np.empty(len(foerste), dtype=object)
    for i, k in enumerate(foerste):
        har = valgt[k] >= 0
        aar = int(figurer.aar[valgt[k]])
        tekster[i] = _tekst(figurer, alle_krav, [int(p[k]) for p in plasser], aar) if har else tabeller
    return tekster[hvilken]


def _tekst(figurer: Figurer, alle_krav: tuple[Krav, ...], plasser: list[int], aar: int) -> str:
    per_kilde: dict[tuple[str, str], set[int]] = {}
    for krav, plass in zip(alle_krav, plasser, strict=True):
        if plass >= 0:
            # the group of a projection is the year that it is for
            gjelder = int(krav.gruppe) if krav.maal == FRAMSKRIVING and krav.gruppe and krav.gruppe != START else aar
            per_kilde.setdefault(figurer.kilder[plass], set()).add(gjelder - krav.tilbake)
    deler = []
    for (tabell, kode), aarene in per_kilde.items():
        navn, naar = kildenavn(tabell, kode), aarstall(aarene)
        deler.append(navn if navn.endswith(naar) else f"{navn} {naar}")
    return "; ".join(dict.fromkeys(deler))


def tabelltekst(figurer: Figurer, indikator: Indikator) -> str:
    """Return the tables that an indicator is made of, without years."""
    maal = [m for krav in indikator.alle_krav for m in figurer.grunnlag(krav.maal)]
    return "; ".join(dict.fromkeys(tabell_til(figurer, m) for m in maal))


def tabell_til(figurer: Figurer, maal: str) -> str:
    """Return the table that gives a measure: the one that its figures are from, or else that of the config."""
    blokk = figurer.blokker.get(maal)
    if blokk is not None and (plass := int(blokk.kilde.max(initial=-1))) >= 0:
        tabell, kode = figurer.kilder[plass]
        return kildenavn(tabell, kode) if tabell.isdigit() else tabell.split()[0]
    table = figurer.regler.table_of(maal)
    if table is None:
        return "valgresultat.no"
    kode = next(m.kode for m in table.maal if m.navn == maal)
    return kildenavn(table.id, kode)
