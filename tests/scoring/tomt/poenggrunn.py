"""Facts, overlaps and coverage for tests of points: only what matters is given, everything else is not known."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from config.konflikt import konflikter
from config.tomtefaktorer import LANGS_VEG
from config.tomtprofil import Tomtprofil, tomtprofil
from tasks.contracts import FLAG, NUMBER, TEXTS
from tasks.scoring.tomt.poeng import gi_poeng
from tasks.scoring.tomt.regler import Regler
from tasks.scoring.tomt.score import scorer
from tasks.tomtekontrakter import KONFLIKTANDELER, KONTEKSTDEKNING, TOMTEFAKTA

NAN, INF = float("nan"), float("inf")
DAGEN = "2026-11-20T01:00:00+00:00"
MERKEDE = Path(__file__).parent / "merkede_tomter.toml"
OMGIVELSER = ("tettsted", "grunnkrets", "grunnkretstall", "holdeplass", "veg", "adressepunkt")

Lot = dict[str, Any]
Andel = tuple[str, str, str, float]
"""tomt_id, theme, severity, share."""


@cache
def regler() -> Regler:
    return Regler.fra_config()


def frame(contract, rows: list[Lot]) -> pd.DataFrame:
    """Return rows as a frame of a contract; what a row does not give is missing."""
    made = pd.DataFrame(rows, columns=list(contract.columns))
    for column, kind in contract.columns.items():
        if kind == NUMBER:
            made[column] = made[column].astype(float)
        elif kind == FLAG:
            made[column] = [v is True for v in made[column]]
        elif kind == TEXTS:
            made[column] = [v if isinstance(v, list) else [] for v in made[column]]
        else:
            made[column] = pd.Series([v if isinstance(v, str) else None for v in made[column]], dtype=object)
    return made


def fakta(*lots: Lot) -> pd.DataFrame:
    """Return facts of lots; where one does not tell fri_m2, nothing of its core is bound."""
    rows = [{"tomt_id": f"3207-{k:06d}", "er_stoppet": False, "kommunal": "ukjent", "noekkel": "n",
             "fri_m2": one.get("byggbar_m2"), **one} for k, one in enumerate(lots, 1)]  # fmt: skip
    return frame(TOMTEFAKTA, rows)


def andeler(*rows: Andel) -> pd.DataFrame:
    return frame(KONFLIKTANDELER, [{"tomt_id": i, "tema": t, "alvor": a, "andel": s} for i, t, a, s in rows])


def dekning(**other: Lot) -> pd.DataFrame:
    """Return a coverage in which every layer answered three days ago; a layer by name becomes another."""
    rows = [
        {"lag": lag, "svar": "rader", "er_kjent": True, "er_reserve": False, "kilde": f"kilde_{lag}",
         "hentet_tid": DAGEN, "sett_tid": DAGEN, "alder_dager": 3.0, "lisens": "NVE, NLOD", **other.get(lag, {})}
        for lag in (*konflikter().lag, *OMGIVELSER)
    ]  # fmt: skip
    return frame(KONTEKSTDEKNING, rows)


alt_kjent = cache(dekning)


def poengsatt(
    facts: pd.DataFrame, shares: pd.DataFrame | None = None, *, profil: str | Tomtprofil = "eier-7", **more: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the parts and the scores of lots."""
    profile = tomtprofil(profil) if isinstance(profil, str) else profil
    shares = andeler() if shares is None else shares
    args = {
        "profil": profile,
        "regler": regler(),
        "dekning": more.get("dekning", alt_kjent()),
        "land": more.get("land"),
    }
    kort = gi_poeng(facts, shares, **args)
    result = scorer(kort, facts, shares, tomter=more.get("tomter"), **args)
    return kort, result


def per_factor(row: pd.Series) -> dict[str, float]:
    """Return the points of each factor of a row of scores, without those that the profile has not."""
    points = {c.removeprefix("poeng_"): row[c] for c in row.index if str(c).startswith("poeng_")}
    return {f: float(p) for f, p in points.items() if p == p}


def takes_the_core(tema: str) -> bool:
    """Return whether all that is hard in a theme is taken off the core as it is measured."""
    of = [lag for lag in konflikter().lag.values() if lag.tema == tema]
    return all(lag.tar_av_kjernen for lag in of if "hard" in (lag.annet, *lag.alvor.values()))


def merkede() -> tuple[pd.DataFrame, pd.DataFrame, list[float]]:
    """Return the thirty labelled lots: facts, overlaps, labels.

    Stopped by the rule of config/konflikter.toml; free is what is left of the core beside what is hard and was not
    taken off it; distances are ways.
    """
    rows = tomllib.loads(MERKEDE.read_text(encoding="utf-8"))["tomt"]
    limit, lots, shares = konflikter().regler.stopp_andel, [], []
    for k, row in enumerate(rows, 1):
        for tema, (alvor, share) in row.get("konflikter", {}).items():
            shares.append((f"3207-{k:06d}", tema, alvor, share))
        stopped = sum(s for a, s in row.get("konflikter", {}).values() if a == "stopp") >= limit
        bound = sum(s for t, (a, s) in row.get("konflikter", {}).items() if a == "hard" and not takes_the_core(t))
        facts = {c: v for c, v in row.items() if c in TOMTEFAKTA.columns}
        if "byggbar_m2" in facts:
            facts["fri_m2"] = facts["byggbar_m2"] * max(0.0, 1.0 - bound)
        lots.append({**facts, "er_stoppet": stopped, "avstand_metode": LANGS_VEG})
    return fakta(*lots), andeler(*shares), [row["merke"] for row in rows]
