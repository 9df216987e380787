"""Indicators of the council: shares of parties and blocks, how many parties count, turnout.

All of the newest municipal election. Who governs is told by seats; what the votes say stands under names of its own,
and never passes as seats. Parties and their blocks are those of config/statistikk.toml; a list that is no party of the
country (group "LOKAL:…") counts by itself for fragmentation and stands in no block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from config.statistikk import Blokk, Parti
from tasks.scoring.kommune.indikatorer.felles import som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav
from tasks.scoring.kommune.indikatorer.rader import LOKAL

UTEN_LISTE = f"{LOKAL}uten navn"
"""The votes that are given to no list by name (SSB 01180 has nine parties)."""
AP, HOEYRE = "A", "H"
MANDATANDEL, STEMMEANDEL = "mandatandel", "stemmeandel"
"""Derived measures (avledet.py)."""


def mandatandeler(mandater: pd.DataFrame) -> pd.DataFrame:
    """Return each list's share of the seats, per cent; a row without any seats is missing.

    Parameters
    ----------
    mandater
        Seats, a column per list; a list without a figure has none where another has one.

    Examples
    --------
    >>> mandatandeler(pd.DataFrame({"A": [12.0, None], "H": [8.0, None]})).to_dict("list")
    {'A': [60.0, nan], 'H': [40.0, nan]}
    """
    i_alt = mandater.sum(axis=1, min_count=1)
    return mandater.fillna(0).div(i_alt.where(i_alt > 0), axis=0) * 100


def stemmeandeler(stemmer: pd.DataFrame, *, avrunding_prosent: float) -> pd.DataFrame:
    """Return each list's share of the votes, per cent, with a column for those that are of no list by name.

    Parameters
    ----------
    stemmer
        Per cent of the votes, a column per list.
    avrunding_prosent
        What may lack of 100 by rounding.

    Examples
    --------
    >>> stemmeandeler(pd.DataFrame({"A": [31.0, 40.0], "H": [50.0, 59.8]}), avrunding_prosent=0.5).to_dict("list")
    {'A': [31.0, 40.0], 'H': [50.0, 59.8], 'LOKAL:uten navn': [19.0, 0.0]}
    """
    rest = 100 - stemmer.sum(axis=1)
    alle = stemmer.fillna(0).assign(**{UTEN_LISTE: rest.where(rest > avrunding_prosent, 0)})
    return alle.where(stemmer.notna().any(axis=1))


def andel_prosent(andeler: pd.DataFrame, *, partier: Sequence[str]) -> pd.Series:
    """Return the share that some parties hold together, per cent of all seats, or of all votes.

    Σ share of the parties; local lists count in the whole. Missing where every list with a share is local: where such a
    council leans is not known.

    Examples
    --------
    >>> andeler = pd.DataFrame({"A": [40.0, 0.0], "SV": [15.0, 0.0], "LOKAL:BYGD": [45.0, 100.0]})
    >>> andel_prosent(andeler, partier=["A", "SV", "MDG"]).tolist()
    [55.0, nan]
    """
    landsdekkende = [c for c in andeler.columns if not c.startswith(LOKAL)]
    kjent = andeler[landsdekkende].gt(0).any(axis=1)
    return andeler.reindex(columns=list(partier)).sum(axis=1).where(kjent)


def effektive_partier(andeler: pd.DataFrame) -> pd.Series:
    """Return the effective number of parties (Laakso and Taagepera): 1 / Σ p², with p the shares of the lists.

    Every list by itself, local ones too; the shares are set to add up to 1.

    Examples
    --------
    >>> effektive_partier(pd.DataFrame({"A": [50.0, 100.0], "H": [50.0, 0.0], "LOKAL:X": [0.0, 0.0]})).tolist()
    [2.0, 1.0]
    """
    i_alt = andeler.sum(axis=1)
    p = andeler.div(i_alt.where(i_alt > 0), axis=0)
    kvadrater = (p**2).sum(axis=1)
    return 1 / kvadrater.where(kvadrater > 0)


def effektive_partier_stemmer(andeler: pd.DataFrame, *, maks_uten_liste_prosent: float) -> pd.Series:
    """Return the effective number of parties by votes: 1 / Σ p², with p the shares of the votes.

    Votes of no list by name count as one list; missing where they are more than `maks_uten_liste_prosent`: how many
    lists they are would be invented.

    Examples
    --------
    >>> andeler = pd.DataFrame({"A": [50.0, 50.0], "H": [50.0, 30.0], "LOKAL:uten navn": [0.0, 20.0]})
    >>> effektive_partier_stemmer(andeler, maks_uten_liste_prosent=5).tolist()
    [2.0, nan]
    """
    er_kjent = andeler.get(UTEN_LISTE, pd.Series(0.0, index=andeler.index)) <= maks_uten_liste_prosent
    return effektive_partier(andeler).where(er_kjent)


def valgdeltakelse_prosent(frammoete: pd.Series) -> pd.Series:
    """Return the turnout of the municipal election, per cent of those entitled to vote.

    Examples
    --------
    >>> valgdeltakelse_prosent(pd.Series([62.4])).tolist()
    [62.4]
    """
    return som_det_er(frammoete)


def indikatorer(partier: Sequence[Parti], *, maks_uten_liste_prosent: float) -> tuple[Indikator, ...]:
    """Return the indicators of the council, with the blocks of the parties given."""

    def i_blokk(blokk: Blokk) -> Callable[..., pd.Series]:
        return partial(andel_prosent, partier=[p.kode for p in partier if p.blokk == blokk])

    ap, venstre = partial(andel_prosent, partier=[AP]), i_blokk("venstre")
    by_votes = partial(effektive_partier_stemmer, maks_uten_liste_prosent=maks_uten_liste_prosent)
    return (
        _andel("ap_mandatandel_prosent", ap, MANDATANDEL),
        _andel("hoeyre_mandatandel_prosent", partial(andel_prosent, partier=[HOEYRE]), MANDATANDEL),
        _andel("venstreblokk_mandatandel_prosent", venstre, MANDATANDEL),
        _andel("borgerlig_mandatandel_prosent", i_blokk("borgerlig"), MANDATANDEL),
        _andel("ap_stemmeandel_prosent", ap, STEMMEANDEL),
        _andel("venstreblokk_stemmeandel_prosent", venstre, STEMMEANDEL),
        _antall("effektive_partier", effektive_partier, MANDATANDEL, tomt="ingen lister med mandater"),
        _antall("effektive_partier_stemmer", by_votes, STEMMEANDEL, tomt="for mange stemmer uten navngitt liste"),
        Indikator(
            "valgdeltakelse_prosent", valgdeltakelse_prosent, krav=(Krav("valgdeltakelse_prosent"),), er_valg=True
        ),
    )


def _andel(navn: str, regn: Callable[..., pd.Series], maal: str) -> Indikator:
    return Indikator(navn, regn, krav=(Krav(maal, None),), tomt="bare lokale lister", er_valg=True)


def _antall(navn: str, regn: Callable[..., pd.Series], maal: str, *, tomt: str) -> Indikator:
    return Indikator(navn, regn, krav=(Krav(maal, None),), tomt=tomt, er_valg=True, land_er_median=True)
