"""Figures of all kommuner, drawn from a seed, as the frames that a ranking is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from config.indikatorer import indikatorer as catalogue
from config.profil import profil
from config.rangering import rangering
from config.registers import Kommune, kommuner
from tasks.kommunekontrakter import INDIKATORER, LANDET, NORGE, STATISTIKK, STATISTIKKILDER
from tasks.scoring.kommune.rangering import Rangert, evaluate
from tasks.store import Geodata

HOSTILE = '=HYPERLINK("http://ond")|<script>x</script> [x](http://ond)\x07'
"""A reason that a source has given: taken literally wherever it is shown."""

RANGES = {
    "befolkningsendring_5aar_prosent": (-6, 10),
    "boutgift_prosent": (15, 45),
    "medianinntekt_forhold": (0.8, 1.2),
    "arbeidsledighet_forhold": (0.6, 1.6),
    "utenfor_arbeid_forhold": (0.8, 1.3),
    "ap_mandatandel_prosent": (5, 50),
    "venstreblokk_mandatandel_prosent": (10, 80),
    "effektive_partier": (2.5, 7),
    "prisindeks": (40, 180),
    "byggetakt_forhold": (0.2, 2),
}


def real(count: int | None = None) -> tuple[Kommune, ...]:
    return kommuner(sandbox=False)[:count]


def figures(chosen: Sequence[Kommune], *, missing: str | None = None, invented: bool = False) -> pd.DataFrame:
    """Return contract indikatorer; `missing` names an indicator that nobody has."""
    names, count = list(catalogue().indikator), len(chosen)
    low, high = np.array([RANGES.get(name, (0, 1000)) for name in names], dtype=float).T
    values = np.random.default_rng(1).uniform(low, high, size=(count, len(names)))
    frame = pd.DataFrame(
        {
            "kommunenummer": np.repeat([k.nummer for k in chosen], len(names)),
            "indikator": names * count,
            "verdi": values.ravel(),
            "enhet": [catalogue().indikator[name].enhet for name in names] * count,
            "aar": 2025.0,
            "kilde": "SSB 06913 Folkemengde 2025",
            "mangler": None,
            "landstall": 1.0,
            "persentil": 50.0,
            "trend": "opp",
            "er_oppdiktet": invented,
        }
    )
    frame["trend"] = frame["trend"].astype(object)
    gone = frame["indikator"] == missing
    frame.loc[gone, ["verdi", "aar", "persentil"]] = np.nan
    frame.loc[gone, ["mangler", "trend"]] = [HOSTILE, None]
    frame[["mangler", "trend"]] = (
        frame[["mangler", "trend"]].astype(object).where(frame[["mangler", "trend"]].notna(), None)
    )
    INDIKATORER.check(frame)
    return frame[list(INDIKATORER.columns)]


def ranked(name: str, frame: pd.DataFrame, chosen: Sequence[Kommune]) -> Rangert:
    """Rank by a profile, with few draws of its weights."""
    rules = rangering().model_copy(update={"trekninger": 10})
    return evaluate(frame, profil(name), kommuner=chosen, regler=rules, dato=date(2026, 11, 3), per_aar=2026)


def sources(*, svar: str = "hentet", grunn: str | None = None, invented: bool = False) -> pd.DataFrame:
    """Return contract statistikkilder: two tables, the second as told."""
    common = {"oppdatert": "2026-02-24T07:00:00Z", "hentet_tid": "2026-11-03T08:10:00Z", "antall_foresporsler": 2}
    rows = [
        {"kilde": "SSB", "tabell": "06913", "svar": "hentet", "grunn": None, "maal": ["folkemengde"]},
        {"kilde": "SSB", "tabell": "06944", "svar": svar, "grunn": grunn, "maal": ["medianinntekt_kr"]},
    ]
    frame = pd.DataFrame([row | common | {"antall_verdier": 357, "er_oppdiktet": invented} for row in rows])
    return frame[list(STATISTIKKILDER.columns)]


@cache
def statistics(chosen: tuple[Kommune, ...], *, invented: bool = False) -> pd.DataFrame:
    """Return contract statistikk: eight years of people, and nothing else."""
    numbers, years = [*(one.nummer for one in chosen), LANDET], np.arange(2019, 2027)
    people = 1000.0 * (np.arange(len(numbers))[:, None] + 5) + 10 * (years - 2019)
    frame = pd.DataFrame(
        {
            "kommunenummer": np.repeat(numbers, len(years)).astype(object),
            "maal": "folkemengde",
            "gruppe": "",
            "aar": np.tile(years, len(numbers)),
            "periode": np.tile(years.astype(str), len(numbers)).astype(object),
            "verdi": people.ravel(),
            "status": None,
            "er_omregnet": False,
            "tabell": "06913",
            "kode": "Folkemengde",
            "oppdatert": "2026-02-24T07:00:00Z",
            "er_oppdiktet": invented,
        }
    )
    STATISTIKK.check(frame)
    return frame


def keep(geodata: Geodata, statistikk: pd.DataFrame, kilder: pd.DataFrame) -> None:
    """Leave figures as a fetch leaves them."""
    geodata.write(statistikk, NORGE, layer="core", contract=STATISTIKK)
    geodata.write(kilder, NORGE, layer="core", contract=STATISTIKKILDER)
