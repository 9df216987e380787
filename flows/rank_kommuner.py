"""The flow that ranks the kommuner: monthly, and from the form."""

from __future__ import annotations

import logging
import threading
from typing import Any, Literal, cast
from uuid import UUID

from prefect import flow
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from config.profil import profiler
from config.rangering import rangering
from config.settings import load_settings
from flows.environment import connected
from flows.rangering import Rangeringer, run_ranking
from flows.rangeringstekst import as_markdown, as_table, headline, notes
from flows.steg import as_task

log = logging.getLogger("tomt.rank")

PROFILES = tuple(profiler())

ProfilValg = Literal[PROFILES]  # type: ignore[valid-type]  # a dropdown in the form, made from config/vekter.toml

DEFAULT = rangering().profil

LEAST_STEP = 2.0
"""Percentage points between two updates of the progress: each is a request to Prefect."""


@flow(name="rank-kommuner", flow_run_name="{profil}", log_prints=False, validate_parameters=True)
def rank_kommuner(profil: ProfilValg = DEFAULT, bare_vis: bool = False) -> State[dict[str, Any]]:
    """Ranger alle kommunene etter offentlige tall, og oppdater Airtable.

    Henter tall fra SSB og valgresultat.no, gir hver kommune poeng etter profilen, og lagrer rangeringen med måneden.
    Det salg har skrevet, røres ikke. Kom det for få tall, blir den forrige rangeringen stående.

    Args:
        profil: Profilen kommunene rangeres og vises i Airtable etter; de andre regnes ut ved siden av.
        bare_vis: Kryss av for å se hva som ville blitt endret, uten at noe skrives til Airtable.
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    with connected(load_settings()) as ready:
        found = run_ranking(ready, navn=profil, publish=True, dry_run=bare_vis, progress=Fremdrift(), call=as_task)
    publish_artifacts(found)
    said = [*notes(found), headline(found)]
    if found.avvist is not None:
        return Failed(name="For lite tall", message=" ".join([*filter(None, [found.airtable_feil]), *said]))
    if found.airtable_feil is not None:
        return Failed(name="Airtable svikter", message=" ".join([found.airtable_feil, *said]))
    return Completed(message=" ".join(said), data=as_dict(found))


def as_dict(found: Rangeringer) -> dict[str, Any]:
    """Return what a run came to as JSON-ready values: what was said of it, and the order of the kommuner."""
    return {
        "profil": found.profil.merke,
        "per_aar": found.per_aar,
        "merknader": notes(found),
        "foresporsler": found.grunnlag.foresporsler,
        "airtable": found.airtable,
        "rangering": [row["kommunenummer"] for row in found.rader],
    }


def publish_artifacts(found: Rangeringer) -> None:
    """Create the artifacts of a run: what is to be read, and all kommuner."""
    name = found.profil.kode.replace("_", "-")
    told = f"Rangering {found.profil.navn} {found.dato:%d.%m.%Y}"
    create_markdown_artifact(as_markdown(found), key=f"rangering-{name}", description=told)
    rows = as_table(found)
    create_table_artifact(rows, key=f"rangering-{name}-alle", description=f"{told}: alle {len(rows)}")


class Fremdrift:
    """The progress artifact of a run; steps may be told from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._percent = 0.0
        made = create_progress_artifact(0.0, key="rangering-fremdrift", description="Rangerer kommunene")
        self._id = cast("UUID", made)

    def __call__(self, what: str, done: int, of: int) -> None:
        """Tell what is done now; the progress never goes back."""
        percent = min(100.0 * done / max(of, 1), 100.0)
        with self._lock:
            if percent < self._percent + LEAST_STEP and percent < 100.0:
                return
            self._percent = percent
            try:
                update_progress_artifact(self._id, percent, description=what)
            except Exception as error:  # whatever Prefect's server says: the ranking goes on without its progress
                log.warning("The progress could not be told: %s", error)
