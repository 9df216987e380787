"""The nightly flow: one deployment run per kommune of the priority list, submitted and left to the workers."""

from __future__ import annotations

from typing import cast

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from config.registers import nightly_kommuner
from config.settings import load_settings

DEPLOYMENT = "find-tomter/find-tomter"


@flow(name="nightly")
def nightly() -> list[str]:
    """Start find-tomter for hver kommune på prioritetslisten (config/nattlig.toml).

    Kjøringene går hver for seg, med egen logg og eget resultat. Denne venter ikke på dem.
    """
    rows = []
    for kommune in nightly_kommuner(sandbox=load_settings().is_sandbox):
        parameters = {"kommune": kommune.label}
        run = cast("FlowRun", run_deployment(DEPLOYMENT, parameters=parameters, timeout=0, as_subflow=False))
        rows.append({"Kommune": kommune.label, "Kjøring": run.name, "Id": str(run.id)})
    create_table_artifact(rows, key="nattlig", description="Kommunene som er satt i gang i natt")
    return [row["Kommune"] for row in rows]
