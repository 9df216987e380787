"""The inbox: plan files that a person has put into geodata/innboks/<kommunenummer>/ → the rows of one theme.

Every file is read, and of each the layers that hold the theme's object types; the others are other themes' business.
A file that cannot be read, or a layer that may hold plans and is not recognised, stops the theme, also beside good
ones: what is read would pass for everything. A person can always take the file away. Errors are in Norwegian.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.kilder import Kilde, Tema
from tasks.errors import SourceError
from tasks.sources import innboksfiler, innbokslag, lesere
from tasks.sources.asked import Asked, Take
from tasks.sources.innboksfiler import Fil, Ulest
from tasks.sources.innbokslag import Innhold, Lag
from tasks.sources.innbokssted import Sted
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
        When a file cannot be read in full or trusted, or one of the layers is not recognised (Norwegian).
    """
    temaer = TOGETHER.get(asked.kilde.tema, frozenset({asked.kilde.tema}))
    limit = asked.limits.maks_bytes
    found = innboksfiler.contents(asked.innboks, temaer=temaer, mappe=asked.mappe, maks_bytes=limit)
    if unread := [one for one in found.uleste if one.kan_ha_data]:
        raise SourceError(_unread(asked, unread))
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
                f"Innboksen: med {fil.navn} blir det {self.bytes_lest} byte, mer enn de {self.asked.limits.maks_bytes} "
                "i [hent] maks_bytes i config/regler.toml. Flytt ut det som ikke trengs, eller hev grensen."
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
        before, others = self.rader, Counter[str]()
        sted = Sted(lag.fil.navn, self.asked.kommune, self.asked.omraade)
        for piece in lag.pieces():
            if time.monotonic() > self.ends:
                raise SourceError(
                    f"Innboksen: {lag.fil.navn} ble ikke lest innen {self.asked.limits.sekunder_kilde:g} s ([hent] "
                    "sekunder_kilde i config/regler.toml). Legg færre eller mindre filer der, eller hev grensen."
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
        """Raise when a layer was not recognised, or when nothing of the theme was read."""
        if self.ukjente:
            raise SourceError(_unknown(self.asked, self.ukjente))
        if not self.lag:
            raise NotHereError(_order(self.asked, [one.navn for one in found.uleste], self.andre))
        for line in self.versjoner.lines():
            log.warning("%s: %s", self.kilde.navn, line)


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


def _unread(asked: Asked, unread: Sequence[Ulest]) -> str:
    """Return which files cannot be read, and what to do."""
    kilde = asked.kilde
    more = f" Og {len(unread) - SHOWN} til." if len(unread) > SHOWN else ""
    return (
        f"Innboksen: {unread[0].navn} kan ikke leses: den {unread[0].grunn}."
        f"{''.join(f' {one.navn}: den {one.grunn}.' for one in unread[1:SHOWN])}{more} "
        f"Av {kilde.tema} trengs {', '.join(kilde.lag)} som {FORMATS}: vedtatte planer (planstatus 3) med alle "
        f"egenskaper. En fil som gjelder et annet tema, kan ligge i en mappe som heter det."
    )


def _unknown(asked: Asked, unknown: Sequence[str]) -> str:
    """Return which layers are not recognised, with their columns, and what to do."""
    more = f" og {len(unknown) - SHOWN} til" if len(unknown) > SHOWN else ""
    return (
        f"Innboksen: det som står i {'; '.join(unknown[:SHOWN])}{more}, er ikke kjent igjen, og kan være planer. Kall "
        f"laget eller filen det den holder ({', '.join(asked.kilde.lag)}), sett `lag` og `kolonner` for "
        f"{asked.kilde.navn}, eller flytt filen ut av innboksen."
    )


# --- files ---


@contextmanager
def _named(fil: Fil) -> Iterator[None]:
    """Call a file in errors what a person calls it, and say in Norwegian what to do about it."""
    try:
        yield
    except SourceError as error:
        said = str(error).replace(str(fil.path), fil.navn).replace(str(fil.path.parent), fil.navn.rpartition("/")[0])
        if not said.startswith("Innboksen: "):
            said = f"Innboksen: {fil.navn} kan ikke leses: den {innboksfiler.unreadable(SourceError(said))}."
        raise SourceError(said) from None


@contextmanager
def _unchanged(fil: Fil) -> Iterator[None]:
    """Raise when a file changes while it is read."""
    before = _state(fil.path)
    yield
    if _state(fil.path) != before:
        raise SourceError(
            f"Innboksen: {fil.path} ble endret mens den ble lest. Blir den fortsatt kopiert, så kjør på nytt etterpå."
        )


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
        raise SourceError(
            f"Innboksen: {path} kan ikke leses ({error.strerror or error}). {innboksfiler.TILGANG}"
        ) from None
    return sorted((name, state.st_size, state.st_mtime_ns) for name, state in states)
