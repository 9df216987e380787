"""Rows of Kontroll: what a person should look at, as the runs have noted it; the sync's own matters are in `saker`."""

from __future__ import annotations

import pandas as pd

from tasks.crm.rader.rad import KEY_MAX, RowsByKey, day, dicts, line, text

AAPEN, LUKKET = "Åpen", "Lukket"
TILSTAND = {"aapen": AAPEN, "lukket": LUKKET}
ALVOR = {"høy": "Høy", "middels": "Middels", "lav": "Lav"}


def kontroll_rows(kontroll: pd.DataFrame) -> RowsByKey:
    """Return the rows of Kontroll, by Kontroll-id.

    Parameters
    ----------
    kontroll
        Contract kontroll.
    """
    rows: RowsByKey = {}
    for sak in dicts(kontroll):
        key = line(sak["kontroll_id"], KEY_MAX)
        if key is not None:
            rows[key] = {
                "Kontroll-id": key,
                "Hva": line(sak["hva"]),
                "Hvor": line(sak["hvor"]),
                "Kommunenummer": line(sak["kommunenummer"]),
                "Hvorfor": text(sak["hvorfor"]),
                "Forslag": text(sak["forslag"]),
                "Alvor": ALVOR[sak["alvor"]],
                "Først sett": day(sak["foerst_sett"]),
                "Tilstand": TILSTAND[sak["tilstand"]],
            }
    return rows
