"""Data quality: what is covered, how fresh it is and how good (contract `DEKNING`).

A row is one theme of one kommune, with what was measured, a grade A–D and the reasons in words for a person. Limits
and what they cost: [kvalitet] in config/regler.toml. A kommune is as good as the worst theme that its lots depend on.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import kilder, optional_themes
from config.registers import Karakter, Kommune, KvalitetRegler, regler
from tasks.account import Account
from tasks.answer import Answer, Empty, Failed, NotCovered, Provenance, Rows, blocking
from tasks.contracts import (
    DEKNING,
    FLAG,
    GRENSER,
    NUMBER,
    PLANOMRAADER,
    REGULERINGSFORMAAL,
    REGULERINGSPLANER,
    SONER,
    Contract,
)
from tasks.sources import kontroll
from tasks.sources.planinnhold import Innhold, content, remembered
from tasks.sources.snapshotmaal import Snapshot, measure_snapshot
from tasks.store import Geodata
from tasks.tekst import tall

log = logging.getLogger("tomt.sources")

SVAR: dict[type[Answer], str] = {Rows: "rader", Empty: "tom", NotCovered: "ikke_dekket", Failed: "feilet"}
DAYS_A_YEAR = 365.25

Grunn = tuple[Karakter, str]


@dataclass(frozen=True)
class DekningResult:
    """What was found of the data of one kommune.

    Attributes
    ----------
    dekning, kontroll
        Frames of these contracts.
    """

    dekning: pd.DataFrame
    kontroll: pd.DataFrame

    @property
    def karakter(self) -> Karakter | None:
        """The grade of the kommune; None where nothing was asked."""
        return overall(self.dekning)

    @property
    def aapne(self) -> int:
        """Open items of the review queue."""
        return int((self.kontroll["tilstand"] == kontroll.AAPEN).sum())

    def as_dict(self) -> dict[str, Any]:
        """Return grades, reasons and open items as JSON-ready values."""
        rows = zip(self.dekning["tema"], self.dekning["karakter"], self.dekning["grunner"], strict=True)
        temaer = {tema: {"karakter": karakter, "grunner": list(grunner)} for tema, karakter, grunner in rows}
        return {"karakter": self.karakter, "temaer": temaer, "kontroll_aapne": self.aapne}


def overall(dekning: pd.DataFrame) -> Karakter | None:
    """Return the worst grade of the themes that a run needs; None without any."""
    grades: list[Karakter] = list(dekning.loc[dekning["er_paakrevd"].to_numpy(dtype=bool), "karakter"])
    return max(grades, default=None)


# --- the frame ---


def assess(
    kommune: Kommune,
    answers: Mapping[str, Answer],
    *,
    snapshots: Mapping[str, Snapshot],
    innhold: Mapping[str, Innhold],
    adresser: Mapping[str, tuple[str, str]],
    valgfrie: Collection[str],
    rules: KvalitetRegler,
    i_dag: date,
) -> pd.DataFrame:
    """Return a row of `DEKNING` per theme.

    Parameters
    ----------
    answers
        Theme → answer.
    snapshots
        Theme → the raw snapshot that serves, for the themes that have one.
    innhold
        Theme → what core holds of it.
    adresser
        Source → address and licence, for answers that carry none.
    valgfrie
        Themes that do not count in the kommune's grade.
    """
    rows = []
    for tema, answer in answers.items():
        row = _measured(answer, snapshots.get(tema), innhold.get(tema, Innhold()), i_dag)
        adresse, lisens = adresser.get(answer.kilde, (None, None))
        row = {"kilde_adresse": adresse, "lisens": lisens} | row
        reasons = sorted(_reasons(tema, answer, row, rules=rules, i_dag=i_dag), key=lambda r: r[0], reverse=True)
        row |= {
            "kommunenummer": kommune.nummer,
            "tema": tema,
            "er_paakrevd": tema not in valgfrie,
            "kilde": answer.kilde,
            "svar": SVAR[type(answer)],
            "forsoek": [f"{name}: {why}" for name, why in answer.forsoek],
            "karakter": max((grade for grade, _ in reasons), default="A"),
            "grunner": [text for _, text in reasons],
        }
        rows.append(row)
    return _frame(rows)


def _measured(answer: Answer, snapshot: Snapshot | None, innhold: Innhold, i_dag: date) -> dict[str, Any]:
    if not isinstance(answer, Rows) or snapshot is None:
        return {"antall_mottatt": 0.0} if isinstance(answer, Empty) else {}
    kept = answer.provenance
    seen = answer.sett_tid or kept.hentet_tid
    return {
        "reserve": answer.reserve,
        "holdt": answer.holdt.grunn if answer.holdt else None,
        "hentet_tid": kept.hentet_tid,
        "sett_tid": seen,
        "alder_dager": (i_dag - date.fromisoformat(seen[:10])).days,
        "snapshot": snapshot.navn,
        "kopidato": answer.kopidato,
        "antall_ventet": kept.antall_ventet,
        "antall_mottatt": kept.antall_mottatt,
        "andel_ugyldig": snapshot.andel_ugyldig,
        "kilde_adresse": kept.adresse,
        "lisens": kept.lisens,
        **_change(answer, snapshot.forrige, kept),
        **vars(innhold),
    }


def _change(answer: Rows, before: Provenance | None, now: Provenance) -> dict[str, float | None]:
    """Return the change against the snapshot before; of an answer that is held back, what it would be."""
    if (held := answer.holdt) is not None:
        return _changes(held.antall_foer, held.antall_naa, held.areal_foer_m2, held.areal_naa_m2)
    if before is None:
        return {}
    return _changes(before.antall_mottatt, now.antall_mottatt, before.areal_m2, now.areal_m2)


def _changes(
    antall_foer: int, antall_naa: int, areal_foer: float | None, areal_naa: float | None
) -> dict[str, float | None]:
    return {
        "endring_antall": antall_naa / antall_foer - 1 if antall_foer else None,
        "endring_areal": areal_naa / areal_foer - 1 if areal_foer and areal_naa is not None else None,
    }


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a frame of the contract, NaN or None where a row says nothing."""
    dtypes = {NUMBER: "float64", FLAG: "bool"}
    data = {
        column: pd.Series([row.get(column) for row in rows], dtype=dtypes.get(kind, "object"))
        for column, kind in DEKNING.columns.items()
    }
    return pd.DataFrame(data)


