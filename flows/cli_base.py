"""The commands `tomt base setup`, `check` and `guide`: the Airtable base, set up and compared with the code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.base import base_register
from config.settings import Settings, load_settings
from tasks.errors import StoreError, TomtError

if TYPE_CHECKING:
    from pyairtable import Api, Base
    from pyairtable.models.schema import BaseSchema

    from tasks.crm.skjema.avvik import Avvik
    from tasks.crm.sync.state import BaseState

base_app = typer.Typer(
    help="The Airtable base: set it up, check it, fill it, back it up, restore it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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
    mark_as: Annotated[
        str | None,
        typer.Option(
            "--mark-as",
            metavar="PROFILE",
            help="Mark a base that is set up but not marked as this profile's, which must be the one in force. Runs of "
            "it write into the base from then on: look in Airtable whose base it is.",
        ),
    ] = None,
) -> None:
    """Create what is missing in the Airtable base; never deletes or changes a type."""
    from flows.environment import connected
    from tasks.crm.skjema.ids import as_memory, read_schema, resolve
    from tasks.crm.skjema.oppsett import differences
    from tasks.crm.sync.state import BaseState
    from tasks.store import Geodata

    register = base_register()
    with connected(load_settings()) as ready:
        if dry_run:
            _print_plan(ready, mark_as)
            return
        base, known, lines = set_up(ready, mark_as=mark_as)
        for line in lines:
            typer.echo(f"created {line}")
        geodata, schema = Geodata(ready.geodata), read_schema(base)
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


def set_up(settings: Settings, *, mark_as: str | None = None) -> tuple[Base, dict[str, dict[str, Any]], list[str]]:
    """Create what is missing; in the sandbox also what people make by hand in Airtable.

    Returns
    -------
    base : Base
    known : dict
        Ids of tables and fields remembered from before, as `BaseState.schema` gives them.
    lines : list of str
        What was created.
    """
    from tasks.crm.skjema.haandoppsett import make_by_hand
    from tasks.crm.skjema.ids import open_base
    from tasks.crm.skjema.oppsett import setup
    from tasks.crm.sync.state import BaseState
    from tasks.store import Geodata

    register = base_register()
    api, found = open_base(settings)
    known = BaseState(Geodata(settings.geodata), found.id if found else None).schema()
    base, lines = setup(api, found, register, known, settings=settings, mark_as=mark_as)
    if settings.is_sandbox:
        lines += make_by_hand(base, register, known)
    return base, known, lines


@dataclass(frozen=True)
class Look:
    """A base as one request shows it.

    Attributes
    ----------
    base, schema
        None for a sandbox without a base.
    left
        How it differs from the register.
    """

    api: Api
    base: Base | None
    schema: BaseSchema | None
    state: BaseState
    left: list[Avvik]


def _print_plan(settings: Settings, mark_as: str | None) -> None:
    """Print what setup would create, and what stops it."""
    from tasks.crm.skjema import merke

    look = _look(settings)
    left, schema = look.left, look.schema
    is_new = any(a.hvor == merke.MARKED and a.tiltak == "setup" for a in left)
    lines = [f"would create {_kind(a)} {a.hvor}" for a in left if a.tiltak == "setup"]
    if schema is None:
        lines.insert(0, "would create the base")
    elif merke.shall_mark(schema, settings, is_new=is_new, mark_as=mark_as):
        lines.append(f"would mark the base as {settings.effective_profile}")
    lines += [f"by hand: {a}" for a in left if a.stopper and a.tiltak == "hand"]
    for line in lines or ["Nothing to create."]:
        typer.echo(line)


@base_app.command("check")
def base_check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as one JSON object.")] = False,
    count: Annotated[
        bool, typer.Option("--count", help="Count the base's records anew: a request for every hundred of them.")
    ] = False,
) -> None:
    """Compare the Airtable base with config/airtable.toml; exit 1 when it differs in what the program needs."""
    from flows.environment import connected
    from tasks.crm.skjema import merke

    with connected(load_settings()) as ready:
        look = _look(ready)
        left, schema = look.left, look.schema
        profile = merke.profile_of(schema) if schema else None
        if schema is not None:
            merke.is_marked(schema, ready)
        if count:
            _count(look)
        used = _used(look.state)
    blocking = [a for a in left if a.stopper or a.tiltak == "setup"]
    ok = not blocking and profile is not None
    if as_json:
        found = {"ok": ok, "profil": profile, "brukt": used, "avvik": [asdict(a) for a in left]}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print_groups(left)
        _print_used(used)
    if blocking:
        raise TomtError(f"{len(blocking)} differences to close. Run `tomt base setup`; the rest by hand.")
    if not ok:
        raise TomtError(merke.how_to_mark(ready))
    if not as_json:
        rest = f" but for {hands} things done by hand, see `tomt base guide`" if (hands := _by_hand(left)) else ""
        typer.echo(f"The base ({profile}) is as config/airtable.toml wants it: clean{rest}.")


@base_app.command("guide")
def base_guide() -> None:
    """Print the guide to what is made by hand in Airtable; needs neither a base nor a network."""
    from tasks.crm.skjema.veiledning import guide

    typer.echo(guide(base_register()), nl=False)


def _look(settings: Settings) -> Look:
    """Return how the configured base is."""
    from tasks.crm.skjema.ids import open_base, read_schema
    from tasks.crm.skjema.oppsett import differences
    from tasks.crm.sync.state import BaseState
    from tasks.store import Geodata

    api, base = open_base(settings)
    state = BaseState(Geodata(settings.geodata), base.id if base else None)
    schema = read_schema(base) if base else None
    return Look(api, base, schema, state, differences(schema, base_register(), state.schema()))


def _count(look: Look) -> None:
    """Count the records of every table that is there, and remember it, and the calls that it took.

    Raises
    ------
    BaseIncompleteError
        When the base lacks what a run needs.
    """
    from tasks.crm.skjema.ids import resolve
    from tasks.crm.sync.basesync import BaseSync, today
    from tasks.crm.sync.connection import Connection

    if look.base is None or look.schema is None:
        return
    ids = resolve(look.schema, base_register(), look.state.schema())
    connection = Connection(look.api, look.base, base_register(), look.state, ids)
    try:
        BaseSync(connection, "").count_records(today())
    finally:
        connection.close()


def _used(state: BaseState) -> dict[str, int | str | None]:
    """Return what is known to be used of Airtable's plan beside its limits; asks nobody.

    Returns
    -------
    dict
        Records (None before they are counted), the oldest day of counting, calls of the month, and the limits.
    """
    from tasks.crm.sync.connection import this_month

    counts, dato = state.counts()
    grenser = base_register().grenser
    return {
        "poster": sum(counts.values()) if dato is not None else None,
        "telt": dato,
        "poster_per_base": grenser.poster_per_base,
        "kall": state.calls(this_month()),
        "kall_per_maaned": grenser.kall_per_maaned,
    }


def _print_used(used: Mapping[str, int | str | None]) -> None:
    records = f"{used['poster']:,}" if used["poster"] is not None else "not yet counted (--count does it)"
    counted = f", counted {used['telt']}" if used["telt"] else ""
    typer.echo(
        f"Used of Airtable's plan:\n  records: {records} of {used['poster_per_base']:,}{counted}\n"
        f"  calls this month, from here to this base: {used['kall']:,} of {used['kall_per_maaned']:,}"
    )


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
    from tasks.crm.skjema.veiledning import guide

    path = folder / GUIDE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(guide(base_register()), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}. Check the disk and the folder's permissions.") from error
    return path
