"""The flow that a salesperson starts from the form: one kommune, from plan to Airtable."""

from __future__ import annotations

import logging
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from config.registers import find_kommune, kommuner
from config.settings import load_settings
from flows.artifacts import publish_artifacts
from flows.environment import connected, require_runnable
from flows.run import run_kommune
from flows.steg import as_task
from tasks.store import Geodata

LABELS = tuple(k.label for k in kommuner(sandbox=load_settings().is_sandbox))

KommuneValg = Literal[LABELS]  # type: ignore[valid-type]  # a dropdown in the form, made from config/kommuner.toml


@flow(name="find-tomter", flow_run_name="{kommune}", log_prints=False, validate_parameters=True)
def find_tomter(kommune: KommuneValg, bare_vis: bool = False) -> State[dict[str, Any]]:
    """Finn tomter i én kommune og oppdater Airtable.

    Henter kommuneplan, reguleringsplaner og teiger, regner ut differansen, gir hver tomt en score og oppdaterer
    Airtable. Det salg har skrevet, røres ikke. Svarer ikke en plankilde, endres ingen tomt.

    Args:
        kommune: Kommunen som skal kjøres, for eksempel «3207 Nordre Follo».
        bare_vis: Kryss av for å se hva som ville blitt endret, uten at noe skrives til Airtable.
    """
    # Prefect hands our log lines to its API (PREFECT_LOGGING_EXTRA_LOGGERS), but leaves their level at WARNING.
    logging.getLogger("tomt").setLevel(logging.INFO)
    settings = load_settings()
    chosen = find_kommune(kommune, sandbox=settings.is_sandbox)
    require_runnable(chosen, settings)
    with connected(settings) as ready:
        summary = run_kommune(chosen, ready, dry_run=bare_vis, call=as_task)
    publish_artifacts(summary, Geodata(settings.geodata))
    if summary.ok:
        return Completed(message=summary.kort(), data=summary.as_dict())
    return Failed(name=summary.resultat, message=summary.kort())
