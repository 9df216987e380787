"""`tomt sources`: which sources there are, how they are, what a kommune gets from them and what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import ConfigError
from config.kilder import KONTEKSTTEMAER, LANDTEMAER, Kilde, Tema, kilder, kilder_for, kontekst_themes, themes
from config.nattlig import always_nightly
from config.registers import Kommune, find_kommune
from config.settings import Settings, load_settings
from flows.linjer import wrapped, wrapped_after
from tasks.sources.address import plain_address
from tasks.sources.innlogging import state, variables

if TYPE_CHECKING:
    from tasks.sources.innboksinnhold import Funnet

HEAD = f"{'Tema':<22} {'Kilde':<26} {'Protokoll':<12} {'Komm.':<5} {'Innl.':<7} {'Tilstand':<12} Lisens"


def _groups() -> dict[str, tuple[Tema, ...]]:
    """Return the themes in the order of a run, by what they are for."""
    return {
        "Tomtene finnes av:": LANDTEMAER,
        "Rundt tomtene:": KONTEKSTTEMAER,
        "Konflikter:": tuple(tema for tema in kontekst_themes() if tema not in KONTEKSTTEMAER),
    }


def sources(  # noqa: PLR0917  # the command line gives them by name
    kommune: Annotated[str | None, typer.Argument(metavar="[KNR]", help="Number of a municipality.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the sources how they are.")] = False,
    finn: Annotated[bool, typer.Option("--finn", help="Look for further sources of this municipality.")] = False,
    godkjenn: Annotated[
        str | None, typer.Option("--godkjenn", metavar="KILDE", help="Use the answer of this source that is held back.")
    ] = None,
    avvis: Annotated[
        str | None, typer.Option("--avvis", metavar="KILDE", help="Reject the answer that is held back.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the sources and how they are; for one municipality, what it gets and what to do."""
    settings = load_settings()
    if sum([finn, godkjenn is not None, avvis is not None]) > 1:
        raise ConfigError("--finn, --godkjenn and --avvis are three different things. Give one of them.")
    if kommune is None:
        if finn or godkjenn is not None or avvis is not None:
            raise ConfigError("--finn, --godkjenn and --avvis concern one municipality. Give its number as well.")
        data, text = _registry(settings, offline=offline)
    else:
        chosen = find_kommune(kommune, sandbox=settings.is_sandbox)
        if finn:
            data, text = _discovered(chosen, settings)
        elif godkjenn is not None or avvis is not None:
            named = godkjenn if godkjenn is not None else str(avvis)
            data, text = _decided(chosen, settings, kilde=named, approve=godkjenn is not None)
        else:
            data, text = _of_kommune(chosen, settings, offline=offline)
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else text)


Said = tuple[dict[str, Any], str]
"""What `--json` prints, and the text."""

ELSEWHERE = (
    "Profilen er sandkassen, som bare har oppdiktede kommuner: kildene er ikke spurt. Dette mangler før en virkelig "
    "kjøring (TOMT_PROFILE=staging):"
)


@contextmanager
def _reachable(settings: Settings) -> Iterator[Settings]:
    """Yield settings with the address of the sources; the sandbox's are started, elsewhere no Airtable is needed."""
    if not settings.is_sandbox:
        yield settings
        return
    from flows.environment import connected

    with connected(settings) as ready:
        yield ready


# --- the registry ---


def _registry(settings: Settings, *, offline: bool) -> Said:
    every = ordered(kilder(settings.kilder).values())
    states = _states(every, settings, offline=offline)
    data = {"kilder": [_source(kilde, settings) | states.get(kilde.navn, {}) for kilde in every]}
    lines = [HEAD]
    for heading, temaer in _groups().items():
        if chosen := [kilde for kilde in every if kilde.tema in temaer]:
            lines += ["", heading, *(_line(kilde, settings, states) for kilde in chosen)]
    return data, "\n".join(lines)


def ordered(every: Iterable[Kilde]) -> list[Kilde]:
    """Return sources by theme, in the order that a run fetches them, and by precedence."""
    order = [*LANDTEMAER, *kontekst_themes()]
    return sorted(every, key=lambda k: (order.index(k.tema), k.prioritet, k.navn))


def _states(chosen: Sequence[Kilde], settings: Settings, *, offline: bool) -> dict[str, dict[str, Any]]:
    """Return name → state now; nothing when nobody is to be asked."""
    if offline:
        return {}
    from tasks.sources.helse import check_all

    with _reachable(settings) as ready:
        any_kommune = always_nightly(sandbox=ready.is_sandbox)[0]
        found = check_all(chosen, settings=ready, geodata=ready.geodata, kommune=any_kommune)
    return {h.kilde.navn: {k: v for k, v in h.as_dict().items() if k != "kilde"} for h in found}


def _source(kilde: Kilde, settings: Settings) -> dict[str, Any]:
    return {
        "kilde": kilde.navn,
        "tema": kilde.tema,
        "protokoll": kilde.protokoll,
        "adresse": plain_address(kilde.adresse),
        "prioritet": kilde.prioritet,
        "kommuner": list(kilde.kommuner) if kilde.kommuner else None,
        "innlogging": state(kilde, settings),
        "lisens": kilde.lisens,
        "merknad": kilde.merknad,
    }


