"""The command line `tomt`: the same functions that the flows run.

Results go to standard output, progress and errors to standard error. An error is one line that says what to do, and
exit code 1; a wrong call is exit code 2.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from contextlib import ExitStack
from types import FrameType
from typing import Annotated, Any

# Before Prefect is imported anywhere: nothing is reported home.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

import typer

from config.registers import find_kommune
from config.settings import Profile, Settings, load_settings
from flows.cli_airtable import airtable_app, base_errors
from flows.cli_arkiv import base_backup, base_restore
from flows.cli_base import base_app, set_up
from flows.cli_bilder import bilder_command
from flows.cli_differanse import differanse
from flows.cli_import import import_list
from flows.cli_oppfolging import oppfolging
from flows.cli_rank import rank
from flows.cli_score import score
from flows.cli_sources import sources
from tasks.errors import TomtError

app = typer.Typer(
    help="Finds land for social housing: from plan to scored lots in Airtable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(base_app, name="base")
app.add_typer(airtable_app, name="airtable")

UNWIND_S = 30.0
"""Ending takes less than this, even of children that must be killed; after it, a signal is heard again."""

AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]


@app.callback()
def common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more about each step.")] = False,
) -> None:
    """Find land for social housing: from plan to scored lots in Airtable."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("tomt")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False