# --- grades ---


def _reasons(tema: str, answer: Answer, row: Mapping[str, Any], *, rules: KvalitetRegler, i_dag: date) -> list[Grunn]:
    """Return what costs a theme something, each with the grade that it costs."""
    cost = rules.koster
    if isinstance(answer, Failed):
        return [(cost.feilet, "Kilden svarte ikke som den skal")]
    if isinstance(answer, NotCovered):
        return [(cost.ikke_dekket, "Ingen kilde har data for kommunen: ukjent, ikke tomt")]
    if isinstance(answer, Empty):
        has_none = [(cost.uten_kommuneplan, "Kilden sier at kommunen ikke har noen kommuneplan")]
        return has_none if tema == "kommuneplan" else []
    found: list[Grunn] = []
    if answer.holdt is not None:
        held = answer.holdt
        text = f"Nye data er holdt tilbake: {tall(held.antall_foer)} objekter ble {tall(held.antall_naa)}"
        found.append((cost.holdt, text))
    if answer.reserve is not None:
        found.append((cost.reserve, f"Kilden ga ikke nye data; de siste gode er fra {row['sett_tid'][:10]}"))
    found += [*_of_counts(row, rules, i_dag), *_of_age(tema, row, rules, i_dag), *_of_content(row, rules)]
    return [(grade, text) for grade, text in found if grade != "A"]


def _of_counts(row: Mapping[str, Any], rules: KvalitetRegler, i_dag: date) -> list[Grunn]:
    asked, got = row["antall_ventet"], row["antall_mottatt"]
    found: list[Grunn] = []
    if asked is not None and asked != got:
        found.append((rules.koster.antall, f"Kilden sa at den har {tall(asked)} objekter og ga {tall(got)}"))
    is_recent = (i_dag - date.fromisoformat(row["hentet_tid"][:10])).days <= rules.endring_dager
    if row["holdt"] is None and is_recent:
        for what, column in (("Antallet objekter", "endring_antall"), ("Arealet", "endring_areal")):
            if (change := row.get(column)) is not None:
                way = "økte" if change > 0 else "falt"
                text = f"{what} {way} med {percent(abs(change))} da dataene ble hentet {row['hentet_tid'][:10]}"
                found.append((rules.endring.above(abs(change)), text))
    return found


def _of_age(tema: str, row: Mapping[str, Any], rules: KvalitetRegler, i_dag: date) -> list[Grunn]:
    # No number of days in the words: they would change every night, and every kommune's row with them.
    found: list[Grunn] = [
        (rules.sett_dager.above(row["alder_dager"]), f"Kilden bekreftet dataene sist {row['sett_tid'][:10]}")
    ]
    if row["kopidato"] is not None:
        age = (i_dag - date.fromisoformat(row["kopidato"])).days
        found.append((rules.kopi_dager.above(age), f"Kopien hos kilden er fra {row['kopidato']}"))
    limits = {"kommuneplan": rules.kommuneplan_aar, "reguleringsplan": rules.reguleringsplan_aar}.get(tema)
    if limits is not None and row["nyeste_plan"] is not None:
        years = (i_dag - date.fromisoformat(row["nyeste_plan"])).days / DAYS_A_YEAR
        found.append((limits.above(years), f"Nyeste {tema} i dataene er vedtatt {row['nyeste_plan']}"))
    return found


