"""Kapasitet: how many dwellings a lot has room for, low, expected and high. A row per lot.

What decides the standard (class of the kommune, how central the ground is) may not be known: then every standard that
is possible counts, low by the lowest and high by the highest of them, expected by the lowest that is expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from config.fortetting import KOMMUNEKLASSER, SONER, Fortetting, Sonegrense
from config.kurver import Tall, tall
from config.tomtefaktorer import LANGS_VEG

Flagg = npt.NDArray[np.bool_]

M2_PER_DAA = 1000.0
DESIMALER = 9
"""To which dwellings are rounded before they are cut: 32.999999999 is 33."""
MERKBAR_M2 = 1.0
"""Bound ground under this is none."""

TYPENAVN = {"smaahus": "småhus", "rekkehus": "rekkehus", "blokk": "blokk"}


class Boliger(NamedTuple):
    """Dwellings of each lot, not rounded, and what they rest on.

    Attributes
    ----------
    lav, forventet, hoy
        NaN where not even the area is known.
    grunn_m2
        The buildable core, or the lot where that is not known.
    bundet_m2
        How much of the buildable core lies under stopp or hard; NaN where that is not known.
    er_antatt
        By standards that are assumptions, by more than one, without a core, or where some of it is bound.
    har_kjerne
        Whether the buildable core is known.
    type
        What is expected to be built there; None where more than one standard is possible.
    kilde
        Where the standard comes from; None where more than one is possible, and where it is an assumption.
    """

    lav: Tall
    forventet: Tall
    hoy: Tall
    grunn_m2: Tall
    bundet_m2: Tall
    er_antatt: Flagg
    har_kjerne: Flagg
    type: npt.NDArray[np.object_]
    kilde: npt.NDArray[np.object_]


def boliger(fakta: Mapping[str, Any], fortetting: Fortetting, *, omvei: float) -> Boliger:
    """Return how many dwellings each lot has room for.

    Parameters
    ----------
    fakta
        Of the contract tomtefakta: areal_m2, byggbar_m2, fri_m2, kommuneklasse, tettsted_m, avstand_metode,
        tettsted_folketall, befolkning_1km.
    omvei
        How many times the straight line a way may be: the zone is not known where that decides it.

    Notes
    -----
    byggbar_m2 / 1000 × dwellings per daa of the standard for class and zone, low by fri_m2; what is bound may be built
    on. Where the core is not known: areal_m2 × uten_kjerne in its place.
    """
    mulig, rest = _mulige(fakta, fortetting, omvei), fortetting.uten_kjerne
    byggbar, fri, areal = (tall(fakta[c]) for c in ("byggbar_m2", "fri_m2", "areal_m2"))
    har_kjerne, bundet = ~np.isnan(byggbar), np.maximum(byggbar - fri, 0.0)
    cells = [fortetting.standard[k][s] for k in KOMMUNEKLASSER for s in SONER]

    def dwellings(core: Tall, andel: float, per_daa: Tall) -> Tall:
        return np.asarray(np.where(har_kjerne, core, areal * andel) / M2_PER_DAA * per_daa)

    def smallest(values: list[float]) -> Tall:
        return np.asarray(np.where(mulig, values, np.inf).min(axis=1))

    en, antatt = mulig.sum(axis=1) == 1, (mulig & np.array([c.er_antatt for c in cells])).any(axis=1)
    return Boliger(
        lav=dwellings(np.nan_to_num(byggbar - bundet), rest.lav, smallest([c.lav for c in cells])),
        forventet=dwellings(byggbar, rest.forventet, smallest([c.forventet for c in cells])),
        hoy=dwellings(byggbar, rest.hoy, -smallest([-c.hoy for c in cells])),
        grunn_m2=np.where(har_kjerne, byggbar, areal),
        bundet_m2=np.where(har_kjerne, bundet, np.nan),
        er_antatt=antatt | ~en | ~har_kjerne | ~(bundet < MERKBAR_M2),
        har_kjerne=har_kjerne,
        type=_of_the_one(mulig, [TYPENAVN[c.type] for c in cells]),
        kilde=_of_the_one(mulig, [None if c.er_antatt else c.kilde for c in cells]),
    )


def _of_the_one(mulig: Flagg, words: list[str | None]) -> npt.NDArray[np.object_]:
    """Return the word of the one standard that is possible, None where more are."""
    first = np.array(words, dtype=object)[mulig.argmax(axis=1)]
    return np.asarray(np.where(mulig.sum(axis=1) == 1, first, None), dtype=object)


def hele_boliger(values: Tall) -> Tall:
    """Return whole dwellings: as many as there is room for."""
    return np.floor(np.round(values, DESIMALER))


def _mulige(fakta: Mapping[str, Any], fortetting: Fortetting, omvei: float) -> Flagg:
    """Return which standards are possible, lots × (classes × zones), in the order of both."""
    klasse = np.asarray(fakta["kommuneklasse"], dtype=object)
    is_class = np.column_stack([klasse == k for k in KOMMUNEKLASSER]).astype(bool)
    is_class |= ~is_class.any(axis=1, keepdims=True)
    sentrum, kanskje_sentrum = _in(fakta, fortetting.sone.sentrum, omvei)
    tettsted, kanskje_tettsted = _in(fakta, fortetting.sone.tettsted, omvei)
    is_zone = np.column_stack([kanskje_sentrum, kanskje_tettsted & ~sentrum, ~tettsted & ~sentrum])
    return (is_class[:, :, None] & is_zone[:, None, :]).reshape(len(klasse), -1)


def _in(fakta: Mapping[str, Any], grense: Sonegrense, omvei: float) -> tuple[Flagg, Flagg]:
    """Return where ground surely is, and where it may be, within the limits of a zone."""
    avstand = tall(fakta["tettsted_m"])
    longest = avstand * np.where(np.asarray(fakta["avstand_metode"], dtype=object) == LANGS_VEG, 1.0, omvei)
    sure, maybe = longest <= grense.naer_m, (avstand <= grense.naer_m) | np.isnan(avstand)
    for name in ("tettsted_folketall", "befolkning_1km"):
        value, limit = tall(fakta[name]), getattr(grense, name)
        holds = (value >= limit) | (limit == 0)
        sure &= holds
        maybe &= holds | np.isnan(value)
    return sure, maybe
