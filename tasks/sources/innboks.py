"""The inbox: plan files that a person has put into geodata/innboks/<kommunenummer>/ → the rows of one theme.

Every file is read, and of each the layers that hold the theme's object types; the others are other themes' business.
A file that is damaged, half copied or in an unknown CRS stops the theme: silence about it would pass for an answer.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from config.kilder import Kilde, Tema
from tasks.errors import SourceError
from tasks.sources import innboksfiler, innbokslag, lesere
from tasks.sources.asked import Asked, Take
from tasks.sources.innboksfiler import Fil
from tasks.sources.innbokslag import Innhold, Lag
from tasks.sources.planversjoner import Planversjoner
from tasks.sources.radtype import COLUMN, with_types
from tasks.sources.refusal import NotHereError
from tasks.sources.vektorfil import listed

log = logging.getLogger("tomt.sources")

TOGETHER: dict[Tema, frozenset[Tema]] = {
    "kommuneplan": frozenset({"kommuneplan", "kommunedelplan"}),
    "kommunedelplan": frozenset({"kommuneplan", "kommunedelplan"}),
    "reguleringsplan": frozenset({"reguleringsplan", "reguleringsformaal"}),
    "reguleringsformaal": frozenset({"reguleringsplan", "reguleringsformaal"}),
}
"""What is handed out in one file, and may lie in a folder that is called by either."""
REGISTERS: frozenset[Tema] = frozenset({"teig", "bygning"})
"""Not plans: read from the register's own GML alone."""
FORMATS = "GML (SOSI, produktspesifikasjon 20190401) eller GeoPackage, EPSG:25833"
SHOWN = 6


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the rows of the theme in every file of the inbox.

    Parameters
    ----------
    asked
        Its `innboks` may be absent; archives are unpacked in its `mappe`.

    Returns
    -------
    int
        How many rows were handed over, which the files were found to hold.

    Raises
    ------
    NotHereError
        When no file there holds the theme: what to order, and where to put it (Norwegian).
    SourceError
        When a file cannot be read in full or trusted, or none of the layers is recognised.
    """
    temaer = TOGETHER.get(asked.kilde.tema, frozenset({asked.kilde.tema}))
    limit = asked.limits.maks_bytes
    found = innboksfiler.contents(asked.innboks, temaer=temaer, mappe=asked.mappe, maks_bytes=limit)
    mottak = _Mottak(asked, take, ends=time.monotonic() + asked.limits.sekunder_kilde)
    for fil in found.filer:
        with _named(fil), _unchanged(fil):
            mottak.charge(fil)
            mottak.file(fil)
    mottak.conclude(found)
    return mottak.rader


@dataclass
class _Mottak:
    """What has been read so far.

    Attributes
    ----------
    lag
        Layers that hold the theme.
    andre
        Layers that hold something else.
    ukjente
        Layers that are not recognised, with their columns.
    """

    asked: Asked
    take: Take
    ends: float
    rader: int = 0
    bytes_lest: int = 0
    lag: list[str] = field(default_factory=list)
    andre: list[str] = field(default_factory=list)
    ukjente: list[str] = field(default_factory=list)
    versjoner: Planversjoner = field(default_factory=Planversjoner)

    @property
    def kilde(self) -> Kilde:
        return self.asked.kilde

    def charge(self, fil: Fil) -> None:
        """Count the bytes of a file; raise when there are more than one source may bring."""
        self.bytes_lest += sum(size for _, size, _ in _state(fil.path))
        if self.bytes_lest > self.asked.limits.maks_bytes:
            raise SourceError(
                f"{fil.navn}: with the files before it {self.bytes_lest} bytes, more than the "
                f"{self.asked.limits.maks_bytes} of [hent] maks_bytes in config/regler.toml. Take away what is not "
                "needed, or raise the limit."
            )

    def file(self, fil: Fil) -> None:
        """Read the theme's layers of one file."""
        if self.kilde.tema in REGISTERS:
            self._register(fil)
            return
        known: list[tuple[Lag, Innhold]] = []
        for lag in innbokslag.layers(fil):
            name = f"{fil.navn}: {lag.navn}"
            innhold = innbokslag.recognise(lag, self.kilde)
            if innhold is None:
                self.ukjente.append(f"{name} ({listed(lag.kolonner)})")
            elif set(innhold.objekttyper) & set(self.kilde.lag):
                known.append((lag, innhold))
            else:
                self.andre.append(f"{name} ({', '.join(innhold.objekttyper) or innhold.grunn})")
        self.lag += [f"{fil.navn}: {lag.navn}" for lag, _ in known]
        for lag, innhold in innbokslag.in_one_pass(known):
            self._rows(lag, innhold.objekttyper)

    def _register(self, fil: Fil) -> None:
        wanted = {layer.rpartition(":")[2] for layer in self.kilde.lag.values()}
        if fil.form != "gml" or not wanted & {lag.navn for lag in innbokslag.layers(fil)}:
            self.andre.append(fil.navn)
            return
        self.lag.append(fil.navn)
        self.rader += lesere.read_gml(fil.path, self.kilde, where=fil.navn, take=self.take)

    def _rows(self, lag: Lag, types: tuple[str, ...]) -> None:
        """Hand over the rows of a layer that are of the theme."""
        before, others, sted = self.rader, Counter[str](), _Sted(lag.fil, self.asked)
        for piece in lag.pieces():
            if time.monotonic() > self.ends:
                raise SourceError(
                    f"{lag.fil.navn}: not read within {self.asked.limits.sekunder_kilde:g} s ([hent] sekunder_kilde in "
                    "config/regler.toml). Put fewer or smaller files there, or raise the limit."
                )
            typed = with_types(piece, types)
            own = typed[typed[COLUMN].isin(list(self.kilde.lag))].reset_index(drop=True)
            others.update(str(t) for t in typed[COLUMN] if t not in self.kilde.lag)
            sted.look(own)
            self.versjoner.add(own, lag.fil.navn)
            self.take(own)
            self.rader += len(own)
        sted.check(lag.navn)
        log.info(
            "%s %s: %d rows of %s; of other object types: %s; columns of persons left out: %s",
            lag.fil.navn,
            lag.navn,
            self.rader - before,
            self.kilde.tema,
            listed([f"{t} {rows}" for t, rows in others.most_common()]),
            listed(lag.utelatt),
        )

    def conclude(self, found: innboksfiler.Innhold) -> None:
        """Say what was not read; raise when nothing of the theme was."""
        unread = [f"{one.navn} ({one.grunn})" for one in found.uleste if one.kan_ha_data]
        if not self.lag:
            if unread or self.ukjente:
                raise SourceError(_nothing_known(self.asked, unread, self.ukjente))
            raise NotHereError(_order(self.asked, [one.navn for one in found.uleste], self.andre))
        for line in (*unread, *self.ukjente):
            log.warning("%s: not read: %s", self.kilde.navn, line)
        for line in self.versjoner.lines():
            log.warning("%s: %s", self.kilde.navn, line)


