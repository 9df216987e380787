"""The commands `tomt base setup`, `check` and `guide`: the Airtable base, set up and compared with the code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.base import base_register
from config.settings import Settings, load_settings
from tasks.errors import StoreError, TomtError

if TYPE_CHECKING:
    from pyairtable.models.schema import BaseSchema

    from tasks.crm.avvik import Avvik

base_app = typer.Typer(help="The Airtable base: set it up, check it.", no_args_is_help=True, rich_markup_mode=None)

GROUPS = {
    "stops": "Stops every run:",
    "setup": "Created by `tomt base setup`:",
    "hand": "Done by hand in Airtable:",
    "info": "For information:",
}
GUIDE = "oppsett.md"


@base_app.command("setup")
def base_setup(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be created, and write nothing to Airtable.")
    ] = False,
) -> None:
    """Create what is missing in the Airtable base; never deletes or changes a type."""
    from flows.environment import connected
    from tasks.crm.base import as_memory, open_base, read_schema, resolve
    from tasks.crm.oppsett import differences, setup
    from tasks.crm.state import BaseState
    from tasks.store import Geodata

    register = base_register()
    with connected(load_settings()) as ready:
        if dry_run:
            _print_plan(ready)
            return
        api, found = open_base(ready)
        geodata = Geodata(ready.geodata)
        known = BaseState(geodata, found.id if found else None).schema()
        base, lines = setup(api, found, register, known, settings=ready)
        for line in lines:
            typer.echo(f"created {line}")
        schema = read_schema(base)
        left = [a for a in differences(schema, register, known) if a.tiltak != "info"]
        # Where it is, also when something stops: the steps that are left stand in it.
        typer.echo(f"Guide to what is made by hand: {_keep_guide(ready.geodata / 'crm' / base.id)}")
        stops = [a for a in left if a.stopper]
        if not stops:
            BaseState(geodata, base.id).keep_schema(as_memory(resolve(schema, register, known)))
    state = "not yet as wanted" if stops else "as wanted"
    typer.echo(f"Base {base.id} is {state}; {_by_hand(left)} things of the guide are left, as far as a check can see.")
    if stops:
        raise TomtError("Runs stop until this is put right by hand: " + "; ".join(map(str, stops)) + ".")


def _print_plan(settings: Settings) -> None:
    """Print what setup would create, and what stops it."""
    from tasks.crm import merke

    left, schema = _differences(settings)
    lines = [f"would create {_kind(a)} {a.hvor}" for a in left if a.tiltak == "setup"]
    if schema is None:
        lines.insert(0, "would create the base")
    elif not merke.is_marked(schema, settings):
        lines.append(f"would mark the base as {settings.effective_profile}")
    lines += [f"by hand: {a}" for a in left if a.stopper and a.tiltak == "hand"]
    for line in lines or ["Nothing to create."]:
        typer.echo(line)


@base_app.command("check")
def base_check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as one JSON object.")] = False,
) -> None:
    """Compare the Airtable base with config/airtable.toml; exit 1 when it differs in what the program needs."""
    from flows.environment import connected
    from tasks.crm import merke

    with connected(load_settings()) as ready:
        left, schema = _differences(ready)
        profile = merke.read(schema) if schema else None
        if profile is not None and schema is not None:
            merke.is_marked(schema, ready)
    blocking = [a for a in left if a.stopper or a.tiltak == "setup"]
    ok = not blocking and profile is not None
    if as_json:
        found = {"ok": ok, "profil": profile, "avvik": [asdict(a) for a in left]}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_groups(left)
    if not ok:
        unmarked = " The base is not marked with its profile." if profile is None else ""
        raise TomtError(f"{len(blocking)} differences to close.{unmarked} Run `tomt base setup`; the rest by hand.")
    if not as_json:
        rest = f" but for {count} things done by hand, see `tomt base guide`" if (count := _by_hand(left)) else ""
        typer.echo(f"The base ({profile}) is as config/airtable.toml wants it: clean{rest}.")


@base_app.command("guide")
def base_guide() -> None:
    """Print the guide to what is made by hand in Airtable; needs neither a base nor a network."""
    from tasks.crm.veiledning import guide

    typer.echo(guide(base_register()), nl=False)


def _differences(settings: Settings) -> tuple[list[Avvik], BaseSchema | None]:
    """Return how the configured base differs, and its schema; None for a sandbox without a base."""
    from tasks.crm.base import open_base, read_schema
    from tasks.crm.oppsett import differences
    from tasks.crm.state import BaseState
    from tasks.store import Geodata

    _, base = open_base(settings)
    known = BaseState(Geodata(settings.geodata), base.id if base else None).schema()
    schema = read_schema(base) if base else None
    return differences(schema, base_register(), known), schema


def _print_groups(left: Sequence[Avvik]) -> None:
    for group, title in GROUPS.items():
        lines = [str(a) for a in left if ("stops" if a.stopper else a.tiltak) == group]
        if lines:
            typer.echo("\n  ".join([title, *lines]))


def _kind(avvik: Avvik) -> str:
    return "field" if "." in avvik.hvor else "table"


def _by_hand(left: Sequence[Avvik]) -> int:
    """Return how many things a person has left to do that stop nothing."""
    return sum(a.tiltak == "hand" and not a.stopper for a in left)


def _keep_guide(folder: Path) -> Path:
    """Write the guide into a folder.

    Raises
    ------
    StoreError
        When the folder cannot be written.
    """
    from tasks.crm.veiledning import guide

    path = folder / GUIDE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(guide(base_register()), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}. Check the disk and the folder's permissions.") from error
    return path
