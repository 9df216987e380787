"""Files under geodata/: raw snapshots (append-only, with provenance), core and out frames (replaced whole).

    innboks/<kommunenummer>/                            plan files that a person has put there
    raw/<source>/<kommunenummer>/<UTC time>.parquet     as answered; attrs["provenance"] says where from
    raw/<source>/<kommunenummer>/svar.json              what a source of context said last, and when
    raw/<source>/0000/                                  files of the whole country, which all kommuner share
    raw/<source>/<kommunenummer>/holdt/                 answers held back until a person has looked at them
    raw/ssb/, raw/klass/, raw/valgresultat/             answers of the statistics services (sandbox: raw/sandkasse/)
    raw/salgskommuner/<base>.parquet                    what sales has marked of the kommuner (sandbox: raw/sandkasse/)
    core/<noun>/<kommunenummer>.parquet                 cleaned input of the land engine; core/statistikk: figures
    out/<noun>/<kommunenummer>.parquet                  results; out/tomter holds the persisted ids
    out/kommunescorer/<profil>.parquet                  the ranking of the kommuner; its months in kommunehistorikk
    minne/<kommunenummer>.parquet                       what the last land run read and found; saves time

Every file is written beside its place and moved there, so that a reader sees the old or the new one, never half.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import geopandas as gpd
import pandas as pd
from shapely.errors import GEOSException

from tasks.answer import Provenance
from tasks.contracts import Contract
from tasks.crs import STORAGE_CRS, STORAGE_EPSG
from tasks.errors import BusyError, StoreError

Layer = Literal["core", "out"]

SEEN, HELD, REJECTED = "sett.json", "holdt", "Z.avvist"
MOMENT = "%Y%m%dT%H%M%S%f"
CLOCKS_DIFFER = timedelta(hours=1)

MIN_FREE_BYTES = 200_000_000
"""A run of the largest kommune leaves well under this; less free space is refused before anything starts."""


class Seen(NamedTuple):
    """When a source last said that a snapshot is what it has, and when it says that its copy was made (ISO date)."""

    tid: datetime
    kopidato: str | None


class Writable(Protocol):
    """What can write itself as a snapshot."""

    def write(self, path: Path, provenance: Provenance) -> None:
        """Write GeoParquet with its provenance."""


class Geodata:
    """The folder geodata/ and what lies in it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def ensure_usable(self) -> None:
        """Create the folder and check that it can be written and has space.

        Raises
        ------
        StoreError
            Naming the folder and what to do.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".write-test-{os.getpid()}"
            probe.write_bytes(b"x")
            probe.unlink()
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise _store_error(error, self.root) from error
        if free < MIN_FREE_BYTES:
            raise StoreError(
                f"{self.root}: {free / 1e6:.0f} MB free, {MIN_FREE_BYTES / 1e6:.0f} MB are needed. "
                "Free some space or point TOMT_GEODATA elsewhere."
            )

    # --- raw ---

    def keep(self, answer: Writable, kommunenummer: str, provenance: Provenance) -> Path:
        """Keep an answer as the newest good snapshot; what was held back until now is out of date and goes.

        Raises
        ------
        StoreError
            When the disk refuses.
        """
        path = self.raw_folder(provenance.kilde, kommunenummer) / f"{_moment(provenance)}.parquet"
        _write_whole(path, lambda temporary: answer.write(temporary, provenance))
        self.drop_held(provenance.kilde, kommunenummer)
        for rejected in (path.parent / HELD).glob(f"*{REJECTED}"):  # of what was then: another answer is another matter
            rejected.unlink(missing_ok=True)
        moment = datetime.fromisoformat(provenance.hentet_tid)
        self.confirm(provenance.kilde, kommunenummer, moment, kopidato=provenance.kopidato)
        return path

    def raw_folder(self, kilde: str, kommunenummer: str) -> Path:
        """Return where the snapshots of a source lie."""
        return self.root / "raw" / kilde / kommunenummer

    def latest(self, kilde: str, kommunenummer: str) -> Path | None:
        """Return the newest good snapshot of a source, or None."""
        # A clock that was ahead once must not make a snapshot the newest one for years.
        limit = (datetime.now(UTC) + CLOCKS_DIFFER).strftime(MOMENT)
        files = sorted(p for p in self.raw_folder(kilde, kommunenummer).glob("*Z.parquet") if p.name < limit)
        return files[-1] if files else None

    def set_aside(self, path: Path) -> None:
        """Rename a damaged snapshot, so that it is none; a person may look at it."""
        with suppress(OSError):
            os.replace(path, path.with_name(f"{path.name}.skadet"))

    def confirm(self, kilde: str, kommunenummer: str, moment: datetime, *, kopidato: str | None = None) -> None:
        """Remember that the source has just said that its newest good snapshot is what it has."""
        said = json.dumps({"tid": moment.isoformat(), "kopidato": kopidato})
        path = self.raw_folder(kilde, kommunenummer) / SEEN
        _write_whole(path, lambda temporary: temporary.write_text(said, encoding="ascii"))

    def seen(self, kilde: str, kommunenummer: str) -> Seen:
        """Return when the source last said that its newest good snapshot is what it has.

        Raises
        ------
        StoreError
            When there is no snapshot.
        """
        last = self.latest(kilde, kommunenummer)
        if last is None:
            raise StoreError(f"{self.raw_folder(kilde, kommunenummer)}: no snapshot. Run `tomt run {kommunenummer}`.")
        kept = self.provenance(last)
        fetched = Seen(datetime.fromisoformat(kept.hentet_tid), kept.kopidato)
        with suppress(OSError, ValueError, KeyError, TypeError):  # of a geodata older than the file, or copied without
            said = json.loads((last.parent / SEEN).read_text(encoding="ascii"))
            later = Seen(datetime.fromisoformat(said["tid"]), said["kopidato"])
            if fetched.tid < later.tid < datetime.now(UTC) + CLOCKS_DIFFER:
                return later
        return fetched

    def prune(self, kilde: str, kommunenummer: str, *, antall: int, dager: int) -> list[Path]:
        """Remove old snapshots of a source: all but the newest `antall` and those of the last `dager` days.

        Returns
        -------
        list of Path
            What was removed.
        """
        files = sorted(self.raw_folder(kilde, kommunenummer).glob("*Z.parquet"))
        limit = (datetime.now(UTC) - timedelta(days=dager)).strftime(MOMENT)
        old = [path for path in files[:-antall] if path.name < limit]
        for path in old:
            path.unlink(missing_ok=True)
        return old

    # --- held back ---

    def hold(self, answer: Writable, kommunenummer: str, provenance: Provenance) -> Path | None:
        """Keep an answer apart until a person has looked at it; None when a person has rejected the same content."""
        folder = self.raw_folder(provenance.kilde, kommunenummer) / HELD
        for path in [*folder.glob("*Z.parquet"), *folder.glob(f"*{REJECTED}")]:
            if self.provenance(path).sha256 == provenance.sha256:
                return None if path.name.endswith(REJECTED) else path
        for path in folder.glob("*Z.parquet"):  # of an earlier answer: the source now says something else
            path.unlink(missing_ok=True)
        path = folder / f"{_moment(provenance)}.parquet"
        _write_whole(path, lambda temporary: answer.write(temporary, provenance))
        return path

    def held(self, kilde: str, kommunenummer: str) -> Path | None:
        """Return the answer of a source that waits for a person, or None."""
        files = self._held_files(kilde, kommunenummer)
        return files[-1] if files else None

    def drop_held(self, kilde: str, kommunenummer: str) -> None:
        """Remove what is held back: the source no longer says so."""
        for path in self._held_files(kilde, kommunenummer):
            path.unlink(missing_ok=True)

    def approve_held(self, kilde: str, kommunenummer: str) -> Path:
        """Make the answer that is held back, or else the one that was rejected last, the newest good snapshot.

        Raises
        ------
        StoreError
            When nothing is held back.
        """
        folder = self.raw_folder(kilde, kommunenummer)
        rejected = sorted((folder / HELD).glob(f"*{REJECTED}"))
        if self.held(kilde, kommunenummer) is None and rejected:
            path = rejected[-1]
        else:
            path = self._require_held(kilde, kommunenummer)
        kept = self.provenance(path)
        target = folder / f"{path.name.partition('Z.')[0]}Z.parquet"
        os.replace(path, target)
        self.confirm(kilde, kommunenummer, datetime.fromisoformat(kept.hentet_tid), kopidato=kept.kopidato)
        return target

    def reject_held(self, kilde: str, kommunenummer: str) -> Path:
        """Set the answer that is held back aside: the same content is not brought up again.

        Raises
        ------
        StoreError
            When nothing is held back.
        """
        path = self._require_held(kilde, kommunenummer)
        target = path.with_name(path.name.removesuffix(".parquet") + REJECTED)
        os.replace(path, target)
        return target

    def _held_files(self, kilde: str, kommunenummer: str) -> list[Path]:
        return sorted((self.raw_folder(kilde, kommunenummer) / HELD).glob("*Z.parquet"))

    def _require_held(self, kilde: str, kommunenummer: str) -> Path:
        path = self.held(kilde, kommunenummer)
        if path is None:
            raise StoreError(f"{kilde} {kommunenummer}: nothing is held back. `tomt sources {kommunenummer}` tells.")
        return path

    def provenance(self, path: Path) -> Provenance:
        """Return where a raw snapshot came from; reads the foot of the file alone."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            attrs = json.loads((pq.read_schema(path).metadata or {})[b"PANDAS_ATTRS"])
            return Provenance(**attrs["provenance"])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise _damaged(path, error) from error

    # --- the inbox, core and out ---

    def inbox(self, kommunenummer: str) -> Path:
        """Return where a person puts plan files of a kommune; it may not exist."""
        return self.root / "innboks" / kommunenummer

    def memory_path(self, kommunenummer: str) -> Path:
        """Return where the memory of the land run lies: it may be deleted at the cost of time and of causes."""
        return self.root / "minne" / f"{kommunenummer}.parquet"

    def path(self, layer: Layer, contract: Contract, kommunenummer: str) -> Path:
        """Return where a frame of this contract lies."""
        return self.root / layer / contract.name / f"{kommunenummer}.parquet"

    def write(self, frame: pd.DataFrame, kommunenummer: str, *, layer: Layer, contract: Contract) -> Path:
        """Check a frame against its contract and replace the file.

        Raises
        ------
        ContractError
            When the frame breaks the contract; the file stays as it was.
        StoreError
            When the disk refuses.
        """
        contract.check(frame)
        path = self.path(layer, contract, kommunenummer)
        write_parquet(frame, path)
        return path

    def read(self, kommunenummer: str, *, layer: Layer, contract: Contract) -> pd.DataFrame | None:
        """Return a frame, or None when it was never written."""
        path = self.path(layer, contract, kommunenummer)
        if not path.exists():
            return None
        frame = _plain_values(read_parquet(path), contract)
        contract.check(frame)
        return frame

    def attributes(self, kommunenummer: str, *, layer: Layer, contract: Contract) -> pd.DataFrame | None:
        """Return a frame without its geometry, which is most of what it weighs; None when it was never written.

        It was checked when it was written, and is not checked again.
        """
        path = self.path(layer, contract, kommunenummer)
        if not path.exists():
            return None
        return _plain_values(read_parquet(path, columns=list(contract.columns)), contract)

    def shapes(self, kommunenummer: str, *, layer: Layer, contract: Contract) -> gpd.GeoDataFrame | None:
        """Return the key and the geometry of a frame alone, not checked again; None when it was never written."""
        path = self.path(layer, contract, kommunenummer)
        return read_parquet(path, columns=[*contract.key, "geometry"]) if path.exists() else None

    # --- locks ---

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock shared by the processes of this machine; it is freed even when the holder is killed.

        Raises
        ------
        BusyError
            When another run holds it.
        """
        path = self.root / "locks" / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("a")
        except OSError as error:
            raise _store_error(error, path) from error
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(f"Another run works on {name}. Wait until it is done, then try again.") from None
            yield


def write_parquet(frame: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write (Geo)Parquet through a temporary file in the same folder, safe from a loss of power once it returns.

    Parameters
    ----------
    options
        Of the Parquet writer.

    Raises
    ------
    StoreError
        When the disk is full or refuses; the file at `path` stays as it was.
    """
    _write_whole(path, lambda temporary: frame.to_parquet(temporary, compression="zstd", index=False, **options))


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` write beside `path`, and move what it wrote there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _to_disk(temporary)  # before the move: else the new name may stand over a file without content
        os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        raise _store_error(error, path) from error
    finally:
        with suppress(OSError):  # a folder that cannot be made or entered holds none either
            temporary.unlink(missing_ok=True)


def _moment(provenance: Provenance) -> str:
    return datetime.fromisoformat(provenance.hentet_tid).strftime(MOMENT) + "Z"


def _to_disk(path: Path) -> None:
    """Wait until a file or the names of a folder have reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain_values(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return a frame with the columns of its contract as they were before parquet: lists and None."""
    frame = contract.brought_up(frame)
    for column, kind in contract.columns.items():
        if kind in {"texts", "numbers"} and column in frame:
            frame[column] = [list(v) for v in frame[column]]  # parquet gives arrays
        elif kind == "text" and column in frame:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def read_parquet(path: Path, *, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read a frame, with geometry when the file has one.

    Parameters
    ----------
    columns
        Only these, of those that the file has; None reads everything.

    Raises
    ------
    StoreError
        When the file is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        wanted = None if columns is None else [c for c in pq.read_schema(path).names if c in columns]
        table = pq.read_table(path, columns=wanted)
        geo = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
        frame: pd.DataFrame = table.to_pandas()
        if (
            geo and geo["primary_column"] in frame
        ):  # as geopandas does, but for the CRS, whose reading takes longer than that of the rest
            name = geo["primary_column"]
            crs = geo["columns"][name]["crs"]
            is_ours = (crs.get("id") or {}).get("code") == STORAGE_EPSG
            shapes = gpd.GeoSeries.from_wkb(frame[name], crs=STORAGE_CRS if is_ours else crs)
            frame = gpd.GeoDataFrame(frame.assign(**{name: shapes}), geometry=name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, pa.ArrowException, GEOSException) as error:
        raise _damaged(path, error) from error
    return frame


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path}: cannot be read ({type(error).__name__}). Move it away and run again.")


def _store_error(error: OSError, path: Path) -> StoreError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(f"{path}: no space left on the disk. Free some, or point TOMT_GEODATA elsewhere.")
    return StoreError(f"{path}: {error.strerror or error}. Check the folder and its permissions, or set TOMT_GEODATA.")
