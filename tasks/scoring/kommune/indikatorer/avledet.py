"""Figures that are made of others before any indicator: the country's prices and seats, mean price, shares of parties.

Where a table has the country, its figures stand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.indikatorer import indikatorer as katalog
from tasks.scoring.kommune.indikatorer.bolig import kvadratmeterpris_kr
from tasks.scoring.kommune.indikatorer.figurer import Blokk, Figurer
from tasks.scoring.kommune.indikatorer.indikator import Krav
from tasks.scoring.kommune.indikatorer.politikk import MANDATANDEL, STEMMEANDEL, mandatandeler, stemmeandeler

PRIS, SALG, MANDATER, STEMMER = "kvadratmeterpris_kr", "boligomsetninger", "mandater", "stemmer_prosent"


def med_avledede(figurer: Figurer) -> Figurer:
    """Return the figures with the country's prices and seats, `snittpris_kr`, `mandatandel` and `stemmeandel`."""
    return _med_andeler(_med_landets_mandater(_med_snittpris(_med_landspriser(figurer))))


def _med_landspriser(figurer: Figurer) -> Figurer:
    """Fill in the country's price of each type: Σ price × sales / Σ sales over the kommuner that have both."""
    if PRIS not in figurer.blokker or SALG not in figurer.blokker:
        return figurer
    priser, salg = figurer.blokker[PRIS], figurer.blokker[SALG]
    pris, antall = priser.verdi.copy(), salg.verdi.copy()
    for i, gruppe in enumerate(priser.grupper):
        if gruppe not in salg.grupper:
            continue
        j = salg.grupper.index(gruppe)
        p, n = pris[i, :-1][figurer.er_ekte], antall[j, :-1][figurer.er_ekte]
        vekter = np.where(np.isfinite(p), np.nan_to_num(n), 0.0)
        solgt = vekter.sum(axis=0)
        tom = np.isnan(pris[i, -1]) & (solgt > 0)
        pris[i, -1, tom] = (np.nan_to_num(p) * vekter).sum(axis=0)[tom] / solgt[tom]
        uten_salg = np.isnan(antall[j, -1]) & (solgt > 0)
        antall[j, -1, uten_salg] = solgt[uten_salg]
    return figurer.med(PRIS, priser._replace(verdi=pris)).med(SALG, salg._replace(verdi=antall))


def _med_snittpris(figurer: Figurer) -> Figurer:
    """Add the mean price of all types: what other indicators set in relation to income."""
    if PRIS not in figurer.blokker or SALG not in figurer.blokker:
        return figurer
    snitt = kvadratmeterpris_kr(_ramme(figurer, PRIS), _ramme(figurer, SALG))
    verdi = snitt.to_numpy().reshape(1, *figurer.form)
    return figurer.med("snittpris_kr", Blokk(("",), verdi, figurer.blokker[PRIS].kilde))


def _med_landets_mandater(figurer: Figurer) -> Figurer:
    """Fill in the country's seats: those of all kommuner added up, list by list."""
    if MANDATER not in figurer.blokker:
        return figurer
    mandater = figurer.blokker[MANDATER]
    verdi = mandater.verdi.copy()
    ekte = verdi[:, :-1][:, figurer.er_ekte]
    tomme = np.isnan(verdi[:, -1]).all(axis=0) & np.isfinite(ekte).any(axis=(0, 1))
    verdi[:, -1, tomme] = np.nansum(ekte, axis=1)[:, tomme]
    return figurer.med(MANDATER, mandater._replace(verdi=verdi))


def _med_andeler(figurer: Figurer) -> Figurer:
    """Add what each list has of the seats, and of the votes."""
    av_stemmer = partial(stemmeandeler, avrunding_prosent=katalog().regning.avrunding_prosent)
    return _med_andel(_med_andel(figurer, MANDATER, MANDATANDEL, mandatandeler), STEMMER, STEMMEANDEL, av_stemmer)


def _med_andel(figurer: Figurer, maal: str, navn: str, regn: Callable[[pd.DataFrame], pd.DataFrame]) -> Figurer:
    """Add the shares of the lists by one measure, of the years that it has figures of."""
    if maal not in figurer.blokker:
        return figurer
    blokk = figurer.blokker[maal]
    valgaar = np.asarray(np.isfinite(blokk.verdi).any(axis=(0, 1)))
    andeler = regn(_ramme(figurer, maal, valgaar))
    verdi = np.full((len(andeler.columns), *figurer.form), np.nan)
    verdi[:, :, valgaar] = andeler.to_numpy().T.reshape(len(verdi), len(figurer.kommuner) + 1, -1)
    return figurer.med(navn, Blokk(tuple(andeler.columns), verdi, blokk.kilde))


def _ramme(figurer: Figurer, maal: str, aarene: npt.NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """Return a measure of every kommune and year, a column per group."""
    return pd.DataFrame(figurer.serie(Krav(maal, None), aarene))
