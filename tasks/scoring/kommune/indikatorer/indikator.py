"""What an indicator is: its name, the figures that it needs, the function that makes it, and when it has moved.

The functions stand in the modules of their noun (befolkning, bolig, …), each of which lists its indicators; this one
has the words that they are described in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

TREND_AAR = 3
"""A trend compares with this many years before."""
VALGPERIODE_AAR = 4
"""Municipal elections are held every fourth year: the trend of their figures compares with the election before, and
an older election than this no longer says who governs."""


NOMINELL = 6.0
"""What an amount in current kroner may rise in three years, per cent, and be flat: Norges Bank's inflation target of
two per cent a year."""


@dataclass(frozen=True)
class Krav:
    """A figure that an indicator needs.

    Attributes
    ----------
    maal
        Measure of STATISTIKK, or a derived one (avledet.py).
    gruppe
        Its group; None: all groups, as a frame with one column per group.
    tilbake
        So many years before the year of the indicator.
    skjult
        What a figure that the source does not show (":" or "..") means here, in Norwegian; None: what it means
        everywhere.
    """

    maal: str
    gruppe: str | None = ""
    tilbake: int = 0
    skjult: str | None = None


@dataclass(frozen=True)
class Trend:
    """How much an indicator must have moved to be called up or down; less is noise.

    Attributes
    ----------
    terskel
        In the indicator's own unit, or in per cent of what it was where `er_relativ`.
    """

    terskel: float
    er_relativ: bool = False


@dataclass(frozen=True)
class Indikator:
    """One indicator.

    Attributes
    ----------
    navn
        As in INDIKATORER and config/indikatorer.toml, which has its unit.
    regn
        Makes it of the figures, in the order of `krav`; of the value and the country's, where it is made `av` another.
    krav
        The figures, all of the same year (less `tilbake`).
    av
        The indicator that this one sets in relation to the country.
    trend
        When it has moved.
    tomt
        Why there is no value where all figures are there, in Norwegian.
    er_valg
        True: of the newest election, compared with the one before.
    land_er_median
        True: the country's value is the median of the kommuner, because the country's own is not comparable.
    """

    navn: str
    regn: Callable[..., pd.Series]
    trend: Trend
    krav: tuple[Krav, ...] = ()
    av: Indikator | None = None
    tomt: str = "kan ikke regnes ut: det som skal deles på, er 0"
    er_valg: bool = False
    land_er_median: bool = False

    @property
    def alle_krav(self) -> tuple[Krav, ...]:
        """The figures behind it, also where it is made of another indicator."""
        return self.krav if self.av is None else self.av.alle_krav

    @property
    def trend_aar(self) -> int:
        """How many years before the trend compares with."""
        return VALGPERIODE_AAR if self.er_valg else TREND_AAR
