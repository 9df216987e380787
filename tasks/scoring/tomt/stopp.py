"""Stopp: why a lot is stopped, in the words of a salesperson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tasks.tekst import navn, tall

HELE, UNDER_EN = 0.995, 0.01
"""Shares that are told as the whole lot, and as less than one per cent."""
MED_FLERE = 0.01
"""The largest feature is named alone when the others of its theme add less than this to it."""
MOST_DELER = 3
"""Themes that are named, the largest first."""
BORTE = "ingenting er igjen av det byggbare"


class Stoppdel(NamedTuple):
    """What of one theme lies over a lot, under stopp or under what takes off the core.

    Attributes
    ----------
    tema
        The theme's name.
    navn
        Of the feature that covers most, or of its layer where the source names no place.
    andel, andel_stoerste
        Share of the lot under what of the theme is meant, and under that feature.
    """

    tema: str
    navn: str
    andel: float
    andel_stoerste: float


def stopp_grunn(deler: Sequence[Stoppdel], *, kjernen_er_borte: bool) -> str:
    """Return why a lot is stopped: what lies under stopp.

    Parameters
    ----------
    kjernen_er_borte
        That nothing is left of the core is the reason, not the share of the lot.

    Examples
    --------
    >>> stopp_grunn([Stoppdel("Naturvern", "Prøvemyra naturreservat", 0.96, 0.96)], kjernen_er_borte=False)
    'Naturvern: Prøvemyra naturreservat dekker 96 % av tomten'
    """
    largest = sorted(deler, key=lambda d: (-d.andel, d.tema))[:MOST_DELER]
    parts = [_part(d) for d in largest]
    if kjernen_er_borte:
        parts.append(BORTE if parts else BORTE.capitalize())
    return "; ".join(parts)


def tatt_grunn(deler: Sequence[Stoppdel]) -> str:
    """Return why a lot is stopped whose core is taken whole, not by stopp alone: by what, the largest first.

    Examples
    --------
    >>> tatt_grunn([Stoppdel("Naturvern", "Vassfaret landskapsvernområde", 0.4, 0.4)])
    'Vassfaret landskapsvernområde (Naturvern): ingenting er igjen av det byggbare'
    """
    largest = sorted(deler, key=lambda d: (-round(d.andel, 6), d.tema))
    names = ", ".join(f"{navn(d.navn)} ({d.tema})" for d in largest[:MOST_DELER])
    return f"{names}{' med flere' if len(largest) > MOST_DELER else ''}: {BORTE}"


def _part(del_: Stoppdel) -> str:
    others = " med flere" if del_.andel - del_.andel_stoerste >= MED_FLERE else ""
    return f"{del_.tema}: {navn(del_.navn)}{others} dekker {_share(del_.andel)}"


def _share(andel: float) -> str:
    if andel >= HELE:
        return "hele tomten"
    if andel < UNDER_EN:
        return "under 1 % av tomten"
    return f"{tall(100 * andel)} % av tomten"
