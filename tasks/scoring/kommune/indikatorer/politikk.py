"""Indicators of the council: shares of parties and blocks, how many parties count, turnout.

All of the newest municipal election. Shares are of the seats; of the votes in a kommune whose seats are not known, and
the source says so (SSB 01180 has the votes of nine parties: the rest is taken as one list). Parties and their blocks
are those of config/statistikk.toml; a list that is no party of the country (group "LOKAL:…") counts by itself for
fragmentation and stands in no block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from config.statistikk import Blokk, Parti
from tasks.scoring.kommune.indikatorer.felles import som_det_er
from tasks.scoring.kommune.indikatorer.indikator import Indikator, Krav, Trend
from tasks.scoring.kommune.indikatorer.rader import LOKAL

OEVRIGE = f"{LOKAL}øvrige"
"""The votes that are given to no list by name: as one list, so that fragmentation is rather too low than invented."""
AVRUNDING_PROSENT = 0.5
"""Shares that lack less than this of 100 are rounded, not short of a list."""
AP, HOEYRE = "A", "H"


def partiandeler(mandater: pd.DataFrame, stemmer: pd.DataFrame) -> pd.DataFrame:
    """Return each party's share, per cent: of the seats, of the votes where no seats are known.

    Parameters
    ----------
    mandater
        Seats, a column per party; a party without a figure has none where another has one.
    stemmer
        Per cent of the votes, a column per party.

    Returns
    -------
    DataFrame
        A column per party of either, and one for the votes that are of no list by name; a row is missing where neither
        seats nor votes are known.

    Examples
    --------
    >>> mandater = pd.DataFrame({"A": [12.0, None], "H": [8.0, None]})
    >>> partiandeler(mandater, pd.DataFrame({"A": [31.0, 40.0], "H": [50.0, 60.0]})).to_dict("list")
    {'A': [60.0, 40.0], 'H': [40.0, 60.0], 'LOKAL:øvrige': [0.0, 0.0]}
    """
    rest = 100 - stemmer.sum(axis=1)
    stemmer = stemmer.assign(**{OEVRIGE: rest.where(rest > AVRUNDING_PROSENT).where(stemmer.notna().any(axis=1))})
    partier = mandater.columns.union(stemmer.columns)
    plasser = mandater.reindex(columns=partier)
    i_alt = plasser.sum(axis=1, min_count=1)
    av_mandater = plasser.fillna(0).div(i_alt.where(i_alt > 0), axis=0) * 100
    av_stemmer = stemmer.reindex(columns=partier)
    har_stemmer = av_stemmer.notna().any(axis=1)
    return av_mandater.where(i_alt.notna(), av_stemmer.fillna(0).where(har_stemmer))


def andel_prosent(andeler: pd.DataFrame, *, partier: Sequence[str]) -> pd.Series:
    """Return the share of the council that some parties hold together, per cent of all seats.

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


def valgdeltakelse_prosent(frammoete: pd.Series) -> pd.Series:
    """Return the turnout of the municipal election, per cent of those entitled to vote.

    Examples
    --------
    >>> valgdeltakelse_prosent(pd.Series([62.4])).tolist()
    [62.4]
    """
    return som_det_er(frammoete)


def _av_raadet(navn: str, regn: Callable[..., pd.Series], terskel: float) -> Indikator:
    krav = (Krav("partiandel", None),)
    return Indikator(navn, regn, Trend(terskel), krav=krav, tomt="bare lokale lister", er_valg=True)


def indikatorer(partier: Sequence[Parti]) -> tuple[Indikator, ...]:
    """Return the indicators of the council, with the blocks of the parties given.

    One seat is about four per cent of a council of 25: less than half of that is no move of a party, and the two blocks
    have more of them.
    """

    def i_blokk(blokk: Blokk) -> Callable[..., pd.Series]:
        return partial(andel_prosent, partier=[p.kode for p in partier if p.blokk == blokk])

    return (
        _av_raadet("ap_mandatandel_prosent", partial(andel_prosent, partier=[AP]), 2.0),
        _av_raadet("hoeyre_mandatandel_prosent", partial(andel_prosent, partier=[HOEYRE]), 2.0),
        _av_raadet("venstreblokk_mandatandel_prosent", i_blokk("venstre"), 3.0),
        _av_raadet("borgerlig_mandatandel_prosent", i_blokk("borgerlig"), 3.0),
        Indikator(
            "effektive_partier",
            effektive_partier,
            Trend(0.3),
            krav=(Krav("partiandel", None),),
            tomt="ingen lister med mandater",
            er_valg=True,
            land_er_median=True,
        ),
        Indikator(
            "valgdeltakelse_prosent",
            valgdeltakelse_prosent,
            Trend(1.0),
            krav=(Krav("valgdeltakelse_prosent"),),
            er_valg=True,
        ),
    )
