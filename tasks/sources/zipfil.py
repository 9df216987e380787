"""A zip archive of somebody else's → files in a folder: bounded, and never outside that folder.

Archives in the archive are unpacked too, one level deep.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tasks.errors import SourceError

MAX_ENTRIES = 20_000
MAX_DIRECTORY = 10_000_000
"""Bytes of the list of files at the end, which `zipfile` reads whole and makes an object of each entry of."""
ENTRY = b"PK\1\2"
MAX_NAME = 240
CHUNK = 1 << 20
UTF8_NAMES, ENCRYPTED = 0x800, 0x1
DOS_NAMES = "cp850"
"""In what Windows writes names that are not said to be UTF-8; Python takes them for cp437, which has no ø."""
UNWANTED = frozenset({"__macosx", ".ds_store", "thumbs.db"})


@dataclass
class Plass:
    """How many bytes may still be unpacked, over all archives of one reading."""

    bytes_igjen: int


def unpack(path: Path, to: Path, *, plass: Plass, navn: str, dypere: bool = True) -> None:
    """Unpack an archive.

    Parameters
    ----------
    path
        The archive.
    to
        A new folder; an archive inside is unpacked into a folder of its name.
    plass
        What is left for this and further archives; what is unpacked is taken off.
    navn
        What the archive is called in messages.
    dypere
        Whether archives inside are unpacked.

    Raises
    ------
    SourceError
        Naming the archive, when it is damaged, encrypted, too large, or has entries that lead outside the folder.
    """
    try:
        with _Archive(path, navn) as file, zipfile.ZipFile(file) as archive:
            file.is_open = True
            entries = _wanted(archive, navn, plass)
            for entry, name in entries:
                _write(archive, entry, to / name)
    except SourceError:
        raise
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError) as error:
        raise SourceError(
            f"{navn}: damaged, or not yet whole: no zip archive that can be unpacked ({_short(error)}). Get it anew."
        ) from None
    except NotImplementedError as error:
        raise SourceError(
            f"{navn}: packed in a way that cannot be read ({_short(error)}). Pack it as plain zip."
        ) from None
    except OSError as error:
        raise SourceError(f"{navn}: cannot be unpacked ({error.strerror or error}).") from None
    if not entries:
        raise SourceError(f"{navn}: an empty archive. Get it anew.")
    for _, name in entries:
        if name.suffix.lower() == ".zip":
            _deeper(to / name, plass=plass, navn=f"{navn}/{name}", allowed=dypere)


class _Archive(io.FileIO):
    """The file of an archive, whose list of files is refused before it is taken apart when it is too long."""

    def __init__(self, path: Path, navn: str) -> None:
        super().__init__(path)
        self.navn = navn
        self.is_open = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes; raise `SourceError` for a list of files without measure."""
        if not self.is_open and size is not None and size > MAX_DIRECTORY:
            raise SourceError(f"{self.navn}: a list of files of {size} bytes, more than {MAX_DIRECTORY}. Divide it.")
        data: bytes = super().read(-1 if size is None else size)
        if not self.is_open and data.count(ENTRY) > MAX_ENTRIES:
            raise SourceError(
                f"{self.navn}: {data.count(ENTRY)} files in one archive, more than {MAX_ENTRIES}. Divide it."
            )
        return data


def _deeper(path: Path, *, plass: Plass, navn: str, allowed: bool) -> None:
    if not allowed:
        raise SourceError(f"{navn}: a zip in a zip in a zip. Unpack it, and give the files themselves.")
    inner = path.with_name(f"{path.name}.packed")
    path.rename(inner)
    unpack(inner, path, plass=plass, navn=navn, dypere=False)
    inner.unlink()


def _wanted(archive: zipfile.ZipFile, navn: str, plass: Plass) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Return the files of an archive and where each goes.

    Raises
    ------
    SourceError
        When one must not be unpacked, or all together are too many or too large.
    """
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise SourceError(f"{navn}: {len(entries)} files in one archive, more than {MAX_ENTRIES}. Divide it.")
    found: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
    taken: set[str] = set()
    for entry in entries:
        name = _inside(entry, navn)
        if entry.is_dir() or any(part.lower() in UNWANTED for part in name.parts):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise SourceError(f"{navn}: {str(name)!r} is a link to another file. Pack the file itself.")
        if entry.flag_bits & ENCRYPTED:
            raise SourceError(f"{navn}: protected by a password. Unpack it, and give the files themselves.")
        if str(name).casefold() in taken:
            raise SourceError(f"{navn}: {str(name)!r} stands in it twice. Pack it anew.")
        taken.add(str(name).casefold())
        found.append((entry, name))
    total = sum(entry.file_size for entry, _ in found)
    if total > plass.bytes_igjen:
        raise SourceError(
            f"{navn}: {total} bytes unpacked, more than the {plass.bytes_igjen} that are left of what one source may "
            "bring ([hent] maks_bytes of config/regler.toml). Take only what is needed, or raise the limit."
        )
    plass.bytes_igjen -= total
    return found


def _inside(entry: zipfile.ZipInfo, navn: str) -> PurePosixPath:
    """Return the path of an entry below the folder.

    Raises
    ------
    SourceError
        When it leads elsewhere.
    """
    text = entry.filename
    if not entry.flag_bits & UTF8_NAMES and not text.isascii():
        raw = text.encode("cp437", errors="replace")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode(DOS_NAMES)
    text = unicodedata.normalize("NFC", text.replace("\\", "/"))
    name = PurePosixPath(text)
    if not name.parts or name.is_absolute() or ".." in name.parts or re.match(r"[A-Za-z]:", text):
        raise SourceError(
            f"{navn}: an entry leads outside the archive ({text[:80]!r}). Do not use it; ask for another."
        )
    if not text.isprintable() or max(len(part.encode()) for part in name.parts) > MAX_NAME:
        raise SourceError(f"{navn}: an entry has a name that no file can have ({text[:80]!r}). Pack it anew.")
    return name


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, path.open("xb") as file:
        while chunk := packed.read(CHUNK):  # never more than the archive's list says
            file.write(chunk)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
