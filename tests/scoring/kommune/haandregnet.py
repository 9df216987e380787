"""Municipalities worked by hand: what is measured of each, and the frames made of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from config.indikatorer import indikatorer as catalogue
from config.profil import Faktor, Profil, profil
from config.rangering import Rangering, rangering
from config.registers import Kommune
from tasks.kommunekontrakter import INDIKATORER

SOCIAL = profil("boligsosial")
GROWTH = profil("vekst")

SHORT = {
    "vekst": "befolkningsendring_5aar_prosent",
    "boutgift": "boutgift_prosent",
    "inntekt": "medianinntekt_forhold",
    "ledighet": "arbeidsledighet_forhold",
    "utenfor": "utenfor_arbeid_forhold",
    "ap": "ap_mandatandel_prosent",
    "venstre": "venstreblokk_mandatandel_prosent",
    "partier": "effektive_partier",
    "pris": "prisindeks",
    "bygging": "byggetakt_forhold",
    "folk": "folketall",
}

Measured = Mapping[str, float]

FULL: Measured = {
    "vekst": -2.5,  # under −2: 10
    "boutgift": 36,  # over 35: 20
    "inntekt": 0.89,  # under 0.90: 15
    "ledighet": 1.25,  # over 1.2: 10
    "ap": 40,  # over 35: 15
    "venstre": 55,
    "partier": 3.0,  # under 3.5: 10
    "pris": 100,  # over 80 and under 120: 10
    "bygging": 0.7,  # under 0.8: 10
}
"""Every point of boligsosial: 100."""

NOTHING: Measured = {
    "vekst": 1.0,
    "boutgift": 20,
    "inntekt": 1.1,
    "ledighet": 0.9,
    "ap": 20,
    "venstre": 40,
    "partier": 6.0,
    "pris": 150,
    "bygging": 1.5,
}
"""None of them."""


def without(measured: Measured, *names: str) -> Measured:
    return {name: value for name, value in measured.items() if name not in names}


def indicators(of: Mapping[str, Measured], *, invented: bool = False) -> pd.DataFrame:
    """Return contract indikatorer: everything that is not measured is missing."""
    names = list(catalogue().indikator)
    rows = [{SHORT.get(n, n): v for n, v in measured.items()} for measured in of.values()]
    verdi = np.array([row.get(name, np.nan) for row in rows for name in names], dtype=float)
    gone = np.isnan(verdi)
    every = names * len(rows)
    frame = pd.DataFrame(
        {
            "kommunenummer": pd.Series([nummer for nummer in of for _ in names], dtype=object),
            "indikator": pd.Series(every, dtype=object),
            "verdi": verdi,
            "enhet": [one.enhet for one in catalogue().indikator.values()] * len(rows),
            "aar": np.where(gone, np.nan, 2025.0),
            "kilde": [f"SSB {k:05d}" for k in range(len(names))] * len(rows),
            "mangler": [f"{name} svarte ikke" if g else None for name, g in zip(every, gone, strict=True)],
            "landstall": 30.0,
            "persentil": np.nan,
            "trend": [None if g else "opp" for g in gone],
            "er_oppdiktet": invented,
        }
    )
    INDIKATORER.check(frame)
    return frame


def kommune(nummer: str, *, oppdiktet: bool = False) -> Kommune:
    return Kommune(nummer=nummer, navn=f"Navn {nummer}", fylke="Fylke", epsg=25833, oppdiktet=oppdiktet)


def rules(**changes: object) -> Rangering:
    """Return the configured rules, with few draws, changed as told."""
    return rangering().model_copy(update={"trekninger": 20, "topp": 2, **changes})


def heavier(of: Profil, times: float) -> Profil:
    """Return a profile with every weight and every point multiplied."""

    def grown(factor: Faktor) -> Faktor:
        steps = tuple(t.model_copy(update={"poeng": t.poeng * times}) for t in factor.trinn)
        reserve = factor.stedfortreder
        if reserve is not None:
            inner = tuple(t.model_copy(update={"poeng": t.poeng * times}) for t in reserve.trinn)
            reserve = reserve.model_copy(update={"trinn": inner})
        return factor.model_copy(update={"maks": factor.maks * times, "trinn": steps, "stedfortreder": reserve})

    factors = {kode: grown(factor) for kode, factor in of.faktor.items()}
    return of.model_copy(update={"faktor": factors, "mulig": of.mulig * times})
