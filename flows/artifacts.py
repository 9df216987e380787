"""What a run leaves on its Artifacts tab in Prefect: the summary, the 20 best lots, the map."""

from __future__ import annotations

from typing import Any

import pandas as pd
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.summary import Summary
from tasks.contracts import SCORER, TOMTER
from tasks.crm.links import norgeskart, seeiendom
from tasks.store import Geodata

BEST = 20


def best_lots(geodata: Geodata, kommunenummer: str, *, count: int = BEST) -> list[dict[str, Any]]:
    """Return the lots with the highest score, largest first among equals, as rows of a table with links."""
    tomter = geodata.read(kommunenummer, layer="out", contract=TOMTER)
    scorer = geodata.read(kommunenummer, layer="out", contract=SCORER)
    if tomter is None or scorer is None:
        return []
    rows = pd.DataFrame(tomter.drop(columns="geometry")).merge(scorer, on="tomt_id")
    rows = rows[rows["tilstand"] == "aktiv"].sort_values(
        ["score", "areal_m2", "tomt_id"], ascending=[False, False, True]
    )
    return [
        {
            "Tomt": row["tomt_id"],
            "Score": f"{row['score']:.1f}".replace(".", ","),
            "Areal m²": round(row["areal_m2"]),
            "Boliger (anslag)": round(row["boliger"]),
            "Eiendom": ", ".join(row["matrikkelenheter"]) or "uten matrikkelnummer",
            "Klasse": row["klasse"],
            "Kart": f"[Kart]({norgeskart(nord_25833=row['nord_25833'], ost_25833=row['ost_25833'])})",
            "Se eiendom": f"[Se eiendom]({seeiendom(row['matrikkelenheter'][0])})" if row["matrikkelenheter"] else "",
        }
        for row in rows.head(count).to_dict("records")
    ]


def publish_artifacts(summary: Summary, geodata: Geodata) -> None:
    """Create the artifacts of a run; keys carry the kommune, so that each has its own history in Prefect."""
    knr, label = summary.kommune.nummer, summary.kommune.label
    create_markdown_artifact(summary.as_markdown(), key=f"sammendrag-{knr}", description=f"Sammendrag for {label}")
    if not summary.ok:
        return
    table = best_lots(geodata, knr)
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
