"""Rows of Kommuner: which kommune it is, what a run found in it, how good its data are."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd

from config.kilder import KONTEKSTNAVN, KONTEKSTTEMAER
from config.konflikt import konflikter
from config.registers import Kommune
from tasks.answer import Answer, Provenance, Rows
from tasks.crm.rader.rad import Row, day, line, lines
from tasks.crm.rader.scorerader import total_fields

UKJENT = {"feilet": "kilden svarte ikke som den skal", "ikke_dekket": "kilden dekker ikke kommunen"}
IKKE_SPURT = "ikke hentet"


def kommune_row(kommune: Kommune, *, omraader: gpd.GeoDataFrame, scored: pd.DataFrame, kilder: str) -> Row:
    """Return the row of the kommune itself; gone områder and tomter are not counted."""
    alive = omraader[omraader["tilstand"] == "aktiv"]
    lots = scored[scored["tilstand"] == "aktiv"]
    return {
        **identity(kommune),
        "Antall tomter": len(lots),
        "Antall områder": len(alive),
        "Areal områder m²": float(alive["areal_m2"].sum()),
        **total_fields(lots),
        "Kilder": lines(kilder.split("\n")),
    }


def identity(kommune: Kommune) -> Row:
    """Return the fields of Kommuner that say which kommune it is."""
    return {
        "Kommunenummer": kommune.nummer,
        "Navn": kommune.navn,
        "Fylke": kommune.fylke,
        "Oppdiktet": kommune.oppdiktet,
    }


def dekning_fields(dekning: pd.DataFrame) -> Row:
    """Return the fields of Kommuner that say how good its data are; none where they were never assessed.

    Dates are those of the content: a run that finds nothing new gives the same fields.
    """
    if dekning.empty:
        return {}
    needed = dekning[dekning["er_paakrevd"].to_numpy(dtype=bool)]
    fetched = [d for t in needed["hentet_tid"] if (d := day(t))]
    plans = [d for t in dekning["nyeste_plan"] if (d := day(t))]
    sources = dekning[dekning["kilde_adresse"].notna()]
    links = zip(sources["tema"], sources["kilde_adresse"], sources["lisens"], strict=True)
    return {
        "Datakvalitet": max(needed["karakter"], default=None),
        "Kvalitetsgrunner": lines(
            f"{tema}: {g}" for tema, grunner in zip(dekning["tema"], dekning["grunner"], strict=True) for g in grunner
        ),
        "Dekning %": 100 * dekning["andel_dekket"].max(),
        "Nyeste plan": max(plans, default=None),
        "Data hentet": min(fetched, default=None),
        "Kildelenker": lines(
            f"{tema}: {adresse} ({lisens})" if line(lisens) else f"{tema}: {adresse}" for tema, adresse, lisens in links
        ),
    }


def ikke_vurdert_fields(kontekstdekning: pd.DataFrame) -> Row:
    """Return the field of Kommuner that says what its lots were not assessed for, and why; none where nobody asked.

    A theme of conflict is known when every layer that it needs is. No dates and no words of the sources' own stand
    here: a source that stays silent in another way changes nothing.

    Parameters
    ----------
    kontekstdekning
        Contract kontekstdekning.
    """
    if kontekstdekning.empty:
        return {}
    flags = zip(kontekstdekning["lag"], kontekstdekning["er_kjent"], kontekstdekning["svar"], strict=True)
    why = {lag: None if is_known else UKJENT.get(svar, IKKE_SPURT) for lag, is_known, svar in flags}
    needed = [(tema.navn, tema.trengs) for tema in konflikter().tema.values()]
    needed += [(navn, (lag,)) for lag, navn in KONTEKSTNAVN.items() if lag in KONTEKSTTEMAER or lag in why]
    missing = ((navn, next((w for lag in layers if (w := why.get(lag, IKKE_SPURT))), None)) for navn, layers in needed)
    return {"Ikke vurdert": lines(f"{navn}: {reason}" for navn, reason in missing if reason)}


def kilder_text(answers: Mapping[str, Answer], provenance: Mapping[str, Provenance]) -> str:
    """Return what each source answered, a line per theme.

    Parameters
    ----------
    answers
        Theme → answer.
    provenance
        Theme → provenance of the snapshot in use, which says when its content last changed.
    """
    said = []
    for tema, answer in answers.items():
        if isinstance(answer, Rows):
            kept = provenance[tema]
            many = "1 objekt" if kept.antall_mottatt == 1 else f"{kept.antall_mottatt} objekter"
            said.append(f"{tema}: {many}, uendret siden {kept.hentet_tid[:10]} ({kept.lisens})")
        else:
            said.append(f"{tema}: {answer.grunn}")
    return lines(said) or ""
