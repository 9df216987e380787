"""Health of the configured sources: does each answer, let us in, and still have its layers and their columns.

A row is one source now. What its layers looked like last time is remembered in geodata/helse/<source>.json; that a
layer has lost columns stays an alert until a person has looked and removed that file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from config.kilder import Kilde, Protokoll
from config.registers import Kommune, regler
from config.settings import Settings, is_loopback
from config.statistikk import statistikk
from tasks.errors import SourceError
from tasks.sources import tjenester
from tasks.sources.address import plain_address
from tasks.sources.asked import Asked
from tasks.sources.http import Client
from tasks.sources.innlogging import state, variables
from tasks.sources.jsonsvar import read_json
from tasks.sources.kandidat import Tjenesteslag
from tasks.sources.kontroll import FELLES, Sak
from tasks.sources.limits import Limits
from tasks.sources.presentert import Presentert, client_name
from tasks.sources.refusal import NoAccessError, NotFoundError
from tasks.sources.statistikk.stilletid import quiet_until
from tasks.sources.tekstfil import replace_text
from tasks.sources.tjeneste import Tjeneste, names
from tasks.sources.unntak import shorten

log = logging.getLogger("tomt.sources")

Tilstand = Literal["ok", "tom", "endret", "borte", "uten_tilgang", "nede", "ikke_spurt"]

AT_ONCE = 4
"""Sources asked at the same time; those of one host still take turns."""
FEWER = 0.5
"""Of the columns of earlier pages, a share less than this left means another layer: a page need not show them all."""

PROBES: Mapping[Protokoll, str] = {
    "kommuneinfo": "/kommuner/{knr}",
    "nedlasting": "/api/capabilities/{datasett}",
    "adresser": "/punktsok?lat=60&lon=10&radius=1&koordsys=4258&treffPerSide=1&side=0",
    "pxweb": "/tables/{datasett}",
    "nvdb": "/{lag}?kommune={nr}&antall=1&srid=5973",
    "entur": "",
}
"""What is asked of services that have no layers; of Entur with a question in GraphQL."""
HEADERS: Mapping[Protokoll, str] = {"nvdb": "X-Client", "entur": "ET-Client-Name"}
"""In which some of them want to know who asks."""

Fingerprint = Mapping[str, Mapping[str, Any]]
"""Layer → {"skjema": whether its service describes it, "kolonner": its columns}."""


@dataclass(frozen=True, kw_only=True)
class Helse:
    """How one source is now.

    Attributes
    ----------
    tilstand
        ok; tom (an inbox without files); endret (a layer lost columns); borte (a layer, or the service, is no longer
        there); uten_tilgang (no login, or one that is refused); nede (no usable answer); ikke_spurt.
    funn, gjoer
        What was found and what to do, in Norwegian; nothing to do is "".
    har_innlogging
        Whether a login is set; None for a source that is open.
    """

    kilde: Kilde
    tilstand: Tilstand
    funn: str
    gjoer: str = ""
    har_innlogging: bool | None = None

    @property
    def is_alarm(self) -> bool:
        """Whether somebody should be called: not for a login that was never set, nor for a source left alone."""
        if self.kilde.valgfri or self.tilstand in {"ok", "tom", "ikke_spurt"}:
            return False
        return self.tilstand != "uten_tilgang" or self.har_innlogging is not False

    def as_dict(self) -> dict[str, Any]:
        """Return the state as JSON-ready values."""
        return {
            "kilde": self.kilde.navn,
            "tilstand": self.tilstand,
            "funn": self.funn,
            "gjoer": self.gjoer,
            "har_innlogging": self.har_innlogging,
        }


def limits_of_check() -> Limits:
    """Return what asking one source how it is may take."""
    usual = Limits.of(regler().hent)
    return replace(
        usual,
        sekunder_tilkobling=10,
        sekunder_lesing=20,
        sekunder_kilde=60,
        forsoek=2,
        maks_bytes=50_000_000,
        tabell=None,
    )


def check_all(
    kilder: Iterable[Kilde], *, settings: Settings, geodata: Path, kommune: Kommune, limits: Limits | None = None
) -> list[Helse]:
    """Return how the sources are, in their order; several are asked at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [
            pool.submit(check, kilde, settings=settings, geodata=geodata, kommune=kommune, limits=limits)
            for kilde in kilder
        ]
        return [job.result() for job in jobs]


