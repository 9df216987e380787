"""What a run leaves on its Artifacts tab in Prefect: the summary, the 20 best lots, the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from config.konflikt import konflikter
from config.nivaa import nivaaer
from config.registers import Kommune
from flows.markdown import plain
from flows.sammendrag import as_markdown
from flows.summary import Summary
from tasks.contracts import PLANOMRAADER, TOMTER
from tasks.crm.rader.links import norgeskart, seeiendom
from tasks.crm.rader.records import plan_links
from tasks.store import Geodata
from tasks.tekst import tall
from tasks.tomtekontrakter import SCORER

BEST = 20


def best_lots(geodata: Geodata, kommune: Kommune, *, count: int = BEST) -> list[dict[str, Any]]:
    """Return the lots with the highest score, largest first among equals, as rows of a table with links."""
    tomter = geodata.read(kommune.nummer, layer="out", contract=TOMTER)
    scorer = geodata.read(kommune.nummer, layer="out", contract=SCORER)
    planomraader = geodata.read(kommune.nummer, layer="core", contract=PLANOMRAADER)
    if tomter is None or scorer is None or planomraader is None:
        return []
    links = plan_links(kommune, planomraader)
    rows = pd.DataFrame(tomter.drop(columns="geometry")).merge(scorer, on="tomt_id")
    rows = rows[rows["tilstand"] == "aktiv"].sort_values(
        ["score", "areal_m2", "tomt_id"], ascending=[False, False, True]
    )
    return [
        {
            "Tomt": row["tomt_id"],
            "Nivå": "stoppet" if row["er_stoppet"] else row["nivaa"],
            "Score": tall(nivaaer().vist(row["score"]), 1),
            "Høyest": tall(nivaaer().vist(row["hoyest"]), 1),
            "Boliger": _dwellings(row),
            "Hvorfor": plain(row["begrunnelse"] or ""),
            "Verste konflikt": _conflict(row),
            "Kart": f"[Kart]({norgeskart(nord_25833=row['nord_25833'], ost_25833=row['ost_25833'])})",
            "Plan": _link("Plan", next((links[p] for p in row["plan_ider"] if p in links), None)),
            "Areal m²": tall(row["areal_m2"]),
            "Klasse": row["klasse"],
            "Eiendom": _eiendom(row["matrikkelenheter"]),
        }
        for row in rows.head(count).to_dict("records")
    ]


def _dwellings(row: Mapping[Any, Any]) -> str:
    low, high = row["boliger_lav"], row["boliger_hoy"]
    return "ukjent" if pd.isna(low) or pd.isna(high) else f"{tall(low)}–{tall(high)}"


def _conflict(row: Mapping[Any, Any]) -> str:
    tema = row["verste_tema"]
    if not tema:
        return ""
    name = konflikter().tema[tema].navn if tema in konflikter().tema else tema
    return f"{name} {tall(100 * row['verste_andel'])} %"


def _eiendom(matrikkelenheter: list[str]) -> str:
    if not matrikkelenheter:
        return "uten matrikkelnummer"
    first, *others = matrikkelenheter
    more = f" og {len(others)} til" if others else ""
    return f"{_link(first, seeiendom(first)) or plain(first)}{more}"


def _link(text: str, address: str | None) -> str:
    """Return a Markdown link; an address from outside cannot close it early or start another."""
    return f"[{text}]({quote(address, safe=':/?#@!$&=;,%+-._~')})" if address else ""


def publish_artifacts(summary: Summary, geodata: Geodata) -> None:
    """Create the artifacts of a run; keys carry the kommune, so that each has its own history in Prefect."""
    knr, label = summary.kommune.nummer, summary.kommune.label
    create_markdown_artifact(as_markdown(summary), key=f"sammendrag-{knr}", description=f"Sammendrag for {label}")
    if not summary.ok:
        return
    table = best_lots(geodata, summary.kommune)
    if not table:
        return
    create_table_artifact(table, key=f"beste-tomter-{knr}", description=f"De {len(table)} beste tomtene i {label}")
    first = table[0]
    create_link_artifact(
        first["Kart"].removeprefix("[Kart](").removesuffix(")"),
        link_text=f"Beste tomt i {label}: {first['Tomt']} i Norgeskart",
        key=f"kart-{knr}",
        description="Kartet åpner med markør på tomten",
    )
