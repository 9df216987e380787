"""Tabellplan: what is asked of one table of SSB: what the config says, checked against what the table has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from config.statistikk import FOERST, Gruppe, Maal, Tabell, Utvalg
from tasks.sources.statistikk.feil import (
    CONFIG,
    BadAnswerError,
    ChangedLabelError,
    UnknownCodeError,
    UnknownVariableError,
    nearest,
)
from tasks.sources.statistikk.metadata import Metadata, Variabel, check_label, fits
from tasks.sources.statistikk.sporring import Valgt
from tasks.sources.statistikk.tidsserie import Kommunenumre
from tasks.sources.unntak import shorten

SUM = "sum"
"""Stands in `land` for the sum of all kommuner."""
PERCENT = "prosent"
PERCENT_LABELS = "prosent|%|pst"
SAMPLE = "0301"
PERIOD = re.compile(r"[0-9]{4}([A-Z][0-9]{0,2})?")
FIRST_YEAR, LAST_YEAR = 1769, 2200
"""Of a figure: the first census, and farther than anything is projected."""
CODELIST_ERRORS = (UnknownCodeError, UnknownVariableError)
"""What a code list that does not fit the kommuner of today ends in."""


@dataclass(frozen=True)
class Plan:
    """What is asked of a table.

    Attributes
    ----------
    koder
        Measure → ContentsCode.
    perioder
        Codes of Tid, in order.
    kodeliste
        Query by SSB's list of today's kommuner, None where the table has none.
    numre
        Query in the numbers of their time, None where the list says everything.
    merknader
        What whoever reads the figures should know, Norwegian.
    """

    tabell: Tabell
    metadata: Metadata
    koder: Mapping[str, str]
    perioder: tuple[str, ...]
    kodeliste: tuple[Valgt, ...] | None
    numre: tuple[Valgt, ...] | None
    merknader: tuple[str, ...] = ()


class Deltakere(NamedTuple):
    """Whose figures are wanted.

    Attributes
    ----------
    numre
        The kommuner of today and their earlier numbers, invented ones among them.
    oppdiktede
        Those of today that are invented: they count in nothing of the country.
    """

    numre: Kommunenumre
    oppdiktede: frozenset[str] = frozenset()

    @property
    def ekte(self) -> tuple[str, ...]:
        """The real kommuner of today, in order."""
        return tuple(sorted(self.numre.idag - self.oppdiktede))

    @property
    def avtrykk(self) -> str:
        """What tells these kommuner and their numbers from others."""
        return f"{self.numre.avtrykk} {sorted(self.oppdiktede)}"


def plan_table(metadata: Metadata, tabell: Tabell, hvem: Deltakere, *, flere_perioder: int = 0) -> Plan:
    """Return what is to be asked, checked against what the table has.

    Parameters
    ----------
    flere_perioder
        Periods beside those that the config names, for a ranking as of long ago.

    Raises
    ------
    StatistikkError
        Naming table, variable and code: a code that is not there, a label that says something else.
    """
    check_label(f"SSB {metadata.tabell}: the table", metadata.etikett, tabell.etikett, metadata.tabell, None)
    notes: list[str] = []
    content = metadata.krev_variabel(metadata.innhold)
    codes = {maal.navn: _content_code(metadata, content, maal, notes) for maal in tabell.maal}
    periods = _periods(metadata, tabell, flere_perioder)
    if metadata.er_avsluttet or tabell.avsluttet is not None:
        notes.append(f"avsluttet, siste år {year_of(periods[-1], metadata)}")
    chosen = [_chosen(metadata, its) for its in tabell.utvalg]
    rest = (*chosen, Valgt(metadata.innhold, tuple(codes.values())), Valgt(metadata.tid, periods))
    region = metadata.krev_variabel(tabell.region)
    by_list = None
    if tabell.kodeliste is not None and tabell.kodeliste in region.kodelister:
        prefixed = tuple(f"{tabell.prefiks}{number}" for number in hvem.ekte)
        by_list = (Valgt(tabell.region, prefixed, tabell.kodeliste), *rest)
    elif tabell.kodeliste is not None:
        notes.append(f"kodelisten {tabell.kodeliste} finnes ikke: ført videre med Klass")
    numbers = _numbers(metadata, region, tabell, hvem, periods, alle=by_list is None, notes=notes)
    by_number = (Valgt(tabell.region, numbers), *rest) if numbers else None
    return Plan(tabell, metadata, codes, periods, by_list, by_number, tuple(notes))


def without_codelist(plan: Plan, hvem: Deltakere) -> Plan:
    """Return the plan that asks in the numbers of their time alone."""
    table = plan.tabell.model_copy(update={"kodeliste": None})
    made = plan_table(plan.metadata, table, hvem, flere_perioder=len(plan.perioder) - (table.perioder or 0))
    note = f"kodelisten {plan.tabell.kodeliste} passer ikke: ført videre med Klass"
    return Plan(table, made.metadata, made.koder, made.perioder, None, made.numre, (*made.merknader, note))


def _content_code(metadata: Metadata, content: Variabel, maal: Maal, notes: list[str]) -> str:
    """Return the ContentsCode of a measure: as the config says, or where that is a guess, as it is called."""
    code = maal.kode
    if not maal.er_bekreftet and not (code in content.koder and fits(maal.etikett, content.koder[code])):
        for wanted in maal.etikett.split("|"):
            called = [c for c, label in content.koder.items() if fits(wanted, label)]
            if len(called) == 1:
                notes.append(f"koden {code} er byttet med {called[0]}: «{shorten(content.koder[called[0]])}»")
                code = called[0]
                break
    content.krev_kode(code, maal.etikett)
    unit = content.enheter.get(code, "")
    if maal.enhet == PERCENT and unit and not fits(PERCENT_LABELS, f"{unit} {content.koder[code]}"):
        raise ChangedLabelError(
            f"SSB {metadata.tabell}: {code!r} is counted in {shorten(unit)!r}, not in percent. Correct {CONFIG}.",
            metadata.tabell,
            content.kode,
        )
    return code


def _periods(metadata: Metadata, tabell: Tabell, flere: int) -> tuple[str, ...]:
    """Return the newest periods, or those that are named; in order of time."""
    known = sorted(metadata.krev_variabel(metadata.tid).koder)
    found = set(known[-(tabell.perioder + flere) :]) if tabell.perioder is not None else set()
    for wanted in tabell.tid:
        so = known[:1] if wanted == FOERST else [code for code in known if fnmatchcase(code, wanted)]
        if not so:
            metadata.variabler[metadata.tid].krev_kode(wanted)
        found.update(so)
    if not found:
        raise BadAnswerError(f"SSB {metadata.tabell}: it has no period at all. Try again later.", metadata.tabell)
    for period in found:
        year_of(period, metadata)
    return tuple(sorted(found))


def year_of(period: str, metadata: Metadata) -> int:
    """Return the year of a period: 2024 of ``2024``, ``2024K3``, ``2024M11``.

    Raises
    ------
    BadAnswerError
        When it begins with no year.
    """
    if PERIOD.fullmatch(period) is None or not FIRST_YEAR <= int(period[:4]) <= LAST_YEAR:
        raise BadAnswerError(
            f"SSB {metadata.tabell}, {metadata.tid}: {shorten(period)!r} is no period of a year. Try again later.",
            metadata.tabell,
            metadata.tid,
        )
    return int(period[:4])


def _chosen(metadata: Metadata, utvalg: Utvalg) -> Valgt:
    variable = metadata.krev_variabel(utvalg.variabel, utvalg.etikett)
    for code, label in utvalg.koder.items():
        variable.krev_kode(code, label)
    if utvalg.koder:
        return Valgt(utvalg.variabel, tuple(utvalg.koder))
    wanted = {code for group in utvalg.grupper for code in group_codes(variable, group)}
    return Valgt(utvalg.variabel, tuple(code for code in variable.koder if code in wanted))


def group_codes(variable: Variabel, group: Gruppe) -> tuple[str, ...]:
    """Return the codes of a group, in the table's order.

    Raises
    ------
    UnknownCodeError
        When one of those that it names is not there, or they stand the other way round.
    """
    for code in (*group.koder, *(c for c in (group.fra, group.til) if c is not None)):
        variable.krev_kode(code)
    if group.koder or group.fra is None:
        return group.koder
    codes = list(variable.koder)
    first, last = codes.index(group.fra), len(codes) - 1 if group.til is None else codes.index(group.til)
    if last < first:
        raise UnknownCodeError(
            f"SSB {variable.tabell}, {variable.kode}: {group.til!r} stands before {group.fra!r}. Correct {CONFIG}.",
            variable.tabell,
            variable.kode,
        )
    return tuple(codes[first : last + 1])


def _numbers(
    metadata: Metadata,
    region: Variabel,
    tabell: Tabell,
    hvem: Deltakere,
    periods: Sequence[str],
    *,
    alle: bool,
    notes: list[str],
) -> tuple[str, ...]:
    """Return the codes of the region that are asked for one by one: all numbers, or those that no code list has."""
    wanted = hvem.numre.numbers(int(period[:4]) for period in periods)
    if not alle:
        wanted = tuple(sorted(hvem.numre.earlier(hvem.oppdiktede).intersection(wanted)))
    found = [number for number in wanted if number in region.koder]
    if alle and not found:
        raise UnknownCodeError(
            f"SSB {metadata.tabell}, {region.kode}: no kommune. {nearest(SAMPLE, region.koder)} Correct {CONFIG}.",
            metadata.tabell,
            region.kode,
        )
    if tabell.land is not None and tabell.land != SUM:
        if tabell.land in region.koder:
            found.append(tabell.land)
        else:
            notes.append(f"landstall mangler: koden {tabell.land} finnes ikke")
    return tuple(found)