def _line(kilde: Kilde, settings: Settings, states: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a source as a line, and beneath it what is wrong and what to do."""
    now, login = states.get(kilde.navn), state(kilde, settings)
    where = (
        "alle" if kilde.kommuner is None else ",".join(kilde.kommuner[:3]) + ("…" if len(kilde.kommuner) > 3 else "")
    )
    head = (
        f"{kilde.tema:<22} {kilde.navn:<26} {kilde.protokoll:<12} {where:<5} {login:<7} "
        f"{(now['tilstand'] if now else 'ikke_spurt').replace('_', ' '):<12} "
    )
    lines = wrapped_after(head, kilde.lisens)
    if now and now["tilstand"] not in {"ok", "tom", "ikke_spurt"}:
        lines += [wrapped(text, indent=4) for text in (now["funn"], now["gjoer"]) if text]
    elif login == "mangler":
        lines.append(wrapped(f"Sett {variables(str(kilde.legitimasjon))}.", indent=4))
    return "\n".join(lines)


# --- one kommune ---


def _of_kommune(kommune: Kommune, settings: Settings, *, offline: bool) -> Said:
    from config.registers import regler
    from flows.kildedekning import Situation, situation
    from flows.kontekstlinjer import surroundings
    from tasks.store import Geodata

    every = kilder(settings.kilder).values()
    wanted = [*themes(ikke_bolig_i_plan=regler().differanse.ikke_bolig_i_plan)]
    wanted += ["adresse"] if kilder_for("adresse", kommune, among=every) else []
    inbox = _inbox(kommune, settings)
    chosen = [k for tema in wanted for k in kilder_for(tema, kommune, among=every)]
    elsewhere = settings.is_sandbox and not kommune.oppdiktet
    states = _states(chosen, settings, offline=offline or elsewhere)
    now = datetime.now(UTC)
    rows: list[Situation] = [
        situation(tema, kommune, settings=settings, states=states, among=every, now=now, innboks=inbox)
        for tema in wanted
    ]
    around = surroundings(kommune, geodata=Geodata(settings.geodata), among=every)
    data = {
        "kommunenummer": kommune.nummer,
        "kommune": kommune.navn,
        "temaer": [row.as_dict() for row in rows],
        "kontekst": around.as_dict(),
        "innboks": [one.as_dict() for one in inbox],
    }
    lines = [kommune.label, *([wrapped(ELSEWHERE, indent=0)] if elsewhere else [])]
    for row in rows:
        lines += ["", *(wrapped(line, indent=0 if k == 0 else 2) for k, line in enumerate(row.lines()))]
    lines += ["", *(wrapped(line, indent=0 if k == 0 else 2) for k, line in enumerate(around.lines()))]
    lines += ["", "Innboksen" if inbox else "Innboksen er tom."]
    lines += [wrapped(one.line(), indent=2) for one in inbox]
    if any(one.stanser for one in inbox):
        lines.append(wrapped("→ Innboksen brukes ikke før det som stanser, er rettet eller flyttet ut.", indent=2))
    return data, "\n".join(lines)


def _inbox(kommune: Kommune, settings: Settings) -> list[Funnet]:
    """Return what lies in the kommune's inbox, and what of it is recognised."""
    from config.registers import regler
    from tasks.sources import grense
    from tasks.sources.innboksinnhold import overview
    from tasks.sources.limits import Limits
    from tasks.store import Geodata

    geodata = Geodata(settings.geodata)
    every = kilder(settings.kilder).values()
    reading = [k for k in every if k.protokoll == "innboks" and k.serves(kommune.nummer)]
    with TemporaryDirectory() as folder:
        return overview(
            kommune,
            reading,
            geodata.inbox(kommune.nummer),
            omraade=grense.known(geodata, kommune, every),
            mappe=Path(folder),
            maks_bytes=Limits.of(regler().hent).maks_bytes,
        )


def _discovered(kommune: Kommune, settings: Settings) -> Said:
    from flows.discover_plankilder import as_text, look
    from flows.environment import require_runnable

    require_runnable(kommune, settings)
    with _reachable(settings) as ready:
        found, path = look(kommune, ready)
    return found.as_dict() | {"fil": str(path)}, as_text(found, path)


def _decided(kommune: Kommune, settings: Settings, *, kilde: str, approve: bool) -> Said:
    from flows.kildedekning import compared, figures
    from tasks.store import Geodata

    every = kilder(settings.kilder)
    if kilde not in every:
        fitting = [k.navn for k in ordered(every.values()) if k.serves(kommune.nummer)]
        raise ConfigError(f"No source {kilde[:40]!r}. {kommune.label} has {', '.join(fitting)}.")
    geodata = Geodata(settings.geodata)
    with geodata.lock(kommune.nummer):
        before = geodata.latest(kilde, kommune.nummer)
        decide = geodata.approve_held if approve else geodata.reject_held
        path = decide(kilde, kommune.nummer)
        about = compared(kilde, now=path, before=before, geodata=geodata)
    said = "tas i bruk" if approve else "er avvist, og de forrige dataene brukes"
    text = (
        f"{kilde}, {kommune.label}: det som var holdt tilbake ({figures(about)}), {said}. "
        f"Kjør `tomt run {kommune.nummer}`."
    )
    data = {"kommunenummer": kommune.nummer, "godkjent": approve, "fil": str(path), **about}
    return data, wrapped(text, indent=0)
