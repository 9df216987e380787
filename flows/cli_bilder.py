"""`tomt bilder`: the pictures of a kommune's lots as files, drawn from what the last run left; no Airtable is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer

from config.bilder import BilderRegister, bilder
from config.registers import Kommune, find_kommune
from config.settings import Settings, load_settings
from tasks.errors import ConfigError, StoreError, TomtError
from tasks.fil import write_whole

if TYPE_CHECKING:
    from tasks.crm.bilder.fliser import Fliskilde
    from tasks.crm.bilder.grunnlag import Grunnlag
    from tasks.crm.bilder.serie import Oppgave

TELL_EVERY = 25
NAMED = 3


def bilder_command(
    kommune: Annotated[str, typer.Argument(help="Number of a municipality, such as 3207.")],
    ut: Annotated[
        Path | None, typer.Option("--ut", metavar="MAPPE", help="Folder for the files (geodata/bilder/<number>).")
    ] = None,
    antall: Annotated[
        int | None,
        typer.Option("--antall", min=1, max=5000, help="How many, best score first ([utvalg] in config/bilder.toml)."),
    ] = None,
    tomt: Annotated[
        list[str] | None, typer.Option("--tomt", metavar="ID", help="Only this lot; may be given several times.")
    ] = None,
) -> None:
    """Draw the maps of lots to PNG files, as they are uploaded to Airtable; needs a run of the municipality before."""
    settings = load_settings()
    found = find_kommune(kommune, sandbox=settings.is_sandbox)
    if tomt and antall is not None:
        raise ConfigError("--tomt and --antall are two ways to choose. Give one of them.")
    rules = bilder()
    grunnlag = _read(found, settings, rules)
    chosen = _chosen(grunnlag, tomt or [], antall or rules.utvalg.antall)
    folder = ut or settings.geodata / "bilder" / found.nummer
    began = time.monotonic()
    with ExitStack() as stack:
        sizes, failures = _draw(grunnlag, chosen, folder, rules, kilde=_tiles(settings, rules, stack))
    if sizes:
        kilobytes = [size / 1000 for size in sizes]
        typer.echo(
            f"{found.label}: {len(sizes)} pictures in {folder}, {min(kilobytes):.0f}–{max(kilobytes):.0f} kB (median "
            f"{median(kilobytes):.0f}), {time.monotonic() - began:.1f} s"
        )
    if failures:
        raise TomtError(f"{len(failures)} pictures failed, first {'; '.join(failures[:NAMED])}.")
    if not sizes:
        typer.echo(f"{found.label}: no living lots, and so no pictures.")


def _read(kommune: Kommune, settings: Settings, rules: BilderRegister) -> Grunnlag:
    from tasks.crm.bilder.grunnlag import read_grunnlag
    from tasks.store import Geodata

    return read_grunnlag(kommune, Geodata(settings.geodata), rules)


def _chosen(grunnlag: Grunnlag, tomt: Sequence[str], antall: int) -> list[str]:
    """Return the lots to draw.

    Raises
    ------
    ConfigError
        Naming ids that are no living lot.
    """
    unknown = [tomt_id[:40] for tomt_id in tomt if tomt_id not in grunnlag]
    if unknown:
        raise ConfigError(
            f"No living lot of {grunnlag.kommune.label}: {', '.join(map(repr, unknown[:NAMED]))}. Ids look like "
            f"{grunnlag.kommune.nummer}-000123; `tomt history ID` tells what became of one."
        )
    return list(dict.fromkeys(tomt)) if tomt else grunnlag.best()[:antall]


def _tiles(settings: Settings, rules: BilderRegister, stack: ExitStack) -> Fliskilde | None:
    from tasks.crm.bilder.fliser import Fliskilde, is_wanted

    if not is_wanted(rules.fliser, settings):
        return None
    folder = settings.geodata / "bilder" / "fliser"
    return stack.enter_context(Fliskilde(rules.fliser, folder, kontakt=settings.contact))


def _draw(
    grunnlag: Grunnlag, chosen: Sequence[str], folder: Path, rules: BilderRegister, *, kilde: Fliskilde | None
) -> tuple[list[int], list[str]]:
    """Write the files; return their sizes in bytes, and what failed."""
    from tasks.crm.bilder.serie import draw_all

    sizes: list[int] = []
    failures: list[str] = []
    for n, tegnet in enumerate(draw_all(_tasks(grunnlag, chosen, kilde), rules, antall=len(chosen)), start=1):
        tomt_id = tegnet.oppgave.motiv.tomt_id
        if tegnet.png is None:
            failures.append(f"{tomt_id}: {tegnet.feil}")
        else:
            _write(folder / f"{tomt_id}.png", tegnet.png)
            sizes.append(len(tegnet.png))
        if n % TELL_EVERY == 0 and n < len(chosen):
            typer.echo(f"{n} of {len(chosen)} …", err=True)
    return sizes, failures


def _tasks(grunnlag: Grunnlag, chosen: Sequence[str], kilde: Fliskilde | None) -> Iterator[Oppgave]:
    from tasks.crm.bilder.serie import Oppgave

    for tomt_id in chosen:
        motiv = grunnlag.motiv(tomt_id)
        yield Oppgave(motiv, kilde.under(motiv.utsnitt) if kilde is not None else None)


def _write(path: Path, data: bytes) -> None:
    """Replace a file as a whole.

    Raises
    ------
    StoreError
        When the disk refuses.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}. Check the folder and its permissions, or give --ut.") from None
