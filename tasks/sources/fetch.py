"""Fetching: ask the sources of a theme in turn → one of the four answers.

Of the sources that may hold a kommune the one that goes first is asked first, and the first with an answer serves. The
sources differ between the sandbox and the real services in address and credentials alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import Kilde, Tema, kilder, kilder_for
from config.registers import Kommune, regler
from config.settings import Settings
from tasks.answer import Answer, Empty, Failed, Forsoek, NotCovered, Rows
from tasks.sources import grense
from tasks.sources.kildesvar import ask
from tasks.sources.limits import Limits
from tasks.sources.reserve import Henting
from tasks.sources.sist import says_so
from tasks.sources.vakt import Vakt
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")


def fetch(
    kommune: Kommune,
    tema: Tema,
    *,
    settings: Settings,
    geodata: Geodata,
    limits: Limits | None = None,
    hittil: Mapping[str, Answer] | None = None,
    paa_nytt: bool = False,
    vakt: Vakt | None = None,
) -> Answer:
    """Fetch one theme for one kommune and keep it as a raw snapshot.

    Parameters
    ----------
    kommune
        Of the run.
    tema
        Theme of the configured sources.
    settings
        Addresses and credentials.
    geodata
        Where the snapshot is kept.
    limits
        Time, tries and bytes of each source; by default those of config/regler.toml.
    hittil
        Answers of this run's earlier themes: one of them may hold this theme too.
    paa_nytt
        Ask also a source whose last answer is younger than its `gyldig_dager`.
    vakt
        Shared with other fetches of the run: which hosts do not answer, and when all must end.

    Returns
    -------
    Answer
        `Rows`, `Empty`, `NotCovered` or `Failed`; a source that fails does not raise.

    Raises
    ------
    StoreError
        When the snapshot cannot be written.
    """
    known = kilder(settings.kilder)
    rules, now = regler().hent, datetime.now(UTC)
    context = Henting(
        kommune=kommune,
        settings=settings,
        geodata=geodata,
        limits=limits or Limits.of(rules),
        rules=rules,
        now=now,
        known=known,
        hittil=hittil or {},
        omraade=grense.known(geodata, kommune, known.values()),
        paa_nytt=paa_nytt,
        vakt=vakt,
    )
    whole = _held_by_another(tema, context)
    if whole is not None and says_so(whole, tema, known[whole.kilde]):
        return Empty(whole.kilde, f"Inngår i det som {whole.kilde} ga.")
    answer = _first_that_serves(tema, context)
    if whole is not None and isinstance(answer, NotCovered | Failed):
        why = f"{whole.kilde} skal ha med {tema}, har ingen, og ingen annen kilde vet mer."
        answer = Empty(whole.kilde, why, forsoek=((answer.kilde, answer.grunn), *answer.forsoek))
    _log(answer, tema, kommune)
    return answer


def _held_by_another(tema: Tema, context: Henting) -> Rows | None:
    """Return the answer of an earlier theme whose source holds this theme too."""
    answers = (a for a in context.hittil.values() if isinstance(a, Rows) and a.kilde in context.known)
    return next((a for a in answers if tema in context.known[a.kilde].omfatter), None)


def _first_that_serves(tema: Tema, context: Henting) -> Answer:
    """Ask in order until a source serves; when none does, the first that failed says why, else the last one asked."""
    sources = kilder_for(tema, context.kommune, among=context.known.values())
    refused: list[NotCovered | Failed] = []
    has_inbox = context.geodata.inbox(context.kommune.nummer).is_dir()
    for kilde in sources:
        if kilde.protokoll == "innboks" and not has_inbox and len(sources) > 1:  # most kommuner have none: no news
            continue
        address = kilde.address(context.settings.sources_url if context.settings.is_sandbox else None)
        if context.settings.is_sandbox and context.settings.sources_url is None and kilde.protokoll != "innboks":
            answer: Answer = Failed(kilde.navn, _no_local_sources(kilde))
        elif address is None:  # a service of the real world, in the sandbox
            continue
        else:
            answer = ask(kilde, address, context)
        if isinstance(answer, Rows | Empty):
            return replace(answer, forsoek=_tried(refused))
        refused.append(answer)
    if not refused:
        return NotCovered("", f"Ingen kilde til {tema} for {context.kommune.label} i kilderegisteret.")
    chosen = next((a for a in refused if isinstance(a, Failed)), refused[-1])
    return replace(chosen, forsoek=_tried([a for a in refused if a is not chosen]))


def _tried(refused: list[NotCovered | Failed]) -> Forsoek:
    return tuple((answer.kilde, answer.grunn) for answer in refused)


def _no_local_sources(kilde: Kilde) -> str:
    return (
        f"{kilde.navn}: no local sources are running for the sandbox. Set TOMT_SOURCES_URL, or TOMT_PROFILE to "
        "staging or production for the real services."
    )


def _log(answer: Answer, tema: Tema, kommune: Kommune) -> None:
    for kilde, why in answer.forsoek:
        log.info("%s %s: %s does not serve: %s", kommune.nummer, tema, kilde, why)
    if isinstance(answer, Rows) and answer.reserve is None:
        log.info("%s %s: %d features in %s", kommune.nummer, answer.kilde, answer.antall, answer.path.name)
    elif isinstance(answer, Rows):
        log.warning("%s %s: %s", kommune.nummer, answer.kilde, answer.reserve)
    else:
        log.warning("%s %s: %s, %s", kommune.nummer, answer.kilde or tema, type(answer).__name__, answer.grunn)


# --- tasks ---

# No retries here: what may pass is retried below, in forbindelse.
# The names stand in a graph whose letters lack ø, so they hold numbers instead of names.
fetch_task = task(name="hent fra kilde", task_run_name="hent {tema} {kommune.nummer}", cache_policy=NO_CACHE)(fetch)
