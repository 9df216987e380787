"""The layers of an inbox's files, whatever their format: name, columns, rows in EPSG:25833; and what they hold.

Which object types a layer holds, its name says where the registry (`lag`) or SOSI has it; else it is recognised by its
columns and values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import geopandas as gpd

from config.kilder import Kilde
from tasks.sources import filcrs, fillag, gjenkjenning, gml, sosi
from tasks.sources.innboksfiler import Fil
from tasks.sources.koder import fold
from tasks.sources.personfelt import is_personal

SAMPLE_ROWS = 200
SURE = 0.5
"""What recognition must be trusted at least: a purpose of a reguleringsplan read as a kommuneplan's is another one."""


ANDRE_TYPER = frozenset(
    {"PblMidlByggAnleggOmråde", "RbFareOmråde", "RbBevaringOmråde", "RbFornyelseOmråde", "RbRekkefølgeOmråde"}
    | {"Teig", "Bygning", "Matrikkelenhet", "Kommune"}
)
"""Types of SOSI's plan model and of the matrikkel that no theme of plans is made of."""


class _Rows(Protocol):
    """Reads a layer: all of it in EPSG:25833, or what is needed to recognise it."""

    def __call__(self, most: int | None, only: tuple[str, ...] | None = None) -> Iterator[gpd.GeoDataFrame]: ...


@dataclass(frozen=True)
class Lag:
    """One layer of a file.

    Attributes
    ----------
    navn
        In the file.
    alene
        Whether the file has no other, so that the file's name tells too.
    rader
        How many the file says it has.
    utelatt
        Columns of persons that are not read.
    """

    fil: Fil
    navn: str
    alene: bool
    rader: int
    utelatt: tuple[str, ...]
    _read: _Rows

    def pieces(self) -> Iterator[gpd.GeoDataFrame]:
        """Yield all rows as flat frames of text, EPSG:25833. Raises `SourceError`."""
        return self._read(None)

    @property
    def sti(self) -> str:
        """The layer with the names of its file and folders, below the kommune's own."""
        return "/".join([*self.fil.navn.split("/")[2:], self.navn])

    def typer(self) -> tuple[str, ...]:
        """Return the object types that the rows say themselves, known ones; none where they do not say any."""
        columns = sosi.columns_of(sosi.OBJEKTTYPE, self.kolonner)
        if not columns or self.fil.form == "gml":  # there, a layer is a type
            return ()
        said = {sosi.objekttype(v) for v in self._distinct(columns[0])}
        return tuple(sorted(t for t in said if t in sosi.OBJEKTTYPER and t is not None))

    @cached_property
    def _sample(self) -> gpd.GeoDataFrame | None:
        return next(self._read(SAMPLE_ROWS), None)

    def _distinct(self, column: str) -> set[str]:
        return {v for piece in self._read(None, (column,)) for v in piece[column].unique() if isinstance(v, str)}

    @property
    def kolonner(self) -> list[str]:
        """The columns, of the first rows."""
        return [] if self._sample is None else [str(c) for c in self._sample.columns if c != "geometry"]

    @property
    def verdier(self) -> Mapping[str, Sequence[str]]:
        """Some values of each column."""
        if self._sample is None:
            return {}
        first = self._sample.head(SAMPLE_ROWS)
        return {c: [str(v) for v in first[c] if isinstance(v, str)] for c in self.kolonner}


def layers(fil: Fil) -> list[Lag]:
    """Return the layers of a file, without its empty tables and those without geometry.

    Raises
    ------
    SourceError
        Naming the file, when it is damaged or cut off.
    """
    if fil.form == "gml":
        counts = gml.layers(fil.path, where=fil.navn)
        return [
            Lag(fil, name, len(counts) == 1, count, (), _GmlRows(fil, {name: name}))
            for name, count in sorted(counts.items())
        ]
    found = fillag.layers(fil.path, fil.form)
    return [Lag(fil, lag.navn, len(found) == 1, lag.rader, lag.utelatt, _FileRows(lag)) for lag in found]


