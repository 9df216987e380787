"""Tekster: what stands around the map of a lot, in words; no owner and no other person is ever named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from config.nivaa import nivaaer
from config.registers import Kommune
from tasks.crm.bilder.motiv import Tekster
from tasks.crm.rader.rad import day, dicts, line
from tasks.crm.rader.tomterader import adresse_texts
from tasks.tekst import tall

SHOWN = ("teig", "bygning", "kommuneplan", "kommunedelplan", "reguleringsplan")
"""Themes that are drawn."""
KARTVERKET = "Kartverket"
WHY_MAX = 60


def scores(scorer: pd.DataFrame) -> dict[str, float]:
    """Return tomt_id → score, of lots that have one.

    Parameters
    ----------
    scorer
        Contract scorer.
    """
    known = scorer[scorer["score"].notna()]
    return dict(zip(known["tomt_id"], known["score"].astype(float), strict=True))


def texts_of(
    kommune: Kommune,
    tomter: pd.DataFrame,
    *,
    scorer: pd.DataFrame,
    adresser: pd.DataFrame,
    dekning: pd.DataFrame,
) -> dict[str, Tekster]:
    """Return tomt_id → texts.

    Parameters
    ----------
    tomter, scorer, adresser, dekning
        Contracts of these names.
    """
    places, said = adresse_texts(adresser), verdicts(scorer)
    sources, fetched = source_text(kommune, dekning)
    columns = (tomter["tomt_id"], tomter["areal_m2"])
    return {
        tomt_id: Tekster(title(tomt_id, area), places.get(tomt_id) or "", said.get(tomt_id, ""), sources, fetched)
        for tomt_id, area in zip(*columns, strict=True)
    }


def title(tomt_id: str, areal_m2: float) -> str:
    """Return the title of a picture.

    Examples
    --------
    >>> title("3207-000123", 12_345.4).replace(chr(160), " ")
    '3207-000123 · 12 345 m² (12,3 daa)'
    """
    return f"{tomt_id} · {tall(areal_m2)} m² ({tall(areal_m2 / 1000, 1)} daa)"


def verdicts(scorer: pd.DataFrame) -> dict[str, str]:
    """Return tomt_id → level and score in words, or what stops it, of lots that have a score.

    Parameters
    ----------
    scorer
        Contract scorer.
    """
    known = scorer[scorer["score"].notna()]
    return {row["tomt_id"]: verdict(row) for row in dicts(known)}


def verdict(score: Mapping[str, Any]) -> str:
    """Return level and score in words, or that a lot is stopped and why.

    Examples
    --------
    >>> verdict({"nivaa": "B", "score": 79.96, "er_stoppet": False})
    'Nivå B · score 79,9'
    >>> verdict({"nivaa": "D", "score": 0.0, "er_stoppet": True, "stopp_grunn": "Naturvern 72 %"})
    'Stoppet · Naturvern 72 %'
    """
    if score["er_stoppet"]:
        why = line(score["stopp_grunn"], WHY_MAX)
        return f"Stoppet · {why}" if why else "Stoppet"
    return f"Nivå {score['nivaa']} · score {tall(nivaaer().vist(score['score']), 1)}"


def source_text(kommune: Kommune, dekning: pd.DataFrame) -> tuple[str, str]:
    """Return whose data is drawn, and the date of the oldest content in use.

    Parameters
    ----------
    dekning
        Contract dekning.
    """
    used = dekning[dekning["tema"].isin(SHOWN) & dekning["hentet_tid"].notna()]
    terms = list(dict.fromkeys(plain for text in used.sort_values("tema")["lisens"] if (plain := line(text, 60))))
    terms.sort(key=lambda text: not text.startswith(KARTVERKET))
    owner = "oppdiktede data, ingen ekte tomter" if kommune.oppdiktet else f"{kommune.navn} kommune"
    days = [d for d in map(day, used["hentet_tid"]) if d is not None]
    fetched = f"{date.fromisoformat(min(days)):%d.%m.%Y}" if days else ""
    return " · ".join(["© " + " · ".join(terms) if terms else "© Kartverket", owner]), fetched
