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

Flagg = npt.NDArray[np.bool_]

M2_PER_DAA = 1000.0

TYPENAVN = {"smaahus": "småhus", "rekkehus": "rekkehus", "blokk": "blokk"}


class Boliger(NamedTuple):
    """Dwellings of each lot, not rounded, and what they rest on.

    Attributes
    ----------
    lav, forventet, hoy
        NaN where not even the area is known.
    grunn_m2
        The buildable core, or the lot where that is not known.
    er_antatt
        By standards that are assumptions, by more than one, or without a core.
    har_kjerne
        Whether the buildable core is known.
    type
        What is expected to be built there; None where more than one standard is possible.
    """

    lav: Tall
    forventet: Tall
    hoy: Tall
    grunn_m2: Tall
    er_antatt: Flagg
    har_kjerne: Flagg
    type: npt.NDArray[np.object_]


def boliger(fakta: Mapping[str, Any], fortetting: Fortetting) -> Boliger:
    """Return how many dwellings each lot has room for.

    Parameters
    ----------
    fakta
        Of the contract tomtefakta: areal_m2, byggbar_m2, kommuneklasse, tettsted_m, tettsted_folketall,
        befolkning_1km.

    Notes
    -----
    byggbar_m2 / 1000 × dwellings per daa of the standard for class and zone. Where the core is not known:
    areal_m2 × uten_kjerne in its place.
    """
    mulig = _mulige(fakta, fortetting)
    byggbar, areal = tall(fakta["byggbar_m2"]), tall(fakta["areal_m2"])
    har_kjerne = ~np.isnan(byggbar)
    rest, cells = fortetting.uten_kjerne, [fortetting.standard[k][s] for k in KOMMUNEKLASSER for s in SONER]

    def ground(andel: float) -> Tall:
        return np.where(har_kjerne, byggbar, areal * andel) / M2_PER_DAA

    def smallest(values: list[float]) -> Tall:
        return np.asarray(np.where(mulig, values, np.inf).min(axis=1))

    antatt = (mulig & np.array([c.er_antatt for c in cells])).any(axis=1)
    first = mulig.argmax(axis=1)
    en = mulig.sum(axis=1) == 1
    names = np.array([TYPENAVN[c.type] for c in cells], dtype=object)
    return Boliger(
        lav=ground(rest.lav) * smallest([c.lav for c in cells]),
        forventet=ground(rest.forventet) * smallest([c.forventet for c in cells]),
        hoy=ground(rest.hoy) * -smallest([-c.hoy for c in cells]),
        grunn_m2=np.where(har_kjerne, byggbar, areal),
        er_antatt=antatt | ~en | ~har_kjerne,
        har_kjerne=har_kjerne,
        type=np.array([t if one else None for t, one in zip(names[first], en, strict=True)], dtype=object),
    )


def _mulige(fakta: Mapping[str, Any], fortetting: Fortetting) -> Flagg:
    """Return which standards are possible, lots × (classes × zones), in the order of both."""
    klasse = np.asarray(fakta["kommuneklasse"], dtype=object)
    is_class = np.column_stack([klasse == k for k in KOMMUNEKLASSER]).astype(bool)
    is_class |= ~is_class.any(axis=1, keepdims=True)
    sentrum, kanskje_sentrum = _in(fakta, fortetting.sone.sentrum)
    tettsted, kanskje_tettsted = _in(fakta, fortetting.sone.tettsted)
    is_zone = np.column_stack([kanskje_sentrum, kanskje_tettsted & ~sentrum, ~tettsted & ~sentrum])
    return (is_class[:, :, None] & is_zone[:, None, :]).reshape(len(klasse), -1)


def _in(fakta: Mapping[str, Any], grense: Sonegrense) -> tuple[Flagg, Flagg]:
    """Return where ground surely is, and where it may be, within the limits of a zone."""
    avstand = tall(fakta["tettsted_m"])
    sure, maybe = avstand <= grense.naer_m, (avstand <= grense.naer_m) | np.isnan(avstand)
    for name in ("tettsted_folketall", "befolkning_1km"):
        value, limit = tall(fakta[name]), getattr(grense, name)
        holds = (value >= limit) | (limit == 0)
        sure &= holds
        maybe &= holds | np.isnan(value)
    return sure, maybe
