"""What one kommune gets of one theme: which sources go first, what the last run brought, what is missing, what to do.

Read from the registry and geodata alone; how the sources are now is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config.kilder import Kilde, Tema, kilder_for
from config.registers import Kommune
from config.settings import Settings
from tasks.contracts import DEKNING
from tasks.sources.innboksinnhold import Funnet
from tasks.sources.innlogging import state, variables
from tasks.store import Geodata
from tasks.tekst import tall

SVAR = {"rader": "data", "tom": "har ingen", "ikke_dekket": "ikke dekket", "feilet": "feilet"}
NAP_HJELP = (
    "Norge digitalt-innlogging gis av Geonorge til parter i Norge digitalt; andre kan be DiBK om tilgang til NAP "
    "(geonorge.no, Norge digitalt)."
)
PLANTEMAER = frozenset({"kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal"})


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a kommune gets of one theme.

    Attributes
    ----------
    kilder
        Sources that may serve, the one that goes first first: name, state now, login.
    siste
        Newest good snapshot: source, day it was fetched, days since the source last confirmed it; None for none.
    dekning
        What the last run said: svar, karakter, grunner; None before the first run.
    holdt
        Answers that are held back: source, number and area (m²) before and now, when it was fetched.
    gjoer
        What to do, in Norwegian; nothing when there is nothing to do.
    """

    tema: Tema
    kilder: tuple[dict[str, Any], ...]
    siste: dict[str, Any] | None
    dekning: dict[str, Any] | None
    holdt: tuple[dict[str, Any], ...]
    gjoer: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the situation as JSON-ready values."""
        return {**vars(self), "kilder": list(self.kilder), "holdt": list(self.holdt), "gjoer": list(self.gjoer)}

    def lines(self) -> list[str]:
        """Return the situation for a terminal: a line to head it, and what belongs to it."""
        lines: list[str] = [self.tema]
        lines += [
            f"{k}. {one['kilde']}: {one['tilstand'].replace('_', ' ')}, {one['innlogging']}"
            for k, one in enumerate(self.kilder, 1)
        ]
        if not self.kilder:
            lines.append("Ingen kilde i registeret kan ha dette.")
        if self.dekning is not None:
            why = f" – {'; '.join(self.dekning['grunner'])}" if self.dekning["grunner"] else ""
            lines.append(f"Siste kjøring: {self.dekning['svar']}, karakter {self.dekning['karakter']}{why}")
        if self.siste is not None:
            age = f"bekreftet for {self.siste['dager']} dager siden" if self.siste["dager"] else "bekreftet i dag"
            lines.append(f"Siste data: {self.siste['kilde']}, hentet {self.siste['hentet']}, {age}.")
        elif self.kilder:
            lines.append("Ingen data er hentet ennå.")
        return [*lines, *(f"→ {text}" for text in self.gjoer)]


def situation(
    tema: Tema,
    kommune: Kommune,
    *,
    settings: Settings,
    states: Mapping[str, Mapping[str, Any]],
    among: Iterable[Kilde],
    now: datetime,
    innboks: Sequence[Funnet] = (),
) -> Situation:
    """Return what a kommune gets of one theme.

    Parameters
    ----------
    states
        Source → its state now (`helse.Helse.as_dict`); a source that stands not in it was not asked.
    among
        The configured sources.
    now
        With its time zone.
    innboks
        What lies in the kommune's inbox (`innboksinnhold.overview`).

    Raises
    ------
    StoreError
        When a file under geodata is damaged.
    """
    chosen = kilder_for(tema, kommune, among=among)
    geodata = Geodata(settings.geodata)
    rows = tuple(_source(k, kommune, settings=settings, states=states, innboks=innboks) for k in chosen)
    held = tuple(held_back(k.navn, kommune, geodata) for k in chosen if geodata.held(k.navn, kommune.nummer))
    newest = _newest(chosen, kommune, geodata, now=now)
    dekning = _last_run(tema, kommune, geodata)
    advice = [*_held_advice(held, kommune), *_advice(chosen, rows, states)]
    served = dekning is not None and dekning["svar"] in {SVAR["rader"], SVAR["tom"]}
    if tema in PLANTEMAER and not served:
        advice += _missing(chosen, kommune, geodata, innboks)
    return Situation(tema=tema, kilder=rows, siste=newest, dekning=dekning, holdt=held, gjoer=tuple(advice))


def _source(
    kilde: Kilde,
    kommune: Kommune,
    *,
    settings: Settings,
    states: Mapping[str, Mapping[str, Any]],
    innboks: Sequence[Funnet],
) -> dict[str, Any]:
    login = state(kilde, settings, kommune)
    found = states.get(kilde.navn)
    tilstand = found["tilstand"] if found else "ikke_spurt"
    if kilde.protokoll == "innboks":
        tilstand = _of_inbox(kilde, innboks)
    return {
        "kilde": kilde.navn,
        "tilstand": tilstand,
        "innlogging": login if login == "åpen" else f"innlogging {login}",
    }


def _of_inbox(kilde: Kilde, innboks: Sequence[Funnet]) -> str:
    """Return what the kommune's own inbox has for a source, whatever lies in those of others."""
    if any(one.stanser for one in innboks):
        return "stanset"
    return "ok" if _recognised(kilde, innboks) else "tom"


