"""Selvkost: the highest price of a lot at which housing that is sold for what it costs goes even.

A machine estimate by figures that are mostly assumptions, and it says so: it tells land that can never pay from land
that may. One row per lot; amounts in NOK, VAT included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.selvkost import Kostnad, Selvkost, Spenn
from tasks.tekst import tall

PRISINDIKATOR = "kvadratmeterpris_kr"
ANSLAG = "Maskinelt anslag, ikke en verdivurdering"
NAVN = {
    "andel": "pristak",
    "uten_tall_kr_per_m2": "kvadratmeterpris",
    "bra_per_bolig_m2": "boligstørrelse",
    "byggekost_kr_per_m2": "byggekost",
    "opparbeiding_kr_per_m2_tomt": "opparbeiding",
    "gebyrer_kr_per_bolig": "gebyrer",
    "felleskost_andel": "felleskost",
    "dokumentavgift_andel": "dokumentavgift",
}
"""Figures of config/selvkost.toml → what they are called to those who read the estimate."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kvadratmeterpris:
    """What a dwelling costs per m² in a kommune.

    Attributes
    ----------
    kr
        NaN where nobody knows.
    aar
        Of the figure; NaN without one.
    kilde
        Who says so.
    mangler
        Why there is no figure.
    """

    kr: float = float("nan")
    aar: float = float("nan")
    kilde: str = ""
    mangler: str = "kommunene er ikke rangert ennå"
    er_oppdiktet: bool = False

    @property
    def er_kjent(self) -> bool:
        """True where there is a figure to reckon with."""
        return bool(np.isfinite(self.kr) and self.kr > 0)


def kvadratmeterpris(indikatorer: pd.DataFrame | None, kommunenummer: str) -> Kvadratmeterpris:
    """Return the price per m² of a kommune.

    Parameters
    ----------
    indikatorer
        Contract `indikatorer`; None when the kommuner were never ranked.
    """
    if indikatorer is None:
        return Kvadratmeterpris()
    rows = indikatorer[
        (indikatorer["kommunenummer"] == kommunenummer) & (indikatorer["indikator"] == PRISINDIKATOR)
    ].to_dict("records")
    if not rows:
        return Kvadratmeterpris(mangler="kommunen er ikke med i rangeringen")
    row = rows[0]
    missing = row["mangler"] if isinstance(row["mangler"], str) else ""
    return Kvadratmeterpris(float(row["verdi"]), float(row["aar"]), row["kilde"], missing, bool(row["er_oppdiktet"]))


@dataclass(frozen=True)
class Ende:
    """One end of the reckoning, NOK.

    Attributes
    ----------
    pris_m2
        What the dwellings may cost, per m² BRA.
    kost_m2
        What they cost to build, per m² BRA, overhead included.
    bolig
        What is left for the land per dwelling, before the land is made ready; may be negative.
    tomt_m2
        Making the land ready, per m² of it, overhead included.
    """

    pris_m2: float
    kost_m2: float
    bolig: float
    tomt_m2: float


def ends(pris: Kvadratmeterpris, satser: Selvkost) -> tuple[Ende, Ende] | None:
    """Return the low and the high end; None where there is no price per m² and none to take its place."""
    market = (pris.kr, pris.kr)
    if not pris.er_kjent:
        if (instead := satser.pristak.uten_tall_kr_per_m2) is None:
            return None
        market = (instead.lav, instead.hoy)
    andel, bra = satser.pristak.andel, satser.areal.bra_per_bolig_m2
    return (
        _end(market[0] * andel.lav, bra.lav, satser.kostnad, dyrt=True),
        _end(market[1] * andel.hoy, bra.hoy, satser.kostnad, dyrt=False),
    )


def _end(pris: float, bra: float, kostnad: Kostnad, *, dyrt: bool) -> Ende:
    bygg, gebyrer, opparbeiding, felles = (
        figure.hoy if dyrt else figure.lav
        for figure in (
            kostnad.byggekost_kr_per_m2,
            kostnad.gebyrer_kr_per_bolig,
            kostnad.opparbeiding_kr_per_m2_tomt,
            kostnad.felleskost_andel,
        )
    )
    kost = bygg * (1 + felles)
    return Ende(pris, kost, bra * (pris - kost) - gebyrer, opparbeiding * (1 + felles))


def land_price(boliger: Numbers, tomt_m2: Numbers, per: Ende, *, avgift: float) -> Numbers:
    """Return the highest price of lots at one end of the reckoning, NOK, 0 where they do not pay.

    max(0, (N × (b × (p − c × (1 + f)) − g) − o × A × (1 + f)) / (1 + d)) with N dwellings, b m² BRA each, p price and
    c building cost per m² BRA, f overhead as a share, g fees per dwelling, o NOK for making ready a m² of the A m² of
    land, d tax on the purchase as a share. NaN where N or A is.

    Examples
    --------
    >>> per = Ende(pris_m2=44_000, kost_m2=35_840, bolig=491_200, tomt_m2=336)
    >>> land_price(np.array([20.0, 1.0]), np.array([4000.0, 4000.0]), per, avgift=0.025).round().tolist()
    [8273171.0, 0.0]
    """
    left = (boliger * per.bolig - per.tomt_m2 * tomt_m2) / (1 + avgift)
    clipped: Numbers = np.maximum(left, 0.0)
    return clipped


