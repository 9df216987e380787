"""The command `tomt oppfolging`: the daily follow-up, as the flow runs it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from config.settings import load_settings


def oppfolging(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be told and written, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the day as one JSON object.")] = False,
) -> None:
    """Remind sales of what is due, record what they have done since the last time, and count the pipeline.

    Writes Påminnelse on the lots, new rows in Aktiviteter, the figures of the pipeline on Kommuner, and a comment that
    mentions the one responsible. What people have written stays as it is. The same day again changes nothing.
    """
    from flows.environment import connected
    from flows.oppfolging import as_dict, headline, run_day

    with connected(load_settings()) as ready:
        dag = run_day(ready, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(as_dict(dag), ensure_ascii=False, indent=2))
        return
    typer.echo(headline(dag))
    for tomt in dag.tomter:
        for varsel in dag.varsler.get(tomt.record_id, ()):
            typer.echo(f"  {tomt.ident} ({tomt.fase}): {varsel.linje}")
    written = dag.planned() if dry_run else dag.sendt
    done = "would be written" if dry_run else "written"
    typer.echo(f"{done}: {', '.join(f'{navn} {count}' for navn, count in written.items())}; {dag.kall} calls")
