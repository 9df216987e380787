"""The files of a ranking, written as scoring would have, without ranking anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from config.registers import Kommune
from tasks.contracts import Contract
from tasks.kommunekontrakter import INDIKATORER, KOMMUNEFAKTORER, KOMMUNESCORER, NORGE
from tasks.store import Geodata

DATO = "2026-11-02"
SCORE: dict[str, Any] = {
    "profil": "boligsosial 1",
    "score": 62.34,
    "score_hoy": 72.34,
    "nivaa": 2,
    "rang": 3,
    "rang_sist": 8.0,
    "persentil": 99.4,
    "er_topp": True,
    "robusthet": 0.918,
    "dekning": 0.9,
    "score_demografi": 100.0,
    "score_okonomi": 60.0,
    "score_politikk": 32.0,
    "score_eiendom": 50.0,
    "er_oppdiktet_kommune": False,
    "har_oppdiktede_tall": True,
    "rangert_dato": DATO,
    "per_aar": 2026,
}
BOLIGSTRESS: dict[str, Any] = {
    "faktor": "boligstress",
    "navn": "Boligstress",
    "omraade": "demografi",
    "poeng": 15.0,
    "maks": 20.0,
    "indikator": "boutgift_prosent",
    "verdi": 32.06,
    "enhet": "prosent",
    "aar": 2024.0,
    "kilde": "SSB 06035 og 06944",
    "status": "beregnet",
    "hvorfor": "Boligstress: 15 av 20 poeng. Boutgift 32,1 % (2024): over 30 % gir 15. Kilde: SSB 06035 og 06944.",
    "trend": "opp",
}
STABILITET: dict[str, Any] = BOLIGSTRESS | {
    "faktor": "stabilitet",
    "navn": "Stabilitet",
    "omraade": "politikk",
    "poeng": 0.0,
    "maks": 10.0,
    "indikator": "effektive_partier",
    "verdi": float("nan"),
    "aar": float("nan"),
    "kilde": None,
    "status": "mangler",
    "hvorfor": "Stabilitet: mangler, inntil 10 poeng. Effektivt antall partier mangler: bare lokale lister.",
    "trend": None,
}
BOUTGIFT: dict[str, Any] = {
    "indikator": "boutgift_prosent",
    "verdi": 32.06,
    "enhet": "prosent",
    "aar": 2024.0,
    "kilde": "SSB 06035 og 06944",
    "mangler": None,
    "landstall": 41.2,
    "persentil": 45.3,
    "trend": "opp",
    "er_oppdiktet": True,
}
FOLKETALL: dict[str, Any] = BOUTGIFT | {
    "indikator": "folketall",
    "verdi": 61032.0,
    "enhet": "personer",
    "aar": 2025.0,
    "kilde": "SSB 06913",
    "landstall": 5_594_340.0,
    "persentil": 96.0,
    "trend": None,
}
PARTIER: dict[str, Any] = BOUTGIFT | {
    "indikator": "effektive_partier",
    "verdi": float("nan"),
    "enhet": "partier",
    "aar": float("nan"),
    "mangler": "bare lokale lister",
    "landstall": float("nan"),
    "persentil": float("nan"),
    "trend": None,
}


def scorer(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Return contract kommunescorer; what a row does not say is as `SCORE`."""
    return _frame(KOMMUNESCORER, rows, SCORE | {"navn": "Navn", "fylke": "Fylke"})


def faktorer(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Return contract kommunefaktorer; what a row does not say is as `BOLIGSTRESS`."""
    return _frame(KOMMUNEFAKTORER, rows, BOLIGSTRESS)


def indikatorer(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Return contract indikatorer; what a row does not say is as `BOUTGIFT`."""
    return _frame(INDIKATORER, rows, BOUTGIFT)


def write_ranking(geodata: Geodata, kommuner: Sequence[Kommune], **more: Any) -> None:
    """Write out/ of a ranking, with the scores of `write_scores`."""
    write_scores(geodata, kommuner, **more)
    numbers = [{"kommunenummer": k.nummer} for k in kommuner]
    factors = faktorer(*(one | row for one in numbers for row in (BOLIGSTRESS, STABILITET)))
    geodata.write(factors, "boligsosial", layer="out", contract=KOMMUNEFAKTORER)
    figures = indikatorer(*(one | row for one in numbers for row in (BOUTGIFT, FOLKETALL, PARTIER)))
    geodata.write(figures, NORGE, layer="out", contract=INDIKATORER)


def write_scores(geodata: Geodata, kommuner: Sequence[Kommune], *, profil: str = "boligsosial", **more: Any) -> None:
    """Write the scores of a profile in which kommuner have the ranks 1, 2, 3 … in their order.

    Parameters
    ----------
    more
        Of every score.
    """
    scores = [
        {"kommunenummer": k.nummer, "navn": k.navn, "fylke": k.fylke, "rang": n, "er_oppdiktet_kommune": k.oppdiktet}
        | more
        for n, k in enumerate(kommuner, start=1)
    ]
    geodata.write(scorer(*scores), profil, layer="out", contract=KOMMUNESCORER)


def _frame(contract: Contract, rows: Sequence[Mapping[str, Any]], like: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([{**like, **row} for row in rows], columns=list(contract.columns))
    texts = {c: object for c, kind in contract.columns.items() if kind == "text"}
    return frame.astype(texts).where(frame.notna() | ~frame.columns.isin(list(texts)), None)
