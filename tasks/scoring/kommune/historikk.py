"""Historikk: the rankings of earlier months, and what has moved since the last of them.

The last run of a month stands for it. "Last time" is the newest month before this one: a second run in a month is
compared with the month before, as the first was.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from config.profil import Profil
from tasks.errors import ContractError, StoreError
from tasks.kommunekontrakter import KOMMUNEHISTORIKK
from tasks.scoring.kommune.poengsum import has_invented_figures
from tasks.store import Geodata

log = logging.getLogger("tomt.rangering")

OTHER_RULES = " med andre innstillinger"
NEW, OUT, UP, DOWN = "ny i toppen", "ut av toppen", "opp", "ned"


@dataclass(frozen=True, eq=False)
class Forrige:
    """The ranking of an earlier month.

    Attributes
    ----------
    scorer
        Contract `kommunehistorikk`.
    """

    maaned: str
    scorer: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Bevegelser:
    """What has moved since the last month.

    Attributes
    ----------
    maaned_sist
        What it is compared with, None for a first ranking.
    profil_sist
        Profile and version then, and whether other settings held: points have changed as well as figures where it is
        not today's.
    rader
        The real kommuner whose rank has changed: kommunenummer, navn, rang, rang_sist, endring (+ is up), bevegelse
        (`NEW`, `OUT`, `UP`, `DOWN`). Those that came among the best first, then those that left, then the others by how
        far they moved.
    """

    maaned_sist: str | None
    profil_sist: str | None
    rader: pd.DataFrame


def month_of(dato: date) -> str:
    """Return the month of a date: ``2026-01``."""
    return f"{dato:%Y-%m}"


def months(geodata: Geodata, profil: Profil) -> list[str]:
    """Return the months that there is a ranking of, newest first."""
    folder = geodata.path("out", KOMMUNEHISTORIKK, profil.kode).parent
    found = (re.fullmatch(rf"{profil.kode}-(\d{{4}}-\d{{2}})\.parquet", path.name) for path in folder.glob("*.parquet"))
    return sorted((match[1] for match in found if match), reverse=True)


def read_month(geodata: Geodata, profil: Profil, maaned: str) -> pd.DataFrame | None:
    """Return the ranking of a month, contract `kommunehistorikk`; None when there is none."""
    return geodata.read(f"{profil.kode}-{maaned}", layer="out", contract=KOMMUNEHISTORIKK)


def write_month(geodata: Geodata, profil: Profil, maaned: str, scorer: pd.DataFrame, *, regler: str) -> None:
    """Keep a ranking as that of its month, with the digest of the settings that held (`Rangering.merke`)."""
    frame = scorer.assign(maaned=maaned, regler=regler)[list(KOMMUNEHISTORIKK.columns)]
    geodata.write(frame, f"{profil.kode}-{maaned}", layer="out", contract=KOMMUNEHISTORIKK)


def kept(geodata: Geodata, profil: Profil, maaned: str, *, er_oppdiktet: bool) -> Iterator[Forrige]:
    """Yield the rankings of a month and those before it that can be compared with, newest first.

    Parameters
    ----------
    er_oppdiktet
        Whether the ranking in hand rests on invented figures: those and real ones are never compared.
    """
    for earlier in (one for one in months(geodata, profil) if one <= maaned):
        try:
            scorer = read_month(geodata, profil, earlier)
        except (StoreError, ContractError) as error:  # a month that cannot be read must not stop this one
            log.warning("%s of %s is passed over: %s", profil.kode, earlier, error)
            continue
        if scorer is not None and has_invented_figures(scorer) == er_oppdiktet:
            yield Forrige(earlier, scorer)


def last_before(maanedene: Iterable[Forrige], maaned: str) -> Forrige | None:
    """Return the first of some rankings, newest first, that is of a month before this one."""
    return next((one for one in maanedene if one.maaned < maaned), None)


def movements(scorer: pd.DataFrame, forrige: Forrige | None, *, topp: int, regler: str) -> Bevegelser:
    """Return what has moved since the last month, among the real kommuner.

    Parameters
    ----------
    scorer
        Contract `kommunescorer`, with rang_sist.
    topp
        How many the best are.
    regler
        Digest of the settings that hold now.
    """
    real = scorer[~scorer["er_oppdiktet_kommune"] & scorer["rang_sist"].notna()]
    rows = real[["kommunenummer", "navn", "rang", "rang_sist"]].astype({"rang_sist": int})
    rows["endring"] = rows["rang_sist"] - rows["rang"]
    is_best, was_best = rows["rang"] <= topp, rows["rang_sist"] <= topp
    rows["bevegelse"] = [UP if change > 0 else DOWN for change in rows["endring"]]
    rows.loc[is_best & ~was_best, "bevegelse"] = NEW
    rows.loc[~is_best & was_best, "bevegelse"] = OUT
    rows = rows[rows["endring"] != 0]
    rows["_first"] = rows["bevegelse"].map({NEW: 0, OUT: 1, UP: 2, DOWN: 2})
    rows["_far"] = -rows["endring"].abs()
    rows = rows.sort_values(["_first", "_far", "rang"], ignore_index=True).drop(columns=["_first", "_far"])
    if forrige is None:
        return Bevegelser(None, None, rows)
    then = forrige.scorer.iloc[0]
    return Bevegelser(forrige.maaned, then["profil"] + ("" if then["regler"] == regler else OTHER_RULES), rows)
