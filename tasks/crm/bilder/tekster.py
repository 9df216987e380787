"""Tekster: what stands around the map of a lot, in words; no owner and no other person is ever named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from config.nivaa import nivaaer
from config.registers import Kommune
from tasks.crm.bilder.motiv import Tekster
from tasks.crm.rader.rad import day, line
from tasks.crm.rader.tomterader import adresse_texts
from tasks.tekst import tall

SHOWN = ("teig", "bygning", "kommuneplan", "kommunedelplan", "reguleringsplan")
"""Themes that are drawn."""
KARTVERKET = "Kartverket"


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
    score: Mapping[str, float],
    adresser: pd.DataFrame,
    dekning: pd.DataFrame,
) -> dict[str, Tekster]:
    """Return tomt_id → texts.

    Parameters
    ----------
    tomter, adresser, dekning
        Contracts of these names.
    """
    places = adresse_texts(adresser)
    sources, fetched = source_text(kommune, dekning)
    columns = (tomter["tomt_id"], tomter["areal_m2"])
    return {
        tomt_id: Tekster(title(tomt_id, area), places.get(tomt_id) or "", verdict(score, tomt_id), sources, fetched)
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


def verdict(score: Mapping[str, float], tomt_id: str) -> str:
    """Return level and score in words, empty for a lot without them.

    Examples
    --------
    >>> verdict({"3207-000123": 82.44}, "3207-000123"), verdict({}, "3207-000123")
    ('Nivå A · score 82,4', '')
    """
    value = score.get(tomt_id)
    return "" if value is None else f"Nivå {nivaaer().of(value)} · score {tall(value, 1)}"


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
