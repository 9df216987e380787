"""Indicators of the kommuner: one row per kommune and indicator, made of SSB's figures and election results.

Nothing is imputed: what cannot be computed is missing, and says why.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.indikatorer import indikatorer as katalog
from config.rangering import Boligkostnad
from config.registers import invented_kommuner
from config.statistikk import Statistikk
from config.statistikk import statistikk as tabeller
from tasks.kommunekontrakter import INDIKATORER
from tasks.scoring.kommune.indikatorer.avledet import med_avledede
from tasks.scoring.kommune.indikatorer.beregn import beregn
from tasks.scoring.kommune.indikatorer.figurer import Figurer, figurer
from tasks.scoring.kommune.indikatorer.indikator import Indikator
from tasks.scoring.kommune.indikatorer.kildetekst import kildetekster
from tasks.scoring.kommune.indikatorer.mangler import svarte_ikke
from tasks.scoring.kommune.indikatorer.register import alle_indikatorer

__all__ = ["compute_indicators"]

log = logging.getLogger("tomt.rangering")


def compute_indicators(
    statistikk: pd.DataFrame,
    kilder: pd.DataFrame,
    *,
    kommuner: Sequence[str],
    per_aar: int,
    boligkostnad: Boligkostnad,
    regler: Statistikk | None = None,
    oppdiktede: Collection[str] | None = None,
) -> pd.DataFrame:
    """Compute every indicator of every kommune, as it was known at the end of a year.

    Parameters
    ----------
    statistikk
        Contract STATISTIKK: figures of kommuner and of the country.
    kilder
        Contract STATISTIKKILDER: what came of each table.
    kommuner
        Numbers, today's.
    per_aar
        Figures that were not known at its end are left out (`forsinkelse_aar` of their table), and so are those that
        are older than `maks_alder_aar`. Of elections the newest that there are results of, that year's own too.
    boligkostnad
        What a dwelling costs a year.
    regler
        Tables and parties; config/statistikk.toml when not given.
    oppdiktede
        Numbers of invented kommuner: they count in no figure of the country and in no percentile; those of the sandbox
        when not given.

    Returns
    -------
    DataFrame
        Contract INDIKATORER, one row per kommune and indicator, kommuner in the order given.
    """
    regler = tabeller() if regler is None else regler
    oppdiktede = {k.nummer for k in invented_kommuner()} if oppdiktede is None else oppdiktede
    tall = med_avledede(figurer(statistikk, kommuner, per_aar=per_aar, regler=regler, oppdiktede=oppdiktede))
    _warn_of_elections(tall)
    svar = svarte_ikke(kilder)
    deler = [_kolonner(tall, i, svar) for i in alle_indikatorer(boligkostnad, regler.parti)]
    # kommune by kommune: the order in which they are read
    kolonner = {c: np.stack([d[c] for d in deler], axis=1).ravel() for c in INDIKATORER.columns}
    return pd.DataFrame({c: pd.Series(v, dtype=v.dtype) for c, v in kolonner.items()})


def _warn_of_elections(tall: Figurer) -> None:
    """Log that an election should have been held whose results are not among the figures."""
    nyeste, neste = tall.valgaar, tall.valgaar + katalog().regning.valgperiode_aar
    if nyeste and neste <= tall.per_aar:
        log.warning(
            "The newest election among the figures is that of %d; that of %d is not there (config/statistikk.toml: "
            "valg.aar, and what came of it in the report of the fetch).",
            nyeste,
            neste,
        )


def _kolonner(tall: Figurer, indikator: Indikator, svar: dict[str, str]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of INDIKATORER for one indicator."""
    b = beregn(tall, indikator, svar)
    n = len(tall.kommuner)
    maal = {m for krav in indikator.alle_krav for m in tall.grunnlag(krav.maal)}
    return {
        "kommunenummer": np.array(tall.kommuner, dtype=object),
        "indikator": np.full(n, indikator.navn, dtype=object),
        "verdi": b.verdi,
        "enhet": np.full(n, katalog().indikator[indikator.navn].enhet, dtype=object),
        "aar": np.where(b.valgt >= 0, tall.aar[b.valgt], np.nan),
        "kilde": kildetekster(tall, indikator, b.valgt),
        "mangler": b.mangler,
        "landstall": b.land,
        "persentil": b.persentil,
        "trend": b.trend,
        "er_oppdiktet": np.full(n, not maal.isdisjoint(tall.oppdiktede)),
    }
