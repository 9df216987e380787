"""Rows of Tomter, the score's part: points and range, why, what stops a lot, dwellings, what it may cost.

Everything is taken as scoring has said it; nothing is computed anew but how it is written. A gone lot has no score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from config.konflikt import konflikter
from config.nivaa import nivaaer
from tasks.crm.rader.rad import Felles, Row, line, text
from tasks.tekst import tall
from tasks.totaler import Sum, totaler

POENG = {
    "Poeng kapasitet": "poeng_kapasitet",
    "Poeng størrelse": "poeng_storrelse",
    "Poeng sentralitet": "poeng_sentralitet",
    "Poeng konfliktfri": "poeng_konflikt",
    "Poeng infrastruktur": "poeng_infrastruktur",
    "Poeng politikk": "poeng_politikk",
    "Poeng eierstruktur": "poeng_eier",
}
"""Field of Tomter → column of scorer."""
BOLIGER = {"Boliger lav": "boliger_lav", "Boliger (anslag)": "boliger", "Boliger høy": "boliger_hoy"}
"""Field of Tomter, of Sammenslåinger and of Kommuner → column of scorer."""
WHOLE_KR = 100_000
KOMMUNAL = {"eier": "Ja", "tegn": "Tegn", "nei": "Nei", "ukjent": "Ukjent"}


def with_scores(tomter: pd.DataFrame, scorer: pd.DataFrame, fakta: pd.DataFrame) -> pd.DataFrame:
    """Return the attributes of lots beside their scores and why they are held for municipal land.

    A lot without a score is not stopped.

    Parameters
    ----------
    tomter, scorer, fakta
        Contracts tomter, scorer and tomtefakta; geometry is left out.
    """
    plain = pd.DataFrame(tomter.drop(columns="geometry", errors="ignore"))
    scored = plain.merge(scorer, on="tomt_id", how="left", validate="1:1")
    scored = scored.merge(fakta[["tomt_id", "kommunal_grunn"]], on="tomt_id", how="left", validate="1:1")
    return scored.assign(er_stoppet=scored["er_stoppet"].eq(True))


def score_fields(tomt: Row, one: Felles) -> Row:
    """Return the fields of Tomter that scoring fills.

    Parameters
    ----------
    tomt
        Row of `with_scores`.
    """
    score, highest = (nivaaer().vist(tomt[column]) for column in ("score", "hoyest"))
    return {
        "Score": score,
        "Høyest": highest,
        "Usikre poeng": highest - score,
        "Nivå": one(line(tomt["nivaa"])),
        "Sikkerhet": tomt["sikkerhet"],
        "Scoreprofil": one(line(tomt["profil"])),
        "Begrunnelse": one(text(tomt["begrunnelse"])),
        "Hvorfor": one(text(tomt["hvorfor"])),
        "Kan løfte": one(text(tomt["loft"])),
        "Mangler": one(text(tomt["mangler"])),
        "Endring i score": one(text(tomt["endring"])),
        "Stoppet": tomt["er_stoppet"],
        "Stoppet fordi": one(line(tomt["stopp_grunn"])),
        "Verste konflikt": one(worst_conflict(tomt["verste_tema"], tomt["verste_andel"])),
        "Kommunal grunn": KOMMUNAL.get(tomt["kommunal"]),
        "Kommunal grunn fordi": one(line(tomt["kommunal_grunn"])),
        "Byggbar m²": tomt["byggbar_m2"],
        **{field: tomt[column] for field, column in BOLIGER.items()},
        **{field: tomt[column] for field, column in POENG.items()},
        "Selvkost lav kr": _amount(tomt["selvkost_lav_kr"]),
        "Selvkost høy kr": _amount(tomt["selvkost_hoy_kr"]),
        "Selvkost": one(text(tomt["selvkost"])),
    }


def _amount(kroner: float) -> float | None:
    """Return an estimate as exact as it is: kroner to the nearest hundred thousand, None for none."""
    return round(kroner / WHOLE_KR) * WHOLE_KR if math.isfinite(kroner) else None


def worst_conflict(tema: object, andel: float) -> str | None:
    """Return a theme of conflict and how much of a lot it covers in words, None without one.

    Examples
    --------
    >>> [worst_conflict("marka", share) for share in (0.404, 0.004, 0.996, float("nan"))]
    ['Marka 40 %', 'Marka under 1 %', 'Marka over 99 %', 'Marka']
    >>> worst_conflict(None, 0.4)
    """
    plain = line(tema)
    if plain is None:
        return None
    known = konflikter().tema.get(plain)
    name = known.navn if known is not None else plain
    return name if math.isnan(andel) else f"{name} {_share(andel)}"


def _share(andel: float) -> str:
    """Return a share as people read it: none that is there is 0 %, and what is not all is not 100 %."""
    percent = round(100 * andel)
    if percent == 0:
        return "under 1 %"
    return "over 99 %" if percent >= 100 and andel < 1 else f"{percent} %"


def total_fields(scored: pd.DataFrame) -> Row:
    """Return the fields of Kommuner that add up its living lots.

    Parameters
    ----------
    scored
        Living lots as `with_scores` gives them; dwellings of stopped ones are not counted.
    """
    sums = totaler(scored)
    return {
        **{f"Tomter nivå {level}": of.tomter for level, of in sums.nivaa.items()},
        "Stoppede tomter": sums.stoppet,
        **{field: getattr(sums.i_alt, column) for field, column in BOLIGER.items()},
        "Boliger per nivå": "\n".join(_level_lines(sums.nivaa)) or None,
    }


def _level_lines(levels: Mapping[str, Sum]) -> Iterable[str]:
    for level, of in levels.items():
        if of.tomter:
            low, expected, high = (tall(n) for n in (of.boliger_lav, of.boliger, of.boliger_hoy))
            dwellings = "bolig" if expected == "1" else "boliger"
            count = "1 tomt" if of.tomter == 1 else f"{tall(of.tomter)} tomter"
            yield f"{level}: {count}, {expected} {dwellings} ({low}–{high})"
