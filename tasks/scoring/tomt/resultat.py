"""Resultat: what scoring a kommune came to, for the log, the summary and the command line."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from config.registers import Kommune
from tasks.totaler import Totaler

log = logging.getLogger("tomt.scoring")


@dataclass(frozen=True)
class Scoret:
    """What scoring a kommune came to.

    Attributes
    ----------
    profil
        Name and version.
    antall
        Living lots.
    maalt, poengsatt
        How many of them were measured, and scored, anew.
    gjenbrukt
        How many have the score of the last run.
    stoppet
        Lots that conflict stops.
    nivaaer
        Level → lots that are not stopped.
    endret
        Lots whose score moved.
    sammenslaatt
        Assemblies that are offered.
    ukjente_tema
        Themes of conflict that are not known for every lot.
    totaler
        What the lots add up to.
    """

    profil: str
    antall: int
    maalt: int
    poengsatt: int
    gjenbrukt: int
    stoppet: int
    nivaaer: Mapping[str, int]
    endret: int
    sammenslaatt: int
    ukjente_tema: tuple[str, ...]
    totaler: Totaler
    sekunder: float = field(compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            **{name: value for name, value in asdict(self).items() if name != "totaler"},
            "nivaaer": dict(self.nivaaer),
            "ukjente_tema": list(self.ukjente_tema),
            "totaler": self.totaler.as_dict(),
        }

    def tell(self, kommune: Kommune) -> None:
        """Log it."""
        log.info(
            "%s: %d lots by %s, %d measured and %d scored anew, %d stopped, %d moved, %d assemblies; "
            "themes not known: %s",
            kommune.label,
            self.antall,
            self.profil,
            self.maalt,
            self.poengsatt,
            self.stoppet,
            self.endret,
            self.sammenslaatt,
            ", ".join(self.ukjente_tema) or "none",
        )
