"""The files of an inbox: a row is one file that may hold layers, and what else lies there and cannot be read.

Archives are unpacked into a folder of their own; nothing is written in the inbox. Links are not followed. Why a file
is not read is said in Norwegian: those who put it there are told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.kilder import LANDTEMAER, Tema
from tasks.errors import SourceError
from tasks.sources import helfil, zipfil
from tasks.sources.koder import fold

Form = Literal["gml", "gpkg", "shp", "geojson", "gdb", "fgb", "parquet"]

FORMS: dict[str, Form] = {
    ".gml": "gml",
    ".xml": "gml",
    ".gpkg": "gpkg",
    ".shp": "shp",
    ".geojson": "geojson",
    ".json": "geojson",
    ".gdb": "gdb",
    ".fgb": "fgb",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
}
HEADS: dict[Form, bytes] = {
    "gml": b"<",
    "gpkg": b"SQLite format 3\0",
    "shp": b"\0\0\x27\x0a",
    "geojson": b"{",
    "fgb": b"fgb",
    "parquet": b"PAR1",
}
"""How files of a form begin: no other reader than that of its name shall be chosen by what stands in a file."""
TEXTS = frozenset({"gml", "geojson"})
"""May begin with blanks."""
BESIDE = frozenset(
    {".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qmd", ".qpj", ".fix", ".ain", ".aih", ".ixs", ".mxs"}
    | {".atx", ".gfs", ".xsd", ".qml", ".qgs", ".qgz", ".sld", ".lyr", ".lyrx", ".txt", ".md", ".log", ".csv", ".ini"}
    | {".gpkg-shm", ".gpkg-wal", ".gpkg-journal"}
)
"""Belongs to a file that is read, or explains one."""
SOSI = frozenset({".sos", ".sosi"})
ARCHIVES = frozenset({".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst"})
OTHER_DATA = frozenset(
    {".dwg", ".dxf", ".dgn", ".tab", ".mif", ".mid", ".kml", ".kmz", ".vrt", ".sqlite", ".db", ".mdb", ".e00", ".ifc"}
    | {".geojsonl", ".topojson"}
)
"""May hold plans, in a form that is not read here."""
UNWANTED = zipfil.UNWANTED | {"desktop.ini"}
BE_OM = "Be om GML eller GeoPackage, eller flytt filen ut av innboksen"
PAA_NYTT = "Legg filen dit på nytt, eller flytt den ut av innboksen."
TILGANG = "Sjekk at filen finnes og kan leses."
MAX_DEPTH = 6
MAX_FILES = 5_000


@dataclass(frozen=True)
class Fil:
    """One file (of a shapefile, the .shp; of a FileGDB, the folder).

    Attributes
    ----------
    path
        Where it can be read.
    navn
        What a person knows it by: `innboks/3207/plan.zip/sone.shp`.
    """

    path: Path
    navn: str
    form: Form


@dataclass(frozen=True)
class Ulest:
    """Something that is not read, why not and what to do (Norwegian), and whether it may hold plan data."""

    navn: str
    grunn: str
    kan_ha_data: bool


@dataclass
class Innhold:
    """What lies in an inbox."""

    filer: list[Fil] = field(default_factory=list)
    uleste: list[Ulest] = field(default_factory=list)


def contents(folder: Path, *, temaer: frozenset[Tema], mappe: Path, maks_bytes: int) -> Innhold:
    """Return what lies in an inbox; nothing where it is absent.

    Parameters
    ----------
    folder
        geodata/innboks/<kommunenummer>.
    temaer
        What is looked for: a folder inside that is called by another theme is left alone.
    mappe
        Folder in which archives are unpacked.
    maks_bytes
        What they may unpack to, all together.

    Raises
    ------
    SourceError
        When the folder cannot be read.
    """
    found = Innhold()
    shown = f"{folder.parent.name}/{folder.name}"
    if folder.is_dir():
        plass = zipfil.Plass(maks_bytes)
        for entry in _entries(folder, shown, temaer=temaer):
            _sort(entry, found, temaer=temaer, mappe=mappe, plass=plass)
    return found


@dataclass(frozen=True)
class _Entry:
    path: Path
    navn: str


def _entries(folder: Path, navn: str, *, temaer: frozenset[Tema], depth: int = 0) -> Iterator[_Entry]:
    """Yield files and FileGDB folders, sorted by name at every level; links as they are."""
    if depth > MAX_DEPTH:
        raise SourceError(f"Innboksen: {navn} ligger mer enn {MAX_DEPTH} mapper ned. Flytt filene opp.")
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise SourceError(f"Innboksen: {navn} kan ikke leses ({error.strerror or error}). {TILGANG}") from None
    if len(inside) > MAX_FILES:
        raise SourceError(f"Innboksen: {navn} har {len(inside)} filer i én mappe, flere enn {MAX_FILES}. Rydd i den.")
    for path in inside:
        if path.name.startswith((".", "~", "_")) or path.name.lower() in UNWANTED:
            continue
        shown = f"{navn}/{path.name}"
        if path.is_symlink() or not path.is_dir() or path.suffix.lower() == ".gdb":
            yield _Entry(path, shown)
        elif _tema(path.name) in {None, *temaer}:
            yield from _entries(path, shown, temaer=temaer, depth=depth + 1)


def _tema(folder: str) -> Tema | None:
    """Return the theme that a folder is called by, in the singular or the plural."""
    for tema in LANDTEMAER:
        if fold(folder) in {fold(tema), fold(f"{tema}er"), fold(f"{tema}r")}:
            found: Tema = tema
            return found
    return None


def _sort(entry: _Entry, found: Innhold, *, temaer: frozenset[Tema], mappe: Path, plass: zipfil.Plass) -> None:
    """Put an entry where it belongs: read, unpacked, or told of."""
    suffix = entry.path.suffix.lower()
    if entry.path.is_symlink():
        found.uleste.append(Ulest(entry.navn, "er en lenke. Legg selve filen der", kan_ha_data=True))
    elif suffix == ".zip":
        _unpacked(entry, found, temaer=temaer, mappe=mappe, plass=plass)
    elif suffix in FORMS and not _is_metadata(entry.path):
        why = _not_of_its_form(entry.path, FORMS[suffix])
        if why is None:
            found.filer.append(Fil(entry.path, entry.navn, FORMS[suffix]))
        else:
            found.uleste.append(Ulest(entry.navn, why, kan_ha_data=True))
    elif suffix not in BESIDE and suffix not in FORMS:
        found.uleste.append(_unread(entry.navn, suffix))


def _unpacked(entry: _Entry, found: Innhold, *, temaer: frozenset[Tema], mappe: Path, plass: zipfil.Plass) -> None:
    """Unpack an archive and sort what is in it."""
    inside = mappe / f"zip-{len(list(mappe.glob('zip-*')))}"
    try:
        zipfil.unpack(entry.path, inside, plass=plass, navn=entry.navn)
    except SourceError as error:
        found.uleste.append(Ulest(entry.navn, unreadable(error), kan_ha_data=True))
        return
    for inner in _entries(_with_suffix(inside), entry.navn, temaer=temaer):
        _sort(inner, found, temaer=temaer, mappe=mappe, plass=plass)


def unreadable(error: SourceError) -> str:
    """Return why a file cannot be read, and what to do, with what the reader said."""
    return f"må rettes eller legges dit på nytt, eller flyttes ut av innboksen. Teknisk: {str(error).rstrip('.')}"


def _with_suffix(folder: Path) -> Path:
    """Return an unpacked folder, called .gdb when it is a FileGDB without the folder around it."""
    if not (folder / "a00000001.gdbtable").exists():
        return folder
    outer = folder.with_name(f"{folder.name}-gdb")
    outer.mkdir()
    folder.rename(outer / "arkiv.gdb")
    return outer


def _is_metadata(path: Path) -> bool:
    """Return whether a file is XML that describes another one."""
    return path.suffix.lower() == ".xml" and not helfil.is_gml(path)


def _not_of_its_form(path: Path, form: Form) -> str | None:
    """Return why a file is not what its name says, None when it is."""
    try:
        if form == "gdb":
            if not path.is_dir():
                return "skal være en mappe (FileGDB). Pakk hele mappen som zip"
            with os.scandir(path) as inside:
                return "har en lenke i seg. Legg selve filene der" if any(e.is_symlink() for e in inside) else None
        with path.open("rb") as file:
            start = file.read(64).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        return f"kan ikke åpnes ({error.strerror or error}). {TILGANG.rstrip('.')}"
    if not start:
        return f"er tom. {PAA_NYTT.rstrip('.')}"
    begins = start.startswith(HEADS[form]) or (form in TEXTS and start.lstrip().startswith(HEADS[form]))
    return None if begins else f"er ikke {form}, som navnet sier. Kall den det den er. {PAA_NYTT.rstrip('.')}"


def _unread(navn: str, suffix: str) -> Ulest:
    """Return why a file of an unknown form is not read, and what to do."""
    if suffix in SOSI:
        return Ulest(navn, f"er SOSI, som ikke kan leses her. {BE_OM}", kan_ha_data=True)
    if suffix in ARCHIVES:
        return Ulest(navn, f"er pakket på en måte som ikke kan leses her. Pakk den som zip. {BE_OM}", kan_ha_data=True)
    if suffix in OTHER_DATA:
        return Ulest(navn, f"er {suffix}, som ikke kan leses her. {BE_OM}", kan_ha_data=True)
    return Ulest(navn, f"{suffix or 'uten format'}: ikke kartdata", kan_ha_data=False)