@dataclass
class _Sted:
    """Whether any row of a layer touches the kommune."""

    fil: Fil
    asked: Asked
    touches: bool = False
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)

    def look(self, piece: gpd.GeoDataFrame) -> None:
        shapes = np.asarray(piece.geometry.array, dtype=object)
        bounds = shapely.bounds(shapes)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if self.touches or not len(bounds):
            return
        self.boxes.append((*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()))
        area = self.asked.omraade
        self.touches = area is None or bool(shapely.intersects(area, shapely.box(*bounds.T)).any())

    def check(self, layer: str) -> None:
        """Raise when there are rows, and none of them touches."""
        if self.boxes and not self.touches:
            boxes = np.array(self.boxes)
            whole = [round(v) for v in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))]
            raise SourceError(
                f"{self.fil.navn}: nothing of layer {layer!r} touches {self.asked.kommune.label}, bounds {whole} in "
                "EPSG:25833. The file names a wrong CRS, or is another kommune's."
            )


# --- what is said ---


def _order(asked: Asked, documents: list[str], others: list[str]) -> str:
    """Return what to order and where to put it, in Norwegian."""
    kilde, number = asked.kilde, asked.kommune.nummer
    lying = [f"Det som ligger der, er ikke kartdata: {listed(documents[:SHOWN])}."] if documents else []
    lying += [f"Det som ligger der, er noe annet: {'; '.join(others[:SHOWN])}."] if others else []
    order = kilde.merknad or f"Be kommunen om {', '.join(kilde.lag)}: {FORMATS}."
    return " ".join(
        [
            f"Ingen fil med {kilde.tema} for {asked.kommune.label} i innboksen.",
            order,
            f"Vedtatte planer, med alle egenskaper. Legg filene i geodata/innboks/{number}/.",
            *lying,
        ]
    )


def _nothing_known(asked: Asked, unread: list[str], unknown: list[str]) -> str:
    """Return what lies there and why it cannot serve."""
    types = ", ".join(asked.kilde.lag)
    said = [f"{asked.kilde.navn}: nothing of {asked.kilde.tema} can be read from the inbox of {asked.kommune.label}."]
    if unread:
        said.append(f"Not read: {'; '.join(unread[:SHOWN])}.")
    if unknown:
        said.append(f"Not recognised, with their columns: {'; '.join(unknown[:SHOWN])}.")
        said.append(f"Call the layer or the file what it holds ({types}), or set `lag` and `kolonner` of the source.")
    if unread:
        said.append(
            f"Ask the kommune for {types} as GML (NAP 20190401) or GeoPackage in EPSG:25833, adopted plans (planstatus "
            "3), with all attributes."
        )
    return " ".join(said)


# --- files ---


@contextmanager
def _named(fil: Fil) -> Iterator[None]:
    """Call a file in errors what a person calls it."""
    try:
        yield
    except SourceError as error:
        said = str(error).replace(str(fil.path), fil.navn).replace(str(fil.path.parent), fil.navn.rpartition("/")[0])
        raise SourceError(said) from None


@contextmanager
def _unchanged(fil: Fil) -> Iterator[None]:
    """Raise when a file changes while it is read."""
    before = _state(fil.path)
    yield
    if _state(fil.path) != before:
        raise SourceError(f"{fil.path}: changed while it was read. Is it still being copied? Run again afterwards.")


def _state(path: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of change of a file and of its parts."""
    try:
        parts = [path]
        if path.is_dir():
            parts = list(path.iterdir())
        elif path.suffix.lower() == ".shp":
            parts = [part for part in path.parent.iterdir() if part.stem == path.stem]
        states = [(part.name, part.stat()) for part in parts]
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error}).") from None
    return sorted((name, state.st_size, state.st_mtime_ns) for name, state in states)