@dataclass(frozen=True)
class _GmlRows:
    """Some feature types of a GML file: object type → type in the file; in one pass, however many."""

    fil: Fil
    lag: Mapping[str, str]

    def __call__(self, most: int | None, only: tuple[str, ...] | None = None) -> Iterator[gpd.GeoDataFrame]:
        for piece in gml.parts(self.fil.path, self.lag, where=self.fil.navn):
            kept = [c for c in piece.columns if c == "geometry" or not is_personal(str(c))]
            yield piece[kept]


@dataclass(frozen=True)
class _FileRows:
    layer: fillag.Fillag

    def __call__(self, most: int | None, only: tuple[str, ...] | None = None) -> Iterator[gpd.GeoDataFrame]:
        if most is not None or only is not None:  # to recognise a layer, where it lies does not count
            if self.layer.kolonner:
                yield from fillag.pieces(self.layer, most=most, only=only)
            return
        crs = filcrs.crs_of(self.layer.crs, self.layer.fil)
        for piece in fillag.pieces(self.layer):
            yield filcrs.in_storage(piece, crs, self.layer.fil)


@dataclass(frozen=True)
class Innhold:
    """What a layer holds: object types of SOSI, none for something else; and how that was seen."""

    objekttyper: tuple[str, ...]
    grunn: str


def recognise(lag: Lag, kilde: Kilde) -> Innhold | None:
    """Return what a layer holds; None when that cannot be told, or not surely."""
    names = {fold(lag.navn)} | ({fold(lag.fil.path.stem)} if lag.alene else set())
    configured = tuple(t for t, layer in kilde.lag.items() if fold(layer.rpartition(":")[2]) in names)
    if configured:
        return Innhold(configured, "navnet")
    if sosi.objekttype(lag.navn) in sosi.OBJEKTTYPER:
        return Innhold((str(sosi.objekttype(lag.navn)),), "navnet")
    said = lag.typer()
    if said:
        return Innhold(said, "radene")
    seen = gjenkjenning.recognise(lag.navn, lag.kolonner, sample=lag.verdier)
    if seen is None or 0 < seen.tillit < SURE:  # folders and files may be called by their plans
        longer = gjenkjenning.recognise(lag.sti, lag.kolonner, sample=lag.verdier)
        seen = longer if longer is not None and longer.objekttyper else seen
    if seen is None or (seen.objekttyper and seen.tillit < SURE):
        return _surely_none(lag)
    return Innhold(seen.objekttyper, seen.grunn)


def _surely_none(lag: Lag) -> Innhold | None:
    """Return that a layer holds nothing of a plan: another type of a known model, without rows, or without areas."""
    if lag.navn.rpartition(":")[2] in ANDRE_TYPER:
        return Innhold((), "ikke planområder eller arealformål")
    if not lag.rader:
        return Innhold((), "uten rader")
    kinds = {str(kind) for piece in lag._read(None, ()) for kind in piece.geom_type.dropna().unique()}
    if kinds and kinds <= {"Point", "MultiPoint", "LineString", "MultiLineString"}:
        return Innhold((), "bare punkter og linjer")
    return None


def in_one_pass(known: Sequence[tuple[Lag, Innhold]]) -> list[tuple[Lag, Innhold]]:
    """Return the recognised layers of one file with those of GML put together, so that the file is read once.

    Those that hold the same object type as another, or several, stay apart.
    """
    together: dict[str, Lag] = {}
    apart: list[tuple[Lag, Innhold]] = []
    for lag, innhold in known:
        first = innhold.objekttyper[0]
        if lag.fil.form != "gml" or first in together or len(innhold.objekttyper) > 1:
            rows = _GmlRows(lag.fil, {first: lag.navn}) if lag.fil.form == "gml" else lag._read
            apart.append((replace(lag, _read=rows), innhold))
        else:
            together[first] = lag
    if together:
        one = next(iter(together.values()))
        names = {objekttype: lag.navn for objekttype, lag in together.items()}
        joined = replace(
            one,
            navn=", ".join(names.values()),
            rader=sum(lag.rader for lag in together.values()),
            _read=_GmlRows(one.fil, names),
        )
        apart.insert(0, (joined, Innhold(tuple(names), "navnet")))
    return apart
