"""Rangeringsrader: a ranking as rows to hand on, one per kommune, each with its points, figures and their sources.

What `tomt rank --json` prints, and what the files of `--csv` and `--xlsx` are made of. JSON-ready: a figure that is
missing is None. The points of a row's factors add up to its score: Σ poeng / Σ maks × 100.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

Row = dict[str, Any]

OPPDIKTET = "OPPDIKTEDE TALL: tallene er laget av den lokale sandkassen og sier ingenting om virkelige kommuner."

AREAS = {"demografi": "demografi", "okonomi": "økonomi", "politikk": "politikk", "eiendom": "eiendom"}
"""Area → what it is called to those who read it."""

OF_KOMMUNE = (
    "kommunenummer", "navn", "fylke", "profil", "score", "score_hoy", "nivaa", "rang", "rang_sist", "persentil",
    "er_topp", "robusthet", "dekning", "har_oppdiktede_tall", "rangert_dato", "per_aar",
)  # fmt: skip
RENAMED = {"navn": "kommunenavn"}
OF_FACTOR = (
    "faktor", "navn", "omraade", "poeng", "maks", "indikator", "verdi", "enhet", "aar", "kilde", "status", "hvorfor"
)  # fmt: skip
OF_FIGURE = ("verdi", "enhet", "aar", "kilde", "mangler", "trend", "persentil", "landstall")
WHOLE = frozenset({"aar", "rang", "rang_sist"})
INFINITE = (math.inf, -math.inf)


def as_rows(scorer: pd.DataFrame, faktorer: pd.DataFrame, indikatorer: pd.DataFrame) -> list[Row]:
    """Return the real kommuner of a ranking, best first.

    Parameters
    ----------
    scorer, faktorer, indikatorer
        Contracts kommunescorer and kommunefaktorer of one profile, and indikatorer.
    """
    real = scorer[~scorer["er_oppdiktet_kommune"]].sort_values("rang")
    factors = _by_kommune(faktorer, OF_FACTOR)
    figures = _by_kommune(indikatorer, ("indikator", *OF_FIGURE))
    rows = []
    for one in _records(real, OF_KOMMUNE):
        nummer, earned = one["kommunenummer"], factors.get(one["kommunenummer"], [])
        key_figures = {figure.pop("indikator"): figure for figure in figures.get(nummer, [])}
        rows.append(
            {RENAMED.get(key, key): value for key, value in one.items()}
            | {"omraader": _areas(earned), "faktorer": earned, "noekkeltall": key_figures}
        )
    return rows


def _by_kommune(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for nummer, record in zip(frame["kommunenummer"].tolist(), _records(frame, columns), strict=True):
        found[nummer].append(record)
    return found


def _records(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a frame with plain values, column by column: there are tens of thousands."""
    values = [[_plain_value(v, is_whole=c in WHOLE) for v in frame[c].tolist()] for c in columns]
    return (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))


def _plain_value(value: Any, *, is_whole: bool) -> Any:
    """Return a value as JSON has it: what is missing None, years and ranks whole."""
    if value is None or value != value or value in INFINITE:  # noqa: PLR0124  # NaN is not itself
        return None
    return int(value) if is_whole else value


def _areas(factors: Iterable[Row]) -> dict[str, Row]:
    """Return area → points earned, points possible, and the one of the other × 100."""
    sums: dict[str, list[float]] = {}
    for factor in factors:
        points = sums.setdefault(factor["omraade"], [0.0, 0.0])
        points[0] += factor["poeng"]
        points[1] += factor["maks"]
    return {
        area: {"poeng": earned, "mulig": possible, "score": 100 * earned / possible if possible else None}
        for area, (earned, possible) in sums.items()
    }


def label(row: Row) -> str:
    """Return number and name: ``0301 Oslo``."""
    return f"{row['kommunenummer']} {row['kommunenavn']}"


def shortly(row: Row, *, most: int = 3) -> str:
    """Return what decided a row's score in short: the factors with most points, and how many have no figure."""
    best = sorted((f for f in row["faktorer"] if f["poeng"] > 0), key=lambda f: -f["poeng"])[:most]
    said = [f"{f['navn']} {f['poeng']:g}/{f['maks']:g}" for f in best]
    missing = sum(f["status"] == "mangler" for f in row["faktorer"])
    return ", ".join([*said, *([f"{missing} uten tall"] if missing else [])]) or "ingen poeng"


def movement(row: Row) -> str:
    """Return how a row has moved since the last ranking: ``↑3``, ``↓12``, ``=``, ``–`` for one that was not in it."""
    if row["rang_sist"] is None:
        return "–"
    steps = row["rang_sist"] - row["rang"]
    return "=" if not steps else f"↑{steps}" if steps > 0 else f"↓{-steps}"
