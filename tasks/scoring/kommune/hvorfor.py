"""Hvorfor: one Norwegian line per factor that says what was measured, what the rule made of it, and the source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from config.indikatorer import Enhet
from config.indikatorer import indikatorer as catalogue
from config.profil import ANTATT, Faktor, Lineaer, Regel, Trinn
from config.rangering import forutsetning, rangering
from tasks.scoring.kommune.tallene import Tall
from tasks.tekst import tall

MAX_DECIMALS = 6


class Regelord:
    """What a rule says in words, made once for all kommuner.

    Attributes
    ----------
    utfall
        For each step the words of its holding; last that none held. A straight line has one.
    maalt
        Indicator → for each kommune what was measured, "" where it is missing.
    """

    def __init__(self, regel: Regel, figures: Mapping[str, Tall], *, maks: float) -> None:
        if (line := regel.lineaer) is not None:
            self.utfall = [_line(line, regel.indikator, maks)]
        else:
            self.utfall = [*(_step_held(regel, t) for t in regel.trinn), _none_held(regel)]
        self.maalt = {n: measured(figures[n], limits_of(regel, n)) for n in regel.indicators}


def told(faktor: Faktor, figures: Sequence[Tall], ord_: Regelord, k: int, *, poeng: float, utfall: str) -> str:
    """Return the line of a factor of kommune `k` that could be told.

    Parameters
    ----------
    figures
        What was looked at, that which decided first.
    utfall
        What the rule made of it, of `Regelord`.
    """
    seen = "; ".join(ord_.maalt[of.navn][k] for of in figures)
    cited = "; ".join(dict.fromkeys(source for of in figures if (source := of.kilde[k])))
    end = f" Kilde: {cited}." if cited else ""
    return f"{faktor.navn}: {points(poeng)} av {points(faktor.maks)} poeng. {seen}: {utfall}.{end}"


def stands_in(line: str, gone: Tall, k: int) -> str:
    """Return the line of a stand-in, with what it stands in for and why."""
    return f"{line} Tallet er en stedfortreder. {_missing(gone, k)}."


def not_told(faktor: Faktor, gone: Sequence[Tall], k: int) -> str:
    """Return the line of a factor that is missing, with every figure that would have been needed."""
    return f"{faktor.navn}: mangler, inntil {points(faktor.maks)} poeng. {'; '.join(_missing(of, k) for of in gone)}."


def _missing(of: Tall, k: int) -> str:
    return f"{of.oppslag.etikett} mangler: {of.mangler[k].rstrip('.')}"


@cache
def points(poeng: float) -> str:
    """Return points, with a decimal where they are not whole.

    Examples
    --------
    >>> points(15.0), points(12.34)
    ('15', '12,3')
    """
    return tall(poeng, 0 if poeng == round(poeng) else 1)


def measured(of: Tall, limits: Sequence[float] = ()) -> list[str]:
    """Return for each kommune label, value with unit, year, the country's figure and what is assumed; "" if missing.

    Parameters
    ----------
    limits
        A value is shown with as many decimals as it takes to see on which side of these it lies.
    """
    tails: dict[tuple[float, float], str] = {}
    texts = []
    rows = zip(of.verdi.tolist(), of.aar.tolist(), of.landstall.tolist(), _decimals(of, limits), strict=True)
    for verdi, aar, landstall, decimals in rows:
        if math.isnan(verdi):
            texts.append("")
            continue
        if (aar, landstall) not in tails:  # the same for nearly all kommuner; NaN differs from itself, and is right
            tails[aar, landstall] = of.enhet.tegn + _beside(of, aar, landstall)
        texts.append(f"{of.oppslag.etikett} {tall(verdi, decimals)}{tails[aar, landstall]}")
    return texts


def _beside(of: Tall, aar: float, landstall: float) -> str:
    said = [] if math.isnan(aar) else [f"{aar:.0f}"]
    if of.enhet.landet is None and not math.isnan(landstall):
        said.append(f"landet {tall(landstall, of.oppslag.desimaler)}{of.enhet.tegn}")
    figures = ", ".join(said)
    assumed = forutsetning(of.navn, rangering().boligkostnad)
    beside = "; ".join(text for text in (figures, assumed) if text)
    return f" ({beside})" if beside else ""


def _decimals(of: Tall, limits: Sequence[float]) -> list[int]:
    """Return how many decimals show each value on its own side of every limit: 25.04 against 25 is not 25.0."""
    wanted = of.oppslag.desimaler
    decimals = np.full(len(of.verdi), wanted)
    for limit in limits:
        for k in np.flatnonzero(np.abs(of.verdi - limit) <= 10.0**-wanted):
            decimals[k] = max(decimals[k], decimals_beside(float(of.verdi[k]), limit, wanted))
    return [int(d) for d in decimals]


def decimals_beside(value: float, limit: float, wanted: int) -> int:
    """Return the decimals, at least `wanted`, that show a value on its side of a limit.

    Examples
    --------
    >>> decimals_beside(25.04, 25, 1), decimals_beside(25.0, 25, 1), decimals_beside(25.1, 25, 1)
    (2, 1, 1)
    """
    for decimals in range(wanted, MAX_DECIMALS):
        rounded = round(value, decimals)
        if (value > limit, value < limit) == (rounded > limit, rounded < limit):
            return decimals
    return MAX_DECIMALS


def limits_of(regel: Regel, indikator: str) -> tuple[float, ...]:
    """Return the bounds that the steps of a rule hold an indicator against."""
    steps = [t for t in regel.trinn if regel.indicator_of(t) == indikator]
    return tuple(x for t in steps for x in (t.over, t.under) if x is not None)


def _step_held(regel: Regel, trinn: Trinn) -> str:
    said = f"{_named_bounds(regel, trinn)} gir {points(trinn.poeng)}"
    return said + (" (antatt grense)" if trinn.kilde == ANTATT else "")


def _none_held(regel: Regel) -> str:
    assumed = [t.kilde == ANTATT for t in regel.trinn]
    wanted = [
        _named_bounds(regel, t) + (" (antatt grense)" if is_assumed and not all(assumed) else "")
        for t, is_assumed in zip(regel.trinn, assumed, strict=True)
    ]
    end = "; antatte grenser" if all(assumed) else ""
    return f"gir ikke poeng; poeng gis {', '.join(wanted)}{end}"


def _named_bounds(regel: Regel, trinn: Trinn) -> str:
    """Return the bounds of a step, with what they hold where that is not the rule's own indicator."""
    of = regel.indicator_of(trinn)
    return ("" if of == regel.indikator else f"{catalogue().indikator[of].etikett} ") + _bounds(trinn, of)


def _line(line: Lineaer, indikator: str, maks: float) -> str:
    unit = _unit(indikator)
    ends = f"{_limit(line.fra, unit)} gir 0 og {_limit(line.til, unit)} gir {points(maks)}"
    return f"{ends}, jevnt mellom" + (" (antatte grenser)" if line.kilde == ANTATT else "")


def _bounds(trinn: Trinn, indikator: str) -> str:
    """Return the bounds of a step: ``over 80 og under 120``."""
    unit = _unit(indikator)
    parts = [("over", trinn.over), ("under", trinn.under)]
    return " og ".join(f"{word} {_limit(x, unit)}" for word, x in parts if x is not None)


def _limit(x: float, unit: Enhet) -> str:
    return f"{x:.10g}".replace(".", ",") + unit.tegn


def _unit(indikator: str) -> Enhet:
    return catalogue().enhet[catalogue().indikator[indikator].enhet]
