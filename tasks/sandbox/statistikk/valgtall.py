"""Invented results of municipal elections: votes and seats of every list in every kommune.

An election is held for the kommuner of the year after: 2019 for those of 2020, 2023 for those of 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from tasks.sandbox.statistikk.befolkning import befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR, atomer, inndeling
from tasks.sandbox.statistikk.preg import Preg, Tall, preg, rng_of

VALG = (2011, 2015, 2019, 2023)
PARTIER = {
    "A": "Arbeiderpartiet",
    "H": "Høyre",
    "FRP": "Fremskrittspartiet",
    "SP": "Senterpartiet",
    "SV": "SV - Sosialistisk Venstreparti",
    "V": "Venstre",
    "KRF": "Kristelig Folkeparti",
    "MDG": "Miljøpartiet De Grønne",
    "RØDT": "Rødt",
    "INP": "Industri- og Næringspartiet",
    "PP": "Pensjonistpartiet",
}
STORTINGSPARTIER = frozenset({"A", "H", "FRP", "SP", "SV", "V", "KRF", "MDG", "RØDT"})
FOERSTE_VALG = {"INP": 2023, "PP": 2011}
LOKALE = ("Bygdelista", "Tverrpolitisk liste", "Fellesliste")
BARE_LOKALE = 0.08
"""Share of the smallest kommuner where only local lists stand."""
SMAA = 1_500
FOERSTE_DELETALL = 1.4
"""First divisor of the Norwegian Sainte-Laguë."""


@dataclass(frozen=True)
class Liste:
    """What one list got."""

    kode: str
    navn: str
    stemmer: int
    mandater: int
    er_lokal: bool = False


@dataclass(frozen=True)
class Resultat:
    """The result of one kommune."""

    nummer: str
    navn: str
    aar: int
    stemmeberettigede: int
    blanke: int
    mandater: int
    lister: tuple[Liste, ...]

    @property
    def godkjente(self) -> int:
        """Votes for lists, the blank ones left out."""
        return sum(liste.stemmer for liste in self.lister)


@cache
def resultater(aar: int) -> dict[str, Resultat]:
    """Return number → result of one election."""
    names = inndeling(aar + 1)
    return {number: _result(number, name, aar) for number, name in names.items()}


@cache
def _home(aar: int) -> dict[str, tuple[int, float]]:
    """Return number → (place of the kommune of today that its people lean like, adults)."""
    adults = befolkning().personer[:, :, 18:, aar - FOERSTE_AAR].sum(axis=(1, 2))
    parts: dict[str, dict[int, float]] = {}
    for atom in atomer():
        for number, first, end in atom.numre:
            if first <= aar + 1 < end:
                its = parts.setdefault(number, {})
                its[atom.kommune] = its.get(atom.kommune, 0.0) + float(adults[atom.kommune]) * atom.andel
    return {number: (max(its, key=lambda k: its[k]), sum(its.values())) for number, its in parts.items()}


def _result(number: str, name: str, aar: int) -> Resultat:
    k, adults = _home(aar)[number]
    voters = max(round(adults), 60)
    lasting, rng = rng_of(number, "lister"), rng_of(number, f"valg {aar}")
    turnout = float(np.clip(0.63 + 0.03 * lasting.normal() + 0.015 * rng.normal(), 0.45, 0.85))
    cast = round(voters * turnout)
    blank = round(cast * 0.012)
    only_local = voters < SMAA and lasting.random() < BARE_LOKALE
    shares = _local_only(lasting) if only_local else _shares(preg(), k, aar, lasting, rng)
    codes = list(shares)
    votes = _whole(np.array([shares[c] for c in codes]), cast - blank)
    seats = _sainte_lague(votes, _council(voters))
    local = {c: f"{LOKALE[i]} i {name}" for i, c in enumerate(c for c in codes if c.startswith("LL"))}
    lists = [
        Liste(c, PARTIER.get(c) or local[c], int(v), int(s), er_lokal=c in local)
        for c, v, s in zip(codes, votes, seats, strict=True)
    ]
    lists.sort(key=lambda one: (-one.stemmer, one.kode))
    return Resultat(number, name, aar, voters, blank, int(seats.sum()), tuple(lists))


def _shares(kind: Preg, k: int, aar: int, lasting: np.random.Generator, rng: np.random.Generator) -> dict[str, float]:
    """Return list → share of the votes; small parties do not stand everywhere."""
    industri, by, parti = float(kind.industri[k]), float(kind.by[k]), float(kind.parti[k])
    logs = {
        "A": 3.05 + 0.38 * industri + 0.18 * parti,
        "H": 2.85 + 0.32 * by - 0.22 * industri - 0.1 * parti,
        "FRP": 2.35 + 0.10 * by,
        "SP": 2.75 - 0.65 * by + 0.15 * lasting.normal(),
        "SV": 1.6 + 0.15 * by + 0.1 * parti,
        "V": 1.1 + 0.20 * by,
        "KRF": 1.3 + 0.5 * lasting.normal(),
        "MDG": 0.7 + 0.45 * by,
        "RØDT": 0.9 + 0.20 * industri,
        "INP": 0.7 + 0.15 * industri,
        "PP": 0.4 + 0.1 * by,
    }
    stands = {code: lasting.random() < min(0.97, 0.35 + 0.2 * log + 0.12 * by) for code, log in logs.items()}
    shares = {
        code: float(np.exp(log + 0.14 * rng.normal()))
        for code, log in logs.items()
        if (code in {"A", "H", "SP"} or stands[code]) and aar >= FOERSTE_VALG.get(code, 0)
    }
    for i in range(int(lasting.choice(4, p=[0.55, 0.3, 0.1, 0.05]))):
        shares[f"LL{i + 1}"] = float(np.exp(1.6 + 0.7 * lasting.normal() + 0.1 * rng.normal()))
    return shares


def _local_only(lasting: np.random.Generator) -> dict[str, float]:
    return {f"LL{i + 1}": float(np.exp(0.5 * lasting.normal())) for i in range(int(lasting.integers(2, 4)))}


def _whole(shares: Tall, total: int) -> Tall:
    """Return whole votes that add up to the total."""
    ends = np.round(np.cumsum(shares) / shares.sum() * total)
    return np.diff(ends, prepend=0.0)


def _council(voters: int) -> int:
    """Return the seats of a council: odd, 11 to 77."""
    return int(np.clip(11 + 2 * round(0.26 * max(voters - 500, 0) ** 0.4), 11, 77))


def _sainte_lague(votes: Tall, seats: int) -> Tall:
    """Return seats by highest quotients; of equal ones the list that stands first."""
    divisors = np.array([FOERSTE_DELETALL, *range(3, 2 * seats, 2)])
    quotients = votes[:, None] / divisors
    best = np.argsort(-quotients, axis=None, kind="stable")[:seats]
    return np.bincount(best // len(divisors), minlength=len(votes)).astype(float)
