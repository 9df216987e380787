"""`tomt base import`: lots that people have found themselves, from a list in a file into Tomter; a dry run first.

What is printed holds row numbers and headings, never what stands in a cell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.registers import find_kommune
from config.settings import load_settings
from flows.linjer import wrapped
from tasks.errors import TomtError

if TYPE_CHECKING:
    from tasks.crm.liste.fil import Liste
    from tasks.crm.liste.innlesing import Innlesing
    from tasks.crm.liste.tolkning import Merknad, Tolket

MOST_LINES = 20
MOST_NUMBERS = 30
"""Of reasons, and of row numbers behind one, in the text; --json has all of them."""


def import_list(
    fil: Annotated[Path, typer.Argument(metavar="FILE", help="A list of lots, csv or xlsx.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Make the records; without it nothing is written.")] = False,
    sheet: Annotated[
        str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of the workbook, when several have lots.")
    ] = None,
    kommune: Annotated[
        str | None, typer.Option("--kommune", metavar="KNR", help="Municipality of the rows that name none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read people's own list of lots into Tomter; without --write it only says what would be made.

    Columns are recognised by their headings (Kommune, Gnr, Bnr, Gnr/Bnr, Matrikkelnummer, Tomt, Adresse, Areal daa,
    Fase, Neste steg, Frist, Notat …). Rows that were read in before are left as they are. Owners and contacts are not
    read.
    """
    from flows.environment import connected
    from tasks.crm.liste.celler import Kommuneoppslag
    from tasks.crm.liste.fil import read_list
    from tasks.crm.liste.tolkning import interpret

    settings = load_settings()
    number = find_kommune(kommune, sandbox=settings.is_sandbox).nummer if kommune is not None else None
    liste = read_list(fil, ark=sheet)
    oppslag = Kommuneoppslag(sandbox=settings.is_sandbox)
    tolket = interpret(liste, oppslag, kommune=number)
    from tasks.crm.liste.innlesing import compare, import_rows
    from tasks.crm.sync.connection import open_connection
    from tasks.store import Geodata

    with connected(settings) as ready:
        geodata = Geodata(ready.geodata)
        connection = open_connection(geodata, ready, dry_run=not write)
        try:
            result = (
                import_rows(connection, tolket, oppslag, geodata=geodata)
                if write
                else compare(connection, tolket, oppslag)
            )
        finally:
            connection.close()
    said = report(fil.name, liste, tolket, result, write=write)
    typer.echo(json.dumps(said, ensure_ascii=False, indent=2) if as_json else as_text(said))
    if result.stanset is not None:
        raise TomtError(f"{result.laget} of {len(result.nye)} lots were made. {result.stanset}")
    if result.avvist:
        raise TomtError(
            f"Airtable refused {len(result.avvist)} rows; the others are made. Correct them and import again."
        )


def report(name: str, liste: Liste, tolket: Tolket, result: Innlesing, *, write: bool) -> dict[str, Any]:
    """Return what the command says as `--json` prints it.

    Parameters
    ----------
    name
        Of the file.
    """
    left_out = set(result.uten_felt)
    columns = [(k.overskrift, _field(k.felt)) for k in liste.kolonner.lest]
    return {
        "fil": name,
        "ark": liste.ark,
        "andre_ark": list(liste.andre_ark),
        "skrevet": write,
        "kolonner": [{"overskrift": h, "felt": f} for h, f in columns if f not in left_out],
        "ikke_lest": [{"overskrift": h, "hvorfor": why} for h, why in liste.kolonner.ikke_lest]
        + [{"overskrift": h, "hvorfor": f"the base has no field {f}"} for h, f in columns if f in left_out],
        "nye": len(result.nye),
        "finnes": result.finnes,
        "laget": result.laget,
        "avvist": _rows([*tolket.avvist, *result.avvist]),
        "merknader": _rows([*tolket.merknader, *result.merknader]),
        "kommuner": sorted({row.kommunenummer for row in result.nye if row.kommunenummer}),
        "stanset": result.stanset,
    }


def _field(felt: str) -> str:
    names = {"Matrikkel": "Kommune (egen), Gnr (egen), Bnr (egen), Fnr (egen)", "Adresse": "Navn, or Notat"}
    return names.get(felt, felt)


def _rows(remarks: Iterable[Merknad]) -> list[dict[str, Any]]:
    return [{"rad": m.rad, "kolonne": m.kolonne, "hva": m.hva} for m in remarks]


def as_text(said: dict[str, Any]) -> str:
    """Return a report as a person reads it."""
    sheet = f", sheet {said['ark']}" if said["ark"] else ""
    others = f" (not read: {', '.join(said['andre_ark'])})" if said["andre_ark"] else ""
    lines = [wrapped(f"{said['fil']}{sheet}{others}", indent=0), "Columns:"]
    lines += [wrapped(f"{c['overskrift']} → {c['felt']}", indent=2) for c in said["kolonner"]]
    if said["ikke_lest"]:
        lines.append("Not read:")
        lines += [wrapped(f"{c['overskrift']}: {c['hvorfor']}", indent=2) for c in said["ikke_lest"]]
    for title, rows in (("Refused", said["avvist"]), ("To look at", said["merknader"])):
        if rows:
            lines += [f"{title}:", *_grouped(rows)]
    lines += [wrapped(line, indent=0) for line in _outcome(said)]
    return "\n".join(lines)


def _grouped(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line a reason, with the rows that it concerns."""
    by_reason: dict[str, list[int]] = {}
    for row in rows:
        reason = f"{row['kolonne']}: {row['hva']}" if row["kolonne"] else row["hva"]
        by_reason.setdefault(reason, []).append(row["rad"])
    lines = []
    for reason, numbers in list(by_reason.items())[:MOST_LINES]:
        more = f" and {len(numbers) - MOST_NUMBERS} more" if len(numbers) > MOST_NUMBERS else ""
        which = "row" if len(numbers) == 1 else "rows"
        lines.append(wrapped(f"{which} {', '.join(map(str, numbers[:MOST_NUMBERS]))}{more}: {reason}", indent=2))
    if len(by_reason) > MOST_LINES:
        lines.append(f"  and {len(by_reason) - MOST_LINES} further reasons; --json has all of them")
    return lines


def _outcome(said: dict[str, Any]) -> list[str]:
    refused = len(said["avvist"])
    rows = "1 row is" if refused == 1 else f"{refused} rows are"
    there = f"{said['finnes']} were read in before and are left as they are, {rows} refused."
    if not said["skrevet"]:
        return [
            f"{said['nye']} new lots would be made; {there}",
            "Nothing was written. Run again with --write to make them." if said["nye"] else "Nothing is to be written.",
        ]
    lines = [f"{said['laget']} lots made; {there}"]
    if said["laget"] and said["kommuner"]:
        lines.append(f"The next `tomt run {' '.join(said['kommuner'])}` offers matches for them in Kontroll.")
    return lines