def _recognised(kilde: Kilde, innboks: Sequence[Funnet]) -> bool:
    return any(one.er_lest and set(one.objekttyper) & set(kilde.lag) for one in innboks)


def _newest(chosen: Iterable[Kilde], kommune: Kommune, geodata: Geodata, *, now: datetime) -> dict[str, Any] | None:
    """Return the newest good snapshot of these sources."""
    found = []
    for kilde in chosen:
        path = geodata.latest(kilde.navn, kommune.nummer)
        if path is not None:
            seen = geodata.seen(kilde.navn, kommune.nummer).tid
            found.append((seen, kilde.navn, geodata.provenance(path)))
    if not found:
        return None
    seen, navn, provenance = max(found, key=lambda row: row[0])
    return {
        "kilde": navn,
        "hentet": provenance.hentet_tid[:10],
        "dager": max((now - seen).days, 0),
        "antall": provenance.antall_mottatt,
    }


def _last_run(tema: Tema, kommune: Kommune, geodata: Geodata) -> dict[str, Any] | None:
    frame = geodata.read(kommune.nummer, layer="out", contract=DEKNING)
    rows = [] if frame is None else frame[frame["tema"] == tema].to_dict("records")
    if not rows:
        return None
    row = rows[0]
    return {
        "svar": SVAR.get(row["svar"], row["svar"]),
        "kilde": row["kilde"],
        "karakter": row["karakter"],
        "grunner": list(row["grunner"]),
    }


# --- what to do ---


def held_back(kilde: str, kommune: Kommune, geodata: Geodata) -> dict[str, Any]:
    """Return what of a source is held back, beside what it would take the place of.

    Raises
    ------
    StoreError
        When nothing is, or a file under geodata is damaged.
    """
    path, last = geodata.held(kilde, kommune.nummer), geodata.latest(kilde, kommune.nummer)
    return compared(kilde, now=path, before=last, geodata=geodata)


def compared(kilde: str, *, now: Path | None, before: Path | None, geodata: Geodata) -> dict[str, Any]:
    """Return the figures of two snapshots of a source; None for one that is not there."""
    new, old = (geodata.provenance(path) if path is not None else None for path in (now, before))
    return {
        "kilde": kilde,
        "antall_foer": old.antall_mottatt if old else None,
        "antall_naa": new.antall_mottatt if new else None,
        "areal_foer_m2": old.areal_m2 if old else None,
        "areal_naa_m2": new.areal_m2 if new else None,
        "hentet": new.hentet_tid[:10] if new else None,
    }


def figures(held: Mapping[str, Any]) -> str:
    """Return the figures of two snapshots in Norwegian: `79 → 31 objekter, hentet 2026-11-21`."""
    before = "ingen" if held["antall_foer"] is None else tall(held["antall_foer"])
    said = f"{before} → {tall(held['antall_naa'] or 0)} objekter"
    if held["areal_foer_m2"] is not None and held["areal_naa_m2"] is not None:
        said += f", {tall(held['areal_foer_m2'] / 1e6, 1)} → {tall(held['areal_naa_m2'] / 1e6, 1)} km²"
    return f"{said}, hentet {held['hentet']}"


def _held_advice(held: Iterable[Mapping[str, Any]], kommune: Kommune) -> list[str]:
    return [
        f"Et svar fra {one['kilde']} er holdt tilbake: {figures(one)}. Stemmer det: tomt sources {kommune.nummer} "
        f"--godkjenn {one['kilde']}. Er det feil: tomt sources {kommune.nummer} --avvis {one['kilde']}."
        for one in held
    ]


def _advice(
    chosen: Iterable[Kilde], rows: Iterable[Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return what to do about sources that are not as they should be."""
    found = []
    for kilde, row in zip(chosen, rows, strict=True):
        if row["innlogging"] == "innlogging mangler":
            help_ = f" {NAP_HJELP}" if kilde.legitimasjon == "nap" else ""
            found.append(f"{kilde.navn}: sett {variables(str(kilde.legitimasjon))}.{help_}")
        elif row["tilstand"] not in {"ok", "ikke_spurt", "tom", "stanset"}:
            now = states[kilde.navn]
            found.append(f"{kilde.navn}: {now['funn']} {now['gjoer']}")
    return found


def _missing(chosen: Iterable[Kilde], kommune: Kommune, geodata: Geodata, innboks: Sequence[Funnet]) -> list[str]:
    """Return the ways to plans that a kommune has no data of: what to order and where it goes, and discovery."""
    folder = geodata.inbox(kommune.nummer)
    wanting = [k for k in chosen if k.protokoll == "innboks" and not _recognised(k, innboks)]
    order = [f"{k.merknad} Legg filene i {folder}." for k in wanting]
    return [*order, f"Let etter kommunens egne tjenester: tomt sources {kommune.nummer} --finn."]
