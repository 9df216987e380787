"""Poeng: the parts of every lot's score, by a profile. A row per lot, factor and part (contract scorekort).

What is not known earns nothing and is carried as points that are not known; nothing is put in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from config.tomtprofil import Tomtprofil
from tasks.scoring.tomt import deler
from tasks.scoring.tomt.deler import Del
from tasks.scoring.tomt.konfliktfri import Konflikt, bundet_av, konflikt, konfliktfri
from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.ordlegging import Tekster, kolonne
from tasks.scoring.tomt.regler import Regler
from tasks.tomtekontrakter import SCOREKORT


def gi_poeng(
    fakta: pd.DataFrame,
    andeler: pd.DataFrame,
    *,
    profil: Tomtprofil,
    regler: Regler,
    dekning: pd.DataFrame,
    land: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Give every lot its points for every part of every factor of a profile.

    Parameters
    ----------
    fakta
        Contract tomtefakta. The order of its rows does not matter.
    andeler
        Contract konfliktandeler.
    dekning
        Contract kontekstdekning: who tells, as of when, and why something is not known.
    land
        Contract dekning of the kommune: the same of teiger, plans and buildings. None: not told.

    Returns
    -------
    DataFrame
        Contract scorekort, by lot in the order of `fakta`, parts in the order of the profile: every lot has every
        part, and their maks add up to 100. A lot that is stopped has 0 points, and none that are not known.
    """
    if fakta.empty:
        return SCOREKORT.empty()
    opphav = Opphav(dekning, regler.faktorer.sikkerhet.ferskhet, land)
    av = konflikt(fakta, andeler, regler.konflikter)
    parts = _deler(fakta, av, profil=profil, regler=regler, opphav=opphav)
    return _kort(fakta, parts)


def _deler(fakta: pd.DataFrame, av: Konflikt, *, profil: Tomtprofil, regler: Regler, opphav: Opphav) -> list[Del]:
    columns = {str(c): fakta[c].to_numpy() for c in fakta.columns}
    factor, bound = profil.faktor, bundet_av(av, regler.konflikter)
    by_factor = {
        "kapasitet": lambda f: deler.kapasitet(columns, f, regler=regler, opphav=opphav, bundet_av=bound),
        "storrelse": lambda f: deler.storrelse(columns, f, opphav=opphav),
        "sentralitet": lambda f: deler.sentralitet(columns, f, regler=regler, opphav=opphav),
        "konflikt": lambda f: konfliktfri(av, f, register=regler.konflikter, opphav=opphav),
        "infrastruktur": lambda f: deler.infrastruktur(columns, f, regler=regler, opphav=opphav),
        "politikk": lambda f: deler.politikk(columns, f),
        "eier": lambda f: deler.eier(columns, f, regler=regler),
    }
    return [part for name, f in factor.items() for part in by_factor[name](f)]


def _kort(fakta: pd.DataFrame, parts: Sequence[Del]) -> pd.DataFrame:
    """Return the parts as rows, those of a lot together."""
    n, stopped = len(fakta), fakta["er_stoppet"].to_numpy(dtype=bool)
    alive = ~stopped[:, None]

    def spread(values: Sequence[np.ndarray]) -> np.ndarray:
        return np.column_stack(values).reshape(-1)

    def each(values: Sequence[object]) -> Tekster:
        return np.tile(np.array(values, dtype=object), n)

    poeng = np.column_stack([p.poeng for p in parts]) * alive
    ukjent = np.column_stack([p.ukjent for p in parts]) * alive
    maks = np.array([p.maks for p in parts])
    return pd.DataFrame(
        {
            "tomt_id": np.repeat(fakta["tomt_id"].to_numpy(dtype=object), len(parts)),
            "faktor": each([p.faktor for p in parts]),
            "del": each([p.navn for p in parts]),
            "verdi": spread([p.verdi for p in parts]).astype(float),
            "verdi_tekst": spread([p.tekst for p in parts]),
            "enhet": each([p.enhet for p in parts]),
            "poeng": poeng.reshape(-1),
            "maks": np.tile(maks, n),
            "ukjent": np.minimum(ukjent, np.maximum(maks - poeng, 0.0)).reshape(-1),
            "kilde": each([p.kilde.navn for p in parts]),
            "dato": spread([kolonne(p.kilde.dato, n) if p.dato is None else p.dato for p in parts]),
            "merknad": spread([_merknad(p, n) for p in parts]),
        },
        columns=list(SCOREKORT.columns),
    )


def _merknad(part: Del, n: int) -> Tekster:
    """Return what is to be said of each lot's part, None for nothing."""
    source = part.kilde.merknad
    if part.merknad is None:
        return kolonne(source or None, n)
    return np.array(["; ".join(w for w in (own, source) if w) or None for own in part.merknad], dtype=object)
