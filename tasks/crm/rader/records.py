"""Records: the frames of a run as rows of the base, by field name; links are keys of the linked table.

Only pipeline fields stand here, table by table in the modules of their nouns. A row holds no time of its own: the same
input gives the same row.
"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from config.registers import Kommune
from tasks.crm.rader.eiendomsrader import eiendom_rows
from tasks.crm.rader.kommunerader import dekning_fields, identity, ikke_vurdert_fields, kilder_text, kommune_row
from tasks.crm.rader.kontrollrader import kontroll_rows
from tasks.crm.rader.omraaderader import omraade_rows
from tasks.crm.rader.planer import plan_links, read_plans, read_zones
from tasks.crm.rader.rad import Row, RowsByKey
from tasks.crm.rader.sammenslaaingsrader import sammenslaaing_rows
from tasks.crm.rader.scorerader import with_scores
from tasks.crm.rader.tomterader import Rundt, adresse_texts, event_dates, tomt_rows

__all__ = [
    "Row",
    "RowsByKey",
    "build_rows",
    "dekning_fields",
    "identity",
    "kilder_text",
    "kontroll_rows",
    "plan_links",
]


def build_rows(
    kommune: Kommune,
    *,
    omraader: gpd.GeoDataFrame,
    tomter: pd.DataFrame,
    scorer: pd.DataFrame,
    soner: pd.DataFrame,
    planomraader: pd.DataFrame,
    dekning: pd.DataFrame,
    kontroll: pd.DataFrame,
    adresser: pd.DataFrame,
    hendelser: pd.DataFrame,
    teiger: pd.DataFrame,
    tomtefakta: pd.DataFrame,
    kontekstdekning: pd.DataFrame,
    sammenslaainger: pd.DataFrame,
    kilder: str,
) -> dict[str, RowsByKey]:
    """Return table → key → row for everything that a run of one kommune says.

    Parameters
    ----------
    omraader, tomter, scorer, soner, planomraader
        Frames of these contracts. Only that of områder needs its geometry.
    dekning, kontroll, adresser, hendelser, teiger, tomtefakta, kontekstdekning, sammenslaainger
        The same; they may be empty.
    kilder
        What each source answered, in words.
    """
    scored = with_scores(tomter, scorer, tomtefakta)
    plans = read_plans(kommune, planomraader)
    zones = read_zones(soner, {zone for ids in omraader["sone_ider"] for zone in ids})
    on = {o: [zones[z] for z in ids] for o, ids in zip(omraader["omraade_id"], omraader["sone_ider"], strict=True)}
    texts = adresse_texts(adresser)
    own = kommune_row(kommune, omraader=omraader, scored=scored, kilder=kilder)
    return {
        "Kommuner": {kommune.nummer: own | dekning_fields(dekning) | ikke_vurdert_fields(kontekstdekning)},
        "Områder": omraade_rows(omraader, zones=zones, plans=plans),
        "Eiendommer": eiendom_rows(kommune, scored, teiger=teiger, adresser=adresser, texts=texts),
        "Tomter": tomt_rows(scored, Rundt(on, plans, texts, event_dates(hendelser))),
        "Sammenslåinger": sammenslaaing_rows(sammenslaainger, adresser=adresser),
        "Kontroll": kontroll_rows(kontroll),
    }
