"""The daily flow that asks every configured source how it is, and fails when one has changed its layers or died."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from config.kilder import kilder
from config.nattlig import always_nightly
from config.settings import Settings, load_settings
from flows.discover_plankilder import publish
from flows.environment import connected
from flows.markdown import plain
from tasks.sources import helse, kontroll
from tasks.sources.helse import Helse
from tasks.store import Geodata


@flow(name="check-sources", log_prints=False)
def check_sources() -> State[dict[str, Any]]:
    """Sjekk at alle kildene svarer, og at lagene deres er som før.

    Har en kilde endret lagene sine, eller er den borte, ender kjøringen som feilet, og saken legges i Kontroll i
    Airtable. Kilder som det går an å klare seg uten, gir bare et varsel.
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    with connected(load_settings()) as ready:
        health = look(ready)
        publish(kontroll.FELLES, ready)
    create_markdown_artifact(as_markdown(health), key="kilder", description="Kildene nå")
    alarms = [h for h in health if h.is_alarm]
    if alarms:
        return Failed(
            name="Kilder svikter", message=" ".join(f"{h.kilde.navn}: {h.tilstand}. {h.funn}" for h in alarms)
        )
    return Completed(message=headline(health), data={"kilder": [h.as_dict() for h in health]})


def look(settings: Settings) -> list[Helse]:
    """Ask every source how it is, and leave what is wrong in the review queue.

    Parameters
    ----------
    settings
        With every address filled in.
    """
    geodata = Geodata(settings.geodata)
    geodata.ensure_usable()
    any_kommune = always_nightly(sandbox=settings.is_sandbox)[0]
    health = helse.check_all(
        kilder(settings.kilder).values(), settings=settings, geodata=settings.geodata, kommune=any_kommune
    )
    today = datetime.now(UTC).date()
    with geodata.lock(kontroll.FELLES):
        kontroll.keep(helse.cases(health), geodata, kommunenummer=kontroll.FELLES, opphav="helse", i_dag=today)
    return health


def headline(health: Sequence[Helse]) -> str:
    """Return the states in one line of Norwegian."""
    counts: dict[str, int] = {}
    for one in health:
        counts[one.tilstand] = counts.get(one.tilstand, 0) + 1
    return f"{len(health)} kilder: {', '.join(f'{count} {state}' for state, count in counts.items())}."


def as_markdown(health: Sequence[Helse]) -> str:
    """Return the states as a Prefect artifact; foreign text is taken literally."""
    lines = ["# Kildene", "", plain(headline(health)), "", "| Kilde | Tema | Tilstand | Funn | Gjør |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for one in health:
        cells = (one.kilde.navn, one.kilde.tema, one.tilstand, one.funn, one.gjoer)
        lines.append(f"| {' | '.join(plain(cell) for cell in cells)} |")
    return "\n".join(lines)
