"""The regions of the local SSB: which codes a table has, and the figures of a code in the years that it was in use.

Figures belong to the kommuner of today; a number of former times has those of its atoms (`inndeling`), a code of the
merged series (``K-3207``) those of all its numbers, the country those of all real kommuner.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from config.registers import kommuner
from tasks.sandbox.statistikk.befolkning import SISTE_AAR, befolkning
from tasks.sandbox.statistikk.inndeling import alle_numre, atomer, numre, sammenslaatt
from tasks.sandbox.statistikk.preg import Tall, preg, rng_of
from tasks.sandbox.statistikk.tabell import Innhold, Tabell

PREFIKS = "K-"
SAMMENSLAATT, KOMMUNER = "agg_KommSummer", "vs_Kommun"
KODELISTER = {SAMMENSLAATT: "Kommuner 2024, sammenslåtte tidsserier", KOMMUNER: "Kommuner"}
LANDET = {"0": "Hele landet", "EAK": "Landet", "EAKUO": "Landet uten Oslo"}
UTEN_KOMMUNE = {"2100": "Svalbard", "9999": "Uoppgitt kommune"}
"""Codes of KOSTRA that are no kommune: never a figure."""
OSLO = "0301"
ATOM_SPREDNING = 0.02
STATUS = (None, ".", "..", ":")
"""By number, as they stand in the arrays of status."""
UTENFOR, MANGLER = STATUS.index("."), {status: k for k, status in enumerate(STATUS) if status}

Svar = tuple[Tall, npt.NDArray[np.uint8]]
"""Figures and their statuses, of the same shape; 0 is none."""


@cache
def koder(tabell: Tabell, kodeliste: str | None = None) -> dict[str, str]:
    """Return the codes of a table's regions → label; of a code list where one is named."""
    if tabell.regioner is not None:
        return tabell.regioner()
    if kodeliste == SAMMENSLAATT:
        names = {k.nummer: k.navn for k in kommuner(sandbox=True)}
        return {PREFIKS + number: names[number] for number in numre()}
    if kodeliste == KOMMUNER:
        return alle_numre()
    extra = UTEN_KOMMUNE if tabell.er_kostra else {}
    whole = {code: LANDET[code] for code in tabell.landet}
    return {**({} if tabell.er_kostra else whole), **alle_numre(), **extra, **(whole if tabell.er_kostra else {})}


def innhold_av(kode: str) -> tuple[str, ...]:
    """Return the numbers that a code of the merged series adds up."""
    return sammenslaatt()[kode.removeprefix(PREFIKS)]


def verdier(tabell: Tabell, innhold: Innhold, regioner: Sequence[str], *, figurer: Tall, aar: Sequence[int]) -> Svar:
    """Return the figures of regions.

    Parameters
    ----------
    figurer
        (kommuner of today, *groups, periods), cut to what is asked.
    aar
        Year of each period.

    Returns
    -------
    tuple
        (regions, *groups, periods), and the statuses.
    """
    shape = (len(regioner), *figurer.shape[1:])
    values: Tall = np.zeros(shape)
    covered = np.zeros((len(regioner), len(aar)), dtype=bool)
    rows, atoms, active = _pairs(regioner, aar)
    if len(rows):
        parts = _pieces(figurer, atoms, innhold) if innhold.slag == "sum" else _likes(figurer, atoms)
        weights = np.ones(len(atoms)) if innhold.slag == "sum" else np.array([atomer()[a].andel for a in atoms])
        weighted = active * weights[:, None]
        lifted = weighted.reshape(len(rows), *[1] * (figurer.ndim - 2), len(aar))
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        sums = np.add.reduceat(np.where(lifted > 0, parts * lifted, 0.0), starts, axis=0)
        total = np.add.reduceat(weighted, starts, axis=0)
        there = rows[starts]
        covered[there] = total > 0
        if innhold.slag == "snitt":
            divisors = np.where(total > 0, total, 1.0)
            sums = sums / divisors.reshape(len(there), *[1] * (figurer.ndim - 2), len(aar))
        values[there] = np.round(sums, innhold.desimaler)
    for row, code in enumerate(regioner):
        if code in tabell.landet:
            values[row], covered[row] = _whole(code, figurer, innhold), True
    return _statuses(values, covered, tabell, innhold)


