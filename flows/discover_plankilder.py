"""The flow that looks for where a kommune's plans are published; it proposes, people decide."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from config.kilder import kilder
from config.registers import Kommune, find_kommune
from config.settings import Settings, load_settings
from flows.environment import connected, require_runnable
from flows.find_tomter import KommuneValg
from flows.linjer import wrapped
from flows.markdown import plain
from tasks.contracts import KONTROLL
from tasks.errors import SourceError, TomtError
from tasks.sources import forslag, kontroll
from tasks.sources.address import plain_address
from tasks.sources.kontroll import Sak
from tasks.sources.oppdag import Oppdagelse, boundary, discover
from tasks.store import Geodata

log = logging.getLogger("tomt.discover")


@flow(name="discover-plankilder", flow_run_name="{kommune}", log_prints=False, validate_parameters=True)
def discover_plankilder(kommune: KommuneValg) -> State[dict[str, Any]]:
    """Finn ut hvor en kommune publiserer planene sine.

    Spør Geonorges kartkatalog og tjenestene den viser til, ser på lag og noen objekter, og foreslår kilder. Ingenting
    tas i bruk: forslagene legges i Kontroll i Airtable og som en tekst til å lime inn.

    Args:
        kommune: Kommunen det skal letes for, for eksempel «3207 Nordre Follo».
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    settings = load_settings()
    chosen = find_kommune(kommune, sandbox=settings.is_sandbox)
    require_runnable(chosen, settings)
    with connected(settings) as ready:
        found, path = look(chosen, ready)
        publish(chosen.nummer, ready)
    create_markdown_artifact(
        as_markdown(found, path), key=f"plankilder-{chosen.nummer}", description=f"Foreslåtte kilder, {chosen.label}"
    )
    return Completed(message=headline(found), data=found.as_dict() | {"fil": str(path)})


def look(kommune: Kommune, settings: Settings) -> tuple[Oppdagelse, Path]:
    """Discover the sources of a kommune, and leave the proposals as a table to paste and in its review queue.

    Parameters
    ----------
    settings
        With every address filled in, as from `environment.connected`.

    Returns
    -------
    Oppdagelse, Path
        What was found, and where the table lies.

    Raises
    ------
    SourceError
        When no question was answered: what an earlier search has left stays as it is.
    StoreError
        When geodata cannot be written.
    """
    geodata = Geodata(settings.geodata)
    geodata.ensure_usable()
    known = kilder(settings.kilder)
    found = discover(
        kommune, settings=settings, kilder=known, omraade=boundary(kommune, settings=settings, geodata=geodata)
    )
    if not found.er_besvart:
        raise SourceError(
            f"Ingen av de {len(found.spurt)} spørsmålene om {kommune.label} ble besvart ({found.spurt[0].feil}) "
            "Ingenting er endret. Sjekk nettet, og prøv igjen senere."
        )
    today = datetime.now(UTC).date()
    kept = _kept(found, settings.geodata)
    text = forslag.as_toml(found.forslag, kommune=kommune, dag=today.isoformat())
    path = forslag.write(forslag.with_earlier(text, kept), geodata=settings.geodata, kommunenummer=kommune.nummer)
    cases = forslag.cases(found.forslag, kommune=kommune, path=path)
    with geodata.lock(kommune.nummer):
        cases += _open_cases(geodata, kommune, {one.navn for one in kept})
        kontroll.keep(cases, geodata, kommunenummer=kommune.nummer, opphav="oppdagelse", i_dag=today)
    return found, path


def _kept(found: Oppdagelse, geodata: Path) -> list[forslag.Tidligere]:
    """Return the earlier proposals that were not found again because somebody did not answer."""
    again = {one.kilde.navn for one in found.forslag}
    before = forslag.earlier(geodata=geodata, kommunenummer=found.kommune.nummer)
    return [one for one in before if one.navn not in again and found.is_unseen(one.adresse)]