def check(kilde: Kilde, *, settings: Settings, geodata: Path, kommune: Kommune, limits: Limits | None = None) -> Helse:
    """Return how a source is now.

    Parameters
    ----------
    settings
        With every address filled in.
    geodata
        Folder of geodata, which remembers what the layers looked like.
    kommune
        One that the source is asked about where it can only be asked about one.

    Raises
    ------
    StoreError
        When the memory cannot be written.
    """
    login = settings.credentials(kilde.legitimasjon)
    has_login = None if kilde.legitimasjon is None else state(kilde, settings) == "satt"
    found = Helse(kilde=kilde, tilstand="ikke_spurt", funn="", har_innlogging=has_login)
    adresse = kilde.address(settings.sources_url if settings.is_sandbox else None)
    if kilde.protokoll == "innboks":
        return _inbox(found, geodata)
    if adresse is None:
        return replace(found, funn="Finnes ikke i sandkassen.")
    if has_login is False:
        gjoer = f"Sett {variables(str(kilde.legitimasjon))}. {kilde.merknad}".strip()
        return replace(found, tilstand="uten_tilgang", funn="Innlogging mangler.", gjoer=gjoer)
    try:
        most = limits or limits_of_check()
        with Client(
            adresse,
            limits=most,
            auth=login,
            legitimasjon=kilde.legitimasjon,
            contact=settings.contact,
        ) as client:
            return _asked(found, client, adresse, geodata=geodata, kommune=kommune, limits=most)
    except SourceError as error:
        return _refused(found, error)


def _inbox(found: Helse, geodata: Path) -> Helse:
    """Return which kommuner have files in the inbox."""
    folder = geodata / "innboks"
    held: list[str] = []
    with suppress(OSError):
        held = sorted(p.name for p in folder.iterdir() if p.is_dir() and any(p.iterdir()))
    if held:
        return replace(found, tilstand="ok", funn=f"Filer for {', '.join(held[:10])}.")
    return replace(found, tilstand="tom", funn=f"Ingen filer i {folder}.", gjoer=found.kilde.merknad)


def _refused(found: Helse, error: SourceError) -> Helse:
    said = shorten(str(error))
    if isinstance(error, NotFoundError):
        return replace(found, tilstand="borte", funn=said, gjoer="Rett adressen, eller finn en ny med --finn.")
    if isinstance(error, NoAccessError):
        gjoer = (
            f"Sjekk {variables(found.kilde.legitimasjon)}, eller be Norge digitalt om tilgang."
            if found.kilde.legitimasjon
            else "Kilden krever innlogging nå: be eieren om tilgang, og sett legitimasjon."
        )
        return replace(found, tilstand="uten_tilgang", funn=said, gjoer=gjoer)
    return replace(found, tilstand="nede", funn=said, gjoer="Prøv igjen senere. Varer det, meld fra til eieren.")


def _asked(found: Helse, client: Client, adresse: str, *, geodata: Path, kommune: Kommune, limits: Limits) -> Helse:
    kilde = found.kilde
    if kilde.protokoll in PROBES:
        asked = Asked(
            kilde=kilde,
            kommune=kommune,
            adresse=adresse,
            client=client,
            limits=limits,
            omraade=None,
            mappe=geodata,
            innboks=geodata,
        )
        return _probed(found, asked)
    if kilde.protokoll not in get_args(Tjenesteslag):
        return replace(found, funn=f"Protokollen {kilde.protokoll} sjekkes ikke.")
    slag = cast("Tjenesteslag", kilde.protokoll)
    offered = tjenester.describe(client, adresse, slag, alle=kilde.er_kontekst)
    there = tjenester.find(kilde, offered)
    gone = [lag for objekttype, lag in kilde.lag.items() if objekttype not in there]
    if gone:
        seen = shorten(", ".join(f"{lag.navn} {lag.tittel}" for lag in offered.lag[:20])) or "ingen"
        return replace(
            found,
            tilstand="borte",
            funn=f"Lagene {', '.join(gone)} finnes ikke lenger. Kilden har: {seen}.",
            gjoer=f"Rett lag for {kilde.navn} i registeret.",
        )
    felt = {kilde.kommunefelt: kommune.nummer} if kilde.kommunefelt else {}
    now = {
        navn: _columns(client, adresse, slag, offered=offered, navn=navn, felt=felt)
        for navn in dict.fromkeys(there.values())
    }
    return _compared(found, now, path=geodata / "helse" / f"{kilde.navn}.json")


