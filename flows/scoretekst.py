"""What a run tells of its scores and of what stands around the lots: on the terminal, to sales, in the artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from config.kilder import KONTEKSTNAVN, KONTEKSTTEMAER
from config.konflikt import konflikter
from flows.markdown import plain
from tasks.tekst import tall

SVAR = {"rader": "data", "tom": "ingenting der", "ikke_dekket": "ikke dekket", "feilet": "feilet"}


def layer_name(lag: str) -> str:
    """Return what a layer of context is called, to read.

    Examples
    --------
    >>> layer_name("stoy_veg"), layer_name("veg")
    ('Støy fra veg', 'Veger')
    """
    layers = konflikter().lag
    return layers[lag].navn if lag in layers else KONTEKSTNAVN.get(lag, lag)


def unknown_layers(dekning: pd.DataFrame) -> list[str]:
    """Return the layers that nobody has told of, those of conflict first, in the order of the config.

    Parameters
    ----------
    dekning
        Contract KONTEKSTDEKNING.
    """
    known = set(dekning.loc[dekning["er_kjent"].astype(bool), "lag"])
    return [lag for lag in every_layer() if lag not in known]


def every_layer() -> tuple[str, ...]:
    """Return every layer of context, those of conflict first."""
    return (*konflikter().lag, *KONTEKSTTEMAER, "bygning")


def layers(dekning: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return what each layer is worth as JSON-ready values."""
    kept = dekning.drop(columns=["lag", "sha256"])
    rows = kept.astype(object).where(kept.notna(), None).to_dict("records")
    return {lag: {str(k): v for k, v in row.items()} for lag, row in zip(dekning["lag"], rows, strict=True)}


def lines(scoring: Mapping[str, Any], dekning: pd.DataFrame) -> list[str]:
    """Return a line for each thing that an operator should know; none where nothing was scored."""
    if not scoring:
        return []
    tiers = ", ".join(f"{n} {level}" for level, n in scoring["nivaaer"].items())
    said = [
        f"scored by {scoring['profil']}: {tiers}, {scoring['stoppet']} stopped; {scoring['poengsatt']} scored anew, "
        f"{scoring['endret']} moved, {scoring['sammenslaatt']} assemblies"
    ]
    silent, every = unknown_layers(dekning), len(every_layer())
    rest = f"; not known: {', '.join(silent)}" if silent else ""
    said.append(f"context: {every - len(silent)} of {every} layers known{rest}")
    told = dekning[dekning["grunn"].notna() & (dekning["er_reserve"] | (dekning["svar"] == "feilet"))]
    return said + [f"{row['lag']}: {row['grunn']}" for row in told.to_dict("records")]


def setninger(scoring: Mapping[str, Any]) -> list[str]:
    """Return in Norwegian what sales should know of the scores, each sentence with a blank before it."""
    if not scoring:
        return []
    tiers, temaer = scoring["nivaaer"], konflikter().tema
    tomter = "1 tomt er" if scoring["stoppet"] == 1 else f"{scoring['stoppet']} tomter er"
    said = [f" Nivå A: {tiers.get('A', 0)}, B: {tiers.get('B', 0)}, C: {tiers.get('C', 0)}."]
    if scoring["stoppet"]:
        said.append(f" {tomter} stoppet av vern, forbud eller fare, og legges ikke ut.")
    if scoring["ukjente_tema"]:
        names = [temaer[t].navn if t in temaer else t for t in scoring["ukjente_tema"]]
        said.append(f" Ikke kjent for alle: {', '.join(names)}.")
    return said


def markdown(scoring: Mapping[str, Any], dekning: pd.DataFrame) -> list[str]:
    """Return the lines of the artifact: what the lots add up to, and what is known around them."""
    said: list[str] = []
    if scoring:
        head = f"Score etter {plain(scoring['profil'])}"
        said += ["", f"| {head} | Tomter | Boliger lavt | Boliger forventet | Boliger høyt |"]
        said += ["| --- | ---: | ---: | ---: | ---: |"]
        said += [_tier(f"Nivå {level}", of) for level, of in scoring["totaler"]["nivaa"].items()]
        said += [_tier("I alt", scoring["totaler"]["i_alt"]), f"| Stoppet | {scoring['stoppet']} | | | |"]
    if len(dekning):
        said += ["", "| Rundt tomtene | Kilde | Svar | Objekter | Sist sett | Merknad |"]
        said += ["| --- | --- | --- | ---: | --- | --- |"]
        said += [_layer(row) for row in dekning.to_dict("records")]
    return said


def _tier(navn: str, of: Mapping[str, Any]) -> str:
    dwellings = " | ".join(tall(of[c]) for c in ("boliger_lav", "boliger", "boliger_hoy"))
    return f"| {navn} | {of['tomter']} | {dwellings} |"


def _layer(row: Mapping[Any, Any]) -> str:
    many = tall(row["antall"]) if row["er_kjent"] and pd.notna(row["antall"]) else ""
    seen = str(row["sett_tid"])[:10] if row["sett_tid"] else ""
    name, said = plain(layer_name(row["lag"])), plain(row["grunn"] or "")
    return f"| {name} | {row['kilde'] or ''} | {SVAR[row['svar']]} | {many} | {seen} | {said} |"