def med_selvkost(
    scorer: pd.DataFrame, fakta: pd.DataFrame, *, pris: Kvadratmeterpris, satser: Selvkost
) -> pd.DataFrame:
    """Return scores with the estimate: `selvkost_lav_kr`, `selvkost_hoy_kr` and `selvkost` of contract `scorer`.

    The low end pairs the fewest dwellings, the lowest price of dwellings and the highest costs, the high end the
    reverse. A stopped lot, one whose dwellings are not known, and every lot of a kommune without a price (nor one to
    take its place) has NaN, and the words say why.

    Parameters
    ----------
    scorer
        Contract `scorer`: tomt_id, er_stoppet, boliger_lav and boliger_hoy are read.
    fakta
        Contract `tomtefakta`: areal_m2 and byggbar_m2; where nothing is known of what is buildable, the whole lot has
        to be made ready.

    Notes
    -----
    Formula in `land_price`, figures and their sources in config/selvkost.toml.
    """
    land = fakta.set_index("tomt_id").reindex(scorer["tomt_id"])
    ground = land["byggbar_m2"].fillna(land["areal_m2"]).to_numpy(dtype=float)
    reckoned = ends(pris, satser)
    stopped = scorer["er_stoppet"].to_numpy(dtype=bool)
    few, many = (scorer[c].to_numpy(dtype=float) for c in ("boliger_lav", "boliger_hoy"))
    nothing = np.full(len(scorer), np.nan)
    low = high = nothing
    if reckoned is not None:
        avgift = satser.kostnad.dokumentavgift_andel
        low, high = (
            np.where(stopped, np.nan, land_price(n, ground, per, avgift=d))
            for n, per, d in zip((few, many), reckoned, (avgift.hoy, avgift.lav), strict=True)
        )
    basis = _basis(reckoned, pris, satser)
    texts = [
        _words(a, b, (n, m), why_not=_why_not(is_stopped, n, m, reckoned, pris), basis=basis)
        for a, b, n, m, is_stopped in zip(low, high, few, many, stopped, strict=True)
    ]
    return scorer.assign(selvkost_lav_kr=low, selvkost_hoy_kr=high, selvkost=pd.array(texts, dtype=object))


def _why_not(
    is_stopped: bool, few: float, many: float, reckoned: tuple[Ende, Ende] | None, pris: Kvadratmeterpris
) -> str | None:
    if is_stopped:
        return "tomten er stoppet"
    if reckoned is None:
        return f"kvadratmeterprisen i kommunen er ikke kjent ({pris.mangler})"
    return "antall boliger er ikke kjent" if np.isnan(few) or np.isnan(many) else None


def _words(low: float, high: float, boliger: tuple[float, float], *, why_not: str | None, basis: str) -> str:
    if why_not is not None:
        return f"{ANSLAG}: ikke regnet ut, {why_not}."
    if not high > 0:
        return f"{ANSLAG}: går ikke i hop, tomten bærer ingen tomtepris om boligene selges til selvkost. {basis}"
    each = [price / count if count else 0.0 for price, count in zip((low, high), boliger, strict=True)]
    floor = " I den lave enden går det ikke i hop." if not low > 0 else ""
    return (
        f"{ANSLAG}: tomten bærer høyst {_range(low / 1e6, high / 1e6, 1)} mill. kr om boligene selges til selvkost, "
        f"{_range(min(each) / 1e3, max(each) / 1e3)} tusen kr per bolig ved {_range(*boliger)} boliger.{floor} {basis}"
    )


def _basis(reckoned: tuple[Ende, Ende] | None, pris: Kvadratmeterpris, satser: Selvkost) -> str:
    """Return what is the same of all lots of a kommune: prices, costs, and what of them is assumed."""
    if reckoned is None:
        return ""
    low, high = reckoned
    bra = satser.areal.bra_per_bolig_m2
    return (
        f"Regnet med {_range(bra.lav, bra.hoy)} m² per bolig, "
        f"salgspris høyst {_range(low.pris_m2, high.pris_m2)} kr/m² "
        f"({_price(pris, satser)}) og byggekost med felleskost {_range(high.kost_m2, low.kost_m2)} kr/m². "
        f"Antagelser: {', '.join(_assumed(pris, satser)) or 'ingen'}."
    )


def _price(pris: Kvadratmeterpris, satser: Selvkost) -> str:
    share = f"{_range(100 * satser.pristak.andel.lav, 100 * satser.pristak.andel.hoy)} % av"
    if not pris.er_kjent:
        instead = satser.pristak.uten_tall_kr_per_m2
        ends_of = "" if instead is None else f" {_range(instead.lav, instead.hoy)} kr"
        return f"{share}{ends_of}; kommunens egen kvadratmeterpris mangler: {pris.mangler or 'ikke kjent'}"
    invented = ", oppdiktet tall" if pris.er_oppdiktet else ""
    year = f" {pris.aar:.0f}" if np.isfinite(pris.aar) and f"{pris.aar:.0f}" not in pris.kilde else ""
    return f"{share} kommunens {tall(pris.kr)} kr, {pris.kilde}{year}{invented}"


def _assumed(pris: Kvadratmeterpris, satser: Selvkost) -> Iterator[str]:
    every = {**dict(satser.pristak), **dict(satser.areal), **dict(satser.kostnad)}
    for name, figure in every.items():
        is_used = name != "uten_tall_kr_per_m2" or not pris.er_kjent
        if isinstance(figure, Spenn) and figure.er_antagelse and is_used:
            yield NAVN[name]


def _range(low: float, high: float, decimals: int = 0) -> str:
    first, last = tall(low, decimals), tall(high, decimals)
    return first if first == last else f"{first}–{last}"
