"""Rows of Sammenslåinger: neighbouring lots that together reach what none of them does alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from config.nivaa import nivaaer
from tasks.crm.rader.links import norgeibilder, norgeskart
from tasks.crm.rader.omraaderader import TILSTAND
from tasks.crm.rader.rad import KEY_MAX, Row, RowsByKey, dicts, line, lines, text
from tasks.crm.rader.scorerader import BOLIGER

GRUNNLAG = {"område": "Samme område", "eier": "Samme eier"}


def sammenslaaing_rows(sammenslaainger: pd.DataFrame, *, adresser: pd.DataFrame) -> RowsByKey:
    """Return the rows of Sammenslåinger, by their ids, with links to all their lots.

    Parameters
    ----------
    sammenslaainger
        Contract sammenslaainger; its geometry is not looked at.
    adresser
        Contract adresser.
    """
    frame = sammenslaainger.drop(columns="geometry", errors="ignore")
    near = dict(zip(adresser["tomt_id"], adresser["adresse"], strict=True))
    return {row["sammenslaaing_id"]: _row(row, near) for row in dicts(frame)}


def called(tomter: Sequence[str], adresser: Mapping[str, str | None]) -> str:
    """Return what people call an assembly: where the first of its lots that has an address lies, and how many they are.

    The first and not the best: the name stays while the lots do.

    Examples
    --------
    >>> called(["3207-000001", "3207-000002"], {"3207-000002": "Storgata 2"}), called(["3207-000001"], {})
    ('Storgata 2 m.fl., 2 tomter', '3207-000001, 1 tomt')
    """
    place = next((p for t in tomter if (p := line(adresser.get(t), KEY_MAX))), None) or line(next(iter(tomter), ""))
    return f"{place} m.fl., {len(tomter)} tomter" if len(tomter) > 1 else f"{place}, {len(tomter)} tomt"


def _row(found: Row, adresser: Mapping[str, str | None]) -> Row:
    nord, ost = found["nord_25833"], found["ost_25833"]
    omraade = line(found["omraade_id"])
    return {
        "Sammenslåing": found["sammenslaaing_id"],
        "Navn": called(found["tomt_ider"], adresser),
        "Score": nivaaer().vist(found["score"]),
        "Høyest": nivaaer().vist(found["hoyest"]),
        "Nivå": line(found["nivaa"]),
        "Beste tomt alene": nivaaer().vist(found["beste_tomt_score"]),
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


def published(
    rows: RowsByKey, *, kjente: Collection[str], tomter: Collection[str], omraader: Collection[str]
) -> RowsByKey:
    """Return the rows of which a lot is published, with links to nothing that is not.

    What stands in the base is kept up to date, whatever has become of its lots; gone ones that never stood there are
    not made.

    Parameters
    ----------
    kjente
        Keys of assemblies that stand in the base.
    tomter, omraader
        Keys that stand in the base, or will when the run is done.
    """
    kept = {}
    for key, row in rows.items():
        lots = [tomt for tomt in row["Tomter"] if tomt in tomter]
        if lots or key in kjente or row["Tilstand"] == TILSTAND["borte"]:
            kept[key] = row | {"Tomter": lots, "Område": [o for o in row["Område"] if o in omraader]}
    return kept