@app.command()
def run(
    kommuner: Annotated[list[str], typer.Argument(metavar="KNR...", help="Numbers of municipalities, such as 3207.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change in Airtable, and write nothing there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch, find lots, score them, and bring Airtable up to date for these municipalities."""
    from flows.environment import connected, require_runnable

    settings = load_settings()
    chosen = [find_kommune(text, sandbox=settings.is_sandbox) for text in dict.fromkeys(kommuner)]
    for kommune in chosen:
        require_runnable(kommune, settings)
    # Prefect takes seconds to import: a mistyped number is answered before that.
    from flows.run import run_kommune
    from flows.summary import totals

    with connected(settings) as ready:
        summaries = [run_kommune(kommune, ready, dry_run=dry_run) for kommune in chosen]
    if as_json:
        _print_json(totals([s.as_dict() for s in summaries]))
    else:
        for summary in summaries:
            typer.echo(summary.as_text())
    failed = [s for s in summaries if not s.ok]
    if failed:
        raise TomtError(" ".join(f"{s.kommune.label}: {s.resultat}. {s.grunn}" for s in failed))


@app.command()
def demo(
    kommuner: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KNR]...", help="Which of 0099, 7001 and 7002; all three when none is given."),
    ] = None,
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when the run is done.")] = False,
    as_json: AsJson = False,
    port_prefect: Annotated[
        int | None, typer.Option(help="Port of the Prefect UI (4200 when free).", min=1, max=65535)
    ] = None,
    port_airtable: Annotated[
        int | None, typer.Option(help="Port of the local Airtable (8270 when free).", min=1, max=65535)
    ] = None,
    port_sources: Annotated[
        int | None, typer.Option(help="Port of the local sources (8271 when free).", min=1, max=65535)
    ] = None,
) -> None:
    """Run everything with invented municipalities, and show where to look."""
    from flows import demo as demonstration
    from flows.summary import totals

    chosen = demonstration.choose_kommuner(kommuner or [])
    settings = load_settings().model_copy(
        update={"profile": Profile.SANDBOX, "airtable_token": None, "airtable_base": None, "sources_url": None}
    )
    wanted = demonstration.Ports(prefect=port_prefect, airtable=port_airtable, sources=port_sources)
    prefect, *ports = demonstration.choose_ports(wanted)
    with ExitStack() as stack:
        ready = _start_demo(stack, settings, *ports)
        env = stack.enter_context(demonstration.prefect_server(settings, prefect))
        ranked = demonstration.rank(ready)  # first: what a kommune wants counts in the score of its lots
        summaries = demonstration.run_flows(env, chosen)
        first_day = demonstration.follow_up(ready)
        if as_json:
            _print_json(totals(summaries))
        else:
            typer.echo("\n".join([ranked, *(summary["tekst"] for summary in summaries), first_day]))
        if no_serve:
            _say("Done. Start `tomt demo` without --no-serve to look around.")
        else:
            _serve(stack, env, ready, prefect)


def _start_demo(stack: ExitStack, settings: Settings, airtable: int, sources: int) -> Settings:
    """Start the sandbox where other commands find it, and set its base up."""
    from flows.environment import connected

    with base_errors(settings.geodata / "sandbox" / "airtable"):
        ready = stack.enter_context(connected(settings, airtable_port=airtable, sources_port=sources, announce=True))
    set_up(ready)
    return ready


def _serve(stack: ExitStack, env: dict[str, str], ready: Settings, prefect: int) -> None:
    """Keep everything up until Ctrl-C, and say where to look.

    Raises
    ------
    TomtError
        When the worker ends by itself.
    """
    from flows import demo as demonstration

    _say("Deploying the flows and starting a worker …")
    worker = demonstration.serve(stack, env)
    _say(
        f"Airtable (local): {ready.airtable_url}\nPrefect: http://127.0.0.1:{prefect}\n"
        f"Sources (invented data): {ready.sources_url}\nCtrl-C ends everything."
    )
    try:
        worker.wait()
    except KeyboardInterrupt:
        _say("Stopping …")
        return
    raise TomtError(f"The Prefect worker ended by itself; see {ready.geodata / 'sandbox/prefect/worker.log'}.")


base_app.command("import")(import_list)
base_app.command("backup")(base_backup)
base_app.command("restore")(base_restore)
app.command()(differanse)
app.command()(sources)
app.command("bilder")(bilder_command)
app.command()(oppfolging)
app.command()(rank)
app.command()(score)


@app.command()
def history(
    tomt_id: Annotated[str, typer.Argument(metavar="TOMT-ID", help="Id of a lot, such as 3207-000123.")],
    slekt: Annotated[
        bool, typer.Option("--slekt", help="Also those of the lots that it was split from or merged with.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the history as one JSON object.")] = False,
) -> None:
    """Print what happened to a lot: when, what, how its area changed, and why."""
    from flows.history import look_up
    from tasks.store import Geodata

    settings = load_settings()
    found = look_up(tomt_id, Geodata(settings.geodata), sandbox=settings.is_sandbox, with_kin=slekt)
    if as_json:
        _print_json(found.as_dict())
    else:
        typer.echo(found.as_text())


@app.command()
def doctor() -> None:
    """Check configuration, disk, versions, Airtable and sources; exit 1 with what to do."""
    from flows.doctor import diagnose

    settings = load_settings()
    problems = 0
    for line in diagnose(settings):
        problems += not line.ok
        typer.echo(f"{line.mark:<3} {line.what}: {line.found}")
    if problems:
        raise TomtError(f"{problems} of the checks failed; each says what to do.")


def _print_json(data: dict[str, Any]) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _say(text: str) -> None:
    typer.echo(text, err=True)


class Interruption:
    """Ends the command once; while it ends what it started, further signals are not heard.

    A second Ctrl-C would otherwise cut the ending short and leave servers behind.
    """

    def __init__(self) -> None:
        self._heeded: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, unless that was done less than `UNWIND_S` ago."""
        now = time.monotonic()
        if self._heeded is None or now - self._heeded > UNWIND_S:
            self._heeded = now
            raise KeyboardInterrupt


def main() -> None:
    """Run the command line; turn every known error into one line and exit code 1."""
    # A command that is stopped ends its servers too, also when it was started in the background of a script, where
    # shells let SIGINT be ignored. A closed terminal stops it, unless nohup has said that it shall not.
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    interruption = Interruption()
    for number in numbers:
        signal.signal(number, interruption)
    try:
        app()
    except TomtError as error:
        _say(f"Error: {' '.join(str(error).split())}")
        sys.exit(1)
    except KeyboardInterrupt:
        _say("Stopped. What was done stays; the same command again does the rest.")
        sys.exit(130)


if __name__ == "__main__":
    main()
