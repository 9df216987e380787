"""The first score, `grov`: capacity and size alone, by the papers' formulas, scaled to 100.

With a floor of 1,000 m² every lot earns all points of capacity, so this profile hardly separates lots by capacity;
it is kept as the papers have it, under a name that says what it is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import GrovProfil, Kommune, grov_profil
from tasks.contracts import SCORER, TOMTER
from tasks.errors import LandError
from tasks.store import Geodata
from tasks.tekst import tall

M2_PER_DAA = 1000.0


def capacity(areal_m2: pd.Series, *, m2_per_bolig: float) -> pd.Series:
    """Return the estimated number of dwellings: area / m² per dwelling.

    Examples
    --------
    >>> capacity(pd.Series([800.0, 4000.0]), m2_per_bolig=80.0).tolist()
    [10.0, 50.0]
    """
    return areal_m2 / m2_per_bolig


def grov_score(tomter: pd.DataFrame, profil: GrovProfil) -> pd.DataFrame:
    """Score lots by capacity and size.

    Parameters
    ----------
    tomter
        With tomt_id and areal_m2.

    Returns
    -------
    DataFrame
        Contract `scorer`: points per factor, score = (capacity + size) / possible × 100, unrounded, and the reasons
        in words.

    Notes
    -----
    capacity = min(dwellings / 10 × 25, 25); size = min(daa / 5 × 15, 15).

    Examples
    --------
    >>> from config.registers import grov_profil
    >>> lots = pd.DataFrame({"tomt_id": ["7001-000001"], "areal_m2": [2500.0]})
    >>> float(grov_score(lots, grov_profil())["score"].iloc[0])  # (25 + 7.5) / 40
    81.25
    """
    boliger = capacity(tomter["areal_m2"], m2_per_bolig=profil.m2_per_bolig)
    daa = tomter["areal_m2"] / M2_PER_DAA
    kapasitet = np.minimum(boliger / profil.kapasitet_boliger_full * profil.kapasitet_maks, profil.kapasitet_maks)
    storrelse = np.minimum(daa / profil.storrelse_daa_full * profil.storrelse_maks, profil.storrelse_maks)
    possible = profil.kapasitet_maks + profil.storrelse_maks
    return pd.DataFrame(
        {
            "tomt_id": tomter["tomt_id"],
            "profil": f"grov {profil.versjon}",
            "boliger": boliger,
            "poeng_kapasitet": kapasitet,
            "poeng_storrelse": storrelse,
            "score": (kapasitet + storrelse) / possible * 100,
            "begrunnelse": [
                f"Kapasitet {tall(k, 1)} av {tall(profil.kapasitet_maks, 1)} poeng: omtrent {tall(b)} boliger "
                f"({tall(profil.m2_per_bolig)} m² per bolig). "
                f"Størrelse {tall(s, 1)} av {tall(profil.storrelse_maks, 1)} poeng: {tall(d, 1)} daa. "
                f"Grov score: bare disse to er vurdert."
                for k, b, s, d in zip(kapasitet, boliger, storrelse, daa, strict=True)
            ],
        }
    )


@task(name="gi score", task_run_name="gi score {kommune.nummer}", cache_policy=NO_CACHE)
def score_task(kommune: Kommune, geodata: Geodata) -> int:
    """Read out/tomter, score, write out/scorer; return the number of lots scored."""
    tomter = geodata.read(kommune.nummer, layer="out", contract=TOMTER)
    if tomter is None:
        raise LandError(f"{kommune.label}: out/tomter is not there. Run `tomt run {kommune.nummer}`.")
    scorer = grov_score(tomter, grov_profil())
    geodata.write(scorer, kommune.nummer, layer="out", contract=SCORER)
    return len(scorer)
