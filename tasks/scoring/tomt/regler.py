"""Regler: what a score is made by beside its profile, and what factors and parts are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from config.fortetting import Fortetting, fortetting
from config.konflikt import Konflikter, konflikter
from config.nivaa import Nivaaer, nivaaer
from config.tomtefaktorer import Tomtefaktorer, tomtefaktorer

FAKTORNAVN: Mapping[str, str] = {
    "kapasitet": "Kapasitet",
    "storrelse": "Størrelse",
    "sentralitet": "Sentralitet",
    "konflikt": "Konfliktfri",
    "infrastruktur": "Infrastruktur",
    "politikk": "Politisk vilje",
    "eier": "Eierstruktur",
}
"""To read."""

VERSTE = "verste"
"""The part of konflikt that hangs on the worst conflict alone."""


@dataclass(frozen=True)
class Regler:
    """The registers that points are given by.

    Attributes
    ----------
    konflikter
        Themes of conflict: their weights, and what land under them costs.
    faktorer
        Curves of surroundings and owners, and what confidence hangs on.
    fortetting
        Dwellings per daa.
    nivaaer
        The lowest score of each tier.
    """

    konflikter: Konflikter
    faktorer: Tomtefaktorer
    fortetting: Fortetting
    nivaaer: Nivaaer

    @classmethod
    def fra_config(cls) -> Self:
        """Load the registers of config/.

        Raises
        ------
        ConfigError
            Naming the file, the key and what is wrong with it.
        """
        return cls(konflikter(), tomtefaktorer(), fortetting(), nivaaer())

    @cached_property
    def stopptema(self) -> frozenset[str]:
        """Themes of conflict that can stop a lot."""
        return frozenset(
            lag.tema for lag in self.konflikter.lag.values() if "stopp" in (lag.annet, *lag.alvor.values())
        )

    @property
    def omvei(self) -> float:
        """How many times the straight line a way may be."""
        return self.faktorer.sentralitet.omvei.faktor

    def navn(self, faktor: str, del_: str = "") -> str:
        """Return what a factor, or a part of it, is called."""
        if faktor == "konflikt" and del_:
            return "Verste konflikt" if del_ == VERSTE else self.konflikter.tema[del_].navn
        if faktor == "sentralitet" and del_ in self.faktorer.sentralitet.deler:
            return self.faktorer.sentralitet.deler[del_].navn
        if faktor == "infrastruktur" and del_ in self.faktorer.infrastruktur.deler:
            return self.faktorer.infrastruktur.deler[del_].navn
        return FAKTORNAVN[faktor]
