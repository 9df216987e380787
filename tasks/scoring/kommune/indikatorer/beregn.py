"""One indicator for every kommune: its value, the country's, percentile and trend, of the newest year that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.indikatorer import Trend
from tasks.scoring.kommune.indikatorer.figurer import Figurer, skjoevet
from tasks.scoring.kommune.indikatorer.indikator import Indikator
from tasks.scoring.kommune.indikatorer.mangler import grunner
from tasks.scoring.kommune.indikatorer.rader import Heltall, Tall
from tasks.scoring.kommune.persentil import persentiler


@dataclass(frozen=True)
class Beregnet:
    """An indicator of all kommuner, in their order.

    Attributes
    ----------
    verdi
        NaN where there is none.
    valgt
        Place of the year that it is of; -1 where there is none.
    land
        The country's, of the same year; the newest where the kommune has none.
    persentil
        0–100, NaN without a value.
    trend
        "opp", "ned", "flat" or None.
    mangler
        Why there is no value; None where there is one.
    """

    verdi: Tall
    valgt: Heltall
    land: Tall
    persentil: Tall
    trend: npt.NDArray[np.object_]
    mangler: npt.NDArray[np.object_]


def beregn(figurer: Figurer, indikator: Indikator, svar: Mapping[str, str]) -> Beregnet:
    """Compute one indicator.

    Every figure behind a value is of the same year (less what the indicator looks back), the newest in which the
    kommune has all of them and that is not too old; of elections the newest one alone.

    Parameters
    ----------
    svar
        Why a measure has no figures: mangler.svarte_ikke.
    """
    alle = alle_aar(figurer, indikator)
    gjelder = _gjelder(figurer, indikator)
    valgt = _nyeste(np.isfinite(alle) & gjelder)
    verdi = _i_aar(alle, valgt)
    land = _landets(figurer, indikator, alle, gjelder=gjelder, valgt=valgt)
    uten = np.flatnonzero(valgt[:-1] < 0)
    mangler = np.full(len(figurer.kommuner), None, dtype=object)
    if len(uten):
        uten_land = _uten_land(figurer, indikator, uten, gjelder)
        hvorfor = grunner(figurer, indikator, mangler=uten, gjelder=gjelder, svar=svar, uten_land=uten_land)
        mangler[list(hvorfor)] = list(hvorfor.values())
    return Beregnet(
        verdi=verdi[:-1],
        valgt=valgt[:-1],
        land=land,
        persentil=persentiler(verdi[:-1], er_ekte=figurer.er_ekte),
        trend=trender(verdi, _i_aar(skjoevet(alle, indikator.trend_aar, np.nan), valgt), indikator.trend)[:-1],
        mangler=mangler,
    )


def alle_aar(figurer: Figurer, indikator: Indikator) -> Tall:
    """Return an indicator of every kommune (the country last) and year."""
    if any(krav.maal not in figurer.blokker for krav in indikator.alle_krav):
        return np.full(figurer.form, np.nan)
    if indikator.av is None:
        har = np.all([np.isfinite(figurer.tall(k)).any(axis=(0, 1)) for k in indikator.krav], axis=0)
        argumenter: list[pd.Series | pd.DataFrame] = [figurer.serie(k, har) for k in indikator.krav]
        ut = np.full(figurer.form, np.nan)
        ut[:, har] = _tall(indikator.regn(*argumenter), (len(ut), int(har.sum())))
        return _med_landets_sum(figurer, indikator, ut)
    av = alle_aar(figurer, indikator.av)
    land = np.broadcast_to(av[-1], av.shape)
    return _tall(indikator.regn(pd.Series(av.ravel()), pd.Series(land.ravel())), figurer.form)


def _tall(verdi: pd.Series, form: tuple[int, int]) -> Tall:
    """Return a Series of every kommune and year as an array; what is not finite is missing."""
    tall = verdi.to_numpy(dtype=float).reshape(form)
    return np.where(np.isfinite(tall), tall, np.nan)


def _med_landets_sum(figurer: Figurer, indikator: Indikator, alle: Tall) -> Tall:
    """Return the values with the country's where the tables have none, and every figure is a count.

    The country is then the sum of the kommuner that have all figures, so that a kommune without the earlier one does
    not look like growth. A bare count is missing where a kommune is: the rest of the country is not the country.
    """
    er_antall = all(figurer.er_additiv(k.maal) and k.gruppe is not None for k in indikator.krav)
    if not er_antall or np.isfinite(alle[-1]).all():
        return alle
    tall = [figurer.tall(k)[0, :-1][figurer.er_ekte] for k in indikator.krav]
    har_alle = np.isfinite(np.stack(tall)).all(axis=0)
    if len(indikator.krav) == 1:
        har_alle &= har_alle.all(axis=0)
    summer = [pd.Series(np.where(har_alle.any(axis=0), np.where(har_alle, t, 0.0).sum(axis=0), np.nan)) for t in tall]
    land = indikator.regn(*summer).to_numpy(dtype=float)
    ut = alle.copy()
    ut[-1] = np.where(np.isfinite(alle[-1]), alle[-1], np.where(np.isfinite(land), land, np.nan))
    return ut


def _gjelder(figurer: Figurer, indikator: Indikator) -> npt.NDArray[np.bool_]:
    """Return the years that count."""
    eldste = max(figurer.eldste_aar(k.maal, er_valg=indikator.er_valg) for k in indikator.alle_krav)
    gjelder: npt.NDArray[np.bool_] = figurer.aar >= eldste
    if indikator.er_valg:  # without a result of the newest election, the council of the one before is not it
        gjelder &= figurer.aar == figurer.valgaar
    return gjelder


def _nyeste(har: npt.NDArray[np.bool_]) -> Heltall:
    """Return the place of the last True of each row, -1 for none."""
    siste: Heltall = np.where(har.any(axis=1), har.shape[1] - 1 - np.argmax(har[:, ::-1], axis=1), -1)
    return siste


def _i_aar(alle: Tall, valgt: Heltall) -> Tall:
    """Return each row's value of its year."""
    return np.where(valgt >= 0, alle[np.arange(len(alle)), valgt], np.nan)


