"""The commands `tomt base backup` and `tomt base restore`: the base to dated files, and back into an empty one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import BASE_ID, Settings, load_settings
from tasks.errors import ConfigError, TomtError

if TYPE_CHECKING:
    from tasks.crm.arkiv.gjenoppretting import Restore, Restored
    from tasks.crm.arkiv.sammenligning import Sammenligning

NEW_BASE = "Gjenopprettet"


def base_backup(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be read, and write nothing to the disk.")
    ] = False,
) -> None:
    """Back the Airtable base up under geodata/backup/: all tables, fields and attachments, readable by you alone."""
    from flows.environment import connected
    from tasks.crm.arkiv.backup import look, take_backup
    from tasks.store import Geodata

    with connected(load_settings()) as ready:
        geodata = Geodata(ready.geodata)
        if dry_run:
            seen = look(ready, geodata)
            known = "no backup yet" if seen.poster is None else f"about {_count(seen.poster, 'record')}"
            typer.echo(
                f"would back up {seen.base}: {_count(seen.tabeller, 'table')}, {known}, at least "
                f"{_count(seen.kall, 'call')}"
            )
            return
        geodata.ensure_usable()
        taken = take_backup(ready, geodata)
    m = taken.manifest
    typer.echo(f"{taken.folder}")
    typer.echo(
        f"{_count(len(m.tabeller), 'table')}, {_count(m.poster, 'record')}, {_count(m.vedlegg.antall, 'attachment')} "
        f"({m.vedlegg.byte / 1e6:,.1f} MB), {_count(m.kall, 'call')}; {_count(len(taken.removed), 'older backup')} "
        "removed"
    )
    if m.lose_lenker:
        typer.echo(f"links to records that are not in it, made or deleted meanwhile: {m.lose_lenker:,}")
    for name, days in taken.others:
        typer.echo(
            f"backup/{name} is of another base, the newest {_count(days, 'day')} old: no retention reaches it. "
            "Remove it by hand when that base is no more; it holds owners' names."
        )
    if taken.failure is not None:
        raise TomtError(taken.failure)


def base_restore(  # noqa: PLR0917  # typer takes its options as arguments
    folder: Annotated[Path, typer.Argument(help="A backup: geodata/backup/<base id>/<time>.")],
    base: Annotated[
        str | None, typer.Option("--base", metavar="APP…", help="The empty base; else the one of the profile.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Do it; without, only what would be done is printed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare a base with the backup, and write nothing.")] = False,
    mark_as: Annotated[
        str | None,
        typer.Option(
            "--mark-as",
            metavar="PROFILE",
            help="Mark the base as this profile's, which must be the one in force, though the backup is of another's.",
        ),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Into a new base; in the sandbox alone.")] = False,
) -> None:
    """Bring a backup back into an empty base, prove it by comparison, and say what is left to do by hand."""
    from flows.environment import connected
    from tasks.crm.arkiv.gjenoppretting import Restore
    from tasks.crm.arkiv.verifisering import verify
    from tasks.store import Geodata

    if write and check:
        raise ConfigError("--write and --check: give one of them; a restore compares at its end.")
    if new and (base is not None or check or not write):
        raise ConfigError("--new: goes with --write, and without --base and --check.")
    if base is not None and BASE_ID.fullmatch(base) is None:
        raise ConfigError("--base is no id of a base: it begins with app, as in its address.")
    with connected(load_settings()) as ready:
        if new and not ready.is_sandbox:  # there a person makes the base in the workspace that it shall lie in
            raise ConfigError("--new is for the sandbox: make an empty base in Airtable, and name it with --base.")
        arkiv = verify(folder)  # before a base is made for it
        chosen = _with_base(ready, _new_base(ready) if new else base)
        restore = Restore.of(arkiv, chosen, Geodata(ready.geodata))
        try:
            if check:
                _print_proof(restore.check())
            elif write:
                _print_restored(restore.write(typer.echo, mark_as=mark_as), restore.base.id)
            else:
                _print_plan(restore, mark_as)
        finally:
            restore.close()


def _with_base(settings: Settings, base: str | None) -> Settings:
    return settings if base is None else settings.model_copy(update={"airtable_base": base})


def _new_base(settings: Settings) -> str:
    """Make a base in the sandbox, with a table as Airtable puts into one, and return its id."""
    from tasks.crm.client import connect, readable_errors
    from tasks.crm.skjema.oppsett import SANDBOX_WORKSPACE

    first = {"name": "Table 1", "fields": [{"name": "Name", "type": "singleLineText"}]}
    body: dict[str, Any] = {"workspaceId": SANDBOX_WORKSPACE, "name": NEW_BASE, "tables": [first]}
    api = connect(settings)
    try:
        with readable_errors("making a base"):
            made: str = api.post(api.urls.bases, json=body)["id"]
    finally:
        api.session.close()
    typer.echo(f"made base {made}")
    return made


def _print_plan(restore: Restore, mark_as: str | None) -> None:
    m = restore.arkiv.manifest
    typer.echo(f"The backup of {m.base} taken {m.tid:%Y-%m-%d %H:%M} UTC is whole. Into {restore.base.id}:")
    for line in restore.look(mark_as=mark_as).lines(rate_per_s=restore.settings.airtable_rate_per_s):
        typer.echo(f"  {line}")
    typer.echo("Nothing was written; --write does it.")


def _print_restored(done: Restored, base_id: str) -> None:
    if done.uten_personer:
        typer.echo(
            f"records that lack people whom the base does not take: {done.uten_personer:,} "
            f"({', '.join(done.ukjente_personer)})"
        )
    for line in done.igjen:
        typer.echo(f"by hand: {line}")
    typer.echo(
        f"Restored into {base_id} with {_count(done.kall, 'call')}. Then follow `tomt base guide` for what is by hand."
    )
    _print_proof(done.funn)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _print_proof(found: Sammenligning) -> None:
    """Print what a comparison has found.

    Raises
    ------
    TomtError
        When something differs.
    """
    typer.echo(
        f"Compared: {_count(found.poster, 'record')}, {_count(found.lenker, 'link')} and "
        f"{_count(found.vedlegg, 'attachment')}, {_count(found.antall, 'difference')}"
    )
    for kind, count in found.for_haand.items():
        if count:
            typer.echo(f"  left out: {count:,} {kind}")
    for line in found.merknader:
        typer.echo(f"  note: {line}")
    for line in found.forskjeller:
        typer.echo(f"  {line}")
    if found.antall:
        raise TomtError(f"The base differs from the backup in {_count(found.antall, 'place')}; the first stand above.")