def _statuses(values: Tall, covered: npt.NDArray[np.bool_], tabell: Tabell, innhold: Innhold) -> Svar:
    status = np.where(np.isnan(values), np.uint8(MANGLER[innhold.mangler]), np.uint8(0)).astype(np.uint8)
    if tabell.utenfor == ".":
        outside = np.broadcast_to(
            ~covered.reshape(len(covered), *[1] * (values.ndim - 2), covered.shape[1]), values.shape
        )
        status[outside] = UTENFOR
        values = np.where(outside, np.nan, values)
    return values, status


def _pairs(
    regioner: Sequence[str], aar: Sequence[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return row, atom and the years in which the atom belongs to the region of that row; ordered by row."""
    years = np.asarray(aar)
    rows, atoms, active = [], [], []
    for row, code in enumerate(regioner):
        merged = innhold_av(code) if code.startswith(PREFIKS) else (code,)
        for number in merged:
            for atom, first, end in _bearers().get(number, ()):
                rows.append(row)
                atoms.append(atom)
                active.append((years >= first) & (years < end))
    return np.array(rows, dtype=np.int64), np.array(atoms, dtype=np.int64), np.array(active, dtype=bool)


@cache
def _bearers() -> dict[str, tuple[tuple[int, int, int], ...]]:
    """Return number → (atom, first year, first year after) of all that bore it."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    for k, atom in enumerate(atomer()):
        for number, first, end in atom.numre:
            found.setdefault(number, []).append((k, first, end))
    return {number: tuple(its) for number, its in found.items()}


@cache
def _shares() -> tuple[npt.NDArray[np.int64], Tall, Tall]:
    """Return kommune, share up to the atom and share with it, of every atom."""
    owner = np.array([atom.kommune for atom in atomer()])
    ends = np.zeros(len(owner))
    running, last = 0.0, -1
    for k, atom in enumerate(atomer()):
        running = atom.andel if atom.kommune != last else running + atom.andel
        ends[k], last = running, atom.kommune
    ends[np.append(np.diff(owner) > 0, True)] = 1.0
    return owner, np.where(np.diff(owner, prepend=-1) > 0, 0.0, np.roll(ends, 1)), ends


def _pieces(figurer: Tall, atoms: npt.NDArray[np.int64], innhold: Innhold) -> Tall:
    """Return the parts of atoms, rounded so that those of a kommune add up to it."""
    owner, starts, ends = _shares()
    lift = (len(atoms), *[1] * (figurer.ndim - 1))
    of_kommune = figurer[owner[atoms]]
    upto = np.round(of_kommune * ends[atoms].reshape(lift), innhold.desimaler)
    made: Tall = upto - np.round(of_kommune * starts[atoms].reshape(lift), innhold.desimaler)
    return made


def _likes(figurer: Tall, atoms: npt.NDArray[np.int64]) -> Tall:
    """Return the figures of the atoms' kommuner, a little more or less; on average like the kommune."""
    owner, _, _ = _shares()
    made: Tall = figurer[owner[atoms]] * (1 + _leanings()[atoms]).reshape(len(atoms), *[1] * (figurer.ndim - 1))
    return made


@cache
def _leanings() -> Tall:
    owner, _, _ = _shares()
    share = np.array([atom.andel for atom in atomer()])
    draw = np.array([rng_of(atom.numre[0][0], f"atom {k}").normal() for k, atom in enumerate(atomer())])
    mean = np.bincount(owner, draw * share)
    return np.asarray(ATOM_SPREDNING * (draw - mean[owner]), dtype=np.float64)


def _whole(code: str, figurer: Tall, innhold: Innhold) -> Tall:
    """Return the country's figures: (*groups, periods); of the real kommuner alone."""
    counted = preg().er_ekte & ((code != "EAKUO") | (np.array(numre()) != OSLO))
    if innhold.slag == "sum":
        its = figurer[counted]
        total_of: Tall = np.where(np.isnan(its).all(axis=0), np.nan, np.nansum(its, axis=0))
        return np.round(total_of, innhold.desimaler)
    people = befolkning().aar(SISTE_AAR, SISTE_AAR)[:, 0] * counted
    weights = np.where(np.isnan(figurer), 0.0, people.reshape(-1, *[1] * (figurer.ndim - 1)))
    total = weights.sum(axis=0)
    mean = np.nansum(figurer * weights, axis=0) / np.where(total > 0, total, np.nan)
    return np.asarray(np.round(mean, innhold.desimaler), dtype=np.float64)
