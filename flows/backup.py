"""The flow that backs the Airtable base up, and fails when the backup is not complete."""

from __future__ import annotations

import logging
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from config.settings import load_settings
from flows.environment import connected
from flows.markdown import plain
from tasks.crm.arkiv.backup import Backup, take_backup
from tasks.store import Geodata
from tasks.tekst import tall


@flow(name="backup", log_prints=False)
def backup() -> State[dict[str, Any]]:
    """Ta sikkerhetskopi av basen: alle tabeller, felt og vedlegg, til en datert mappe under geodata/backup.

    Eldre kopier ryddes bort etter config/arkiv.toml. Mangler det innhold i vedlegg, blir kopien liggende, men
    kjøringen ender som feilet, og ingen hel kopi ryddes bort til fordel for den.
    """
    logging.getLogger("tomt").setLevel(logging.INFO)
    with connected(load_settings()) as ready:
        geodata = Geodata(ready.geodata)
        geodata.ensure_usable()
        taken = take_backup(ready, geodata)
    create_markdown_artifact(as_markdown(taken), key="backup", description="Siste sikkerhetskopi av basen")
    if taken.failure is not None:
        return Failed(name="Ufullstendig", message=taken.failure)
    return Completed(message=headline(taken), data={"mappe": str(taken.folder), "poster": taken.manifest.poster})


def headline(taken: Backup) -> str:
    """Return what was backed up in one line of Norwegian."""
    m = taken.manifest
    return (
        f"{_antall(len(m.tabeller), 'tabell', 'tabeller')}, {_antall(m.poster, 'post', 'poster')} og "
        f"{tall(m.vedlegg.antall)} vedlegg ({tall(m.vedlegg.byte / 1e6, 1)} MB) med {tall(m.kall)} kall. "
        f"{_antall(len(taken.removed), 'eldre kopi', 'eldre kopier')} ryddet bort."
    )


def _antall(number: int, one: str, more: str) -> str:
    return f"{tall(number)} {one if number == 1 else more}"


def as_markdown(taken: Backup) -> str:
    """Return the counts per table as a Prefect artifact; of the content nothing."""
    m = taken.manifest
    lines = ["# Sikkerhetskopi", "", headline(taken), "", f"Mappe: `{taken.folder.name}` for `{m.base}`", ""]
    if not m.komplett:
        lines += [f"**Ufullstendig:** {tall(m.manglende_vedlegg)} vedlegg kom ikke med.", ""]
    if m.lose_lenker:
        lines += [
            f"{_antall(m.lose_lenker, 'lenke', 'lenker')} til poster som ikke er med, laget eller slettet imens.",
            "",
        ]
    lines += [
        f"`backup/{name}` hører til en annen base; den nyeste kopien er {_antall(days, 'dag', 'dager')} gammel. "
        "Ingen rydding når den: slett mappen for hånd når basen ikke finnes lenger.\n"
        for name, days in taken.others
    ]
    lines += ["| Tabell | Poster | Byte |", "| --- | --- | --- |"]
    lines += [f"| {plain(t.navn)} | {tall(t.poster)} | {tall(m.filer[t.fil].byte)} |" for t in m.tabeller]
    return "\n".join(lines)
