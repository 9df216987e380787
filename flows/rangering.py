"""Rangering: one run of the ranking, as plain calls: the command line runs it directly, the Prefect flow as tasks.

Fetch the figures, compute the indicators, rank by every profile of config/vekter.toml, bring the published one to
Airtable.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from config.profil import Profil, profil, profiler
from config.rangering import rangering
from config.registers import Kommune, kommuner
from config.settings import Settings
from config.statistikk import statistikk
from flows.framgang import Framgang, Progress
from flows.rangeringsrader import Row, as_rows
from flows.salgsmerker import kept_marks
from flows.steg import Call, Steg, directly
from flows.tallgrunnlag import (
    Tallgrunnlag,
    fetch_figures,
    get_figures,
    is_fresh,
    kept_figures,
    require_own_world,
)
from tasks.errors import ConfigError, TomtError
from tasks.kommunekontrakter import INDIKATORER, NORGE
from tasks.scoring.kommune.indikatorer import compute_indicators
from tasks.scoring.kommune.rangering import Rangert, evaluate, rank_profile
from tasks.scoring.kommune.tilbakeblikk import Tilbakeblikk, look_back
from tasks.sources.statistikk.hent import LOOKS_BACK
from tasks.store import Geodata

if TYPE_CHECKING:  # who publishes nothing does not import Airtable
    from tasks.crm.sync.publish import Published

log = logging.getLogger("tomt.rank")

FIRST_YEAR = 2000
"""No table reaches further back."""

RANGER = Steg(rank_profile, "ranger kommuner", "ranger kommuner {profil.kode}")


@dataclass(frozen=True, eq=False)
class Rangeringer:
    """What one run of the ranking came to.

    Attributes
    ----------
    valgt
        The ranking that was asked for.
    andre
        Those by the other profiles.
    indikatorer
        Contract indikatorer, as of `per_aar`.
    grunnlag
        The figures that it rests on.
    publisert
        What was changed in Airtable, or would be; None when it was not asked for, the ranking was refused, or Airtable
        failed before the comparison was made.
    airtable_feil
        Why Airtable was not brought up to date as a whole; None when it was.
    tilbakeblikk
        How it would have found the known successes; of a ranking as of an earlier year.
    merknader
        What else is to be known of it, in Norwegian.
    """

    valgt: Rangert
    andre: tuple[Rangert, ...]
    indikatorer: pd.DataFrame
    grunnlag: Tallgrunnlag
    dato: date
    per_aar: int
    publisert: Published | None = None
    airtable_feil: str | None = None
    tilbakeblikk: Tilbakeblikk | None = None
    merknader: tuple[str, ...] = ()

    @property
    def profil(self) -> Profil:
        """The profile that was asked for."""
        return self.valgt.profil

    @cached_property
    def rader(self) -> list[Row]:
        """The real kommuner, best first: what `--json` prints."""
        return as_rows(self.valgt.scorer, self.valgt.faktorer, self.indikatorer)

    @property
    def topp(self) -> int:
        """How many the best are."""
        return self.valgt.folsomhet.topp

    @property
    def har_oppdiktede_tall(self) -> bool:
        """True when a figure is invented, or all that was asked for would have been."""
        return bool(self.valgt.scorer["har_oppdiktede_tall"].any() or self.grunnlag.kilder["er_oppdiktet"].any())

    @property
    def airtable(self) -> dict[str, dict[str, int]]:
        """Table → created, updated, unchanged, refused; what was sent, where writing stopped on the way."""
        done = self.publisert
        if done is None:
            return {}
        return {d.tabell.navn: d.counts() if done.failure is None else d.sent_counts() for d in done.diffs}

    @property
    def avvist(self) -> str | None:
        """Why a ranking was not allowed to take the place of the one that stands, by profile; None when all were."""
        said = [
            f"{one.profil.merke}: {' '.join(one.dom.grunner)}" for one in (self.valgt, *self.andre) if one.dom.grunner
        ]
        return " ".join(said) or None


def run_ranking(
    settings: Settings,
    *,
    navn: str | None = None,
    per_aar: int | None = None,
    ferskt: bool = False,
    publish: bool = False,
    dry_run: bool = False,
    dato: date | None = None,
    progress: Progress | None = None,
    call: Call = directly,
) -> Rangeringer:
    """Fetch the figures that are not fresh, rank by every profile, keep the result, and publish it.

    Parameters
    ----------
    settings
        With every address filled in, as from `environment.connected`, unless `is_offline` says that none is needed.
    navn
        Name of the profile that is asked for; None for that of config/rangering.toml.
    per_aar
        An earlier year: the ranking is computed as it would have been at its end, by this profile alone, from the
        figures that geodata has, and is not written. Figures are fetched only for a year that those do not reach.
    ferskt
        Ask every source for newer figures, however young those of geodata are.
    publish
        Bring the ranking by the profile to Airtable; where that fails, the result says so.
    dry_run
        Compare with Airtable and write nothing there; geodata is brought up to date all the same.
    dato
        The day of the run; None for today.
    progress
        Is told what is done, step by step; may be called from another thread.
    call
        How a step is run: `directly` or `as_task`.

    Raises
    ------
    ConfigError
        For an unknown profile, a year that lies ahead, or when invented figures would take the place of real ones, in
        geodata or in a base that people work in.
    BusyError
        When another ranking is under way.
    SourceError
        When there are no figures at all.
    TomtError
        When none is as old as `per_aar`.
    """
    chosen = profil(navn or rangering().profil)
    day = dato or today()
    steps = Framgang(progress or (lambda *_: None), steps=1 + (1 if per_aar else len(profiler())) + publish)
    year = None if per_aar is None else require_year(per_aar, day)
    geodata = Geodata(settings.geodata)
    geodata.ensure_usable()
    require_own_world(geodata, settings, publish=publish)
    listed = kommuner(sandbox=settings.is_sandbox)
    with geodata.lock("rangering"):
        if year is not None:
            found = _look_back(geodata, settings, chosen, year, ferskt=ferskt, dato=day, steps=steps, call=call)
        else:
            figures = get_figures(geodata, settings, ferskt=ferskt, progress=steps.fetching, call=call)
            found = _rank(geodata, figures, chosen, listed, dato=day, steps=steps, call=call)
    if publish and found.valgt.er_skrevet:
        steps.next("Oppdaterer Airtable")
        found = _published(found, geodata, settings, listed, dry_run=dry_run, call=call)
    steps.end()
    return found


def is_offline(settings: Settings, *, per_aar: int | None = None, dato: date | None = None) -> bool:
    """Return whether a run that publishes nothing needs no source: geodata has what it reads."""
    if per_aar is None:
        return is_fresh(settings)
    return _reaches_back(per_aar, dato or today()) and kept_figures(Geodata(settings.geodata), settings) is not None


def today() -> date:
    """Return the day of a run: SSB's time."""
    return datetime.now(ZoneInfo(statistikk().ssb.tidssone)).date()