def _landets(
    figurer: Figurer, indikator: Indikator, alle: Tall, *, gjelder: npt.NDArray[np.bool_], valgt: Heltall
) -> Tall:
    """Return the country's value beside each kommune's."""
    rekke = alle[-1]
    if indikator.land_er_median:
        ekte = alle[:-1][figurer.er_ekte]
        rekke = np.array([np.nan if np.isnan(a).all() else np.nanmedian(a) for a in ekte.T])
    nyeste = _nyeste((np.isfinite(rekke) & gjelder)[None, :])[0]
    i_stedet = rekke[nyeste] if nyeste >= 0 else np.nan
    return np.where(valgt[:-1] >= 0, rekke[valgt[:-1]], i_stedet)


def _uten_land(figurer: Figurer, indikator: Indikator, uten: Heltall, gjelder: npt.NDArray[np.bool_]) -> Heltall:
    """Return those of the kommuner that lack nothing but the country's value."""
    if indikator.av is None:
        return uten[:0]
    har = np.isfinite(alle_aar(figurer, indikator.av)[uten]) & gjelder
    return uten[np.flatnonzero(har.any(axis=1))]


def trender(naa: Tall, foer: Tall, trend: Trend) -> npt.NDArray[np.object_]:
    """Return how values have moved: "opp", "ned", "flat" within the threshold, None where either is missing.

    Examples
    --------
    >>> three = Trend(terskel=3, relativ=True)
    >>> trender(np.array([104.0, 102.0, np.nan]), np.array([100.0, 100.0, 1.0]), three).tolist()
    ['opp', 'flat', None]
    """
    endring = naa - foer
    if trend.relativ:
        endring = np.divide(endring * 100, np.abs(foer), out=np.full_like(endring, np.nan), where=foer != 0)
    ut = np.full(len(naa), None, dtype=object)
    ut[np.abs(endring) <= trend.terskel] = "flat"
    ut[endring > trend.terskel] = "opp"
    ut[endring < -trend.terskel] = "ned"
    return ut
