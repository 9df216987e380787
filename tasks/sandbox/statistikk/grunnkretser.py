"""The table of inhabitants by grunnkrets (04317): of the invented kommuner alone, each krets its share of the people.

As the real one it has codes of kretser that are gone, and two of every kommune that are none: ``KKKK0000`` (Ikke
koblet) and ``KKKK9999`` (Uoppgitt grunnkrets).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from config.registers import invented_kommuner
from tasks.sandbox.kontekst import sted
from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.inndeling import numre
from tasks.sandbox.statistikk.preg import Tall
from tasks.sandbox.statistikk.tabell import Innhold, Tabell, aarene

FOERSTE = 2020
NEDLAGT_FRA = 2024
"""From this year on the last krets of its first part of the kommune is no more."""


def circles() -> Tabell:
    """Return the table."""
    return Tabell(
        "04317",
        "Befolkning i grunnkretser (G)",
        ("be", "Befolkning"),
        (Innhold("Bosatte", "Bosatte", "personer", av_numre=_bosatte),),
        aarene(FOERSTE, SISTE_AAR),
        "2026-03-20T07:00:00Z",
        region="Grunnkretser",
        regioner=_labels,
    )


@cache
def _labels() -> dict[str, str]:
    """Return code → label of the kretser, of those that are gone, and of the two that are none."""
    found: dict[str, str] = {}
    for nummer in sorted(k.nummer for k in invented_kommuner()):
        found[f"{nummer}0000"] = "Ikke koblet"
        for objekt in sted.grunnkretser(nummer):
            found[str(objekt.verdier["grunnkretsnummer"])] = str(objekt.verdier["grunnkretsnavn"])
        found[_gone(nummer)] = f"Prøvekrets gamle (t.o.m. {NEDLAGT_FRA - 1})"
        found[f"{nummer}9999"] = "Uoppgitt grunnkrets"
    return dict(sorted(found.items()))


def _gone(nummer: str) -> str:
    return f"{nummer}0199"


def _bosatte(regioner: Sequence[str]) -> Tall:
    """Return inhabitants: (regions, periods); NaN before a krets was there and after it is gone."""
    years = SISTE_AAR - FOERSTE + 1
    made: Tall = np.full((len(regioner), years), np.nan)
    for row, code in enumerate(regioner):
        made[row] = _of_kommune(code[:4]).get(code, made[row])
    return made


@cache
def _of_kommune(nummer: str) -> dict[str, Tall]:
    """Return code → inhabitants by year; those of a kommune add up to its own number."""
    if nummer not in {k.nummer for k in invented_kommuner()}:
        return {}
    people = befolkning().aar(FOERSTE, SISTE_AAR)[numre().index(nummer)]
    shares = np.array([float(objekt.verdier["andel"] or 0) for objekt in sted.grunnkretser(nummer)])
    ends = np.round(np.outer(np.cumsum(shares), people))
    ends[-1] = people
    figures = np.diff(ends, axis=0, prepend=0)
    codes = [str(objekt.verdier["grunnkretsnummer"]) for objekt in sted.grunnkretser(nummer)]
    found: dict[str, Tall] = dict(zip(codes, figures, strict=True))
    gone = np.where(np.arange(FOERSTE, SISTE_AAR + 1) < NEDLAGT_FRA, 0.0, np.nan)
    nobody: Tall = np.zeros(len(people))
    return {**found, _gone(nummer): gone, f"{nummer}0000": nobody, f"{nummer}9999": nobody}
