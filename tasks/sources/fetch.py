"""Fetching: ask a source → raw snapshot with provenance → one of the four answers.

Nothing on disk changes on anything but `Rows`. The sources differ between the sandbox and the real services in
address and credentials alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import geopandas as gpd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Kilde, Kommune, Tema, kilder, regler
from config.settings import Settings
from tasks.answer import Answer, Empty, Failed, NotCovered, Provenance, Rows
from tasks.contracts import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sources import bygning, flat, grense, ogc_features, teig, wfs
from tasks.sources.address import plain_address
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.refusal import NotFoundError
from tasks.sources.unntak import shorten
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")


@dataclass(frozen=True)
class Fetched:
    """What a protocol brought: the raw frame and the count that the source gave."""

    frame: gpd.GeoDataFrame
    ventet: int | None


Ask = Callable[[Client, str, Kilde, Kommune, Limits], Fetched]


def fetch(
    kommune: Kommune, tema: Tema, *, settings: Settings, geodata: Geodata, limits: Limits | None = None
) -> Answer:
    """Fetch one theme for one kommune and keep it as a raw snapshot.

    Parameters
    ----------
    kommune
        Of the run.
    tema
        Theme of a source in config/plankilder.toml.
    settings
        Addresses and credentials.
    geodata
        Where the snapshot is kept.
    limits
        Time, tries and bytes; by default those of config/regler.toml.

    Returns
    -------
    Answer
        `Rows`, `Empty`, `NotCovered` or `Failed`; a source that fails does not raise.

    Raises
    ------
    StoreError
        When the snapshot cannot be written.
    """
    kilde = kilder()[tema]
    limits = limits or Limits.of(regler().hent)
    try:
        address = _address(kilde, settings)
        auth = settings.credentials(kilde.legitimasjon)
        with Client(
            address, limits=limits, auth=auth, legitimasjon=kilde.legitimasjon, contact=settings.contact
        ) as client:
            fetched = PROTOCOLS[kilde.protokoll](client, address, kilde, kommune, limits)
    except SourceError as error:
        answer: Answer = Failed(kilde.navn, str(error))
    else:
        answer = _keep(fetched, kilde, kommune, address, geodata)
    _log(answer, kommune)
    return answer


def _address(kilde: Kilde, settings: Settings) -> str:
    """Return where to ask; local sources serve the sandbox only, and the sandbox nothing else."""
    if not settings.is_sandbox:
        return kilde.address(None)
    if settings.sources_url is None:
        raise SourceError(
            f"{kilde.navn}: no local sources are running for the sandbox. Set TOMT_SOURCES_URL, or TOMT_PROFILE to "
            "staging or production for the real services."
        )
    return kilde.address(settings.sources_url)


# --- protocols ---


def _by_ogc_features(client: Client, address: str, kilde: Kilde, kommune: Kommune, limits: Limits) -> Fetched:
    where = f"{plain_address(address)}/collections"
    found = ogc_features.collections(client, address)
    layers = ogc_features.find_layers(kilde.lag, found)
    absent = [name for name in kilde.lag if name not in layers]
    if absent:
        seen = ", ".join(sorted(found)[:20]) or "none"
        raise SourceError(
            f"{where}: the layers {', '.join(absent)} are missing; it has: {shorten(seen)}. Correct `lag` of "
            f"{kilde.navn} in config/plankilder.toml."
        )
    read = {
        name: ogc_features.layer(
            client, address, collection, kommunenummer=kommune.nummer, epsg=STORAGE_EPSG, side=limits.side
        )
        for name, collection in layers.items()
    }
    for name, layer in read.items():
        log.info("%s %s: %d features received, %s said", kommune.nummer, name, layer.mottatt, layer.ventet)
        if layer.mottatt == 0 and name in kilde.paakrevd and any(other.mottatt for other in read.values()):
            raise SourceError(
                f"{where}: features for {kommune.label}, but none of {name}, without which they mean nothing. "
                "Try again later; tell whoever runs the source."
            )
    expected = [layer.ventet for layer in read.values()]
    ventet = None if None in expected else sum(e for e in expected if e is not None)
    return Fetched(flat.concat([_typed(layer.frame, name) for name, layer in read.items()], epsg=STORAGE_EPSG), ventet)


def _typed(frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Return a layer in which every feature says its object type; the layer's name stands where it does not."""
    own = frame["objekttypenavn"] if "objekttypenavn" in frame else [None] * len(frame)
    return frame.assign(objekttypenavn=[v if isinstance(v, str) and v.strip() else name for v in own])


