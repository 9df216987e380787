"""The folder of the backups of one base: geodata/backup/<base id>/, for its owner's eyes alone.

    20260725T021500000000Z/            one backup; manifest.json in it was written last
        schema.json                    tables and fields as Airtable answers them
        tbl….jsonl.gz                  a record a line, oldest first, fields by field id
        vedlegg.jsonl.gz               an attachment a line: id, size, sha256
        manifest.json                  what belongs to it, with sizes and digests
    vedlegg/3f/3f…                     bytes of attachments by their sha256, shared by all backups
    gjenoppretting-<base id>.jsonl     what a restore into that base has made

A backup is written in a folder whose name begins with a dot and is renamed when it is whole and on the disk. It holds
owners and contacts: nothing of its content stands in logs and errors.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from config.settings import BASE_ID
from tasks.errors import BackupError, StoreError, TomtError
from tasks.store import MOMENT, Geodata

MANIFEST, SKJEMA, VEDLEGG = "manifest.json", "schema.json", "vedlegg.jsonl.gz"
DATED = re.compile(r"\d{8}T\d{12}Z", re.ASCII)
LEFTOVER = re.compile(r"\.\d{8}T\d{12}Z\.tmp", re.ASCII)
LOOSE = re.compile(r"\.[0-9a-f-]{1,80}\.tmp", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
PART = 2**20


class Mappe:
    """The folder of the backups of one base.

    Raises
    ------
    BackupError
        For what is no id of a base.
    """

    def __init__(self, geodata: Geodata, base_id: str) -> None:
        if BASE_ID.fullmatch(base_id) is None:
            raise BackupError("The base has no id that a folder can be called by: it begins with app.")
        self.path = geodata.root / "backup" / base_id
        self.vedlegg = Vedleggslager(self.path / "vedlegg")

    def dated(self) -> list[Path]:
        """Return the folders of backups, whole or damaged, oldest first."""
        try:
            return sorted(p for p in self.path.iterdir() if DATED.fullmatch(p.name) and p.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise refused(error, self.path) from None

    def others(self) -> list[tuple[str, datetime]]:
        """Return the folders of other bases, and when the newest backup in each was begun, or it was last changed."""
        found = []
        with suppress(OSError):  # what cannot be read there hinders no backup here
            for path in sorted(self.path.parent.iterdir()):
                if path != self.path and BASE_ID.fullmatch(path.name) and path.is_dir():
                    times = [moment_of(p) for p in path.iterdir() if DATED.fullmatch(p.name)]
                    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    found.append((path.name, max(times, default=changed)))
        return found

    def clean(self) -> None:
        """Remove what backups that ended midway have left; only while the lock of the base is held."""
        with suppress(FileNotFoundError):
            for path in self.path.iterdir():
                if LEFTOVER.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
        self.vedlegg.clean()

    @contextmanager
    def new(self, moment: datetime) -> Iterator[Path]:
        """Yield a folder to write a backup into; it becomes one when the block ends without an error.

        Raises
        ------
        StoreError
            When the disk refuses; nothing is left then that could be taken for a backup.
        """
        name = moment.astimezone(UTC).strftime(MOMENT) + "Z"
        temporary = self.path / f".{name}.tmp"
        try:
            make_folder(self.path.parent)
            make_folder(self.path)
            temporary.mkdir(mode=0o700)
            yield temporary
            to_disk(temporary)
            os.rename(temporary, self.path / name)
            to_disk(self.path)
        except OSError as error:
            if isinstance(error, TomtError):
                raise
            raise refused(error, temporary) from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def remove(self, folder: Path) -> None:
        """Remove one backup; under another name first, so that a half removed one is none."""
        temporary = folder.with_name(f".{folder.name}.tmp")
        try:
            os.rename(folder, temporary)
        except OSError as error:
            raise refused(error, folder) from None
        shutil.rmtree(temporary, ignore_errors=True)


class Vedleggslager:
    """Bytes of attachments, named by their sha256."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, sha256: str) -> Path:
        """Return where the bytes of a digest lie, or would.

        Raises
        ------
        BackupError
            For what is no digest.
        """
        if SHA256.fullmatch(sha256) is None:
            raise BackupError("An attachment is named by something else than a sha256.")
        return self.path / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Return True when a file of this name and size is there."""
        try:
            return self.of(sha256).stat().st_size == size
        except OSError:
            return False

    @contextmanager
    def new(self, key: str) -> Iterator[BinaryIO]:
        """Yield a file to write bytes into; `keep` gives it its name, and without that it is gone after the block."""
        path = self._temporary(key)
        make_folder(self.path)
        try:
            with open_new(path) as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def keep(self, key: str, sha256: str) -> None:
        """Give the file of `new`, which is written and on the disk, its name."""
        path = self.of(sha256)
        make_folder(path.parent)
        os.replace(self._temporary(key), path)
        to_disk(path.parent)

    def _temporary(self, key: str) -> Path:
        return self.path / f".{hashlib.sha256(key.encode()).hexdigest()}.tmp"

    def clean(self) -> None:
        """Remove files that were never given a name."""
        with suppress(FileNotFoundError):
            for path in self.path.iterdir():
                if LOOSE.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def prune(self, needed: Iterable[str]) -> int:
        """Remove the files that no backup refers to, and return how many."""
        wanted, removed = set(needed), 0
        for path in self.path.glob("??/*"):
            if SHA256.fullmatch(path.name) and path.parent.name == path.name[:2] and path.name not in wanted:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def moment_of(folder: Path) -> datetime:
    """Return when a backup was begun, by the name of its folder."""
    return datetime.strptime(folder.name.removesuffix("Z"), MOMENT).replace(tzinfo=UTC)


def open_new(path: Path) -> BinaryIO:
    """Open a file that is not there yet, for its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading that is a plain one, and no link to another place.

    Raises
    ------
    BackupError
        Naming it, and what is wrong with it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise BackupError(f"{path}: is missing.") from None
    except OSError as error:
        reason = "is a link, which is not followed" if error.errno == errno.ELOOP else error.strerror
        raise BackupError(f"{path}: {reason}.") from None
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise BackupError(f"{path}: is no plain file.")
    return file


def digest_of(path: Path) -> tuple[int, str]:
    """Return size and sha256 of a plain file."""
    digest, size = hashlib.sha256(), 0
    with open_plain(path) as file:
        while part := file.read(PART):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, and those above it as usual."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is not there yet through to the disk."""
    with open_new(path) as file:
        file.write(data)
        flush(file)


def flush(file: BinaryIO) -> None:
    """Wait until what was written has reached the disk."""
    file.flush()
    os.fsync(file.fileno())


def to_disk(folder: Path) -> None:
    """Wait until the names in a folder have reached the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refused(error: OSError, path: Path) -> StoreError:
    """Return what the disk refused as an error that says what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(f"{path}: no space left on the disk. Free some, or point TOMT_GEODATA elsewhere.")
    return StoreError(f"{path}: {error.strerror or type(error).__name__}. Check the folder and its permissions.")
