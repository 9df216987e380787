"""The nightly flow: one deployment run per kommune of the priority list, submitted and left to the workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import cast

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from config.registers import Kommune
from config.settings import load_settings
from flows.markdown import plain
from flows.prioritet import Oppfoering, priority_list
from tasks.errors import TomtError

log = logging.getLogger("tomt.nightly")

DEPLOYMENT = "find-tomter/find-tomter"
HEAD = "Kommunene som er satt i gang i natt, og hvorfor de er med."

Row = dict[str, str]


@flow(name="nightly")
def nightly() -> list[str]:
    """Start find-tomter for hver kommune på prioritetslisten.

    Listen er kommunene salg har festet i Airtable (Følg alltid), de som alltid er med, og de beste i rangeringen
    (config/nattlig.toml). Kjøringene går hver for seg, med egen logg og eget resultat. Denne venter ikke på dem. Lar én
    seg ikke starte, startes de andre likevel, og denne ender som feilet.
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    found = priority_list(load_settings())
    rows = submit_all(found.liste, submit)
    create_table_artifact(rows, key="nattlig", description=" ".join(map(plain, (HEAD, *found.merknader))))
    require_all(rows)
    return [row["Kommune"] for row in rows]


def submit(kommune: Kommune) -> FlowRun:
    """Submit the run of one kommune; a worker takes it."""
    parameters = {"kommune": kommune.label}
    return cast("FlowRun", run_deployment(DEPLOYMENT, parameters=parameters, timeout=0, as_subflow=False))


def submit_all(liste: Iterable[Oppfoering], submit: Callable[[Kommune], FlowRun]) -> list[Row]:
    """Submit every kommune, whatever happens to another; return a row for each, with why it was not submitted."""
    rows = []
    for one in liste:
        kommune = one.kommune
        row = {"Kommune": kommune.label, "Hvorfor": one.grunn, "Kjøring": "", "Id": "", "Feil": ""}
        try:
            run = submit(kommune)
            row |= {"Kjøring": run.name, "Id": str(run.id)}
        except Exception as error:  # whatever the server says of this one, the next ones are submitted
            log.exception("%s could not be submitted", kommune.label)
            row["Feil"] = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        rows.append(row)
    return rows


def require_all(rows: list[Row]) -> None:
    """Raise when a kommune was not submitted.

    Raises
    ------
    TomtError
        Naming each, with the reason.
    """
    failed = [f"{row['Kommune']} ({row['Feil']})" for row in rows if row["Feil"]]
    if failed:
        raise TomtError(
            f"{len(failed)} of {len(rows)} kommuner were not submitted: {'; '.join(failed)}. Start them from the form, "
            "or start nightly again."
        )