def _probed(found: Helse, asked: Asked) -> Helse:
    """Return whether a service without layers answers a question that costs it next to nothing."""
    kilde, adresse = asked.kilde, asked.adresse
    rules = statistikk().ssb
    if kilde.protokoll == "pxweb" and not is_loopback(adresse):
        quiet = quiet_until(datetime.now(UTC), rules.stille, rules.tidssone)
        if quiet is not None:
            return replace(found, funn=f"SSB oppdaterer tabellene til {quiet:%H:%M}, og spørres ikke nå.")
    lag = next(iter(kilde.lag.values()))
    path = PROBES[kilde.protokoll].format(
        knr=asked.kommune.nummer, nr=int(asked.kommune.nummer), datasett=kilde.datasett, lag=lag
    )
    if kilde.protokoll not in HEADERS:
        read_json(asked.client.get(adresse + path, expected="json"))
    else:
        with Presentert(asked, headers={HEADERS[kilde.protokoll]: client_name(asked)}) as client:
            if kilde.protokoll == "entur":
                read_json(client.post_json(adresse, {"query": "{__typename}"}))
            else:
                read_json(client.get(adresse + path, expected="json"))
    return replace(found, tilstand="ok", funn=f"{plain_address(adresse)} svarer.")


def _columns(
    client: Client, adresse: str, slag: Tjenesteslag, *, offered: Tjeneste, navn: str, felt: Mapping[str, str]
) -> dict[str, Any]:
    """Return the columns of a layer: by its service's description, else by a page."""
    listed = next(lag for lag in offered.lag if lag.navn == navn)
    described = tjenester.with_columns(client, adresse, slag, listed)
    if described.kolonner:
        return {"skjema": True, "kolonner": sorted(described.kolonner)}
    side = tjenester.sample(client, adresse, slag, lag=listed, boks=None, felt=felt, offered=offered)
    return {"skjema": False, "kolonner": sorted(names(c for c in side.columns if c != "geometry"))}


# --- what was there last time ---


def _compared(found: Helse, now: Fingerprint, *, path: Path) -> Helse:
    """Return the state after comparing with last time, and remember what is new unless something was lost."""
    before = _remembered(path)
    lost = {navn: columns for navn, was in before.items() if navn in now and (columns := _lost(was, now[navn]))}
    if lost:
        listed = "; ".join(f"{navn}: {', '.join(columns[:8])}" for navn, columns in lost.items())
        return replace(
            found,
            tilstand="endret",
            funn=f"Kolonner er borte. {shorten(listed)}",
            gjoer=f"Sammenlign med kolonner for {found.kilde.navn}. Er alt i orden, slett {path}.",
        )
    kept = {navn: _together(before.get(navn), columns) for navn, columns in now.items()}
    replace_text(path, json.dumps({"lag": kept}, ensure_ascii=False, indent=1))
    count = sum(len(columns["kolonner"]) for columns in now.values())
    return replace(found, tilstand="ok", funn=f"{len(now)} lag, {count} kolonner.")


def _lost(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    gone = sorted(set(was["kolonner"]) - set(now["kolonner"]))
    if was["skjema"] and now["skjema"]:
        return gone
    left = len(was["kolonner"]) - len(gone)
    return gone if now["kolonner"] and left < FEWER * len(was["kolonner"]) else []


def _together(was: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what to remember of a layer: of pages, everything that any of them has shown."""
    if was is None or now["skjema"]:
        return now
    return {"skjema": False, "kolonner": sorted({*was["kolonner"], *now["kolonner"]})}


def _remembered(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return what was there last time; nothing when there is no memory, or one that cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        data = json.loads(path.read_text(encoding="utf-8"))["lag"]
        return {
            str(navn): {"skjema": bool(row["skjema"]), "kolonner": [str(c) for c in row["kolonner"]]}
            for navn, row in data.items()
        }
    return {}


# --- the review queue ---


def cases(health: Iterable[Helse]) -> list[Sak]:
    """Return an item of the review queue for every source that is not as it should be."""
    return [
        Sak(
            kontroll_id=f"{FELLES}-{h.kilde.tema}-{h.tilstand}-{h.kilde.navn}",
            kommunenummer="",
            hva=HVA[h.tilstand],
            hvor=f"{h.kilde.navn} ({h.kilde.tema})",
            hvorfor=h.funn,
            forslag=h.gjoer,
            alvor="høy" if h.is_alarm else "lav",
        )
        for h in health
        if h.tilstand in HVA
    ]


HVA: Mapping[Tilstand, str] = {
    "endret": "En kilde har endret kolonnene sine",
    "borte": "En kilde mangler lagene sine",
    "uten_tilgang": "En kilde slipper oss ikke inn",
    "nede": "En kilde svarer ikke",
}
