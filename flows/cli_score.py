"""The command `tomt score`: the lots of a kommune scored anew from what lies in geodata, and why they score so."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.nivaa import nivaaer
from config.registers import Kommune, find_kommune
from config.settings import Settings, load_settings
from config.tomtprofil import tomtprofil
from tasks.errors import ConfigError
from tasks.tekst import tall

if TYPE_CHECKING:
    import pandas as pd

    from tasks.scoring.tomt.kjoring import Beregnet

TOPP = 20
LOT = re.compile(r"\d{4}-S?\d+")
"""Id of a lot, or of lots that are offered as one."""
HEAD = f"{'Tomt':<14}{'Nivå':<6}{'Score':>6}  {'Høyest':>6}  {'Boliger':<12}Hvorfor"


def score(
    steder: Annotated[
        list[str],
        typer.Argument(
            metavar="KNR...|TOMT-ID...", help="Municipalities such as 3207, or lots such as 3207-000123, 3207-S000123."
        ),
    ],
    profil: Annotated[
        str | None,
        typer.Option(metavar="NAVN", help="Profile of config/vekter.toml; another than the default is only shown."),
    ] = None,
    topp: Annotated[int, typer.Option(metavar="N", min=1, help="How many lots of a kommune to print.")] = TOPP,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the scores, and keep those that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as one JSON list, parts included.")] = False,
) -> None:
    """Score the lots of municipalities anew from what lies in geodata, or show the card of single lots.

    Nothing is fetched and nothing goes to Airtable: the next run brings it there. With another profile than the default
    the scores are shown and not kept.
    """
    chosen = tomtprofil(profil)  # before all that takes time
    settings = load_settings()
    wanted = _wanted(steder, settings)
    keeps = not dry_run and chosen.kode == tomtprofil().kode and not any(wanted.values())
    made = {kommune.nummer: _scored(kommune, settings, chosen.kode, keeps=keeps) for kommune in wanted}
    if not keeps:
        typer.echo("Shown only: the scores in geodata are as they were.", err=True)
    if as_json:
        rows = [row for kommune, lots in wanted.items() for row in as_rows(made[kommune.nummer], lots)]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2, allow_nan=False))
        return
    for kommune, lots in wanted.items():
        of = made[kommune.nummer]
        typer.echo("\n\n".join(cards(of, lots)) if lots else table(kommune, of, count=topp))


def _wanted(steder: Sequence[str], settings: Settings) -> dict[Kommune, list[str]]:
    """Return kommune → its lots that are asked for, none for all of them.

    Raises
    ------
    ConfigError
        When kommuner and lots are mixed: whole kommuner are scored and kept, single lots are shown.
    """
    wanted: dict[Kommune, list[str]] = {}
    is_lot = {sted: LOT.fullmatch(sted) is not None for sted in dict.fromkeys(steder)}
    if len(set(is_lot.values())) > 1:
        raise ConfigError("Give either municipalities, which are scored and kept, or lots, whose cards are shown.")
    for sted, lot in is_lot.items():
        kommune = find_kommune(sted.partition("-")[0] if lot else sted, sandbox=settings.is_sandbox)
        wanted.setdefault(kommune, []).extend([sted] if lot else [])
    return wanted


def _scored(kommune: Kommune, settings: Settings, profil: str, *, keeps: bool) -> Beregnet:
    from tasks.scoring.tomt.kjoring import beregn, write
    from tasks.store import Geodata

    geodata = Geodata(settings.geodata)
    geodata.ensure_usable()
    with geodata.lock(kommune.nummer):
        made = beregn(kommune, geodata, profil=profil, naa=datetime.now(UTC))
        if keeps:
            write(made, kommune, geodata)
    return made


def table(kommune: Kommune, made: Beregnet, *, count: int) -> str:
    """Return the best lots of a kommune in a few columns, and what all of them come to."""
    best = made.scorer.sort_values(["score", "hoyest", "tomt_id"], ascending=[False, False, True]).head(count)
    of = made.resultat
    tiers = ", ".join(f"{n} {level}" for level, n in of.nivaaer.items())
    lines = [f"{kommune.label}: {of.antall} lots by {of.profil}: {tiers}, {of.stoppet} stopped", HEAD]
    lines += [
        f"{row['tomt_id']:<14}{row['nivaa']:<6}{_shown(row['score'])}  {_shown(row['hoyest'])}  "
        f"{_range(row['boliger_lav'], row['boliger_hoy']):<12}{row['begrunnelse'] or ''}"
        for row in best.to_dict("records")
    ]
    return "\n".join(lines)


def _shown(score: float) -> str:
    return f"{tall(nivaaer().vist(score), 1):>6}"


def _range(low: float, high: float) -> str:
    return "?" if low != low or high != high else f"{tall(low)}–{tall(high)}"  # noqa: PLR0124  # NaN


def cards(made: Beregnet, lots: Sequence[str]) -> list[str]:
    """Return the cards of these lots, or lots offered as one.

    Raises
    ------
    ConfigError
        For a lot that is not there.
    """
    return [f"{row['tomt_id']}\n{row['hvorfor']}\n{row.get('selvkost') or ''}".rstrip() for row in _rows(made, lots)]


def as_rows(made: Beregnet, lots: Sequence[str]) -> list[dict[str, Any]]:
    """Return the scores of these lots, or of all, with their parts, as JSON-ready values."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in _plain(made.kort):
        parts.setdefault(part.pop("tomt_id"), []).append(part)
    return [row | {"deler": parts.get(row["tomt_id"], [])} for row in _rows(made, lots)]


def _rows(made: Beregnet, lots: Sequence[str]) -> list[dict[str, Any]]:
    from tasks.tomtekontrakter import SAMMENSLAAINGER

    known = {row["tomt_id"]: row for row in _plain(made.scorer)}
    together = next(frame for contract, frame, _ in made.filer if contract.name == SAMMENSLAAINGER.name)
    offered = _plain(together.drop(columns="geometry")) if lots else []
    known |= {row["sammenslaaing_id"]: row | {"tomt_id": row["sammenslaaing_id"]} for row in offered}
    if missing := [lot for lot in lots if lot not in known]:
        single = next((lot for lot in missing if "-S" not in lot), None)
        told = (
            f"`tomt history {single}` says what became of it"
            if single
            else "lots are offered as one only while they reach the limit together"
        )
        raise ConfigError(f"There is no {', '.join(missing)} among the living lots: {told}.")
    return [known[lot] for lot in lots or known]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    kept = frame.drop(columns="noekkel", errors="ignore")
    return [{str(k): v for k, v in row.items()} for row in _none(kept).to_dict("records")]


def _none(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with None for what is not known; a distance beyond reach, inf, is no number of JSON either."""
    return frame.astype(object).where(frame.notna() & ~frame.isin([math.inf]), None)
