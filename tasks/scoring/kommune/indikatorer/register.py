"""Every indicator there is, in the order of config/indikatorer.toml."""

from __future__ import annotations

from collections.abc import Sequence

from config.indikatorer import indikatorer as katalog
from config.rangering import Boligkostnad
from config.statistikk import Parti
from tasks.scoring.kommune.indikatorer import arbeid, befolkning, bolig, bygging, inntekt, okonomi, politikk, tettsted
from tasks.scoring.kommune.indikatorer.indikator import Indikator


def alle_indikatorer(boligkostnad: Boligkostnad, partier: Sequence[Parti]) -> tuple[Indikator, ...]:
    """Return all indicators, under assumptions on what a dwelling costs and on the blocks of the parties."""
    regning = katalog().regning
    return (
        *befolkning.INDIKATORER,
        *bolig.indikatorer(boligkostnad),
        *bygging.indikatorer(regning.snitt_aar),
        *inntekt.INDIKATORER,
        *arbeid.INDIKATORER,
        *okonomi.indikatorer(regning.snitt_aar),
        *politikk.indikatorer(partier, maks_uten_liste_prosent=regning.maks_uten_liste_prosent),
        *tettsted.INDIKATORER,
    )
