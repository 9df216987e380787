"""The command `tomt rank`: the kommuner ranked, in the terminal, as JSON and as files, as the flow ranks them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.profil import profil as find_profile
from config.rangering import rangering
from config.settings import Settings, load_settings
from flows.linjer import wrapped
from tasks.errors import ConfigError, TomtError

if TYPE_CHECKING:
    from flows.rangering import Rangeringer
    from flows.rangeringsrader import Row

log = logging.getLogger("tomt.rank")


def rank(  # noqa: PLR0917  # the command line gives them by name
    profil: Annotated[
        str | None, typer.Option(metavar="NAVN", help="Profile of config/vekter.toml.", show_default="config/rangering")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of all kommuner, best first.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FIL", help="Write all kommuner to a CSV file.")] = None,
    xlsx: Annotated[Path | None, typer.Option(metavar="FIL", help="Write all kommuner to a workbook.")] = None,
    as_of: Annotated[
        int | None, typer.Option(metavar="ÅR", help="Rank as at the end of an earlier year; writes no ranking.")
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Ask for newer figures, also when those of the last run are fresh.")
    ] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Bring the ranking to Airtable.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what --publish would change in Airtable, and write nothing there.")
    ] = False,
    topp: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=357, help="How many to print.", show_default="the best")
    ] = None,
) -> None:
    """Rank all municipalities by public figures, and say why.

    Fetches the figures that are not fresh (config/statistikk.toml: fersk_timer), ranks by every profile and keeps the
    result as that of this month. Every row has its points, the figures behind them, their year and table.
    """
    chosen = find_profile(profil or rangering().profil)  # before all that takes time
    _require_sense(csv, xlsx, as_of=as_of, publishes=publish or dry_run)
    found = _ranked(chosen.kode, as_of=as_of, fetch=fetch, publish=publish or dry_run, dry_run=dry_run)
    _tell_notes(found, beside=as_json)
    if as_json:
        typer.echo(as_lines(found.rader))
    else:
        _print(found, count=topp or found.topp)
    _write(found, csv, xlsx)
    _tell_airtable(found, dry_run=dry_run)
    if found.avvist is not None and as_of is None:
        raise TomtError(" ".join(filter(None, [f"The ranking was not kept: {found.avvist}", found.airtable_feil])))
    if found.airtable_feil is not None:
        raise TomtError(found.airtable_feil)


def _require_sense(csv: Path | None, xlsx: Path | None, *, as_of: int | None, publishes: bool) -> None:
    from flows.rangering import require_year, today
    from flows.rangeringsfil import require_writable

    if as_of is not None and publishes:
        raise ConfigError("--as-of looks back and writes nothing to Airtable. Leave --publish and --dry-run away.")
    if as_of is not None:
        require_year(as_of, today())
    if csv is not None and xlsx is not None and csv.resolve() == xlsx.resolve():
        raise ConfigError(f"--csv and --xlsx are both {csv}. Give each a file of its own.")
    for option, path in (("--csv", csv), ("--xlsx", xlsx)):
        if path is not None:
            require_writable(path, option)


def _ranked(navn: str, *, as_of: int | None, fetch: bool, publish: bool, dry_run: bool) -> Rangeringer:
    from flows.rangering import is_offline, run_ranking

    settings = load_settings()
    is_needed = fetch or publish or not is_offline(settings, per_aar=as_of)
    with _reachable(settings, sources=is_needed, airtable=publish) as ready:
        return run_ranking(
            ready, navn=navn, per_aar=as_of, ferskt=fetch, publish=publish, dry_run=dry_run, progress=_Steps()
        )


@contextmanager
def _reachable(settings: Settings, *, sources: bool, airtable: bool) -> Iterator[Settings]:
    """Yield settings with the addresses that are needed; nothing of the sandbox is started where geodata serves."""
    if not airtable and not (sources and settings.is_sandbox):
        yield settings
        return
    from flows.environment import connected

    with connected(settings) as ready:
        yield ready


class _Steps:
    """Says each step once, on standard error, and how far all is at every tenth of the way; several go on at once."""

    TENTH = 10.0

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._percent = 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        step, percent = what.partition(" (")[0], 100 * done / max(of, 1)
        if step not in self._told or percent >= self._percent + self.TENTH:
            self._told.add(step)
            self._percent = percent
            log.info("%3.0f %% %s", percent, what)


def as_lines(rows: Sequence[Row]) -> str:
    """Return rows as one JSON list, a line each."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows) + "\n]"


def _tell_notes(found: Rangeringer, *, beside: bool) -> None:
    """Say what is to be known before a ranking is believed: above it, or beside the rows of `--json`."""
    from flows.rangeringstekst import notes

    lines = notes(found)
    if beside and found.tilbakeblikk is not None:
        lines += found.tilbakeblikk.sentences()
    for line in lines:
        typer.echo(wrapped(line, indent=0), err=beside)


def _print(found: Rangeringer, *, count: int) -> None:
    from flows.rangeringstekst import as_text

    typer.echo(as_text(found, count=count))


def _write(found: Rangeringer, csv: Path | None, xlsx: Path | None) -> None:
    from flows.rangeringsfil import write_csv, write_xlsx

    if csv is not None:
        write_csv(csv, found.rader)
    if xlsx is not None:
        write_xlsx(xlsx, found.rader, found.grunnlag.kilder)
    for path in filter(None, (csv, xlsx)):
        typer.echo(f"{path}: {len(found.rader)} kommuner", err=True)


def _tell_airtable(found: Rangeringer, *, dry_run: bool) -> None:
    done = "would be" if dry_run else "were"
    for navn, counts in found.airtable.items():
        said = (
            f"{counts['created']} {done} created, {counts['updated']} {done} changed, {counts['unchanged']} unchanged"
        )
        typer.echo(f"Airtable {navn}: {said}", err=True)