class WfsReader(Protocol):
    """A module that reads the GML of one feature type."""

    NAMESPACE: str

    def read(self, content: bytes, *, where: str) -> gpd.GeoDataFrame:
        """Return every feature of an answer."""

    def nothing(self) -> gpd.GeoDataFrame:
        """Return a raw frame without features."""


WFS_READERS: dict[str, WfsReader] = {"app:Teig": teig, "app:Bygning": bygning}


def _by_wfs(client: Client, address: str, kilde: Kilde, kommune: Kommune, limits: Limits) -> Fetched:
    typename = kilde.lag[0]
    reader = WFS_READERS.get(typename)
    if reader is None:
        raise SourceError(
            f"{plain_address(address)}: no reader for {typename}; there are {', '.join(WFS_READERS)}. Correct `lag` of "
            f"{kilde.navn} in config/plankilder.toml."
        )
    asked = wfs.Question(typename, reader.NAMESPACE, kommune.nummer, STORAGE_EPSG)
    answered = wfs.get_features(client, address, asked)
    frame = reader.read(answered.content, where=plain_address(address)) if answered.content else reader.nothing()
    wfs.check_count(address, ventet=answered.ventet, mottatt=len(frame))
    return Fetched(frame, answered.ventet)


def _by_kommuneinfo(client: Client, address: str, kilde: Kilde, kommune: Kommune, limits: Limits) -> Fetched:
    try:
        return Fetched(grense.get_boundary(client, address, kommune, epsg=STORAGE_EPSG), None)
    except NotFoundError:  # the answer of kommuneinfo for a number that it does not have
        return Fetched(flat.concat([], epsg=STORAGE_EPSG), None)


PROTOCOLS: dict[str, Ask] = {
    "ogc_features": _by_ogc_features,
    "wfs": _by_wfs,
    "kommuneinfo": _by_kommuneinfo,
}


# --- answers ---


def _keep(fetched: Fetched, kilde: Kilde, kommune: Kommune, address: str, geodata: Geodata) -> Answer:
    if fetched.frame.empty:
        if kilde.tom_betyr == "tom":
            if geodata.latest(kilde.navn, kommune.nummer) is not None:
                return _vanished(kilde, kommune, geodata)
            return Empty(kilde.navn, f"Kilden har ingenting av {kilde.tema} i {kommune.label}.")
        return NotCovered(
            kilde.navn,
            f"Kilden ga ingenting av {kilde.tema} for {kommune.label}, og sier ikke hvilke kommuner den dekker: "
            "ukjent, ikke tomt.",
        )
    if kilde.innhold and not fetched.frame["objekttypenavn"].isin(kilde.innhold).any():
        return NotCovered(
            kilde.navn,
            f"Kilden har planområder for {kommune.label}, men ikke et eneste arealformål: ukjent, ikke tomt.",
        )
    provenance = Provenance(
        kilde=kilde.navn,
        adresse=plain_address(address),
        hentet_tid=datetime.now(UTC).isoformat(),
        antall_ventet=fetched.ventet,
        antall_mottatt=len(fetched.frame),
        sha256=flat.content_sha256(fetched.frame),
        crs=f"EPSG:{STORAGE_EPSG}",
        lisens=kilde.lisens,
    )
    path = geodata.snapshot(fetched.frame, kommune.nummer, provenance)
    return Rows(kilde.navn, path, provenance)


def _vanished(kilde: Kilde, kommune: Kommune, geodata: Geodata) -> Failed:
    """Return the answer for a source that had something and now has nothing.

    A copy that is being filled again looks the same as one whose plans are gone, and only a person can tell which.
    """
    folder = geodata.raw_folder(kilde.navn, kommune.nummer)
    return Failed(
        kilde.navn,
        f"Kilden har ingenting av {kilde.tema} i {kommune.label}, men hadde det sist: ingen tomt endres. Prøv igjen "
        f"senere. Er planene virkelig borte, så flytt mappen {folder} ut av geodata og kjør på nytt.",
    )


def _log(answer: Answer, kommune: Kommune) -> None:
    if isinstance(answer, Rows):
        log.info("%s %s: %d features in %s", kommune.nummer, answer.kilde, answer.antall, answer.path.name)
    else:
        log.warning("%s %s: %s, %s", kommune.nummer, answer.kilde, type(answer).__name__, answer.grunn)


# --- tasks ---

# No retries here: what may pass is retried below, in http.
# The names stand in a graph whose letters lack ø, so they hold numbers instead of names.
fetch_task = task(name="hent fra kilde", task_run_name="hent {tema} {kommune.nummer}", cache_policy=NO_CACHE)(fetch)
