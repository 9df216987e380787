"""Nøkkeltall: what the pipeline's history and its present say, per kommune and in all. Pure.

Windows: conversion and days are counted over the whole ledger, from the first day that the base was followed up; the
pipeline's size is that of now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from config.oppfolging import Pipeline
from tasks.crm.oppfolging.faser import Skifte
from tasks.crm.oppfolging.tomt import Mandat, Tomt

SECONDS_A_DAY = 86_400
UNKNOWN = ""
"""Stands for the kommune of a lot that does not tell it, and of agreements without lots."""


@dataclass(frozen=True)
class Tall:
    """The figures of one kommune, or of all.

    Attributes
    ----------
    naadd
        Lots that came so far, or further: first all that sales has taken up, then one figure per stage.
    opphold_dager
        Stage → days of each finished stay whose beginning and end are known, sorted.
    tomter, boliger, boliger_vektet
        Lots and dwellings in the pipeline now; dwellings times the chance of their stage.
    beloep_kr
        Agreements on lots in the pipeline.
    """

    naadd: tuple[int, ...]
    opphold_dager: Mapping[str, tuple[float, ...]]
    tomter: int = 0
    boliger: float = 0.0
    boliger_vektet: float = 0.0
    beloep_kr: float = 0.0

    def konvertering(self, steg: int) -> float | None:
        """Return how many percent of those that came to the stage before came to stage `steg` (1, 2, …) or further.

        A lot that skips a stage has passed it; one that goes back has still been there. None where nobody could.
        """
        before, there = self.naadd[steg - 1], self.naadd[steg]
        return None if before == 0 else 100 * there / before

    def dager(self, fase: str) -> float | None:
        """Return the median of the finished stays in a stage, in days; None where there are none."""
        stays = self.opphold_dager.get(fase, ())
        return median(stays) if stays else None


def count(
    ledger: Sequence[Skifte], tomter: Sequence[Tomt], mandater: Iterable[Mandat], *, pipeline: Pipeline
) -> tuple[Tall, dict[str, Tall]]:
    """Return the figures of all, and of each kommune with a lot in the ledger or in the pipeline.

    A lot belongs to the kommune that it has now; one that is no longer read, to the one it had. The amount of an
    agreement is shared equally between those of its lots that are in the pipeline now, so that the kommuner add up to
    all; one without any lot counts in all alone (under `UNKNOWN`), one whose lots have left the pipeline not at all.

    Parameters
    ----------
    mandater
        Those that count, each once.
    """
    now = {tomt.record_id: tomt for tomt in tomter}
    histories: dict[str, list[Skifte]] = defaultdict(list)
    for row in sorted(ledger, key=lambda row: row.nr):
        histories[row.record_id].append(row)
    kommune_of = {i: rows[-1].kommunenummer or UNKNOWN for i, rows in histories.items()}
    kommune_of |= {i: tomt.kommunenummer or UNKNOWN for i, tomt in now.items()}
    active = [tomt for tomt in tomter if pipeline.rank(tomt.fase)]
    amounts = _amounts(mandater, {tomt.record_id: kommune_of[tomt.record_id] for tomt in active})
    there = {kommune_of[i] for i in (*histories, *(tomt.record_id for tomt in active))} | set(amounts)
    per_kommune = {
        nummer: _tall(
            [rows for i, rows in histories.items() if kommune_of[i] == nummer],
            [tomt for tomt in active if kommune_of[tomt.record_id] == nummer],
            beloep_kr=amounts.get(nummer, 0.0),
            pipeline=pipeline,
        )
        for nummer in sorted(there)
    }
    everything = _tall(list(histories.values()), active, beloep_kr=sum(amounts.values()), pipeline=pipeline)
    return everything, per_kommune


def _tall(
    histories: Sequence[Sequence[Skifte]], active: Sequence[Tomt], *, beloep_kr: float, pipeline: Pipeline
) -> Tall:
    furthest = [max(pipeline.rank(fase) for row in rows for fase in (row.fra, row.til)) for rows in histories]
    return Tall(
        naadd=tuple(sum(rank >= step for rank in furthest) for step in range(len(pipeline.stiger) + 1)),
        opphold_dager=_stays(histories, pipeline.stiger),
        tomter=len(active),
        boliger=sum(tomt.boliger or 0.0 for tomt in active),
        boliger_vektet=sum((tomt.boliger or 0.0) * pipeline.sannsynlighet[tomt.fase] for tomt in active),
        beloep_kr=beloep_kr,
    )


def _stays(histories: Iterable[Sequence[Skifte]], stiger: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Return stage → days of its finished stays; one that began before the ledger, or ended by deletion, is none."""
    days: dict[str, list[float]] = {fase: [] for fase in stiger}
    for rows in histories:
        for entry, exit_ in pairwise(rows):
            begins_known = entry.er_noeyaktig or not entry.er_aapning
            if entry.til in days and exit_.til is not None and begins_known:
                days[entry.til].append((exit_.tidspunkt - entry.tidspunkt).total_seconds() / SECONDS_A_DAY)
    return {fase: tuple(sorted(stays)) for fase, stays in days.items()}


def _amounts(mandater: Iterable[Mandat], kommune_of: Mapping[str, str]) -> dict[str, float]:
    """Return kommune → kroner, of agreements on lots in the pipeline.

    Parameters
    ----------
    kommune_of
        Record → kommune, of the lots in the pipeline.
    """
    found: dict[str, float] = defaultdict(float)
    for mandat in {m.record_id: m for m in mandater}.values():
        if not mandat.tomter:
            found[UNKNOWN] += mandat.beloep
            continue
        lots = [i for i in dict.fromkeys(mandat.tomter) if i in kommune_of]
        for record_id in lots:
            found[kommune_of[record_id]] += mandat.beloep / len(lots)
    return dict(found)


def kommune_fields(tall: Tall | None, pipeline: Pipeline) -> dict[str, float | None]:
    """Return the fields of Kommuner; all empty for a kommune without figures.

    Examples
    --------
    >>> from config.oppfolging import oppfolging
    >>> kommune_fields(Tall((4, 3, 1, 0, 0), {}, 2), oppfolging().pipeline)["Konvertering dialog %"]
    33.333333333333336
    """
    fields: dict[str, float | None] = {}
    for step, fase in enumerate(pipeline.stiger, start=1):
        fields[f"Konvertering {_lower(fase)} %"] = None if tall is None else tall.konvertering(step)
    for fase in pipeline.stiger[:-1]:  # what ends a stay in the last one is a purchase, or the end of the lot
        fields[f"Dager i {_lower(fase)}"] = None if tall is None else tall.dager(fase)
    return fields | {
        "Tomter i pipeline": None if tall is None else tall.tomter,
        "Boliger i pipeline": None if tall is None else tall.boliger,
        "Boliger i pipeline (vektet)": None if tall is None else tall.boliger_vektet,
        "Beløp i pipeline kr": None if tall is None else tall.beloep_kr,
    }


def _lower(fase: str) -> str:
    return fase if fase.isupper() else fase.casefold()
