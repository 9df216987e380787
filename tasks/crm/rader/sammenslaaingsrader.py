"""Rows of Sammenslåinger: neighbouring lots that together reach what none of them does alone."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from tasks.crm.rader.links import norgeibilder, norgeskart
from tasks.crm.rader.omraaderader import TILSTAND
from tasks.crm.rader.rad import Row, RowsByKey, dicts, line, lines, text
from tasks.crm.rader.scorerader import BOLIGER

GRUNNLAG = {"område": "Samme område", "eier": "Samme eier"}


def sammenslaaing_rows(sammenslaainger: pd.DataFrame) -> RowsByKey:
    """Return the rows of Sammenslåinger, by their ids, with links to all their lots.

    Parameters
    ----------
    sammenslaainger
        Contract sammenslaainger; its geometry is not looked at.
    """
    frame = sammenslaainger.drop(columns="geometry", errors="ignore")
    return {row["sammenslaaing_id"]: _row(row) for row in dicts(frame)}


def _row(found: Row) -> Row:
    nord, ost = found["nord_25833"], found["ost_25833"]
    omraade = line(found["omraade_id"])
    return {
        "Sammenslåing": found["sammenslaaing_id"],
        "Score": found["score"],
        "Høyest": found["hoyest"],
        "Nivå": line(found["nivaa"]),
        "Beste tomt alene": found["beste_tomt_score"],
        "Areal m²": found["areal_m2"],
        "Byggbar m²": found["byggbar_m2"],
        **{field: found[column] for field, column in BOLIGER.items()},
        "Hvorfor": text(found["hvorfor"]),
        "Grunnlag": GRUNNLAG.get(found["grunnlag"]),
        "Tomter": list(found["tomt_ider"]),
        "Alle tomter": lines(found["tomt_ider"]),
        "Område": [] if omraade is None else [omraade],
        "Kommune": [found["kommunenummer"]],
        "Kommunenummer": found["kommunenummer"],
        "Kart": norgeskart(nord_25833=nord, ost_25833=ost),
        "Flyfoto": norgeibilder(nord_25833=nord, ost_25833=ost),
        "Tilstand": TILSTAND[found["tilstand"]],
    }


def published(rows: RowsByKey, *, tomter: Collection[str], omraader: Collection[str]) -> RowsByKey:
    """Return the rows of which a lot is published, with links to nothing that is not.

    Gone ones stay: one that was never published is not made.

    Parameters
    ----------
    tomter, omraader
        Keys that stand in the base, or will when the run is done.
    """
    kept = {}
    for key, row in rows.items():
        lots = [tomt for tomt in row["Tomter"] if tomt in tomter]
        if lots or row["Tilstand"] == TILSTAND["borte"]:
            kept[key] = row | {"Tomter": lots, "Område": [o for o in row["Område"] if o in omraader]}
    return kept