def _of_content(row: Mapping[str, Any], rules: KvalitetRegler) -> list[Grunn]:
    covered, unknown = row["andel_dekket"], row["andel_ukjent_kode"]
    invalid, blank = row["andel_ugyldig"], row["andel_uten_status"]
    odd_level = row.get("andel_uleselig_nivaa")  # of the run alone: in no column, since core does not tell it again
    whole = tall(100 * (covered or 0.0))  # counted on a grid: no finer than that
    return [
        (rules.dekket.below(covered), f"Vedtatte arealformål dekker {whole} % av kommunen"),
        (rules.ukjent_kode.above(unknown), f"{percent(unknown)} av flatene har et ukjent arealformål"),
        (rules.ugyldig.above(invalid), f"{percent(invalid)} av geometriene mangler eller er ugyldige"),
        (rules.uten_status.above(blank), f"{percent(blank)} av planene mangler planstatus"),
        (
            rules.uleselig_nivaa.above(odd_level),
            f"{percent(odd_level)} av flatene har et vertikalnivå som ikke kan leses",
        ),
    ]


def percent(share: float | None) -> str:
    """Return a share as Norwegians write it, with a decimal below ten per cent.

    Examples
    --------
    >>> percent(0.384), percent(0.021)
    ('38 %', '2,1 %')
    """
    if share is None:
        return ""
    return f"{tall(100 * share, 1 if 0 < share < 0.1 else 0)} %"


# --- task ---


def assess_and_keep(
    kommune: Kommune,
    answers: Mapping[str, Answer],
    geodata: Geodata,
    *,
    i_dag: date,
    regnskap: Collection[Account] = (),
    egne: Path | None = None,
) -> DekningResult:
    """Measure what a run got, grade it, and bring out/dekning and out/kontroll up to date.

    Parameters
    ----------
    answers
        Theme → answer; core has been read from them, unless one of them stops the run.
    regnskap
        What reading core told.
    egne
        File of the operator's own sources.
    """
    valgfrie, rules = optional_themes(egne), regler()
    before = geodata.read(kommune.nummer, layer="out", contract=DEKNING)
    snapshots = {t: measure_snapshot(a, geodata) for t, a in answers.items() if isinstance(a, Rows)}
    innhold = remembered(before, snapshots)
    if not blocking(answers, optional=valgfrie):
        frames, punkter = _core(kommune, geodata), rules.kvalitet.dekket_punkter
        innhold = content(
            kommune, frames, temaer=snapshots, plan=rules.plan, punkter=punkter, i_dag=i_dag, regnskap=regnskap
        )
    dekning = assess(
        kommune,
        answers,
        snapshots=snapshots,
        innhold=innhold,
        adresser={} if kommune.oppdiktet else {k.navn: (k.adresse, k.lisens) for k in kilder(egne).values()},
        valgfrie=valgfrie,
        rules=rules.kvalitet,
        i_dag=i_dag,
    )
    geodata.write(dekning, kommune.nummer, layer="out", contract=DEKNING)
    saker = kontroll.items(kommune, answers, dekning, rules=rules.kvalitet)
    queue = kontroll.keep(saker, geodata, kommunenummer=kommune.nummer, opphav=kontroll.KJOERING, i_dag=i_dag)
    result = DekningResult(dekning, queue)
    log.info("%s: data quality %s, %d open items in Kontroll", kommune.nummer, result.karakter, result.aapne)
    return result


def _core(kommune: Kommune, geodata: Geodata) -> dict[str, pd.DataFrame]:
    contracts: tuple[Contract, ...] = (GRENSER, SONER, PLANOMRAADER, REGULERINGSPLANER, REGULERINGSFORMAAL)
    read = {c.name: geodata.read(kommune.nummer, layer="core", contract=c) for c in contracts}
    return {name: frame for name, frame in read.items() if frame is not None}


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
@task(name="vurder datakvalitet", task_run_name="vurder {kommune.nummer}", cache_policy=NO_CACHE)
def assess_task(
    kommune: Kommune,
    answers: Mapping[str, Answer],
    geodata: Geodata,
    *,
    regnskap: Collection[Account] = (),
    egne: Path | None = None,
) -> DekningResult:
    """Grade the data of a run and keep the review queue, also of a run that stops."""
    i_dag = datetime.now(UTC).date()
    return assess_and_keep(kommune, answers, geodata, i_dag=i_dag, regnskap=regnskap, egne=egne)
