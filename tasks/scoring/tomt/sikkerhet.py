"""Sikkerhet: how sure a score is, 0–1 = coverage × freshness × geometry quality."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.konflikt import Konflikter
from config.kurver import Tall
from config.tomtefaktorer import Sikkerhet as Satser
from config.tomtefaktorer import Tomtefaktorer
from tasks.scoring.tomt.deler import LAG, LANDLAG
from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.regler import VERSTE

FORMEL = (
    "dekning: andelen av poengene som er kjent; ferskhet: hvor nylig kildene er bekreftet; "
    "geometri: hvor gode plan, teig og byggbart areal er"
)
"""What the card says of it."""

KARAKTERTEMA = ("kommuneplan", "teig")
"""Themes whose grade tells how good the lot's own geometry is."""

Part = tuple[str, str, float]
"""Factor, part, points at most."""


class Sikkerhet(NamedTuple):
    """Of each lot: the three and their product."""

    dekning: Tall
    ferskhet: Tall
    geometri: Tall

    @property
    def samlet(self) -> Tall:
        """Their product."""
        return np.asarray(self.dekning * self.ferskhet * self.geometri)


def sikkerhet(
    ukjent: Tall,
    parts: Iterable[Part],
    *,
    tomter: pd.DataFrame,
    opphav: Opphav,
    faktorer: Tomtefaktorer,
    register: Konflikter,
) -> Sikkerhet:
    """Return how sure the score of each lot is.

    Parameters
    ----------
    ukjent
        Points of each lot that are not known.
    parts
        The parts of the score.
    tomter
        Of each lot in the same order, of the contract tomter: kjerne_m2, kjerne_grunnlag, har_tvist.

    Notes
    -----
    dekning = 1 − ukjent / 100
    ferskhet = Σ maks × freshness of the least fresh layer that the part rests on / Σ maks, over parts that are known;
    freshness of a layer: `opphav.Opphav.fersk`
    geometri = share of the worst grade of kommuneplan and teig × share of what the core rests on × (tvist where the
    extent of the property is disputed)
    """
    fresh = ferskhet(parts, opphav=opphav, register=register, satser=faktorer.sikkerhet)
    return Sikkerhet(
        dekning=np.clip(1.0 - ukjent / 100.0, 0.0, 1.0),
        ferskhet=np.full(len(ukjent), fresh),
        geometri=geometri(tomter, opphav=opphav, satser=faktorer.sikkerhet),
    )


def ferskhet(parts: Iterable[Part], *, opphav: Opphav, register: Konflikter, satser: Satser) -> float:
    """Return the freshness of what the parts rest on; the smallest where nothing is known."""
    shares, weights = [], []
    for faktor, del_, maks in parts:
        if fresh := opphav.fersk(_lag(faktor, del_, register)):
            shares.append(min(fresh))
            weights.append(maks)
    if not weights:
        return satser.ferskhet.minst
    return float(np.average(shares, weights=weights))


def _lag(faktor: str, del_: str, register: Konflikter) -> tuple[str, ...]:
    """Return the layers that a part rests on."""
    if faktor == "konflikt":
        return tuple(register.lag) if del_ == VERSTE else register.lag_av(del_)
    if faktor in ("sentralitet", "infrastruktur"):
        return LAG[del_ or "tetthet"]
    return LANDLAG if faktor in ("kapasitet", "storrelse") else ()


def geometri(tomter: pd.DataFrame, *, opphav: Opphav, satser: Satser) -> Tall:
    """Return the quality of each lot's geometry."""
    grades = [str(opphav.rader[t].get("karakter")) for t in KARAKTERTEMA if t in opphav.rader]
    shares = {str(k): v for k, v in satser.karakter.items()}
    grade = min((shares.get(g, satser.uten_karakter) for g in grades), default=satser.uten_karakter)
    core_of = {str(k): v for k, v in satser.kjerne_grunnlag.items()}
    core = np.array([core_of.get(str(g), satser.uten_kjerne) for g in tomter["kjerne_grunnlag"]], dtype=float)
    core = np.where(tomter["kjerne_m2"].isna().to_numpy(), satser.uten_kjerne, core)
    return np.asarray(grade * core * np.where(_flags(tomter["har_tvist"]), satser.tvist, 1.0))


def _flags(values: pd.Series) -> npt.NDArray[np.bool_]:
    return np.array([v is True or v is np.True_ or bool(v == 1) for v in values], dtype=bool)
