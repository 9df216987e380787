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
HELE_KR = 100_000
"""An estimate is no more exact than this."""
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
    if np.isnan(few) or np.isnan(many):
        return "antall boliger er ikke kjent"
    if many == 0:
        return "tomten har ikke rom for en bolig"
    return f"kvadratmeterprisen i kommunen er ikke kjent ({pris.mangler})" if reckoned is None else None


def _words(low: float, high: float, boliger: tuple[float, float], *, why_not: str | None, basis: str) -> str:
    """Return the estimate in two sentences: what the land may cost, and what that rests on; or why there is none."""
    if why_not is not None:
        return f"Ikke regnet ut: {why_not}."
    if not high > 0:
        return (
            f"{ANSLAG}: tomten bærer ingen tomtepris om boligene selges til selvkost, heller ikke i beste fall. {basis}"
        )
    few, many = boliger
    pays_low, pays_high = (_rounded(kroner) > 0 for kroner in (low, high))
    each = sorted((low / few, high / many)) if pays_low else (high / many, high / many)
    count = _range(few if pays_low else many, many)
    room = "ved 1 bolig" if count == "1" else f"{_mill(*each)} per bolig ved {count} boliger"
    lead = "høyst " if pays_low else "mellom ingenting og " if pays_high else ""
    whole = _mill(low if pays_low else high, high)
    return f"{ANSLAG}: tomten bærer {lead}{whole} ({room}) om boligene selges til selvkost. {basis}"


def _rounded(kroner: float) -> float:
    """Return an amount as exact as it is, in million NOK."""
    return round(kroner / HELE_KR) * HELE_KR / 1e6


def _mill(low: float, high: float) -> str:
    """Return amounts in words, to the nearest hundred thousand.

    Examples
    --------
    >>> [_mill(*amounts) for amounts in ((6_119_024, 53_346_341), (2_000_000, 2_040_000), (30_000, 90_000))]
    ['6,1–53,3 mill. kr', '2,0 mill. kr', '0–0,1 mill. kr']
    >>> _mill(30_000, 40_000)
    'under 0,1 mill. kr'
    """
    first, last = (tall(_rounded(kroner), 1) for kroner in (low, high))
    if last == "0,0":
        return "under 0,1 mill. kr"
    span = "" if first == last else "0–" if first == "0,0" else f"{first}–"
    return f"{span}{last} mill. kr"


def _basis(reckoned: tuple[Ende, Ende] | None, pris: Kvadratmeterpris, satser: Selvkost) -> str:
    """Return what is the same of all lots of a kommune: prices, costs, and what of them is assumed."""
    if reckoned is None:
        return ""
    low, high = reckoned
    bra = satser.areal.bra_per_bolig_m2
    sale, cost = (
        _range(round(a, -2), round(b, -2)) for a, b in ((low.pris_m2, high.pris_m2), (high.kost_m2, low.kost_m2))
    )
    *most, last = [*_assumed(pris, satser)] or [""]
    assumed = f"; antatt er {', '.join(most)}{' og ' if most else ''}{last}" if last else ""
    return (
        f"Regnet med {_range(bra.lav, bra.hoy)} m² per bolig, salgspris {sale} kr/m² ({_price(pris, satser)}) "
        f"og byggekost med felleskost {cost} kr/m²{assumed}."
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


def _range(low: float, high: float) -> str:
    first, last = tall(low), tall(high)
    return first if first == last else f"{first}–{last}"
