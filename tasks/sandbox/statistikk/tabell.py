"""One table of the local SSB: its variables, what it measures, its periods, and where its figures come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.sandbox.statistikk.preg import Tall

REGION, INNHOLD, TID = "Region", "ContentsCode", "Tid"
KOSTRA_REGION = "KOKkommuneregion0000"
Tidsenhet = Literal["år", "kvartal", "måned"]
Slag = Literal["sum", "snitt"]


def _nothing() -> Tall:
    raise NotImplementedError("its figures belong to the numbers of their time: ask av_numre")


@dataclass(frozen=True, eq=False)
class Variabel:
    """A variable beside region, contents and time.

    Attributes
    ----------
    koder
        Code → label in order.
    kan_utelates
        Left out, its codes are added up, or `i_alt` stands for all.
    i_alt
        The code of all others together.
    """

    kode: str
    etikett: str
    koder: dict[str, str]
    kan_utelates: bool = False
    i_alt: str | None = None


@dataclass(frozen=True, eq=False)
class Innhold:
    """One measure.

    Attributes
    ----------
    tall
        Gives (kommuner of today, *variables, periods); not asked before the first use.
    av_numre
        Where figures belong to the numbers of their time, in the place of `tall`: takes regions and gives
        (regions, *variables, periods).
    slag
        "sum": pieces of a kommune add up; "snitt": they are like it, a little more or less.
    mangler
        Status of a figure that is NaN.
    """

    kode: str
    etikett: str
    enhet: str
    tall: Callable[[], Tall] = _nothing
    av_numre: Callable[[Sequence[str]], Tall] | None = None
    slag: Slag = "sum"
    desimaler: int = 0
    mangler: str = ".."


@dataclass(frozen=True, eq=False)
class Tabell:
    """A table.

    Attributes
    ----------
    landet
        Codes of the country and of groups: "0", "EAK" …
    utenfor
        What a number has in years in which it was not in use: 0 or ``.``.
    regioner
        Gives code → label of regions that are no kommuner; all figures then belong to the numbers of their time.
    er_sammenslaatt
        Whether merged series are served (`agg_KommSummer`).
    perioder
        As the table writes them, oldest first.
    """

    id: str
    tittel: str
    emne: tuple[str, str]
    innhold: tuple[Innhold, ...]
    perioder: tuple[str, ...]
    oppdatert: str
    variabler: tuple[Variabel, ...] = ()
    region: str = REGION
    landet: tuple[str, ...] = ()
    utenfor: Literal["0", "."] = "."
    er_sammenslaatt: bool = False
    tidsenhet: Tidsenhet = "år"
    er_avsluttet: bool = False
    regioner: Callable[[], dict[str, str]] | None = None

    @property
    def er_kostra(self) -> bool:
        """Whether it is one of KOSTRA."""
        return self.region == KOSTRA_REGION

    @property
    def dimensjoner(self) -> tuple[str, ...]:
        """Codes of all variables in order."""
        return (self.region, *(v.kode for v in self.variabler), INNHOLD, TID)


def aarene(foerste: int, siste: int) -> tuple[str, ...]:
    """Return the periods of a yearly table."""
    return tuple(str(year) for year in range(foerste, siste + 1))
