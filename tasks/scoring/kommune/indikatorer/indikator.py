"""What an indicator is: its name, the figures that it needs, the function that makes it.

The functions stand in the modules of their noun (befolkning, bolig, …), each of which lists its indicators; this one
has the words that they are described in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from config.indikatorer import Trend
from config.indikatorer import indikatorer as katalog


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
        What a figure that the source does not show (":") means here, in Norwegian; None: what it means everywhere.
    umulig
        The same of one that cannot be given (".").
    """

    maal: str
    gruppe: str | None = ""
    tilbake: int = 0
    skjult: str | None = None
    umulig: str | None = None


@dataclass(frozen=True)
class Indikator:
    """One indicator.

    Attributes
    ----------
    navn
        As in INDIKATORER and config/indikatorer.toml, which has its unit and when it has moved.
    regn
        Makes it of the figures, in the order of `krav`; of the value and the country's, where it is made `av` another.
    krav
        The figures, all of the same year (less `tilbake`).
    av
        The indicator that this one sets in relation to the country.
    tomt
        Why there is no value where all figures are there, in Norwegian.
    er_valg
        True: of the newest election, compared with the one before.
    land_er_median
        True: the country's value is the median of the kommuner, because the country's own is not comparable.
    """

    navn: str
    regn: Callable[..., pd.Series]
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
    def trend(self) -> Trend:
        """When it has moved."""
        return katalog().indikator[self.navn].trend

    @property
    def trend_aar(self) -> int:
        """How many years before the trend compares with."""
        regning = katalog().regning
        return regning.valgperiode_aar if self.er_valg else regning.trend_aar
