"""Kommunetall: what the ranking of the kommuner tells of the one whose lots are scored: politics, people, price per m².

A kommune that was never ranked, or is a real one ranked by invented figures, has none of them: not known.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pandas as pd

from config.fortetting import fortetting
from config.rangering import rangering
from config.registers import Kommune
from tasks.contracts import Contract
from tasks.errors import TomtError
from tasks.kommunekontrakter import INDIKATORER, KOMMUNESCORER, NORGE
from tasks.scoring.tomt.omgivelser import OmKommunen
from tasks.scoring.tomt.selvkost import Kvadratmeterpris, kvadratmeterpris
from tasks.store import Geodata

log = logging.getLogger("tomt.scoring")

FOLKETALL = "folketall"


@dataclass(frozen=True)
class Kommunetall:
    """What is known of a kommune.

    Attributes
    ----------
    om_kommunen
        Its class by inhabitants, its political score and of when that is.
    pris
        What a dwelling costs per m².
    """

    om_kommunen: OmKommunen
    pris: Kvadratmeterpris


def les_kommunetall(kommune: Kommune, geodata: Geodata) -> Kommunetall:
    """Read what the last ranking by the published profile, and its indicators, tell of a kommune.

    Files that cannot be read count as none, and are logged: lots are scored without them, more widely.
    """
    scores = _rows(kommune, geodata, rangering().profil, KOMMUNESCORER, "har_oppdiktede_tall")
    figures = _rows(kommune, geodata, NORGE, INDIKATORER, "er_oppdiktet")
    row = scores.iloc[0] if scores is not None and len(scores) else None
    people = None if figures is None else figures.loc[figures["indikator"] == FOLKETALL, "verdi"]
    om_kommunen = OmKommunen(
        kommuneklasse=None if people is None or not len(people) else fortetting().kommuneklasse.of(people.iloc[0]),
        politikk=float("nan") if row is None else float(row["score_politikk"]),
        politikk_tid=None if row is None else row["rangert_dato"],
    )
    return Kommunetall(om_kommunen, kvadratmeterpris(figures, kommune.nummer))


def _rows(kommune: Kommune, geodata: Geodata, name: str, contract: Contract, invented: str) -> pd.DataFrame | None:
    """Return the rows of a kommune, without those that rest on invented figures when it is a real one."""
    try:
        frame = geodata.read(name, layer="out", contract=contract)
    except TomtError as error:
        log.error("%s: scored without out/%s: %s", kommune.label, contract.name, error)
        return None
    if frame is None:
        return None
    own = frame[frame["kommunenummer"] == kommune.nummer]
    return own if kommune.oppdiktet else own[~own[invented].astype(bool)]