def _reaches_back(year: int, dato: date) -> bool:
    """Return whether the periods that are fetched every time are enough for a ranking as of a year."""
    return year >= dato.year - LOOKS_BACK


# --- the ranking ---


def _rank(
    geodata: Geodata,
    grunnlag: Tallgrunnlag,
    chosen: Profil,
    listed: Sequence[Kommune],
    *,
    dato: date,
    steps: Framgang,
    call: Call,
) -> Rangeringer:
    """Rank by every profile and write what the guard lets through; then the indicators that they rest on."""
    steps.next("Regner ut nøkkeltall")
    figures = _indicators(grunnlag, listed, dato.year)
    results = {}
    for name, one in profiler().items():
        steps.next(f"Rangerer etter {one.navn}")
        results[name] = call(RANGER, geodata, one, kommuner=listed, dato=dato, per_aar=dato.year, indikatorer=figures)
    if any(result.er_skrevet for result in results.values()):
        geodata.write(figures, NORGE, layer="out", contract=INDIKATORER)
    asked = results.pop(chosen.kode)
    return Rangeringer(asked, tuple(results.values()), figures, grunnlag, dato, dato.year)


def _indicators(grunnlag: Tallgrunnlag, listed: Sequence[Kommune], year: int) -> pd.DataFrame:
    return compute_indicators(
        grunnlag.statistikk,
        grunnlag.kilder,
        kommuner=[k.nummer for k in listed],
        per_aar=year,
        boligkostnad=rangering().boligkostnad,
    )


