"""The daily follow-up: what is due, what sales has done since yesterday, and the figures of the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from config.oppfolging import oppfolging as regler
from config.settings import Settings, load_settings
from flows.environment import connected
from flows.markdown import plain
from flows.steg import Call, as_task, directly
from tasks.crm.oppfolging.dag import Dag, follow_up_task
from tasks.crm.oppfolging.nokkeltall import Tall
from tasks.crm.sync.connection import open_connection
from tasks.store import Geodata
from tasks.tekst import tall

log = logging.getLogger("tomt.crm")

SHOWN = 200
"""Reminders in the artifact; all stand in Airtable."""


@flow(name="oppfolging", log_prints=False, validate_parameters=True)
def oppfolging(bare_vis: bool = False) -> State[dict[str, Any]]:
    """Følg opp det salg arbeider med.

    Legger påminnelser på tomtene, fører faseskifter, påminnelser og svar i Aktiviteter, sier fra til den ansvarlige med
    en kommentar, og teller opp pipelinen på kommunene. Det salg har skrevet, røres ikke.

    Args:
        bare_vis: Kryss av for å se hva som ville blitt endret, uten at noe skrives.
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    with connected(load_settings()) as ready:
        dag = run_day(ready, dry_run=bare_vis, call=as_task)
    create_markdown_artifact(as_markdown(dag), key="oppfolging", description=f"Oppfølging {dag.i_dag:%d.%m.%Y}")
    return Completed(message=headline(dag), data=as_dict(dag))


def run_day(settings: Settings, *, dry_run: bool = False, naa: datetime | None = None, call: Call = directly) -> Dag:
    """Follow up the base of these settings.

    Parameters
    ----------
    settings
        With every address filled in, as from `environment.connected`.
    dry_run
        Compare only: nothing is written to Airtable or geodata.
    naa
        The time of the run; None for now.
    call
        How the step is run: `directly` or `as_task`.
    """
    geodata = Geodata(settings.geodata)
    geodata.ensure_usable()
    connection = open_connection(geodata, settings, dry_run=dry_run)
    try:
        dag: Dag = call(follow_up_task, geodata, connection, naa=naa or datetime.now(UTC), dry_run=dry_run)
    finally:
        connection.close()
    for navn, refused in dag.avvist.items():
        for key, why in refused.items():
            log.warning("%s %s is left alone: it %s", navn, key, why)
    return dag


# --- what is told of it ---


def headline(dag: Dag) -> str:
    """Return the day in one line of Norwegian."""
    if dag.mangler:
        return "Basen er ikke satt opp ennå."
    due = sum(map(len, dag.varsler.values()))
    return (
        f"{due} påminnelser på {len(dag.varsler)} tomter, {len(dag.skifter)} faseskifter siden sist. "
        f"{dag.tall.tomter} tomter i pipeline med {tall(dag.tall.boliger)} boliger "
        f"({tall(dag.tall.boliger_vektet, 1)} vektet)."
    )


def as_dict(dag: Dag) -> dict[str, Any]:
    """Return the day as JSON-ready values: ids of lots, no names."""
    return {
        "dato": dag.i_dag.isoformat(),
        "mangler": list(dag.mangler),
        "planlagt": dag.planned(),
        "sendt": dict(dag.sendt),
        "avvist": dag.avvist,
        "kall": dag.kall,
        "varsler": [
            {"tomt": tomt.ident, "kommune": tomt.kommunenummer, "fase": tomt.fase, "slag": v.slag, "hva": v.linje}
            for tomt in dag.tomter
            for v in dag.varsler.get(tomt.record_id, ())
        ],
        "faseskifter": [
            {
                "tomt": row.tomt_id or row.record_id,
                "kommune": row.kommunenummer,
                "fra": row.fra,
                "til": row.til,
                "tidspunkt": row.tidspunkt.isoformat(),
                "er_noeyaktig": row.er_noeyaktig,
            }
            for row in dag.skifter
        ],
        "pipeline": {"i alt": _figures(dag.tall)} | {nr or "ukjent": _figures(t) for nr, t in dag.per_kommune.items()},
    }


def _figures(found: Tall) -> dict[str, Any]:
    stages = regler().pipeline.stiger
    if len(found.naadd) <= len(stages):  # nothing was read
        return {}
    return {
        "tomter": found.tomter,
        "boliger": found.boliger,
        "boliger_vektet": found.boliger_vektet,
        "beloep_kr": found.beloep_kr,
        "naadd": dict(zip(("tatt tak i", *stages), found.naadd, strict=True)),
        "konvertering_prosent": {fase: found.konvertering(k) for k, fase in enumerate(stages, start=1)},
        "dager_i_fasen": {fase: found.dager(fase) for fase in stages},
        "avsluttede_opphold": {fase: len(found.opphold_dager.get(fase, ())) for fase in stages},
    }


def as_markdown(dag: Dag) -> str:
    """Return the day as a Prefect artifact; foreign text is taken literally, and no lot is called by its name."""
    lines = [f"# Oppfølging {dag.i_dag:%d.%m.%Y}", "", plain(headline(dag))]
    if dag.mangler:
        return "\n".join(lines)
    return "\n".join([*lines, "", *_pipeline_table(dag), "", *_due_table(dag)])


def _pipeline_table(dag: Dag) -> list[str]:
    stages = regler().pipeline.stiger
    head = ["Kommune", "Tomter", "Boliger", "Vektet", "Beløp kr"]
    head += [f"Til {fase} %" for fase in stages] + [f"Dager i {fase}" for fase in stages]
    rows = [("I alt", dag.tall), *((nummer or "Ukjent kommune", found) for nummer, found in dag.per_kommune.items())]
    return [
        "## Pipelinen",
        "",
        "Vektet er boliger ganget med en antatt sjanse per fase. Prosent er av tomtene som kom til fasen før; dager er "
        "median av avsluttede opphold. Antallet bak står i parentes.",
        "",
        *_table(head, ([plain(name), *_cells(found)] for name, found in rows)),
    ]


def _cells(found: Tall) -> list[str]:
    stages = regler().pipeline.stiger
    cells = [str(found.tomter), tall(found.boliger), tall(found.boliger_vektet, 1), tall(found.beloep_kr)]
    for step in range(1, len(stages) + 1):
        share = found.konvertering(step)
        cells.append("–" if share is None else f"{tall(share)} ({found.naadd[step - 1]})")
    for fase in stages:
        days = found.dager(fase)
        cells.append("–" if days is None else f"{tall(days, 1)} ({len(found.opphold_dager[fase])})")
    return cells


def _due_table(dag: Dag) -> list[str]:
    rows = [
        [plain(tomt.ident), plain(tomt.kommunenummer or ""), plain(tomt.fase), plain(v.linje)]
        for tomt in dag.tomter
        for v in dag.varsler.get(tomt.record_id, ())
    ]
    more = [f"… og {len(rows) - SHOWN} til; alle står i Airtable."] if len(rows) > SHOWN else []
    if not rows:
        return ["## Å gjøre", "", "Ingenting."]
    return ["## Å gjøre", "", *_table(["Tomt", "Kommune", "Fase", "Hva"], rows[:SHOWN]), *more]


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