def _open_cases(geodata: Geodata, kommune: Kommune, names: Collection[str]) -> list[Sak]:
    """Return the open matters of these proposals, to stay open."""
    queue = geodata.read(kommune.nummer, layer="out", contract=KONTROLL)
    rows = [] if queue is None else queue.to_dict("records")
    fields = [field.name for field in dataclasses.fields(Sak)]
    return [
        Sak(**{name: row[name] for name in fields})
        for row in rows
        if row["tilstand"] == kontroll.AAPEN
        and row["opphav"] == "oppdagelse"
        and str(row["kontroll_id"]).partition("-forslag-")[2] in names
    ]


def publish(nummer: str, settings: Settings) -> None:
    """Bring the review queue of a kommune, or of none, to Airtable; what goes wrong there is logged, not raised.

    What was found lies in geodata, and the next run brings it.
    """
    from tasks.crm.sync.connection import open_connection
    from tasks.crm.sync.publish import publish_kontroll_task

    geodata = Geodata(settings.geodata)
    try:
        with closing(open_connection(geodata, settings, dry_run=False)) as connection:
            published = publish_kontroll_task.fn(nummer, geodata, connection, dry_run=False)
        if published.failure:
            log.warning("%s: Kontroll: %s", nummer, published.failure)
    except TomtError as error:
        log.warning("%s: Kontroll could not be brought up to date: %s", nummer, error)


# --- what is said ---


def headline(found: Oppdagelse) -> str:
    """Return what came of it in one line of Norwegian."""
    hits, failed = sum(s.treff for s in found.spurt), [s for s in found.spurt if s.feil]
    silent = f" {len(failed)} av {len(found.spurt)} spørsmål ble ikke besvart." if failed else ""
    if not found.forslag:
        return (
            f"Ingen nye plankilder funnet for {found.kommune.label}: {hits} treff i katalogene, "
            f"{len(found.forbigaatt)} tjenester sett på.{silent}"
        )
    return f"{len(found.forslag)} forslag for {found.kommune.label}, av {hits} treff i katalogene.{silent}"


def as_text(found: Oppdagelse, path: Path) -> str:
    """Return the findings for a terminal."""
    lines = [wrapped(headline(found), indent=0)]
    for number, one in enumerate(found.forslag, 1):
        lines += ["", wrapped(f"{number}. {one.kilde.tema}: {one.kandidat.tittel} ({one.kilde.protokoll})", indent=0)]
        lines += [wrapped(text, indent=3) for text in (plain_address(one.kilde.adresse), *one.grunner)]
    if found.forbigaatt:
        lines += ["", "Sett på, og ikke foreslått:"]
        lines += [wrapped(f"{one.adresse}: {one.grunn}", indent=3) for one in found.forbigaatt]
    lines += ["", "Spurt:"]
    lines += [wrapped(f"{s.katalog} «{s.tekst}»: {s.feil or f'{s.treff} treff'}", indent=3) for s in found.spurt]
    return "\n".join([*lines, "", f"Til å lime inn: {path}"])


def as_markdown(found: Oppdagelse, path: Path) -> str:
    """Return the findings as a Prefect artifact; foreign text is taken literally."""
    lines = [f"# Plankilder for {plain(found.kommune.label)}", "", plain(headline(found)), ""]
    if found.forslag:
        lines += ["| Tema | Tjeneste | Protokoll | Adresse | Hvorfor |", "| --- | --- | --- | --- | --- |"]
        for one in found.forslag:
            cells = (
                one.kilde.tema,
                one.kandidat.tittel,
                one.kilde.protokoll,
                plain_address(one.kilde.adresse),
                " ".join(one.grunner),
            )
            lines.append(f"| {' | '.join(plain(cell) for cell in cells)} |")
        lines += ["", f"Til å lime inn: `geodata/forslag/{path.name}`. Ingenting er tatt i bruk.", ""]
    if found.forbigaatt:
        lines += ["| Ikke foreslått | Hvorfor |", "| --- | --- |"]
        lines += [f"| {plain(one.adresse)} | {plain(one.grunn)} |" for one in found.forbigaatt]
        lines.append("")
    lines += ["| Spurt | Tekst | Treff |", "| --- | --- | --- |"]
    lines += [f"| {plain(s.katalog)} | {plain(s.tekst)} | {plain(s.feil) or s.treff} |" for s in found.spurt]
    return "\n".join(lines)