def require_year(year: int, dato: date) -> int:
    """Return a year that a ranking can be computed as of.

    Raises
    ------
    ConfigError
        For one that lies ahead, or before every table.
    """
    if not FIRST_YEAR <= year <= dato.year:
        raise ConfigError(f"There is no ranking as of {year}: give a year from {FIRST_YEAR} to {dato.year}.")
    return year


def _look_back(
    geodata: Geodata,
    settings: Settings,
    chosen: Profil,
    year: int,
    *,
    ferskt: bool,
    dato: date,
    steps: Framgang,
    call: Call,
) -> Rangeringer:
    """Compute the ranking as of an earlier year, hold it against the known successes, and write none.

    Figures are fetched, and kept, only for years that lie far back and where there are none.
    """
    listed = kommuner(sandbox=settings.is_sandbox)
    reaches = _reaches_back(year, dato) and not ferskt
    grunnlag = kept_figures(geodata, settings) if reaches else None
    if grunnlag is None:
        grunnlag = fetch_figures(geodata, settings, ferskt=ferskt, per_aar=year, progress=steps.fetching, call=call)
    steps.next("Regner ut nøkkeltall")
    figures = _indicators(grunnlag, listed, year)
    steps.next(f"Rangerer etter {chosen.navn}")
    result = evaluate(figures, chosen, kommuner=listed, regler=rangering(), dato=dato, per_aar=year)
    if not result.dom.dekning:
        first = _first_year(grunnlag, chosen, listed, after=year, dato=dato)
        raise TomtError(
            f"There are no figures that {chosen.merke} could rank by as of {year}. "
            + ("No later year has any." if first is None else f"The first year with enough of them is {first}.")
        )
    marks, said = kept_marks(geodata, settings)
    marked = [] if marks is None else marks.loc[marks["er_vellykket"], "kommunenummer"]
    found = look_back(result.scorer, sorted({*rangering().vellykkede, *marked}), topp=rangering().topp)
    return Rangeringer(result, (), figures, grunnlag, dato, year, tilbakeblikk=found, merknader=said)


def _first_year(
    grunnlag: Tallgrunnlag, chosen: Profil, listed: Sequence[Kommune], *, after: int, dato: date
) -> int | None:
    """Return the first year as of which a ranking rests on enough figures to be believed, or None."""
    for year in range(after + 1, dato.year + 1):
        figures = _indicators(grunnlag, listed, year)
        if evaluate(figures, chosen, kommuner=listed, regler=rangering(), dato=dato, per_aar=year).dom.er_godtatt:
            return year
    return None


# --- Airtable ---


def _published(
    found: Rangeringer, geodata: Geodata, settings: Settings, listed: Sequence[Kommune], *, dry_run: bool, call: Call
) -> Rangeringer:
    """Bring a ranking to Airtable; it is there to be shown whatever Airtable does."""
    try:
        done = _publish(geodata, settings, found.profil, listed, dry_run=dry_run, call=call)
    except TomtError as error:
        log.error("The ranking was not brought to Airtable: %s", error)
        return replace(found, airtable_feil=str(error))
    except Exception as error:  # a surprise there must not take what was ranked with it
        log.exception("The ranking was not brought to Airtable: unexpected")
        said = f"Unexpected {type(error).__name__}. The log has the details; please report it."
        return replace(found, airtable_feil=said)
    return replace(found, publisert=done, airtable_feil=done.failure)


def _publish(
    geodata: Geodata, settings: Settings, chosen: Profil, listed: Sequence[Kommune], *, dry_run: bool, call: Call
) -> Published:
    """Read what sales has marked, and bring the ranking to Airtable."""
    from tasks.crm.sync.connection import open_connection
    from tasks.crm.sync.rangering import publish_ranking, read_sales_marks

    step = Steg(publish_ranking, "oppdater rangering", "oppdater rangering {profil}")
    connection = open_connection(geodata, settings, dry_run=dry_run)
    try:
        read_sales_marks(geodata, connection)
        done: Published = call(step, geodata, connection, profil=chosen.kode, kommuner=listed, dry_run=dry_run)
    finally:
        try:
            connection.close()
        except TomtError as error:  # what is written is written; that the count of calls is not kept changes nothing
            log.error("%s", error)
    for diff in done.diffs:
        for key, why in diff.refused.items():
            log.warning("%s %s is left alone: it %s", diff.tabell.navn, key, why)
    return done
