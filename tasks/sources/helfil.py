"""Whether a file is there and whole, told before it is opened: GDAL hands out what is left of one that was cut off."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.parsers import expat  # no tree, no entities fetched; expat bounds what they swell to

from tasks.errors import SourceError

HEAD = 4096
CHUNK = 1 << 20
FOLDERS = {".gdb"}
SOSI_HELP = (
    "SOSI files cannot be read here. Ask the kommune for the same data as GML, GeoPackage or GeoJSON, or convert it "
    "(FYBA's ogr2ogr, QGIS with the SOSI plugin)."
)


def require_file(path: Path) -> None:
    """Raise unless `path` is a file with something in it, and of a format that can be read.

    Raises
    ------
    SourceError
        Naming the file and what to do.
    """
    if path.suffix.lower() in {".sos", ".sosi"}:
        raise SourceError(f"{path}: {SOSI_HELP}")
    try:
        if path.is_dir():
            if path.suffix.lower() in FOLDERS:
                return
            raise SourceError(f"{path}: a folder. Name a file in it.")
        if not path.is_file():
            raise SourceError(f"{path}: no such file.")
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty. Get it anew.")
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from None


def require_whole(path: Path) -> None:
    """Raise where the format tells that a file was cut off.

    Raises
    ------
    SourceError
        Naming the file and what to do.
    """
    require_file(path)
    if path.is_dir():
        return
    try:
        if is_xml(path):
            _require_well_formed(path)
        if path.suffix.lower() == ".shp":
            _require_shapefile(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does, whatever its name."""
    return path.is_file() and _head(path)[:4] == b"PAR1"


def is_xml(path: Path) -> bool:
    """Return whether a file begins as XML does."""
    return _head(path).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def is_gml(path: Path) -> bool:
    """Return whether GDAL will take a file for GML."""
    return path.is_file() and is_xml(path) and b"opengis.net/gml" in _head(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _require_well_formed(path: Path) -> None:
    parser = expat.ParserCreate()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise SourceError(f"{path}: damaged or cut off, no valid XML ({error}). Get the file anew.") from None


def _require_shapefile(path: Path) -> None:
    """Compare the sizes of a shapefile's parts with what their heads say."""
    parts = {sibling.suffix.lower(): sibling for sibling in path.parent.glob(f"{_plain(path.stem)}.*")}
    for suffix in (".shx", ".dbf"):
        if suffix not in parts:
            raise SourceError(f"{path}: {path.stem}{suffix} is not beside it. Ask for all files of the shapefile.")
    for suffix in (".shp", ".shx"):
        head = _head(parts[suffix])
        # The length stands in the head, in words of two bytes.
        if len(head) < 100 or parts[suffix].stat().st_size < 2 * struct.unpack(">i", head[24:28])[0]:
            raise _cut_off(parts[suffix])
    head = _head(parts[".dbf"])
    rows, start, width = struct.unpack("<IHH", head[4:12]) if len(head) >= 12 else (0, 1, 0)
    if parts[".dbf"].stat().st_size < start + rows * width:
        raise _cut_off(parts[".dbf"])


def _plain(stem: str) -> str:
    """Return a name in which no sign stands for others."""
    return "".join(f"[{c}]" if c in "[]*?" else c for c in stem)


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path}: cannot be read ({error.strerror or error}).")


def _cut_off(path: Path) -> SourceError:
    return SourceError(f"{path}: cut off, shorter than its head says. Get the file anew.")
